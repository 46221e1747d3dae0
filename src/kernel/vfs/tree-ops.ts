/** Calls that change names: mkdir, rmdir, unlink, link, symlink, rename, mknod. What permission.ts lets pass is left to the host's own checks. */
import { ERRNO } from '#abi/errno.ts';
import { ACCESS, RENAME, S } from '#abi/fs.ts';
import { FifoNode, NamedNode } from './fifo.ts';
import type { InodeTable } from './inodes.ts';
import type { Node, Owner } from './node.ts';
import { mayChange, mayDelete, mayLink, permission } from './permission.ts';
import { type WalkFrom, type Walked, isName, walk } from './walk.ts';

/** The place of a name that is to be made, whatever may be done there. fs/namei.c filename_create. */
function freePlace(from: WalkFrom, path: string, directory: boolean): Walked | number {
  const walked = walk(from, path, 'entry');
  if (typeof walked === 'number') return walked;
  if (!isName(walked.name) || walked.node !== undefined) return -ERRNO.EEXIST;
  if (walked.parent.unlinked) return -ERRNO.ENOENT;
  return walked.slash && !directory ? -ERRNO.ENOENT : walked;
}

/** A place in which the caller may make a name. */
function newPlace(from: WalkFrom, path: string, directory: boolean): Walked | number {
  const place = freePlace(from, path, directory);
  const denied = typeof place === 'number' ? place : mayChange(from.who, place.parent);
  return denied < 0 ? denied : place;
}

/** `mode` with the umask applied. */
export function makeDirectory(from: WalkFrom, path: string, mode: number): number {
  const place = newPlace(from, path, true);
  return typeof place === 'number' ? place : place.parent.mkdir(place.name, mode, from.who);
}

export function makeSymlink(from: WalkFrom, target: string, path: string): number {
  if (target === '') return -ERRNO.ENOENT;
  const place = newPlace(from, path, false);
  return typeof place === 'number' ? place : place.parent.symlink(place.name, target, from.who);
}

export function makeLink(target: Node, from: WalkFrom, path: string): number {
  const place = freePlace(from, path, false);
  if (typeof place === 'number') return place;
  const denied = mayLink(from.who, target) || mayChange(from.who, place.parent);
  if (denied < 0) return denied;
  return target.isDirectory ? -ERRNO.EPERM : place.parent.link(place.name, target);
}

function putNamed<N extends NamedNode>({ parent, name }: Walked, make: (parent: Node, name: string) => N): N | number {
  const denied = parent.access(2);
  if (denied < 0) return denied;
  const node = make(parent, name);
  parent.overlay ??= new Map();
  parent.overlay.set(name, node);
  return node;
}

/** A new special file that the kernel keeps itself: a bound socket. */
export function makeNamed<N extends NamedNode>(from: WalkFrom, path: string, make: (parent: Node, name: string) => N): N | number {
  const place = newPlace(from, path, false);
  return typeof place === 'number' ? place : putNamed(place, make);
}

/** mknod: regular files and FIFOs. `mode` with the umask applied. */
export function makeNode(from: WalkFrom, path: string, mode: number, inodes: InodeTable, owner: Owner): number {
  const place = newPlace(from, path, false);
  if (typeof place === 'number') return place;
  const { parent, name } = place;
  switch (mode & S.IFMT) {
    case 0:
    case S.IFREG: {
      const file = parent.create(name, 0o301, mode & S.PERMISSIONS, owner); // O_WRONLY | O_CREAT | O_EXCL
      if (typeof file === 'number') return file;
      file.release();
      return 0;
    }
    case S.IFIFO: {
      const made = putNamed(place, () => new FifoNode(inodes, parent, name, mode & S.PERMISSIONS, owner));
      return typeof made === 'number' ? made : 0;
    }
    default:
      return -ERRNO.EPERM;
  }
}

/** Removes a name that the kernel itself holds: a FIFO goes, a mount stays. */
function removeOverlay(node: Node, parent: Node): number {
  if (!(node instanceof NamedNode)) return -ERRNO.EBUSY;
  parent.overlay?.delete(node.name);
  node.unlinked = true;
  return 0;
}
const inOverlay = (node: Node): boolean => node.parent?.overlay?.get(node.name) === node;

export function removeFile(from: WalkFrom, path: string): number {
  const walked = walk(from, path, 'entry');
  if (typeof walked === 'number') return walked;
  const { parent, name, node, slash } = walked;
  if (!isName(name)) return -ERRNO.EISDIR;
  if (node === undefined) return -ERRNO.ENOENT;
  if (slash) return node.isDirectory ? -ERRNO.EISDIR : -ERRNO.ENOTDIR;
  const denied = mayDelete(from.who, parent, node);
  if (denied < 0) return denied;
  if (node.isDirectory) return inOverlay(node) ? -ERRNO.EBUSY : -ERRNO.EISDIR;
  return inOverlay(node) ? removeOverlay(node, parent) : parent.unlink(node);
}

export function removeDirectory(from: WalkFrom, path: string): number {
  const walked = walk(from, path, 'entry');
  if (typeof walked === 'number') return walked;
  const { parent, name, node } = walked;
  if (name === '') return -ERRNO.EBUSY;
  if (name === '.') return -ERRNO.EINVAL;
  if (name === '..') return -ERRNO.ENOTEMPTY;
  if (node === undefined) return -ERRNO.ENOENT;
  const denied = mayDelete(from.who, parent, node);
  if (denied < 0) return denied;
  if (!node.isDirectory) return -ERRNO.ENOTDIR;
  if (inOverlay(node)) return -ERRNO.EBUSY;
  if (node.overlay !== undefined && node.overlay.size > 0) return -ERRNO.ENOTEMPTY;
  return parent.rmdir(node);
}

/** `node` is `above` or lies below it. */
function isWithin(node: Node, above: Node): boolean {
  for (let at: Node | undefined = node; at !== undefined; at = at.parent) if (at === above) return true;
  return false;
}

/** renameat2. */
export function rename(from: WalkFrom, path: string, to: WalkFrom, newPath: string, flags: number): number {
  if ((flags & ~(RENAME.NOREPLACE | RENAME.EXCHANGE | RENAME.WHITEOUT)) !== 0) return -ERRNO.EINVAL;
  if ((flags & RENAME.EXCHANGE) !== 0 && (flags & (RENAME.NOREPLACE | RENAME.WHITEOUT)) !== 0) return -ERRNO.EINVAL;
  if ((flags & RENAME.WHITEOUT) !== 0) return -ERRNO.EINVAL; // as file systems that lack it
  const swap = (flags & RENAME.EXCHANGE) !== 0;
  const old = walk(from, path, 'entry');
  if (typeof old === 'number') return old;
  const place = walk(to, newPath, 'entry');
  if (typeof place === 'number') return place;
  if (!isName(old.name)) return -ERRNO.EBUSY;
  if (!isName(place.name)) return (flags & RENAME.NOREPLACE) === 0 ? -ERRNO.EBUSY : -ERRNO.EEXIST;
  const { node } = old;
  if (node === undefined) return -ERRNO.ENOENT;
  if (place.node !== undefined && (flags & RENAME.NOREPLACE) !== 0) return -ERRNO.EEXIST;
  if (swap && place.node === undefined) return -ERRNO.ENOENT;
  if (swap && place.slash && place.node?.isDirectory !== true) return -ERRNO.ENOTDIR;
  if (!node.isDirectory && (old.slash || (place.slash && !swap))) return -ERRNO.ENOTDIR;
  if (isWithin(place.parent, node)) return -ERRNO.EINVAL; // lock_rename's trap: before any right is looked at
  if (place.node !== undefined && isWithin(old.parent, place.node)) return swap ? -ERRNO.EINVAL : -ERRNO.ENOTEMPTY;
  if (place.node === node) return 0;
  const denied =
    mayDelete(from.who, old.parent, node) ||
    (place.node === undefined ? mayChange(to.who, place.parent) : mayDelete(to.who, place.parent, place.node)) ||
    (node.isDirectory && place.parent !== old.parent ? permission(from.who, node, ACCESS.W) : 0); // its `..` changes
  if (denied < 0) return denied;
  if (swap && place.node !== undefined) return exchange(from, old.parent, node, to, place.parent, place.node);
  if (place.node !== undefined && inOverlay(place.node)) {
    if (node.isDirectory) return -ERRNO.ENOTDIR;
    const removed = removeOverlay(place.node, place.parent);
    if (removed < 0) return removed;
  }
  if (inOverlay(node)) return moveNamed(node, old.parent, place);
  return old.parent.rename(node, place.parent, place.name, place.node);
}

/** RENAME_EXCHANGE by way of a third name: nobody but the host's own programs can look in between. */
function exchange(from: WalkFrom, parent: Node, node: Node, to: WalkFrom, otherParent: Node, other: Node): number {
  if (parent.kind !== otherParent.kind) return -ERRNO.EXDEV;
  if (inOverlay(node) || inOverlay(other)) return -ERRNO.EINVAL; // names that the kernel holds
  const denied = other.isDirectory && parent !== otherParent ? permission(to.who ?? from.who, other, ACCESS.W) : 0;
  if (denied < 0) return denied;
  const [name, otherName] = [node.name, other.name];
  let aside = '.exchange';
  while (typeof parent.lookup(aside) !== 'number') aside += '~';
  const first = parent.rename(node, parent, aside, undefined);
  if (first < 0) return first;
  const second = otherParent.rename(other, parent, name, undefined);
  if (second < 0) {
    parent.rename(node, parent, name, undefined);
    return second;
  }
  return parent.rename(node, otherParent, otherName, undefined);
}

function moveNamed(node: Node, parent: Node, place: Walked): number {
  if (!(node instanceof NamedNode)) return -ERRNO.EBUSY;
  if (place.parent.kind !== parent.kind) return -ERRNO.EXDEV;
  if (place.node !== undefined && !inOverlay(place.node)) {
    if (place.node.isDirectory) return -ERRNO.EISDIR;
    const gone = place.node.unlinked ? 0 : place.parent.unlink(place.node);
    if (gone < 0) return gone;
  }
  parent.overlay?.delete(node.name);
  node.parent = place.parent;
  node.name = place.name;
  place.parent.overlay ??= new Map();
  place.parent.overlay.set(place.name, node);
  return 0;
}
