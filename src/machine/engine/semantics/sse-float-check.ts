/**
 * When may an SSE float instruction take wasm's own operator? Results are the same bits whenever no NaN, no denormal and no overflow is involved and
 * MXCSR says "round to nearest, all masked". Without denormals FTZ and DAZ (what -ffast-math programs set) change nothing. Sticky flags: with PE already set (soon, in any program that computes) nothing else can
 * happen then; else the result must be shown to be exact. Everything else is soft float's (soft/sse.ts). SDM Vol. 1 §11.5.2.
 */
import { add, and, ctz, eq, eqz, k32, k64, leU, ltU, mul, or, shl, shrU, sub, type Val, wrap } from '#base/wasm/ops.ts';
import { allTrue32, allTrue64, asFloat, bitsOfF, fcmp, fop, kf, promote, splatF32, splatF64, V, v } from '#base/wasm/simd.ts';
import type { Machine } from '../machine.ts';

export type FloatTy = 'f32' | 'f64';

/** MXCSR[14:6] as at power-on: FTZ may be set. For what takes denormals, too. */
export const controlsWithoutDaz = (m: Machine): Val => eq(and(wrap(m.mxcsr), k32(0x7fc0)), k32(0x1f80));
/** MXCSR[14:7] as at power-on: FTZ and DAZ may be set. */
const defaultControls = (m: Machine): Val => eq(and(wrap(m.mxcsr), k32(0x7f80)), k32(0x1f80));
/** … and PE is set already. */
const stickyControls = (m: Machine): Val => eq(and(wrap(m.mxcsr), k32(0x7fa0)), k32(0x1fa0));

const int = (ty: FloatTy, n: bigint): Val => (ty === 'f64' ? k64(n) : k32(Number(BigInt.asIntN(32, n))));
/** Exponent n and no fraction, with the sign shifted out. */
const exponent = (ty: FloatTy, n: number): bigint => BigInt(n) << (ty === 'f64' ? 53n : 24n);
const top = (ty: FloatTy): number => (ty === 'f64' ? 0x7ff : 0xff);
const doubled = (x: Val): Val => shl(bitsOfF(x), x.ty === 'f64' ? k64(1) : k32(1));
const ty = (x: Val): FloatTy => x.ty as FloatTy;

export const isZero = (x: Val): Val => eqz(doubled(x));
export const notDenormal = (x: Val): Val => eqz(ltU(sub(doubled(x), int(ty(x), 1n)), int(ty(x), exponent(ty(x), 1) - 1n)));
/** Neither NaN nor denormal. */
export const isPlain = (x: Val): Val => {
  const u = doubled(x);
  return or(eqz(u), leU(sub(u, int(ty(x), exponent(ty(x), 1))), int(ty(x), exponent(ty(x), top(ty(x)) - 1))));
};
/** Finite and at least twice the least normal number: a result that was not tiny before rounding either. */
export const inRange = (x: Val): Val => ltU(sub(doubled(x), int(ty(x), exponent(ty(x), 2))), int(ty(x), exponent(ty(x), top(ty(x)) - 2)));

/** `fast` when the result is known to be right: `ok` holds (it lets no denormal operand of consequence and no tiny result pass), and PE is set already or `exact` holds; else `slow`. */
export function choose(m: Machine, ok: Val, exact: (() => Val) | undefined, fast: () => void, slow: () => void): void {
  const fine = m.let(ok);
  m.if(and(stickyControls(m), fine), fast, () =>
    m.rare(() => {
      if (exact === undefined) slow();
      else m.if(and(and(defaultControls(m), fine), exact()), fast, slow);
    }),
  );
}
/** The same for instructions that cannot be inexact. */
export function chooseExact(m: Machine, ok: Val, fast: () => void, slow: () => void): void {
  m.if(and(defaultControls(m), ok), fast, () => m.rare(slow));
}

/** a + b = s exactly (Knuth's TwoSum). All finite. */
export function sumIsExact(m: Machine, a: Val, b: Val, s: Val): Val {
  const bb = m.let(fop('sub', s, a));
  const error = fop('add', fop('sub', a, fop('sub', s, bb)), fop('sub', b, bb));
  return fcmp('eq', error, kf(ty(a), 0));
}
/** Significant bits of a normal double: the odd part of its significand, and how many bits that has. */
function oddPart(m: Machine, x: Val): { odd: Val; bits: Val } {
  const sig = m.let(or(and(bitsOfF(x), k64((1n << 52n) - 1n)), k64(1n << 52n)));
  const zeros = m.let(ctz(sig));
  return { odd: m.let(shrU(sig, zeros)), bits: sub(k64(53), zeros) };
}
/** The product of a and b needs no rounding. Normal numbers, and a product in range. */
function productFits(m: Machine, a: Val, b: Val): Val {
  const [p, q] = [oddPart(m, a), oddPart(m, b)];
  return and(leU(add(p.bits, q.bits), k64(64)), ltU(mul(p.odd, q.odd), k64(1n << 53n)));
}
/** a · b = p exactly. */
export function productIsExact(m: Machine, a: Val, b: Val, p: Val): Val {
  if (ty(a) === 'f32') return fcmp('eq', fop('mul', promote(a), promote(b)), promote(p));
  return or(isZero(p), and(productFits(m, a, b), fcmp('eq', fop('mul', a, b), p)));
}
export const negated = (x: Val): Val =>
  x.ty === 'f64' ? asFloat(add(bitsOfF(x), k64(-(1n << 63n)))) : asFloat(add(bitsOfF(x), k32(-0x8000_0000)));

// ---- whole vectors

const splatF = (t: FloatTy, n: number): Val => (t === 'f64' ? splatF64(kf(t, n)) : splatF32(kf(t, n)));
const op = (t: FloatTy, name: 'abs' | 'ge' | 'lt' | 'eq' | 'le', ...a: Val[]): Val => {
  const f64 = { abs: V.f64abs, ge: V.f64ge, lt: V.f64lt, eq: V.f64eq, le: V.f64le }[name];
  const f32 = { abs: V.f32abs, ge: V.f32ge, lt: V.f32lt, eq: V.f32eq, le: V.f32le }[name];
  return v(t === 'f64' ? f64 : f32, ...a);
};
export const LEAST = { f32: 2 ** -126, f64: 2 ** -1022 } as const;
export const vZero = (t: FloatTy, x: Val): Val => op(t, 'eq', x, splatF(t, 0));
/** Lanes that are zero, or at least `least` in magnitude (NaNs are not). */
export const vZeroOrAtLeast = (t: FloatTy, x: Val, least: number): Val =>
  v(V.or, vZero(t, x), op(t, 'ge', op(t, 'abs', x), splatF(t, least)));
/** Lanes finite and at least twice the least normal number. */
export const vInRange = (t: FloatTy, m: Machine, x: Val): Val => {
  const magnitude = m.let(op(t, 'abs', x));
  return v(V.and, op(t, 'ge', magnitude, splatF(t, LEAST[t] * 2)), op(t, 'lt', magnitude, splatF(t, Number.POSITIVE_INFINITY)));
};
export const vBelow = (t: FloatTy, x: Val, limit: number): Val => op(t, 'lt', op(t, 'abs', x), splatF(t, limit));
export const vEqual = (t: FloatTy, a: Val, b: Val): Val => op(t, 'eq', a, b);
export const vAll = (t: FloatTy, mask: Val): Val => (t === 'f64' ? allTrue64(mask) : allTrue32(mask));

/** For a packed sum or difference r of a and b. */
export function chooseBySum(m: Machine, t: FloatTy, a: Val, b: Val, r: Val, fast: () => void, slow: () => void): void {
  const result = v(V.or, vInRange(t, m, r), vZero(t, r));
  const fine = v(V.and, v(V.and, result, vZeroOrAtLeast(t, a, LEAST[t])), vZeroOrAtLeast(t, b, LEAST[t]));
  choose(m, vAll(t, fine), undefined, fast, slow);
}
