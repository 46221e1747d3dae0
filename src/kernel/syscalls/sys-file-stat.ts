/** stat, statx, access, readlink, statfs. */
import { ERRNO } from '#abi/errno.ts';
import { ACCESS, AT, NAME_MAX, O, S, makeDevice, majorOf, minorOf } from '#abi/fs.ts';
import { STAT, STATFS, STATX, STATX_BASIC_STATS, STATX_MNT_ID, STATX_RESERVED } from '#abi/stat.ts';
import { encodeUtf8 } from '#base/utf8.ts';
import type { Kernel } from '../kernel.ts';
import type { Task } from '../task/task.ts';
import type { FileStat, Node } from '../vfs/node.ts';
import { callerOf, permission, realCallerOf } from '../vfs/permission.ts';
import { find } from '../vfs/walk.ts';
import { full, partial } from './row.ts';
import { type Target, nodeOf, pathArgument, startOf, statOf, targetOf } from './sys-file-common.ts';
import type { SyscallArgs, SyscallResult, SyscallRow } from './types.ts';

const SECOND = 1_000_000_000n;
/** Seconds round down, so that nanoseconds are never negative. */
function split(ns: bigint): readonly [bigint, bigint] {
  const rest = ((ns % SECOND) + SECOND) % SECOND;
  return [(ns - rest) / SECOND, rest];
}

export function encodeStat(stat: FileStat): Uint8Array {
  const [atime, atimeNsec] = split(stat.atimeNs);
  const [mtime, mtimeNsec] = split(stat.mtimeNs);
  const [ctime, ctimeNsec] = split(stat.ctimeNs);
  return STAT.encode({
    st_dev: stat.dev,
    st_ino: stat.ino,
    st_nlink: stat.nlink,
    st_mode: stat.mode,
    st_uid: stat.uid,
    st_gid: stat.gid,
    st_rdev: stat.rdev,
    st_size: stat.size,
    st_blksize: stat.blksize,
    st_blocks: stat.blocks,
    st_atime: atime,
    st_atime_nsec: atimeNsec,
    st_mtime: mtime,
    st_mtime_nsec: mtimeNsec,
    st_ctime: ctime,
    st_ctime_nsec: ctimeNsec,
  });
}

function freshStat(k: Kernel, target: Target): FileStat | number {
  if ('file' in target) k.vfs.inodes.generation++; // no walk has just been there: an O_PATH descriptor's node asks the host anew
  return statOf(target);
}

function giveStat(k: Kernel, t: Task, target: Target | number, va: number): SyscallResult {
  if (typeof target === 'number') return target;
  const stat = freshStat(k, target);
  if (typeof stat === 'number') return stat;
  return t.memory.write(va, encodeStat(stat)) ? 0 : -ERRNO.EFAULT;
}

const stat = (k: Kernel, t: Task, a: SyscallArgs): SyscallResult => giveStat(k, t, targetOf(k, t, AT.FDCWD, a.n(0), 0), a.n(1));
const lstat = (k: Kernel, t: Task, a: SyscallArgs): SyscallResult =>
  giveStat(k, t, targetOf(k, t, AT.FDCWD, a.n(0), AT.SYMLINK_NOFOLLOW), a.n(1));
function fstat(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const file = t.files.get(a.i32(0));
  return file === undefined ? -ERRNO.EBADF : giveStat(k, t, { file }, a.n(1));
}

const STAT_FLAGS = AT.SYMLINK_NOFOLLOW | AT.NO_AUTOMOUNT | AT.EMPTY_PATH | AT.STATX_SYNC_TYPE;

function newfstatat(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const flags = a.i32(3);
  if ((flags & ~STAT_FLAGS) !== 0) return -ERRNO.EINVAL;
  return giveStat(k, t, targetOf(k, t, a.i32(0), a.n(1), flags), a.n(2));
}

function statx(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const flags = a.i32(2);
  if ((a.u32(3) & STATX_RESERVED) !== 0) return -ERRNO.EINVAL;
  if ((flags & ~STAT_FLAGS) !== 0 || (flags & AT.STATX_SYNC_TYPE) === AT.STATX_SYNC_TYPE) return -ERRNO.EINVAL;
  const target = targetOf(k, t, a.i32(0), a.n(1), flags);
  if (typeof target === 'number') return target;
  const s = freshStat(k, target);
  if (typeof s === 'number') return s;
  const [atime, atimeNsec] = split(s.atimeNs);
  const [mtime, mtimeNsec] = split(s.mtimeNs);
  const [ctime, ctimeNsec] = split(s.ctimeNs);
  const bytes = STATX.encode({
    stx_mask: STATX_BASIC_STATS | STATX_MNT_ID,
    stx_blksize: s.blksize,
    stx_nlink: s.nlink,
    stx_uid: s.uid,
    stx_gid: s.gid,
    stx_mode: s.mode,
    stx_ino: s.ino,
    stx_size: s.size,
    stx_blocks: s.blocks,
    stx_atime_sec: atime,
    stx_atime_nsec: atimeNsec,
    stx_ctime_sec: ctime,
    stx_ctime_nsec: ctimeNsec,
    stx_mtime_sec: mtime,
    stx_mtime_nsec: mtimeNsec,
    stx_rdev_major: majorOf(s.rdev),
    stx_rdev_minor: minorOf(s.rdev),
    stx_dev_major: majorOf(s.dev),
    stx_dev_minor: minorOf(s.dev),
    stx_mnt_id: mountId(k, nodeOf(target)),
  });
  return t.memory.write(a.n(4), bytes) ? 0 : -ERRNO.EFAULT;
}

/** As /proc/self/mountinfo counts them; 0 for what lies in no mount. */
function mountId(k: Kernel, node: Node): number {
  return k.vfs.mounts.findIndex((m) => m.kind === node.kind) + 1;
}

function checkAccess(k: Kernel, t: Task, dirfd: number, va: number, mode: number, flags: number): SyscallResult {
  if ((mode & ~(ACCESS.R | ACCESS.W | ACCESS.X)) !== 0) return -ERRNO.EINVAL;
  if ((flags & ~(AT.EACCESS | AT.SYMLINK_NOFOLLOW | AT.EMPTY_PATH)) !== 0) return -ERRNO.EINVAL;
  const who = (flags & AT.EACCESS) === 0 ? realCallerOf(t) : callerOf(t); // for the directories on the way, too
  const target = targetOf(k, t, dirfd, va, flags, who);
  if (typeof target === 'number') return target;
  const node = nodeOf(target);
  if (mode === ACCESS.F || node.type() === S.IFLNK) return 0;
  return permission(who, node, mode) || node.access(mode);
}
const access = (k: Kernel, t: Task, a: SyscallArgs): SyscallResult => checkAccess(k, t, AT.FDCWD, a.n(0), a.i32(1), 0);
const faccessat = (k: Kernel, t: Task, a: SyscallArgs): SyscallResult => checkAccess(k, t, a.i32(0), a.n(1), a.i32(2), 0);
const faccessat2 = (k: Kernel, t: Task, a: SyscallArgs): SyscallResult => checkAccess(k, t, a.i32(0), a.n(1), a.i32(2), a.i32(3));

/** The link that a path names; with an empty path the link that an O_PATH descriptor is (readlink(2), since 2.6.39). */
function linkOf(k: Kernel, t: Task, dirfd: number, va: number): Node | number {
  const path = pathArgument(t, va);
  if (typeof path === 'number') return path;
  if (path === '') {
    if (dirfd === AT.FDCWD) return -ERRNO.ENOENT;
    const file = t.files.get(dirfd);
    if (file === undefined) return -ERRNO.EBADF;
    return file.node.type() === S.IFLNK ? file.node : -ERRNO.ENOENT;
  }
  const from = startOf(k, t, dirfd, path);
  return typeof from === 'number' ? from : find(from, path, 'nofollow');
}
function doReadlink(k: Kernel, t: Task, dirfd: number, va: number, buffer: number, size: number): SyscallResult {
  if (size <= 0) return -ERRNO.EINVAL;
  const node = linkOf(k, t, dirfd, va);
  if (typeof node === 'number') return node;
  if (node.type() !== S.IFLNK) return -ERRNO.EINVAL;
  const text = node.readlink();
  if (typeof text === 'number') return text;
  const bytes = encodeUtf8(text).subarray(0, size);
  return t.memory.write(buffer, bytes) ? bytes.length : -ERRNO.EFAULT;
}
const readlink = (k: Kernel, t: Task, a: SyscallArgs): SyscallResult => doReadlink(k, t, AT.FDCWD, a.n(0), a.n(1), a.i32(2));
const readlinkat = (k: Kernel, t: Task, a: SyscallArgs): SyscallResult => doReadlink(k, t, a.i32(0), a.n(1), a.n(2), a.i32(3));

function giveStatfs(t: Task, node: Node, va: number): SyscallResult {
  const room = node.room();
  const bytes = STATFS.encode({
    f_type: node.kind.magic,
    f_bsize: 4096,
    f_blocks: Math.floor((room.blocks * room.blockSize) / 4096),
    f_bfree: Math.floor((room.blocksFree * room.blockSize) / 4096),
    f_bavail: Math.floor((room.blocksAvailable * room.blockSize) / 4096),
    f_files: room.files,
    f_ffree: room.filesFree,
    f_fsid: makeDevice(majorOf(node.kind.device), minorOf(node.kind.device)),
    f_namelen: NAME_MAX,
    f_frsize: 4096,
    f_flags: node.kind.flags,
  });
  return t.memory.write(va, bytes) ? 0 : -ERRNO.EFAULT;
}
function statfs(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const target = targetOf(k, t, AT.FDCWD, a.n(0), 0);
  return typeof target === 'number' ? target : giveStatfs(t, nodeOf(target), a.n(1));
}
function fstatfs(_k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const file = t.files.get(a.i32(0));
  return file === undefined || (file.flags & O.PATH) !== 0 ? -ERRNO.EBADF : giveStatfs(t, file.node, a.n(1));
}

export const FILE_STAT_ROWS: readonly SyscallRow[] = [
  full('stat', stat),
  full('lstat', lstat),
  full('fstat', fstat),
  full('newfstatat', newfstatat),
  partial('statx', statx, 'no birth time, no attributes'),
  full('access', access),
  full('faccessat', faccessat),
  full('faccessat2', faccessat2),
  full('readlink', readlink),
  full('readlinkat', readlinkat),
  partial('statfs', statfs, 'room is the host’s, so not the same on every machine'),
  partial('fstatfs', fstatfs, 'room is the host’s, so not the same on every machine'),
];
