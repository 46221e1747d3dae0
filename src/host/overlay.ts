/**
 * `--overlay`, and the tree of an archive: changes in memory above files that are only read. An entry is made when a name is changed (or a
 * directory passed); what has no entry is the lower tree's own. A whiteout hides a lower name. The lower tree is never written.
 *
 * Numbers: an entry keeps the lower file's identity, so that a file is the same file before and after its first change.
 */
import { ERRNO } from '#abi/errno.ts';
import { ACCESS, O, S } from '#abi/fs.ts';
import { compareNames } from '#base/utf8.ts';
import type { Host, HostStat, HostStatfs } from '#port/host.ts';
import { Content } from './content.ts';
import { type Entry, entryOf, type Found, newEntry, ROOM } from './entry.ts';
import { HostFilter } from './filter.ts';
import { isOwner, mayAccess, type Owner, stickyForbids } from './permissions.ts';

interface OpenFile {
  readonly found: Found;
  readonly flags: number;
  /** The lower file's descriptor, where there is one. */
  readonly lowerFd: number;
  position: number;
}

export interface OverlayOptions {
  /** Host path whose tree shows through, '' for all; undefined: nothing does. */
  readonly lower: string | undefined;
  /** Who the guest is. */
  readonly user: Owner;
  /** The session's time. */
  readonly nowNs: () => bigint;
}

/** Our own descriptors; smaller ones are the lower host's (standard streams). */
const FIRST_FD = 0x10_0000;
const LARGEST = 2 ** 40;

export class OverlayHost extends HostFilter {
  readonly root: Entry;
  private readonly options: OverlayOptions;
  private readonly byIdentity = new Map<string, Entry>();
  private readonly files = new Map<number, OpenFile>();
  private nextFd = FIRST_FD;
  private nextNew = 1;

  constructor(host: Host, options: OverlayOptions) {
    super(host);
    this.options = options;
    const stat = options.lower === undefined ? undefined : host.stat(options.lower || '/', true);
    this.root =
      typeof stat === 'object' ? entryOf(stat, options.lower) : newEntry(S.IFDIR | 0o755, 'image:0', { uid: 0, gid: 0 }, options.nowNs());
  }

  // Entries

  /** An identity on the device of the directory in which the file is made. */
  freshIdentity(directory: Entry): string {
    return `${directory.identity.slice(0, directory.identity.indexOf(':'))}:new${this.nextNew++}`;
  }

  statOf(found: Found): HostStat {
    if ('stat' in found) return found.stat;
    const { entry: e } = found;
    const size = e.content?.size ?? e.size;
    const { mode, nlink, uid, gid, atimeNs, mtimeNs, ctimeNs, rdevMajor, rdevMinor, identity } = e;
    const blocks = e.content === undefined ? 0 : Math.ceil(size / 4096) * 8;
    return { mode, nlink, uid, gid, size, blocks, atimeNs, mtimeNs, ctimeNs, rdevMajor, rdevMinor, identity };
  }
  lookup(directory: Entry, name: string): Found | number {
    const known = directory.children.get(name);
    if (known === null) return -ERRNO.ENOENT;
    if (known !== undefined) return { entry: known };
    if (directory.lowerPath === undefined) return -ERRNO.ENOENT;
    const lowerPath = `${directory.lowerPath === '/' ? '' : directory.lowerPath}/${name}`;
    const stat = this.lower.stat(lowerPath, false);
    if (typeof stat === 'number') return stat;
    const linked = this.byIdentity.get(stat.identity);
    if (linked !== undefined) return { entry: linked };
    if ((stat.mode & S.IFMT) !== S.IFDIR) return { lowerPath, stat };
    const entry = entryOf(stat, lowerPath);
    directory.children.set(name, entry);
    return { entry };
  }
  private directory(path: string): Entry | number {
    let at = this.root;
    for (const name of path.split('/')) {
      if (name === '') continue;
      const denied = mayAccess(this.options.user, at, ACCESS.X);
      if (denied < 0) return denied;
      const found = this.lookup(at, name);
      if (typeof found === 'number') return found;
      if (!('entry' in found) || (found.entry.mode & S.IFMT) !== S.IFDIR) return -ERRNO.ENOTDIR;
      at = found.entry;
    }
    const denied = mayAccess(this.options.user, at, ACCESS.X);
    return denied < 0 ? denied : at;
  }
  private find(path: string): Found | number {
    const cut = path.lastIndexOf('/');
    const name = path.slice(cut + 1);
    if (name === '') return { entry: this.root };
    const directory = this.directory(path.slice(0, cut));
    return typeof directory === 'number' ? directory : this.lookup(directory, name);
  }
  /** The entry behind a found name: made now if there is none yet. */
  private touch(found: Found): Entry {
    if ('entry' in found) return found.entry;
    const known = this.byIdentity.get(found.stat.identity);
    if (known !== undefined) return known;
    const target = (found.stat.mode & S.IFMT) === S.IFLNK ? this.lower.readlink(found.lowerPath) : undefined;
    const entry = entryOf(found.stat, found.lowerPath, typeof target === 'string' ? target : undefined);
    this.byIdentity.set(entry.identity, entry);
    return entry;
  }
  /** As `find`, for a change: the name has its entry in its directory from now on. */
  private change(path: string): { readonly entry: Entry; readonly parent: Entry | undefined; readonly name: string } | number {
    const cut = path.lastIndexOf('/');
    const name = path.slice(cut + 1);
    if (name === '') return { entry: this.root, parent: undefined, name };
    const parent = this.directory(path.slice(0, cut));
    if (typeof parent === 'number') return parent;
    const found = this.lookup(parent, name);
    if (typeof found === 'number') return found;
    const entry = this.touch(found);
    parent.children.set(name, entry);
    return { entry, parent, name };
  }
  /** The directory in which a name is made or goes; it must be writable. */
  private place(path: string): { readonly parent: Entry; readonly name: string } | number {
    const cut = path.lastIndexOf('/');
    const parent = this.directory(path.slice(0, cut));
    if (typeof parent === 'number') return parent;
    const denied = mayAccess(this.options.user, parent, ACCESS.W | ACCESS.X);
    return denied < 0 ? denied : { parent, name: path.slice(cut + 1) };
  }
  private placeForNew(path: string): { readonly parent: Entry; readonly name: string } | number {
    const place = this.place(path);
    if (typeof place === 'number') return place;
    const there = this.lookup(place.parent, place.name);
    if (typeof there !== 'number') return -ERRNO.EEXIST;
    return there === -ERRNO.ENOENT ? place : there;
  }
  private make(path: string, mode: number, target?: string): Entry | number {
    const place = this.placeForNew(path);
    if (typeof place === 'number') return place;
    const { parent, name } = place;
    const owner = { uid: this.options.user.uid, gid: (parent.mode & S.ISGID) === 0 ? this.options.user.gid : parent.gid };
    const entry = newEntry(mode, this.freshIdentity(parent), owner, this.options.nowNs(), target === undefined ? {} : { target });
    parent.children.set(name, entry);
    if ((mode & S.IFMT) === S.IFDIR) parent.nlink++;
    this.modified(parent);
    return entry;
  }
  private modified(entry: Entry): void {
    entry.changed = true;
    entry.mtimeNs = entry.ctimeNs = this.options.nowNs();
  }
  /** The bytes of a file that is to be changed. */
  private contentOf(entry: Entry): Content | number {
    if (entry.content !== undefined) return entry.content;
    if (entry.lowerPath === undefined) return -ERRNO.EIO;
    const fd = this.lower.open(entry.lowerPath, O.RDONLY | O.NOFOLLOW, 0);
    if (fd < 0) return fd;
    entry.changed = true;
    entry.content = new Content({ size: entry.size, read: (into, position) => this.lower.read(fd, into, position) });
    return entry.content;
  }

  // For whoever keeps the changes

  /** The lower tree has this name, whatever covers it. */
  hasBelow(directory: Entry, name: string): boolean {
    const { lowerPath } = directory;
    return lowerPath !== undefined && typeof this.lower.stat(`${lowerPath === '/' ? '' : lowerPath}/${name}`, false) !== 'number';
  }
  /** A symbolic link's text. */
  textOf(found: Found): string {
    const text = 'entry' in found ? found.entry.target : this.lower.readlink(found.lowerPath);
    return typeof text === 'string' ? text : '';
  }
  /** A file's bytes as they are now; `done` lets the file go. */
  bytesOf(found: Found): { read: (into: Uint8Array, position: number) => number; done: () => void } {
    const content = 'entry' in found ? found.entry.content : undefined;
    if (content !== undefined) return { read: (into, position) => content.read(into, position), done: () => {} };
    const path = 'entry' in found ? found.entry.lowerPath : found.lowerPath;
    const fd = path === undefined ? -ERRNO.ENOENT : this.lower.open(path, O.RDONLY | O.NOFOLLOW, 0);
    if (fd < 0) return { read: () => fd, done: () => {} };
    return { read: (into, position) => this.lower.read(fd, into, position), done: () => this.lower.close(fd) };
  }

  /** Puts a name into the tree without asking who may: an archive's members, a kept overlay. Directories on the way are made. */
  plant(path: string, entry: Entry | null): void {
    const names = path.split('/').filter((n) => n !== '');
    const last = names.pop() ?? '';
    let at = this.root;
    for (const name of names) {
      const found = this.lookup(at, name);
      let next = typeof found === 'number' ? undefined : 'entry' in found ? found.entry : undefined;
      if (next === undefined || (next.mode & S.IFMT) !== S.IFDIR) {
        next = newEntry(S.IFDIR | 0o755, this.freshIdentity(at), { uid: 0, gid: 0 }, entry?.mtimeNs ?? this.options.nowNs());
        at.children.set(name, next);
        at.nlink++;
      }
      at = next;
    }
    const before = at.children.get(last);
    const isDirectory = (e: Entry | null | undefined): boolean => e !== undefined && e !== null && (e.mode & S.IFMT) === S.IFDIR;
    if (isDirectory(entry) && !isDirectory(before)) at.nlink++;
    if (!isDirectory(entry) && isDirectory(before)) at.nlink--;
    at.children.set(last, entry);
  }

  // Host: files

  override open(path: string, flags: number, mode: number): number {
    let found = this.find(path);
    if (typeof found === 'number') {
      if (found !== -ERRNO.ENOENT || (flags & O.CREAT) === 0) return found;
      const made = this.make(path, S.IFREG | (mode & S.PERMISSIONS));
      return typeof made === 'number' ? made : this.newFile({ found: { entry: made }, flags, lowerFd: -1, position: 0 });
    }
    if ((flags & O.CREAT) !== 0 && (flags & O.EXCL) !== 0) return -ERRNO.EEXIST;
    const stat = this.statOf(found);
    if ((flags & O.PATH) !== 0) return this.newFile({ found, flags, lowerFd: -1, position: 0 });
    if ((stat.mode & S.IFMT) === S.IFLNK) return -ERRNO.ELOOP;
    const access = flags & O.ACCMODE;
    const writes = access !== O.RDONLY || (flags & O.TRUNC) !== 0;
    if ((stat.mode & S.IFMT) === S.IFDIR && writes) return -ERRNO.EISDIR;
    const wanted = (access === O.WRONLY ? 0 : ACCESS.R) | (writes ? ACCESS.W : 0);
    const denied = mayAccess(this.options.user, stat, wanted);
    if (denied < 0) return denied;
    if (writes) {
      const changed = this.change(path);
      if (typeof changed === 'number') return changed;
      const content = (flags & O.TRUNC) === 0 ? this.contentOf(changed.entry) : (changed.entry.content ??= new Content()); // nothing of the lower file is wanted
      if (typeof content === 'number') return content;
      if ((flags & O.TRUNC) !== 0) {
        content.truncate(0);
        this.modified(changed.entry);
      }
      found = { entry: changed.entry };
    }
    const lowerPath = 'entry' in found ? (found.entry.content === undefined ? found.entry.lowerPath : undefined) : found.lowerPath;
    const lowerFd = lowerPath === undefined ? -1 : this.lower.open(lowerPath, O.RDONLY | O.NOFOLLOW | (flags & O.NOATIME), 0);
    if (lowerPath !== undefined && lowerFd < 0) return lowerFd;
    return this.newFile({ found, flags, lowerFd, position: 0 });
  }
  private newFile(file: OpenFile): number {
    const fd = this.nextFd++;
    this.files.set(fd, file);
    return fd;
  }
  /** A file that was opened untouched may have been changed since. */
  private foundOf(file: OpenFile): Found {
    if ('entry' in file.found) return file.found;
    const entry = this.byIdentity.get(file.found.stat.identity);
    return entry === undefined ? file.found : { entry };
  }
  override close(fd: number): number {
    const file = this.files.get(fd);
    if (file === undefined) return super.close(fd);
    this.files.delete(fd);
    if (file.lowerFd >= 0) this.lower.close(file.lowerFd);
    return 0;
  }
  override read(fd: number, into: Uint8Array, position: number): number {
    const file = this.files.get(fd);
    if (file === undefined) return super.read(fd, into, position);
    const found = this.foundOf(file);
    const at = position < 0 ? file.position : position;
    const content = 'entry' in found ? found.entry.content : undefined;
    const n = content !== undefined ? content.read(into, at) : file.lowerFd < 0 ? -ERRNO.EBADF : this.lower.read(file.lowerFd, into, at);
    if (n > 0 && position < 0) file.position += n;
    return n;
  }
  override write(fd: number, from: Uint8Array, position: number): number {
    const file = this.files.get(fd);
    if (file === undefined) return super.write(fd, from, position);
    const { found } = file;
    const content = 'entry' in found ? found.entry.content : undefined;
    if (!('entry' in found) || content === undefined || (file.flags & O.ACCMODE) === O.RDONLY) return -ERRNO.EBADF;
    const at = (file.flags & O.APPEND) !== 0 ? content.size : position < 0 ? file.position : position;
    if (at + from.length > LARGEST) return -ERRNO.EFBIG;
    const n = content.write(from, at);
    if (n < 0) return n;
    if (position < 0) file.position = at + n;
    this.modified(found.entry);
    return n;
  }
  override fstat(fd: number): HostStat | number {
    const file = this.files.get(fd);
    return file === undefined ? super.fstat(fd) : this.statOf(this.foundOf(file));
  }
  override position(fd: number): { readonly offset: number; readonly flags: number } | number {
    const file = this.files.get(fd);
    return file === undefined ? super.position(fd) : { offset: file.position, flags: file.flags };
  }
  override fsync(fd: number): number {
    return this.files.has(fd) ? 0 : super.fsync(fd);
  }
  /** A path outside the lower tree is none of the guest's. */
  override pathOf(fd: number): string | number {
    const path = super.pathOf(fd);
    const { lower } = this.options;
    if (typeof path === 'number') return path;
    return lower !== undefined && path.startsWith(`${lower}/`) ? path.slice(lower.length) : -ERRNO.ENOENT;
  }

  // Host: names and what stat says

  override stat(path: string): HostStat | number {
    const found = this.find(path);
    return typeof found === 'number' ? found : this.statOf(found);
  }
  override access(path: string, mode: number): number {
    const found = this.find(path);
    return typeof found === 'number' ? found : mayAccess(this.options.user, this.statOf(found), mode);
  }
  override readdir(path: string): string[] | number {
    const directory = this.find(path);
    if (typeof directory === 'number') return directory;
    if (!('entry' in directory) || (directory.entry.mode & S.IFMT) !== S.IFDIR) return -ERRNO.ENOTDIR;
    const { entry } = directory;
    const denied = mayAccess(this.options.user, entry, ACCESS.R);
    return denied < 0 ? denied : this.names(entry);
  }
  /** All names of a directory, sorted. */
  names(entry: Entry): string[] | number {
    const below = entry.lowerPath === undefined ? [] : this.lower.readdir(entry.lowerPath || '/');
    if (typeof below === 'number') return below;
    const names = below.filter((name) => !entry.children.has(name));
    for (const [name, child] of entry.children) if (child !== null) names.push(name);
    return names.sort(compareNames);
  }
  override readlink(path: string): string | number {
    const found = this.find(path);
    if (typeof found === 'number') return found;
    if ('stat' in found) return this.lower.readlink(found.lowerPath);
    return found.entry.target ?? -ERRNO.EINVAL;
  }
  override mkdir(path: string, mode: number): number {
    const made = this.make(path, S.IFDIR | (mode & S.PERMISSIONS));
    return typeof made === 'number' ? made : 0;
  }
  override symlink(target: string, path: string): number {
    const made = this.make(path, S.IFLNK | 0o777, target);
    return typeof made === 'number' ? made : 0;
  }
  override link(from: string, to: string): number {
    const target = this.change(from);
    if (typeof target === 'number') return target;
    const place = this.placeForNew(to);
    if (typeof place === 'number') return place;
    if ((target.entry.mode & S.IFMT) === S.IFDIR) return -ERRNO.EPERM;
    target.entry.nlink++;
    target.entry.ctimeNs = this.options.nowNs();
    place.parent.children.set(place.name, target.entry);
    this.modified(place.parent);
    return 0;
  }
  /** The name goes; a lower name behind it stays hidden. */
  private remove(parent: Entry, name: string): void {
    if (parent.lowerPath === undefined) parent.children.delete(name);
    else parent.children.set(name, null);
    this.modified(parent);
  }
  private removal(path: string): { readonly entry: Entry; readonly parent: Entry; readonly name: string } | number {
    const place = this.place(path);
    if (typeof place === 'number') return place;
    const target = this.change(path);
    if (typeof target === 'number') return target;
    if (stickyForbids(this.options.user, place.parent, target.entry)) return -ERRNO.EPERM;
    return { entry: target.entry, ...place };
  }
  override unlink(path: string): number {
    const target = this.removal(path);
    if (typeof target === 'number') return target;
    if ((target.entry.mode & S.IFMT) === S.IFDIR) return -ERRNO.EISDIR;
    this.dropLink(target.entry);
    this.remove(target.parent, target.name);
    return 0;
  }
  private dropLink(entry: Entry): void {
    entry.nlink--;
    entry.ctimeNs = this.options.nowNs();
  }
  override rmdir(path: string): number {
    const target = this.removal(path);
    if (typeof target === 'number') return target;
    if ((target.entry.mode & S.IFMT) !== S.IFDIR) return -ERRNO.ENOTDIR;
    const names = this.names(target.entry);
    if (typeof names === 'number') return names;
    if (names.length > 0) return -ERRNO.ENOTEMPTY;
    target.parent.nlink--;
    this.remove(target.parent, target.name);
    return 0;
  }
  override rename(from: string, to: string): number {
    if (to.startsWith(`${from}/`)) return -ERRNO.EINVAL;
    if (from.startsWith(`${to}/`)) return -ERRNO.ENOTEMPTY;
    const place = this.place(to);
    if (typeof place === 'number') return place;
    const source = this.removal(from);
    if (typeof source === 'number') return source;
    const isDirectory = (source.entry.mode & S.IFMT) === S.IFDIR;
    const there = this.lookup(place.parent, place.name);
    if (typeof there === 'number' && there !== -ERRNO.ENOENT) return there;
    if (typeof there !== 'number') {
      const replaced = this.touch(there);
      if (replaced === source.entry) return 0;
      const denied = this.replace(replaced, place.parent, isDirectory);
      if (denied < 0) return denied;
    }
    this.remove(source.parent, source.name);
    place.parent.children.set(place.name, source.entry);
    if (isDirectory) {
      source.parent.nlink--;
      place.parent.nlink++;
    }
    source.entry.ctimeNs = this.options.nowNs();
    this.modified(place.parent);
    return 0;
  }
  private replace(replaced: Entry, parent: Entry, byDirectory: boolean): number {
    if (stickyForbids(this.options.user, parent, replaced)) return -ERRNO.EPERM;
    if ((replaced.mode & S.IFMT) !== S.IFDIR) {
      if (byDirectory) return -ERRNO.ENOTDIR;
      this.dropLink(replaced);
      return 0;
    }
    if (!byDirectory) return -ERRNO.EISDIR;
    const names = this.names(replaced);
    if (typeof names === 'number') return names;
    if (names.length > 0) return -ERRNO.ENOTEMPTY;
    parent.nlink--;
    return 0;
  }

  // Host: metadata

  private alter(target: { readonly entry: Entry } | number, what: (entry: Entry) => number): number {
    if (typeof target === 'number') return target;
    const result = what(target.entry);
    if (result < 0) return result;
    target.entry.changed = true;
    target.entry.ctimeNs = this.options.nowNs();
    return result;
  }
  private ofFd(fd: number): { readonly entry: Entry } {
    const file = this.files.get(fd) as OpenFile;
    return { entry: this.touch(this.foundOf(file)) };
  }
  private readonly setMode =
    (mode: number) =>
    (e: Entry): number => {
      if (!isOwner(this.options.user, e)) return -ERRNO.EPERM;
      e.mode = (e.mode & S.IFMT) | (mode & S.PERMISSIONS);
      return 0;
    };
  private readonly setOwner =
    (uid: number, gid: number) =>
    (e: Entry): number => {
      const { user } = this.options;
      const same = (uid === -1 || uid === e.uid) && (gid === -1 || gid === e.gid || gid === user.gid);
      if (user.uid !== 0 && !(same && isOwner(user, e))) return -ERRNO.EPERM;
      if (uid !== -1) e.uid = uid;
      if (gid !== -1) e.gid = gid;
      return 0;
    };
  private readonly setTimes =
    (atimeNs: bigint | undefined, mtimeNs: bigint | undefined) =>
    (e: Entry): number => {
      const { user, nowNs } = this.options;
      const denied = isOwner(user, e) ? 0 : atimeNs === undefined && mtimeNs === undefined ? mayAccess(user, e, ACCESS.W) : -ERRNO.EPERM;
      if (denied < 0) return denied;
      e.atimeNs = atimeNs ?? nowNs();
      e.mtimeNs = mtimeNs ?? nowNs();
      return 0;
    };
  private readonly resize =
    (size: number) =>
    (e: Entry): number => {
      if (size > LARGEST) return -ERRNO.EFBIG;
      const content = this.contentOf(e);
      if (typeof content === 'number') return content;
      content.truncate(size);
      e.mtimeNs = this.options.nowNs();
      return 0;
    };
  override chmod(path: string, mode: number): number {
    return this.alter(this.change(path), this.setMode(mode));
  }
  override fchmod(fd: number, mode: number): number {
    return this.files.has(fd) ? this.alter(this.ofFd(fd), this.setMode(mode)) : super.fchmod(fd, mode);
  }
  override chown(path: string, uid: number, gid: number): number {
    return this.alter(this.change(path), this.setOwner(uid, gid));
  }
  override fchown(fd: number, uid: number, gid: number): number {
    return this.files.has(fd) ? this.alter(this.ofFd(fd), this.setOwner(uid, gid)) : super.fchown(fd, uid, gid);
  }
  override utimes(path: string, atimeNs: bigint | undefined, mtimeNs: bigint | undefined): number {
    return this.alter(this.change(path), this.setTimes(atimeNs, mtimeNs));
  }
  override futimes(fd: number, atimeNs: bigint | undefined, mtimeNs: bigint | undefined): number {
    return this.files.has(fd) ? this.alter(this.ofFd(fd), this.setTimes(atimeNs, mtimeNs)) : super.futimes(fd, atimeNs, mtimeNs);
  }
  override truncate(path: string, size: number): number {
    const target = this.change(path);
    if (typeof target === 'number') return target;
    const denied = mayAccess(this.options.user, target.entry, ACCESS.W);
    return denied < 0 ? denied : this.alter(target, this.resize(size));
  }
  override ftruncate(fd: number, size: number): number {
    return this.files.has(fd) ? this.alter(this.ofFd(fd), this.resize(size)) : super.ftruncate(fd, size);
  }
  override statfs(): HostStatfs | number {
    return ROOM;
  }
}
