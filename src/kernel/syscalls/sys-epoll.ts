/** epoll, timerfd, signalfd. */
import { EPOLL, EPOLL_CTL, EPOLL_EVENT_SIZE, TFD } from '#abi/epoll.ts';
import { ERRNO } from '#abi/errno.ts';
import { O } from '#abi/fs.ts';
import { CLOCK } from '#abi/process.ts';
import type { Kernel } from '../kernel.ts';
import type { Task } from '../task/task.ts';
import type { KernelTimer } from '../time/timers.ts';
import { Epoll } from '../vfs/epoll.ts';
import { SignalFd } from '../vfs/signal-fd.ts';
import { TimerFd } from '../vfs/timer-fd.ts';
import { waitFor } from '../vfs/wait.ts';
import { full, none, partial } from './row.ts';
import { withMask } from './sys-file-poll.ts';
import type { SyscallArgs, SyscallResult, SyscallRow } from './types.ts';

const SIGSET_SIZE = 8;
const S = 1_000_000_000n;

function create(t: Task, flags: number): SyscallResult {
  if ((flags & ~O.CLOEXEC) !== 0) return -ERRNO.EINVAL;
  return t.files.install(new Epoll(0), (flags & O.CLOEXEC) !== 0);
}

function control(_k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const epoll = t.files.get(a.i32(0));
  const fd = a.i32(2);
  const file = t.files.get(fd);
  if (epoll === undefined || file === undefined) return -ERRNO.EBADF;
  if (((epoll.flags | file.flags) & O.PATH) !== 0) return -ERRNO.EBADF;
  if (!file.pollable) return -ERRNO.EPERM;
  if (!(epoll instanceof Epoll) || epoll === file) return -ERRNO.EINVAL;
  if (a.i32(1) === EPOLL_CTL.DEL) return epoll.remove(fd, file);
  const bytes = t.memory.read(a.n(3), EPOLL_EVENT_SIZE);
  if (bytes === undefined) return -ERRNO.EFAULT;
  const v = new DataView(bytes.buffer);
  const [events, data] = [v.getUint32(0, true), v.getBigUint64(4, true)];
  switch (a.i32(1)) {
    case EPOLL_CTL.ADD:
      return epoll.add(fd, file, events, data);
    case EPOLL_CTL.MOD:
      return (events & EPOLL.EXCLUSIVE) !== 0 ? -ERRNO.EINVAL : epoll.modify(fd, file, events, data);
    default:
      return -ERRNO.EINVAL;
  }
}

/** `timeoutNs` undefined: for ever. */
function wait(k: Kernel, t: Task, a: SyscallArgs, timeoutNs: bigint | undefined): SyscallResult {
  const epoll = t.files.get(a.i32(0));
  const max = a.i32(2);
  if (epoll === undefined) return -ERRNO.EBADF;
  if (!(epoll instanceof Epoll) || max <= 0) return -ERRNO.EINVAL;
  const deadlineNs = timeoutNs === undefined ? undefined : (t.resumed?.deadlineNs ?? k.monotonicNs() + timeoutNs);
  const events = epoll.take(max);
  if (events.length === 0) {
    if (deadlineNs !== undefined && k.monotonicNs() >= deadlineNs) return 0;
    return waitFor('epoll_wait', () => epoll.ready(), { deadlineNs, interrupted: () => -ERRNO.EINTR });
  }
  const out = new DataView(new ArrayBuffer(events.length * EPOLL_EVENT_SIZE));
  for (const [i, e] of events.entries()) {
    out.setUint32(i * EPOLL_EVENT_SIZE, e.events, true);
    out.setBigUint64(i * EPOLL_EVENT_SIZE + 4, e.data, true);
  }
  return t.memory.write(a.n(1), new Uint8Array(out.buffer)) ? events.length : -ERRNO.EFAULT;
}
const milliseconds = (n: number): bigint | undefined => (n < 0 ? undefined : BigInt(n) * 1_000_000n);

function epollPwait2(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  let timeout: bigint | undefined;
  if (a.n(3) !== 0) {
    const spec = readTimes(t, a.n(3), 1);
    if (typeof spec === 'number') return spec;
    timeout = spec[0];
  }
  return withMask(t, a.n(4), a.n(5), () => wait(k, t, a, timeout));
}

/** `count` struct timespec as ns, or -errno. */
export function readTimes(t: Task, va: number, count: number): bigint[] | number {
  const bytes = t.memory.read(va, count * 16);
  if (bytes === undefined) return -ERRNO.EFAULT;
  const v = new DataView(bytes.buffer);
  const out: bigint[] = [];
  for (let i = 0; i < count; i++) {
    const [s, ns] = [v.getBigInt64(i * 16, true), v.getBigInt64(i * 16 + 8, true)];
    if (s < 0n || ns < 0n || ns >= S) return -ERRNO.EINVAL;
    out.push(s * S + ns);
  }
  return out;
}

/** struct itimerspec of a timer: interval, time left. */
export function writeTimer(t: Task, va: number, timer: KernelTimer): boolean {
  const left = timer.leftNs();
  const { intervalNs } = timer;
  return t.memory.write(va, new Uint8Array(new BigInt64Array([intervalNs / S, intervalNs % S, left / S, left % S]).buffer));
}

/** A clock's offset from CLOCK_MONOTONIC in ns; undefined: not a clock that timers run on here. */
export function clockOffset(k: Kernel, clock: number): bigint | undefined {
  if (clock === CLOCK.REALTIME || clock === CLOCK.REALTIME_ALARM) return k.options.epochNs;
  return clock === CLOCK.MONOTONIC || clock === CLOCK.BOOTTIME || clock === CLOCK.BOOTTIME_ALARM ? 0n : undefined;
}

/** struct itimerspec into a timer: 0 or -errno. */
export function setTimer(k: Kernel, t: Task, timer: KernelTimer, clock: number, absolute: boolean, va: number): number {
  const times = readTimes(t, va, 2);
  if (typeof times === 'number') return times;
  const [interval, value] = times as [bigint, bigint];
  const at = absolute ? value - (clockOffset(k, clock) ?? 0n) : timer.now() + value;
  timer.set(value === 0n ? undefined : at, interval);
  k.scheduler.arm();
  return 0;
}

const clocks = new WeakMap<TimerFd, number>();

function timerfdCreate(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const flags = a.i32(1);
  if (clockOffset(k, a.i32(0)) === undefined || (flags & ~(O.CLOEXEC | O.NONBLOCK)) !== 0) return -ERRNO.EINVAL;
  const timer = k.newTimer();
  const file = new TimerFd(timer, flags, () => k.timers.delete(timer));
  clocks.set(file, a.i32(0));
  return t.files.install(file, (flags & O.CLOEXEC) !== 0);
}

function timerfdSettime(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const file = t.files.get(a.i32(0));
  if (file === undefined) return -ERRNO.EBADF;
  if (!(file instanceof TimerFd) || (a.i32(1) & ~(TFD.TIMER_ABSTIME | TFD.TIMER_CANCEL_ON_SET)) !== 0) return -ERRNO.EINVAL;
  if (a.n(3) !== 0 && !writeTimer(t, a.n(3), file.timer)) return -ERRNO.EFAULT;
  return setTimer(k, t, file.timer, clocks.get(file) ?? CLOCK.MONOTONIC, (a.i32(1) & TFD.TIMER_ABSTIME) !== 0, a.n(2));
}

function timerfdGettime(_k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const file = t.files.get(a.i32(0));
  if (file === undefined) return -ERRNO.EBADF;
  if (!(file instanceof TimerFd)) return -ERRNO.EINVAL;
  return writeTimer(t, a.n(1), file.timer) ? 0 : -ERRNO.EFAULT;
}

function signalfd(t: Task, a: SyscallArgs, flags: number): SyscallResult {
  if (a.n(2) !== SIGSET_SIZE || (flags & ~(O.CLOEXEC | O.NONBLOCK)) !== 0) return -ERRNO.EINVAL;
  const mask = t.memory.readU64(a.n(1));
  if (mask === undefined) return -ERRNO.EFAULT;
  const fd = a.i32(0);
  if (fd === -1) return t.files.install(new SignalFd(t.signals, mask, flags), (flags & O.CLOEXEC) !== 0);
  const file = t.files.get(fd);
  if (file === undefined) return -ERRNO.EBADF;
  if (!(file instanceof SignalFd)) return -ERRNO.EINVAL;
  file.setMask(mask);
  return fd;
}

export const EPOLL_ROWS: readonly SyscallRow[] = [
  full('epoll_create', (_k, t, a) => (a.i32(0) <= 0 ? -ERRNO.EINVAL : create(t, 0))),
  full('epoll_create1', (_k, t, a) => create(t, a.i32(0))),
  partial('epoll_ctl', control, 'edges of terminals and standard streams are levels'),
  full('epoll_wait', (k, t, a) => wait(k, t, a, milliseconds(a.i32(3)))),
  full('epoll_pwait', (k, t, a) => withMask(t, a.n(4), a.n(5), () => wait(k, t, a, milliseconds(a.i32(3))))),
  full('epoll_pwait2', epollPwait2),
  full('timerfd_create', timerfdCreate),
  partial('timerfd_settime', timerfdSettime, 'the clock is never set, so TFD_TIMER_CANCEL_ON_SET never cancels'),
  full('timerfd_gettime', timerfdGettime),
  partial('signalfd', (_k, t, a) => signalfd(t, a, 0), 'signals of the thread that made it and of its process'),
  partial('signalfd4', (_k, t, a) => signalfd(t, a, a.i32(3)), 'signals of the thread that made it and of its process'),
  none('inotify_init', 'files change on the host without a word'),
  none('inotify_init1', 'files change on the host without a word'),
  none('io_uring_setup', 'programs fall back to ordinary calls'),
];
