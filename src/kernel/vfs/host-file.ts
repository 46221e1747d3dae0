/** An open regular file of the host. */
import { ERRNO } from '#abi/errno.ts';
import { O, majorOf, minorOf } from '#abi/fs.ts';
import type { PageSource } from '../mm/page-source.ts';
import { FileDescription, PathDescription } from './file-description.ts';
import { PAGE, keyOf, readThrough, resizeThrough, writeThrough } from './file-pages.ts';
import type { HostNode } from './host-tree.ts';
import type { InodeRecord } from './inodes.ts';
import type { FileStat, NewTimes } from './node.ts';

export class HostFile extends FileDescription {
  declare readonly node: HostNode;
  private readonly fd: number;
  /** The host's own descriptor appends: atomic with writers outside. */
  private readonly hostAppends: boolean;
  private knownIdentity: string | undefined;

  constructor(node: HostNode, flags: number, fd: number) {
    super(node, flags);
    this.fd = fd;
    this.hostAppends = (flags & O.APPEND) !== 0;
  }

  override get seekable(): boolean {
    return true;
  }
  protected override closed(): void {
    this.node.tree.host.close(this.fd);
  }

  private identity(): string | undefined {
    if (this.knownIdentity === undefined) {
      const stat = this.node.tree.host.fstat(this.fd);
      if (typeof stat !== 'number') this.knownIdentity = stat.identity;
    }
    return this.knownIdentity;
  }
  private record(): InodeRecord | undefined {
    const identity = this.identity();
    return identity === undefined ? undefined : this.node.tree.inodes.record(identity);
  }
  private size(): number {
    const stat = this.node.tree.host.fstat(this.fd);
    return typeof stat === 'number' ? 0 : stat.size;
  }
  private changed(): void {
    const identity = this.identity();
    if (identity !== undefined) this.node.tree.inodes.modified(identity);
  }
  /** The file has `size` bytes now, `before` it had more or fewer. */
  resized(before: number, size: number): void {
    const record = this.record();
    if (record !== undefined) resizeThrough(this.node.tree.pages, record, before, size);
    this.changed();
  }

  override read(into: Uint8Array): number {
    return this.readAtOffset(into);
  }
  override pread(into: Uint8Array, position: number): number {
    const n = this.node.tree.host.read(this.fd, into, position);
    if (n > 0 && this.node.tree.inodes.writableMappings > 0) {
      const record = this.record();
      if (record !== undefined) readThrough(this.node.tree.pages, record, into.subarray(0, n), position);
    }
    return n;
  }
  override write(from: Uint8Array): number {
    const append = (this.flags & O.APPEND) !== 0;
    const n = this.pwrite(from, this.offset);
    if (n > 0) this.offset = append ? this.size() : this.offset + n;
    return n;
  }
  /** With O_APPEND the position does not count: pwrite(2), BUGS. */
  override pwrite(from: Uint8Array, position: number): number {
    if (from.length === 0) return 0;
    const append = (this.flags & O.APPEND) !== 0;
    const at = append ? (this.hostAppends ? -1 : this.size()) : position;
    const n = this.node.tree.host.write(this.fd, from, at);
    if (n > 0) {
      const record = this.record();
      if (record !== undefined) {
        writeThrough(this.node.tree.pages, record, from.subarray(0, n), at < 0 && record.mapped > 0 ? this.size() - n : at);
      }
      this.changed();
    }
    return n;
  }
  override seek(offset: number, whence: number): number {
    return this.seekTo(offset, whence, this.size());
  }
  override stat(): FileStat | number {
    const stat = this.node.tree.host.fstat(this.fd);
    return typeof stat === 'number' ? stat : this.node.tree.inodes.toStat(stat);
  }
  override available(): number {
    return this.size() - this.offset;
  }
  override truncate(size: number): number {
    const before = this.size();
    const result = this.node.tree.host.ftruncate(this.fd, size);
    if (result >= 0) this.resized(before, size);
    return result;
  }
  override sync(): number {
    return this.node.tree.host.fsync(this.fd);
  }

  override chmod(mode: number): number {
    const result = this.node.tree.host.fchmod(this.fd, mode);
    if (result >= 0) this.inodeChanged();
    return result;
  }
  override chown(uid: number, gid: number): number {
    const result = this.node.tree.host.fchown(this.fd, uid, gid);
    if (result >= 0) this.inodeChanged();
    return result;
  }
  override setTimes(times: NewTimes): number {
    const { host, inodes } = this.node.tree;
    const stat = host.fstat(this.fd);
    if (typeof stat === 'number') return stat;
    const before = inodes.toStat(stat);
    const atime = times.atimeNs ?? before.atimeNs;
    const mtime = times.mtimeNs ?? before.mtimeNs;
    const result = host.futimes(this.fd, atime === 'now' ? undefined : atime, mtime === 'now' ? undefined : mtime);
    if (result < 0) return result;
    const record = inodes.record(stat.identity);
    if (times.atimeNs !== undefined) record.atimeNs = times.atimeNs === 'now' ? inodes.now() : times.atimeNs;
    if (times.mtimeNs !== undefined) record.mtimeNs = times.mtimeNs === 'now' ? inodes.now() : times.mtimeNs;
    this.inodeChanged();
    return 0;
  }
  private inodeChanged(): void {
    const identity = this.identity();
    if (identity !== undefined) this.node.tree.inodes.changed(identity);
  }

  /** Pages for mmap and execve. A mapping holds the file open. */
  override pageSource(): PageSource | number {
    if ((this.flags & O.ACCMODE) === O.WRONLY) return -ERRNO.EACCES;
    const { host, inodes } = this.node.tree;
    const stat = host.fstat(this.fd);
    if (typeof stat === 'number') return stat;
    const record = inodes.record(stat.identity);
    const { writable } = this;
    return {
      key: keyOf(record),
      name: this.node.describe(rootOf(this.node)),
      device: { major: majorOf(record.dev), minor: minorOf(record.dev) },
      inode: record.ino,
      sizeBytes: () => this.size(),
      readPage: (index, into) => host.read(this.fd, into, index * PAGE),
      ...(writable ? { writePage: (index, from) => this.writePage(index, from) } : {}),
      retain: () => {
        this.retain();
        inodes.mapping(record, writable, 1);
      },
      release: () => {
        this.release();
        inodes.mapping(record, writable, -1);
      },
    };
  }
  /** A shared mapping's page goes back; what lies behind the end of the file does not make it longer. */
  private writePage(index: number, from: Uint8Array): number {
    const at = index * PAGE;
    const length = Math.min(from.length, this.size() - at);
    if (length <= 0) return 0;
    const n = this.node.tree.host.write(this.fd, from.subarray(0, length), at);
    if (n < 0) return n;
    this.changed();
    return 0;
  }
}

/** O_PATH on something that is no directory. */
export class HostPlace extends PathDescription {
  declare readonly node: HostNode;
  private readonly fd: number;

  constructor(node: HostNode, flags: number, fd: number) {
    super(node, flags);
    this.fd = fd;
  }
  protected override closed(): void {
    this.node.tree.host.close(this.fd);
  }
  override stat(): FileStat | number {
    const stat = this.node.tree.host.fstat(this.fd);
    return typeof stat === 'number' ? stat : this.node.tree.inodes.toStat(stat);
  }
}

function rootOf(node: HostNode): HostNode['parent'] & object {
  let top: NonNullable<HostNode['parent']> = node;
  while (top.parent !== undefined) top = top.parent;
  return top;
}
