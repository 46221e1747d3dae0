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
  /** si_value. */
  readonly value?: bigint;
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

export class TaskSignals {
  /** Blocked now. */
  blocked = 0n;
  /** Mask to put back after the handler that ends a sigsuspend or ppoll. */
  savedMask: bigint | undefined;
  actions: SignalActions;
  /** sigaltstack: 0 size = none. */
  altStack = { sp: 0n, size: 0n, flags: 0 };
  private queue: SignalInfo[] = [];

  constructor(actions: SignalActions) {
    this.actions = actions;
  }

  get pending(): bigint {
    let m = 0n;
    for (const s of this.queue) m |= maskOf(s.signal);
    return m;
  }

  /** Some unblocked signal waits for delivery. */
  get deliverable(): boolean {
    return this.queue.some((s) => s.forced === true || (maskOf(s.signal) & this.blocked) === 0n);
  }
  /** SIGKILL is among the pending. */
  get killed(): boolean {
    return this.queue.some((s) => s.signal === SIG.SIGKILL);
  }

  /** Ignored now, by choice or by default (and not blocked: a blocked one is kept, as its action may change). */
  ignores(signal: number): boolean {
    if ((this.blocked & maskOf(signal)) !== 0n) return false;
    const { handler } = this.actions.get(signal);
    return handler === BigInt(SIG_IGN) || (handler === BigInt(SIG_DFL) && defaultAction(signal) === 'ignore');
  }

  /** Adds a signal. Standard signals are not queued twice. true: it is pending now. */
  post(info: SignalInfo): boolean {
    if (info.signal === SIG.SIGCONT) this.queue = this.queue.filter((s) => (maskOf(s.signal) & STOP_MASK) === 0n);
    if (STOP.includes(info.signal)) this.queue = this.queue.filter((s) => s.signal !== SIG.SIGCONT);
    if (info.forced !== true && this.ignores(info.signal)) return false;
    if (info.signal < 32 && this.queue.some((s) => s.signal === info.signal)) return true;
    this.queue.push(info);
    return true;
  }

  /** Takes the next signal to deliver: faults first, then by number. `only`: from this set (sigtimedwait), blocked or not. */
  take(only?: bigint): SignalInfo | undefined {
    let best: SignalInfo | undefined;
    const rank = (s: SignalInfo): number => (s.signal === SIG.SIGKILL ? -2 : s.forced === true ? -1 : s.signal);
    for (const s of this.queue) {
      const allowed = only === undefined ? s.forced === true || (maskOf(s.signal) & this.blocked) === 0n : (maskOf(s.signal) & only) !== 0n;
      if (allowed && (best === undefined || rank(s) < rank(best))) best = s;
    }
    if (best !== undefined) this.queue.splice(this.queue.indexOf(best), 1);
    return best;
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
}

export const isSignal = (n: number): boolean => n >= 1 && n <= NSIG;
/** SA_RESTART and friends as one readable question. */
export const has = (action: SignalAction, flag: number): boolean => (BigInt(action.flags >>> 0) & BigInt(flag >>> 0)) !== 0n;
export { SA };
