/** SSE3 and SSSE3 on XMM registers. SDM Vol. 2. FISTTP is x87's. */
import { and, gtU, k32, kv128, select, type Val, wrap } from '#base/wasm/ops.ts';
import { shuffleLanes, splat64, splat8, V, v } from '#base/wasm/simd.ts';
import type { Machine, Place } from '../machine.ts';
import { SOFT_KIND, softOperation } from '../soft/operations.ts';
import type { FormTable } from './registry.ts';
import { packed } from './sse-float.ts';
import { chooseBySum, type FloatTy } from './sse-float-check.ts';
import { binary, binaryImm, IOTA, XX, ZERO } from './sse-int.ts';

const VECTOR = { cost: 'vector' } as const;
const XXI: readonly string[] = XX.map((s) => `${s},i`);

/** Even and odd lanes of a (low half) and b (high half). */
function pairs(width: 2 | 4 | 8, a: Val, b: Val): readonly [Val, Val] {
  const n = 32 / width;
  const lanes = (odd: number): number[] => Array.from({ length: n / 2 }, (_, i) => 2 * i + odd);
  return [shuffleLanes(width, a, b, lanes(0)), shuffleLanes(width, a, b, lanes(1))];
}

function defineHorizontalFloat(t: FormTable): void {
  for (const [suffix, ty, width] of [
    ['ps', 'f32', 4],
    ['pd', 'f64', 8],
  ] as const) {
    for (const [name, operation] of [
      ['hadd', 'add'],
      ['hsub', 'sub'],
    ] as const) {
      t.def(
        `${name}${suffix}`,
        XX,
        'rw,r',
        (m, d, s) => {
          const b = (s as Place).get();
          const p = d as Place;
          const [even, odd] = pairs(width, p.get(), b);
          packed(m, operation, ty, p, m.let(even), m.let(odd));
        },
        VECTOR,
      );
    }
    t.def(`addsub${suffix}`, XX, 'rw,r', (m, d, s) => addSubtract(m, ty, d as Place, s as Place), VECTOR);
  }
}
function addSubtract(m: Machine, ty: FloatTy, p: Place, s: Place): void {
  const b = s.get();
  const a = p.get();
  const flip = ty === 'f64' ? kv128(1n << 63n, 0n) : kv128(1n << 31n, 1n << 31n);
  const r = m.let(v(ty === 'f64' ? V.f64add : V.f32add, a, v(V.xor, b, flip)));
  chooseBySum(
    m,
    ty,
    a,
    b,
    r,
    () => p.set(r),
    () => p.set(m.soft(softOperation(SOFT_KIND.ADDSUB, ty === 'f64', true), k32(0), a, b)),
  );
}

/** dst = f(src) on whole registers. */
const duplicate =
  (lanes: readonly number[]) =>
  (m: Machine, d: Place | undefined, s: Place | undefined): void => {
    const b = (s as Place).get();
    (d as Place).set(m.let(shuffleLanes(4, b, b, lanes)));
  };

const both = (n: bigint): Val => kv128(n, n);
export const byteShuffle = (a: Val, b: Val): Val => v(V.swizzle, a, v(V.and, b, both(0x8f8f_8f8f_8f8f_8f8fn)));
/** |a − b|-free rounding multiply: wasm saturates −1 · −1, x86 does not. */
export const mulHighRound = (a: Val, b: Val): Val => {
  const least = both(0x8000_8000_8000_8000n);
  return v(V.xor, v(V.i16q15mul, a, b), v(V.and, v(V.i16eq, a, least), v(V.i16eq, b, least)));
};
/** Products of unsigned bytes of a and signed bytes of b, added in pairs with saturation. */
export function multiplyAddBytes(a: Val, b: Val, m: Machine): Val {
  const low = m.let(v(V.i16mul, v(V.i16extLowU, a), v(V.i16extLowS, b)));
  const high = m.let(v(V.i16mul, v(V.i16extHighU, a), v(V.i16extHighS, b)));
  const [even, odd] = pairs(2, low, high);
  return v(V.i16addSatS, even, odd);
}
export const sign =
  (gt: number, eq: number, sub: number) =>
  (a: Val, b: Val, m: Machine): Val => {
    const negative = m.let(v(gt, ZERO, b));
    return v(V.andnot, v(sub, v(V.xor, a, negative), negative), v(eq, b, ZERO));
  };
export const horizontal =
  (width: 2 | 4, opcode: number) =>
  (a: Val, b: Val): Val => {
    const [even, odd] = pairs(width, a, b);
    return v(opcode, even, odd);
  };
/** Bytes imm … imm+15 of a:b. */
function alignRight(a: Val, b: Val, imm: Val, m: Machine): Val {
  const n = m.let(and(imm, k32(255)));
  const shift = splat8(m.let(select(gtU(n, k32(32)), k32(32), n)));
  const index = m.let(v(V.i8add, IOTA, shift));
  const fromA = v(V.swizzle, a, v(V.i8sub, index, both(0x1010_1010_1010_1010n)));
  return v(V.or, v(V.swizzle, b, index), fromA);
}

export const SSSE3_BINARY: Readonly<Record<string, (a: Val, b: Val, m: Machine) => Val>> = {
  pmulhrsw: mulHighRound,
  pmaddubsw: multiplyAddBytes,
  psignb: sign(V.i8gtS, V.i8eq, V.i8sub),
  psignw: sign(V.i16gtS, V.i16eq, V.i16sub),
  psignd: sign(V.i32gtS, V.i32eq, V.i32sub),
  pabsb: (_, b) => v(V.i8abs, b),
  pabsw: (_, b) => v(V.i16abs, b),
  pabsd: (_, b) => v(V.i32abs, b),
};
export const SSSE3_HORIZONTAL: Readonly<Record<string, (a: Val, b: Val) => Val>> = {
  phaddw: horizontal(2, V.i16add),
  phaddd: horizontal(4, V.i32add),
  phaddsw: horizontal(2, V.i16addSatS),
  phsubw: horizontal(2, V.i16sub),
  phsubd: horizontal(4, V.i32sub),
  phsubsw: horizontal(2, V.i16subSatS),
};

export function defineSse3(t: FormTable): void {
  defineHorizontalFloat(t);
  t.def('movsldup', XX, 'w,r', duplicate([0, 0, 2, 2]), VECTOR);
  t.def('movshdup', XX, 'w,r', duplicate([1, 1, 3, 3]), VECTOR);
  t.def('movddup', ['x16,x16', 'x16,m8'], 'w,r', (m, d, s) => (d as Place).set(m.let(splat64((s as Place).scalar('i64')))), VECTOR);
  const unary: typeof binary = (f) => (m, d, s) => {
    const b = (s as Place).get();
    (d as Place).set(m.let(f(b, b, m)));
  };
  for (const [name, f] of Object.entries({ ...SSSE3_BINARY, ...SSSE3_HORIZONTAL, pshufb: byteShuffle })) {
    if (name.startsWith('pabs')) t.def(name, XX, 'w,r', unary(f), VECTOR);
    else t.def(name, XX, 'rw,r', binary(f), VECTOR);
  }
  t.def(
    'palignr',
    XXI,
    'rw,r,r',
    binaryImm((a, b, imm, m) => alignRight(a, b, wrap(imm), m)),
    VECTOR,
  );
}
