/**
 * The real perf core on the real PMU block without engine or kernel: a script retires one instruction per tick (machine/testing/tick-machine.ts),
 * tasks are names, MSR accesses are a few overhead instructions each and interrupt points, as in kernel text. For tests only.
 */
import type { CpuModel } from '#arch/cpu-models/model.ts';
import { SKYLAKE } from '#arch/cpu-models/skylake.ts';
import { MSR } from '#arch/msr.ts';
import { MODE } from '#machine/retire.ts';
import { type Tick, TickMachine } from '#machine/testing/tick-machine.ts';
import { type AttrValues, makeAttr, type PerfEventAttr } from '#kernel/perf/attr.ts';
import type { PerfEvent } from '#kernel/perf/event.ts';
import { defaultHandler, findHandler } from '#kernel/perf/intel/pmi/handlers.ts';
import { isRefusal, type Refusal } from '#kernel/perf/attr-checks.ts';
import { onTask, Perf } from '#kernel/perf/perf.ts';
import type { ReadValues } from '#kernel/perf/read.ts';
import type { PerfSample } from '#kernel/perf/sample.ts';
import type { InterruptFrame } from '#kernel/perf-hooks.ts';
import type { Task } from '#kernel/task/task.ts';

const TIMER = 0xf3;

export interface BenchOptions {
  readonly model?: CpuModel;
  readonly handler?: string;
  /** PMI latency in instructions; default 20. */
  readonly skid?: number;
  /** Overhead instructions before and after the effect of an MSR access; default 0 (spec §10.1: the handler costs nothing). */
  readonly access?: readonly [number, number];
  /** Overhead instructions of the NMI's entry and exit; default 0. */
  readonly entry?: readonly [number, number];
  readonly script?: (tick: number) => Tick;
  readonly ringSamples?: number;
  readonly maxSampleRate?: number;
}

const HARDWARE = { cycles: 0n, instructions: 1n, branches: 4n } as const;

/** instructions:u and the like. */
export function hardware(name: keyof typeof HARDWARE, values: AttrValues = {}): PerfEventAttr {
  const flags = { exclude_kernel: true, ...(typeof values.flags === 'object' ? values.flags : {}) };
  return makeAttr({ ...values, type: 0, config: HARDWARE[name], flags });
}

export class TickBench {
  readonly machine: TickMachine;
  readonly perf: Perf;
  readonly cpu: { readonly index: number; enterOverhead(): void; leaveOverhead(): void };
  private readonly script: (tick: number) => Tick;
  private current: Task | undefined;
  private nextPid = 1;

  constructor(options: BenchOptions = {}) {
    const model = options.model ?? SKYLAKE;
    const handler = options.handler === undefined ? defaultHandler(model) : findHandler(options.handler);
    if (handler === undefined) throw new Error(`no handler ${options.handler}`);
    this.script = options.script ?? (() => ({}));
    const skid = options.skid ?? 20;
    const machine = new TickMachine(model, this.script, {
      pmiLatency: { unit: 'instructions', min: skid, max: skid },
      freezeOnDelivery: handler.needsFreezeOnDelivery,
    });
    this.machine = machine;
    const [before, after] = options.access ?? [0, 0];
    const [entry, exit] = options.entry ?? [0, 0];
    const around = <T>(access: () => T): T => {
      machine.overhead(before);
      const result = access();
      machine.overhead(after);
      machine.run(0); // an interrupt point
      return result;
    };
    const msrs = {
      read: (address: number): bigint | undefined => around(() => machine.msrs.read(address)),
      write: (address: number, value: bigint): boolean => around(() => machine.msrs.write(address, value)),
    };
    this.cpu = { index: 0, enterOverhead() {}, leaveOverhead() {} };
    const extra = {
      ...(options.ringSamples === undefined ? {} : { ringSamples: options.ringSamples }),
      ...(options.maxSampleRate === undefined ? {} : { maxSampleRate: options.maxSampleRate }),
    };
    const setTimer = (tsc: number | undefined): void => machine.apic.setSampleTimer(tsc === undefined ? undefined : { tsc, vector: TIMER });
    this.perf = new Perf({ setTimer, model, truth: machine.pmu, clock: machine.clock, msrs, handler, ...extra });
    machine.onInterrupt = ({ kind }) => {
      machine.overhead(entry);
      const kernel = this.script(machine.ticks).mode === MODE.KERNEL;
      const frame: InterruptFrame = {
        rip: (kernel ? 0xffff_ffff_8100_0000n : 0x40_0000n) + BigInt(machine.ticks),
        cpl: kernel ? 0 : 3,
        rflags: 0n,
        rsp: 0n,
      };
      if (kind === 'nmi') this.perf.pmi(this.cpu, frame);
      else {
        machine.msrs.write(MSR.IA32_X2APIC_EOI, 0n);
        this.perf.hrtimer(this.cpu, frame);
      }
      machine.overhead(exit);
    };
    this.perf.boot(this.cpu);
  }

  task(): Task {
    const pid = this.nextPid++;
    return { pid, tgid: pid } as unknown as Task;
  }

  open(task: Task, attr: PerfEventAttr, leader?: PerfEvent): PerfEvent {
    const event = this.tryOpen(task, attr, leader);
    if (isRefusal(event)) throw new Error(`open refused: errno ${event.errno}, ${event.reason}`);
    return event;
  }
  tryOpen(task: Task, attr: PerfEventAttr, leader?: PerfEvent): PerfEvent | Refusal {
    return this.perf.open(attr, onTask(task), leader);
  }

  /** An event of the CPU. */
  openOnCpu(attr: PerfEventAttr, leader?: PerfEvent): PerfEvent {
    const event = this.perf.open(attr, { task: undefined, cpu: 0 }, leader);
    if (isRefusal(event)) throw new Error(`open refused: errno ${event.errno}, ${event.reason}`);
    this.perf.install(event);
    return event;
  }

  /** Switches to `task`, or to idle. */
  switchTo(task: Task | undefined): void {
    if (this.current !== undefined) this.perf.scheduledOut(this.current, this.cpu);
    this.current = task;
    if (task !== undefined) this.perf.scheduledIn(task, this.cpu);
  }

  /** `ticks` of `task`, then idle. */
  runTask(task: Task, ticks: number): void {
    this.switchTo(task);
    this.machine.run(ticks);
    this.switchTo(undefined);
  }

  read(event: PerfEvent): ReadValues {
    return this.perf.read(event, this.cpu);
  }
  count(event: PerfEvent): number {
    return Number(this.read(event).values[0]?.value);
  }
  samples(event: PerfEvent): PerfSample[] {
    return event.ring?.drain() ?? [];
  }
}
