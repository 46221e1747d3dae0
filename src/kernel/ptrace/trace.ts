/**
 * What a traced task carries: who traces it, how, and where it stands still. Linux keeps the same in task_struct (ptrace, jobctl, exit_code,
 * last_siginfo, ptrace_message) and thread flags; kernel/ptrace.c, kernel/signal.c, include/linux/sched/jobctl.h say what each part does.
 */
import { PTRACE_EVENT, PTRACE_O, type PtraceEvent } from '#abi/ptrace.ts';
import type { SignalInfo } from '../signal/task-signals.ts';
import type { Task } from '../task/task.ts';

/** One trace stop. */
export interface Stop {
  /** Bits 8 and up of the status that wait4 tells: a signal, or SIGTRAP with an event above. */
  readonly code: number;
  /** CLD_TRAPPED, or CLD_STOPPED of a group stop: si_code of the tracer's SIGCHLD. */
  readonly why: number;
  /** PTRACE_GETEVENTMSG. */
  readonly message: bigint;
  /** PTRACE_GETSIGINFO; undefined: EINVAL, in a group stop. SETSIGINFO changes it. */
  info: SignalInfo | undefined;
}

export class Trace {
  readonly tracer: Task;
  /** PTRACE_SEIZE'd: group stops are told apart, nothing is sent at attach. */
  readonly seized: boolean;
  options = 0;

  /** While it stands still. */
  stop: Stop | undefined;
  /** The stop's code until wait has told it; 0: told. */
  untold = 0;
  /** PTRACE_LISTEN: stopped, but invisible to wait and to requests. */
  listening = false;

  /** JOBCTL_STOP_PENDING: the signal of a group stop that this task has not taken part in yet; 0: none. */
  groupStop = 0;
  /** JOBCTL_STOP_SIGMASK: signal of the last group stop. */
  stopSignal = 0;
  /** JOBCTL_TRAP_STOP: it is to stop as soon as it can (PTRACE_INTERRUPT, a group stop). */
  trapStop = false;
  /** JOBCTL_TRAP_NOTIFY: job control changed, the tracer is to hear of it. */
  trapNotify = false;

  /** PTRACE_SYSCALL and PTRACE_SYSEMU since the last resumption. */
  syscalls = false;
  emulates = false;
  /** TIF_SINGLESTEP: one instruction at a time. */
  stepping = false;
  /** TIF_FORCED_TF: the trap flag in its registers is the tracer's, not its own. */
  forcedTrapFlag = false;
  /** A system call has its result, and the way back to user mode has not looked at it yet. */
  leavingCall = false;

  constructor(tracer: Task, seized: boolean) {
    this.tracer = tracer;
    this.seized = seized;
  }

  /** Job control wants it to trap. */
  get trapPending(): boolean {
    return this.groupStop !== 0 || this.trapStop || this.trapNotify;
  }
  /** Must pass exit_to_user_mode_loop before user mode. */
  get hasWork(): boolean {
    return this.leavingCall || this.trapPending;
  }
  wants(event: PtraceEvent): boolean {
    return (this.options & (1 << PTRACE_EVENT[event])) !== 0;
  }
  get has(): { readonly sysGood: boolean; readonly exitKill: boolean } {
    return { sysGood: (this.options & PTRACE_O.TRACESYSGOOD) !== 0, exitKill: (this.options & PTRACE_O.EXITKILL) !== 0 };
  }
}
