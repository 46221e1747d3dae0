/**
 * An open file (struct file): what dup shares and fork inherits. Offset and status flags live here; FdTable holds the numbers.
 * Every operation has a default that answers as Linux does for a file that lacks it.
 */
import { ERRNO } from '#abi/errno.ts';
import { O, S, SEEK } from '#abi/fs.ts';
import { POLL } from '#abi/poll.ts';
import type { PageSource } from '../mm/page-source.ts';
import type { Kernel } from '../kernel.ts';
import type { SyscallResult, Wait } from '../syscalls/types.ts';
import type { Task } from '../task/task.ts';
import type { FileStat, NewTimes, Node } from './node.ts';
import type { Terminal } from './terminal.ts';

/** Bytes moved, -errno, or what has to be waited for (a descriptor with O_NONBLOCK never waits). */
export type Transfer = number | Wait;

/** What mmap wants of a file. `length` is a multiple of the page size. */
export interface MappingRequest {
  readonly task: Task;
  readonly length: number;
  readonly offset: number;
  readonly prot: number;
  readonly shared: boolean;
}

export abstract class FileDescription {
  readonly node: Node;
  /** O_ACCMODE, O_PATH and the status flags that F_GETFL shows. */
  flags: number;
  offset = 0;
  /** F_SETOWN: who gets SIGIO with O_ASYNC, 0 nobody; F_SETSIG: the signal, 0 SIGIO without si_fd; the number that O_ASYNC was set on. */
  owner = 0;
  ownerIs: 'thread' | 'process' | 'group' = 'process';
  signal = 0;
  asyncFd = -1;
  private references = 1;

  constructor(node: Node, flags: number) {
    this.node = node;
    this.flags = flags & ~(O.CREAT | O.EXCL | O.NOCTTY | O.TRUNC | O.CLOEXEC);
  }

  get readable(): boolean {
    return (this.flags & (O.ACCMODE | O.PATH)) === O.RDONLY || (this.flags & (O.ACCMODE | O.PATH)) === O.RDWR;
  }
  get writable(): boolean {
    return (this.flags & O.ACCMODE) !== O.RDONLY && (this.flags & O.PATH) === 0;
  }
  get nonBlocking(): boolean {
    return (this.flags & O.NONBLOCK) !== 0;
  }
  /** True for what lseek, pread and pwrite work on. */
  get seekable(): boolean {
    return false;
  }
  /** False for what epoll refuses: files without a poll of their own. */
  get pollable(): boolean {
    const type = this.node.type();
    return type !== S.IFREG && type !== S.IFDIR;
  }
  /** A second read for the rest of a buffer could block on the host: what came first is the result. */
  get readsOnce(): boolean {
    return false;
  }

  /** How long a read (or write) that finds nothing (or no room) waits before it gives -EAGAIN; 0n: for ever. */
  timeoutNs(_writing: boolean): bigint {
    return 0n;
  }

  retain(): this {
    this.references++;
    return this;
  }
  release(): void {
    this.references--;
    if (this.references === 0) this.closed();
  }
  get isOpen(): boolean {
    return this.references > 0;
  }
  /** The last reference is gone. */
  protected closed(): void {}

  /** At the description's offset, which moves. */
  read(_into: Uint8Array): Transfer {
    return -ERRNO.EINVAL;
  }
  write(_from: Uint8Array): Transfer {
    return -ERRNO.EINVAL;
  }
  pread(_into: Uint8Array, _position: number): number {
    return -ERRNO.ESPIPE;
  }
  pwrite(_from: Uint8Array, _position: number): number {
    return -ERRNO.ESPIPE;
  }
  /** read, for files that pread can read. */
  protected readAtOffset(into: Uint8Array): number {
    const n = this.pread(into, this.offset);
    if (n > 0) this.offset += n;
    return n;
  }
  /** What a read would have moved has not reached the program: a seekable file goes back, others have lost it. */
  unread(count: number): void {
    if (this.seekable) this.offset -= count;
  }
  seek(offset: number, whence: number): number {
    if (!this.seekable) return -ERRNO.ESPIPE;
    return this.seekTo(offset, whence, 0);
  }

  /** lseek's arithmetic, the same for every file with a size. */
  protected seekTo(offset: number, whence: number, size: number): number {
    let target: number;
    switch (whence) {
      case SEEK.SET:
        target = offset;
        break;
      case SEEK.CUR:
        target = this.offset + offset;
        break;
      case SEEK.END:
        target = size + offset;
        break;
      case SEEK.DATA:
        // Every file is one piece of data with a hole at its end: lseek(2) allows a file system to say so.
        if (offset < 0 || offset >= size) return -ERRNO.ENXIO;
        target = offset;
        break;
      case SEEK.HOLE:
        if (offset < 0 || offset >= size) return -ERRNO.ENXIO;
        target = size;
        break;
      default:
        return -ERRNO.EINVAL;
    }
    if (target < 0) return -ERRNO.EINVAL;
    if (!Number.isSafeInteger(target)) return -ERRNO.EOVERFLOW;
    this.offset = target;
    return target;
  }

  stat(): FileStat | number {
    return this.node.stat();
  }
  /** POLL* that hold now. Regular files are always ready. */
  poll(): number {
    return POLL.IN | POLL.OUT | POLL.RDNORM | POLL.WRNORM;
  }
  /** Changes whenever something happens that a sleeper in poll would be woken for: edge-triggered epoll reports by it. */
  get activity(): number {
    return 0;
  }
  /** What poll told has reached a program: readiness that a look uses up is gone. */
  polled(): void {}
  /** Requests of the file's own; undefined: it has none. */
  ioctl(_k: Kernel, _t: Task, _request: number, _argument: bigint): SyscallResult | undefined {
    return undefined;
  }
  /** FIONREAD: bytes that a read would give at once (behind a file's end less than none); undefined where the question makes no sense. */
  available(): number | undefined {
    return undefined;
  }
  get terminal(): Terminal | undefined {
    return undefined;
  }
  /** Metadata through the descriptor; files whose name may be gone do it by their host descriptor. */
  chmod(mode: number): number {
    return this.node.chmod(mode);
  }
  chown(uid: number, gid: number): number {
    return this.node.chown(uid, gid);
  }
  setTimes(times: NewTimes): number {
    return this.node.setTimes(times);
  }
  truncate(_size: number): number {
    return -ERRNO.EINVAL;
  }
  sync(): number {
    return -ERRNO.EINVAL;
  }
  /** For mmap; -ENODEV for what cannot be mapped. */
  pageSource(_request?: MappingRequest): PageSource | number {
    return -ERRNO.ENODEV;
  }
}

/** What an open gives: a FIFO waits for its other end. */
export type Opened = FileDescription | number | Wait;
export const isWait = (value: object | number | bigint | undefined): value is Wait =>
  typeof value === 'object' && 'kind' in value && value.kind === 'wait';

/** O_PATH: a place in the tree, nothing that can be read. */
export class PathDescription extends FileDescription {}
