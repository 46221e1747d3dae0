/**
 * The core PMU driver of one CPU: struct cpu_hw_events and arch/x86/events/core.c, intel/core.c (spec §2.1, §2.3, §2.4). Every register access
 * is an interrupt point: a PMI may be served inside any of them, so state that the PMI handler reads is valid at each (`active`, `enabled`).
 */
import { assert, ensure } from '#base/assert.ts';
import type { CpuModel } from '#arch/cpu-models/model.ts';
import { counterBits } from '#arch/pmu/global.ts';
import { PERFEVTSEL, PERFEVTSEL_EN } from '#arch/pmu/perfevtsel.ts';
import type { Msrs } from '#port/msrs.ts';
import type { Truth } from '#port/truth.ts';
import type { InterruptFrame } from '../../perf-hooks.ts';
import type { PerfEvent } from '../event.ts';
import { isFrequency } from '../frequency.ts';
import { closeSampleBook, restartPeriod } from '../period-book.ts';
import { counterDelta, maxPeriod, type PeriodStep, setPeriod } from '../period.ts';
import type { Pmu } from '../pmu.ts';
import { assignCounters, FIXED } from './constraints.ts';
import { LbrDriver } from './lbr-driver.ts';
import { OffcoreRegisters } from './offcore-registers.ts';
import type { PmiHandler } from './pmi/handler.ts';
import { PmuRegisters } from './registers.ts';

const EN = BigInt(PERFEVTSEL_EN);

/** Where Linux decided one way, and experiments show the other too. */
export interface DriverChoices {
  /** FREEZE_LBRS_ON_PMI; Linux: yes. */
  readonly freezeLbrs?: boolean;
  /** A throttled leader takes its group with it, as after 6.12; 6.12: it alone is stopped (A25). */
  readonly throttleGroup?: boolean;
}

export interface CorePmuParts {
  readonly model: CpuModel;
  readonly msrs: Msrs;
  readonly truth: Truth;
  readonly handler: PmiHandler;
  readonly choices?: DriverChoices;
  /** A period has passed. true: stop the event (throttling). */
  readonly overflow: (event: PerfEvent, frame: InterruptFrame) => boolean;
}

export class CorePmu implements Pmu {
  readonly model: CpuModel;
  readonly registers: PmuRegisters;
  readonly lbr: LbrDriver;
  readonly maxPeriod: bigint;
  /** cpuc->enabled: between the PMU's enable and disable. */
  enabled = false;
  /** cpuc->events under active_mask: who counts on which counter. The PMI handler looks only here. */
  readonly active = new Map<number, PerfEvent>();

  private readonly truth: Truth;
  private readonly handler: PmiHandler;
  private readonly overflow: CorePmuParts['overflow'];
  private readonly throttlesGroup: boolean;
  private readonly hasGlobal: boolean;
  private readonly allCounters: bigint;
  /** Events that are on, in the order in which they came, and the counters that the scheduler gave them. */
  private list: PerfEvent[] = [];
  private assignment: number[] = [];
  /** How many at the end of `list` came since the last enable, or since the transaction began. */
  private added = 0;
  private inTransaction = 0;
  private disables = 0;
  private readonly offcore: OffcoreRegisters;
  private fixedControl = 0n;
  private fixedControlWritten = 0n;
  /** Overhead that each counter had seen at the last booking; see bookRead. */
  private readonly overheadBooked = new Map<number, number>();

  constructor(parts: CorePmuParts) {
    this.model = parts.model;
    this.registers = new PmuRegisters(parts.model, parts.msrs);
    this.lbr = new LbrDriver(parts.model, this.registers, () => parts.truth.predicts, parts.choices?.freezeLbrs ?? true);
    this.throttlesGroup = parts.choices?.throttleGroup === true;
    this.truth = parts.truth;
    this.offcore = new OffcoreRegisters(parts.model, this.registers);
    this.handler = parts.handler;
    this.overflow = parts.overflow;
    this.hasGlobal = parts.model.pmu.version >= 2;
    this.allCounters = counterBits(parts.model);
    this.maxPeriod = maxPeriod(parts.model.pmu.gpWidth, parts.model.pmu.fullWidthWrite);
  }

  /** cpu_starting: RESET leaves general-purpose counters enabled; Linux starts from all off. */
  boot(): void {
    if (this.hasGlobal) this.registers.writeGlobalControl(0n);
    this.registers.unmaskLvtpc();
    this.handler.boot?.(this);
  }

  handlePmi(frame: InterruptFrame): number {
    return this.handler.handleIrq(this, frame);
  }

  // ---- the PMU as a whole

  /** Stops all counters; nests. Events may be added and removed meanwhile. */
  disable(): void {
    if (this.disables++ > 0 || !this.enabled) return;
    this.enabled = false;
    this.added = 0;
    this.stopAll();
    this.lbr.disableAll();
  }

  /** Undoes one `disable`; the last one programs what was added and lets everything count. */
  enable(): void {
    assert(this.disables > 0, 'core PMU enabled more often than disabled');
    if (--this.disables > 0 || this.enabled) return;
    if (this.added > 0) this.moveAndStart();
    this.added = 0;
    this.enabled = true;
    if (this.list.length > 0) this.startAll();
  }

  /** GLOBAL_CTRL = 0, or on version 1 each counter's EN. */
  stopAll(): void {
    if (this.hasGlobal) return this.registers.writeGlobalControl(0n);
    for (const [idx, event] of this.active) this.registers.writeEventSelect(idx, this.selectOf(event));
  }

  /** `pmi`: at the end of a PMI handler, in which the LBR was frozen and its filter is unchanged. */
  startAll(pmi = false): void {
    if (!this.hasGlobal) {
      for (const [idx, event] of this.active) this.registers.writeEventSelect(idx, this.selectOf(event) | EN);
      return;
    }
    this.writeFixedControl();
    this.lbr.enableAll(pmi);
    this.registers.writeGlobalControl(this.allCounters);
  }

  private writeFixedControl(): void {
    if (this.fixedControl === this.fixedControlWritten) return;
    this.registers.writeFixedControl(this.fixedControl);
    this.fixedControlWritten = this.fixedControl;
  }

  /** x86_pmu_enable: first everything that has to leave its counter, then everything that has to start. */
  private moveAndStart(): void {
    const running = this.list.length - this.added;
    for (const [i, event] of this.list.slice(0, running).entries()) {
      if (event.hw.idx === this.assignment[i]) continue;
      if (event.hw.stopped) event.hw.keepStopped = true;
      this.stop(event);
    }
    for (const [i, event] of this.list.entries()) {
      const idx = ensure(this.assignment[i], 'assignment');
      if (event.hw.idx === idx && i < running) continue; // stopped ones too: they are throttled
      event.hw.idx = idx;
      if (!event.hw.keepStopped) this.start(event);
    }
    this.registers.unmaskLvtpc(); // perf_events_lapic_init
  }

  // ---- who is on

  /** All `add`s until the commit go together: only the commit decides whether they fit. */
  startTransaction(): void {
    assert(this.disables > 0, 'events are added while the PMU is disabled');
    this.inTransaction = 0;
  }

  add(event: PerfEvent): boolean {
    if (this.list.length >= this.model.pmu.gpCounters + this.model.pmu.fixedCounters) return false;
    event.hw.stopped = true;
    event.hw.upToDate = true;
    event.hw.keepStopped = false;
    this.lbr.add(event);
    this.list.push(event);
    this.added++;
    this.inTransaction++;
    return true;
  }

  /** false: they do not fit; `cancelTransaction` must follow. */
  commitTransaction(): boolean {
    if (this.inTransaction === 0) return true;
    const assignment = assignCounters(this.list.map((e) => ({ counters: e.hw.counters, idx: e.hw.idx })));
    if (assignment === undefined || !this.branchesAgree() || !this.offcore.assign(this.list)) return false;
    this.assignment = assignment;
    this.inTransaction = 0;
    return true;
  }

  /** One filter register: all that want branches must want the same. */
  private branchesAgree(): boolean {
    const controls = this.list.flatMap((e) => (e.hw.branch === undefined ? [] : [e.hw.branch.control]));
    return controls.every((c) => c === controls[0]);
  }

  cancelTransaction(): void {
    for (const event of this.list.slice(this.list.length - this.inTransaction)) this.lbr.remove(event);
    this.list.length -= this.inTransaction;
    this.added -= this.inTransaction;
    this.inTransaction = 0;
  }

  remove(event: PerfEvent): void {
    this.stop(event);
    this.lbr.remove(event);
    const at = this.list.indexOf(event);
    assert(at >= 0, 'the event to remove is on the PMU');
    if (at >= this.list.length - this.added) this.added--;
    this.list.splice(at, 1);
    this.assignment.splice(at, 1);
  }

  read(event: PerfEvent): void {
    if (this.active.get(event.hw.idx) === event) this.update(event);
  }

  // ---- one event

  /** x86_pmu_start with PERF_EF_RELOAD. A period that ran out while the event was off gets no sample: its result is ignored (A16). */
  private start(event: PerfEvent): void {
    const step = this.program(event, true);
    if (event.isSampling && step.elapsed) {
      const book = event.account.samples;
      book.due += 1 + Number(step.skipped);
      book.lost['sched-out']++;
      book.lost['skipped period'] += Number(step.skipped);
    }
    this.resume(event);
  }

  /** x86_pmu_start without reload: it counts on from where it stood. */
  private resume(event: PerfEvent): void {
    event.hw.stopped = false;
    event.hw.upToDate = false;
    this.active.set(event.hw.idx, event);
    const { idx } = event.hw;
    if (idx < FIXED) this.registers.writeEventSelect(idx, this.selectOf(event) | (this.hasGlobal || this.enabled ? EN : 0n));
    else this.fixedControl |= fixedNibble(event) << BigInt(4 * (idx - FIXED));
    event.watcher?.changed(event);
  }

  private selectOf(event: PerfEvent): bigint {
    return event.hw.offcore === undefined ? event.hw.config : this.offcore.selectOf(event);
  }

  /** x86_pmu_stop with PERF_EF_UPDATE: off its counter, the count complete. */
  stop(event: PerfEvent): void {
    const { idx } = event.hw;
    if (this.active.get(idx) === event) {
      if (idx < FIXED) this.registers.writeEventSelect(idx, this.selectOf(event));
      else this.fixedControl &= ~(0xfn << BigInt(4 * (idx - FIXED)));
      this.active.delete(idx);
      event.hw.stopped = true;
    }
    if (event.hw.upToDate) return;
    this.update(event);
    event.hw.upToDate = true;
  }

  /**
   * x86_perf_event_update: folds what the counter moved. Returns the counter's value. A PMI inside the read may do the same first: again.
   * Linux compares prev_count to see that; a PMI that programs the very same value would slip through, so the foldings are numbered here.
   */
  update(event: PerfEvent): bigint {
    const { hw } = event;
    let folding: number;
    let now: bigint;
    do {
      folding = hw.foldings;
      now = this.registers.readCounter(hw.idx);
    } while (hw.foldings !== folding);
    hw.foldings++;
    const delta = counterDelta(hw.prevCount, now, this.registers.width);
    hw.prevCount = now;
    hw.periodLeft -= delta;
    event.count += delta;
    event.account.counted += Number(delta);
    this.bookRead(event);
    return now;
  }

  /** x86_perf_event_set_period. */
  private program(event: PerfEvent, fresh: boolean): PeriodStep {
    const { hw } = event;
    const step = setPeriod(hw.periodLeft, hw.samplePeriod, this.maxPeriod);
    hw.periodLeft = step.left;
    if (step.elapsed) hw.lastPeriod = hw.samplePeriod;
    hw.prevCount = BigInt.asUintN(this.registers.width, -step.programmed);
    this.registers.writeCounter(hw.idx, hw.prevCount);
    this.bookWrite(event, fresh);
    event.watcher?.changed(event);
    return step;
  }

  /** What follows `update` in a PMI: the next period, and a sample if one has passed. */
  restart(event: PerfEvent, frame: InterruptFrame): void {
    const step = this.program(event, false);
    if (!event.isSampling || !step.elapsed) return;
    const book = event.account.samples;
    book.due += 1 + Number(step.skipped);
    book.lost['skipped period'] += Number(step.skipped);
    if (!this.overflow(event, frame)) return;
    const stopped = this.throttlesGroup && event.hw.throttled ? event.group : [event];
    for (const e of stopped) {
      if (this.active.get(e.hw.idx) !== e) continue;
      e.hw.throttled ||= event.hw.throttled;
      this.stop(e);
    }
    // A handler that freezes writes no control register behind this one.
    if (this.hasGlobal) this.writeFixedControl();
    for (const e of stopped) if (e.hw.stopped) e.account.enter('throttled');
  }

  /** Ends the running period without a sample and begins another: the frequency wants a much shorter one. */
  cut(event: PerfEvent): void {
    this.reload(event);
    if (this.hasGlobal) this.writeFixedControl();
  }

  /** __perf_event_period: a period that ran out before, and whose PMI is still to come, gets no sample. */
  reload(event: PerfEvent): void {
    this.stop(event);
    closeSampleBook(event);
    restartPeriod(event);
    this.start(event);
  }

  /** The tick's part for one event, while the PMU is disabled: lets a throttled one count again, adjusts a frequency. spec §2.6. */
  tick(event: PerfEvent, adjust: (count: bigint) => boolean): void {
    const { hw } = event;
    if (!hw.stopped) this.stop(event);
    const count = event.count - hw.freqCount;
    hw.freqCount = event.count;
    if (isFrequency(event) && count > 0n) {
      if (adjust(count)) restartPeriod(event);
      this.start(event);
    } else this.resume(event);
  }

  // ---- the ledger's part

  /** What the counter saw of perf's own work up to this reading is in its count: over. */
  private bookRead(event: PerfEvent): void {
    const { atRead } = this.truth.counterOverhead(event.hw.idx);
    event.account.over += atRead - (this.overheadBooked.get(event.hw.idx) ?? 0);
    this.overheadBooked.set(event.hw.idx, atRead);
  }

  /** What it saw between the reading and this write, the write threw away: counted by nobody, lost in the handler (A24). */
  private bookWrite(event: PerfEvent, fresh: boolean): void {
    const { atWrite } = this.truth.counterOverhead(event.hw.idx);
    if (!fresh) {
      const thrown = atWrite - (this.overheadBooked.get(event.hw.idx) ?? 0);
      event.account.over += thrown;
      event.account.lost.handler += thrown;
    }
    this.overheadBooked.set(event.hw.idx, atWrite);
  }
}

/** Bits of the event's nibble in FIXED_CTR_CTRL: PMI, USR, OS. */
function fixedNibble(event: PerfEvent): bigint {
  const config = event.hw.config;
  return 8n | (PERFEVTSEL.get(config, 'usr') << 1n) | PERFEVTSEL.get(config, 'os');
}
