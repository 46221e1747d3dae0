/** mlock, munlock and their relatives. mm/mlock.c. */
import { ERRNO } from '#abi/errno.ts';
import { MCL, MLOCK_ONFAULT } from '#abi/mman.ts';
import { RLIM_INFINITY, RLIMIT } from '#abi/process.ts';
import type { Kernel } from '../kernel.ts';
import { pageUp } from '../mm/address-space.ts';
import { PAGE } from '../mm/frames.ts';
import { lockedBytes, lockedIn, populate, setLocked } from '../mm/lock.ts';
import { USER_END } from '../mm/page-tables.ts';
import { CAP, type Task } from '../task/task.ts';
import { full } from './row.ts';
import { limitOf } from './sys-limits.ts';
import type { SyscallArgs, SyscallResult, SyscallRow } from './types.ts';

/** Bytes that may be locked: RLIMIT_MEMLOCK, or any number with CAP_IPC_LOCK. */
function roomBytes(k: Kernel, t: Task): number {
  const limit = limitOf(k, t, RLIMIT.MEMLOCK)[0];
  return t.can(CAP.IPC_LOCK) || limit === RLIM_INFINITY ? Infinity : Number(limit);
}

/** Whole pages, as 64-bit arithmetic has it: a length near 2^64 becomes none. -EINVAL when the end wraps, -ENOMEM when it leaves user memory. */
function range(a: SyscallArgs): { readonly start: number; readonly end: number } | number {
  const [page, start] = [BigInt(PAGE), a.u(0) - (a.u(0) % BigInt(PAGE))];
  const length = BigInt.asUintN(64, ((a.u(1) + (a.u(0) - start) + page - 1n) / page) * page);
  const end = BigInt.asUintN(64, start + length);
  if (end < start) return -ERRNO.EINVAL;
  return end > BigInt(USER_END) && end > start ? -ERRNO.ENOMEM : { start: Number(start), end: Number(end) };
}

function lock(k: Kernel, t: Task, a: SyscallArgs, present: boolean): SyscallResult {
  const room = roomBytes(k, t);
  if (room === 0) return -ERRNO.EPERM;
  const r = range(a);
  if (typeof r === 'number') return r;
  const { start, end } = r;
  if (lockedBytes(t.mm) - lockedIn(t.mm, start, end) + (end - start) > room) return -ERRNO.ENOMEM;
  return setLocked(t.mm, start, end, true) || (present ? populate(t.mm, start, end) : 0);
}

function mlockall(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const flags = a.i32(0);
  if (flags === 0 || flags === MCL.ONFAULT || (flags & ~(MCL.CURRENT | MCL.FUTURE | MCL.ONFAULT)) !== 0) return -ERRNO.EINVAL;
  const room = roomBytes(k, t);
  if (room === 0) return -ERRNO.EPERM;
  if ((flags & MCL.CURRENT) !== 0 && t.mm.maps.bytes > room) return -ERRNO.ENOMEM;
  t.mm.locksFuture = (flags & MCL.FUTURE) !== 0 ? ((flags & MCL.ONFAULT) !== 0 ? 'on fault' : 'present') : undefined;
  if ((flags & MCL.CURRENT) === 0) return 0;
  for (const v of t.mm.vmas.slice()) {
    setLocked(t.mm, v.start, v.end, true);
    if ((flags & MCL.ONFAULT) === 0) populate(t.mm, v.start, v.end); // what cannot be there is left out
  }
  return 0;
}

function munlockall(_k: Kernel, t: Task): SyscallResult {
  t.mm.locksFuture = undefined;
  for (const v of t.mm.vmas.slice()) setLocked(t.mm, v.start, v.end, false);
  return 0;
}

/** What mmap locks from the start: 0 (not), or -errno; MAP_LOCKED asks for rights, MCL_FUTURE only for room. */
export function refusesLocked(k: Kernel, t: Task, length: number, asked: boolean): number {
  const room = roomBytes(k, t);
  if (asked && room === 0) return -ERRNO.EPERM;
  return lockedBytes(t.mm) + pageUp(length) > room ? -ERRNO.EAGAIN : 0;
}

export const LOCK_ROWS: readonly SyscallRow[] = [
  full('mlock', (k, t, a) => lock(k, t, a, true)),
  full('mlock2', (k, t, a) => ((a.i32(2) & ~MLOCK_ONFAULT) !== 0 ? -ERRNO.EINVAL : lock(k, t, a, a.i32(2) === 0))),
  full('munlock', (_k, t, a) => {
    const r = range(a);
    return typeof r === 'number' ? r : setLocked(t.mm, r.start, r.end, false);
  }),
  full('mlockall', mlockall),
  full('munlockall', munlockall),
];
