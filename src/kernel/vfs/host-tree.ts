/**
 * The host's files as a file system. Host paths are a prefix and the names on the way down, every symbolic link already resolved by the
 * walk: with a prefix (`--root`) a guest cannot reach what lies outside, because no host call ever follows a link or sees a `..`.
 */
import { ERRNO } from '#abi/errno.ts';
import { O, S, directoryType } from '#abi/fs.ts';
import type { Host, HostStat } from '#port/host.ts';
import { DirectoryDescription } from './directory.ts';
import type { Wait } from '../syscalls/types.ts';
import type { FileDescription, Opened } from './file-description.ts';
import { type FilePages, resizeThrough } from './file-pages.ts';
import { HostFile, HostPlace } from './host-file.ts';
import type { InodeTable } from './inodes.ts';
import { type DirectoryEntry, type FileStat, type FileSystemKind, type NewTimes, Node, type Owner, type StatfsRoom } from './node.ts';

/** What all nodes of one host tree share. */
export interface HostTree {
  readonly host: Host;
  readonly inodes: InodeTable;
  readonly pages: FilePages;
  /** Whose the host makes new files: the session's user. */
  readonly owner: Owner;
  /** Host path of the tree's root, '' for '/'. */
  readonly prefix: string;
  /** Opens what is no file of the host's to the guest: FIFOs live in the kernel. */
  readonly openFifo: (node: Node, identity: string, flags: number, resumed: Wait | undefined) => Opened;
}

/** What open(2) on the host may get of a guest's flags: never a link to follow, never a terminal to gain. */
const HOST_FLAGS = O.ACCMODE | O.CREAT | O.EXCL | O.TRUNC | O.APPEND | O.SYNC | O.NOATIME;

export class HostNode extends Node {
  readonly tree: HostTree;
  private readonly children = new Map<string, HostNode>();
  /** S_IF*; once a directory always a directory, other types are asked for again on every walk. */
  private knownType: number;
  /** What a directory was when its name went, for those who hold it open or stand in it: the host may give its inode away. */
  private last: FileStat | undefined;
  private recent: { readonly generation: number; readonly stat: HostStat } | undefined;

  constructor(tree: HostTree, kind: FileSystemKind, parent: Node | undefined, name: string, type: number) {
    super(kind, parent, name);
    this.tree = tree;
    this.knownType = type;
  }

  /** Where the file is on the host. */
  hostPath(): string {
    const { parent, tree } = this;
    return parent instanceof HostNode && parent.tree === tree ? parent.childPath(this.name) : tree.prefix || '/';
  }
  private childPath(name: string): string {
    const own = this.hostPath();
    return own === '/' ? `/${name}` : `${own}/${name}`;
  }

  private hostStat(): HostStat | number {
    if (this.unlinked) return -ERRNO.ENOENT;
    const { generation } = this.tree.inodes;
    if (this.recent?.generation === generation) return this.recent.stat;
    return this.tree.host.stat(this.hostPath(), false);
  }
  override stat(): FileStat | number {
    if (this.unlinked) return this.last ?? -ERRNO.ENOENT;
    const stat = this.hostStat();
    return typeof stat === 'number' ? stat : this.tree.inodes.toStat(stat);
  }
  override type(): number {
    return this.knownType;
  }
  override access(mode: number): number {
    if (this.unlinked) return 0; // whoever holds it has passed before
    return this.tree.host.access(this.hostPath(), mode);
  }
  override room(): StatfsRoom {
    const room = this.tree.host.statfs(this.hostPath());
    return typeof room === 'number' ? super.room() : room;
  }

  override lookup(name: string): Node | number {
    if (!this.isDirectory) return -ERRNO.ENOTDIR;
    if (this.unlinked) return -ERRNO.ENOENT;
    const known = this.children.get(name);
    if (known?.isDirectory === true) return known;
    const stat = this.tree.host.stat(this.childPath(name), false);
    if (typeof stat === 'number') {
      if (known !== undefined && stat === -ERRNO.ENOENT) this.forget(known);
      return stat;
    }
    const child = this.child(name, stat.mode & S.IFMT);
    child.recent = { generation: this.tree.inodes.generation, stat };
    return child;
  }

  private child(name: string, type: number): HostNode {
    const known = this.children.get(name);
    if (known !== undefined && known.knownType === type) return known;
    if (known !== undefined) this.forget(known);
    const child = new HostNode(this.tree, this.kind, this, name, type);
    this.children.set(name, child);
    return child;
  }
  /** To be called before the name goes. */
  private keepLast(): FileStat | undefined {
    const stat = this.tree.host.stat(this.hostPath(), false);
    return typeof stat === 'number' ? undefined : { ...this.tree.inodes.toStat(stat), nlink: 0 };
  }
  /** The name is gone: whoever still holds the node sees ENOENT, a new file of that name gets a new node. */
  private forget(child: HostNode): void {
    child.unlinked = true;
    if (this.children.get(child.name) === child) this.children.delete(child.name);
  }

  override list(): DirectoryEntry[] | number {
    const names = this.tree.host.readdir(this.hostPath());
    if (typeof names === 'number') return names;
    const out: DirectoryEntry[] = [];
    for (const name of names) {
      const stat = this.tree.host.stat(this.childPath(name), false);
      if (typeof stat === 'number') continue; // deleted between the two calls
      out.push({ name, ino: this.tree.inodes.record(stat.identity).ino, type: directoryType(stat.mode) });
    }
    return out;
  }
  override readlink(): string | number {
    return this.unlinked ? -ERRNO.ENOENT : this.tree.host.readlink(this.hostPath());
  }

  override open(flags: number, resumed?: Wait): Opened {
    if (this.unlinked && !this.isDirectory) return -ERRNO.ENOENT;
    switch (this.knownType) {
      case S.IFDIR: {
        const denied = this.unlinked ? 0 : this.access(4);
        return denied < 0 ? denied : new DirectoryDescription(this, flags);
      }
      case S.IFREG: {
        const before = (flags & O.TRUNC) === 0 ? undefined : this.hostStat();
        const fd = this.openOnHost((flags & HOST_FLAGS & ~(O.CREAT | O.EXCL)) | O.NOFOLLOW);
        if (fd < 0) return fd;
        const file = new HostFile(this, flags, fd);
        if (typeof before === 'object') file.resized(before.size, 0);
        return file;
      }
      case S.IFIFO: {
        const stat = this.hostStat();
        return typeof stat === 'number' ? stat : this.tree.openFifo(this, stat.identity, flags, resumed);
      }
      default:
        return -ERRNO.ENXIO; // sockets, and devices of the host: the guest has /dev of its own
    }
  }

  /** What is no directory is held by the host too, so that it can be asked after its name is gone. */
  override openPlace(flags: number): FileDescription {
    const fd = this.isDirectory ? -1 : this.tree.host.open(this.hostPath(), O.PATH | O.NOFOLLOW, 0);
    return fd < 0 ? super.openPlace(flags) : new HostPlace(this, flags, fd);
  }

  /** Reading leaves no access time on the host where it lets us: a second run finds what the first one found. */
  private openOnHost(flags: number): number {
    const path = this.hostPath();
    if ((flags & O.ACCMODE) !== O.RDONLY) return this.tree.host.open(path, flags, 0);
    const fd = this.tree.host.open(path, flags | O.NOATIME, 0);
    return fd === -ERRNO.EPERM ? this.tree.host.open(path, flags & ~O.NOATIME, 0) : fd;
  }

  override create(name: string, flags: number, mode: number, owner?: Owner): FileDescription | number {
    if (this.unlinked) return -ERRNO.ENOENT;
    const fd = this.tree.host.open(this.childPath(name), (flags & HOST_FLAGS) | O.CREAT | O.NOFOLLOW, mode);
    if (fd < 0) return fd;
    this.give(name, owner);
    const file = new HostFile(this.child(name, S.IFREG), flags, fd);
    this.made(this.tree.host.fstat(fd));
    return file;
  }
  /** The host made the file as its own user's; in a directory with the set-group-ID bit it has the directory's group already. */
  private give(name: string, owner: Owner | undefined): void {
    const { host, owner: made } = this.tree;
    if (owner === undefined || (owner.uid === made.uid && owner.gid === made.gid)) return;
    const stat = this.hostStat();
    const inherits = typeof stat !== 'number' && (stat.mode & S.ISGID) !== 0;
    const path = this.childPath(name);
    const before = host.stat(path, false);
    host.chown(path, owner.uid, inherits ? -1 : owner.gid, false);
    // chown takes the set-ID bits that the file was made with.
    const bits = typeof before !== 'number' && (before.mode & S.IFMT) === S.IFREG ? before.mode & S.PERMISSIONS : 0;
    if ((bits & (S.ISUID | S.ISGID)) !== 0) host.chmod(path, bits);
  }
  private made(stat: HostStat | number): void {
    if (typeof stat !== 'number') this.tree.inodes.created(stat.identity);
    this.directoryChanged();
  }
  private madeAt(name: string, owner: Owner | undefined): void {
    this.give(name, owner);
    this.made(this.tree.host.stat(this.childPath(name), false));
  }
  private directoryChanged(): void {
    const stat = this.tree.host.stat(this.hostPath(), false);
    if (typeof stat !== 'number') this.tree.inodes.modified(stat.identity);
  }
  private inodeChanged(): void {
    this.recent = undefined;
    const stat = this.hostStat();
    if (typeof stat !== 'number') this.tree.inodes.changed(stat.identity);
  }

  override mkdir(name: string, mode: number, owner?: Owner): number {
    if (this.unlinked) return -ERRNO.ENOENT;
    const result = this.tree.host.mkdir(this.childPath(name), mode);
    if (result >= 0) this.madeAt(name, owner);
    return result;
  }
  override symlink(name: string, target: string, owner?: Owner): number {
    if (this.unlinked) return -ERRNO.ENOENT;
    const result = this.tree.host.symlink(target, this.childPath(name));
    if (result >= 0) this.madeAt(name, owner);
    return result;
  }
  override link(name: string, target: Node): number {
    if (this.unlinked) return -ERRNO.ENOENT;
    if (!(target instanceof HostNode) || target.tree !== this.tree) return -ERRNO.EXDEV;
    if (target.isDirectory) return -ERRNO.EPERM;
    if (target.unlinked) return -ERRNO.ENOENT;
    const result = this.tree.host.link(target.hostPath(), this.childPath(name));
    if (result >= 0) {
      target.inodeChanged();
      this.directoryChanged();
    }
    return result;
  }
  override unlink(child: Node): number {
    const stat = child instanceof HostNode ? child.hostStat() : -ERRNO.EBUSY;
    const result = typeof stat === 'number' ? stat : this.tree.host.unlink(this.childPath(child.name));
    if (result < 0 || typeof stat === 'number') return result;
    this.forget(child as HostNode);
    this.tree.inodes.changed(stat.identity);
    this.directoryChanged();
    return 0;
  }
  override rmdir(child: Node): number {
    const last = child instanceof HostNode ? child.keepLast() : undefined;
    const result = this.tree.host.rmdir(this.childPath(child.name));
    if (result < 0) return result;
    if (child instanceof HostNode) {
      child.last = last;
      this.forget(child);
    }
    this.directoryChanged();
    return 0;
  }
  override rename(child: Node, to: Node, name: string, replaced: Node | undefined): number {
    if (!(child instanceof HostNode) || !(to instanceof HostNode) || to.tree !== this.tree) return -ERRNO.EXDEV;
    if (to.unlinked) return -ERRNO.ENOENT;
    const same = replaced === undefined ? false : sameFile(child, replaced);
    const last = replaced instanceof HostNode && replaced.isDirectory ? replaced.keepLast() : undefined;
    const result = this.tree.host.rename(this.childPath(child.name), to.childPath(name));
    if (result < 0 || same) return result; // two names of one file: rename(2) does nothing
    if (replaced instanceof HostNode) {
      replaced.last = last;
      to.forget(replaced);
    }
    this.children.delete(child.name);
    child.parent = to;
    child.name = name;
    to.children.set(name, child);
    child.inodeChanged();
    this.directoryChanged();
    if (to !== this) to.directoryChanged();
    return 0;
  }

  override chmod(mode: number): number {
    if (this.unlinked && this.last !== undefined) {
      this.last = { ...this.last, mode: (this.last.mode & S.IFMT) | mode };
      return 0;
    }
    const result = this.unlinked ? -ERRNO.ENOENT : this.tree.host.chmod(this.hostPath(), mode);
    if (result >= 0) this.inodeChanged();
    return result;
  }
  override chown(uid: number, gid: number): number {
    if (this.unlinked && this.last !== undefined) {
      this.last = { ...this.last, uid: uid === -1 ? this.last.uid : uid, gid: gid === -1 ? this.last.gid : gid };
      return 0;
    }
    const result = this.unlinked ? -ERRNO.ENOENT : this.tree.host.chown(this.hostPath(), uid, gid, false);
    if (result >= 0) this.inodeChanged();
    return result;
  }
  override setTimes(times: NewTimes): number {
    if (this.unlinked && this.last !== undefined) return 0; // nobody can ask for them
    const stat = this.hostStat();
    if (typeof stat === 'number') return stat;
    const { inodes, host } = this.tree;
    const record = inodes.record(stat.identity);
    const before = inodes.toStat(stat);
    const result = host.utimes(this.hostPath(), hostTime(times.atimeNs, before.atimeNs), hostTime(times.mtimeNs, before.mtimeNs), false);
    if (result < 0) return result;
    const now = inodes.now();
    if (times.atimeNs !== undefined) record.atimeNs = times.atimeNs === 'now' ? now : times.atimeNs;
    if (times.mtimeNs !== undefined) record.mtimeNs = times.mtimeNs === 'now' ? now : times.mtimeNs;
    this.inodeChanged();
    return 0;
  }
  override truncate(size: number): number {
    if (this.isDirectory) return -ERRNO.EISDIR;
    const stat = this.hostStat();
    if (typeof stat === 'number') return stat;
    if ((stat.mode & S.IFMT) !== S.IFREG) return -ERRNO.EINVAL;
    const result = this.tree.host.truncate(this.hostPath(), size);
    if (result >= 0) {
      resizeThrough(this.tree.pages, this.tree.inodes.record(stat.identity), stat.size, size);
      this.tree.inodes.modified(stat.identity);
    }
    return result;
  }
}

/** What the host is told: its own present for `now`. */
export const hostTime = (wanted: bigint | 'now' | undefined, before: bigint): bigint | undefined =>
  wanted === 'now' ? undefined : (wanted ?? before);

function sameFile(a: Node, b: Node): boolean {
  const x = a.stat();
  const y = b.stat();
  return typeof x !== 'number' && typeof y !== 'number' && x.ino === y.ino && x.dev === y.dev;
}
