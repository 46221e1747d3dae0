/** Pseudoterminals (pty(7)): /dev/ptmx makes a master, /dev/pts/N is its slave; between them the line discipline (termios(3)). */
import { ERRNO } from '#abi/errno.ts';
import { S, makeDevice } from '#abi/fs.ts';
import { POLL } from '#abi/poll.ts';
import { SIG } from '#abi/signals.ts';
import { C_CC, C_IFLAG, C_LFLAG, C_OFLAG, TERMIOS, TERMIOS_CC, TIOCPKT } from '#abi/termios.ts';
import { FileDescription, type Transfer } from './file-description.ts';
import type { Node } from './node.ts';
import { type PseudoDirectory, PseudoNode, type PseudoTree } from './pseudo.ts';
import { Terminal } from './terminal.ts';
import { waitFor } from './wait.ts';

/** What a pty needs of the kernel. */
export interface PtyKernel {
  readonly monotonicNs: () => bigint;
  readonly signalGroup: (pgid: number, signal: number) => void;
  /** The current task's wish to have this terminal as its controlling one (open without O_NOCTTY). */
  readonly opened: (node: PtySlaveNode, flags: number) => void;
}

const NL = 10;
const CR = 13;
/** Bytes that wait in one direction, as Linux's N_TTY_BUF_SIZE and the flip buffer together hold about. */
const LIMIT = 65536;
const DISABLED = 0;

class Queue {
  private parts: Uint8Array[] = [];
  length = 0;

  push(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.parts.push(bytes.slice());
    this.length += bytes.length;
  }
  take(into: Uint8Array): number {
    let n = 0;
    while (n < into.length) {
      const [first] = this.parts;
      if (first === undefined) break;
      const part = first.subarray(0, into.length - n);
      into.set(part, n);
      n += part.length;
      if (part.length === first.length) this.parts.shift();
      else this.parts[0] = first.subarray(part.length);
    }
    this.length -= n;
    return n;
  }
  clear(): void {
    this.parts = [];
    this.length = 0;
  }
}

/** One pair. */
export class Pty {
  readonly number: number;
  readonly terminal = new Terminal(0, 0);
  private readonly kernel: PtyKernel;
  /** What the master reads: the program's output and echoes. */
  readonly output = new Queue();
  /** Finished lines for the slave, each ending where a read must end; an empty one is an end of file. */
  private lines: Uint8Array[] = [];
  /** Input without ICANON. */
  private readonly raw = new Queue();
  /** The line that is being typed. */
  private editing: number[] = [];
  locked = true;
  masterOpen = true;
  slaves = 0;
  slaveOpened = false;
  activity = 0;
  /** TIOCPKT: the master's reads begin with a byte that says what they are. */
  packet = false;
  /** TIOCPKT bits that the master has not read yet. */
  packetStatus = 0;

  constructor(number: number, kernel: PtyKernel) {
    this.number = number;
    this.kernel = kernel;
  }

  private flag(name: 'c_iflag' | 'c_oflag' | 'c_lflag', bit: number): boolean {
    return (TERMIOS.get(this.terminal.termios, name) & bit) !== 0;
  }
  private key(index: number): number {
    return this.terminal.termios[TERMIOS_CC + index] as number;
  }

  /** Bytes typed at the master: signals, editing, echo. */
  type(bytes: Uint8Array): void {
    this.activity++;
    for (const byte of bytes) this.typeOne(byte);
  }
  private typeOne(typed: number): void {
    let c = typed;
    if (c === CR) {
      if (this.flag('c_iflag', C_IFLAG.IGNCR)) return;
      if (this.flag('c_iflag', C_IFLAG.ICRNL)) c = NL;
    } else if (c === NL && this.flag('c_iflag', C_IFLAG.INLCR)) c = CR;
    if (this.flag('c_lflag', C_LFLAG.ISIG) && c !== DISABLED) {
      const signals = [
        [C_CC.VINTR, SIG.SIGINT],
        [C_CC.VQUIT, SIG.SIGQUIT],
        [C_CC.VSUSP, SIG.SIGTSTP],
      ] as const;
      for (const [index, signal] of signals) {
        if (c !== this.key(index)) continue;
        if (!this.flag('c_lflag', C_LFLAG.NOFLSH)) this.flushInput();
        this.echo(c);
        if (this.terminal.foregroundGroup !== 0) this.kernel.signalGroup(this.terminal.foregroundGroup, signal);
        return;
      }
    }
    if (!this.flag('c_lflag', C_LFLAG.ICANON)) {
      this.raw.push(Uint8Array.of(c));
      this.echo(c);
      return;
    }
    if (c !== DISABLED && c === this.key(C_CC.VERASE)) this.erase(1);
    else if (c !== DISABLED && c === this.key(C_CC.VKILL)) this.erase(this.editing.length);
    else if (c !== DISABLED && c === this.key(C_CC.VWERASE) && this.flag('c_lflag', C_LFLAG.IEXTEN)) this.erase(this.wordLength());
    else if (c !== DISABLED && c === this.key(C_CC.VEOF)) this.finishLine();
    else {
      this.editing.push(c);
      if (c === NL || (c !== DISABLED && c === this.key(C_CC.VEOL))) {
        if (this.flag('c_lflag', C_LFLAG.ECHO | C_LFLAG.ECHONL)) this.print(Uint8Array.of(c));
        this.finishLine();
      } else this.echo(c);
    }
  }
  private finishLine(): void {
    this.lines.push(Uint8Array.from(this.editing));
    this.editing = [];
  }
  private erase(count: number): void {
    for (let i = 0; i < count; i++) {
      const gone = this.editing.pop();
      if (gone === undefined) return;
      if (!this.flag('c_lflag', C_LFLAG.ECHO)) continue;
      const width = gone < 0x20 && this.flag('c_lflag', C_LFLAG.ECHOCTL) ? 2 : 1;
      for (let j = 0; j < width; j++) this.output.push(Uint8Array.of(8, 0x20, 8));
    }
  }
  private wordLength(): number {
    let n = this.editing.length;
    while (n > 0 && this.editing[n - 1] === 0x20) n--;
    while (n > 0 && this.editing[n - 1] !== 0x20) n--;
    return this.editing.length - n;
  }
  private echo(c: number): void {
    if (!this.flag('c_lflag', C_LFLAG.ECHO)) return;
    if ((c < 0x20 && c !== NL && c !== 9 && c !== CR) || c === 0x7f) {
      if (this.flag('c_lflag', C_LFLAG.ECHOCTL)) this.output.push(Uint8Array.of(0x5e, c ^ 0x40));
      else this.output.push(Uint8Array.of(c));
    } else this.print(Uint8Array.of(c));
  }
  flushInput(): void {
    this.lines = [];
    this.editing = [];
    this.raw.clear();
    this.tell(TIOCPKT.FLUSHREAD, 0);
  }
  flushOutput(): void {
    this.output.clear();
    this.tell(TIOCPKT.FLUSHWRITE, 0);
  }
  /** The slave's settings. In packet mode the master hears when ^S and ^Q begin or cease to stop output. drivers/tty/pty.c pty_set_termios. */
  setTermios(termios: Uint8Array): void {
    const before = this.stopsAtCtrlS;
    this.terminal.termios = termios;
    const now = this.stopsAtCtrlS;
    if (now && !before) this.tell(TIOCPKT.DOSTOP, TIOCPKT.NOSTOP);
    else if (before && !now) this.tell(TIOCPKT.NOSTOP, TIOCPKT.DOSTOP);
  }
  private get stopsAtCtrlS(): boolean {
    return this.flag('c_iflag', C_IFLAG.IXON) && this.key(C_CC.VSTOP) === 0x13 && this.key(C_CC.VSTART) === 0x11;
  }
  private tell(bits: number, instead: number): void {
    if (!this.packet) return;
    this.packetStatus = (this.packetStatus & ~instead) | bits;
    this.activity++;
  }
  setPacketMode(on: boolean): void {
    if (on && !this.packet) this.packetStatus = 0;
    this.packet = on;
  }

  /** Output of the program, processed. */
  print(bytes: Uint8Array): void {
    this.activity++;
    const both = this.flag('c_oflag', C_OFLAG.OPOST) && this.flag('c_oflag', C_OFLAG.ONLCR);
    this.output.push(both ? Uint8Array.from([...bytes].flatMap((b) => (b === NL ? [CR, NL] : [b]))) : bytes);
  }

  get inputLength(): number {
    return this.raw.length + (this.lines[0]?.length ?? 0);
  }
  /** A slave's read would not wait. */
  get inputReady(): boolean {
    if (this.flag('c_lflag', C_LFLAG.ICANON)) return this.lines.length > 0;
    return this.raw.length >= Math.max(1, this.key(C_CC.VMIN)) || this.lines.length > 0;
  }
  readInput(into: Uint8Array): number {
    const [line] = this.lines;
    if (line !== undefined) {
      const part = line.subarray(0, into.length);
      into.set(part);
      if (part.length === line.length) this.lines.shift();
      else this.lines[0] = line.subarray(part.length);
      return part.length;
    }
    return this.raw.take(into);
  }
  /** VMIN 0: how long a read waits, in ns; undefined: until there is something. */
  get readTimeoutNs(): bigint | undefined {
    if (this.flag('c_lflag', C_LFLAG.ICANON) || this.key(C_CC.VMIN) > 0) return undefined;
    return BigInt(this.key(C_CC.VTIME)) * 100_000_000n;
  }
  hangUp(): void {
    this.masterOpen = false;
    this.activity++;
    if (this.terminal.foregroundGroup === 0) return;
    this.kernel.signalGroup(this.terminal.foregroundGroup, SIG.SIGHUP);
    this.kernel.signalGroup(this.terminal.foregroundGroup, SIG.SIGCONT);
  }
}

export class PtyMaster extends FileDescription {
  readonly pty: Pty;
  readonly slave: PtySlaveNode;
  private readonly gone: () => void;

  constructor(node: Node, flags: number, slave: PtySlaveNode, gone: () => void) {
    super(node, flags);
    this.pty = slave.pty;
    this.slave = slave;
    this.gone = gone;
  }
  protected override closed(): void {
    this.pty.hangUp();
    this.gone();
  }
  override get terminal(): Terminal {
    return this.pty.terminal;
  }
  private get slavesGone(): boolean {
    return this.pty.slaveOpened && this.pty.slaves === 0;
  }
  private get news(): boolean {
    return this.pty.packet && this.pty.packetStatus !== 0;
  }
  override read(into: Uint8Array): Transfer {
    const { pty } = this;
    const { output } = pty;
    if (into.length > 0 && this.news) {
      into[0] = pty.packetStatus;
      pty.packetStatus = 0;
      pty.activity++;
      return 1;
    }
    if (output.length > 0) {
      pty.activity++;
      if (!pty.packet || into.length === 0) return output.take(into);
      into[0] = TIOCPKT.DATA;
      return 1 + output.take(into.subarray(1));
    }
    if (this.slavesGone) return -ERRNO.EIO;
    return this.nonBlocking ? -ERRNO.EAGAIN : waitFor('read from a terminal', () => output.length > 0 || this.news || this.slavesGone);
  }
  override write(from: Uint8Array): Transfer {
    this.pty.type(from);
    return from.length;
  }
  override get readsOnce(): boolean {
    return true;
  }
  override available(): number {
    return this.pty.output.length;
  }
  override get activity(): number {
    return this.pty.activity;
  }
  override poll(): number {
    let events: number = POLL.OUT | POLL.WRNORM;
    if (this.pty.output.length > 0) events |= POLL.IN | POLL.RDNORM;
    if (this.news) events |= POLL.PRI | POLL.IN | POLL.RDNORM;
    if (this.slavesGone) events |= POLL.HUP;
    return events;
  }
}

/** /dev/pts/N. */
export class PtySlaveNode extends PseudoNode {
  readonly pty: Pty;
  private readonly kernel: PtyKernel;

  constructor(tree: PseudoTree, parent: Node, pty: Pty, kernel: PtyKernel) {
    super(tree, parent, String(pty.number), 0o620);
    this.pty = pty;
    this.kernel = kernel;
    this.owner = tree.owner();
  }
  override type(): number {
    return S.IFCHR;
  }
  protected override device(): number {
    return makeDevice(136, this.pty.number);
  }
  override open(flags: number): FileDescription | number {
    if (this.pty.locked || !this.pty.masterOpen) return -ERRNO.EIO;
    this.kernel.opened(this, flags);
    return new PtySlave(this, flags, this.kernel);
  }
  override chmod(): number {
    return 0;
  }
  override chown(): number {
    return 0;
  }
}

class PtySlave extends FileDescription {
  private readonly pty: Pty;
  private readonly kernel: PtyKernel;
  private deadlineNs: bigint | undefined;

  constructor(node: PtySlaveNode, flags: number, kernel: PtyKernel) {
    super(node, flags);
    this.pty = node.pty;
    this.kernel = kernel;
    this.pty.slaves++;
    this.pty.slaveOpened = true;
  }
  protected override closed(): void {
    this.pty.slaves--;
    this.pty.activity++;
  }
  override get terminal(): Terminal {
    return this.pty.terminal;
  }
  override read(into: Uint8Array): Transfer {
    const { pty } = this;
    const ready = (): boolean => pty.inputReady || !pty.masterOpen;
    if (pty.inputReady) {
      this.deadlineNs = undefined;
      pty.activity++;
      return pty.readInput(into);
    }
    if (!pty.masterOpen) return 0;
    const timeout = pty.readTimeoutNs;
    if (timeout !== undefined) {
      this.deadlineNs ??= this.kernel.monotonicNs() + timeout;
      if (this.kernel.monotonicNs() >= this.deadlineNs) {
        this.deadlineNs = undefined;
        return 0;
      }
      return waitFor('read from a terminal', ready, { deadlineNs: this.deadlineNs });
    }
    return this.nonBlocking ? -ERRNO.EAGAIN : waitFor('read from a terminal', ready);
  }
  override write(from: Uint8Array): Transfer {
    const { pty } = this;
    if (!pty.masterOpen) return -ERRNO.EIO;
    if (pty.output.length >= LIMIT) {
      return this.nonBlocking ? -ERRNO.EAGAIN : waitFor('write to a terminal', () => pty.output.length < LIMIT || !pty.masterOpen);
    }
    pty.print(from);
    return from.length;
  }
  override get readsOnce(): boolean {
    return true;
  }
  override available(): number {
    return this.pty.inputLength;
  }
  override get activity(): number {
    return this.pty.activity;
  }
  override poll(): number {
    const { pty } = this;
    if (!pty.masterOpen) return POLL.IN | POLL.RDNORM | POLL.OUT | POLL.WRNORM | POLL.ERR | POLL.HUP;
    return (pty.inputReady ? POLL.IN | POLL.RDNORM : 0) | (pty.output.length < LIMIT ? POLL.OUT | POLL.WRNORM : 0);
  }
}

/** How many may be open: below kernel.pty.max, 4096 (fs/devpts/inode.c devpts_new_index; the first mount may use the reserve). */
const PTY_MAX = 4095;

/** /dev/ptmx: every open is a new pair. */
export class PtmxNode extends PseudoNode {
  private readonly kernel: PtyKernel;
  private readonly pts: () => PseudoDirectory;
  private readonly ptsTree: PseudoTree;
  private readonly taken = new Set<number>();

  constructor(tree: PseudoTree, parent: Node, ptsTree: PseudoTree, pts: () => PseudoDirectory, kernel: PtyKernel) {
    super(tree, parent, 'ptmx', 0o666);
    this.kernel = kernel;
    this.pts = pts;
    this.ptsTree = ptsTree;
  }
  override type(): number {
    return S.IFCHR;
  }
  protected override device(): number {
    return makeDevice(5, 2);
  }
  override open(flags: number): FileDescription | number {
    const pts = this.pts();
    if (this.taken.size >= PTY_MAX) return -ERRNO.ENOSPC;
    let number = 0;
    while (this.taken.has(number) || typeof pts.lookup(String(number)) !== 'number') number++;
    this.taken.add(number);
    const slave = pts.add(new PtySlaveNode(this.ptsTree, pts, new Pty(number, this.kernel), this.kernel));
    return new PtyMaster(this, flags, slave, () => {
      this.taken.delete(number);
      pts.remove(slave);
    });
  }
}
