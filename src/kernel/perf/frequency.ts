/**
 * Frequency mode and throttling. kernel/events/core.c: perf_adjust_period, __perf_event_account_interrupt, perf_adjust_freq_unthr_context;
 * spec §2.6.
 */
import type { PerfEvent } from './event.ts';
import { attrFlag } from './attr.ts';

export const isFrequency = (event: PerfEvent): boolean => attrFlag(event.attr, 'freq') && event.attr.sample_period > 0n;

/**
 * Moves the period an eighth of the way to the one that would have given `sample_freq` samples a second, when `count` events took `ns`.
 * true: what is left of the running period is more than eight new ones, so it should be cut off.
 */
export function adjustPeriod(event: PerfEvent, ns: number, count: bigint): boolean {
  const { hw } = event;
  const divisor = BigInt(ns) * event.attr.sample_period;
  if (divisor === 0n) return false;
  const target = (count * 1_000_000_000n) / divisor;
  const distance = target - hw.samplePeriod;
  const step = (distance + (distance >= 0n ? 7n : -7n)) / 8n;
  const period = hw.samplePeriod + step;
  hw.samplePeriod = period < 1n ? 1n : period;
  return hw.periodLeft > 8n * hw.samplePeriod;
}

/** An overflow's part: with less than two ticks between two overflows the time between them is a measure. */
export function adjustAtOverflow(event: PerfEvent, nowNs: number, tickNs: number): boolean {
  const passed = nowNs - event.hw.freqStampNs;
  event.hw.freqStampNs = nowNs;
  return passed > 0 && passed < 2 * tickNs && adjustPeriod(event, passed, event.hw.lastPeriod);
}

/** true: that was one sample too many for this tick, the event is to be stopped until the next. */
export function tooManySamples(event: PerfEvent, tick: number, maxPerTick: number): boolean {
  const { hw } = event;
  if (hw.interruptsTick !== tick) {
    hw.interruptsTick = tick;
    hw.interrupts = 1;
    return false;
  }
  hw.interrupts++;
  return hw.interrupts >= maxPerTick;
}
