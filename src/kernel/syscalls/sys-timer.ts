/** timer_create and its relatives (POSIX timers). */
import { ERRNO } from '#abi/errno.ts';
import { TIMER_ABSTIME } from '#abi/process.ts';
import { SI, SIG } from '#abi/signals.ts';
import type { Kernel } from '../kernel.ts';
import { sendSignal, signalProcess } from '../signal/deliver.ts';
import { cpuClock } from '../time/cpu-time.ts';
import { isSignal } from '../signal/task-signals.ts';
import type { PosixTimer } from '../task/process.ts';
import type { Task } from '../task/task.ts';
import { full, partial } from './row.ts';
import { clockOffset, setTimer, writeTimer } from './sys-epoll.ts';
import type { SyscallArgs, SyscallResult, SyscallRow } from './types.ts';

const SIGEV = { SIGNAL: 0, NONE: 1, THREAD: 2, THREAD_ID: 4 } as const;

function timerCreate(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const clock = a.i32(0);
  const cpuTime = cpuClock(k, t, clock);
  if (clockOffset(k, clock) === undefined && cpuTime === undefined) return -ERRNO.EINVAL;
  let id = 0;
  while (t.process.posixTimers.has(id)) id++;
  let [value, signal, notify, tid] = [BigInt(id), SIG.SIGALRM as number, SIGEV.SIGNAL as number, 0];
  if (a.n(1) !== 0) {
    const bytes = t.memory.read(a.n(1), 64);
    if (bytes === undefined) return -ERRNO.EFAULT;
    const v = new DataView(bytes.buffer);
    [value, signal, notify, tid] = [v.getBigUint64(0, true), v.getInt32(8, true), v.getInt32(12, true), v.getInt32(16, true)];
  }
  if ((notify & ~SIGEV.THREAD_ID) > SIGEV.THREAD || (notify !== SIGEV.NONE && !isSignal(signal))) return -ERRNO.EINVAL;
  const thread = (notify & SIGEV.THREAD_ID) !== 0 ? k.tasks.get(tid) : undefined;
  if ((notify & SIGEV.THREAD_ID) !== 0 && thread?.process !== t.process) return -ERRNO.EINVAL;
  const timer = cpuTime === undefined ? k.newTimer() : k.newCpuTimer(cpuTime);
  const entry: PosixTimer = { clock, timer, overrun: 0 };
  if ((notify & ~SIGEV.THREAD_ID) !== SIGEV.NONE) {
    timer.onExpiry = () => {
      entry.overrun = Number(timer.expirations) - 1;
      timer.expirations = 0n;
      const info = { signal, code: SI.TIMER, pid: id, uid: entry.overrun, value };
      if (thread !== undefined) sendSignal(k, thread, info);
      else signalProcess(k, t, info);
    };
  }
  t.process.posixTimers.set(id, entry);
  return t.memory.writeU32(a.n(2), id) ? 0 : -ERRNO.EFAULT;
}

const timerOf = (t: Task, a: SyscallArgs): PosixTimer | undefined => t.process.posixTimers.get(a.i32(0));

function timerSettime(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const entry = timerOf(t, a);
  if (entry === undefined) return -ERRNO.EINVAL;
  if (a.n(3) !== 0 && !writeTimer(t, a.n(3), entry.timer)) return -ERRNO.EFAULT;
  return setTimer(k, t, entry.timer, entry.clock, (a.i32(1) & TIMER_ABSTIME) !== 0, a.n(2));
}

function timerGettime(_k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const entry = timerOf(t, a);
  if (entry === undefined) return -ERRNO.EINVAL;
  return writeTimer(t, a.n(1), entry.timer) ? 0 : -ERRNO.EFAULT;
}

function timerDelete(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const entry = timerOf(t, a);
  if (entry === undefined) return -ERRNO.EINVAL;
  k.dropTimer(entry.timer);
  t.process.posixTimers.delete(a.i32(0));
  return 0;
}

export const TIMER_ROWS: readonly SyscallRow[] = [
  partial('timer_create', timerCreate, 'timers of CPU time are looked at at each tick, as on Linux'),
  full('timer_settime', timerSettime),
  full('timer_gettime', timerGettime),
  full('timer_getoverrun', (_k, t, a) => timerOf(t, a)?.overrun ?? -ERRNO.EINVAL),
  full('timer_delete', timerDelete),
];
