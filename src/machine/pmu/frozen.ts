/** What retired while FREEZE_PERFMON_ON_PMI held the PMU still, from the overflow to the delivery of its PMI: the ledger's `frozen` column. */
import type { Mode } from '../retire.ts';
import { COUNT_LENGTH, type Counts, type Formula, MODES } from './events.ts';

export class FrozenWindows {
  readonly #counts: Counts;
  readonly #sum = new Float64Array(MODES.length * COUNT_LENGTH);
  readonly #since = new Float64Array(MODES.length * COUNT_LENGTH);
  readonly #now = new Float64Array(MODES.length * COUNT_LENGTH);
  #open = false;

  constructor(counts: Counts) {
    this.#counts = counts;
  }

  open(): void {
    if (this.#open) return;
    this.#open = true;
    this.#counts.snapshot(this.#since);
  }

  /** At the delivery of the PMI, or when software lets the counters go before. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#counts.snapshot(this.#now);
    for (let i = 0; i < this.#sum.length; i++) {
      this.#sum[i] = (this.#sum[i] as number) + (this.#now[i] as number) - (this.#since[i] as number);
    }
  }

  /** Over all windows, an open one included. */
  count(formula: Formula, mode: Mode): number {
    let n = 0;
    for (const t of formula.terms) {
      const i = mode * COUNT_LENGTH + t.index;
      n += t.factor * (this.#sum[i] as number);
      if (this.#open) n += t.factor * (this.#counts.get(mode, t.index) - (this.#since[i] as number));
    }
    return n;
  }
}
