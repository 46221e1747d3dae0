/** A CPU model is data: everything that a program or a driver could tell two processors apart by. */

export interface PmuCapabilities {
  /** CPUID.0AH:EAX[7:0]. */
  readonly version: 1 | 2 | 3 | 4 | 5;
  readonly gpCounters: number;
  readonly gpWidth: number;
  readonly fixedCounters: number;
  readonly fixedWidth: number;
  /** IA32_PERF_CAPABILITIES[13]. */
  readonly fullWidthWrite: boolean;
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

export interface CpuModel {
  readonly name: string;
  readonly description: string;
  readonly family: number;
  readonly model: number;
  readonly stepping: number;
  readonly brand: string;
  readonly tscHz: number;
  readonly pmu: PmuCapabilities;
  readonly lbr: LbrCapabilities | undefined;
  readonly pt: PtCapabilities | undefined;
  /** IA32_VMX_MISC[14]; undefined: no VMX. */
  readonly vmxPtInVmx: boolean | undefined;
  /** CPUID feature words before what the engine lacks is taken away. */
  readonly features: {
    readonly leaf1Ecx: number;
    readonly leaf1Edx: number;
    readonly leaf7Ebx: number;
    readonly leaf7Ecx: number;
    readonly leaf7Edx: number;
    readonly ext1Ecx: number;
    readonly ext1Edx: number;
  };
  /** Delay from overflow to the delivery of the PMI, the default of --pmi-latency. */
  readonly pmiLatency: { readonly unit: 'instructions' | 'cycles'; readonly min: number; readonly max: number };
  readonly costs: CycleCosts;
}
