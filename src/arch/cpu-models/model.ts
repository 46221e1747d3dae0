/** A CPU model is data: everything that a program or a driver could tell two processors apart by. */
import type { FeatureWords } from '../cpuid-features.ts';
import type { EventRow } from '../pmu/events.ts';
import type { OffcoreResponse } from '../pmu/offcore.ts';
import type { ObservedModels } from './observed.ts';

export interface PmuCapabilities {
  /** CPUID.0AH:EAX[7:0]. */
  readonly version: 1 | 2 | 3 | 4 | 5;
  readonly gpCounters: number;
  readonly gpWidth: number;
  readonly fixedCounters: number;
  readonly fixedWidth: number;
  /** IA32_PERF_CAPABILITIES[13]. */
  readonly fullWidthWrite: boolean;
  /** CPUID.0AH:EAX[31:24]: how many architectural events EBX tells about. */
  readonly architecturalEvents: number;
}

export interface LbrCapabilities {
  readonly depth: number;
  /** IA32_PERF_CAPABILITIES[5:0], or 'arch' for architectural LBR. */
  readonly format: number | 'arch';
}

export interface PtCapabilities {
  readonly multipleEntryTopa: boolean;
  readonly mtc: boolean;
  readonly psbCyc: boolean;
  readonly addressRanges: number;
  readonly ptwrite: boolean;
  /** BDM106: TraceEn with BranchEn=0 raises #GP. */
  readonly branchEnForced: boolean;
  /** CPUID.14H:EBX[6], PSB and PMI preservation. */
  readonly preservesPmi?: boolean;
  /** CPUID.14H:ECX[31]: addresses in packets are linear ones. */
  readonly linearAddresses?: boolean;
  /** CPUID.(14H,1):EBX: cycle thresholds in bits 15:0, PSB frequencies above. */
  readonly periods?: number;
}

/** Words of CPUID that follow from nothing else. */
export interface CpuidWords {
  /** Leaf 2: EAX, EBX, ECX, EDX. Descriptors: SDM Vol. 2A, CPUID, "Encoding of CPUID Leaf 2 Descriptors". */
  readonly descriptors: readonly [eax: number, ebx: number, ecx: number, edx: number];
  /** 15H:EAX; 2 unless told. */
  readonly tscDenominator?: number;
  /** 15H:ECX is the crystal, and not 0. */
  readonly tellsCrystal?: boolean;
  /** 80000006H:ECX, where real processors do not tell their second level as it is. */
  readonly secondLevel?: number;
}

/** Static costs, in issue slots (1 cycle = `slotsPerCycle` slots). docs/cycles.md describes the retirement model. */
export interface CycleCosts {
  readonly slotsPerCycle: number;
  readonly simple: number;
  readonly load: number;
  readonly store: number;
  readonly branch: number;
  readonly mul: number;
  readonly div: number;
  readonly repIteration: number;
  readonly vector: number;
  readonly vectorDivide: number;
  readonly x87: number;
  readonly locked: number;
  readonly ringTransition: number;
  readonly systemRegister: number;
}

/** One level of cache as CPUID leaf 4 tells it: what programs read, and what the cache models are (machine/models). */
export interface CacheDescription {
  readonly level: 1 | 2 | 3;
  readonly type: 'data' | 'instruction' | 'unified';
  readonly sizeKib: number;
  readonly ways: number;
}

export interface CpuModel {
  readonly name: string;
  readonly description: string;
  readonly family: number;
  readonly model: number;
  readonly stepping: number;
  readonly brand: string;
  /** Ticks per second of the time-stamp counter, and of the core: frequency never changes (docs/model.md). */
  readonly tscHz: number;
  /** The clock behind event 3CH/01H and PLATFORM_INFO's ratio: bus clock, or crystal on Skylake and Goldmont. Divides tscHz. */
  readonly busHz: number;
  /** The crystal's frequency behind CPUID.15H; undefined: the model has no leaf 15H. */
  readonly crystalHz: number | undefined;
  /** CPUID.0:EAX. */
  readonly maxLeaf: number;
  readonly cpuid: CpuidWords;
  readonly physicalAddressBits: number;
  readonly caches: readonly CacheDescription[];
  readonly observed: ObservedModels;
  readonly pmu: PmuCapabilities;
  /** The off-core response events; undefined: there are none. */
  readonly offcore: OffcoreResponse | undefined;
  /** General-purpose events (arch/pmu/event-lists.ts). */
  readonly events: readonly EventRow[];
  readonly lbr: LbrCapabilities | undefined;
  readonly pt: PtCapabilities | undefined;
  /** IA32_VMX_MISC[14]; undefined: no VMX. */
  readonly vmxPtInVmx: boolean | undefined;
  /** CPUID feature words before what the engine lacks is taken away. */
  readonly features: FeatureWords;
  /** Delay from overflow to the delivery of the PMI, the default of --pmi-latency. */
  readonly pmiLatency: { readonly unit: 'instructions' | 'cycles'; readonly min: number; readonly max: number };
  readonly costs: CycleCosts;
}
