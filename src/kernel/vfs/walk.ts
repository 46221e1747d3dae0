/** Walking a path (path_resolution(7)). One loop for all calls; what they want of the last component is in what comes back. */
import { ERRNO } from '#abi/errno.ts';
import { ACCESS, MAX_SYMLINKS, NAME_MAX, PATH_MAX, S } from '#abi/fs.ts';
import { utf8Length } from '#base/utf8.ts';
import type { Node } from './node.ts';
import { type Caller, permission } from './permission.ts';

export interface Walked {
  /** The directory that holds the last component; the node itself for `/`, `.` and `..`. */
  readonly parent: Node;
  /** Last component. `.` and `..` stand for themselves, '' is the root. */
  readonly name: string;
  /** Undefined: the directory has no such name. */
  readonly node: Node | undefined;
  /** The path ended with a slash: what it names must be, or become, a directory. */
  readonly slash: boolean;
}

export interface WalkFrom {
  readonly root: Node;
  readonly start: Node;
  /** Who walks; undefined: the kernel itself, which may pass everywhere. */
  readonly who?: Caller;
}

/** The entry `name` of a directory: mounts first, `..` stops at the root. */
export function childOf(root: Node, directory: Node, name: string): Node | number {
  if (!directory.isDirectory) return -ERRNO.ENOTDIR;
  if (name === '.') return directory;
  if (name === '..') return directory === root ? directory : (directory.parent ?? directory);
  return directory.overlay?.get(name) ?? directory.lookup(name);
}

/**
 * What happens at the last component. `entry` calls (mkdir, unlink, rename …) act on the name, even with a slash behind it. `create` and
 * `createHere` are open's O_CREAT without and with O_EXCL or
 * O_NOFOLLOW: no file can be made under a name with a slash, whatever is there already.
 */
export type LastLink = 'follow' | 'nofollow' | 'entry' | 'create' | 'createHere';

/** Walks `path`. A missing last component is no error (node undefined); anything else is -errno. */
export function walk(from: WalkFrom, path: string, lastLink: LastLink): Walked | number {
  if (path === '') return -ERRNO.ENOENT;
  if (utf8Length(path) >= PATH_MAX) return -ERRNO.ENAMETOOLONG;
  const todo = components(path);
  let directory = path.startsWith('/') ? from.root : from.start;
  let slash = path.endsWith('/');
  let links = 0;
  const followed = lastLink === 'follow' || lastLink === 'create';
  const creates = lastLink === 'create' || lastLink === 'createHere';
  if (todo.length === 0) return { parent: directory, name: '', node: directory, slash };
  for (;;) {
    const name = todo.pop() as string;
    const last = todo.length === 0;
    const denied = directory.isDirectory ? permission(from.who, directory, ACCESS.X) : 0;
    if (denied < 0) return denied;
    if (name.length > NAME_MAX / 3 && utf8Length(name) > NAME_MAX) return -ERRNO.ENAMETOOLONG;
    if (last && slash && creates && isName(name) && directory.isDirectory) return -ERRNO.EISDIR;
    const node = childOf(from.root, directory, name);
    if (typeof node === 'number') {
      if (last && node === -ERRNO.ENOENT) return { parent: directory, name, node: undefined, slash };
      return node;
    }
    if (node.type() === S.IFLNK && (!last || followed || (slash && lastLink === 'nofollow'))) {
      if (++links > MAX_SYMLINKS) return -ERRNO.ELOOP;
      const jumped = node.jump();
      if (typeof jumped === 'number') return jumped;
      if (jumped !== undefined) {
        if (last) return { parent: directory, name, node: jumped, slash };
        directory = jumped;
        continue;
      }
      const target = node.readlink();
      if (typeof target === 'number') return target;
      if (target === '') return -ERRNO.ENOENT;
      if (last && target.endsWith('/')) slash = true;
      if (target.startsWith('/')) directory = from.root;
      todo.push(...components(target));
      if (todo.length === 0) return { parent: directory, name: '', node: directory, slash };
      continue;
    }
    if (last) {
      if (slash && !node.isDirectory && lastLink !== 'entry') return -ERRNO.ENOTDIR;
      return { parent: directory, name, node, slash };
    }
    directory = node;
  }
}

/** Components in reverse, so that the next one is popped. */
const components = (path: string): string[] =>
  path
    .split('/')
    .filter((part) => part !== '')
    .reverse();

/** True for a last component that names an entry (LAST_NORM). */
export const isName = (name: string): boolean => name !== '' && name !== '.' && name !== '..';

/** The node of a path that must exist. */
export function find(from: WalkFrom, path: string, lastLink: 'follow' | 'nofollow' = 'follow'): Node | number {
  const walked = walk(from, path, lastLink);
  if (typeof walked === 'number') return walked;
  return walked.node ?? -ERRNO.ENOENT;
}
