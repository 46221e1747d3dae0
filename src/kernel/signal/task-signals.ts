/** A task's signal state: pending sets, blocked mask, actions. Masks are bigints, bit n-1 for signal n. */

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
}

/** struct kernel_sigaction. */
export interface SignalAction {
  readonly handler: bigint;
  readonly flags: number;
  readonly restorer: bigint;
  readonly mask: bigint;
}

export interface TaskSignals {
  /** Blocked now. */
  blocked: bigint;
  /** Some unblocked, not ignored signal waits for delivery. */
  readonly deliverable: boolean;
}
