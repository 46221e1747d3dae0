/**
 * A terminal as programs see it: settings that start as Linux's and are remembered. The host's terminal keeps its own mode, so what a
 * program sets changes nothing there.
 */
import { INIT_C_CC, INIT_FLAGS, TERMIOS, TERMIOS_CC, WINSIZE } from '#abi/termios.ts';

export class Terminal {
  /** struct termios. */
  termios: Uint8Array;
  windowSize: Uint8Array;
  /** Foreground process group; 0: nobody has asked or set it yet, then the asker's own. */
  foregroundGroup = 0;
  /** Session whose controlling terminal it is; 0: none has taken it. */
  session = 0;

  constructor(rows: number, columns: number) {
    this.termios = TERMIOS.encode(INIT_FLAGS);
    this.termios.set(INIT_C_CC, TERMIOS_CC);
    this.windowSize = WINSIZE.encode({ ws_row: rows, ws_col: columns });
  }
}
