/** SSE and SSE2 floating point: arithmetic, comparisons, approximations. SDM Vol. 2. Conversions are in sse-convert.ts. */
import { and, eq, extU, k32, k64, kv128, or, select, shl, type Val, wrap, xor } from '#base/wasm/ops.ts';
import {
  fcmp,
  fop,
  lane32,
  laneF32,
  laneF64,
  shuffleLanes,
  splat64,
  splatF32,
  splatF64,
  V,
  v,
  withLaneF32,
  withLaneF64,
  kf,
} from '#base/wasm/simd.ts';
import type { Machine, Place } from '../machine.ts';
import { SOFT_KIND, type SoftKind, softOperation } from '../soft/operations.ts';
import type { FormTable, Semantics } from './registry.ts';
import {
  choose,
  chooseExact,
  type FloatTy,
  inRange,
  isPlain,
  isZero,
  LEAST,
  negated,
  notDenormal,
  productIsExact,
  sumIsExact,
  vAll,
  vInRange,
  vZero,
  vZeroOrAtLeast,
} from './sse-float-check.ts';
import { XX, ZERO } from './sse-int.ts';

const VECTOR = { cost: 'vector' } as const;
const DIVIDE = { cost: 'vectorDivide' } as const;
export const FORMATS = [
  { suffix: 's', ty: 'f32', bytes: 4 },
  { suffix: 'd', ty: 'f64', bytes: 8 },
] as const;
export const scalarShapes = (bytes: number): string[] => ['x16,x16', `x16,m${bytes}`];

export const laneF = (ty: FloatTy, a: Val): Val => (ty === 'f64' ? laneF64(a, 0) : laneF32(a, 0));
export const withLaneF = (ty: FloatTy, a: Val, x: Val): Val => (ty === 'f64' ? withLaneF64(a, 0, x) : withLaneF32(a, 0, x));
export const splatF = (x: Val): Val => (x.ty === 'f64' ? splatF64(x) : splatF32(x));

type Arithmetic = 'add' | 'sub' | 'mul' | 'div' | 'sqrt';
const KIND: Record<Arithmetic, SoftKind> = {
  add: SOFT_KIND.ADD,
  sub: SOFT_KIND.SUB,
  mul: SOFT_KIND.MUL,
  div: SOFT_KIND.DIV,
  sqrt: SOFT_KIND.SQRT,
};

/** A zero result that is no underflow, when the operands are not denormal. */
function honestZero(name: Arithmetic, a: Val, b: Val, r: Val): Val {
  if (name === 'mul') return and(isZero(r), or(isZero(a), isZero(b)));
  if (name === 'div') return and(isZero(r), isZero(a));
  return isZero(r);
}
function isExact(m: Machine, name: Arithmetic, a: Val, b: Val, r: Val): Val {
  switch (name) {
    case 'add':
      return sumIsExact(m, a, b, r);
    case 'sub':
      return sumIsExact(m, a, m.let(negated(b)), r);
    case 'mul':
      return productIsExact(m, a, b, r);
    case 'div':
      return productIsExact(m, r, b, a);
    default:
      return productIsExact(m, r, r, b);
  }
}

const scalarArithmetic =
  (name: Arithmetic, ty: FloatTy): Semantics =>
  (m, d, s) => {
    const p = d as Place;
    const b = (s as Place).scalar(ty);
    const whole = p.get();
    const a = m.let(laneF(ty, whole));
    const r = m.let(name === 'sqrt' ? fop(name, b) : fop(name, a, b));
    const operands = name === 'sqrt' ? notDenormal(b) : and(notDenormal(a), notDenormal(b));
    choose(
      m,
      and(or(inRange(r), honestZero(name, a, b, r)), operands),
      () => isExact(m, name, a, b, r),
      () => p.set(withLaneF(ty, whole, r)),
      () => p.set(m.soft(softOperation(KIND[name], ty === 'f64', false), k32(0), whole, splatF(b))),
    );
  };

const OPCODE: Record<Arithmetic, Record<FloatTy, number>> = {
  add: { f32: V.f32add, f64: V.f64add },
  sub: { f32: V.f32sub, f64: V.f64sub },
  mul: { f32: V.f32mul, f64: V.f64mul },
  div: { f32: V.f32div, f64: V.f64div },
  sqrt: { f32: V.f32sqrt, f64: V.f64sqrt },
};
const packedArithmetic =
  (name: Arithmetic, ty: FloatTy): Semantics =>
  (m, d, s) => {
    const b = (s as Place).get();
    packed(m, name, ty, d as Place, name === 'sqrt' ? b : (d as Place).get(), b);
  };
/** p = a op b. */
export function packed(m: Machine, name: Arithmetic, ty: FloatTy, p: Place, a: Val, b: Val): void {
  const r = m.let(name === 'sqrt' ? v(OPCODE[name][ty], b) : v(OPCODE[name][ty], a, b));
  const zeroA = m.let(vZero(ty, a));
  const zero =
    name === 'mul' ? v(V.and, vZero(ty, r), v(V.or, zeroA, vZero(ty, b))) : name === 'div' ? v(V.and, vZero(ty, r), zeroA) : vZero(ty, r);
  const fine = v(V.and, v(V.or, vInRange(ty, m, r), zero), vZeroOrAtLeast(ty, b, LEAST[ty]));
  const all = name === 'sqrt' ? fine : v(V.and, fine, vZeroOrAtLeast(ty, a, LEAST[ty]));
  choose(
    m,
    vAll(ty, all),
    undefined,
    () => p.set(r),
    () => p.set(m.soft(softOperation(KIND[name], ty === 'f64', true), k32(0), a, b)),
  );
}

/** MIN and MAX: the second operand unless the first is strictly less (greater). */
const scalarExtreme =
  (name: 'min' | 'max', ty: FloatTy): Semantics =>
  (m, d, s) => {
    const p = d as Place;
    const b = (s as Place).scalar(ty);
    const whole = p.get();
    const a = m.let(laneF(ty, whole));
    const kind = name === 'min' ? SOFT_KIND.MIN : SOFT_KIND.MAX;
    chooseExact(
      m,
      and(isPlain(a), isPlain(b)),
      () => p.set(m.let(withLaneF(ty, whole, select(fcmp(name === 'min' ? 'lt' : 'gt', a, b), a, b)))),
      () => p.set(m.soft(softOperation(kind, ty === 'f64', false), k32(0), whole, splatF(b))),
    );
  };
const packedExtreme =
  (name: 'min' | 'max', ty: FloatTy): Semantics =>
  (m, d, s) => {
    const p = d as Place;
    const b = (s as Place).get();
    const a = p.get();
    const kind = name === 'min' ? SOFT_KIND.MIN : SOFT_KIND.MAX;
    const opcode = { min: { f32: V.f32pmin, f64: V.f64pmin }, max: { f32: V.f32pmax, f64: V.f64pmax } }[name][ty];
    chooseExact(
      m,
      vAll(ty, v(V.and, vZeroOrAtLeast(ty, a, LEAST[ty]), vZeroOrAtLeast(ty, b, LEAST[ty]))),
      () => p.set(v(opcode, b, a)),
      () => p.set(m.soft(softOperation(kind, ty === 'f64', true), k32(0), a, b)),
    );
  };

/** The mask for predicate imm[2:0] when no operand is a NaN: eq, lt, le, never, and their opposites. */
function choosePredicate(imm: Val, eqMask: Val, ltMask: Val, leMask: Val): Val {
  const p = and(imm, k32(3));
  const chosen = select(eq(p, k32(0)), eqMask, select(eq(p, k32(1)), ltMask, select(eq(p, k32(2)), leMask, ZERO)));
  return v(V.xor, chosen, select(and(imm, k32(4)), kv128(-1n, -1n), ZERO));
}
const compareLanes = (ty: FloatTy, imm: Val, a: Val, b: Val): Val =>
  ty === 'f64'
    ? choosePredicate(imm, v(V.f64eq, a, b), v(V.f64lt, a, b), v(V.f64le, a, b))
    : choosePredicate(imm, v(V.f32eq, a, b), v(V.f32lt, a, b), v(V.f32le, a, b));
/** `predicates`: 7 for SSE's eight, 31 for VEX's, which differ only where an operand is a NaN. */
export const comparePacked =
  (ty: FloatTy, predicates: 7 | 31): Semantics =>
  (m, d, s, i) => {
    const p = d as Place;
    const b = (s as Place).get();
    const a = p.get();
    const imm = m.let(and(wrap((i as Place).get()), k32(predicates)));
    chooseExact(
      m,
      vAll(ty, v(V.and, vZeroOrAtLeast(ty, a, LEAST[ty]), vZeroOrAtLeast(ty, b, LEAST[ty]))),
      () => p.set(m.let(compareLanes(ty, imm, a, b))),
      () => p.set(m.soft(softOperation(SOFT_KIND.COMPARE, ty === 'f64', true), imm, a, b)),
    );
  };
export const compareScalar =
  (ty: FloatTy, predicates: 7 | 31): Semantics =>
  (m, d, s, i) => {
    const p = d as Place;
    const b = (s as Place).scalar(ty);
    const whole = p.get();
    const a = m.let(laneF(ty, whole));
    const imm = m.let(and(wrap((i as Place).get()), k32(predicates)));
    chooseExact(
      m,
      and(isPlain(a), isPlain(b)),
      () => {
        const mask = compareLanes(ty, imm, whole, splatF(b));
        p.set(m.let(v(V.bitselect, mask, whole, ty === 'f64' ? kv128(-1n, 0n) : kv128(0xffff_ffffn, 0n))));
      },
      () => p.set(m.soft(softOperation(SOFT_KIND.COMPARE, ty === 'f64', false), imm, whole, splatF(b))),
    );
  };

/** COMISS etc.: ZF, PF, CF = 000 greater, 001 less, 100 equal, 111 unordered; OF, SF, AF = 0. All i32 0/1. */
export function setComparison(m: Machine, zf: Val, pf: Val, cf: Val): void {
  const [z, c] = [m.let(zf), m.let(cf)];
  // FR = 1 has odd parity; with ZF it is 0, whose even parity FC[2] corrects when PF is to be 0. See flags.ts.
  const fr = m.let(extU(xor(z, k32(1))));
  m.setFlags(fr, m.let(xor(fr, shl(extU(c), k64(63)))), or(c, shl(and(z, xor(pf, k32(1))), k32(2))));
}
const comi =
  (kind: SoftKind, ty: FloatTy): Semantics =>
  (m, d, s) => {
    const b = (s as Place).scalar(ty);
    const a = (d as Place).scalar(ty);
    chooseExact(
      m,
      and(isPlain(a), isPlain(b)),
      () => setComparison(m, fcmp('eq', a, b), k32(0), fcmp('lt', a, b)),
      () => {
        const order = m.let(lane32(m.soft(softOperation(kind, ty === 'f64', false), k32(0), splatF(a), splatF(b)), 0));
        const unordered = m.let(eq(order, k32(3)));
        setComparison(m, or(eq(order, k32(2)), unordered), unordered, or(eq(order, k32(1)), unordered));
      },
    );
  };

const SIGNS = kv128(0x8000_0000_8000_0000n, 0x8000_0000_8000_0000n);
const lanes32 = (n: number): Val => {
  const x = BigInt(n >>> 0);
  return kv128((x << 32n) | x, (x << 32n) | x);
};
/** Denormals become zeros of their sign. */
function flushed(m: Machine, x: Val): Val {
  const tiny = v(V.f32lt, v(V.f32abs, x), splatF32(kf('f32', LEAST.f32)));
  return m.let(v(V.bitselect, v(V.and, x, SIGNS), x, tiny));
}
/** The middle of the interval that the top `bits` bits of the fraction name; zeros and infinities stay. */
function middle(m: Machine, x: Val, bits: number): Val {
  const below = 1 << (23 - bits);
  const at = v(V.or, v(V.and, x, lanes32(-below)), lanes32(below >> 1));
  const plain = v(V.f32lt, v(V.f32abs, x), splatF32(kf('f32', Number.POSITIVE_INFINITY)));
  return m.let(v(V.bitselect, at, x, v(V.and, plain, v(V.f32ne, x, ZERO))));
}
/** Two doubles with their fractions rounded to 12 bits, overflowing into the exponent as they should; as singles in the low half. */
const to12Bits = (x: Val): Val => v(V.f32demote, v(V.and, v(V.i64add, x, splat64(k64(1n << 39n))), splat64(k64(-1n << 40n))));
/**
 * RCPPS and RSQRTPS as Intel processors look them up (docs/model.md): the operand is the middle of one of 2048 intervals of its binade (RSQRTPS: one of 1024
 * of two binades), the true value of that is rounded to 12 bits of fraction. The error is below 1.5 · 2^-12, and no result is exact: 1/1 is 1 - 2^-12.
 * Doubles are wide enough for that rounding. Denormals count as zero, tiny results are flushed; NaNs become quiet; no flags.
 */
function approximate(m: Machine, root: boolean, source: Val): Val {
  const x = flushed(m, source);
  const at = middle(m, x, root ? 10 : 11);
  const one = splatF64(kf('f64', 1));
  const half = (two: Val): Val => {
    const wide = v(V.f64promote, two);
    return m.let(to12Bits(v(V.f64div, one, root ? v(V.f64sqrt, wide) : wide)));
  };
  const cut = flushed(m, m.let(shuffleLanes(8, half(at), half(m.let(shuffleLanes(8, at, at, [1, 1]))), [0, 2])));
  // The root of a negative number is the default NaN; that of −0 is −0.
  const fixed = root ? m.let(v(V.bitselect, lanes32(0xffc0_0000), cut, v(V.f32lt, x, ZERO))) : cut;
  return m.let(v(V.bitselect, v(V.or, source, lanes32(0x0040_0000)), fixed, v(V.f32ne, source, source)));
}
function defineApproximations(t: FormTable): void {
  for (const [name, root] of [
    ['rcp', false],
    ['rsqrt', true],
  ] as const) {
    t.def(`${name}ps`, XX, 'w,r', (m, d, s) => (d as Place).set(approximate(m, root, (s as Place).get())), VECTOR);
    t.def(
      `${name}ss`,
      scalarShapes(4),
      'rw,r',
      (m, d, s) => {
        const b = (s as Place).scalar('f32');
        const p = d as Place;
        const r = approximate(m, root, m.let(splatF32(b)));
        p.set(m.let(v(V.bitselect, r, p.get(), kv128(0xffff_ffffn, 0n))));
      },
      VECTOR,
    );
  }
}

export function defineSseFloat(t: FormTable): void {
  for (const { suffix, ty, bytes } of FORMATS) {
    for (const name of ['add', 'sub', 'mul', 'div', 'sqrt'] as const) {
      const cost = name === 'div' || name === 'sqrt' ? DIVIDE : VECTOR;
      t.def(`${name}s${suffix}`, scalarShapes(bytes), 'rw,r', scalarArithmetic(name, ty), cost);
      t.def(`${name}p${suffix}`, XX, name === 'sqrt' ? 'w,r' : 'rw,r', packedArithmetic(name, ty), cost);
    }
    for (const name of ['min', 'max'] as const) {
      t.def(`${name}s${suffix}`, scalarShapes(bytes), 'rw,r', scalarExtreme(name, ty), VECTOR);
      t.def(`${name}p${suffix}`, XX, 'rw,r', packedExtreme(name, ty), VECTOR);
    }
    const withImm = (shapes: readonly string[]): string[] => shapes.map((s) => `${s},i`);
    t.def(`cmps${suffix}`, withImm(scalarShapes(bytes)), 'rw,r,r', compareScalar(ty, 7), VECTOR);
    t.def(`cmpp${suffix}`, withImm(XX), 'rw,r,r', comparePacked(ty, 7), VECTOR);
    t.def(`comis${suffix}`, scalarShapes(bytes), 'r,r', comi(SOFT_KIND.COMI, ty), VECTOR);
    t.def(`ucomis${suffix}`, scalarShapes(bytes), 'r,r', comi(SOFT_KIND.UCOMI, ty), VECTOR);
  }
  defineApproximations(t);
}
