/** Files without a name in memory (memfd_create(2)). */
import { ERRNO } from '#abi/errno.ts';
import { F_SEAL, FS_MAGIC, O, S } from '#abi/fs.ts';
import { PROT } from '#abi/mman.ts';
import type { PageSource } from '../mm/page-source.ts';
import { FileDescription, type MappingRequest } from './file-description.ts';
import { type FilePages, PAGE, keyOf, readThrough, resizeThrough, writeThrough } from './file-pages.ts';
import type { InodeRecord, InodeTable } from './inodes.ts';
import { type FileStat, type FileSystemKind, Node } from './node.ts';

const SHMEM: FileSystemKind = { type: 'tmpfs', source: 'tmpfs', magic: FS_MAGIC.TMPFS, flags: 0, device: 0x1 };
const LARGEST = 2 ** 31; // what one typed array holds everywhere

export class MemoryFileNode extends Node {
  private bytes = new Uint8Array(0);
  size = 0;
  seals: number;
  private mode = 0o777;
  private readonly record: InodeRecord;
  private readonly pages: FilePages;
  private readonly inodes: InodeTable;
  private readonly owner: { readonly uid: number; readonly gid: number };
  private mtimeNs: bigint;

  constructor(
    inodes: InodeTable,
    pages: FilePages,
    name: string,
    seals: number,
    owner: { readonly uid: number; readonly gid: number },
    kind: 'memfd' | 'shm' = 'memfd',
  ) {
    super(SHMEM, undefined, `/${kind === 'memfd' ? 'memfd:' : ''}${name} (deleted)`);
    this.inodes = inodes;
    this.pages = pages;
    this.record = inodes.unlisted(inodes.anonymous(), SHMEM.device);
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
      ino: this.record.ino,
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
    resizeThrough(this.pages, this.record, this.size, size);
    this.size = size;
    this.mtimeNs = this.inodes.now();
    return 0;
  }
  /** F_ADD_SEALS. mm/memfd.c memfd_add_seals. */
  addSeals(seals: number): number {
    if ((this.seals & F_SEAL.SEAL) !== 0) return -ERRNO.EPERM;
    if ((seals & F_SEAL.WRITE) !== 0 && (this.seals & F_SEAL.WRITE) === 0 && this.record.writableMapped > 0) return -ERRNO.EBUSY;
    this.seals |= seals;
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
  readAt(into: Uint8Array, position: number): number {
    const part = this.bytes.subarray(Math.min(position, this.size), Math.min(position + into.length, this.size));
    into.set(part);
    readThrough(this.pages, this.record, into.subarray(0, part.length), position);
    return part.length;
  }
  writeAt(from: Uint8Array, position: number): number {
    if ((this.seals & (F_SEAL.WRITE | F_SEAL.FUTURE_WRITE)) !== 0) return -ERRNO.EPERM;
    const end = position + from.length;
    if (end > this.size && (this.seals & F_SEAL.GROW) !== 0) return -ERRNO.EPERM;
    if (!this.reserve(end)) return -ERRNO.EFBIG;
    this.bytes.set(from, position);
    this.size = Math.max(this.size, end);
    writeThrough(this.pages, this.record, from, position);
    this.mtimeNs = this.inodes.now();
    return from.length;
  }
  /** `writable`: a shared mapping that can be written to, now or by mprotect. */
  source(file: MemoryFile, writable: boolean): PageSource {
    return {
      key: keyOf(this.record),
      name: this.name,
      device: { major: 0, minor: this.kind.device },
      inode: this.record.ino,
      sizeBytes: () => this.size,
      readPage: (index, into) => {
        const part = this.bytes.subarray(Math.min(index * PAGE, this.size), Math.min((index + 1) * PAGE, this.size));
        into.set(part);
        return part.length;
      },
      writePage: (index, from) => {
        const length = Math.min(from.length, this.size - index * PAGE);
        if (length > 0) this.bytes.set(from.subarray(0, length), index * PAGE);
        return 0;
      },
      retain: () => {
        file.retain();
        this.inodes.mapping(this.record, writable, 1);
      },
      release: () => {
        file.release();
        this.inodes.mapping(this.record, writable, -1);
      },
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
    return this.node.size - this.offset;
  }
  override truncate(size: number): number {
    return this.node.truncate(size);
  }
  override sync(): number {
    return 0;
  }
  override pageSource(request?: MappingRequest): PageSource | number {
    const shared = request?.shared === true && this.writable;
    const sealed = (this.node.seals & (F_SEAL.WRITE | F_SEAL.FUTURE_WRITE)) !== 0;
    if (shared && sealed && (request.prot & PROT.WRITE) !== 0) return -ERRNO.EPERM;
    return this.node.source(this, shared && !sealed);
  }
}
