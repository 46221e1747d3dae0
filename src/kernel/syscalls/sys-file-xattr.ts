/** Extended attributes: user.*, trusted.* and security.* of files that the host's file systems hold; no ACLs. */
import { ERRNO } from '#abi/errno.ts';
import { ACCESS, AT, O, XATTR } from '#abi/fs.ts';
import type { SyscallName } from '#abi/syscall-numbers.ts';
import type { Kernel } from '../kernel.ts';
import { CAP, type Task } from '../task/task.ts';
import { FifoNode } from '../vfs/fifo.ts';
import { HostNode } from '../vfs/host-tree.ts';
import type { FileStat } from '../vfs/node.ts';
import { callerOf, isOwner, permission } from '../vfs/permission.ts';
import { refusesXattr } from '../vfs/xattrs.ts';
import { full, partial } from './row.ts';
import { type Target, nodeOf, statOf, targetOf } from './sys-file-common.ts';
import type { SyscallArgs, SyscallResult, SyscallRow } from './types.ts';

type Find = (k: Kernel, t: Task, a: SyscallArgs) => Target | number;
const onPath =
  (flags: number): Find =>
  (k, t, a) =>
    targetOf(k, t, AT.FDCWD, a.n(0), flags);
const onFile: Find = (_k, t, a) => {
  const file = t.files.get(a.i32(0));
  return file === undefined || (file.flags & O.PATH) !== 0 ? -ERRNO.EBADF : { file };
};

/** import_xattr_name: 1 to 255 bytes. */
function nameAt(t: Task, va: number): string | number {
  const name = t.memory.readString(va, XATTR.NAME_MAX);
  if (name === undefined) return -ERRNO.EFAULT;
  return name === '' || name === 'too long' ? -ERRNO.ERANGE : name;
}

/** The file, once it is allowed to do that with the name. */
function allowed(t: Task, target: Target | number, name: string, write: boolean): FileStat | number {
  if (typeof target === 'number') return target;
  const node = nodeOf(target);
  const stat = statOf(target);
  if (typeof stat === 'number') return stat;
  if (!(node instanceof HostNode || node instanceof FifoNode)) return -ERRNO.EOPNOTSUPP;
  const who = callerOf(t);
  const refused = refusesXattr(stat, name, write, t.can(CAP.SYS_ADMIN), isOwner(who, stat));
  if (refused < 0) return refused;
  const denied = name.startsWith('user.') ? permission(who, node, write ? ACCESS.W : ACCESS.R) : 0;
  return denied < 0 ? denied : stat;
}

/** A result in a buffer of the caller's: only its length with size 0. */
function give(t: Task, bytes: Uint8Array, va: number, size: number): SyscallResult {
  if (size === 0) return bytes.length;
  if (bytes.length > size) return -ERRNO.ERANGE;
  return t.memory.write(va, bytes) ? bytes.length : -ERRNO.EFAULT;
}

const set =
  (find: Find) =>
  (k: Kernel, t: Task, a: SyscallArgs): SyscallResult => {
    if ((a.i32(4) & ~(XATTR.CREATE | XATTR.REPLACE)) !== 0) return -ERRNO.EINVAL;
    const name = nameAt(t, a.n(1));
    if (typeof name === 'number') return name;
    if (a.n(3) > XATTR.SIZE_MAX) return -ERRNO.E2BIG;
    const value = t.memory.read(a.n(2), a.n(3));
    if (value === undefined) return -ERRNO.EFAULT;
    const file = allowed(t, find(k, t, a), name, true);
    return typeof file === 'number' ? file : k.vfs.inodes.xattrs.set(file, name, value, a.i32(4));
  };
const get =
  (find: Find) =>
  (k: Kernel, t: Task, a: SyscallArgs): SyscallResult => {
    const name = nameAt(t, a.n(1));
    if (typeof name === 'number') return name;
    const file = allowed(t, find(k, t, a), name, false);
    if (typeof file === 'number') return file;
    const value = k.vfs.inodes.xattrs.get(file, name);
    return typeof value === 'number' ? value : give(t, value, a.n(2), a.n(3));
  };
const list =
  (find: Find) =>
  (k: Kernel, t: Task, a: SyscallArgs): SyscallResult => {
    const target = find(k, t, a);
    if (typeof target === 'number') return target;
    const stat = statOf(target);
    return typeof stat === 'number' ? stat : give(t, k.vfs.inodes.xattrs.list(stat, t.can(CAP.SYS_ADMIN)), a.n(1), a.n(2));
  };
const remove =
  (find: Find) =>
  (k: Kernel, t: Task, a: SyscallArgs): SyscallResult => {
    const name = nameAt(t, a.n(1));
    if (typeof name === 'number') return name;
    const file = allowed(t, find(k, t, a), name, true);
    return typeof file === 'number' ? file : k.vfs.inodes.xattrs.remove(file, name);
  };

const NOTE = 'of the session: neither the host’s are shown nor these left there; system.* (ACLs) and security.capability: EOPNOTSUPP';
const verbs = { setxattr: set, getxattr: get, listxattr: list, removexattr: remove };

export const FILE_XATTR_ROWS: readonly SyscallRow[] = Object.entries(verbs).flatMap(([name, make]): SyscallRow[] => {
  const verb = name as keyof typeof verbs;
  const row = verb === 'removexattr' ? full : (n: SyscallName, h: SyscallRow['handler']): SyscallRow => partial(n, h, NOTE);
  return [row(verb, make(onPath(0))), row(`l${verb}`, make(onPath(AT.SYMLINK_NOFOLLOW))), row(`f${verb}`, make(onFile))];
});
