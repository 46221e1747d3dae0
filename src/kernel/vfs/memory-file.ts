/** Files without a name in memory (memfd_create(2)). */
import { ERRNO } from '#abi/errno.ts';
import { F_SEAL, FS_MAGIC, O, S } from '#abi/fs.ts';
import type { PageSource } from '../mm/page-source.ts';
import { FileDescription } from './file-description.ts';
import type { InodeTable } from './inodes.ts';
import { type FileStat, type FileSystemKind, Node } from './node.ts';

const SHMEM: FileSystemKind = { type: 'tmpfs', source: 'tmpfs', magic: FS_MAGIC.TMPFS, flags: 0, device: 0x1 };
const PAGE = 4096;
const LARGEST = 2 ** 31; // what one typed array holds everywhere

export class MemoryFileNode extends Node {
  private bytes = new Uint8Array(0);
  size = 0;
  seals: number;
  private mode = 0o777;
  private version = 0;
  private readonly ino: number;
  private readonly inodes: InodeTable;
  private readonly owner: { readonly uid: number; readonly gid: number };
  private mtimeNs: bigint;

  constructor(inodes: InodeTable, name: string, seals: number, owner: { readonly uid: number; readonly gid: number }) {
    super(SHMEM, undefined, `/memfd:${name} (deleted)`);
    this.inodes = inodes;
    this.ino = inodes.anonymous();
    this.seals = seals;
    this.owner = owner;
    this.mtimeNs = inodes.now();
  }
  override type(): number {
    return S.IFREG;
  }
  override stat(): FileStat {
    return {
      dev: this.kind.device,
      ino: this.ino,
      mode: S.IFREG | this.mode,
      nlink: 0,
      uid: this.owner.uid,
      gid: this.owner.gid,
      rdev: 0,
      size: this.size,
      blksize: PAGE,
      blocks: Math.ceil(this.size / PAGE) * 8,
      atimeNs: this.mtimeNs,
      mtimeNs: this.mtimeNs,
      ctimeNs: this.mtimeNs,
    };
  }
  override open(flags: number): FileDescription {
    return new MemoryFile(this, flags);
  }
  override chmod(mode: number): number {
    this.mode = mode & S.PERMISSIONS;
    return 0;
  }
  override truncate(size: number): number {
    if (size < this.size && (this.seals & F_SEAL.SHRINK) !== 0) return -ERRNO.EPERM;
    if (size > this.size && (this.seals & F_SEAL.GROW) !== 0) return -ERRNO.EPERM;
    if (!this.reserve(size)) return -ERRNO.EFBIG;
    this.bytes.fill(0, Math.min(size, this.size), this.size);
    this.size = size;
    this.touch();
    return 0;
  }
  private reserve(size: number): boolean {
    if (size > LARGEST) return false;
    if (size > this.bytes.length) {
      const larger = new Uint8Array(Math.max(size, Math.min(LARGEST, this.bytes.length * 2), PAGE));
      larger.set(this.bytes);
      this.bytes = larger;
    }
    return true;
  }
  private touch(): void {
    this.version++;
    this.mtimeNs = this.inodes.now();
  }
  readAt(into: Uint8Array, position: number): number {
    const part = this.bytes.subarray(Math.min(position, this.size), Math.min(position + into.length, this.size));
    into.set(part);
    return part.length;
  }
  writeAt(from: Uint8Array, position: number): number {
    if ((this.seals & (F_SEAL.WRITE | F_SEAL.FUTURE_WRITE)) !== 0) return -ERRNO.EPERM;
    const end = position + from.length;
    if (end > this.size && (this.seals & F_SEAL.GROW) !== 0) return -ERRNO.EPERM;
    if (!this.reserve(end)) return -ERRNO.EFBIG;
    this.bytes.set(from, position);
    this.size = Math.max(this.size, end);
    this.touch();
    return from.length;
  }
  source(retain: () => void, release: () => void): PageSource {
    return {
      key: `memfd:${this.ino}@${this.version}`,
      name: this.name,
      device: { major: 0, minor: this.kind.device },
      inode: this.ino,
      sizeBytes: () => this.size,
      readPage: (index, into) => this.readAt(into, index * PAGE),
      writePage: (index, from) => {
        const length = Math.min(from.length, this.size - index * PAGE);
        if (length > 0) this.bytes.set(from.subarray(0, length), index * PAGE);
        return 0;
      },
      retain,
      release,
    };
  }
}

export class MemoryFile extends FileDescription {
  declare readonly node: MemoryFileNode;

  override get seekable(): boolean {
    return true;
  }
  override read(into: Uint8Array): number {
    const n = this.node.readAt(into, this.offset);
    this.offset += n;
    return n;
  }
  override write(from: Uint8Array): number {
    if ((this.flags & O.APPEND) !== 0) this.offset = this.node.size;
    const n = this.node.writeAt(from, this.offset);
    if (n > 0) this.offset += n;
    return n;
  }
  override pread(into: Uint8Array, position: number): number {
    return this.node.readAt(into, position);
  }
  override pwrite(from: Uint8Array, position: number): number {
    return this.node.writeAt(from, position);
  }
  override seek(offset: number, whence: number): number {
    return this.seekTo(offset, whence, this.node.size);
  }
  override available(): number {
    return Math.max(0, this.node.size - this.offset);
  }
  override truncate(size: number): number {
    return this.node.truncate(size);
  }
  override sync(): number {
    return 0;
  }
  override pageSource(): PageSource {
    return this.node.source(
      () => void this.retain(),
      () => this.release(),
    );
  }
}
