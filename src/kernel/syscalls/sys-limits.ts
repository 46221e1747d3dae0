/** Limits, priorities and personality of processes. */
import { ERRNO } from '#abi/errno.ts';
import { IOPRIO_WHO, PERSONALITY, PRIO, RLIM_INFINITY, RLIMIT } from '#abi/process.ts';
import { SIG } from '#abi/signals.ts';
import type { Kernel } from '../kernel.ts';
import { LAYOUT } from '../mm/address-space.ts';
import type { Task } from '../task/task.ts';
import type { FileStat } from '../vfs/node.ts';
import { full, partial } from './row.ts';
import type { SyscallArgs, SyscallResult, SyscallRow } from './types.ts';

/** Soft and hard limits as a shell under Debian has them. */
export function limitOf(k: Pick<Kernel, 'maxTasks'>, t: Task, resource: number): readonly [bigint, bigint] {
  const set = t.process.limits.get(resource);
  if (set !== undefined) return set;
  switch (resource) {
    case RLIMIT.STACK:
      return [BigInt(LAYOUT.STACK_LIMIT), RLIM_INFINITY];
    case RLIMIT.CORE:
      return [0n, RLIM_INFINITY];
    case RLIMIT.NOFILE:
      return [1024n, 1_048_576n];
    case RLIMIT.NPROC:
      return [BigInt(k.maxTasks), BigInt(k.maxTasks)];
    case RLIMIT.MEMLOCK:
      return [8_388_608n, 8_388_608n];
    case RLIMIT.MSGQUEUE:
      return [819_200n, 819_200n];
    case RLIMIT.NICE:
    case RLIMIT.RTPRIO:
      return [0n, 0n];
    default:
      return [RLIM_INFINITY, RLIM_INFINITY];
  }
}

function writeLimit(k: Kernel, t: Task, of: Task, resource: number, va: number): number {
  const [soft, hard] = limitOf(k, of, resource);
  return t.memory.writeU64(va, soft) && t.memory.writeU64(va + 8, hard) ? 0 : -ERRNO.EFAULT;
}

function setLimit(k: Kernel, t: Task, of: Task, resource: number, va: number): number {
  const soft = t.memory.readU64(va);
  const hard = t.memory.readU64(va + 8);
  if (soft === undefined || hard === undefined) return -ERRNO.EFAULT;
  if (soft > hard) return -ERRNO.EINVAL;
  if (hard > limitOf(k, of, resource)[1] && t.credentials.euid !== 0) return -ERRNO.EPERM;
  of.process.limits.set(resource, [soft, hard]);
  if (resource === RLIMIT.NOFILE) of.files.limit = Number(soft);
  if (resource === RLIMIT.AS) of.mm.limitBytes = soft === RLIM_INFINITY ? Infinity : Number(soft);
  return 0;
}

function prlimit64(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const of = a.i32(0) === 0 ? t : k.tasks.get(a.i32(0));
  const resource = a.u32(1);
  if (of === undefined) return -ERRNO.ESRCH;
  if (resource > RLIMIT.RTTIME) return -ERRNO.EINVAL;
  if (a.n(3) !== 0) {
    const old = limitOf(k, of, resource);
    if (a.n(2) !== 0) {
      const set = setLimit(k, t, of, resource, a.n(2));
      if (set < 0) return set;
    }
    return t.memory.writeU64(a.n(3), old[0]) && t.memory.writeU64(a.n(3) + 8, old[1]) ? 0 : -ERRNO.EFAULT;
  }
  return a.n(2) === 0 ? 0 : setLimit(k, t, of, resource, a.n(2));
}

/** RLIMIT_FSIZE: how much of `length` bytes at `position` may be written; -EFBIG, with SIGXFSZ, where that is nothing. */
export function withinFileSize(k: Kernel, t: Task, position: number, length: number): number {
  const limit = limitOf(k, t, RLIMIT.FSIZE)[0];
  if (limit === RLIM_INFINITY || length === 0) return length;
  const room = Number(limit) - position;
  if (room > 0) return Math.min(room, length);
  k.signalTask(t, SIG.SIGXFSZ);
  return -ERRNO.EFBIG;
}

/** RLIMIT_FSIZE: a file that is to grow from its size to `size`; 0, or -EFBIG with SIGXFSZ. fs/attr.c inode_newsize_ok. */
export function mayGrow(k: Kernel, t: Task, file: { stat(): FileStat | number }, size: number): number {
  if (!t.process.limits.has(RLIMIT.FSIZE)) return 0;
  const stat = file.stat();
  const limit = limitOf(k, t, RLIMIT.FSIZE)[0];
  if (typeof stat === 'number' || size <= stat.size || limit === RLIM_INFINITY || BigInt(size) <= BigInt(limit)) return 0;
  k.signalTask(t, SIG.SIGXFSZ);
  return -ERRNO.EFBIG;
}

/** Tasks that getpriority and ioprio calls are about: one, a group's, a user's. */
function affected(k: Kernel, t: Task, kind: 'process' | 'group' | 'user', who: number): Task[] {
  if (kind === 'process') {
    const one = who === 0 ? t : k.tasks.get(who);
    return one === undefined ? [] : [one];
  }
  const alive = [...k.tasks.values()].filter((other) => other.alive);
  if (kind === 'group') return alive.filter((other) => other.pgid === (who === 0 ? t.pgid : who));
  return alive.filter((other) => other.credentials.uid === (who === 0 ? t.credentials.uid : who));
}
const KINDS = new Map<number, 'process' | 'group' | 'user'>([
  [PRIO.PROCESS, 'process'],
  [PRIO.PGRP, 'group'],
  [PRIO.USER, 'user'],
]);
const IO_KINDS = new Map<number, 'process' | 'group' | 'user'>([
  [IOPRIO_WHO.PROCESS, 'process'],
  [IOPRIO_WHO.PGRP, 'group'],
  [IOPRIO_WHO.USER, 'user'],
]);
/** The caller may change how `of` is scheduled: its own user's, or as root. */
export const maySchedule = (t: Task, of: Task): boolean =>
  t.credentials.euid === 0 || t.credentials.euid === of.credentials.uid || t.credentials.euid === of.credentials.euid;

function getpriority(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const kind = KINDS.get(a.i32(0));
  if (kind === undefined) return -ERRNO.EINVAL;
  const found = affected(k, t, kind, a.i32(1));
  return found.length === 0 ? -ERRNO.ESRCH : Math.max(...found.map((of) => 20 - of.nice));
}
function setpriority(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const kind = KINDS.get(a.i32(0));
  if (kind === undefined) return -ERRNO.EINVAL;
  const found = affected(k, t, kind, a.i32(1));
  if (found.length === 0) return -ERRNO.ESRCH;
  const nice = Math.max(-20, Math.min(19, a.i32(2)));
  for (const of of found) {
    if (!maySchedule(t, of)) return -ERRNO.EPERM;
    if (nice < of.nice && t.credentials.euid !== 0) return -ERRNO.EACCES;
    of.nice = nice;
  }
  return 0;
}

/** I/O priorities by task: class in the upper 3 of 16 bits. Nothing waits for a disk here. */
const IO_PRIORITY = new WeakMap<Task, number>();
const IO_CLASS_SHIFT = 13;
function ioprioGet(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const kind = IO_KINDS.get(a.i32(0));
  if (kind === undefined) return -ERRNO.EINVAL;
  const found = affected(k, t, kind, a.i32(1));
  return found.length === 0 ? -ERRNO.ESRCH : Math.min(...found.map((of) => IO_PRIORITY.get(of) ?? 0));
}
function ioprioSet(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const kind = IO_KINDS.get(a.i32(0));
  const value = a.i32(2);
  if (kind === undefined || value >> IO_CLASS_SHIFT > 3 || (value & 7) > 7) return -ERRNO.EINVAL;
  if (value >> IO_CLASS_SHIFT === 0 && value !== 0) return -ERRNO.EINVAL; // no class has no level
  if (value >> IO_CLASS_SHIFT === 1 && t.credentials.euid !== 0) return -ERRNO.EPERM;
  const found = affected(k, t, kind, a.i32(1));
  if (found.length === 0) return -ERRNO.ESRCH;
  for (const of of found) {
    if (!maySchedule(t, of)) return -ERRNO.EPERM;
    IO_PRIORITY.set(of, value);
  }
  return 0;
}

/** ADDR_NO_RANDOMIZE and the like are kept: addresses are never randomised. PER_LINUX32 changes what uname calls the machine. */
function personality(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const old = t.process.personality;
  const wanted = a.u32(0);
  if (wanted === 0xffff_ffff) return old;
  const domain = wanted & PERSONALITY.DOMAIN;
  if (domain !== PERSONALITY.LINUX && domain !== PERSONALITY.LINUX32) {
    k.unsupported(`personality ${domain}`);
    return -ERRNO.EINVAL;
  }
  t.process.personality = wanted;
  return old;
}

export const LIMIT_ROWS: readonly SyscallRow[] = [
  full('prlimit64', prlimit64),
  full('getrlimit', (k, t, a) => (a.u32(0) > RLIMIT.RTTIME ? -ERRNO.EINVAL : writeLimit(k, t, t, a.u32(0), a.n(1)))),
  partial(
    'setrlimit',
    (k, t, a) => (a.u32(0) > RLIMIT.RTTIME ? -ERRNO.EINVAL : setLimit(k, t, t, a.u32(0), a.n(1))),
    'AS, CPU, DATA, FSIZE, NOFILE, NPROC and STACK are enforced, the others kept and reported',
  ),
  full('getpriority', getpriority),
  partial('setpriority', setpriority, 'kept and reported; the scheduler is round-robin'),
  full('ioprio_get', ioprioGet),
  partial('ioprio_set', ioprioSet, 'kept and reported; nothing waits for a disk'),
  partial('personality', personality, 'PER_LINUX and PER_LINUX32, whose only effect is on uname; addresses are never randomised'),
];
