/** Event stops: fork, vfork, clone, exec, exit. include/linux/ptrace.h ptrace_event, ptrace_init_task. */
import { CLONE } from '#abi/process.ts';
import { PTRACE_EVENT, type PtraceEvent } from '#abi/ptrace.ts';
import { SI, SIG } from '#abi/signals.ts';
import type { Kernel } from '../kernel.ts';
import { sendSignal } from '../signal/deliver.ts';
import type { Task } from '../task/task.ts';
import { link } from './attach.ts';
import { kick } from './job-control.ts';
import { disableStep } from './step.ts';
import { enterStop, type StopWait, stopInCall, trapStop } from './stop.ts';

const eventStop = (task: Task, event: PtraceEvent, message: bigint) => trapStop(task, SIG.SIGTRAP | (PTRACE_EVENT[event] << 8), message);

/** An event inside a system call; undefined: nobody wants it. */
export function event(k: Kernel, task: Task, name: PtraceEvent, message: number): StopWait | undefined {
  return task.trace?.wants(name) === true ? stopInCall(k, task, eventStop(task, name, BigInt(message))) : undefined;
}

/** Which event the making of a task is. kernel/fork.c kernel_clone */
export function cloneEvent(flags: number, exitSignal: number): PtraceEvent {
  if ((flags & CLONE.VFORK) !== 0) return 'VFORK';
  return exitSignal === SIG.SIGCHLD ? 'FORK' : 'CLONE';
}

/** A new task of a traced one: traced too where an option or CLONE_PTRACE says so; never stepping, its calls not reported yet. */
export function traceChild(parent: Task, child: Task, flags: number, exitSignal: number): void {
  const { trace } = parent;
  if (trace === undefined) return;
  if (trace.forcedTrapFlag) child.regs.set('flags', child.regs.get('flags') & ~0x100n);
  const wanted = (flags & CLONE.UNTRACED) === 0 && trace.wants(cloneEvent(flags, exitSignal));
  if (!wanted && (flags & CLONE.PTRACE) === 0) return;
  const own = link(child, trace.tracer, trace.seized, trace.options);
  if (!trace.seized) {
    child.signals.post({ signal: SIG.SIGSTOP, code: SI.USER, pid: 0, uid: 0 });
    return;
  }
  own.trapStop = true;
  kick(child);
}

/** execve succeeded: an event, or the SIGTRAP of old. `before`: its thread id until now. */
export function execEvent(k: Kernel, task: Task, before: number): StopWait | undefined {
  const { trace } = task;
  if (trace === undefined) return undefined;
  if (trace.wants('EXEC')) return event(k, task, 'EXEC', before);
  if (!trace.seized) {
    const { uid } = task.credentials;
    sendSignal(k, task, { signal: SIG.SIGTRAP, code: SI.USER, pid: task.tgid, uid });
  }
  return undefined;
}

/** The end of a task that a signal or its group ends, on its way to user mode: true: it stops first, and `end` comes behind. */
export function exitEvent(k: Kernel, task: Task, status: number, end: () => void): boolean {
  if (task.trace?.wants('EXIT') !== true) return false;
  task.signals.forgetKill();
  disableStep(task);
  return enterStop(k, task, eventStop(task, 'EXIT', BigInt(status)), end);
}
