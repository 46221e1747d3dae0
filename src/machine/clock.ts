/**
 * Modelled time of one processor. It is made of the slots that user and kernel code retire, plus idle time; perf's own work (overhead)
 * moves it only where the user asks for real overhead. Counters see overhead, the clock does not: measuring never steers.
 */
import type { CpuModel } from '#arch/cpu-models/model.ts';
import type { Clock } from '#port/clock.ts';
import { EV, MODE, type Retire } from './retire.ts';

export class MachineClock implements Clock {
  readonly tscHz: number;
  readonly #slotsPerTick: number;
  readonly #retire: Retire;
  readonly #overhead: boolean;
  #idleSlots = 0;

  /** `realOverhead`: perf's own work takes time too (--overhead real). The core runs at the TSC's frequency, always (docs/model.md). */
  constructor(model: CpuModel, retire: Retire, options: { readonly realOverhead?: boolean } = {}) {
    this.tscHz = model.tscHz;
    this.#slotsPerTick = model.costs.slotsPerCycle;
    this.#retire = retire;
    this.#overhead = options.realOverhead ?? false;
  }

  /** Slots since power-on that count as time. */
  slots(): number {
    const r = this.#retire;
    const busy = r.total(MODE.USER, EV.SLOTS) + r.total(MODE.KERNEL, EV.SLOTS);
    return busy + this.#idleSlots + (this.#overhead ? r.total(MODE.OVERHEAD, EV.SLOTS) : 0);
  }

  tsc(): number {
    return Math.floor(this.slots() / this.#slotsPerTick);
  }

  /** Slots until the TSC reads `tsc`; 0 when it does already. */
  slotsUntil(tsc: number): number {
    return Math.max(tsc * this.#slotsPerTick - this.slots(), 0);
  }

  /** HLT: time passes, nothing retires. `slots` ≥ 0. */
  idle(slots: number): void {
    this.#idleSlots += slots;
  }
}
