/** SSE and SSE2 conversions. SDM Vol. 1 §4.8.4 and table E-1, Vol. 2. Out of range and NaN give the integer indefinite. */
import { and, extS, extU, k32, kv128, or, type Val, wrap } from '#base/wasm/ops.ts';
import { convert, demote, fcmp, fop, kf, lane64, promote, splat64, truncSat, V, v } from '#base/wasm/simd.ts';
import type { Place } from '../machine.ts';
import { SOFT_KIND, softOperation } from '../soft/operations.ts';
import type { FormTable, Semantics } from './registry.ts';
import { FORMATS, scalarShapes, splatF, withLaneF } from './sse-float.ts';
import {
  choose,
  chooseExact,
  type FloatTy,
  inRange,
  isPlain,
  isZero,
  LEAST,
  vAll,
  vBelow,
  vEqual,
  vInRange,
  vZero,
  vZeroOrAtLeast,
} from './sse-float-check.ts';
import { XX, ZERO } from './sse-int.ts';

const VECTOR = { cost: 'vector' } as const;

/** CVT(T)SS2SI, CVT(T)SD2SI. */
const toInteger =
  (ty: FloatTy, truncate: boolean): Semantics =>
  (m, d, s) => {
    const p = d as Place;
    const b = (s as Place).scalar(ty);
    const wide = p.w === 8;
    const whole = m.let(truncate ? b : fop('nearest', b));
    const limit = wide ? 2 ** 63 : 2 ** 31;
    // A double just above −2^31 − 1 truncates into range; soft float does that.
    const fits = and(fcmp('ge', whole, kf(ty, -limit)), fcmp('lt', whole, kf(ty, limit)));
    const r = m.let(truncSat(wide ? 'i64' : 'i32', whole));
    choose(
      m,
      fits,
      () => fcmp('eq', truncate ? convert(ty, r) : whole, b),
      () => p.set(extU(r)),
      () => {
        const kind = wide ? SOFT_KIND.TO_INT64 : SOFT_KIND.TO_INT32;
        p.set(m.let(lane64(m.soft(softOperation(kind, ty === 'f64', false), k32(truncate ? 1 : 0), ZERO, splatF(b)), 0)));
      },
    );
  };

/** CVTSI2SS, CVTSI2SD. */
const fromInteger =
  (ty: FloatTy): Semantics =>
  (m, d, s) => {
    const q = s as Place;
    const p = d as Place;
    const raw = q.get();
    const whole = p.get();
    const x = m.let(q.w === 4 ? wrap(raw) : raw);
    const r = m.let(convert(ty, x));
    const put = (): void => p.set(m.let(withLaneF(ty, whole, r)));
    if (ty === 'f64' && q.w === 4) return put();
    const limit = ty === 'f64' ? 2 ** 53 : 2 ** 24;
    choose(
      m,
      k32(1),
      // Enough, though not all that is exact: the rest takes the slow way to the same result.
      () => fcmp('le', fop('abs', r), kf(ty, limit - 1)),
      put,
      () => {
        const wide = q.w === 4 ? splat64(extS(wrap(raw))) : splat64(raw);
        p.set(m.soft(softOperation(SOFT_KIND.FROM_INT, ty === 'f64', false), k32(0), whole, wide));
      },
    );
  };
function defineScalarFloat(t: FormTable): void {
  t.def(
    'cvtss2sd',
    scalarShapes(4),
    'rw,r',
    (m, d, s) => {
      const b = (s as Place).scalar('f32');
      const p = d as Place;
      const whole = p.get();
      chooseExact(
        m,
        isPlain(b),
        () => p.set(m.let(withLaneF('f64', whole, promote(b)))),
        () => p.set(m.soft(softOperation(SOFT_KIND.CONVERT, false, false), k32(0), whole, splatF(b))),
      );
    },
    VECTOR,
  );
  t.def(
    'cvtsd2ss',
    scalarShapes(8),
    'rw,r',
    (m, d, s) => {
      const b = (s as Place).scalar('f64');
      const p = d as Place;
      const whole = p.get();
      const r = m.let(demote(b));
      choose(
        m,
        or(inRange(r), isZero(b)),
        () => fcmp('eq', promote(r), b),
        () => p.set(m.let(withLaneF('f32', whole, r))),
        () => p.set(m.soft(softOperation(SOFT_KIND.CONVERT, true, false), k32(0), whole, splatF(b))),
      );
    },
    VECTOR,
  );
}

/** Packed to int32; `opcode` truncates, `back` converts the result back for the check of exactness. */
const packedToInteger =
  (ty: FloatTy, truncate: boolean): Semantics =>
  (m, d, s) => {
    const p = d as Place;
    const b = (s as Place).get();
    const whole = m.let(truncate ? b : v(ty === 'f64' ? V.f64nearest : V.f32nearest, b));
    const r = m.let(v(ty === 'f64' ? V.i32truncF64 : V.i32truncF32, whole));
    const back = (): Val => (truncate ? v(ty === 'f64' ? V.f64convertI32 : V.f32convertI32, r) : whole);
    choose(
      m,
      vAll(ty, vBelow(ty, whole, 2 ** 31)),
      () => vAll(ty, vEqual(ty, back(), b)),
      () => p.set(r),
      () => p.set(m.soft(softOperation(SOFT_KIND.TO_INT32, ty === 'f64', true), k32(truncate ? 1 : 0), ZERO, b)),
    );
  };

function definePacked(t: FormTable): void {
  const vectorOf = (s: Place | undefined): Val => (s as Place).getVector();
  for (const { suffix, ty } of FORMATS) {
    t.def(`cvtp${suffix}2dq`, XX, 'w,r', packedToInteger(ty, false), VECTOR);
    t.def(`cvttp${suffix}2dq`, XX, 'w,r', packedToInteger(ty, true), VECTOR);
  }
  t.def('cvtdq2pd', scalarShapes(8), 'w,r', (m, d, s) => (d as Place).set(m.let(v(V.f64convertI32, vectorOf(s)))), VECTOR);
  t.def(
    'cvtdq2ps',
    XX,
    'w,r',
    (m, d, s) => {
      const p = d as Place;
      const b = (s as Place).get();
      const r = m.let(v(V.f32convertI32, b));
      choose(
        m,
        k32(1),
        () => vAll('f32', vBelow('f32', r, 2 ** 24)),
        () => p.set(r),
        () => p.set(m.soft(softOperation(SOFT_KIND.FROM_INT, false, true), k32(0), ZERO, b)),
      );
    },
    VECTOR,
  );
  t.def(
    'cvtps2pd',
    scalarShapes(8),
    'w,r',
    (m, d, s) => {
      const p = d as Place;
      // Only the low half counts.
      const b = m.let(v(V.and, vectorOf(s), kv128(-1n, 0n)));
      chooseExact(
        m,
        vAll('f32', vZeroOrAtLeast('f32', b, LEAST.f32)),
        () => p.set(v(V.f64promote, b)),
        () => p.set(m.soft(softOperation(SOFT_KIND.CONVERT, false, true), k32(0), ZERO, b)),
      );
    },
    VECTOR,
  );
  t.def(
    'cvtpd2ps',
    XX,
    'w,r',
    (m, d, s) => {
      const p = d as Place;
      const b = (s as Place).get();
      const r = m.let(v(V.f32demote, b));
      const fine = and(vAll('f32', v(V.or, vInRange('f32', m, r), vZero('f32', r))), vAll('f64', vZeroOrAtLeast('f64', b, LEAST.f32 * 2)));
      choose(
        m,
        fine,
        () => vAll('f64', vEqual('f64', v(V.f64promote, r), b)),
        () => p.set(r),
        () => p.set(m.soft(softOperation(SOFT_KIND.CONVERT, true, true), k32(0), ZERO, b)),
      );
    },
    VECTOR,
  );
}

export function defineSseConvert(t: FormTable): void {
  for (const { suffix, ty, bytes } of FORMATS) {
    const to = ['r4,x16', `r4,m${bytes}`, 'r8,x16', `r8,m${bytes}`];
    t.def(`cvts${suffix}2si`, to, 'w,r', toInteger(ty, false), VECTOR);
    t.def(`cvtts${suffix}2si`, to, 'w,r', toInteger(ty, true), VECTOR);
    t.def(`cvtsi2s${suffix}`, ['x16,r4', 'x16,m4', 'x16,r8', 'x16,m8'], 'rw,r', fromInteger(ty), VECTOR);
  }
  defineScalarFloat(t);
  definePacked(t);
}
