/** futex(2), as far as processes need it: WAIT, WAKE and their BITSET forms, by physical address (so that shared mappings meet). */
import { ERRNO } from '#abi/errno.ts';
import { FUTEX } from '#abi/process.ts';
import type { Kernel } from '../kernel.ts';
import { physicalOf } from '../mm/user-memory.ts';
import type { Task } from '../task/task.ts';
import type { SyscallArgs, SyscallResult, Wait } from './types.ts';

interface FutexWait extends Wait {
  readonly at: number;
  readonly bitset: number;
  woken: boolean;
}

/** Waiters in order of arrival, by kernel. */
const WAITERS = new WeakMap<Kernel, FutexWait[]>();
const waitersOf = (k: Kernel): FutexWait[] => {
  let list = WAITERS.get(k);
  if (list === undefined) {
    list = [];
    WAITERS.set(k, list);
  }
  return list;
};

/** Wakes at most `count` waiters of the word at `va`; how many. */
export function futexWake(k: Kernel, t: Task, va: number, count: number, bitset: number): number {
  const at = physicalOf(t.mm, va, false);
  if (at < 0) return -ERRNO.EFAULT;
  const list = waitersOf(k);
  let n = 0;
  for (const w of list.slice()) {
    if (n >= count) break;
    if (w.at !== at || (w.bitset & bitset) === 0) continue;
    w.woken = true;
    list.splice(list.indexOf(w), 1);
    n++;
  }
  return n;
}

function futexWait(k: Kernel, t: Task, va: number, expected: number, deadlineNs: bigint | undefined, bitset: number): SyscallResult {
  const list = waitersOf(k);
  if (t.resumed !== undefined) {
    const mine = t.resumed as FutexWait;
    if (mine.woken) return 0;
    const i = list.indexOf(mine);
    if (i >= 0) list.splice(i, 1);
    return -ERRNO.ETIMEDOUT;
  }
  if (bitset === 0) return -ERRNO.EINVAL;
  const at = physicalOf(t.mm, va, true); // own copy first: its physical address must not change under the wait
  const value = t.memory.readU32(va);
  if (at < 0 || value === undefined) return -ERRNO.EFAULT;
  if (value !== expected >>> 0) return -ERRNO.EAGAIN;
  const wait: FutexWait = {
    kind: 'wait',
    what: `futex at 0x${va.toString(16)}`,
    at,
    bitset,
    woken: false,
    ready: () => wait.woken,
    ...(deadlineNs === undefined ? {} : { deadlineNs }),
    interrupted: () => {
      const i = list.indexOf(wait);
      if (i >= 0) list.splice(i, 1);
      return deadlineNs === undefined ? -512 : -ERRNO.EINTR;
    },
  };
  list.push(wait);
  return wait;
}

export function sysFutex(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const va = a.n(0);
  const op = a.i32(1);
  const value = a.u32(2);
  if (va % 4 !== 0) return -ERRNO.EINVAL;
  const command = op & FUTEX.CMD_MASK;
  switch (command) {
    case FUTEX.WAIT:
    case FUTEX.WAIT_BITSET: {
      const timeout = readTimespec(t, a.n(3));
      if (timeout === 'bad') return -ERRNO.EFAULT;
      if (timeout === 'invalid') return -ERRNO.EINVAL;
      let deadline: bigint | undefined;
      if (timeout !== undefined) {
        const realtime = (op & FUTEX.CLOCK_REALTIME) !== 0;
        if (command === FUTEX.WAIT) deadline = k.monotonicNs() + timeout;
        else deadline = realtime ? timeout - k.options.epochNs : timeout;
      }
      return futexWait(k, t, va, value, deadline, command === FUTEX.WAIT ? 0xffff_ffff : a.u32(5));
    }
    case FUTEX.WAKE:
    case FUTEX.WAKE_BITSET:
      return futexWake(k, t, va, value, command === FUTEX.WAKE ? 0xffff_ffff : a.u32(5));
    default:
      k.unsupported(`futex operation ${command}`);
      return -ERRNO.ENOSYS;
  }
}

/** A struct timespec in ns; undefined for a null pointer. */
export function readTimespec(t: Task, va: number): bigint | undefined | 'bad' | 'invalid' {
  if (va === 0) return undefined;
  const s = t.memory.readU64(va);
  const ns = t.memory.readU64(va + 8);
  if (s === undefined || ns === undefined) return 'bad';
  if (BigInt.asIntN(64, s) < 0n || ns >= 1_000_000_000n) return 'invalid';
  return s * 1_000_000_000n + ns;
}
