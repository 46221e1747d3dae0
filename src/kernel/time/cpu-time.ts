/** Clocks of CPU time, and what ends by them: ITIMER_VIRTUAL, ITIMER_PROF, timer_create's, RLIMIT_CPU. Looked at at each tick, as on Linux. */
import { CLOCK, RLIM_INFINITY, RLIMIT } from '#abi/process.ts';
import { SI, SIG } from '#abi/signals.ts';
import type { Kernel } from '../kernel.ts';
import { signalProcess } from '../signal/deliver.ts';
import type { Process } from '../task/process.ts';
import type { Accounting, Task } from '../task/task.ts';

const user = (times: Accounting): bigint => BigInt(times.userNs);
const total = (times: Accounting): bigint => BigInt(times.userNs + times.systemNs);

/** CLOCK_*_CPUTIME_ID and the clocks of other processes and threads (include/linux/posix-timers.h); undefined: no such clock. */
export function cpuClock(k: Kernel, t: Task, clock: number): (() => bigint) | undefined {
  if (clock === CLOCK.PROCESS_CPUTIME_ID) return processClock(k, t.process, total);
  if (clock === CLOCK.THREAD_CPUTIME_ID) return threadClock(k, t, total);
  if (clock >= 0) return undefined;
  const kind = clock & 3; // CPUCLOCK_PROF, VIRT, SCHED; 3 is a file's clock
  const pid = ~(clock >> 3);
  const of = pid === 0 ? t : k.tasks.get(pid);
  if (kind === 3 || of === undefined) return undefined;
  const what = kind === 1 ? user : total;
  return (clock & 4) !== 0 ? threadClock(k, of, what) : processClock(k, of.process, what);
}
function processClock(k: Kernel, process: Process, what: (times: Accounting) => bigint): () => bigint {
  return () => {
    k.scheduler.account();
    return what(process.times());
  };
}
function threadClock(k: Kernel, t: Task, what: (times: Accounting) => bigint): () => bigint {
  return () => {
    k.scheduler.account();
    return what(t.times);
  };
}

/** setitimer's timer of user time (SIGVTALRM) or of all CPU time (SIGPROF), made when it is first asked for. */
export function cpuItimer(k: Kernel, t: Task, which: 'virtual' | 'prof'): NonNullable<Process['profTimer']> {
  const { process } = t;
  const known = which === 'virtual' ? process.virtualTimer : process.profTimer;
  if (known !== undefined) return known;
  const timer = k.newCpuTimer(processClock(k, process, which === 'virtual' ? user : total));
  const signal = which === 'virtual' ? SIG.SIGVTALRM : SIG.SIGPROF;
  timer.onExpiry = () => {
    if (process.leader !== undefined) signalProcess(k, process.leader, { signal, code: SI.KERNEL });
  };
  if (which === 'virtual') process.virtualTimer = timer;
  else process.profTimer = timer;
  return timer;
}

/** At a tick of `t`. */
export function checkCpuTime(k: Kernel, t: Task): void {
  for (const timer of k.cpuTimers) timer.advance();
  const limit = t.process.limits.get(RLIMIT.CPU);
  if (limit === undefined || limit[0] === RLIM_INFINITY) return;
  const seconds = total(t.process.times()) / 1_000_000_000n;
  const [soft, hard] = limit;
  if (seconds >= hard) signalProcess(k, t, { signal: SIG.SIGKILL, code: SI.KERNEL });
  else if (seconds >= soft) {
    signalProcess(k, t, { signal: SIG.SIGXCPU, code: SI.KERNEL });
    t.process.limits.set(RLIMIT.CPU, [soft + 1n, hard]); // kernel/time/posix-cpu-timers.c: again in a second
  }
}
