/** eventfd(2): a counter that can be waited for. */
import { ERRNO } from '#abi/errno.ts';
import { EFD, FS_MAGIC, O } from '#abi/fs.ts';
import { POLL } from '#abi/poll.ts';
import { FileDescription, type Transfer } from './file-description.ts';
import { type FileStat, type FileSystemKind, Node } from './node.ts';
import { waitFor } from './wait.ts';

export const ANON_INODEFS: FileSystemKind = {
  type: 'anon_inodefs',
  source: 'anon_inodefs',
  magic: FS_MAGIC.ANON_INODE,
  flags: 0,
  device: 0xe,
};
/** All anonymous inodes share one number, as on Linux. */
export const ANON_INO = 1;

/** The node behind eventfd, epoll and the like: `anon_inode:[eventfd]`. */
export class AnonymousNode extends Node {
  constructor(what: string) {
    super(ANON_INODEFS, undefined, `anon_inode:${what}`);
  }
  override type(): number {
    return 0;
  }
  override stat(): FileStat {
    const none = { uid: 0, gid: 0, rdev: 0, size: 0, blksize: 4096, blocks: 0, atimeNs: 0n, mtimeNs: 0n, ctimeNs: 0n };
    return { dev: this.kind.device, ino: ANON_INO, mode: 0o600, nlink: 1, ...none };
  }
  override open(): number {
    return -ERRNO.ENXIO;
  }
}

const HIGHEST = 0xffff_ffff_ffff_fffen;

export class EventFd extends FileDescription {
  private count: bigint;
  private changes = 0;
  private readonly semaphore: boolean;

  constructor(initial: number, flags: number) {
    super(new AnonymousNode('[eventfd]'), O.RDWR | (flags & O.NONBLOCK));
    this.count = BigInt(initial);
    this.semaphore = (flags & EFD.SEMAPHORE) !== 0;
  }
  override read(into: Uint8Array): Transfer {
    if (into.length < 8) return -ERRNO.EINVAL;
    if (this.count === 0n) return this.nonBlocking ? -ERRNO.EAGAIN : waitFor('read from an eventfd', () => this.count > 0n);
    const value = this.semaphore ? 1n : this.count;
    this.count -= value;
    this.changes++;
    new DataView(into.buffer, into.byteOffset).setBigUint64(0, value, true);
    return 8;
  }
  override write(from: Uint8Array): Transfer {
    if (from.length < 8) return -ERRNO.EINVAL;
    const value = new DataView(from.buffer, from.byteOffset).getBigUint64(0, true);
    if (value > HIGHEST) return -ERRNO.EINVAL;
    if (this.count + value > HIGHEST) {
      return this.nonBlocking ? -ERRNO.EAGAIN : waitFor('write to an eventfd', () => this.count + value <= HIGHEST);
    }
    this.count += value;
    this.changes++;
    return 8;
  }
  override get activity(): number {
    return this.changes;
  }
  override poll(): number {
    let events = 0;
    if (this.count > 0n) events |= POLL.IN | POLL.RDNORM;
    if (this.count < HIGHEST) events |= POLL.OUT | POLL.WRNORM;
    return events;
  }
}
