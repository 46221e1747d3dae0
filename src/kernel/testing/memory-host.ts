/** A `Host` in memory for tests: a tree of files, streams whose output is kept. Deterministic; refuses what the kernel must not ask. */
import { ERRNO } from '#abi/errno.ts';
import { O, S } from '#abi/fs.ts';
import { decodeUtf8, encodeUtf8 } from '#base/utf8.ts';
import type { Host, HostStat, HostStatfs } from '#port/host.ts';

interface Inode {
  readonly number: number;
  mode: number;
  uid: number;
  gid: number;
  nlink: number;
  atimeNs: bigint;
  mtimeNs: bigint;
  ctimeNs: bigint;
  data: Uint8Array;
  target: string;
  readonly children: Map<string, Inode>;
}

interface OpenFile {
  readonly inode: Inode;
  readonly flags: number;
  position: number;
}

/** 2020-01-01 and one second more for each change: the host's clock. */
const START = 1_577_836_800n;

export class MemoryHost implements Host {
  private nextInode = 100;
  private clock = START;
  private readonly files = new Map<number, OpenFile>();
  private readonly input: Uint8Array;
  private inputAt = 0;
  private written: Record<number, Uint8Array[]> = {};
  readonly root: Inode;
  /** Set to make 0, 1 and 2 a terminal. */
  terminalSize: { rows: number; columns: number } | undefined;
  /** Every path that was asked for: a test of what a guest can reach. */
  readonly asked: string[] = [];

  /** `tree`: path → content; a path that ends with `/` is a directory, a content `-> x` a symbolic link. */
  constructor(tree: Readonly<Record<string, string>> = {}, stdin = '') {
    this.root = this.inode(S.IFDIR | 0o755);
    this.input = encodeUtf8(stdin);
    for (const [path, content] of Object.entries(tree)) this.plant(path, content);
  }

  private inode(mode: number): Inode {
    const t = this.tick();
    const times = { atimeNs: t, mtimeNs: t, ctimeNs: t };
    return { number: this.nextInode++, mode, uid: 0, gid: 0, nlink: 1, ...times, data: new Uint8Array(0), target: '', children: new Map() };
  }
  private tick(): bigint {
    return this.clock++ * 1_000_000_000n;
  }

  plant(path: string, content: string): void {
    const parts = path.split('/').filter((p) => p !== '');
    let at = this.root;
    for (const [i, part] of parts.entries()) {
      const last = i === parts.length - 1 && !path.endsWith('/');
      let next = at.children.get(part);
      if (next === undefined) {
        next = this.inode(!last ? S.IFDIR | 0o755 : content.startsWith('-> ') ? S.IFLNK | 0o777 : S.IFREG | 0o644);
        at.children.set(part, next);
      }
      at = next;
    }
    if (content.startsWith('-> ')) at.target = content.slice(3);
    else at.data = encodeUtf8(content);
  }
  /** Content of a file as text; undefined: no such file. */
  text(path: string): string | undefined {
    const inode = this.find(path);
    return typeof inode === 'number' ? undefined : decodeUtf8(inode.data);
  }
  /** What was written to a stream. */
  output(fd: number): string {
    return (this.written[fd] ?? []).map(decodeUtf8).join('');
  }

  private find(path: string): Inode | number {
    this.asked.push(path);
    let at = this.root;
    for (const part of path.split('/').filter((p) => p !== '')) {
      if ((at.mode & S.IFMT) !== S.IFDIR) return -ERRNO.ENOTDIR;
      const next = at.children.get(part);
      if (next === undefined) return -ERRNO.ENOENT;
      at = next;
    }
    return at;
  }
  private place(path: string): { parent: Inode; name: string; inode: Inode | undefined } | number {
    const cut = path.lastIndexOf('/');
    const parent = this.find(path.slice(0, cut));
    const name = path.slice(cut + 1);
    if (typeof parent === 'number') return parent;
    if ((parent.mode & S.IFMT) !== S.IFDIR) return -ERRNO.ENOTDIR;
    return { parent, name, inode: parent.children.get(name) };
  }
  private changed(...inodes: Inode[]): void {
    const t = this.tick();
    for (const inode of inodes) inode.mtimeNs = inode.ctimeNs = t;
  }
  private add(path: string, inode: Inode): number {
    const place = this.place(path);
    if (typeof place === 'number') return place;
    if (place.inode !== undefined) return -ERRNO.EEXIST;
    place.parent.children.set(place.name, inode);
    this.changed(place.parent);
    return 0;
  }

  open(path: string, flags: number, mode: number): number {
    const place = this.place(path);
    if (typeof place === 'number') return place;
    let { inode } = place;
    if (inode === undefined) {
      if ((flags & O.CREAT) === 0) return -ERRNO.ENOENT;
      inode = this.inode(S.IFREG | mode);
      place.parent.children.set(place.name, inode);
      this.changed(place.parent);
    } else if ((flags & O.CREAT) !== 0 && (flags & O.EXCL) !== 0) {
      return -ERRNO.EEXIST;
    }
    if ((inode.mode & S.IFMT) === S.IFLNK) return -ERRNO.ELOOP;
    if ((flags & O.TRUNC) !== 0) inode.data = new Uint8Array(0);
    let fd = 3;
    while (this.files.has(fd)) fd++;
    this.files.set(fd, { inode, flags, position: 0 });
    return fd;
  }
  close(fd: number): number {
    return this.files.delete(fd) ? 0 : -ERRNO.EBADF;
  }
  /** Descriptors that the kernel has not closed. */
  openCount(): number {
    return this.files.size;
  }
  /** So many reads of standard input find nothing yet. */
  silence = 0;
  read(fd: number, into: Uint8Array, position: number): number {
    if (fd === 0) {
      if (this.silence > 0) {
        this.silence--;
        return -ERRNO.EAGAIN;
      }
      const part = this.input.subarray(this.inputAt, this.inputAt + into.length);
      into.set(part);
      this.inputAt += part.length;
      return part.length;
    }
    const file = this.files.get(fd);
    if (file === undefined) return -ERRNO.EBADF;
    const at = position < 0 ? file.position : position;
    const part = file.inode.data.subarray(Math.min(at, file.inode.data.length), at + into.length);
    into.set(part);
    if (position < 0) file.position += part.length;
    return part.length;
  }
  write(fd: number, from: Uint8Array, position: number): number {
    if (fd === 1 || fd === 2) {
      (this.written[fd] ??= []).push(from.slice());
      return from.length;
    }
    const file = this.files.get(fd);
    if (file === undefined || (file.flags & O.ACCMODE) === O.RDONLY) return -ERRNO.EBADF;
    const { inode } = file;
    const at = (file.flags & O.APPEND) !== 0 ? inode.data.length : position < 0 ? file.position : position;
    const end = at + from.length;
    if (end > inode.data.length) this.resize(inode, end);
    inode.data.set(from, at);
    if (position < 0) file.position = end;
    this.changed(inode);
    return from.length;
  }
  private resize(inode: Inode, size: number): void {
    const data = new Uint8Array(size);
    data.set(inode.data.subarray(0, size));
    inode.data = data;
  }

  private toStat(inode: Inode): HostStat {
    const size = (inode.mode & S.IFMT) === S.IFLNK ? encodeUtf8(inode.target).length : inode.data.length;
    const directories = [...inode.children.values()].filter((c) => (c.mode & S.IFMT) === S.IFDIR).length;
    return {
      mode: inode.mode,
      nlink: (inode.mode & S.IFMT) === S.IFDIR ? 2 + directories : inode.nlink,
      uid: inode.uid,
      gid: inode.gid,
      size,
      blocks: Math.ceil(size / 4096) * 8,
      atimeNs: inode.atimeNs,
      mtimeNs: inode.mtimeNs,
      ctimeNs: inode.ctimeNs,
      rdevMajor: 0,
      rdevMinor: 0,
      identity: `7:${inode.number}`,
    };
  }
  stat(path: string, followLinks: boolean): HostStat | number {
    const inode = this.find(path);
    if (typeof inode === 'number') return inode;
    if (followLinks && (inode.mode & S.IFMT) === S.IFLNK) throw new Error(`the kernel let the host follow ${path}`);
    return this.toStat(inode);
  }
  fstat(fd: number): HostStat | number {
    if (fd >= 0 && fd <= 2) return { ...this.toStat(this.root), mode: S.IFIFO | 0o600, nlink: 1, identity: `8:${fd}` };
    const file = this.files.get(fd);
    return file === undefined ? -ERRNO.EBADF : this.toStat(file.inode);
  }
  access(path: string): number {
    const inode = this.find(path);
    return typeof inode === 'number' ? inode : 0;
  }
  readdir(path: string): string[] | number {
    const inode = this.find(path);
    if (typeof inode === 'number') return inode;
    return (inode.mode & S.IFMT) === S.IFDIR ? [...inode.children.keys()].sort() : -ERRNO.ENOTDIR;
  }
  readlink(path: string): string | number {
    const inode = this.find(path);
    if (typeof inode === 'number') return inode;
    return (inode.mode & S.IFMT) === S.IFLNK ? inode.target : -ERRNO.EINVAL;
  }
  mkdir(path: string, mode: number): number {
    return this.add(path, this.inode(S.IFDIR | mode));
  }
  symlink(target: string, path: string): number {
    const inode = this.inode(S.IFLNK | 0o777);
    inode.target = target;
    return this.add(path, inode);
  }
  link(from: string, to: string): number {
    const inode = this.find(from);
    if (typeof inode === 'number') return inode;
    const added = this.add(to, inode);
    if (added === 0) inode.nlink++;
    return added;
  }
  private remove(path: string, directory: boolean): number {
    const place = this.place(path);
    if (typeof place === 'number') return place;
    const { inode } = place;
    if (inode === undefined) return -ERRNO.ENOENT;
    const isDirectory = (inode.mode & S.IFMT) === S.IFDIR;
    if (directory && !isDirectory) return -ERRNO.ENOTDIR;
    if (!directory && isDirectory) return -ERRNO.EISDIR;
    if (inode.children.size > 0) return -ERRNO.ENOTEMPTY;
    place.parent.children.delete(place.name);
    inode.nlink--;
    this.changed(place.parent);
    return 0;
  }
  rmdir(path: string): number {
    return this.remove(path, true);
  }
  unlink(path: string): number {
    return this.remove(path, false);
  }
  rename(from: string, to: string): number {
    const old = this.place(from);
    const place = this.place(to);
    if (typeof old === 'number') return old;
    if (typeof place === 'number') return place;
    if (old.inode === undefined) return -ERRNO.ENOENT;
    if (old.inode === place.inode) return 0;
    if ((place.inode?.children.size ?? 0) > 0) return -ERRNO.ENOTEMPTY;
    if (place.inode !== undefined) place.inode.nlink--;
    old.parent.children.delete(old.name);
    place.parent.children.set(place.name, old.inode);
    this.changed(old.parent, place.parent);
    return 0;
  }
  private change(inode: Inode | number | undefined, what: (inode: Inode) => void): number {
    if (inode === undefined) return -ERRNO.EBADF;
    if (typeof inode === 'number') return inode;
    what(inode);
    return 0;
  }
  chmod(path: string, mode: number): number {
    return this.change(this.find(path), (i) => {
      i.mode = (i.mode & S.IFMT) | mode;
    });
  }
  chown(path: string, uid: number, gid: number, _followLinks: boolean): number {
    return this.change(this.find(path), (i) => setOwner(i, uid, gid));
  }
  fchmod(fd: number, mode: number): number {
    return this.change(this.files.get(fd)?.inode, (i) => {
      i.mode = (i.mode & S.IFMT) | mode;
    });
  }
  fchown(fd: number, uid: number, gid: number): number {
    return this.change(this.files.get(fd)?.inode, (i) => setOwner(i, uid, gid));
  }
  utimes(path: string, atimeNs: bigint | undefined, mtimeNs: bigint | undefined, _followLinks: boolean): number {
    return this.change(this.find(path), (i) => this.setTimes(i, atimeNs, mtimeNs));
  }
  futimes(fd: number, atimeNs: bigint | undefined, mtimeNs: bigint | undefined): number {
    return this.change(this.files.get(fd)?.inode, (i) => this.setTimes(i, atimeNs, mtimeNs));
  }
  private setTimes(inode: Inode, atimeNs: bigint | undefined, mtimeNs: bigint | undefined): void {
    inode.atimeNs = atimeNs ?? this.tick();
    inode.mtimeNs = mtimeNs ?? this.tick();
  }
  truncate(path: string, size: number): number {
    return this.change(this.find(path), (i) => this.resize(i, size));
  }
  ftruncate(fd: number, size: number): number {
    return this.change(this.files.get(fd)?.inode, (i) => this.resize(i, size));
  }
  fsync(fd: number): number {
    return this.files.has(fd) ? 0 : -ERRNO.EBADF;
  }
  statfs(path: string): HostStatfs | number {
    const inode = this.find(path);
    if (typeof inode === 'number') return inode;
    return { blockSize: 4096, blocks: 1000, blocksFree: 500, blocksAvailable: 400, files: 100, filesFree: 50 };
  }
  position(fd: number): { offset: number; flags: number } | number {
    const file = this.files.get(fd);
    return file === undefined ? -ERRNO.ESPIPE : { offset: file.position, flags: file.flags };
  }
  reopen(): number {
    return -ERRNO.ENOENT;
  }
  pathOf(): string | number {
    return -ERRNO.ENOENT;
  }
  terminal(fd: number): { rows: number; columns: number } | undefined {
    return fd <= 2 ? this.terminalSize : undefined;
  }
}

function setOwner(inode: Inode, uid: number, gid: number): void {
  if (uid !== -1) inode.uid = uid;
  if (gid !== -1) inode.gid = gid;
}
