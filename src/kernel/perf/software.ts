/** Software events: task-clock, cpu-clock, page faults, context switches, migrations. kernel/events/core.c, the swevent and clock parts. */
import { SOFTWARE_EVENT_NAMES } from '#abi/perf-event/attr.ts';
import type { RingTotals } from '#port/truth.ts';
import type { InterruptFrame } from '../perf-hooks.ts';
import type { PerfEvent } from './event.ts';
import type { TruthSource } from './ledger.ts';
import { restartPeriod } from './period-book.ts';
import { countsDown } from './period-book.ts';
import type { Pmu } from './pmu.ts';

export type SoftwareName = (typeof SOFTWARE_EVENT_NAMES)[number];

const CLOCKS: ReadonlySet<SoftwareName> = new Set(['cpu-clock', 'task-clock']);
/** Counted by what happens, 0 as on Linux where nothing of the kind can happen here. */
const OCCURRENCES: ReadonlySet<SoftwareName> = new Set(
  // bpf-output wants BPF; cgroup-switches never happen: every task is in the root group
  SOFTWARE_EVENT_NAMES.filter((name) => !CLOCKS.has(name) && name !== 'bpf-output'),
);

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

/** perf_swevent_start_hrtimer: a clock samples no faster. */
const SHORTEST_NS = 10_000;

export interface SoftwareParts {
  readonly nowNs: () => number;
  readonly totals: SoftwareTotals;
  readonly overflow: (event: PerfEvent, frame: InterruptFrame) => boolean;
  /** Sets perf's timer to that moment, ns since boot; undefined: off. */
  readonly setTimer: (atNs: number | undefined) => void;
}

export class SoftwarePmu implements Pmu {
  private readonly active = new Set<PerfEvent>();
  /** Clocks that sample: when each is due next. */
  private readonly timers = new Map<PerfEvent, number>();
  private readonly parts: SoftwareParts;

  constructor(parts: SoftwareParts) {
    this.parts = parts;
  }

  add(event: PerfEvent): boolean {
    this.active.add(event);
    event.hw.prevCount = BigInt(this.parts.nowNs());
    event.hw.stopped = false;
    if (isClock(event.hw.config) && event.isSampling) this.startTimer(event);
    return true;
  }
  remove(event: PerfEvent): void {
    this.stop(event);
    this.active.delete(event);
  }
  read(event: PerfEvent): void {
    if (!isClock(event.hw.config) || event.hw.stopped) return;
    const now = BigInt(this.parts.nowNs());
    this.count(event, now - event.hw.prevCount);
    event.hw.prevCount = now;
  }
  reload(event: PerfEvent): void {
    this.stop(event);
    restartPeriod(event);
    this.resume(event);
  }
  /** Throttled clocks stand still until the tick. */
  stop(event: PerfEvent): void {
    this.read(event);
    event.hw.stopped = true;
    const due = this.timers.get(event);
    if (due === undefined) return;
    event.hw.periodLeft = BigInt(due - this.parts.nowNs());
    this.timers.delete(event);
    this.arm();
  }
  resume(event: PerfEvent): void {
    if (this.active.has(event) && event.hw.stopped) this.add(event);
  }

  /** perf_swevent_hrtimer: perf's timer has rung. What its interrupt had to wait for is over: the periods that passed meanwhile are skipped. */
  expired(frame: InterruptFrame): void {
    const now = this.parts.nowNs();
    for (const [event, due] of this.timers) {
      if (due > now) continue;
      const period = periodNs(event);
      const passed = 1 + Math.floor((now - due) / period);
      this.timers.set(event, due + passed * period);
      this.read(event);
      if (!wants(event, frame)) continue;
      event.hw.lastPeriod = event.hw.samplePeriod;
      event.account.samples.due += passed;
      event.account.samples.lost['skipped period'] += passed - 1;
      if (!this.parts.overflow(event, frame)) continue;
      this.stop(event);
      event.hw.periodLeft = 0n;
      if (event.hw.throttled) event.account.enter('throttled');
    }
    this.arm();
  }

  /** One of `names` (page-faults and minor-faults are one happening) happened to the current task. perf_sw_event. */
  occurred(names: readonly SoftwareName[], frame: InterruptFrame): void {
    for (const name of names) this.parts.totals.occurred(name, frame.cpl);
    for (const event of this.active) {
      if (!names.includes(softwareName(event.hw.config) as SoftwareName) || !wants(event, frame)) continue;
      this.count(event, 1n);
      if (countsDown(event)) this.parts.overflow(event, frame);
    }
  }

  private startTimer(event: PerfEvent): void {
    const left = Number(event.hw.periodLeft);
    event.hw.periodLeft = 0n;
    this.timers.set(event, this.parts.nowNs() + firstWait(event, left));
    this.arm();
  }
  private arm(): void {
    let first: number | undefined;
    for (const due of this.timers.values()) if (first === undefined || due < first) first = due;
    this.parts.setTimer(first);
  }

  private count(event: PerfEvent, n: bigint): void {
    event.count += n;
    event.account.counted += Number(n);
  }
}

/** What was left when it was taken off; overdue then: soon. */
const firstWait = (event: PerfEvent, left: number): number => {
  if (left === 0) return periodNs(event);
  return left > 0 ? left : SHORTEST_NS;
};
const periodNs = (event: PerfEvent): number => Math.max(SHORTEST_NS, Number(event.hw.samplePeriod));
/** perf_exclude_event. */
const wants = (event: PerfEvent, frame: InterruptFrame): boolean => (frame.cpl === 3 ? event.wantsUser : event.wantsKernel);
