/** Values of x87 instructions that need no registers: constants, indefinites, which of two NaNs, FSCALE. */
import {
  DEFAULT_NAN,
  DOUBLE,
  exact,
  FLAG,
  infinite,
  type Num,
  pack,
  quiet,
  type Raw,
  type Sign,
  SINGLE,
  toInteger,
  zero,
} from './float.ts';
import { FPU_MEMORY, type FpuMemory } from './operations.ts';
import { UNSUPPORTED } from './x87-state.ts';

/** Constants by number (FLD1, FLDL2T, FLDL2E, FLDPI, FLDLG2, FLDLN2, FLDZ): 66 bits and more, truncated; rounded by RC. */
export const CONSTANTS: readonly (readonly [bigint, number])[] = [
  [1n, 0],
  [0xd49a784bcd1b8afe492bf6ffn, -94],
  [0xb8aa3b295c17f0bbbe87fed0n, -95],
  [0xc90fdaa22168c234c4c6628bn, -94],
  [0x9a209a84fbcff7988f8959acn, -97],
  [0xb17217f7d1cf79abc9e3b398n, -96],
  [0n, 0],
];

/** NaN among operands: flags and the result, as x87 chooses: a quiet NaN before a signalling one, else the larger significand. */
export function chooseNan(a: Num, b: Num): { flags: number; value: Num } | undefined {
  if (a === UNSUPPORTED || b === UNSUPPORTED) return { flags: FLAG.IE, value: DEFAULT_NAN };
  if (a.kind !== 'nan' && b.kind !== 'nan') return undefined;
  const flags = (a.kind === 'nan' && a.signalling) || (b.kind === 'nan' && b.signalling) ? FLAG.IE : 0;
  if (a.kind !== 'nan') return { flags, value: quiet(b) };
  if (b.kind !== 'nan') return { flags, value: quiet(a) };
  if (a.signalling !== b.signalling) return { flags, value: a.signalling ? b : a };
  if (a.fraction !== b.fraction) return { flags, value: quiet(a.fraction > b.fraction ? a : b) };
  return { flags, value: quiet(a.sign === 0 ? a : b) };
}
/** What an invalid store writes: the default NaN, the integer or decimal indefinite. */
export function indefinite(format: FpuMemory): { low: bigint; high: number } {
  switch (format) {
    case FPU_MEMORY.F32:
      return { low: pack(DEFAULT_NAN, SINGLE), high: 0 };
    case FPU_MEMORY.F64:
      return { low: pack(DEFAULT_NAN, DOUBLE), high: 0 };
    case FPU_MEMORY.F80:
      return { low: 0xc000_0000_0000_0000n, high: 0xffff };
    case FPU_MEMORY.I16:
      return { low: 0x8000n, high: 0 };
    case FPU_MEMORY.I32:
      return { low: 0x8000_0000n, high: 0 };
    case FPU_MEMORY.I64:
      return { low: 1n << 63n, high: 0 };
    default:
      return { low: 0xc000_0000_0000_0000n, high: 0xffff };
  }
}
export function integer(i: bigint): Num {
  if (i === 0n) return zero(0);
  return { kind: 'finite', sign: i < 0n ? 1 : 0, sig: i < 0n ? -i : i, exp: 0, denormal: false };
}
/** ST(0) · 2^trunc(ST(1)). */
export function scaled(a: Num, b: Num): Raw {
  if (b.kind === 'infinite') {
    if (b.sign === 0) return a.kind === 'zero' ? 'invalid' : { done: infinite(a.sign as Sign) };
    return a.kind === 'infinite' ? 'invalid' : { done: zero(a.sign) };
  }
  if (a.kind !== 'finite') return { done: a };
  const n = b.kind === 'finite' ? toInteger(b, 3).value : 0n;
  // Beyond this every result overflows or vanishes.
  const by = n > 70000n ? 70000 : n < -70000n ? -70000 : Number(n);
  return { exact: { ...exact(a), exp: a.exp + by } };
}
