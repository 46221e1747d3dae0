/** IA32_FIXED_CTR_CTRL: four bits for each fixed counter. SDM Vol. 3B, Performance Monitoring, version 2 and 3 figures. */

/** Bits within counter i's nibble (4i to 4i+3). */
export const FIXED_OS = 1;
export const FIXED_USR = 2;
export const FIXED_ANY = 4;
export const FIXED_PMI = 8;

/** What the fixed counters count, by index. */
export const FIXED_EVENT_NAMES = ['INST_RETIRED.ANY', 'CPU_CLK_UNHALTED.THREAD', 'CPU_CLK_UNHALTED.REF_TSC', 'TOPDOWN.SLOTS'] as const;

/** Counter i's nibble. */
export const fixedControl = (word: bigint, i: number): number => Number((word >> BigInt(4 * i)) & 15n);

/** Bits of which a 1 raises #GP(0): nibbles of counters that do not exist, AnyThread outside versions 3 and 4. */
export function fixedCtrCtrlReserved(version: number, fixedCounters: number): bigint {
  const nibble = version === 3 || version === 4 ? 15n : 11n;
  let allowed = 0n;
  for (let i = 0; i < fixedCounters; i++) allowed |= nibble << BigInt(4 * i);
  return ~allowed & 0xffff_ffff_ffff_ffffn;
}
