/** File systems made of functions: procfs, sysfs and devfs are trees of these. */
import { ERRNO } from '#abi/errno.ts';
import { S, directoryType } from '#abi/fs.ts';
import { decodeUtf8, encodeUtf8 } from '#base/utf8.ts';
import { DirectoryDescription } from './directory.ts';
import { FileDescription } from './file-description.ts';
import { type DirectoryEntry, type FileStat, type FileSystemKind, Node } from './node.ts';

/** What every node of a pseudo file system needs from its tree. */
export interface PseudoTree {
  readonly kind: FileSystemKind;
  nextIno(): number;
  bootNs(): bigint;
  owner(): { readonly uid: number; readonly gid: number };
}

export abstract class PseudoNode extends Node {
  readonly tree: PseudoTree;
  protected readonly ino: number;
  private readonly permissions: number;
  /** Owner, where it is not root. */
  owner: { readonly uid: number; readonly gid: number } = { uid: 0, gid: 0 };

  constructor(tree: PseudoTree, parent: Node | undefined, name: string, permissions: number) {
    super(tree.kind, parent, name);
    this.tree = tree;
    this.ino = tree.nextIno();
    this.permissions = permissions;
  }
  protected size(): number {
    return 0;
  }
  protected device(): number {
    return 0;
  }
  protected links(): number {
    return 1;
  }
  override stat(): FileStat | number {
    const t = this.tree.bootNs();
    return {
      dev: this.kind.device,
      ino: this.ino,
      mode: this.type() | this.permissions,
      nlink: this.links(),
      uid: this.owner.uid,
      gid: this.owner.gid,
      rdev: this.device(),
      size: this.size(),
      blksize: this.isDirectory || this.device() === 0 ? 1024 : 4096,
      blocks: 0,
      atimeNs: t,
      mtimeNs: t,
      ctimeNs: t,
    };
  }
  override access(mode: number): number {
    if ((mode & 2) !== 0 && (this.permissions & 0o222) === 0) return -ERRNO.EACCES;
    if ((mode & 1) !== 0 && (this.permissions & 0o111) === 0) return -ERRNO.EACCES;
    return 0;
  }
}

/** A directory whose entries are made at the first look. */
export class PseudoDirectory extends PseudoNode {
  private readonly children = new Map<string, Node>();

  constructor(tree: PseudoTree, parent: Node | undefined, name: string, permissions = 0o555) {
    super(tree, parent, name, permissions);
  }
  override type(): number {
    return S.IFDIR;
  }
  protected override links(): number {
    let n = 2;
    for (const child of this.children.values()) if (child.isDirectory) n++;
    return n;
  }
  add<T extends Node>(child: T): T {
    this.children.set(child.name, child);
    return child;
  }
  remove(child: Node): void {
    if (this.children.get(child.name) === child) this.children.delete(child.name);
    child.unlinked = true;
  }
  /** The directory at `path` below this one, made on the way. */
  directory(path: string): PseudoDirectory {
    const [name, ...rest] = path.split('/').filter((p) => p !== '');
    if (name === undefined) return this;
    const known = this.children.get(name);
    const next = known instanceof PseudoDirectory ? known : this.add(new PseudoDirectory(this.tree, this, name));
    return next.directory(rest.join('/'));
  }
  /** `store`: takes what is written; 0 or -errno. Without it the file is read-only. */
  file(path: string, content: () => string | Uint8Array, store?: (text: string) => number): this {
    const cut = path.lastIndexOf('/');
    const at = this.directory(cut < 0 ? '' : path.slice(0, cut));
    at.add(new PseudoFile(this.tree, at, path.slice(cut + 1), content, store === undefined ? 0o444 : 0o644, store));
    return this;
  }
  override lookup(name: string): Node | number {
    return this.children.get(name) ?? -ERRNO.ENOENT;
  }
  override list(): DirectoryEntry[] | number {
    return [...this.children.values()].map((c) => {
      const stat = c.stat();
      return { name: c.name, ino: typeof stat === 'number' ? 1 : stat.ino, type: directoryType(c.type()) };
    });
  }
  override create(): number {
    return -ERRNO.ENOENT;
  }
  override mkdir(): number {
    return -ERRNO.ENOENT;
  }
  override open(flags: number): FileDescription | number {
    return new DirectoryDescription(this, flags);
  }
}

/** A file whose text is made when it is read from its start; what is written goes to `store`. */
export class PseudoFile extends PseudoNode {
  private readonly content: () => string | Uint8Array;
  private readonly store: ((text: string) => number) | undefined;

  constructor(
    tree: PseudoTree,
    parent: Node | undefined,
    name: string,
    content: () => string | Uint8Array,
    permissions = 0o444,
    store?: (text: string) => number,
  ) {
    super(tree, parent, name, permissions);
    this.content = content;
    this.store = store;
  }
  override type(): number {
    return S.IFREG;
  }
  override open(flags: number): FileDescription | number {
    const text = (): Uint8Array => {
      const content = this.content();
      return typeof content === 'string' ? encodeUtf8(content) : content;
    };
    const description = new TextDescription(this, flags, text, this.store);
    return description.writable && this.tree.owner().uid !== 0 ? -ERRNO.EACCES : description; // root may open what it cannot write
  }
}

/** Reads a text made on demand: the text is taken anew at offset 0. */
export class TextDescription extends FileDescription {
  private readonly make: () => Uint8Array;
  private readonly store: ((text: string) => number) | undefined;
  private text: Uint8Array | undefined;

  constructor(node: Node, flags: number, make: () => Uint8Array, store?: (text: string) => number) {
    super(node, flags);
    this.make = make;
    this.store = store;
  }
  override get seekable(): boolean {
    return true;
  }
  override read(into: Uint8Array): number {
    return this.readAtOffset(into);
  }
  override pread(into: Uint8Array, position: number): number {
    if (this.text === undefined || position === 0) this.text = this.make();
    const part = this.text.subarray(position, position + into.length);
    into.set(part);
    return part.length;
  }
  /** One write is one value, as sysctl and sysfs take it. */
  override write(from: Uint8Array): number {
    const result = this.store?.(decodeUtf8(from)) ?? -ERRNO.EINVAL;
    this.text = undefined;
    return result < 0 ? result : from.length;
  }
  override truncate(): number {
    return 0; // O_TRUNC of a shell's redirection
  }
  override seek(offset: number, whence: number): number {
    return whence === 2 ? -ERRNO.EINVAL : this.seekTo(offset, whence, 0); // seq_lseek has no SEEK_END
  }
}

export class PseudoLink extends PseudoNode {
  private readonly target: () => string;
  private readonly to: (() => Node | number | undefined) | undefined;

  /** `to`: a magic link leads there directly. */
  constructor(tree: PseudoTree, parent: Node | undefined, name: string, target: () => string, to?: () => Node | number | undefined) {
    super(tree, parent, name, 0o777);
    this.target = target;
    this.to = to;
  }
  override type(): number {
    return S.IFLNK;
  }
  override readlink(): string | number {
    return this.target();
  }
  override jump(): Node | number | undefined {
    return this.to?.();
  }
  override open(): number {
    return -ERRNO.ELOOP;
  }
}
