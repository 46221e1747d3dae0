/** Perf's state of one logical CPU: struct perf_cpu_context and what the context switch needs. */
import { attrFlag } from './attr.ts';
import type { TaskContext } from './context.ts';
import type { PerfEvent } from './event.ts';
import type { CorePmu } from './intel/core-pmu.ts';
import type { Pmu } from './pmu.ts';
import type { SoftwarePmu } from './software.ts';

export class CpuPerf {
  readonly index: number;
  readonly core: CorePmu;
  readonly software: SoftwarePmu;
  /** Leaders of the groups with hardware events that are on. */
  readonly activeGroups = new Set<PerfEvent>();
  /** Context of the task that runs here. */
  context: TaskContext | undefined;
  /** event_sched_in: a throttled event that comes back may count again. */
  readonly unthrottle: (event: PerfEvent) => void;
  private readonly clock: () => number;

  constructor(index: number, core: CorePmu, software: SoftwarePmu, clock: () => number, unthrottle: (event: PerfEvent) => void) {
    this.index = index;
    this.core = core;
    this.software = software;
    this.clock = clock;
    this.unthrottle = unthrottle;
  }

  /** Modelled ns since boot. */
  nowNs(): number {
    return this.clock();
  }
  pmu(event: PerfEvent): Pmu {
    return event.kind === 'core' ? this.core : this.software;
  }
  /** An exclusive group is on: no other hardware group may join it. */
  get exclusive(): boolean {
    for (const leader of this.activeGroups) if (attrFlag(leader.attr, 'exclusive')) return true;
    return false;
  }
}
