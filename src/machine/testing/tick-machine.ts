/**
 * A machine without an engine, for tests of the blocks: a script retires one instruction per tick, in slices that honour the horizon like
 * the engine's. It is deliberately unkind: instructions are paid for in blocks that fit the budgets, iterations of a REP look at their own
 * budget only, and a slice stops at the horizon and nowhere else.
 */
import type { CpuModel } from '#arch/cpu-models/model.ts';
import { ENGINE_FEATURES } from '#arch/cpuid-features.ts';
import { assert } from '#base/assert.ts';
import { type ApicOptions, type Interrupt, LocalApic } from '../apic/local-apic.ts';
import { MachineClock } from '../clock.ts';
import { Horizon } from '../horizon.ts';
import { MsrFile } from '../msr-file.ts';
import { Pmu, type PmuOptions } from '../pmu/pmu.ts';
import { EV, MODE, type Mode, Retire } from '../retire.ts';

/** One instruction: its base events besides INSTRUCTIONS and SLOTS. */
export interface Tick {
  readonly mode?: Mode;
  /** Default 1. */
  readonly slots?: number;
  /** Base events, each once. */
  readonly events?: readonly number[];
  /** REP: iterations, each one load, one store and the model's cost. */
  readonly rep?: number;
}

export interface TickOptions extends PmuOptions, ApicOptions {
  /** Cuts slices, and REP chunks, shorter than the horizon asks: the next length, ≥ 1. Results must not depend on it. */
  readonly slice?: () => number;
}

export class TickMachine {
  readonly model: CpuModel;
  readonly retire = new Retire();
  readonly pmu: Pmu;
  readonly apic: LocalApic;
  readonly clock: MachineClock;
  readonly msrs: MsrFile;
  /** Called at the delivery of an interrupt; what it does takes no ticks unless it runs some. */
  onInterrupt: (interrupt: Interrupt) => void = (i) => {
    throw new Error(`unexpected interrupt ${i.vector}`);
  };
  /** Slices that were run. */
  slices = 0;
  readonly #horizon = new Horizon();
  readonly #slice: () => number;
  readonly #script: (tick: number) => Tick;
  #tick = 0;
  #repDone = 0;
  #repLeft = 0;

  constructor(model: CpuModel, script: (tick: number) => Tick, options: TickOptions = {}) {
    this.model = model;
    this.#script = script;
    this.#slice = options.slice ?? (() => Number.POSITIVE_INFINITY);
    this.pmu = new Pmu(model, this.retire, () => this.apic.requestPmi(), options);
    this.clock = new MachineClock(model, this.retire);
    this.apic = new LocalApic(model, this.retire, this.clock, () => this.pmu.pmiDelivered(), options);
    this.msrs = new MsrFile(model, ENGINE_FEATURES, {
      pmu: this.pmu,
      apic: this.apic,
      clock: this.clock,
      system: { readSystem: () => undefined, writeSystem: () => false },
    });
  }

  rdmsr(address: number): bigint {
    const v = this.msrs.read(address);
    assert(v !== undefined, `RDMSR ${address.toString(16)} raised #GP`);
    return v;
  }
  wrmsr(address: number, value: bigint): void {
    assert(this.msrs.write(address, value), `WRMSR ${address.toString(16)} = ${value.toString(16)} raised #GP`);
  }

  get ticks(): number {
    return this.#tick;
  }

  /** Runs `n` ticks, a REP instruction being one. Interrupts are delivered at the instruction after which they fall due. */
  run(n: number): void {
    const end = this.#tick + n;
    this.#deliver();
    while (this.#tick < end) {
      const h = this.#horizon;
      h.reset();
      this.pmu.bound(h);
      this.apic.bound(h);
      assert(h.instructions >= 1 && h.slots >= 1 && h.repIterations >= 1, 'a bound below 1');
      const cut = this.#slice();
      this.#runSlice(Math.min(h.instructions, end - this.#tick, cut), h.slots, Math.min(h.repIterations, cut));
      this.slices++;
      this.pmu.attend();
      this.apic.attend();
      this.#deliver();
    }
  }

  /** Retires perf's own work: `n` simple instructions in overhead mode. */
  overhead(n: number): void {
    for (let i = 0; i < n; i++) this.retireTick({ mode: MODE.OVERHEAD });
    this.pmu.attend();
    this.apic.attend();
  }

  #deliver(): void {
    for (let i = this.apic.pending(true); i !== undefined; i = this.apic.pending(true)) {
      this.apic.accept(i);
      this.onInterrupt(i);
      if (i.kind === 'nmi') this.apic.iret();
    }
  }

  #runSlice(instructions: number, slots: number, repIterations: number): void {
    const firstSlots = this.retire.sum(EV.SLOTS);
    const last = this.#tick + instructions;
    this.#repLeft = repIterations;
    while (this.#tick < last) {
      const left = slots - (this.retire.sum(EV.SLOTS) - firstSlots);
      if (left <= 0) return;
      for (let n = this.#blockThatFits(left, last - this.#tick); n > 0; n--) if (!this.#retireNext()) return;
    }
  }

  /** Up to four instructions whose own slots fit; one that does not fit goes alone. */
  #blockThatFits(slots: number, instructions: number): number {
    let cost = 0;
    for (let n = 0; n < 4; n++) {
      cost += this.#script(this.#tick + n).slots ?? 1;
      if (cost > slots || n === instructions) return Math.max(n, 1);
    }
    return Math.min(4, instructions);
  }

  /** false: a REP used up its budget and ends the slice. */
  #retireNext(): boolean {
    const t = this.#script(this.#tick);
    const mode = t.mode ?? MODE.USER;
    for (; this.#repDone < (t.rep ?? 0); this.#repDone++) {
      if (this.#repLeft === 0) return false;
      this.#repLeft--;
      this.retire.add(mode, EV.LOADS, 1);
      this.retire.add(mode, EV.STORES, 1);
      this.retire.add(mode, EV.SLOTS, this.model.costs.repIteration);
    }
    this.#repDone = 0;
    this.retireTick(t);
    this.#tick++;
    return true;
  }

  /** Retires one instruction with nobody looking. */
  retireTick(t: Tick): void {
    const mode = t.mode ?? MODE.USER;
    this.retire.add(mode, EV.INSTRUCTIONS, 1);
    this.retire.add(mode, EV.SLOTS, t.slots ?? 1);
    for (const ev of t.events ?? []) this.retire.add(mode, ev, 1);
  }
}
