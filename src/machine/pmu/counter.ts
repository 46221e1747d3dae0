/**
 * One counter as a view on Retire's totals: value = base + what was counted since. Nothing happens per event; the horizon sees to it that
 * a slice ends at the instruction that overflows it.
 */
import { Horizon } from '../horizon.ts';
import type { Mode } from '../retire.ts';
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
      p.condition?.start();
    } else {
      this.#base = this.value;
    }
    this.#counting = on;
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
