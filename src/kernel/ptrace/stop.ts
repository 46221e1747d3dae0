/** Standing still for a tracer, and going on again: ptrace_stop, ptrace_resume and the SIGCHLDs between. kernel/signal.c, kernel/ptrace.c. */
import { PTRACE_EVENT } from '#abi/ptrace.ts';
import { CLD, SA, SI, SIG } from '#abi/signals.ts';
import type { Kernel } from '../kernel.ts';
import { sendSignal, signalProcess } from '../signal/deliver.ts';
import { has, type SignalInfo } from '../signal/task-signals.ts';
import type { Wait } from '../syscalls/types.ts';
import type { Task } from '../task/task.ts';
import type { Stop } from './trace.ts';

/** Its tracer and its parent are different processes. ptrace_reparented */
export const isReparented = (task: Task): boolean => task.trace !== undefined && task.process.parent !== task.trace.tracer.process;

/**
 * The current task stops for its tracer; `after` gets what the tracer resumes it with (a signal or 0) when its gate is served again, and is kept
 * through a detach. false: nobody traces it, or SIGKILL is pending, and it goes on at once.
 */
export function enterStop(k: Kernel, task: Task, stop: Stop, after: (answer: number) => void): boolean {
  const { trace } = task;
  if (trace === undefined || task.signals.killed) return false;
  trace.stop = stop;
  trace.untold = stop.code;
  trace.trapStop = false;
  if (stop.info !== undefined && stop.info.code >> 8 === PTRACE_EVENT.STOP) trace.trapNotify = false;
  const groupDone = stop.why === CLD.STOPPED && trace.groupStop !== 0 && takesPart(task);
  task.state = 'traced';
  task.afterStop = after;
  task.stopAnswer = 0;
  tellTracer(k, task, stop.why, stop.code & 0x7f);
  if (groupDone && isReparented(task)) tellParentOfStop(k, task);
  return true;
}

/** Its part of a group stop is done; true: it was the last. task_participate_group_stop */
function takesPart(task: Task): boolean {
  if (task.trace !== undefined) task.trace.groupStop = 0;
  return stopComplete(task);
}
/** All threads of a stopped process stand still. */
export const stopComplete = (task: Task): boolean => [...task.process.threads].every((t) => (t.trace?.groupStop ?? 0) === 0);

/** SIGCHLD for the tracer. do_notify_parent_cldstop */
export function tellTracer(k: Kernel, task: Task, code: number, status: number): void {
  const tracer = task.trace?.tracer;
  if (tracer === undefined || has(tracer.signals.actions.get(SIG.SIGCHLD), SA.NOCLDSTOP)) return;
  signalProcess(k, tracer, { signal: SIG.SIGCHLD, code, pid: task.pid, uid: task.credentials.uid, status });
}
/** SIGCHLD for the real parent about a group stop. */
export function tellParentOfStop(k: Kernel, task: Task): void {
  const { parent } = task;
  if (parent === undefined || has(parent.signals.actions.get(SIG.SIGCHLD), SA.NOCLDSTOP)) return;
  const status = task.process.stopSignal;
  signalProcess(k, parent, { signal: SIG.SIGCHLD, code: CLD.STOPPED, pid: task.tgid, uid: task.credentials.uid, status });
}

/** Lets a task go on behind its stop; `answer`: the signal that the tracer gives it, 0 none. */
export function leaveStop(task: Task, answer: number): void {
  if (task.state !== 'traced') return;
  const { trace } = task;
  if (trace !== undefined) {
    trace.stop = undefined;
    trace.untold = 0;
    trace.listening = false;
  }
  task.stopAnswer = answer;
  task.state = 'runnable';
  if (task.waiting === undefined) return;
  task.resumed = task.waiting; // an event stop inside a system call: its handler goes on behind it
  task.waiting = undefined;
}

/** What was to happen behind the stop that the current task left. */
export function runAfterStop(task: Task): void {
  const after = task.afterStop;
  task.afterStop = undefined;
  after?.(task.stopAnswer);
}

/** ptrace_notify: SIGTRAP's stops that are no signals. */
export function trapStop(task: Task, code: number, message = 0n, why: number = CLD.TRAPPED, signal: number = SIG.SIGTRAP): Stop {
  const info: SignalInfo = { signal, code, pid: task.pid, uid: task.credentials.uid };
  return { code, why, message, info };
}

/** A stop in the middle of a system call; the handler runs again behind it, with this in `task.resumed`. */
export interface StopWait extends Wait {
  readonly traced: true;
}
/** undefined: no stop, go on. */
export function stopInCall(k: Kernel, task: Task, stop: Stop): StopWait | undefined {
  return enterStop(k, task, stop, () => {}) ? { kind: 'wait', traced: true, what: 'its tracer', ready: () => false } : undefined;
}

/** SIGKILL ends every trace stop of a process. */
export function wakeKilled(task: Task): void {
  for (const t of task.process.threads) leaveStop(t, 0);
}

/** A signal that a tracer gives at a stop which is no signal's: sent as the kernel's own. */
export function sendAnswer(k: Kernel, task: Task, answer: number): void {
  if (answer !== 0) sendSignal(k, task, { signal: answer, code: SI.KERNEL, pid: 0, uid: 0 });
}
