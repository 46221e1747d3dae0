/** Calls that change names and metadata: mkdir … rename, link, chmod, chown, utimensat, truncate. */
import { ERRNO } from '#abi/errno.ts';
import { ACCESS, AT, O, S, UTIME } from '#abi/fs.ts';
import { TIMESPEC, TIMEVAL, UTIMBUF } from '#abi/stat.ts';
import type { Kernel } from '../kernel.ts';
import type { Task } from '../task/task.ts';
import type { NewTimes } from '../vfs/node.ts';
import { callerOf, mayChown, maySetTimes, modeFor, permission } from '../vfs/permission.ts';
import * as tree from '../vfs/tree-ops.ts';
import { walk } from '../vfs/walk.ts';
import { full, partial } from './row.ts';
import { type Target, dropSetIds, nodeOf, ownerOf, pathArgument, placeOf, statOf, targetOf } from './sys-file-common.ts';
import { mayGrow } from './sys-limits.ts';
import type { SyscallArgs, SyscallResult, SyscallRow } from './types.ts';

function doMkdir(k: Kernel, t: Task, dirfd: number, va: number, mode: number): SyscallResult {
  const place = placeOf(k, t, dirfd, va);
  if (typeof place === 'number') return place;
  return tree.makeDirectory(place.from, place.path, mode & 0o1777 & ~t.fs.umask);
}
const mkdir = (k: Kernel, t: Task, a: SyscallArgs): SyscallResult => doMkdir(k, t, AT.FDCWD, a.n(0), a.u32(1));
const mkdirat = (k: Kernel, t: Task, a: SyscallArgs): SyscallResult => doMkdir(k, t, a.i32(0), a.n(1), a.u32(2));

function doMknod(k: Kernel, t: Task, dirfd: number, va: number, mode: number): SyscallResult {
  const place = placeOf(k, t, dirfd, va);
  if (typeof place === 'number') return place;
  return tree.makeNode(place.from, place.path, mode & ~t.fs.umask, k.vfs.inodes, ownerOf(t));
}
const mknod = (k: Kernel, t: Task, a: SyscallArgs): SyscallResult => doMknod(k, t, AT.FDCWD, a.n(0), a.u32(1));
const mknodat = (k: Kernel, t: Task, a: SyscallArgs): SyscallResult => doMknod(k, t, a.i32(0), a.n(1), a.u32(2));

function doUnlink(k: Kernel, t: Task, dirfd: number, va: number, flags: number): SyscallResult {
  if ((flags & ~AT.REMOVEDIR) !== 0) return -ERRNO.EINVAL;
  const place = placeOf(k, t, dirfd, va);
  if (typeof place === 'number') return place;
  return (flags & AT.REMOVEDIR) === 0 ? tree.removeFile(place.from, place.path) : tree.removeDirectory(place.from, place.path);
}
const unlink = (k: Kernel, t: Task, a: SyscallArgs): SyscallResult => doUnlink(k, t, AT.FDCWD, a.n(0), 0);
const rmdir = (k: Kernel, t: Task, a: SyscallArgs): SyscallResult => doUnlink(k, t, AT.FDCWD, a.n(0), AT.REMOVEDIR);
const unlinkat = (k: Kernel, t: Task, a: SyscallArgs): SyscallResult => doUnlink(k, t, a.i32(0), a.n(1), a.i32(2));

function doRename(k: Kernel, t: Task, dirfd: number, va: number, newDirfd: number, newVa: number, flags: number): SyscallResult {
  const old = placeOf(k, t, dirfd, va);
  if (typeof old === 'number') return old;
  const walked = walk(old.from, old.path, 'entry'); // the old path's errors come before the new one is looked at
  if (typeof walked === 'number') return walked;
  const place = placeOf(k, t, newDirfd, newVa);
  if (typeof place === 'number') return place;
  return tree.rename(old.from, old.path, place.from, place.path, flags);
}
const rename = (k: Kernel, t: Task, a: SyscallArgs): SyscallResult => doRename(k, t, AT.FDCWD, a.n(0), AT.FDCWD, a.n(1), 0);
const renameat = (k: Kernel, t: Task, a: SyscallArgs): SyscallResult => doRename(k, t, a.i32(0), a.n(1), a.i32(2), a.n(3), 0);
const renameat2 = (k: Kernel, t: Task, a: SyscallArgs): SyscallResult => doRename(k, t, a.i32(0), a.n(1), a.i32(2), a.n(3), a.u32(4));

function doLink(k: Kernel, t: Task, dirfd: number, va: number, newDirfd: number, newVa: number, flags: number): SyscallResult {
  if ((flags & ~(AT.SYMLINK_FOLLOW | AT.EMPTY_PATH)) !== 0) return -ERRNO.EINVAL;
  const follow = (flags & AT.SYMLINK_FOLLOW) === 0 ? AT.SYMLINK_NOFOLLOW : 0;
  const target = targetOf(k, t, dirfd, va, (flags & AT.EMPTY_PATH) | follow);
  if (typeof target === 'number') return target;
  const place = placeOf(k, t, newDirfd, newVa);
  return typeof place === 'number' ? place : tree.makeLink(nodeOf(target), place.from, place.path);
}
const link = (k: Kernel, t: Task, a: SyscallArgs): SyscallResult => doLink(k, t, AT.FDCWD, a.n(0), AT.FDCWD, a.n(1), 0);
const linkat = (k: Kernel, t: Task, a: SyscallArgs): SyscallResult => doLink(k, t, a.i32(0), a.n(1), a.i32(2), a.n(3), a.i32(4));

function doSymlink(k: Kernel, t: Task, targetVa: number, dirfd: number, va: number): SyscallResult {
  const target = pathArgument(t, targetVa);
  if (typeof target === 'number') return target;
  const place = placeOf(k, t, dirfd, va);
  return typeof place === 'number' ? place : tree.makeSymlink(place.from, target, place.path);
}
const symlink = (k: Kernel, t: Task, a: SyscallArgs): SyscallResult => doSymlink(k, t, a.n(0), AT.FDCWD, a.n(1));
const symlinkat = (k: Kernel, t: Task, a: SyscallArgs): SyscallResult => doSymlink(k, t, a.n(0), a.i32(1), a.n(2));

function doChmod(t: Task, target: Target | number, mode: number): SyscallResult {
  if (typeof target === 'number') return target;
  const stat = statOf(target);
  if (typeof stat === 'number') return stat;
  const bits = modeFor(callerOf(t), stat, mode & S.PERMISSIONS);
  if (bits < 0) return bits;
  if ('file' in target) return (target.file.flags & O.PATH) !== 0 ? -ERRNO.EBADF : target.file.chmod(bits);
  return target.node.type() === S.IFLNK ? -ERRNO.EOPNOTSUPP : target.node.chmod(bits);
}
const chmod = (k: Kernel, t: Task, a: SyscallArgs): SyscallResult => doChmod(t, targetOf(k, t, AT.FDCWD, a.n(0), 0), a.u32(1));
const fchmodat = (k: Kernel, t: Task, a: SyscallArgs): SyscallResult => doChmod(t, targetOf(k, t, a.i32(0), a.n(1), 0), a.u32(2));
function fchmodat2(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const flags = a.i32(3);
  if ((flags & ~(AT.SYMLINK_NOFOLLOW | AT.EMPTY_PATH)) !== 0) return -ERRNO.EINVAL;
  return doChmod(t, targetOf(k, t, a.i32(0), a.n(1), flags), a.u32(2));
}
const fchmod = (_k: Kernel, t: Task, a: SyscallArgs): SyscallResult => doChmod(t, fileTarget(t, a.i32(0)), a.u32(1));

function fileTarget(t: Task, fd: number): Target | number {
  const file = t.files.get(fd);
  return file === undefined || (file.flags & O.PATH) !== 0 ? -ERRNO.EBADF : { file };
}

function doChown(t: Task, target: Target | number, uid: number, gid: number): SyscallResult {
  if (typeof target === 'number') return target;
  const stat = statOf(target);
  const denied = typeof stat === 'number' ? stat : mayChown(callerOf(t), stat, uid, gid);
  if (denied < 0) return denied;
  return 'file' in target ? target.file.chown(uid, gid) : target.node.chown(uid, gid);
}
const chown = (k: Kernel, t: Task, a: SyscallArgs): SyscallResult => doChown(t, targetOf(k, t, AT.FDCWD, a.n(0), 0), a.i32(1), a.i32(2));
const lchown = (k: Kernel, t: Task, a: SyscallArgs): SyscallResult =>
  doChown(t, targetOf(k, t, AT.FDCWD, a.n(0), AT.SYMLINK_NOFOLLOW), a.i32(1), a.i32(2));
const fchown = (_k: Kernel, t: Task, a: SyscallArgs): SyscallResult => doChown(t, fileTarget(t, a.i32(0)), a.i32(1), a.i32(2));
function fchownat(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const flags = a.i32(4);
  if ((flags & ~(AT.SYMLINK_NOFOLLOW | AT.EMPTY_PATH)) !== 0) return -ERRNO.EINVAL;
  return doChown(t, targetOf(k, t, a.i32(0), a.n(1), flags), a.i32(2), a.i32(3));
}

const NS = 1_000_000_000n;

/** utimensat's two timespecs; a NULL pointer is the present. */
function timespecs(t: Task, va: number): NewTimes | number {
  if (va === 0) return { atimeNs: 'now', mtimeNs: 'now' };
  const bytes = t.memory.read(va, 2 * TIMESPEC.size);
  if (bytes === undefined) return -ERRNO.EFAULT;
  const time = (at: number): bigint | 'now' | undefined | number => {
    const nsec = TIMESPEC.get(bytes, 'tv_nsec', at);
    if (nsec === UTIME.NOW) return 'now';
    if (nsec === UTIME.OMIT) return undefined;
    return nsec < 0 || nsec >= 1e9 ? -ERRNO.EINVAL : TIMESPEC.getBig(bytes, 'tv_sec', at) * NS + BigInt(nsec);
  };
  const atimeNs = time(0);
  const mtimeNs = time(TIMESPEC.size);
  if (typeof atimeNs === 'number' || typeof mtimeNs === 'number') return -ERRNO.EINVAL;
  return { atimeNs, mtimeNs };
}
/** utimes' two timevals. */
function timevals(t: Task, va: number): NewTimes | number {
  if (va === 0) return { atimeNs: 'now', mtimeNs: 'now' };
  const bytes = t.memory.read(va, 2 * TIMEVAL.size);
  if (bytes === undefined) return -ERRNO.EFAULT;
  const times = [0, TIMEVAL.size].map((at) => {
    const usec = TIMEVAL.get(bytes, 'tv_usec', at);
    return usec < 0 || usec >= 1e6 ? undefined : TIMEVAL.getBig(bytes, 'tv_sec', at) * NS + BigInt(usec) * 1000n;
  });
  if (times[0] === undefined || times[1] === undefined) return -ERRNO.EINVAL;
  return { atimeNs: times[0], mtimeNs: times[1] };
}

function doTimes(t: Task, target: Target | number, times: NewTimes | number): SyscallResult {
  if (typeof times === 'number') return times;
  if (typeof target === 'number') return target;
  if (times.atimeNs === undefined && times.mtimeNs === undefined) return 0;
  const stat = statOf(target);
  const present = times.atimeNs === 'now' && times.mtimeNs === 'now';
  const denied = typeof stat === 'number' ? stat : maySetTimes(callerOf(t), stat, present);
  if (denied < 0) return denied;
  return 'file' in target ? target.file.setTimes(times) : target.node.setTimes(times);
}
function utimensat(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const flags = a.i32(3);
  if ((flags & ~(AT.SYMLINK_NOFOLLOW | AT.EMPTY_PATH)) !== 0) return -ERRNO.EINVAL;
  const times = timespecs(t, a.n(2));
  if (a.n(1) === 0) return a.i32(0) === AT.FDCWD ? -ERRNO.EFAULT : doTimes(t, fileTarget(t, a.i32(0)), times);
  return doTimes(t, targetOf(k, t, a.i32(0), a.n(1), flags), times);
}
const utimes = (k: Kernel, t: Task, a: SyscallArgs): SyscallResult => doTimes(t, targetOf(k, t, AT.FDCWD, a.n(0), 0), timevals(t, a.n(1)));
function futimesat(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const times = timevals(t, a.n(2));
  return doTimes(t, a.n(1) === 0 ? fileTarget(t, a.i32(0)) : targetOf(k, t, a.i32(0), a.n(1), 0), times);
}
function utime(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  let times: NewTimes = { atimeNs: 'now', mtimeNs: 'now' };
  if (a.n(1) !== 0) {
    const bytes = t.memory.read(a.n(1), UTIMBUF.size);
    if (bytes === undefined) return -ERRNO.EFAULT;
    times = { atimeNs: UTIMBUF.getBig(bytes, 'actime') * NS, mtimeNs: UTIMBUF.getBig(bytes, 'modtime') * NS };
  }
  return doTimes(t, targetOf(k, t, AT.FDCWD, a.n(0), 0), times);
}

function truncate(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const size = a.s(1);
  if (size < 0) return -ERRNO.EINVAL;
  const target = targetOf(k, t, AT.FDCWD, a.n(0), 0);
  if (typeof target === 'number') return target;
  const node = nodeOf(target);
  const denied = node.isDirectory ? -ERRNO.EISDIR : permission(callerOf(t), node, ACCESS.W);
  const refused = denied < 0 ? denied : mayGrow(k, t, node, size);
  if (refused < 0) return refused;
  dropSetIds(k, t, node);
  return node.truncate(size);
}

/** chroot: the guest's own root moves; it needs no right, and there is none to gain. */
function chroot(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const target = targetOf(k, t, AT.FDCWD, a.n(0), 0);
  if (typeof target === 'number') return target;
  const node = nodeOf(target);
  if (!node.isDirectory) return -ERRNO.ENOTDIR;
  const denied = permission(callerOf(t), node, ACCESS.X);
  if (denied < 0) return denied;
  if (t.credentials.euid !== 0) return -ERRNO.EPERM;
  t.fs.root = node;
  return 0;
}

const RENAME_NOTE = 'RENAME_WHITEOUT: EINVAL, as file systems without it';
const NODE_NOTE = 'regular files and FIFOs; a FIFO exists inside the session only; devices EPERM';
const TIME_NOTE =
  'the host’s own file keeps about 0.2 µs less than nanoseconds (Node takes seconds as a double); the session sees the exact value';

export const FILE_TREE_ROWS: readonly SyscallRow[] = [
  full('mkdir', mkdir),
  full('mkdirat', mkdirat),
  full('rmdir', rmdir),
  full('unlink', unlink),
  full('unlinkat', unlinkat),
  full('rename', rename),
  full('renameat', renameat),
  partial('renameat2', renameat2, RENAME_NOTE),
  full('link', link),
  full('linkat', linkat),
  full('symlink', symlink),
  full('symlinkat', symlinkat),
  partial('mknod', mknod, NODE_NOTE),
  partial('mknodat', mknodat, NODE_NOTE),
  full('chmod', chmod),
  full('fchmod', fchmod),
  full('fchmodat', fchmodat),
  full('fchmodat2', fchmodat2),
  full('chown', chown),
  full('lchown', lchown),
  full('fchown', fchown),
  full('fchownat', fchownat),
  partial('utimensat', utimensat, TIME_NOTE),
  partial('utimes', utimes, TIME_NOTE),
  partial('futimesat', futimesat, TIME_NOTE),
  partial('utime', utime, TIME_NOTE),
  full('truncate', truncate),
  full('chroot', chroot),
];
