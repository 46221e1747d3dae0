/** Shared set-up of the hardware tests: counters programmed from the pins, and the three PMI handlers of spec §10.1. */
import type { CpuModel } from '#arch/cpu-models/model.ts';
import { MSR } from '#arch/msr.ts';
import { PERFEVTSEL } from '#arch/pmu/perfevtsel.ts';
import { type Tick, TickMachine, type TickOptions } from './tick-machine.ts';
import { TinyEvent, unmaskLvtpc } from './tiny-driver.ts';

export type Handler = 'stop-in-handler' | 'freeze-on-overflow' | 'freeze-on-delivery';

export const FREEZE_PERFMON = 1n << 12n;
export const FREEZE_LBRS = 1n << 11n;

export interface RigEvent {
  /** Event select without EN; `usr`, `os`, `int` are set by the rig where not given. */
  readonly event: number;
  readonly umask?: number;
  readonly usr?: boolean;
  readonly os?: boolean;
  /** 0: counting. */
  readonly period: number;
}

/** Events on PMC0, PMC1 … of a machine whose handler is one of the three. Every register is reached by its address. */
export class Rig {
  readonly machine: TickMachine;
  readonly events: readonly TinyEvent[];
  readonly all: bigint;
  /** GLOBAL_STATUS at each PMI, and the values of all counters then, as events since their last period began. */
  readonly pmis: { readonly tick: number; readonly status: bigint; readonly counts: readonly number[] }[] = [];
  readonly handler: Handler;

  constructor(model: CpuModel, handler: Handler, events: readonly RigEvent[], script: (tick: number) => Tick, options: TickOptions = {}) {
    this.handler = handler;
    const m = new TickMachine(model, script, { ...options, freezeOnDelivery: handler === 'freeze-on-delivery' });
    this.machine = m;
    const base = model.pmu.fullWidthWrite ? MSR.IA32_A_PMC0 : MSR.IA32_PMC0;
    this.events = events.map((e, i) => new TinyEvent(m.msrs, base + i, model.pmu.gpWidth, e.period));
    for (const [i, e] of events.entries()) {
      const { event, umask = 0, usr = true, os = false } = e;
      m.wrmsr(MSR.IA32_PERFEVTSEL0 + i, PERFEVTSEL.pack({ event, umask, usr, os, int: true, en: true }));
    }
    this.all = (1n << BigInt(events.length)) - 1n;
    unmaskLvtpc(m.msrs);
    if (handler !== 'stop-in-handler') m.wrmsr(MSR.IA32_DEBUGCTL, FREEZE_PERFMON);
    m.onInterrupt = () => this.#handle();
    m.wrmsr(MSR.IA32_PERF_GLOBAL_CTRL, this.all);
  }

  #handle(): void {
    const m = this.machine;
    if (this.handler === 'stop-in-handler') m.wrmsr(MSR.IA32_PERF_GLOBAL_CTRL, 0n);
    const status = m.rdmsr(MSR.IA32_PERF_GLOBAL_STATUS);
    if (this.handler === 'stop-in-handler') m.wrmsr(MSR.IA32_PERF_GLOBAL_OVF_CTRL, status);
    this.pmis.push({ tick: m.ticks, status, counts: this.events.map((e) => (e.update(), e.count)) });
    for (const [i, e] of this.events.entries()) {
      if (((status >> BigInt(i)) & 1n) === 0n) continue;
      if (e.start()) e.samples.push({ at: m.ticks, value: e.count });
    }
    unmaskLvtpc(m.msrs);
    if (this.handler !== 'stop-in-handler') m.wrmsr(MSR.IA32_PERF_GLOBAL_OVF_CTRL, status);
    if (this.handler === 'stop-in-handler' || m.model.pmu.version < 4) m.wrmsr(MSR.IA32_PERF_GLOBAL_CTRL, this.all);
  }

  run(ticks: number): this {
    this.machine.run(ticks);
    return this;
  }

  totals(): number[] {
    return this.events.map((e) => (e.update(), e.count));
  }
}
