/** IA32_PERFEVTSELx. SDM Vol. 3B, Performance Monitoring, layout figures of versions 1 and 3. */
import { bit, bits, packed } from '#base/bits.ts';

/** The fields of version 3 and later; reserved masks by model come from `perfevtselReserved`. */
export const PERFEVTSEL = packed({
  event: bits(7, 0),
  umask: bits(15, 8),
  usr: bit(16),
  os: bit(17),
  edge: bit(18),
  pc: bit(19),
  int: bit(20),
  anyThread: bit(21),
  en: bit(22),
  inv: bit(23),
  cmask: bits(31, 24),
});

/** The low word's bits as numbers, for code that asks often. A test holds them to the layout. */
export const PERFEVTSEL_USR = 1 << 16;
export const PERFEVTSEL_OS = 1 << 17;
export const PERFEVTSEL_EDGE = 1 << 18;
export const PERFEVTSEL_INT = 1 << 20;
export const PERFEVTSEL_EN = 1 << 22;
export const PERFEVTSEL_INV = 1 << 23;

/**
 * Bits of which a 1 raises #GP(0). AnyThread exists in version 3 and 4 and is deprecated, here reserved, from 5 on (CPUID.0AH:EDX[15]).
 * IN_TX and IN_TXCP (32, 33), ADAPTIVE (34) need TSX and adaptive PEBS, which no model has here.
 */
export function perfevtselReserved(version: number): bigint {
  return PERFEVTSEL.reserved | (version === 3 || version === 4 ? 0n : PERFEVTSEL.mask('anyThread'));
}
