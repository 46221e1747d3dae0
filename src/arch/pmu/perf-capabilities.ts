/** IA32_PERF_CAPABILITIES. SDM Vol. 3B, IA32_PERF_CAPABILITIES enumeration. */
import { bit, bits, packed } from '#base/bits.ts';
import type { CpuModel } from '../cpu-models/model.ts';

export const PERF_CAPABILITIES = packed({
  LBR_FMT: bits(5, 0),
  PEBS_TRAP: bit(6),
  PEBS_ARCH_REG: bit(7),
  PEBS_FMT: bits(11, 8),
  FREEZE_WHILE_SMM: bit(12),
  FW_WRITE: bit(13),
  PEBS_BASELINE: bit(14),
  PERF_METRICS: bit(15),
  PEBS_OUTPUT_PT: bit(16),
});

/** What the model tells. `lbr`: whether the machine has its LBR block; without, the format field is 0, as in a guest without LBR. */
export function perfCapabilities(model: CpuModel, lbr: boolean): bigint {
  return PERF_CAPABILITIES.pack({
    LBR_FMT: lbr && typeof model.lbr?.format === 'number' ? model.lbr.format : lbr && model.lbr?.format === 'arch' ? 0x3f : 0,
    FW_WRITE: model.pmu.fullWidthWrite,
  });
}
