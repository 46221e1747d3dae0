/** What the scheduling of events needs of a CPU's PMU. struct pmu, include/linux/perf_event.h. */
import type { PerfEvent } from './event.ts';

export interface Pmu {
  /** false: it does not fit. */
  add(event: PerfEvent): boolean;
  /** Takes it off, its count complete. */
  remove(event: PerfEvent): void;
  /** Makes event.count complete while it stays on. */
  read(event: PerfEvent): void;
  /** Begins a new period while it stays on: its length has changed. */
  reload(event: PerfEvent): void;
}
