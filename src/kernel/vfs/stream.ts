/**
 * The standard streams: descriptors that the host process already has. A terminal, pipe, socket or file behind them is read and written
 * at the host's own position, so that what ran before and what runs after on the same descriptor go on where this one stopped.
 */
import { ERRNO } from '#abi/errno.ts';
import { FS_MAGIC, O, S, SEEK, ST, makeDevice } from '#abi/fs.ts';
import { POLL } from '#abi/poll.ts';
import type { Host } from '#port/host.ts';
import { FileDescription, type Transfer } from './file-description.ts';
import type { InodeTable } from './inodes.ts';
import { type FileStat, type FileSystemKind, Node } from './node.ts';
import { PIPEFS } from './pipe.ts';
import { PseudoNode, type PseudoTree } from './pseudo.ts';
import { Terminal } from './terminal.ts';
import { waitForHost } from './wait.ts';

export const DEVPTS: FileSystemKind = {
  type: 'devpts',
  source: 'devpts',
  magic: 0x1cd1,
  flags: ST.NOSUID | ST.NOEXEC | ST.VALID,
  device: 0x18,
};
export const SOCKFS: FileSystemKind = { type: 'sockfs', source: 'sockfs', magic: 0x534f_434b, flags: 0, device: 0x8 };
const STRANGE: FileSystemKind = { type: 'tmpfs', source: 'none', magic: FS_MAGIC.TMPFS, flags: 0, device: 0x1 };

/** A pipe, socket or file that the session was started with. */
export class StreamNode extends Node {
  private readonly host: Host;
  private readonly inodes: InodeTable;
  readonly fd: number;
  private readonly fileType: number;
  private readonly ino: number;

  constructor(host: Host, inodes: InodeTable, fd: number, type: number, prefix: string) {
    const ino = type === S.IFREG ? 0 : inodes.anonymous();
    const name = type === S.IFIFO ? `pipe:[${ino}]` : type === S.IFSOCK ? `socket:[${ino}]` : pathOf(host, fd, prefix);
    super(type === S.IFIFO ? PIPEFS : type === S.IFSOCK ? SOCKFS : STRANGE, undefined, name);
    this.host = host;
    this.inodes = inodes;
    this.fd = fd;
    this.fileType = type;
    this.ino = ino;
  }
  override type(): number {
    return this.fileType;
  }
  override stat(): FileStat | number {
    const stat = this.host.fstat(this.fd);
    if (typeof stat === 'number') return stat;
    if (this.fileType === S.IFREG) return this.inodes.toStat(stat);
    const { mode, uid, gid } = stat;
    const t = this.inodes.bootNs;
    const own = { dev: this.kind.device, ino: this.ino, mode, nlink: 1, uid, gid, rdev: 0, size: 0, blksize: 4096, blocks: 0 };
    return { ...own, atimeNs: t, mtimeNs: t, ctimeNs: t };
  }
  /** A file is opened anew, as /dev/stdin does natively; everything else is the same stream. */
  override open(flags: number): FileDescription {
    const again = this.fileType === S.IFREG ? this.host.reopen(this.fd, flags & (O.ACCMODE | O.APPEND | O.TRUNC)) : -1;
    if (again < 0) return new HostStream(this, flags, this.host, this.fd, this.fd);
    return new HostStream(this, flags, this.host, again, again, true);
  }
}

/** The file's path within the guest's tree, if it lies there. */
function pathOf(host: Host, fd: number, prefix: string): string {
  const path = host.pathOf(fd);
  if (typeof path === 'number' || !path.startsWith(`${prefix}/`)) return `/dev/fd/${fd}`;
  return path.slice(prefix.length);
}

/** The terminal, /dev/pts/0 to the guest whatever its name on the host. */
export class TerminalNode extends PseudoNode {
  readonly terminal: Terminal;
  private readonly host: Host;
  /** Host descriptors of the terminal: one to read, one to write. */
  private readonly input: number;
  private readonly output: number;

  constructor(
    tree: PseudoTree,
    parent: Node,
    host: Host,
    ends: { readonly input: number; readonly output: number },
    size: { readonly rows: number; readonly columns: number },
  ) {
    super(tree, parent, '0', 0o620);
    this.host = host;
    this.input = ends.input;
    this.output = ends.output;
    this.terminal = new Terminal(size.rows, size.columns);
    this.owner = tree.owner();
  }
  override type(): number {
    return S.IFCHR;
  }
  protected override device(): number {
    return makeDevice(136, 0);
  }
  override open(flags: number): FileDescription {
    return new HostStream(this, flags, this.host, this.input, this.output);
  }
  override chmod(): number {
    return 0;
  }
  override chown(): number {
    return 0;
  }
}

export class HostStream extends FileDescription {
  private readonly host: Host;
  private readonly input: number;
  private readonly output: number;
  /** After an lseek the offset is ours: Node has no lseek for the host's. */
  private positioned = false;
  /** The host descriptor is this description's alone. */
  private readonly owned: boolean;

  constructor(node: Node, flags: number, host: Host, input: number, output: number, owned = false) {
    super(node, flags);
    this.owned = owned;
    this.host = host;
    this.input = input;
    this.output = output;
  }

  protected override closed(): void {
    if (this.owned) this.host.close(this.input);
  }
  override get seekable(): boolean {
    return this.node.type() === S.IFREG;
  }
  override get readsOnce(): boolean {
    return !this.seekable;
  }
  override get terminal(): Terminal | undefined {
    return this.node instanceof TerminalNode ? this.node.terminal : undefined;
  }
  private size(): number {
    const stat = this.host.fstat(this.input);
    return typeof stat === 'number' ? 0 : stat.size;
  }

  override read(into: Uint8Array): Transfer {
    const n = this.host.read(this.input, into, this.positioned ? this.offset : -1);
    if (n === -ERRNO.EAGAIN && !this.nonBlocking) return waitForHost('input from outside');
    if (n > 0 && this.positioned) this.offset += n;
    return n;
  }
  override write(from: Uint8Array): number {
    const n = this.host.write(this.output, from, this.positioned && (this.flags & O.APPEND) === 0 ? this.offset : -1);
    if (n > 0 && this.positioned) this.offset = (this.flags & O.APPEND) === 0 ? this.offset + n : this.size();
    return n;
  }
  override pread(into: Uint8Array, position: number): number {
    return this.seekable ? this.host.read(this.input, into, position) : -ERRNO.ESPIPE;
  }
  override pwrite(from: Uint8Array, position: number): number {
    return this.seekable ? this.host.write(this.output, from, position) : -ERRNO.ESPIPE;
  }
  override unread(count: number): void {
    if (this.positioned) this.offset -= count;
  }
  override seek(offset: number, whence: number): number {
    if (!this.seekable) return -ERRNO.ESPIPE;
    if (!this.positioned) {
      const now = this.host.position(this.input);
      if (typeof now === 'number') return -ERRNO.ESPIPE;
      this.offset = now.offset;
      if (whence === SEEK.CUR && offset === 0) return now.offset;
      this.positioned = true;
    }
    return this.seekTo(offset, whence, this.size());
  }
  override stat(): FileStat | number {
    return this.node.stat();
  }
  override truncate(size: number): number {
    return this.seekable ? this.host.ftruncate(this.output, size) : -ERRNO.EINVAL;
  }
  override sync(): number {
    return this.seekable ? this.host.fsync(this.output) : -ERRNO.EINVAL;
  }
  override available(): number | undefined {
    if (!this.seekable) return undefined; // the host cannot be asked without reading
    const now = this.positioned ? this.offset : this.host.position(this.input);
    return this.size() - (typeof now === 'number' ? now : now.offset);
  }
  /** The host is not asked: a read may then wait on the host. */
  override poll(): number {
    let events = 0;
    if (this.readable) events |= POLL.IN | POLL.RDNORM;
    if (this.writable) events |= POLL.OUT | POLL.WRNORM;
    return events;
  }
}
