/** Timers of the kernel beside sleeping tasks and ITIMER_REAL: timerfd's, timer_create's, those of CPU time. */

export class KernelTimer {
  /** Its clock. */
  readonly now: () => bigint;
  /** Its clock's ns of the next expiry; undefined: not armed. */
  private next: bigint | undefined;
  intervalNs = 0n;
  /** Since the last look of whoever owns it. */
  expirations = 0n;
  /** Ever. */
  total = 0n;
  /** Called at an expiry that the kernel noticed, with `expirations` grown. */
  onExpiry: () => void = () => {};

  constructor(now: () => bigint) {
    this.now = now;
  }

  get dueNs(): bigint | undefined {
    return this.next;
  }
  /** Arms for `atNs` of its clock (undefined disarms), afterwards every `intervalNs` (0: once). */
  set(atNs: bigint | undefined, intervalNs: bigint): void {
    this.next = atNs;
    this.intervalNs = intervalNs;
    this.expirations = 0n;
  }
  /** Time until the next expiry; 0 if disarmed. */
  leftNs(): bigint {
    this.advance();
    if (this.next === undefined) return 0n;
    const left = this.next - this.now();
    return left > 0n ? left : 1n;
  }
  /** Counts what has expired by now. */
  advance(): void {
    const { next, intervalNs } = this;
    const now = this.now();
    if (next === undefined || next > now) return;
    const times = intervalNs > 0n ? (now - next) / intervalNs + 1n : 1n;
    this.next = intervalNs > 0n ? next + intervalNs * times : undefined;
    this.expirations += times;
    this.total += times;
    this.onExpiry();
  }
}
