/** The PMU's registers as the driver writes them: through Msrs only, each access an interrupt point. */
import { assert } from '#base/assert.ts';
import type { CpuModel } from '#arch/cpu-models/model.ts';
import { MSR } from '#arch/msr.ts';
import type { Msrs } from '#port/msrs.ts';
import { FIXED } from './constraints.ts';

/** LVTPC for NMI delivery, unmasked: APIC_DM_NMI. */
const LVTPC_NMI = 0x400n;

export class PmuRegisters {
  readonly width: number;
  private readonly msrs: Msrs;
  private readonly fullWidthWrite: boolean;

  constructor(model: CpuModel, msrs: Msrs) {
    this.msrs = msrs;
    this.width = model.pmu.gpWidth;
    this.fullWidthWrite = model.pmu.fullWidthWrite;
  }

  readCounter(idx: number): bigint {
    return this.read(idx >= FIXED ? MSR.IA32_FIXED_CTR0 + idx - FIXED : MSR.IA32_PMC0 + idx);
  }
  /** `value` modulo the counter's width. A 32-bit write register takes the low half and sign-extends it. */
  writeCounter(idx: number, value: bigint): void {
    if (idx >= FIXED) return this.write(MSR.IA32_FIXED_CTR0 + idx - FIXED, BigInt.asUintN(this.width, value));
    if (this.fullWidthWrite) return this.write(MSR.IA32_A_PMC0 + idx, BigInt.asUintN(this.width, value));
    this.write(MSR.IA32_PMC0 + idx, BigInt.asUintN(32, value));
  }
  writeEventSelect(idx: number, value: bigint): void {
    this.write(MSR.IA32_PERFEVTSEL0 + idx, value);
  }
  readEventSelect(idx: number): bigint {
    return this.read(MSR.IA32_PERFEVTSEL0 + idx);
  }
  writeFixedControl(value: bigint): void {
    this.write(MSR.IA32_FIXED_CTR_CTRL, value);
  }
  writeGlobalControl(value: bigint): void {
    this.write(MSR.IA32_PERF_GLOBAL_CTRL, value);
  }
  readGlobalStatus(): bigint {
    return this.read(MSR.IA32_PERF_GLOBAL_STATUS);
  }
  acknowledge(status: bigint): void {
    this.write(MSR.IA32_PERF_GLOBAL_OVF_CTRL, status);
  }
  writeDebugControl(value: bigint): void {
    this.write(MSR.IA32_DEBUGCTL, value);
  }
  /** Points LVTPC at the NMI and clears the mask bit that the delivery set. */
  unmaskLvtpc(): void {
    this.write(MSR.IA32_X2APIC_LVT_PMI, LVTPC_NMI);
  }

  readRegister(address: number): bigint {
    return this.read(address);
  }
  writeRegister(address: number, value: bigint): void {
    this.write(address, value);
  }

  /** The driver knows what exists: a #GP would be its bug. */
  private read(address: number): bigint {
    const value = this.msrs.read(address);
    assert(value !== undefined, `RDMSR ${address.toString(16)}H raised #GP`);
    return value;
  }
  private write(address: number, value: bigint): void {
    assert(this.msrs.write(address, value), `WRMSR ${address.toString(16)}H = 0x${value.toString(16)} raised #GP`);
  }
}
