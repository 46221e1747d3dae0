/**
 * One counter as a view on Retire's totals: value = base + what was counted since. Nothing happens per event; the horizon sees to it that
 * a slice ends at the instruction that overflows it.
 */
import type { CounterOverhead } from '#port/truth.ts';
import { Horizon } from '../horizon.ts';
import { MODE, type Mode } from '../retire.ts';
import type { CycleCondition } from './condition.ts';
import type { Counts, Formula } from './events.ts';

/** What a counter is set to count. `undefined` for an event that the model has not or cannot count: it stands still. */
export interface Programme {
  readonly formula: Formula;
  readonly modes: readonly Mode[];
  readonly condition: CycleCondition | undefined;
}

export class Counter {
  /** 2^width. */
  readonly limit: number;
  readonly #counts: Counts;
  #programme: Programme | undefined;
  #base = 0;
  #start = 0;
  #counting = false;
  /** Of what it counted, the part in overhead mode: up to the last stop, and where that total stood at the last start. */
  #overhead = 0;
  #overheadStart = 0;
  #overheadAtRead = 0;
  #overheadAtWrite = 0;

  constructor(counts: Counts, width: number) {
    this.#counts = counts;
    this.limit = 2 ** width;
  }

  get counting(): boolean {
    return this.#counting;
  }

  /** The register's value: an integer below `limit`, once `takeOverflow` was asked. */
  get value(): number {
    const p = this.#programme;
    return this.#counting && p !== undefined && p.condition === undefined ? this.#base + this.#total(p) - this.#start : this.#base;
  }
  set value(v: number) {
    this.#base = v;
    if (this.#programme !== undefined) this.#start = this.#total(this.#programme);
  }

  /** Sets what is counted; the value stays. */
  program(programme: Programme | undefined): void {
    this.run(false);
    this.#programme = programme;
  }

  run(on: boolean): void {
    const p = this.#programme;
    if (on === this.#counting || (on && p === undefined)) return;
    if (on && p !== undefined) {
      this.#start = this.#total(p);
      this.#overheadStart = this.#overheadTotal(p);
      p.condition?.start();
    } else {
      this.#base = this.value;
      this.#overhead = this.overhead.now;
    }
    this.#counting = on;
  }

  /** Software reads, or writes, the register now. */
  noteRead(): void {
    this.#overheadAtRead = this.overhead.now;
  }
  noteWrite(): void {
    this.#overheadAtWrite = this.overhead.now;
  }

  /** What it has counted of perf's own work, for the ledger (port/truth.ts). */
  get overhead(): CounterOverhead {
    const p = this.#programme;
    const now = this.#overhead + (this.#counting && p !== undefined ? this.#overheadTotal(p) - this.#overheadStart : 0);
    return { now, atRead: this.#overheadAtRead, atWrite: this.#overheadAtWrite };
  }

  #overheadTotal(p: Programme): number {
    return p.condition === undefined && p.modes.includes(MODE.OVERHEAD) ? this.#counts.count(p.formula, MODE.OVERHEAD) : 0;
  }

  /** Did it pass all-ones since the last call? Wraps it then. Cycle conditions are counted here. */
  takeOverflow(): boolean {
    if (!this.#counting) return false;
    const condition = this.#programme?.condition;
    if (condition !== undefined) this.#base += condition.step();
    const v = this.value;
    if (v < this.limit) return false;
    this.value = v % this.limit;
    return true;
  }

  /** How much may happen before it could overflow. */
  bound(horizon: Horizon): void {
    const p = this.#programme;
    if (!this.#counting || p === undefined) return;
    const remaining = this.limit - this.value;
    if (p.condition !== undefined) {
      horizon.boundInstructions(1);
      this.#boundClock(horizon, p, remaining, this.#counts.slotsPerCycle);
    } else if (p.formula.slotsEach > 0) {
      this.#boundClock(horizon, p, remaining, p.formula.slotsEach);
    } else if (p.formula.perIteration) {
      boundAccesses(horizon, remaining, p.formula.perInstruction);
    } else if (remaining < Horizon.MAX_INSTRUCTIONS) {
      horizon.boundInstructions(remaining);
    }
  }

  #boundClock(horizon: Horizon, p: Programme, remaining: number, slotsEach: number): void {
    if (remaining * slotsEach > 2 * Horizon.MAX_SLOTS) return;
    let slots = remaining * slotsEach;
    for (const mode of p.modes) slots -= this.#counts.openSlots(mode, slotsEach);
    horizon.boundClock(Math.max(slots, 1), this.#counts.slotsPerIteration);
  }

  #total(p: Programme): number {
    let n = 0;
    for (const mode of p.modes) n += this.#counts.count(p.formula, mode);
    return n;
  }
}

/** Loads and stores: n instructions and m iterations of REP make at most (n + m)·k accesses. */
function boundAccesses(horizon: Horizon, remaining: number, k: number): void {
  const half = Math.max(Math.floor(remaining / (2 * k)), 1);
  horizon.boundInstructions(half);
  horizon.boundRep(half);
}
