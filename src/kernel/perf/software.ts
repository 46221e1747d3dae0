/** Software events: task-clock, cpu-clock, page faults, context switches, migrations. kernel/events/core.c, the swevent and clock parts. */
import { SOFTWARE_EVENT_NAMES } from '#abi/perf-event/attr.ts';
import type { RingTotals } from '#port/truth.ts';
import type { InterruptFrame } from '../perf-hooks.ts';
import type { PerfEvent } from './event.ts';
import type { TruthSource } from './ledger.ts';
import { restartPeriod } from './period-book.ts';
import type { Pmu } from './pmu.ts';

export type SoftwareName = (typeof SOFTWARE_EVENT_NAMES)[number];

const CLOCKS: ReadonlySet<SoftwareName> = new Set(['cpu-clock', 'task-clock']);
/** Counted by what happens, 0 as on Linux where nothing of the kind can happen here. */
const OCCURRENCES: ReadonlySet<SoftwareName> = new Set([
  'page-faults',
  'context-switches',
  'cpu-migrations',
  'minor-faults',
  'major-faults',
  'alignment-faults',
  'emulation-faults',
  'dummy',
]);

export const softwareName = (config: bigint): SoftwareName | undefined => SOFTWARE_EVENT_NAMES[Number(config & 0xffff_ffffn)];
export const isClock = (config: bigint): boolean => CLOCKS.has(softwareName(config) as SoftwareName);
export const isSoftwareModelled = (name: SoftwareName): boolean => CLOCKS.has(name) || OCCURRENCES.has(name);

const NOTHING: RingTotals = { user: 0, kernel: 0, overhead: 0 };

/** What has happened since power-on, whoever counts it: the ledger's truth for software events. */
export class SoftwareTotals {
  private readonly user = new Map<SoftwareName, number>();
  private readonly kernel = new Map<SoftwareName, number>();
  private readonly nowNs: () => number;

  constructor(nowNs: () => number) {
    this.nowNs = nowNs;
  }

  occurred(name: SoftwareName, cpl: 0 | 3): void {
    const ring = cpl === 3 ? this.user : this.kernel;
    ring.set(name, (ring.get(name) ?? 0) + 1);
  }

  /** A clock has no privilege level (Linux ignores exclude_* for it): its ns are booked as `user`, and its account matches both rings. */
  source(config: bigint): TruthSource {
    const name = softwareName(config) as SoftwareName;
    const clock = (): RingTotals => ({ user: this.nowNs(), kernel: 0, overhead: 0 });
    const occurrences = (): RingTotals => ({ user: this.user.get(name) ?? 0, kernel: this.kernel.get(name) ?? 0, overhead: 0 });
    return { total: CLOCKS.has(name) ? clock : occurrences, frozen: () => NOTHING };
  }
}

export class SoftwarePmu implements Pmu {
  private readonly active = new Set<PerfEvent>();
  private readonly nowNs: () => number;
  private readonly totals: SoftwareTotals;
  private readonly overflow: (event: PerfEvent, frame: InterruptFrame) => void;

  constructor(nowNs: () => number, totals: SoftwareTotals, overflow: (event: PerfEvent, frame: InterruptFrame) => void) {
    this.nowNs = nowNs;
    this.totals = totals;
    this.overflow = overflow;
  }

  add(event: PerfEvent): boolean {
    this.active.add(event);
    event.hw.prevCount = BigInt(this.nowNs());
    return true;
  }
  remove(event: PerfEvent): void {
    this.read(event);
    this.active.delete(event);
  }
  read(event: PerfEvent): void {
    if (!isClock(event.hw.config)) return;
    const now = BigInt(this.nowNs());
    this.count(event, now - event.hw.prevCount);
    event.hw.prevCount = now;
  }

  reload(event: PerfEvent): void {
    restartPeriod(event);
  }

  /** One of `names` (page-faults and minor-faults are one happening) happened to the current task. perf_sw_event. */
  occurred(names: readonly SoftwareName[], frame: InterruptFrame): void {
    for (const name of names) this.totals.occurred(name, frame.cpl);
    for (const event of this.active) {
      if (!names.includes(softwareName(event.hw.config) as SoftwareName)) continue;
      if (frame.cpl === 3 ? !event.wantsUser : !event.wantsKernel) continue;
      this.count(event, 1n);
      if (!event.isSampling) continue;
      event.hw.periodLeft -= 1n;
      if (event.hw.periodLeft > 0n) continue;
      event.hw.lastPeriod = event.hw.samplePeriod;
      event.hw.periodLeft += event.hw.samplePeriod;
      event.account.samples.due++;
      this.overflow(event, frame);
    }
  }

  private count(event: PerfEvent, n: bigint): void {
    event.count += n;
    event.account.counted += Number(n);
  }
}
