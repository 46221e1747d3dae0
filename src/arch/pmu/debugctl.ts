/** IA32_DEBUGCTL. SDM Vol. 3B, IA32_DEBUGCTL MSR. */
import { bit, packed } from '#base/bits.ts';
import type { CpuModel } from '../cpu-models/model.ts';

export const DEBUGCTL = packed({
  LBR: bit(0),
  BTF: bit(1),
  BUS_LOCK_DETECT: bit(2),
  TR: bit(6),
  BTS: bit(7),
  BTINT: bit(8),
  BTS_OFF_OS: bit(9),
  BTS_OFF_USR: bit(10),
  FREEZE_LBRS_ON_PMI: bit(11),
  FREEZE_PERFMON_ON_PMI: bit(12),
  ENABLE_UNCORE_PMI: bit(13),
  FREEZE_WHILE_SMM: bit(14),
  RTM: bit(15),
});

/**
 * Bits of which a 1 raises #GP(0). Branch trace store is not modelled (CPUID.DS = 0), so TR, BTS, BTINT and its filters are reserved;
 * so are bus locks, the uncore's PMI, SMM and TSX. The freezes need CPUID.1:ECX.PDCM and a version above 1.
 */
export function debugctlReserved(model: CpuModel): bigint {
  let allowed = DEBUGCTL.mask('BTF');
  if (model.lbr !== undefined) allowed |= DEBUGCTL.mask('LBR');
  if (model.pmu.version > 1) allowed |= DEBUGCTL.mask('FREEZE_LBRS_ON_PMI') | DEBUGCTL.mask('FREEZE_PERFMON_ON_PMI');
  return ~allowed & 0xffff_ffff_ffff_ffffn;
}
