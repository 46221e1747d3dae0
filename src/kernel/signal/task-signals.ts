/** A task's signal state: pending signals, blocked mask, actions, alternate stack. Masks are bigints, bit n-1 for signal n. */
import { NSIG, SA, SIG, SIG_DFL, SIG_IGN } from '#abi/signals.ts';

/** struct siginfo's fields that a program can see. */
export interface SignalInfo {
  readonly signal: number;
  readonly code: number;
  readonly pid?: number;
  readonly uid?: number;
  /** si_addr of a fault. */
  readonly address?: bigint;
  /** si_status of SIGCHLD. */
  readonly status?: number;
  /** si_band and si_fd of a SIGIO that F_SETSIG asked for. */
  readonly band?: bigint;
  readonly fd?: number;
  /** si_perf_data, si_perf_type, si_perf_flags of TRAP_PERF. */
  readonly perf?: { readonly data: bigint; readonly type: number; readonly flags: number };
  /** si_value. */
  readonly value?: bigint;
  /** The whole structure, where a tracer made it. */
  readonly raw?: Uint8Array;
  /** Made by the task's own instruction: blocking or ignoring it does not help. */
  readonly forced?: boolean;
}

/** struct kernel_sigaction. */
export interface SignalAction {
  readonly handler: bigint;
  readonly flags: number;
  readonly restorer: bigint;
  readonly mask: bigint;
}

export const DEFAULT_ACTION: SignalAction = { handler: BigInt(SIG_DFL), flags: 0, restorer: 0n, mask: 0n };

export const maskOf = (signal: number): bigint => 1n << BigInt(signal - 1);
/** SIGKILL and SIGSTOP can be neither blocked nor handled. */
export const UNBLOCKABLE = maskOf(SIG.SIGKILL) | maskOf(SIG.SIGSTOP);

/** What a signal does by default. signal(7). */
export type DefaultAction = 'terminate' | 'core' | 'ignore' | 'stop' | 'continue';
const CORE: readonly number[] = [
  SIG.SIGQUIT,
  SIG.SIGILL,
  SIG.SIGTRAP,
  SIG.SIGABRT,
  SIG.SIGBUS,
  SIG.SIGFPE,
  SIG.SIGSEGV,
  SIG.SIGXCPU,
  SIG.SIGXFSZ,
  SIG.SIGSYS,
];
const IGNORE: readonly number[] = [SIG.SIGCHLD, SIG.SIGURG, SIG.SIGWINCH];
const STOP: readonly number[] = [SIG.SIGSTOP, SIG.SIGTSTP, SIG.SIGTTIN, SIG.SIGTTOU];
const STOP_MASK = STOP.reduce((m, s) => m | maskOf(s), 0n);

export function defaultAction(signal: number): DefaultAction {
  if (signal === SIG.SIGCONT) return 'continue';
  if (CORE.includes(signal)) return 'core';
  if (IGNORE.includes(signal)) return 'ignore';
  if (STOP.includes(signal)) return 'stop';
  return 'terminate';
}

/** Actions by signal; shared by CLONE_SIGHAND, copied by fork. */
export class SignalActions {
  private readonly actions = new Map<number, SignalAction>();

  get(signal: number): SignalAction {
    return this.actions.get(signal) ?? DEFAULT_ACTION;
  }
  set(signal: number, action: SignalAction): void {
    this.actions.set(signal, action);
  }
  /** Masks of the signals that are ignored and that have a handler. */
  sets(): { readonly ignored: bigint; readonly caught: bigint } {
    let ignored = 0n;
    let caught = 0n;
    for (const [s, a] of this.actions) {
      if (a.handler === BigInt(SIG_IGN)) ignored |= maskOf(s);
      else if (a.handler !== BigInt(SIG_DFL)) caught |= maskOf(s);
    }
    return { ignored, caught };
  }
  clone(): SignalActions {
    const out = new SignalActions();
    for (const [s, a] of this.actions) out.actions.set(s, a);
    return out;
  }
  /** execve: handlers become default, ignored stays ignored. */
  resetHandlers(): void {
    for (const [s, a] of this.actions) {
      if (a.handler === BigInt(SIG_IGN)) this.actions.set(s, { ...DEFAULT_ACTION, handler: a.handler });
      else this.actions.delete(s);
    }
  }
}

/** Signals sent to a process as a whole, and the threads that can take them, in order of birth. */
class SharedSignals {
  queue: SignalInfo[] = [];
  readonly members = new Set<TaskSignals>();

  /** The thread that a signal wakes: the first that does not block it (the leader before others). kernel/signal.c complete_signal. */
  target(info: SignalInfo): TaskSignals | undefined {
    for (const m of this.members) if ((maskOf(info.signal) & m.blocked) === 0n) return m;
    return undefined;
  }
}

export class TaskSignals {
  /** Blocked now. */
  blocked = 0n;
  /** Mask to put back after the handler that ends a sigsuspend or ppoll. */
  savedMask: bigint | undefined;
  actions: SignalActions;
  /** A tracer sees what it ignores, too. */
  traced = false;
  /** Its tracer or its group wants it to stop: as good as a signal for what sleeps. */
  jobControl = false;
  /** sigaltstack: 0 size = none. */
  altStack = { sp: 0n, size: 0n, flags: 0 };
  private queue: SignalInfo[] = [];
  private readonly shared: SharedSignals;

  constructor(actions: SignalActions, beside?: TaskSignals) {
    this.actions = actions;
    this.shared = beside === undefined ? new SharedSignals() : beside.shared;
    this.shared.members.add(this);
  }

  get pending(): bigint {
    let m = 0n;
    for (const s of this.queue) m |= maskOf(s.signal);
    for (const s of this.shared.queue) m |= maskOf(s.signal);
    return m;
  }

  /** Some unblocked signal waits for delivery to this thread. */
  get deliverable(): boolean {
    return (
      this.jobControl ||
      this.queue.some((s) => s.forced === true || (maskOf(s.signal) & this.blocked) === 0n) ||
      this.shared.queue.some((s) => this.shared.target(s) === this)
    );
  }
  /** SIGKILL is among the pending. */
  get killed(): boolean {
    return this.queue.some((s) => s.signal === SIG.SIGKILL) || this.shared.queue.some((s) => s.signal === SIG.SIGKILL);
  }

  /** Ignored now, by choice or by default (and not blocked: a blocked one is kept, as its action may change). */
  ignores(signal: number): boolean {
    if ((this.blocked & maskOf(signal)) !== 0n || (this.traced && signal !== SIG.SIGKILL)) return false;
    const { handler } = this.actions.get(signal);
    return handler === BigInt(SIG_IGN) || (handler === BigInt(SIG_DFL) && defaultAction(signal) === 'ignore');
  }

  /** Adds a signal for this thread alone. Standard signals are not queued twice. true: it is pending now. */
  post(info: SignalInfo): boolean {
    return this.accept(info, this.queue);
  }
  /** The same for the process: any thread that does not block it will take it. */
  postShared(info: SignalInfo): boolean {
    return this.accept(info, this.shared.queue);
  }
  private accept(info: SignalInfo, queue: SignalInfo[]): boolean {
    if (info.signal === SIG.SIGCONT) this.flush(STOP_MASK);
    if (STOP.includes(info.signal)) this.flush(maskOf(SIG.SIGCONT));
    if (info.forced !== true && this.ignores(info.signal)) return false;
    if (info.signal < 32 && queue.some((s) => s.signal === info.signal)) return true;
    queue.push(info);
    return true;
  }

  /** SIGKILL has done what it does. */
  forgetKill(): void {
    for (const queue of [this.queue, this.shared.queue])
      for (let i = queue.length - 1; i >= 0; i--) if (queue[i]?.signal === SIG.SIGKILL) queue.splice(i, 1);
  }
  /** What is pending for this thread, or for the process, in order. */
  queued(shared: boolean): readonly SignalInfo[] {
    return shared ? this.shared.queue : this.queue;
  }

  /** Forgets pending signals of a set, in all threads of the process. */
  flush(mask: bigint): void {
    const drop = (queue: SignalInfo[]): void => {
      for (let i = queue.length - 1; i >= 0; i--) if ((maskOf((queue[i] as SignalInfo).signal) & mask) !== 0n) queue.splice(i, 1);
    };
    drop(this.shared.queue);
    for (const m of this.shared.members) drop(m.queue);
  }

  /**
   * Takes the next signal to deliver: its own before the process's, faults first, then by number. `only`: from this set (sigtimedwait,
   * signalfd), blocked or not.
   */
  take(only?: bigint): SignalInfo | undefined {
    const rank = (s: SignalInfo): number => (s.signal === SIG.SIGKILL ? -2 : s.forced === true ? -1 : s.signal);
    const queues = [this.queue, this.shared.queue];
    // SIGKILL goes before all, the process's before the thread's own others too.
    if (only === undefined && this.shared.queue.some((s) => s.signal === SIG.SIGKILL)) queues.reverse();
    for (const queue of queues) {
      let best: SignalInfo | undefined;
      for (const s of queue) {
        const allowed =
          only === undefined ? s.forced === true || (maskOf(s.signal) & this.blocked) === 0n : (maskOf(s.signal) & only) !== 0n;
        if (allowed && (best === undefined || rank(s) < rank(best))) best = s;
      }
      if (best === undefined) continue;
      queue.splice(queue.indexOf(best), 1);
      return best;
    }
    return undefined;
  }

  setBlocked(mask: bigint): void {
    this.blocked = mask & ~UNBLOCKABLE;
  }

  /** For fork: same mask, actions and alternate stack, nothing pending. */
  clone(shareActions: boolean): TaskSignals {
    const out = new TaskSignals(shareActions ? this.actions : this.actions.clone());
    out.blocked = this.blocked;
    out.altStack = { ...this.altStack };
    return out;
  }
  /** For a new thread: same mask and actions, no alternate stack, signals of the process in common. */
  thread(): TaskSignals {
    const out = new TaskSignals(this.actions, this);
    out.blocked = this.blocked;
    return out;
  }
  /** The thread ends: signals of the process go to others. */
  leave(): void {
    this.shared.members.delete(this);
  }
}

export const isSignal = (n: number): boolean => n >= 1 && n <= NSIG;
/** SA_RESTART and friends as one readable question. */
export const has = (action: SignalAction, flag: number): boolean => (BigInt(action.flags >>> 0) & BigInt(flag >>> 0)) !== 0n;
export { SA };
