/**
 * A terminal as programs see it: settings that start as Linux's and are remembered. The host's terminal keeps its own mode, so what a
 * program sets changes nothing there.
 */
import { C_CFLAG, C_IFLAG, C_LFLAG, C_OFLAG, INIT_C_CC, TERMIOS, TERMIOS_CC, WINSIZE } from '#abi/termios.ts';

const sum = (flags: Readonly<Record<string, number>>): number => Object.values(flags).reduce((a, b) => a | b, 0);

export class Terminal {
  /** struct termios. */
  termios: Uint8Array;
  windowSize: Uint8Array;
  /** Foreground process group; 0: nobody has asked or set it yet, then the asker's own. */
  foregroundGroup = 0;

  constructor(rows: number, columns: number) {
    this.termios = TERMIOS.encode({ c_iflag: sum(C_IFLAG), c_oflag: sum(C_OFLAG), c_cflag: sum(C_CFLAG), c_lflag: sum(C_LFLAG) });
    this.termios.set(INIT_C_CC, TERMIOS_CC);
    this.windowSize = WINSIZE.encode({ ws_row: rows, ws_col: columns });
  }
}
