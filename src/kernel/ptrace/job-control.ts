/** Group stops with traced threads, PTRACE_INTERRUPT, PTRACE_LISTEN: kernel/signal.c do_signal_stop, do_jobctl_trap, ptrace_trap_notify. */
import { CLD, SIG } from '#abi/signals.ts';
import { PTRACE_EVENT } from '#abi/ptrace.ts';
import type { Kernel } from '../kernel.ts';
import type { Task } from '../task/task.ts';
import { enterStop, leaveStop, stopComplete, tellParentOfStop, trapStop } from './stop.ts';
import type { Trace } from './trace.ts';

/** Makes a task that sleeps or computes look at what its tracer wants: signal_wake_up. A task in a trace stop finds it when it is resumed. */
export function kick(task: Task): void {
  task.signals.jobControl = task.trace?.trapPending ?? false;
}

/** Something of job control changed: a seized task is to trap, out of PTRACE_LISTEN too. */
export function trapNotify(task: Task, trace: Trace): void {
  trace.trapNotify = true;
  kick(task);
  if (trace.listening) leaveStop(task, 0);
}

/**
 * A stop signal acts: untraced threads stand still at once, traced ones are told to trap. true: the current task, untraced, stands still;
 * otherwise it goes on to its trap.
 */
export function groupStop(k: Kernel, task: Task, signal: number): boolean {
  const { process } = task;
  if (task.signals.killed) return false; // the group ends already
  if (process.stopSignal === 0) process.stopSignal = signal;
  process.stopReported = false;
  process.continued = false;
  for (const t of process.threads) {
    const { trace } = t;
    if (trace === undefined) {
      t.state = 'stopped';
      continue;
    }
    trace.groupStop = signal;
    trace.stopSignal = signal;
    if (t === task) trace.trapStop = true;
    else if (trace.seized) trapNotify(t, trace);
    kick(t);
  }
  if (stopComplete(task)) tellParentOfStop(k, task);
  return task.trace === undefined;
}

/** SIGCONT was sent to a process. prepare_signal */
export function groupContinue(task: Task): void {
  for (const t of task.process.threads) {
    const { trace } = t;
    if (trace === undefined) continue;
    trace.groupStop = 0;
    if (trace.seized) trapNotify(t, trace);
    kick(t);
  }
}

/** The current task traps if job control wants it to; true: it stands still. */
export function jobControlStop(k: Kernel, task: Task): boolean {
  const { trace, process } = task;
  if (trace === undefined || !trace.trapPending) return false;
  const stopped = process.stopSignal !== 0;
  const signal = stopped ? trace.stopSignal || process.stopSignal : SIG.SIGTRAP;
  const stop = trace.seized
    ? trapStop(task, signal | (PTRACE_EVENT.STOP << 8), 0n, CLD.STOPPED, signal)
    : { code: signal, why: CLD.STOPPED, message: 0n, info: undefined };
  const stands = enterStop(k, task, stop, () => {});
  if (!stands) trace.trapStop = trace.trapNotify = false;
  if (!trace.seized) trace.trapNotify = false;
  kick(task);
  return stands;
}
