/**
 * futex(2): WAIT, WAKE, REQUEUE, WAKE_OP and their relatives, and robust lists. A word in private memory is known by address space and address
 * (a copy made after fork may move it in physical memory), one in a shared mapping by its physical address, so that processes meet there.
 */
import { ERESTART_RESTARTBLOCK, ERESTARTSYS, ERRNO } from '#abi/errno.ts';
import { FUTEX } from '#abi/process.ts';
import type { Kernel } from '../kernel.ts';
import type { AddressSpace } from '../mm/address-space.ts';
import { USER_END } from '../mm/page-tables.ts';
import { physicalOf } from '../mm/user-memory.ts';
import { isShared } from '../mm/vma.ts';
import type { Task } from '../task/task.ts';
import type { SyscallArgs, SyscallResult, Wait } from './types.ts';

interface Key {
  /** undefined: `at` is a physical address. */
  readonly mm: AddressSpace | undefined;
  readonly at: number;
}

interface FutexWait extends Wait {
  key: Key;
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

/** undefined = EFAULT. A private word need not be mapped; one that may be shared must be there to be told (kernel/futex/core.c get_futex_key). */
function keyOf(t: Task, va: number, isPrivate: boolean): Key | undefined {
  if (va + 4 > USER_END) return undefined;
  if (isPrivate) return { mm: t.mm, at: va };
  const vma = t.mm.maps.find(va);
  const at = vma === undefined ? -1 : physicalOf(t.mm, va, false);
  if (vma === undefined || at < 0) return undefined;
  return isShared(vma) ? { mm: undefined, at } : { mm: t.mm, at: va };
}
const same = (a: Key, b: Key): boolean => a.at === b.at && a.mm === b.mm;

function wakeKey(k: Kernel, key: Key, count: number, bitset: number): number {
  const list = waitersOf(k);
  let n = 0;
  for (const w of list.slice()) {
    if (n >= count) break;
    if (!same(w.key, key) || (w.bitset & bitset) === 0) continue;
    w.woken = true;
    list.splice(list.indexOf(w), 1);
    n++;
  }
  return n;
}

/** Wakes at most `count` waiters of the word at `va`; how many, or -errno. */
export function futexWake(k: Kernel, t: Task, va: number, count: number, bitset: number, isPrivate: boolean): number {
  const key = keyOf(t, va, isPrivate);
  return key === undefined ? -ERRNO.EFAULT : wakeKey(k, key, count, bitset);
}

function forget(k: Kernel, wait: Wait | undefined): void {
  const list = waitersOf(k);
  const i = list.indexOf(wait as FutexWait);
  if (i >= 0) list.splice(i, 1);
}

/** The task ends while it waits. */
export function futexCancel(k: Kernel, t: Task): void {
  forget(k, t.waiting);
  forget(k, t.resumed);
}

function futexWait(
  k: Kernel,
  t: Task,
  va: number,
  expected: number,
  deadlineNs: bigint | undefined,
  bitset: number,
  op: number,
): SyscallResult {
  if (t.resumed !== undefined) {
    const mine = t.resumed as FutexWait;
    t.sleepUntil = undefined;
    if (mine.woken) return 0;
    forget(k, mine);
    return -ERRNO.ETIMEDOUT;
  }
  if (bitset === 0) return -ERRNO.EINVAL;
  const key = keyOf(t, va, (op & FUTEX.PRIVATE) !== 0);
  const value = t.memory.readU32(va);
  if (key === undefined || value === undefined) return -ERRNO.EFAULT;
  if (value !== expected >>> 0) return -ERRNO.EAGAIN;
  const wait: FutexWait = {
    kind: 'wait',
    what: `futex at 0x${va.toString(16)}`,
    key,
    bitset,
    woken: false,
    ready: () => wait.woken,
    ...(deadlineNs === undefined ? {} : { deadlineNs }),
    interrupted: () => {
      forget(k, wait);
      if (deadlineNs === undefined) return -ERESTARTSYS;
      t.sleepUntil = deadlineNs;
      return -ERESTART_RESTARTBLOCK;
    },
  };
  waitersOf(k).push(wait);
  return wait;
}

/** REQUEUE and CMP_REQUEUE: wakes some, the rest wait for another word from now on. */
function requeue(k: Kernel, t: Task, a: SyscallArgs, isPrivate: boolean, compare: boolean): SyscallResult {
  const [wake, move] = [a.i32(2), a.i32(3)];
  if (wake < 0 || move < 0) return -ERRNO.EINVAL;
  const from = keyOf(t, a.n(0), isPrivate);
  const to = keyOf(t, a.n(4), isPrivate);
  if (from === undefined || to === undefined) return -ERRNO.EFAULT;
  if (compare) {
    const value = t.memory.readU32(a.n(0));
    if (value === undefined) return -ERRNO.EFAULT;
    if (value !== a.u32(5)) return -ERRNO.EAGAIN;
  }
  let n = wakeKey(k, from, wake, 0xffff_ffff);
  if (same(from, to)) return n;
  const list = waitersOf(k);
  const moving = list.filter((w) => same(w.key, from)).slice(0, move);
  for (const w of moving) {
    list.splice(list.indexOf(w), 1);
    w.key = to;
    list.push(w); // behind those that wait there already
    n++;
  }
  return n;
}

/** FUTEX_OP of include/uapi/linux/futex.h: an operation on the second word, and a comparison of its old value. */
function wakeOp(k: Kernel, t: Task, a: SyscallArgs, isPrivate: boolean): SyscallResult {
  const code = a.u32(5);
  const [op, cmp] = [(code >>> 28) & 7, (code >>> 24) & 15];
  const signed12 = (n: number): number => (n << 20) >> 20;
  let argument = signed12((code >>> 12) & 0xfff);
  const against = signed12(code & 0xfff);
  if (code >>> 31 !== 0) argument = 1 << (argument & 31);
  const first = keyOf(t, a.n(0), isPrivate);
  const second = keyOf(t, a.n(4), isPrivate);
  const old = t.memory.readI32(a.n(4));
  if (first === undefined || second === undefined || old === undefined) return -ERRNO.EFAULT;
  const values = [argument, old + argument, old | argument, old & ~argument, old ^ argument];
  const value = values[op];
  const tests = [old === against, old !== against, old < against, old <= against, old > against, old >= against];
  const test = tests[cmp];
  if (value === undefined || test === undefined) return -ERRNO.ENOSYS;
  if (!t.memory.writeU32(a.n(4), value >>> 0)) return -ERRNO.EFAULT;
  let n = wakeKey(k, first, a.i32(2), 0xffff_ffff);
  if (test) n += wakeKey(k, second, a.i32(3), 0xffff_ffff);
  return n;
}

const COMMANDS = new Map<number, string>(Object.entries(FUTEX).map(([name, n]) => [n, name]));

export function sysFutex(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const va = a.n(0);
  const op = a.i32(1);
  const value = a.u32(2);
  const isPrivate = (op & FUTEX.PRIVATE) !== 0;
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
        if (command === FUTEX.WAIT) deadline = t.sleepUntil ?? k.monotonicNs() + timeout;
        else deadline = realtime ? timeout - k.options.epochNs : timeout;
      }
      return futexWait(k, t, va, value, deadline, command === FUTEX.WAIT ? 0xffff_ffff : a.u32(5), op);
    }
    case FUTEX.WAKE:
    case FUTEX.WAKE_BITSET:
      if (command === FUTEX.WAKE_BITSET && a.u32(5) === 0) return -ERRNO.EINVAL;
      return futexWake(k, t, va, Math.max(1, value | 0), command === FUTEX.WAKE ? 0xffff_ffff : a.u32(5), isPrivate);
    case FUTEX.REQUEUE:
    case FUTEX.CMP_REQUEUE:
      return requeue(k, t, a, isPrivate, command === FUTEX.CMP_REQUEUE);
    case FUTEX.WAKE_OP:
      return wakeOp(k, t, a, isPrivate);
    default:
      k.unsupported(`futex operation ${COMMANDS.get(command) === undefined ? command : `FUTEX_${COMMANDS.get(command)}`}`);
      return -ERRNO.ENOSYS;
  }
}

const ROBUST_LIMIT = 2048;
const OWNER_DIED = 0x4000_0000;
const WAITERS_BIT = 0x8000_0000;
const TID_MASK = 0x3fff_ffff;

/** What a thread held when it ended is marked, and a waiter woken. kernel/futex/core.c exit_robust_list. */
export function releaseRobustList(k: Kernel, t: Task): void {
  const head = t.robustList;
  t.robustList = 0;
  const offset = t.memory.readU64(head + 8);
  const pending = t.memory.readNumber(head + 16);
  if (offset === undefined || pending === undefined) return;
  const shift = Number(BigInt.asIntN(64, offset));
  const release = (entry: number): void => {
    if (entry % 2 === 1) return; // a PI futex: refused, so never held
    const va = entry + shift;
    const word = t.memory.readU32(va);
    if (word === undefined || (word & TID_MASK) !== t.pid) return;
    t.memory.writeU32(va, ((word & WAITERS_BIT) | OWNER_DIED) >>> 0);
    if ((word & WAITERS_BIT) !== 0) futexWake(k, t, va, 1, 0xffff_ffff, false);
  };
  let entry = t.memory.readNumber(head);
  for (let n = 0; n < ROBUST_LIMIT && entry !== undefined && entry !== head && entry !== 0; n++) {
    const next = t.memory.readNumber(entry - (entry % 2));
    if (entry !== pending) release(entry);
    entry = next;
  }
  if (pending !== 0) release(pending);
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
