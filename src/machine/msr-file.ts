/**
 * RDMSR and WRMSR: dispatch by address to the block that owns the register. Unknown registers, reserved bits and writes to read-only
 * ones are #GP(0), told as `undefined` and false. arch/msr.ts lists what there is.
 */
import type { CpuModel } from '#arch/cpu-models/model.ts';
import { type Feature, hasFeature } from '#arch/cpuid-features.ts';
import { visibleFeatures } from '#arch/cpuid.ts';
import { MSR } from '#arch/msr.ts';
import type { Msrs } from '#port/msrs.ts';
import type { MachineClock } from './clock.ts';

/**
 * Registers that live in the execution core: EFER, STAR, LSTAR, CSTAR, FMASK, FS_BASE, GS_BASE, KERNEL_GS_BASE, SYSENTER_*.
 * The core checks reserved bits and canonical addresses itself; `undefined` and false as in Msrs.
 */
export interface SystemRegisters {
  readSystem(address: number): bigint | undefined;
  writeSystem(address: number, value: bigint): boolean;
}

const SYSTEM: ReadonlySet<number> = new Set([
  MSR.IA32_EFER,
  MSR.IA32_STAR,
  MSR.IA32_LSTAR,
  MSR.IA32_CSTAR,
  MSR.IA32_FMASK,
  MSR.IA32_FS_BASE,
  MSR.IA32_GS_BASE,
  MSR.IA32_KERNEL_GS_BASE,
  MSR.IA32_SYSENTER_CS,
  MSR.IA32_SYSENTER_ESP,
  MSR.IA32_SYSENTER_EIP,
]);

/** MISC_ENABLE: fast strings 0, thermal 3, performance monitoring 7 (RO), BTS and PEBS unavailable 11, 12 (RO), SpeedStep 16, MONITOR 18, XD 34. */
const MISC_ENABLE_KNOWN = (1n << 0n) | (1n << 3n) | (1n << 7n) | (1n << 11n) | (1n << 12n) | (1n << 16n) | (1n << 18n) | (1n << 34n);
const MISC_ENABLE_RO = (1n << 7n) | (1n << 11n) | (1n << 12n);
const MISC_ENABLE_RESET = (1n << 0n) | MISC_ENABLE_RO;

export interface MsrBlocks {
  readonly pmu: Msrs;
  readonly apic: Msrs;
  readonly clock: MachineClock;
  readonly system: SystemRegisters;
  readonly lbr?: Msrs & { owns(address: number): boolean };
}

export class MsrFile implements Msrs {
  readonly #model: CpuModel;
  readonly #blocks: MsrBlocks;
  readonly #has: (feature: Feature) => boolean;
  #miscEnable = MISC_ENABLE_RESET;
  #pat = 0x0007_0406_0007_0406n;
  #mtrrDefType = 0n;
  #tscAux = 0n;

  /** `engine`: the features that the engine executes; registers of a hidden feature do not exist. */
  constructor(model: CpuModel, engine: Iterable<Feature>, blocks: MsrBlocks) {
    this.#model = model;
    this.#blocks = blocks;
    const words = visibleFeatures(model, engine);
    this.#has = (feature) => hasFeature(words, feature);
  }

  /** IA32_TSC_AUX, for RDTSCP. */
  get tscAux(): bigint {
    return this.#tscAux;
  }

  read(address: number): bigint | undefined {
    const a = address >>> 0;
    if (SYSTEM.has(a)) return this.#blocks.system.readSystem(a);
    if (isApic(a)) return this.#blocks.apic.read(a);
    if (this.#blocks.lbr?.owns(a) === true) return this.#blocks.lbr.read(a);
    switch (a) {
      case MSR.IA32_TIME_STAMP_COUNTER:
        return BigInt(this.#blocks.clock.tsc());
      case MSR.IA32_TSC_AUX:
        return this.#has('RDTSCP') ? this.#tscAux : undefined;
      case MSR.IA32_XSS:
        return this.#has('XSAVES') ? 0n : undefined;
      case MSR.IA32_PLATFORM_ID:
      case MSR.IA32_BIOS_SIGN_ID:
        return 0n;
      case MSR.IA32_APIC_BASE:
        return 0xfee0_0d00n;
      case MSR.MSR_PLATFORM_INFO:
        return BigInt(platformRatio(this.#model)) << 8n;
      case MSR.IA32_MTRRCAP:
        return 0n;
      case MSR.IA32_MTRR_DEF_TYPE:
        return this.#mtrrDefType;
      case MSR.IA32_PAT:
        return this.#has('PAT') ? this.#pat : undefined;
      case MSR.IA32_MISC_ENABLE:
        return this.#miscEnable;
      case MSR.IA32_PERF_CAPABILITIES:
        return this.#has('PDCM') ? this.#blocks.pmu.read(a) : undefined;
      default:
        return this.#blocks.pmu.read(a);
    }
  }

  write(address: number, value: bigint): boolean {
    const a = address >>> 0;
    if (SYSTEM.has(a)) return this.#blocks.system.writeSystem(a, value);
    if (isApic(a)) return this.#blocks.apic.write(a, value);
    if (this.#blocks.lbr?.owns(a) === true) return this.#blocks.lbr.write(a, value);
    switch (a) {
      case MSR.IA32_APIC_BASE:
        return value === 0xfee0_0d00n; // x2APIC from the start; it cannot be left (docs/model.md)
      case MSR.IA32_TSC_AUX:
        if (!this.#has('RDTSCP') || value >> 32n !== 0n) return false;
        this.#tscAux = value;
        return true;
      case MSR.IA32_XSS:
        return this.#has('XSAVES') && value === 0n; // no supervisor state is managed
      case MSR.IA32_BIOS_SIGN_ID:
        return true; // software writes 0 before CPUID to read the microcode revision, which is 0
      case MSR.IA32_MTRR_DEF_TYPE:
        if ((value & ~0xcffn) !== 0n || !isMemoryType(value & 0xffn)) return false;
        this.#mtrrDefType = value;
        return true;
      case MSR.IA32_PAT:
        if (!this.#has('PAT') || !isPat(value)) return false;
        this.#pat = value;
        return true;
      case MSR.IA32_MISC_ENABLE:
        if ((value & ~MISC_ENABLE_KNOWN) !== 0n) return false;
        this.#miscEnable = (value & ~MISC_ENABLE_RO) | MISC_ENABLE_RO;
        return true;
      default:
        return this.#blocks.pmu.write(a, value);
    }
  }
}

const isApic = (address: number): boolean => (address >= 0x800 && address < 0x900) || address === MSR.IA32_TSC_DEADLINE;

/** PLATFORM_INFO[15:8]: the TSC in units of the bus clock, 100 MHz where the model's own reference is a crystal. */
function platformRatio(model: CpuModel): number {
  return Math.round(model.tscHz / (model.crystalHz === undefined ? model.busHz : 100e6));
}

/** Memory types UC, WC, WT, WP, WB. SDM Vol. 3A, MTRRs. */
const isMemoryType = (type: bigint): boolean => type === 0n || type === 1n || (type >= 4n && type <= 6n);

/** Eight entries, each a memory type or UC- (7). */
function isPat(value: bigint): boolean {
  for (let i = 0n; i < 8n; i++) {
    const type = (value >> (8n * i)) & 0xffn;
    if (!isMemoryType(type) && type !== 7n) return false;
  }
  return true;
}
