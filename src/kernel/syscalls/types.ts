/** What a system call handler gets and gives. */
import type { Kernel } from '../kernel.ts';
import type { PtRegs } from '../task/pt-regs.ts';
import type { Task } from '../task/task.ts';

/**
 * A call that must wait. The task sleeps until `ready()` holds or `deadlineNs` has passed, then the handler runs again from the start
 * with the same arguments and `task.resumed` set to this object (so that it finds its own deadline, and what it did already, again).
 * A signal that arrives first ends the call with `interrupted()`'s value (default: -ERESTARTSYS) instead.
 * `ready` must depend on kernel state only and have no effect.
 */
export interface Wait {
  readonly kind: 'wait';
  /** What is waited for, for the deadlock report: `read from a pipe`, `wait4`. */
  readonly what: string;
  ready(): boolean;
  /** Monotonic modelled time (Kernel.monotonicNs). */
  readonly deadlineNs?: bigint;
  readonly interrupted?: () => number;
  /**
   * What is waited for comes from outside the model (a terminal, a pipe of the host). The whole model stands still: no other task runs and
   * no time passes, so that when the input comes makes no difference. The handler is asked again until it has an answer; `ready` is not.
   */
  readonly host?: true;
  /** A trace stop (ptrace/stop.ts): only the tracer, or SIGKILL, ends it. */
  readonly traced?: true;
}

/** A value for RAX. A negative number is -errno. */
export type SyscallResult = number | bigint | Wait;

/** Arguments 0-5 (RDI, RSI, RDX, R10, R8, R9), each readable in the ways that Linux's prototypes need. */
export class SyscallArgs {
  private readonly regs: PtRegs;

  constructor(regs: PtRegs) {
    this.regs = regs;
  }

  /** Unsigned 64 bits, exact. */
  u(i: number): bigint {
    return this.regs.argument(i);
  }
  /** Unsigned 64 bits as a double: exact below 2^53; anything above is no user address and no sane length. */
  n(i: number): number {
    return this.regs.argumentNumber(i);
  }
  /** Signed 64 bits as a double: offsets, lengths that may be negative. */
  s(i: number): number {
    return Number(BigInt.asIntN(64, this.regs.argument(i)));
  }
  /** `int`: signed low 32 bits; descriptors, pids, flags that are compared as int. */
  i32(i: number): number {
    return this.regs.argumentLow(i) | 0;
  }
  /** `unsigned int`: low 32 bits. */
  u32(i: number): number {
    return this.regs.argumentLow(i) >>> 0;
  }
}

export type SyscallHandler = (k: Kernel, t: Task, a: SyscallArgs) => SyscallResult;

/** full: as Linux for what programs do; partial: `note` says what lacks; none: -ENOSYS, and remembered by name. */
export type Support = 'full' | 'partial' | 'none';

export interface SyscallRow {
  readonly number: number;
  readonly name: string;
  readonly handler: SyscallHandler;
  readonly support: Support;
  readonly note: string;
}
