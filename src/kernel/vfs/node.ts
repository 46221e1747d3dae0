/**
 * Nodes: what a path can name. A tree of nodes is a dentry tree: a node knows its parent and name, so that `..`, getcwd and a rename
 * of a directory that somebody stands in work without strings. What does not fit a kind of node answers with Linux's errno.
 */
import { ERRNO } from '#abi/errno.ts';
import { S } from '#abi/fs.ts';
import type { Wait } from '../syscalls/types.ts';
import { type FileDescription, type Opened, PathDescription } from './file-description.ts';

/** What stat(2) says, with the kernel's own device and inode numbers. */
export interface FileStat {
  readonly dev: number;
  readonly ino: number;
  readonly mode: number;
  readonly nlink: number;
  readonly uid: number;
  readonly gid: number;
  readonly rdev: number;
  readonly size: number;
  readonly blksize: number;
  /** Units of 512 bytes. */
  readonly blocks: number;
  readonly atimeNs: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
}

export interface DirectoryEntry {
  readonly name: string;
  readonly ino: number;
  /** DT_*. */
  readonly type: number;
}

/** What statfs(2) and /proc/mounts say of a file system. */
export interface FileSystemKind {
  /** Type as /proc/mounts names it. */
  readonly type: string;
  readonly source: string;
  readonly magic: number;
  /** ST_* mount flags. */
  readonly flags: number;
  /** dev_t of its files. */
  readonly device: number;
}

/** Whose a file is. */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** utimensat's two times: `undefined` leaves one as it is. */
export interface NewTimes {
  readonly atimeNs: bigint | 'now' | undefined;
  readonly mtimeNs: bigint | 'now' | undefined;
}

export interface StatfsRoom {
  readonly blockSize: number;
  readonly blocks: number;
  readonly blocksFree: number;
  readonly blocksAvailable: number;
  readonly files: number;
  readonly filesFree: number;
}

const NO_ROOM: StatfsRoom = { blockSize: 4096, blocks: 0, blocksFree: 0, blocksAvailable: 0, files: 0, filesFree: 0 };

export abstract class Node {
  readonly kind: FileSystemKind;
  /** Undefined: the root, or something without a name (a pipe). */
  parent: Node | undefined;
  name: string;
  /** True once the name is gone from its directory. */
  unlinked = false;
  /** Names that the kernel itself put into this directory: roots of other file systems, FIFOs. They win over the directory's own. */
  overlay: Map<string, Node> | undefined;

  constructor(kind: FileSystemKind, parent: Node | undefined, name: string) {
    this.kind = kind;
    this.parent = parent;
    this.name = name;
  }

  abstract stat(): FileStat | number;
  /** S_IF* without a stat where that is known. */
  abstract type(): number;
  /** A new description of what the name stands for. `flags` O_*, creation flags already dealt with. */
  abstract open(flags: number, resumed?: Wait): Opened;

  /** O_PATH: a description that is only a place. */
  openPlace(flags: number): FileDescription {
    return new PathDescription(this, flags);
  }

  get isDirectory(): boolean {
    return this.type() === S.IFDIR;
  }
  get isRootOfMount(): boolean {
    return this.parent !== undefined && this.parent.kind !== this.kind && this.parent.overlay?.get(this.name) === this;
  }

  /** 0 or -EACCES and the like. `mode` R 4, W 2, X 1. */
  access(_mode: number): number {
    return 0;
  }
  /** A file of this name in this directory; -ENOENT. Never called with `.` and `..`. */
  lookup(_name: string): Node | number {
    return -ERRNO.ENOTDIR;
  }
  /** Without `.` and `..`, sorted. */
  list(): DirectoryEntry[] | number {
    return -ERRNO.ENOTDIR;
  }
  readlink(): string | number {
    return -ERRNO.EINVAL;
  }
  /** A magic link of /proc: following it leads to a node, whatever its text says. */
  jump(): Node | number | undefined {
    return undefined;
  }
  /**
   * Opens with O_CREAT a name that is not there (or not any more). `mode` has the umask applied. `owner`: whose the new file is; undefined: the
   * session's own user's.
   */
  create(_name: string, _flags: number, _mode: number, _owner?: Owner): FileDescription | number {
    return -ERRNO.EACCES;
  }
  mkdir(_name: string, _mode: number, _owner?: Owner): number {
    return -ERRNO.EPERM;
  }
  symlink(_name: string, _target: string, _owner?: Owner): number {
    return -ERRNO.EPERM;
  }
  /** A new name in this directory for `target`. */
  link(_name: string, _target: Node): number {
    return -ERRNO.EXDEV;
  }
  unlink(_child: Node): number {
    return -ERRNO.EPERM;
  }
  rmdir(_child: Node): number {
    return -ERRNO.EPERM;
  }
  /** Moves `child` of this directory; `replaced` is what has the new name now. */
  rename(_child: Node, _to: Node, _name: string, _replaced: Node | undefined): number {
    return -ERRNO.EXDEV;
  }
  chmod(_mode: number): number {
    return -ERRNO.EPERM;
  }
  /** -1 leaves an id as it is. */
  chown(_uid: number, _gid: number): number {
    return -ERRNO.EPERM;
  }
  setTimes(_times: NewTimes): number {
    return -ERRNO.EPERM;
  }
  truncate(_size: number): number {
    return this.isDirectory ? -ERRNO.EISDIR : -ERRNO.EINVAL;
  }
  room(): StatfsRoom {
    return NO_ROOM;
  }

  /** Absolute path within `root` as getcwd and /proc show it; undefined when the node lies outside or its name is gone. */
  path(root: Node): string | undefined {
    if (this === root) return '/';
    if (this.unlinked) return undefined;
    const above = this.parent?.path(root);
    return above === undefined ? undefined : above === '/' ? `/${this.name}` : `${above}/${this.name}`;
  }
  /** What /proc/PID/fd and maps show: the path, `pipe:[7]`, or the path with ` (deleted)`. */
  describe(root: Node): string {
    if (!this.unlinked) return this.path(root) ?? this.name;
    const directory = this.parent?.path(root) ?? '';
    return `${directory === '/' ? '' : directory}/${this.name} (deleted)`;
  }
}
