/** Signal-delivery stops: a traced task shows each signal to its tracer before it acts. kernel/signal.c ptrace_signal, signal_delivered. */
import { CLD, SI, SIG } from '#abi/signals.ts';
import type { Kernel } from '../kernel.ts';
import { maskOf, type SignalInfo } from '../signal/task-signals.ts';
import type { Task } from '../task/task.ts';
import { enterStop, trapStop } from './stop.ts';

/** true: the task stops; behind it `task.injected` is what the tracer lets through. */
export function stopForSignal(k: Kernel, task: Task, info: SignalInfo): boolean {
  const stop = { code: info.signal, why: CLD.TRAPPED, message: 0n, info: info as SignalInfo | undefined };
  const { trace } = task;
  return enterStop(k, task, stop, (answer) => {
    if (answer === 0 || task.signals.killed) return;
    const tracer = trace?.tracer;
    const kept = stop.info ?? info;
    const given =
      answer === kept.signal ? kept : { signal: answer, code: SI.USER, pid: tracer?.tgid ?? 0, uid: tracer?.credentials.uid ?? 0 };
    if ((task.signals.blocked & maskOf(answer)) === 0n) task.injected = given;
    else task.signals.post({ ...given, forced: false });
  });
}

/** A single step led into a signal handler: the tracer sees its first instruction. */
export function stopAtHandler(k: Kernel, task: Task): boolean {
  return enterStop(k, task, trapStop(task, SIG.SIGTRAP), () => {});
}
