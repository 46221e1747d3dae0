/** Pipes and FIFOs (pipe(7)). */
import { ERRNO } from '#abi/errno.ts';
import { FS_MAGIC, O, PIPE_BUF, S } from '#abi/fs.ts';
import { POLL } from '#abi/poll.ts';
import type { Wait } from '../syscalls/types.ts';
import { FileDescription, type Transfer } from './file-description.ts';
import type { InodeTable } from './inodes.ts';
import { type FileStat, type FileSystemKind, Node, type Owner } from './node.ts';
import { waitFor } from './wait.ts';

export const DEFAULT_PIPE_SIZE = 65536;
const MAX_PIPE_SIZE = 1048576; // fs.pipe-max-size

export const PIPEFS: FileSystemKind = { type: 'pipefs', source: 'pipefs', magic: FS_MAGIC.PIPEFS, flags: 0, device: 0xd };

/** The buffer between the ends. A ring; capacity counts bytes, where Linux counts pages that need not be full. */
export class Pipe {
  private buffer = new Uint8Array(DEFAULT_PIPE_SIZE);
  private head = 0;
  length = 0;
  /** Times that bytes went in or out. */
  activity = 0;
  readers = 0;
  writers = 0;
  /** Opens so far, for FIFOs: an open waits for the other end to come, even if it has gone again. */
  readerOpens = 0;
  writerOpens = 0;

  get capacity(): number {
    return this.buffer.length;
  }
  get room(): number {
    return this.buffer.length - this.length;
  }

  /** Takes at most `into.length` bytes out. */
  take(into: Uint8Array): number {
    const n = Math.min(into.length, this.length);
    const first = Math.min(n, this.buffer.length - this.head);
    into.set(this.buffer.subarray(this.head, this.head + first));
    into.set(this.buffer.subarray(0, n - first), first);
    this.head = (this.head + n) % this.buffer.length;
    this.length -= n;
    this.activity++;
    return n;
  }
  /** Puts in what fits. */
  put(from: Uint8Array): number {
    const n = Math.min(from.length, this.room);
    const tail = (this.head + this.length) % this.buffer.length;
    const first = Math.min(n, this.buffer.length - tail);
    this.buffer.set(from.subarray(0, first), tail);
    this.buffer.set(from.subarray(first, n), 0);
    this.length += n;
    this.activity++;
    return n;
  }
  /** F_SETPIPE_SZ: the next power of two of pages; the new size or -errno. */
  resize(wanted: number): number {
    if (wanted > 2 ** 31) return -ERRNO.EINVAL; // round_pipe_size
    if (wanted > MAX_PIPE_SIZE) return -ERRNO.EPERM;
    let size = PIPE_BUF;
    while (size < wanted) size *= 2;
    if (size < this.length) return -ERRNO.EBUSY;
    const content = new Uint8Array(this.length);
    this.take(content);
    this.buffer = new Uint8Array(size);
    this.head = 0;
    this.put(content);
    return size;
  }
}

/** A large write that waited carries on where it was: the bytes are in the pipe already. */
interface PartialWrite extends Wait {
  readonly done: number;
}
const isPartialWrite = (wait: Wait | undefined, end: PipeEnd): wait is PartialWrite =>
  wait !== undefined && 'done' in wait && 'end' in wait && wait.end === end;

/** One description of a pipe: the reading, the writing, or (a FIFO opened O_RDWR) both ends. */
export class PipeEnd extends FileDescription {
  readonly pipe: Pipe;

  constructor(node: Node, flags: number, pipe: Pipe) {
    super(node, flags);
    this.pipe = pipe;
    if (this.readable) {
      pipe.readers++;
      pipe.readerOpens++;
    }
    if (this.writable) {
      pipe.writers++;
      pipe.writerOpens++;
    }
  }
  protected override closed(): void {
    if (this.readable) this.pipe.readers--;
    if (this.writable) this.pipe.writers--;
  }

  override read(into: Uint8Array): Transfer {
    const { pipe } = this;
    if (into.length === 0) return 0;
    if (pipe.length > 0) return pipe.take(into);
    if (pipe.writers === 0) return 0;
    if (this.nonBlocking) return -ERRNO.EAGAIN;
    return waitFor('read from a pipe', () => pipe.length > 0 || pipe.writers === 0);
  }

  override write(from: Uint8Array, resumed?: Wait): Transfer {
    return this.writeFrom(from.length, (at, length) => from.subarray(at, at + length), resumed);
  }

  /**
   * Up to PIPE_BUF bytes go in whole or not at all; more go in pieces, fetched as room comes up (`fetch` undefined: -EFAULT).
   * The caller raises SIGPIPE at -EPIPE.
   */
  writeFrom(total: number, fetch: (at: number, length: number) => Uint8Array | undefined, resumed?: Wait): Transfer {
    const { pipe } = this;
    if (total === 0) return 0;
    const before = isPartialWrite(resumed, this) ? resumed.done : 0;
    if (pipe.readers === 0) return before > 0 ? before : -ERRNO.EPIPE;
    if (total <= PIPE_BUF && pipe.room < total) {
      if (this.nonBlocking) return -ERRNO.EAGAIN;
      return waitFor('write to a pipe', () => pipe.room >= total || pipe.readers === 0);
    }
    const part = fetch(before, Math.min(total - before, pipe.room));
    if (part === undefined) return before > 0 ? before : -ERRNO.EFAULT;
    const done = before + pipe.put(part);
    if (done === total) return done;
    if (this.nonBlocking) return done > 0 ? done : -ERRNO.EAGAIN;
    const wait = waitFor('write to a pipe', () => pipe.room > 0 || pipe.readers === 0, done > 0 ? { interrupted: () => done } : {});
    return Object.assign(wait, { done, end: this });
  }

  override poll(): number {
    const { pipe } = this;
    let events = 0;
    if (this.readable) {
      if (pipe.length > 0) events |= POLL.IN | POLL.RDNORM;
      if (pipe.writers === 0 && (pipe.writerOpens > 0 || this.node instanceof PipeNode)) events |= POLL.HUP;
    }
    if (this.writable) {
      if (pipe.room >= PIPE_BUF) events |= POLL.OUT | POLL.WRNORM;
      if (pipe.readers === 0) events |= POLL.ERR;
    }
    return events;
  }
  override get activity(): number {
    return this.pipe.activity;
  }
  override available(): number {
    return this.pipe.length;
  }
}

/** A pipe has a node without a name: /proc/self/fd shows it, opening that gives a new description. */
export class PipeNode extends Node {
  private readonly ino: number;
  private readonly pipe: Pipe;
  private readonly madeNs: bigint;
  private owner: Owner;
  private mode = 0o600;

  constructor(inodes: InodeTable, pipe: Pipe, owner: Owner) {
    const ino = inodes.anonymous();
    super(PIPEFS, undefined, `pipe:[${ino}]`);
    this.ino = ino;
    this.pipe = pipe;
    this.owner = owner;
    this.madeNs = inodes.now();
  }
  override type(): number {
    return S.IFIFO;
  }
  override stat(): FileStat {
    return {
      dev: this.kind.device,
      ino: this.ino,
      mode: S.IFIFO | this.mode,
      nlink: 1,
      uid: this.owner.uid,
      gid: this.owner.gid,
      rdev: 0,
      size: 0,
      blksize: 4096,
      blocks: 0,
      atimeNs: this.madeNs,
      mtimeNs: this.madeNs,
      ctimeNs: this.madeNs,
    };
  }
  override open(flags: number): FileDescription {
    return new PipeEnd(this, flags, this.pipe);
  }
  override chmod(mode: number): number {
    this.mode = mode & S.PERMISSIONS;
    return 0;
  }
  override chown(uid: number, gid: number): number {
    this.owner = { uid: uid === -1 ? this.owner.uid : uid, gid: gid === -1 ? this.owner.gid : gid };
    return 0;
  }
}

/** pipe2: reading and writing end. */
export function makePipe(inodes: InodeTable, flags: number, owner: Owner): readonly [PipeEnd, PipeEnd] {
  const pipe = new Pipe();
  const node = new PipeNode(inodes, pipe, owner);
  return [new PipeEnd(node, flags | O.RDONLY, pipe), new PipeEnd(node, flags | O.WRONLY, pipe)];
}
