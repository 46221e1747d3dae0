/**
 * FMA3 and F16C. SDM Vol. 1 §14.4, §14.5. A product and a sum with one rounding, out of operators that round each time: where the fast way is not
 * proved to give that result, soft float does.
 */
import { and, k32, kv128, simd, type Val, wrap } from '#base/wasm/ops.ts';
import { lane64, shuffleLanes, V, v, VSHIFT } from '#base/wasm/simd.ts';
import type { Machine, Place } from '../machine.ts';
import { FUSED, SOFT_KIND, softOperation } from '../soft/operations.ts';
import type { FormTable, Semantics } from './registry.ts';
import { FORMATS, scalarShapes, splatF } from './sse-float.ts';
import { choose, type FloatTy, LEAST, vAll, vBelow, vInRange, vZero, vZeroOrAtLeast } from './sse-float-check.ts';
import { ZERO } from './sse-int.ts';
import { lift } from './vex.ts';

const VECTOR = { cost: 'vector' } as const;
const both = (n: bigint): Val => kv128(n, n);
const ONES = both(-1n);
const not = (x: Val): Val => v(V.xor, x, ONES);

interface Fast {
  readonly result: Val;
  readonly ok: Val;
}

/**
 * Singles: the product is exact as a double, the sum is rounded to double and then to single. That is wrong only where the double lies right
 * between two singles (and the sum was inexact), which its low 29 bits tell.
 */
function fastSingles(m: Machine, a: Val, b: Val, c: Val): Fast {
  const high = (x: Val): Val => shuffleLanes(8, x, x, [1, 1]);
  const pair = (x: (y: Val) => Val): { sum: Val; fine: Val } => {
    const wide = (y: Val): Val => v(V.f64promote, x(y));
    const sum = m.let(v(V.f64add, v(V.f64mul, wide(a), wide(b)), wide(c)));
    const between = v(V.i64eq, v(V.and, sum, both(0x1fff_ffffn)), both(0x1000_0000n));
    return { sum, fine: m.let(v(V.and, not(between), vZeroOrAtLeast('f64', sum, LEAST.f32 * 2))) };
  };
  const [low, up] = [pair((x) => x), pair(high)];
  const result = m.let(shuffleLanes(8, v(V.f32demote, low.sum), v(V.f32demote, up.sum), [0, 2]));
  const operands = [a, b, c].map((x) => vZeroOrAtLeast('f32', x, LEAST.f32)).reduce((x, y) => v(V.and, x, y));
  const fine = v(V.and, v(V.or, vInRange('f32', m, result), vZero('f32', result)), operands);
  return { result, ok: and(vAll('f32', fine), vAll('f64', v(V.and, low.fine, up.fine))) };
}

/** a + b = sum + error exactly (Knuth). */
function twoSum(m: Machine, a: Val, b: Val): { sum: Val; error: Val } {
  const sum = m.let(v(V.f64add, a, b));
  const bb = m.let(v(V.f64sub, sum, a));
  return { sum, error: m.let(v(V.f64add, v(V.f64sub, a, v(V.f64sub, sum, bb)), v(V.f64sub, b, bb))) };
}
/** The upper 26 bits and the rest (Veltkamp). */
function split(m: Machine, x: Val): { high: Val; low: Val } {
  const scaled = m.let(v(V.f64mul, x, splat(2 ** 27 + 1)));
  const high = m.let(v(V.f64sub, scaled, v(V.f64sub, scaled, x)));
  return { high, low: m.let(v(V.f64sub, x, high)) };
}
const splat = (n: number): Val => {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, n);
  return both(view.getBigInt64(0));
};
/**
 * Doubles: the exact product (Dekker), two error-free sums, the errors added with rounding to odd, and one last sum that rounds. S. Boldo and
 * G. Melquiond, "Emulation of FMA and correctly rounded sums: proved algorithms using rounding to odd", 2008: right as long as nothing overflows or
 * becomes denormal on the way, hence the bounds.
 */
function fastDoubles(m: Machine, a: Val, b: Val, c: Val): Fast {
  const product = m.let(v(V.f64mul, a, b));
  const [p, q] = [split(m, a), split(m, b)];
  const partial = v(V.f64sub, v(V.f64mul, p.high, q.high), product);
  const crossed = v(V.f64add, v(V.f64add, partial, v(V.f64mul, p.high, q.low)), v(V.f64mul, p.low, q.high));
  const rest = m.let(v(V.f64add, crossed, v(V.f64mul, p.low, q.low)));
  const t = twoSum(m, c, rest);
  const u = twoSum(m, product, t.sum);
  const z = twoSum(m, t.error, u.error);
  // To odd: an inexact sum with an even last bit moves one unit towards the exact value.
  const isEven = v(V.i64eq, v(V.and, z.sum, both(1n)), ZERO);
  const moves = v(V.and, isEven, v(V.f64ne, z.error, ZERO));
  const unit = v(V.or, simd('v128', VSHIFT[64].shrS, v(V.xor, z.sum, z.error), k32(63)), both(1n));
  const odd = v(V.i64add, z.sum, v(V.and, moves, unit));
  const result = m.let(v(V.f64add, u.sum, odd));
  const LIMIT = 2 ** 900;
  const bounded = (x: Val): Val => v(V.and, vZeroOrAtLeast('f64', x, 1 / LIMIT), vBelow('f64', x, LIMIT));
  const operands = [...[a, b, c, product].map(bounded), not(vZero('f64', product))];
  const fine = v(V.or, vInRange('f64', m, result), vZero('f64', result));
  return {
    result,
    ok: vAll(
      'f64',
      operands.reduce((x, y) => v(V.and, x, y), fine),
    ),
  };
}

/** Signs by FUSED: all lanes of a product, even or odd lanes of the third operand. */
function signs(ty: FloatTy, even: boolean, odd: boolean): Val {
  if (ty === 'f64') return kv128(even ? 1n << 63n : 0n, odd ? 1n << 63n : 0n);
  return both((even ? 1n << 31n : 0n) | (odd ? 1n << 63n : 0n));
}
function fused(
  m: Machine,
  ty: FloatTy,
  isPacked: boolean,
  imm: number,
  [a, b, c]: readonly [Val, Val, Val],
  keep: Val,
  set: (r: Val) => void,
): void {
  const bit = (n: number): boolean => (imm & n) !== 0;
  m.rare(() => {
    const x = bit(FUSED.NEGATE_PRODUCT) ? m.let(v(V.xor, a, signs(ty, true, true))) : a;
    const z = imm >= 2 ? m.let(v(V.xor, c, signs(ty, bit(FUSED.NEGATE_EVEN), bit(FUSED.NEGATE_ODD)))) : c;
    const fast = ty === 'f64' ? fastDoubles(m, x, b, z) : fastSingles(m, x, b, z);
    const low = ty === 'f64' ? kv128(-1n, 0n) : kv128(0xffff_ffffn, 0n);
    const whole = (r: Val): Val => (isPacked ? r : m.let(v(V.bitselect, r, keep, low)));
    choose(
      m,
      fast.ok,
      undefined,
      () => set(whole(fast.result)),
      () => set(whole(m.soft(softOperation(SOFT_KIND.FUSED, ty === 'f64', true), k32(imm), a, b, c))),
    );
  });
}

/** Which operand is which: 132 = first · third + second, 213 = second · first + third, 231 = second · third + first. */
type Order = '132' | '213' | '231';
const arrange = <T>(order: Order, x1: T, x2: T, x3: T): readonly [T, T, T] =>
  order === '132' ? [x1, x3, x2] : order === '213' ? [x2, x1, x3] : [x2, x3, x1];

function defineFused(t: FormTable, name: string, order: Order, imm: number): void {
  for (const { suffix, ty, bytes } of FORMATS) {
    const packed: Semantics = (m, d, s2, s3) => {
      const [z, y, x] = [(s3 as Place).get(), (s2 as Place).get(), (d as Place).get()];
      fused(m, ty, true, imm, arrange(order, x, y, z), x, (r) => (d as Place).set(r));
    };
    t.def(`${name}${order}p${suffix}`, ['x16,x16,x16', 'x16,x16,u16'], 'rw,r,r', lift(packed, { halves: 1, first: 'own' }), VECTOR);
    t.def(`${name}${order}p${suffix}`, ['x32,x32,x32', 'x32,x32,u32'], 'rw,r,r', lift(packed, { halves: 2, first: 'own' }), VECTOR);
    if (name.endsWith('addsub') || name.endsWith('subadd')) continue;
    const scalar: Semantics = (m, d, s2, s3) => {
      const [z, y, x] = [(s3 as Place).scalar(ty), (s2 as Place).scalar(ty), (d as Place).get()];
      const first = m.let(splatF((d as Place).scalar(ty)));
      const all = arrange(order, first, m.let(splatF(y)), m.let(splatF(z)));
      fused(m, ty, false, imm, all, x, (r) => (d as Place).set(r));
    };
    const shapes = scalarShapes(bytes).map((s) => `x16,${s}`);
    t.def(`${name}${order}s${suffix}`, shapes, 'rw,r,r', lift(scalar, { halves: 1, first: 'own' }), VECTOR);
  }
}

function defineHalfPrecision(t: FormTable): void {
  const widen: Semantics = (m, d, s) => {
    const b = (s as Place).getVector();
    m.rare(() => (d as Place).set(m.soft(softOperation(SOFT_KIND.FROM_HALF, false, true), k32(0), ZERO, b)));
  };
  t.def('vcvtph2ps', ['x16,x16', 'x16,m8'], 'w,r', lift(widen, { halves: 1, first: 'none' }), VECTOR);
  t.def('vcvtph2ps', ['x32,x16', 'x32,u16'], 'w,r', lift(widen, { halves: 2, first: 'none', sourceBytes: 8 }), VECTOR);
  /** The low 8 bytes of the result count. */
  const narrow = (m: Machine, s: Place, i: Place, set: (low: Val) => void): void => {
    const imm = m.let(wrap(i.get()));
    m.rare(() => {
      const halves = s.w === 32 ? [0, 16] : [0];
      const results: Val[] = [];
      m.together(() => {
        for (const at of halves)
          results.push(
            m.let(m.soft(softOperation(SOFT_KIND.TO_HALF, false, true), imm, ZERO, s.w === 32 ? s.part(at, 16).get() : s.get())),
          );
      });
      const [low, high] = results as [Val, Val | undefined];
      set(high === undefined ? low : m.let(shuffleLanes(8, low, high, [0, 2])));
    });
  };
  t.def(
    'vcvtps2ph',
    ['x16,x16,i', 'x16,x32,i'],
    'w,r,r',
    (m, d, s, i) => narrow(m, s as Place, i as Place, (r) => (d as Place).setVector(r, ZERO)),
    VECTOR,
  );
  t.def('vcvtps2ph', ['u16,x32,i'], 'w,r,r', (m, d, s, i) => store(m, d as Place, s as Place, i as Place), VECTOR);
  t.def('vcvtps2ph', ['m8,x16,i'], 'w,r,r', (m, d, s, i) => store(m, d as Place, s as Place, i as Place), VECTOR);
  /** The memory is checked before MXCSR changes. */
  function store(m: Machine, d: Place, s: Place, i: Place): void {
    d.check();
    narrow(m, s, i, (r) => d.set(d.w === 8 ? lane64(r, 0) : r));
  }
}

export function defineFma(t: FormTable): void {
  const { NEGATE_PRODUCT: P, NEGATE_EVEN: E, NEGATE_ODD: O } = FUSED;
  for (const order of ['132', '213', '231'] as const) {
    for (const [name, imm] of [
      ['vfmadd', 0],
      ['vfmsub', E | O],
      ['vfnmadd', P],
      ['vfnmsub', P | E | O],
      ['vfmaddsub', E],
      ['vfmsubadd', O],
    ] as const)
      defineFused(t, name, order, imm);
  }
  defineHalfPrecision(t);
}
