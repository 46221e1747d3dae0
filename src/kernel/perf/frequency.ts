/**
 * Frequency mode and throttling. kernel/events/core.c: perf_adjust_period, __perf_event_account_interrupt, perf_adjust_freq_unthr_context;
 * spec §2.6.
 */
import type { PerfEvent } from './event.ts';
import { PERF_TYPE } from '#abi/perf-event/attr.ts';
import { attrFlag, type PerfEventAttr } from './attr.ts';

export const isFrequency = (event: PerfEvent): boolean => attrFlag(event.attr, 'freq') && event.attr.sample_period > 0n;

/** Events a second that Linux expects of a generic event on a half idle 1 GHz processor, by PERF_COUNT_HW id; of any other, FEW. */
const EXPECTED: Readonly<Record<number, bigint>> = { 0: 500_000_000n, 1: 500_000_000n, 4: 100_000_000n, 6: 500_000_000n, 9: 500_000_000n };
const EXPECTED_MISSES = 500_000n;
const FEW = 64n * 4000n;

/**
 * The first period. Older kernels begin with 1 and let the overflows adjust it; here no time passes in perf's own work (it is overhead), so
 * an event that counts the handler would overflow in it for ever. intel_pmu_freq_start_period (6.15) begins with a guess.
 */
export function startPeriod(attr: PerfEventAttr): bigint {
  const id = Number(attr.config & 0xffff_ffffn);
  const factor = attr.type !== PERF_TYPE.HARDWARE ? FEW : (EXPECTED[id] ?? (id === 2 || id === 3 || id === 5 ? EXPECTED_MISSES : FEW));
  const period = (factor + attr.sample_period - 1n) / attr.sample_period - 1n;
  return period < 1n ? 1n : period;
}

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
