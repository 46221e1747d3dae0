/** IA32_PERF_GLOBAL_{CTRL, STATUS, OVF_CTRL/STATUS_RESET, STATUS_SET, INUSE}. SDM Vol. 3B, Performance Monitoring, versions 2 to 4. */
import { bit, packed } from '#base/bits.ts';
import type { CpuModel } from '../cpu-models/model.ts';

/** The bits of GLOBAL_STATUS above the counters. */
export const GLOBAL_STATUS = packed({
  OvfPerfMetrics: bit(48),
  TraceToPaPmi: bit(55),
  LbrFrz: bit(58),
  CtrFrz: bit(59),
  Asci: bit(60),
  OvfUncore: bit(61),
  OvfBuf: bit(62),
  CondChgd: bit(63),
});

export const LBR_FRZ = GLOBAL_STATUS.mask('LbrFrz');
export const CTR_FRZ = GLOBAL_STATUS.mask('CtrFrz');
/** INUSE[63]: some counter may raise a PMI. */
export const PMI_INUSE = 1n << 63n;

export const gpBit = (i: number): bigint => 1n << BigInt(i);
export const fixedBit = (i: number): bigint => 1n << BigInt(32 + i);

/** Enable bits (and overflow bits) of the counters that the model has. */
export function counterBits(model: CpuModel): bigint {
  return ((1n << BigInt(model.pmu.gpCounters)) - 1n) | (((1n << BigInt(model.pmu.fixedCounters)) - 1n) << 32n);
}

/** Status bits that exist by version: 61 from 3, 58-60 from 4, 55 with Intel PT; 62 and 63 always. SDM: the figures of GLOBAL_STATUS. */
export function statusBits(model: CpuModel): bigint {
  let word = counterBits(model) | GLOBAL_STATUS.mask('OvfBuf') | GLOBAL_STATUS.mask('CondChgd');
  if (model.pmu.version >= 3) word |= GLOBAL_STATUS.mask('OvfUncore');
  if (model.pmu.version >= 4) word |= LBR_FRZ | CTR_FRZ | GLOBAL_STATUS.mask('Asci');
  if (model.pt !== undefined) word |= GLOBAL_STATUS.mask('TraceToPaPmi');
  return word;
}

/** STATUS_SET cannot set CondChgd. SDM: IA32_PERF_GLOBAL_STATUS_SET figure. */
export const statusSetBits = (model: CpuModel): bigint => statusBits(model) & ~GLOBAL_STATUS.mask('CondChgd');

/** After RESET every general-purpose enable is 1 and every fixed one 0. SDM Vol. 3A, table of processor state after RESET. */
export const globalCtrlReset = (model: CpuModel): bigint => (1n << BigInt(model.pmu.gpCounters)) - 1n;
