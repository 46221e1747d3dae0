/** A traced task at the two ends of a system call: kernel/entry/common.c, include/linux/ptrace.h ptrace_report_syscall. */
import { PTRACE_SYSCALL_INFO } from '#abi/ptrace.ts';
import { SIG, TRAP } from '#abi/signals.ts';
import type { Kernel } from '../kernel.ts';
import { forceSignal } from '../signal/deliver.ts';
import type { Task } from '../task/task.ts';
import { enterStop, sendAnswer, trapStop } from './stop.ts';

/** PTRACE_O_TRACESYSGOOD's bit beside SIGTRAP. */
const GOOD = 0x80;
/** A number that no call has: the call is not made, RAX stays as the tracer left it. */
export const SKIPPED = -1;

/** The system call that its registers ask for. */
const asked = (task: Task): number => Number(BigInt.asIntN(32, task.regs.get('orig_ax')));

function report(k: Kernel, task: Task, message: number, after: (answer: number) => void): boolean {
  const code = SIG.SIGTRAP | (task.trace?.has.sysGood === true ? GOOD : 0);
  return enterStop(k, task, trapStop(task, code, BigInt(message)), after);
}

/** Before a call: true: the task stops, and `task.call` will say which call is to be made. */
export function stopAtEntry(k: Kernel, task: Task): boolean {
  const { trace } = task;
  if (trace === undefined || !(trace.syscalls || trace.emulates)) return false;
  const { emulates } = trace;
  return report(k, task, PTRACE_SYSCALL_INFO.ENTRY, (answer) => {
    sendAnswer(k, task, answer);
    task.call = emulates || task.signals.killed ? SKIPPED : asked(task);
  });
}

/** A call has its result: what the way back to user mode is to look at. */
export function leaveCall(k: Kernel, task: Task): void {
  task.call = undefined;
  const { trace } = task;
  if (trace === undefined || !(trace.syscalls || (trace.stepping && !trace.emulates))) return;
  trace.leavingCall = true;
  k.needWork();
}

/** Behind a call: true: the task stops. A single step over it is a signal instead. */
export function stopAtExit(k: Kernel, task: Task): boolean {
  const { trace } = task;
  if (trace === undefined || !trace.leavingCall) return false;
  trace.leavingCall = false;
  if (trace.stepping && !trace.emulates) {
    forceSignal(k, task, { signal: SIG.SIGTRAP, code: TRAP.BRKPT, address: task.regs.get('ip') });
    return false;
  }
  return report(k, task, PTRACE_SYSCALL_INFO.EXIT, (answer) => sendAnswer(k, task, answer));
}
