/** System calls of time. All of it is modelled: cycles of the processor, from a fixed epoch. */
import { ERESTART_RESTARTBLOCK, ERRNO } from '#abi/errno.ts';
import { CLOCK, RUSAGE, TIMER_ABSTIME } from '#abi/process.ts';
import { USER_HZ } from '../identity.ts';
import type { Kernel } from '../kernel.ts';
import type { Task } from '../task/task.ts';
import { cpuClock } from '../time/cpu-time.ts';
import { readTimespec } from './futex.ts';
import { full, partial } from './row.ts';
import { writeRusage } from './rusage.ts';
import type { SyscallArgs, SyscallResult, SyscallRow } from './types.ts';

const S = 1_000_000_000n;

/** A clock's ns; undefined: no such clock. */
function read(k: Kernel, t: Task, clock: number): bigint | undefined {
  switch (clock) {
    case CLOCK.REALTIME:
    case CLOCK.REALTIME_COARSE:
    case CLOCK.TAI: // nobody has told leap seconds (adjtimex)
      return k.realtimeNs();
    case CLOCK.MONOTONIC:
    case CLOCK.MONOTONIC_RAW:
    case CLOCK.MONOTONIC_COARSE:
    case CLOCK.BOOTTIME:
      return k.monotonicNs();
    default:
      return cpuClock(k, t, clock)?.();
  }
}

function writeTimespec(t: Task, va: number, ns: bigint): boolean {
  return t.memory.write(va, new Uint8Array(new BigInt64Array([ns / S, ns % S]).buffer));
}

function clockGettime(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const ns = read(k, t, a.i32(0));
  if (ns === undefined) return -ERRNO.EINVAL;
  return writeTimespec(t, a.n(1), ns) ? 0 : -ERRNO.EFAULT;
}

function clockGetres(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  if (read(k, t, a.i32(0)) === undefined) return -ERRNO.EINVAL;
  const coarse = a.i32(0) === CLOCK.REALTIME_COARSE || a.i32(0) === CLOCK.MONOTONIC_COARSE;
  return a.n(1) === 0 || writeTimespec(t, a.n(1), coarse ? S / BigInt(k.options.hz) : 1n) ? 0 : -ERRNO.EFAULT;
}

function gettimeofday(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const ns = k.realtimeNs();
  if (a.n(0) !== 0 && !t.memory.write(a.n(0), new Uint8Array(new BigInt64Array([ns / S, (ns % S) / 1000n]).buffer))) return -ERRNO.EFAULT;
  if (a.n(1) !== 0 && !t.memory.writeU64(a.n(1), 0)) return -ERRNO.EFAULT;
  return 0;
}

function time(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const s = k.realtimeNs() / S;
  if (a.n(0) !== 0 && !t.memory.writeU64(a.n(0), s)) return -ERRNO.EFAULT;
  return s;
}

function times(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  k.scheduler.account();
  const ticks = (ns: number): bigint => BigInt(Math.floor((ns * USER_HZ) / 1e9));
  if (a.n(0) !== 0) {
    const [own, children] = [t.process.times(), t.process.childTimes];
    const v = new BigInt64Array([ticks(own.userNs), ticks(own.systemNs), ticks(children.userNs), ticks(children.systemNs)]);
    if (!t.memory.write(a.n(0), new Uint8Array(v.buffer))) return -ERRNO.EFAULT;
  }
  return (k.monotonicNs() * BigInt(USER_HZ)) / S;
}

function getrusage(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  k.scheduler.account();
  const who = a.i32(0);
  if (who !== RUSAGE.SELF && who !== RUSAGE.CHILDREN && who !== RUSAGE.THREAD) return -ERRNO.EINVAL;
  const times = who === RUSAGE.CHILDREN ? t.process.childTimes : who === RUSAGE.THREAD ? t.times : t.process.times();
  return writeRusage(t, a.n(1), times) ? 0 : -ERRNO.EFAULT;
}

/** Sleeps until monotonic `until`; `remaining`: where the rest goes when a handler interrupts, 0 nowhere. */
function sleep(k: Kernel, t: Task, until: bigint, remaining: number): SyscallResult {
  if (k.monotonicNs() >= until) {
    t.sleepUntil = undefined;
    return 0;
  }
  return {
    kind: 'wait',
    what: 'nanosleep',
    ready: () => false,
    deadlineNs: until,
    interrupted: () => {
      const left = until - k.monotonicNs();
      if (remaining !== 0 && left > 0n && !writeTimespec(t, remaining, left)) return -ERRNO.EFAULT;
      t.sleepUntil = until;
      return -ERESTART_RESTARTBLOCK;
    },
  };
}

/** Where a restarted or resumed sleep ends. */
const pendingEnd = (t: Task): bigint | undefined => t.resumed?.deadlineNs ?? t.sleepUntil;

function nanosleep(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const length = readTimespec(t, a.n(0));
  if (length === undefined || length === 'bad') return -ERRNO.EFAULT;
  if (length === 'invalid') return -ERRNO.EINVAL;
  return sleep(k, t, pendingEnd(t) ?? k.monotonicNs() + length, a.n(1));
}

function clockNanosleep(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const clock = a.i32(0);
  const without: readonly number[] = [CLOCK.THREAD_CPUTIME_ID, CLOCK.MONOTONIC_RAW, CLOCK.REALTIME_COARSE, CLOCK.MONOTONIC_COARSE];
  if (without.includes(clock)) return -ERRNO.EOPNOTSUPP; // clocks that nobody can sleep by (k_clock.nsleep)
  if (clock !== CLOCK.REALTIME && clock !== CLOCK.MONOTONIC && clock !== CLOCK.BOOTTIME) return -ERRNO.EINVAL;
  const at = readTimespec(t, a.n(2));
  if (at === undefined || at === 'bad') return -ERRNO.EFAULT;
  if (at === 'invalid') return -ERRNO.EINVAL;
  if ((a.u32(1) & TIMER_ABSTIME) !== 0) return sleep(k, t, clock === CLOCK.REALTIME ? at - k.options.epochNs : at, 0);
  return sleep(k, t, pendingEnd(t) ?? k.monotonicNs() + at, a.n(3));
}

export const TIME_ROWS: readonly SyscallRow[] = [
  partial('clock_gettime', clockGettime, 'no clocks of files'),
  full('clock_getres', clockGetres),
  full('gettimeofday', gettimeofday),
  full('time', time),
  full('times', times),
  full('getrusage', getrusage),
  full('nanosleep', nanosleep),
  partial('clock_nanosleep', clockNanosleep, 'REALTIME, MONOTONIC, BOOTTIME'),
];
