/** open, close, dup, fcntl and their families; umask. */
import { ERESTARTSYS, ERRNO } from '#abi/errno.ts';
import { AT, CLOSE_RANGE, F, FD_CLOEXEC, LOCK, LOCK_TYPE, O, SEEK, SETFL_MASK } from '#abi/fs.ts';
import { NSIG } from '#abi/signals.ts';
import { F_OWNER_EX, FLOCK } from '#abi/stat.ts';
import type { Kernel } from '../kernel.ts';
import type { Task } from '../task/task.ts';
import { type FileDescription, isWait } from '../vfs/file-description.ts';
import type { RecordLock } from '../vfs/locks.ts';
import { MemoryFile } from '../vfs/memory-file.ts';
import { PipeEnd } from '../vfs/pipe.ts';
import { waitFor } from '../vfs/wait.ts';
import { full, partial } from './row.ts';
import { placeOf } from './sys-file-common.ts';
import type { SyscallArgs, SyscallResult, SyscallRow } from './types.ts';

/** All open(2) flags that Linux knows; openat ignores the others, openat2 refuses them. */
const KNOWN_FLAGS =
  O.ACCMODE |
  O.CREAT |
  O.EXCL |
  O.NOCTTY |
  O.TRUNC |
  O.APPEND |
  O.NONBLOCK |
  O.ASYNC |
  O.DIRECT |
  O.LARGEFILE |
  O.DIRECTORY |
  O.NOFOLLOW |
  O.NOATIME |
  O.CLOEXEC |
  O.SYNC |
  O.PATH |
  O.TMPFILE;

function doOpen(k: Kernel, t: Task, dirfd: number, va: number, flags: number, mode: number): SyscallResult {
  if ((flags & O.PATH) === 0 && (flags & O.CREAT) !== 0 && (flags & O.DIRECTORY) !== 0) return -ERRNO.EINVAL; // before the path is looked at
  const place = placeOf(k, t, dirfd, va);
  if (typeof place === 'number') return place;
  const opened = k.vfs.open({ ...place.from, umask: t.fs.umask }, place.path, flags & KNOWN_FLAGS, mode, t.resumed);
  if (typeof opened === 'number' || isWait(opened)) return opened;
  return t.files.install(opened, (flags & O.CLOEXEC) !== 0);
}

const open = (k: Kernel, t: Task, a: SyscallArgs): SyscallResult => doOpen(k, t, AT.FDCWD, a.n(0), a.i32(1), a.u32(2));
const openat = (k: Kernel, t: Task, a: SyscallArgs): SyscallResult => doOpen(k, t, a.i32(0), a.n(1), a.i32(2), a.u32(3));
const creat = (k: Kernel, t: Task, a: SyscallArgs): SyscallResult => doOpen(k, t, AT.FDCWD, a.n(0), O.CREAT | O.WRONLY | O.TRUNC, a.u32(1));

const close = (_k: Kernel, t: Task, a: SyscallArgs): SyscallResult => t.files.close(a.i32(0));

function closeRange(_k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const first = a.u32(0);
  const last = a.u32(1);
  const flags = a.u32(2);
  if ((flags & ~(CLOSE_RANGE.UNSHARE | CLOSE_RANGE.CLOEXEC)) !== 0 || first > last) return -ERRNO.EINVAL;
  if ((flags & CLOSE_RANGE.UNSHARE) !== 0) t.files = t.files.clone();
  for (const fd of t.files.numbers()) {
    if (fd < first || fd > last) continue;
    if ((flags & CLOSE_RANGE.CLOEXEC) !== 0) t.files.setCloseOnExec(fd, true);
    else t.files.close(fd);
  }
  return 0;
}

const dup = (_k: Kernel, t: Task, a: SyscallArgs): SyscallResult => t.files.duplicate(a.i32(0), 0, false);
function dup2(_k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const [fd, to] = [a.i32(0), a.i32(1)];
  if (fd === to) return t.files.get(fd) === undefined ? -ERRNO.EBADF : fd;
  return t.files.duplicateTo(fd, to, false);
}
function dup3(_k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const [fd, to, flags] = [a.i32(0), a.i32(1), a.i32(2)];
  if ((flags & ~O.CLOEXEC) !== 0 || fd === to) return -ERRNO.EINVAL;
  return t.files.duplicateTo(fd, to, (flags & O.CLOEXEC) !== 0);
}

function umask(_k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const old = t.fs.umask;
  t.fs.umask = a.u32(0) & 0o777;
  return old;
}

function fcntl(_k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const fd = a.i32(0);
  const command = a.u32(1);
  const file = t.files.get(fd);
  if (file === undefined) return -ERRNO.EBADF;
  if ((file.flags & O.PATH) !== 0 && !PATH_COMMANDS.has(command)) return -ERRNO.EBADF;
  switch (command) {
    case F.DUPFD:
    case F.DUPFD_CLOEXEC: {
      const from = a.u32(2);
      return from >= t.files.limit ? -ERRNO.EINVAL : t.files.duplicate(fd, from, command === F.DUPFD_CLOEXEC);
    }
    case F.GETFD:
      return t.files.isCloseOnExec(fd) === true ? FD_CLOEXEC : 0;
    case F.SETFD:
      t.files.setCloseOnExec(fd, (a.u32(2) & FD_CLOEXEC) !== 0);
      return 0;
    case F.GETFL:
      return file.flags;
    case F.SETFL:
      if ((file.flags & O.ASYNC) === 0 && (a.i32(2) & O.ASYNC) !== 0) file.asyncFd = fd;
      file.flags = (file.flags & ~SETFL_MASK) | (a.i32(2) & SETFL_MASK);
      return 0;
    case F.GETLK:
    case F.OFD_GETLK:
      return getLock(_k, t, file, a.n(2), command === F.OFD_GETLK);
    case F.SETLK:
    case F.SETLKW:
    case F.OFD_SETLK:
    case F.OFD_SETLKW:
      return setLock(_k, t, file, a.n(2), command);
    case F.SETOWN:
    case F.GETOWN:
    case F.SETOWN_EX:
    case F.GETOWN_EX:
    case F.SETSIG:
    case F.GETSIG:
      return signalOwner(_k, t, file, command, a);
    case F.SETPIPE_SZ:
      return file instanceof PipeEnd ? file.pipe.resize(a.u32(2)) : -ERRNO.EBADF;
    case F.GETPIPE_SZ:
      return file instanceof PipeEnd ? file.pipe.capacity : -ERRNO.EBADF;
    case F.ADD_SEALS:
      if (!(file instanceof MemoryFile)) return -ERRNO.EINVAL;
      if (!file.writable) return -ERRNO.EPERM;
      return (a.u32(2) & ~0x3f) !== 0 ? -ERRNO.EINVAL : file.node.addSeals(a.u32(2));
    case F.GET_SEALS:
      return file instanceof MemoryFile ? file.node.seals : -ERRNO.EINVAL;
    default:
      return -ERRNO.EINVAL;
  }
}
/** What works on O_PATH descriptors. fs/fcntl.c check_fcntl_cmd. */
const PATH_COMMANDS: ReadonlySet<number> = new Set([F.DUPFD, F.DUPFD_CLOEXEC, F.GETFD, F.SETFD, F.GETFL]);

/** F_OWNER_TID, _PID, _PGRP. include/uapi/asm-generic/fcntl.h. */
const OWNERS = ['thread', 'process', 'group'] as const;

/** Who gets SIGIO, and which signal it is. fs/fcntl.c f_setown, f_setown_ex. */
function signalOwner(k: Kernel, t: Task, file: FileDescription, command: number, a: SyscallArgs): SyscallResult {
  switch (command) {
    case F.SETOWN: {
      const who = a.i32(2);
      if (who === -0x8000_0000) return -ERRNO.EINVAL;
      return setOwner(k, file, who < 0 ? 'group' : 'process', Math.abs(who));
    }
    case F.GETOWN:
      return file.ownerIs === 'group' ? -file.owner : file.owner;
    case F.SETOWN_EX: {
      const bytes = t.memory.read(a.n(2), F_OWNER_EX.size);
      if (bytes === undefined) return -ERRNO.EFAULT;
      const { type, pid } = F_OWNER_EX.decode(bytes);
      const kind = OWNERS[type];
      return kind === undefined ? -ERRNO.EINVAL : setOwner(k, file, kind, pid);
    }
    case F.GETOWN_EX:
      return t.memory.write(a.n(2), F_OWNER_EX.encode({ type: OWNERS.indexOf(file.ownerIs), pid: file.owner })) ? 0 : -ERRNO.EFAULT;
    case F.SETSIG:
      if (a.n(2) > NSIG) return -ERRNO.EINVAL;
      file.signal = a.n(2);
      return 0;
    default:
      return file.signal;
  }
}

function setOwner(k: Kernel, file: FileDescription, kind: (typeof OWNERS)[number], pid: number): number {
  const there = kind === 'group' ? [...k.tasks.values()].some((o) => o.pgid === pid) : k.tasks.has(pid);
  if (pid !== 0 && !there) return -ERRNO.ESRCH;
  file.owner = pid;
  file.ownerIs = kind;
  return 0;
}

/** struct flock as a range of bytes. */
function readLock(t: Task, file: FileDescription, va: number, ofd: boolean): RecordLock | number {
  const bytes = t.memory.read(va, FLOCK.size);
  if (bytes === undefined) return -ERRNO.EFAULT;
  const lock = FLOCK.decode(bytes);
  if (ofd && lock.l_pid !== 0) return -ERRNO.EINVAL;
  let base = 0;
  if (lock.l_whence === SEEK.CUR) base = file.offset;
  else if (lock.l_whence === SEEK.END) {
    const stat = file.stat();
    base = typeof stat === 'number' ? 0 : stat.size;
  } else if (lock.l_whence !== SEEK.SET) return -ERRNO.EINVAL;
  let start = base + lock.l_start;
  let end = lock.l_len === 0 ? Number.POSITIVE_INFINITY : start + lock.l_len;
  if (lock.l_len < 0) [start, end] = [end, start];
  if (start < 0) return -ERRNO.EINVAL;
  return { type: lock.l_type, start, end, owner: ofd ? file : t.files, pid: ofd ? -1 : t.tgid };
}

function getLock(k: Kernel, t: Task, file: FileDescription, va: number, ofd: boolean): SyscallResult {
  const wanted = readLock(t, file, va, ofd);
  if (typeof wanted === 'number') return wanted;
  if (wanted.type !== LOCK_TYPE.RDLCK && wanted.type !== LOCK_TYPE.WRLCK) return -ERRNO.EINVAL;
  const held = k.vfs.locks.blocking(file, wanted);
  if (held === undefined) return t.memory.writeU16(va, LOCK_TYPE.UNLCK) ? 0 : -ERRNO.EFAULT;
  const length = held.end === Number.POSITIVE_INFINITY ? 0 : held.end - held.start;
  const found = { l_type: held.type, l_whence: SEEK.SET, l_start: held.start, l_len: length, l_pid: held.pid };
  return t.memory.write(va, FLOCK.encode(found)) ? 0 : -ERRNO.EFAULT;
}

function setLock(k: Kernel, t: Task, file: FileDescription, va: number, command: number): SyscallResult {
  const ofd = command === F.OFD_SETLK || command === F.OFD_SETLKW;
  const wanted = readLock(t, file, va, ofd);
  if (typeof wanted === 'number') return wanted;
  if (wanted.type === LOCK_TYPE.RDLCK && !file.readable) return -ERRNO.EBADF;
  if (wanted.type === LOCK_TYPE.WRLCK && !file.writable) return -ERRNO.EBADF;
  if (wanted.type < LOCK_TYPE.RDLCK || wanted.type > LOCK_TYPE.UNLCK) return -ERRNO.EINVAL;
  const { locks } = k.vfs;
  locks.wakes(wanted.owner);
  if (wanted.type !== LOCK_TYPE.UNLCK && locks.blocking(file, wanted) !== undefined) {
    if (command === F.SETLK || command === F.OFD_SETLK) return -ERRNO.EAGAIN;
    if (!ofd && !locks.sleeps(file, wanted)) return -ERRNO.EDEADLK;
    return waitFor('a file lock', () => locks.blocking(file, wanted) === undefined, {
      interrupted: () => {
        locks.wakes(wanted.owner);
        return -ERESTARTSYS;
      },
    });
  }
  locks.set(file, wanted);
  return 0;
}

function flock(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const file = t.files.get(a.i32(0));
  const operation = a.i32(1);
  if (file === undefined || (file.flags & O.PATH) !== 0) return -ERRNO.EBADF;
  const { locks } = k.vfs;
  const mode = operation & ~LOCK.NB;
  if (mode === LOCK.UN) {
    locks.flock(file, undefined);
    return 0;
  }
  if (mode !== LOCK.SH && mode !== LOCK.EX) return -ERRNO.EINVAL;
  const exclusive = mode === LOCK.EX;
  if (!locks.flockFree(file, exclusive)) {
    locks.flock(file, undefined); // a conversion that fails or waits has lost what it had: flock(2)
    if ((operation & LOCK.NB) !== 0) return -ERRNO.EAGAIN;
    return waitFor('flock', () => locks.flockFree(file, exclusive));
  }
  locks.flock(file, exclusive ? 'exclusive' : 'shared');
  return 0;
}

const WITHIN = 'locks hold among the guest’s own processes; no deadlock detection';
const TMPFILE = 'O_TMPFILE: EOPNOTSUPP, as file systems without it; O_DIRECT is kept and has no effect, O_ASYNC has one on events of perf';

export const FILE_OPEN_ROWS: readonly SyscallRow[] = [
  partial('open', open, TMPFILE),
  partial('openat', openat, TMPFILE),
  full('creat', creat),
  full('close', close),
  full('close_range', closeRange),
  full('dup', dup),
  full('dup2', dup2),
  full('dup3', dup3),
  full('umask', umask),
  partial('fcntl', fcntl, `${WITHIN}; no leases or F_NOTIFY`),
  partial('flock', flock, WITHIN),
];
