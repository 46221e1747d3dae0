/**
 * A counter's period arithmetic. Linux: x86_perf_event_set_period and x86_perf_event_update, arch/x86/events/core.c (spec §2.3, table §10.2).
 * All values are signed integers of any size; the counter itself is an unsigned word of `width` bits.
 */

export interface PeriodStep {
  /** What period_left becomes. */
  readonly left: bigint;
  /** How far from overflow the counter is programmed: left, at least 2, at most maxPeriod. */
  readonly programmed: bigint;
  /** A whole period has passed: emit a sample. */
  readonly elapsed: boolean;
  /** Whole periods that passed beyond that one and get no sample of their own (A17). */
  readonly skipped: bigint;
}

/** Counting down past 1 is unsafe on some processors; Linux never programs less than this. */
const SMALLEST = 2n;

export function setPeriod(periodLeft: bigint, period: bigint, maxPeriod: bigint): PeriodStep {
  let left = periodLeft;
  let skipped = 0n;
  const elapsed = left <= 0n;
  if (left <= -period) {
    skipped = -left / period;
    left = period;
  } else if (elapsed) {
    left += period;
  }
  let programmed = left < SMALLEST ? SMALLEST : left;
  if (programmed > maxPeriod) programmed = maxPeriod;
  return { left, programmed, elapsed, skipped };
}

/** What a counter of `width` bits moved between two readings: one wrap at most. */
export const counterDelta = (previous: bigint, now: bigint, width: number): bigint => BigInt.asUintN(width, now - previous);

/** The largest period that can be programmed: half the range, or 2^31-1 where writes are 32 bits wide, sign-extended (A15). */
export const maxPeriod = (width: number, fullWidthWrite: boolean): bigint =>
  fullWidthWrite ? (1n << BigInt(width - 1)) - 1n : (1n << 31n) - 1n;
