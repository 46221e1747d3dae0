/** Where a period ends without a sample: the sample book's side of it. */
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

/** The running period is forgotten and another begins. */
export function restartPeriod({ hw }: PerfEvent): void {
  hw.periodLeft = hw.samplePeriod;
  hw.lastPeriod = hw.samplePeriod;
}
