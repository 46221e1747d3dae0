/** Who traces whom: TRACEME, ATTACH, SEIZE, DETACH, and the end of a tracer. kernel/ptrace.c. */
import { ERRNO } from '#abi/errno.ts';
import { PTRACE_O } from '#abi/ptrace.ts';
import { SI, SIG } from '#abi/signals.ts';
import type { Kernel } from '../kernel.ts';
import { sendSignal } from '../signal/deliver.ts';
import { isSignal } from '../signal/task-signals.ts';
import type { SyscallResult } from '../syscalls/types.ts';
import { releaseTraced } from '../task/exit.ts';
import type { Task } from '../task/task.ts';
import { mayAccess } from './access.ts';
import { disableStep } from './step.ts';
import { isReparented, leaveStop } from './stop.ts';
import { Trace } from './trace.ts';
import { kick } from './job-control.ts';

/** The newest tracee comes first, as in Linux's list. */
export function link(task: Task, tracer: Task, seized: boolean, options: number): Trace {
  const trace = new Trace(tracer, seized);
  trace.options = options;
  task.trace = trace;
  task.signals.traced = true;
  tracer.tracees.unshift(task);
  return trace;
}

/** __ptrace_unlink: nobody traces it any longer. A stopped process's thread stops with the others, a trapped one goes on. */
export function unlink(task: Task): void {
  const { trace, process } = task;
  if (trace === undefined) return;
  disableStep(task);
  const { tracees } = trace.tracer;
  tracees.splice(tracees.indexOf(task), 1);
  leaveStop(task, task.stopAnswer);
  task.trace = undefined;
  task.signals.traced = false;
  task.signals.jobControl = false;
  if (task.alive && process.stopSignal !== 0 && process.exiting === undefined && !task.signals.killed) task.state = 'stopped';
}

export function traceme(k: Kernel, task: Task): number {
  if (task.trace !== undefined) return -ERRNO.EPERM;
  const { maker, parent } = task.process;
  const tracer = maker?.alive === true && maker.process === parent ? maker : parent?.leader;
  if (tracer === undefined || !tracer.alive) {
    k.unsupported("PTRACE_TRACEME where the parent is perfglass's own");
    return -ERRNO.EPERM;
  }
  link(task, tracer, false, 0);
  return 0;
}

/** Stands still, has ended, or waits in vfork, which only its child ends: it traps behind that. */
const hasTrapped = (task: Task): boolean => task.vforkWait || (task.state !== 'runnable' && task.state !== 'waiting');

/** PTRACE_ATTACH and PTRACE_SEIZE. It waits until a stopped task has become a trapped one. */
export function attach(k: Kernel, tracer: Task, task: Task, seize: boolean, address: bigint, options: number): SyscallResult {
  if (tracer.resumed !== undefined) return 0;
  if (seize && (address !== 0n || (options & ~PTRACE_O.MASK) !== 0)) return -ERRNO.EIO;
  if (task.process === tracer.process || !mayAccess(tracer, task)) return -ERRNO.EPERM;
  if (!task.alive || task.trace !== undefined) return -ERRNO.EPERM;
  const trace = link(task, tracer, seize, seize ? options : 0);
  const stopped = task.state === 'stopped';
  if (stopped) {
    task.state = task.waiting === undefined ? 'runnable' : 'waiting';
    trace.trapStop = true;
    trace.stopSignal = task.process.stopSignal;
    kick(task);
  }
  if (!seize) sendSignal(k, task, { signal: SIG.SIGSTOP, code: SI.KERNEL, pid: 0, uid: 0 });
  if (!stopped || hasTrapped(task)) return 0;
  return { kind: 'wait', what: `task ${task.pid} to trap`, ready: () => hasTrapped(task) };
}

export function detach(task: Task, answer: number): number {
  if (answer !== 0 && !isSignal(answer)) return -ERRNO.EIO;
  task.stopAnswer = answer;
  unlink(task);
  return 0;
}

/** A tracer ends: PTRACE_O_EXITKILL's tracees with it, the others go on untraced. exit_ptrace */
export function endTracer(k: Kernel, tracer: Task): void {
  for (const task of [...tracer.tracees]) {
    if (task.trace?.has.exitKill === true) sendSignal(k, task, { signal: SIG.SIGKILL, code: SI.KERNEL });
    const known = task === task.leader && !isReparented(task); // its parent has been told
    unlink(task);
    if (!task.alive && !known) releaseTraced(k, task);
  }
}
