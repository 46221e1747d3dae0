/**
 * The part of Linux's counter arithmetic that the hardware tests need (spec §2.3): set_period and update on one counter, and the three
 * handlers of spec §10.1. The real driver is kernel/perf/intel; this one lets the hardware be tested from its pins alone.
 */
import { MSR } from '#arch/msr.ts';
import { ensure } from '#base/assert.ts';
import type { Msrs } from '#port/msrs.ts';

/** x86_perf_event_set_period's arithmetic: what to program and whether a period has elapsed. `left` in events. */
export function setPeriod(left: number, period: number, max = 2 ** 47 - 1): { readonly left: number; readonly elapsed: boolean } {
  let next = left;
  let elapsed = false;
  if (next <= -period) [next, elapsed] = [period, true];
  else if (next <= 0) [next, elapsed] = [next + period, true];
  return { left: Math.min(Math.max(next, 2), max), elapsed };
}

export class TinyEvent {
  readonly samples: { readonly at: number; readonly value: number }[] = [];
  count = 0;
  readonly #msrs: Msrs;
  readonly #address: number;
  readonly #width: number;
  readonly #max: number;
  readonly #period: number;
  #left: number;
  #previous = 0;

  /** `period` 0: counting only, reloaded at the greatest period, which 32-bit writes limit to 2^31-1. */
  constructor(msrs: Msrs, address: number, width: number, period: number) {
    this.#msrs = msrs;
    this.#address = address;
    this.#width = width;
    this.#max = address >= MSR.IA32_A_PMC0 ? 2 ** (width - 1) - 1 : 2 ** 31 - 1;
    this.#period = period === 0 ? this.#max : period;
    this.#left = this.#period;
    this.start();
  }

  start(): boolean {
    const { left, elapsed } = setPeriod(this.#left, this.#period, this.#max);
    this.#left = left;
    this.#previous = 2 ** this.#width - left;
    this.#msrs.write(this.#address, BigInt(this.#previous));
    return elapsed;
  }

  update(): number {
    const now = Number(ensure(this.#msrs.read(this.#address), 'counter'));
    const delta = (now - this.#previous + 2 ** this.#width) % 2 ** this.#width;
    this.#previous = now;
    this.count += delta;
    this.#left -= delta;
    return now;
  }
}

export const NMI_LVT = 0x400n;
export const unmaskLvtpc = (msrs: Msrs): void => {
  msrs.write(MSR.IA32_X2APIC_LVT_PMI, NMI_LVT);
};
