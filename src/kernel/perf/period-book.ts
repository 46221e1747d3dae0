/** Where periods end, with a sample or without: the sample book's side of it. */
import { PERF_SAMPLE } from '#abi/perf-event/sample.ts';
import { attrFlag } from './attr.ts';
import type { PerfEvent } from './event.ts';

/** A period that ran out in the last skid window and was never programmed again. */
export function closeSampleBook(event: PerfEvent): void {
  if (event.kind !== 'core' || !event.isSampling || event.hw.periodLeft > 0n) return;
  const skipped = Number(-event.hw.periodLeft / event.hw.samplePeriod);
  event.account.samples.due += 1 + skipped;
  event.account.samples.lost['sched-out']++;
  event.account.samples.lost['skipped period'] += skipped;
  event.hw.periodLeft = event.hw.samplePeriod;
}

/**
 * One more of an event that is counted one by one: true when its period is over and a sample is due. Who wants PERIOD in its samples gets every single
 * one, with the period 1. perf_swevent_event.
 */
export function countsDown(event: PerfEvent): boolean {
  if (!event.isSampling) return false;
  const { hw } = event;
  const every = (event.attr.sample_type & PERF_SAMPLE.PERIOD) !== 0 && !attrFlag(event.attr, 'freq');
  hw.periodLeft -= 1n;
  if (!every && hw.periodLeft > 0n) return false;
  hw.lastPeriod = every ? 1n : hw.samplePeriod;
  hw.periodLeft += hw.lastPeriod;
  event.account.samples.due++;
  return true;
}

/** The running period is forgotten and another begins. */
export function restartPeriod({ hw }: PerfEvent): void {
  hw.periodLeft = hw.samplePeriod;
  hw.lastPeriod = hw.samplePeriod;
}
