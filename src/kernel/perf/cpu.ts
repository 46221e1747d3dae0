/** Perf's state of one logical CPU: struct perf_cpu_context and what the context switch needs. */
import type { Task } from '../task/task.ts';
import type { BreakpointPmu } from './breakpoint.ts';
import { EventContext } from './context.ts';
import type { PerfEvent } from './event.ts';
import type { CorePmu } from './intel/core-pmu.ts';
import type { Pmu } from './pmu.ts';
import type { SoftwarePmu } from './software.ts';

export interface CpuParts {
  readonly index: number;
  readonly core: CorePmu;
  readonly software: SoftwarePmu;
  readonly breakpoints: BreakpointPmu;
  readonly clock: () => number;
  readonly unthrottle: (event: PerfEvent) => void;
}

export class CpuPerf {
  readonly index: number;
  readonly core: CorePmu;
  readonly software: SoftwarePmu;
  readonly breakpoints: BreakpointPmu;
  /** Events of the CPU itself, always in force. */
  readonly own = new EventContext(undefined);
  /** Context of the task that runs here. */
  context: EventContext | undefined;
  /** Who runs here; undefined: idle. */
  current: Task | undefined;
  /** An exclusive group is on: no other hardware group may join it. */
  exclusive = false;
  /** event_sched_in: a throttled event that comes back may count again. */
  readonly unthrottle: (event: PerfEvent) => void;
  private readonly clock: () => number;

  constructor(parts: CpuParts) {
    this.index = parts.index;
    this.core = parts.core;
    this.software = parts.software;
    this.breakpoints = parts.breakpoints;
    this.clock = parts.clock;
    this.unthrottle = parts.unthrottle;
    this.own.enterCpu(this);
  }

  /** Modelled ns since boot. */
  nowNs(): number {
    return this.clock();
  }
  pmu(event: PerfEvent): Pmu {
    return event.kind === 'core' ? this.core : event.kind === 'software' ? this.software : this.breakpoints;
  }
  /** The contexts in force, the CPU's first. */
  get contexts(): readonly EventContext[] {
    return this.context === undefined ? [this.own] : [this.own, this.context];
  }
}
