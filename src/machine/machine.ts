/** The machine: a parts list. What the parts are is in their files; what they ask each other is in the constructor calls here. */
import type { CpuModel } from '#arch/cpu-models/model.ts';
import { visibleFeatures } from '#arch/cpuid.ts';
import { ENGINE_FEATURES, hasFeature } from '#arch/cpuid-features.ts';
import { Rng } from '#base/rng.ts';
import type { PhysicalMemory } from '#port/memory.ts';
import type { Port } from '#port/port.ts';
import { LocalApic } from './apic/local-apic.ts';
import type { PmiLatency } from './apic/pmi-latency.ts';
import { MachineClock } from './clock.ts';
import { CpuCore } from './core/cpu.ts';
import { DebugUnit } from './core/debug.ts';
import { CoreRegisters } from './core/system-registers.ts';
import { XState } from './core/xsave.ts';
import { makeCpuid } from './cpuid.ts';
import { Engine } from './engine/engine.ts';
import { PHYSICAL } from './engine/layout.ts';
import type { Generated } from './engine/tier0/generate.ts';
import { Lbr } from './lbr/lbr.ts';
import { type CacheGeometry, type CacheName, geometryOf } from './models/geometry.ts';
import { Models } from './models/models.ts';
import { MsrFile } from './msr-file.ts';
import { Pmu } from './pmu/pmu.ts';
import { EV, MODE, Retire } from './retire.ts';

export interface MachineOptions {
  /** Guest-physical memory in bytes, a multiple of 64 KiB; default 1 GiB. */
  readonly memoryBytes?: number;
  /** Default: the model's. */
  readonly pmiLatency?: PmiLatency;
  /** For what is drawn: the PMI latency, RDRAND and RDSEED. */
  readonly seed?: number;
  /** The hypothetical freezing at delivery (spec A5). */
  readonly freezeOnDelivery?: boolean;
  /** perf's own work takes modelled time (--overhead real). */
  readonly realOverhead?: boolean;
  /** Gives the trace variant of the interpreter, which keeps the last branch records; without it (and no trace variant) there is no LBR block. */
  readonly recorder?: () => Generated;
  readonly models?: ModelOptions;
}

/** Caches, TLBs and branch predictor (machine/models). Without them events that need them cannot be counted. */
export interface ModelOptions {
  /** Gives the observing variant of the interpreter, hashing the path if the plain one does. */
  readonly observer: () => Generated;
  /** From power-on; otherwise from the moment at which a counter wants them. */
  readonly on?: boolean;
  /** Misses and wrong predictions take time. They are on then. */
  readonly detailed?: boolean;
  /** In place of the model's; null: no L2. */
  readonly caches?: Partial<Record<CacheName, CacheGeometry | null>>;
}

const CR4_FSGSBASE = 1n << 16n;
export const DEFAULT_MEMORY_BYTES = 1 << 30;

export interface Machine extends Port {
  readonly model: CpuModel;
  readonly core: CpuCore;
  readonly retire: Retire;
  /** Do caches, TLBs and predictor observe? Once on they stay on. */
  readonly observing: boolean;
  /**
   * Identity of the path that user and kernel code retired, perf's own work left out: a hash of all taken transfers, with the number of
   * instructions. Meaningful when the machine was made with the tracing interpreter.
   */
  pathHash(): string;
}

export function createMachine(model: CpuModel, interpreter: Generated, options: MachineOptions = {}): Machine {
  const memoryBytes = options.memoryBytes ?? DEFAULT_MEMORY_BYTES;
  const retire = new Retire();
  const engine = new Engine(model, interpreter, memoryBytes, retire, options.recorder);
  const hasLbr = engine.records && model.lbr !== undefined;
  const features = hasLbr ? ENGINE_FEATURES : ENGINE_FEATURES.filter((f) => f !== 'ARCH_LBR');
  const clock = new MachineClock(model, retire, { realOverhead: options.realOverhead ?? false });
  const observer = options.models && new Observer(model, engine, retire, options.models);
  const pmu: Pmu = new Pmu(model, retire, () => apic.requestPmi(), {
    freezeOnDelivery: options.freezeOnDelivery ?? false,
    lbr: hasLbr,
    ...(observer === undefined ? {} : { models: observer }),
  });
  const lbr = hasLbr ? { lbr: new Lbr(model, engine, retire, pmu) } : {};
  const latency = options.pmiLatency === undefined ? {} : { pmiLatency: options.pmiLatency };
  const apic: LocalApic = new LocalApic(model, retire, clock, () => pmu.pmiDelivered(), { seed: options.seed ?? 0, ...latency });
  const registers = new CoreRegisters(engine);
  const msrs = new MsrFile(model, features, { pmu, apic, clock, system: registers, ...lbr });
  const words = visibleFeatures(model, features);
  const xstate = new XState(engine, words);
  const cpuid = makeCpuid(model, { engine: features, cpus: 1, apicId: 0 }, () => (core.osXsave ? core.xcr0 : undefined));
  if (options.models?.on === true || options.models?.detailed === true) observer?.start();
  const random = new Rng((options.seed ?? 0) ^ 0x5eed);
  const core: CpuCore = new CpuCore(0, {
    engine,
    retire,
    pmu,
    apic,
    clock,
    msrs,
    registers,
    debug: new DebugUnit(engine),
    xstate,
    features: words,
    cpuid,
    random,
    missSlotsPerIteration: observer?.slotsPerIteration ?? 0,
    ...lbr,
  });
  if (hasFeature(words, 'FSGSBASE')) core.cr4 |= CR4_FSGSBASE;
  const bytes = engine.bytes.subarray(PHYSICAL, PHYSICAL + memoryBytes);
  const memory: PhysicalMemory = {
    sizeBytes: memoryBytes,
    bytes,
    view: new DataView(engine.memory.buffer, PHYSICAL, memoryBytes),
    written: (address, length) => engine.written(address, length),
  };
  const pathHash = (): string => {
    const n = retire.total(MODE.USER, EV.INSTRUCTIONS) + retire.total(MODE.KERNEL, EV.INSTRUCTIONS);
    return `${engine.pathHash.toString(16).padStart(16, '0')}:${n}`;
  };
  return {
    model,
    cpus: [core],
    memory,
    clock,
    truth: pmu,
    core,
    retire,
    pathHash,
    get observing() {
      return observer?.on ?? false;
    },
  };
}

/** Turns the models on, once. */
class Observer {
  private models: Models | undefined;
  private readonly model: CpuModel;
  private readonly engine: Engine;
  private readonly retire: Retire;
  private readonly options: ModelOptions;

  constructor(model: CpuModel, engine: Engine, retire: Retire, options: ModelOptions) {
    this.model = model;
    this.engine = engine;
    this.retire = retire;
    this.options = options;
  }
  get slotsPerIteration(): number {
    return this.models?.slotsPerIteration ?? 0;
  }
  get on(): boolean {
    return this.models !== undefined;
  }
  start(): void {
    if (this.models !== undefined) return;
    const { observer, caches, detailed } = this.options;
    this.models = new Models(this.engine.memory.buffer, this.retire, geometryOf(this.model, caches ?? {}, detailed ?? false));
    this.engine.observe(observer(), this.models);
  }
}
