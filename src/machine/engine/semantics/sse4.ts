/** SSE4.1 and SSE4.2. SDM Vol. 2. */
import {
  and,
  eq,
  eqz,
  extS,
  extU,
  gtU,
  k32,
  k64,
  kv128,
  ltU,
  or,
  select,
  shl,
  shrU,
  sub,
  type Val,
  wrap,
  xor,
  ltS,
} from '#base/wasm/ops.ts';
import { anyTrue, lane16, lane32, shuffleLanes, splat16, splat32, splat64, splat8, V, v, withLane32, withLane64 } from '#base/wasm/simd.ts';
import type { Machine, Place } from '../machine.ts';
import { IMPLICIT_LENGTH, SOFT_KIND, SOFT_STRING, softOperation } from '../soft/operations.ts';
import { setStatusFlags } from './flags.ts';
import type { FormTable, Semantics } from './registry.ts';
import { FORMATS, scalarShapes, setComparison, splatF } from './sse-float.ts';
import { controlsWithoutDaz, type FloatTy, vAll, vEqual } from './sse-float-check.ts';
import { binary, binaryImm, extractLane, insertLane, IOTA, XX, ZERO } from './sse-int.ts';

const VECTOR = { cost: 'vector' } as const;
const XXI: readonly string[] = XX.map((s) => `${s},i`);

const evens = (x: Val): Val => shuffleLanes(4, x, x, [0, 2, 0, 2]);
const SAME: Readonly<Record<string, number>> = {
  packusdw: V.i16narrowU,
  pcmpeqq: V.i64eq,
  pcmpgtq: V.i64gtS,
  pmaxsb: V.i8maxS,
  pmaxsd: V.i32maxS,
  pmaxud: V.i32maxU,
  pmaxuw: V.i16maxU,
  pminsb: V.i8minS,
  pminsd: V.i32minS,
  pminud: V.i32minU,
  pminuw: V.i16minU,
  pmulld: V.i32mul,
};

/** The lanes whose bit of an immediate is set, as a mask. */
export function laneMask(width: 2 | 4 | 8, imm: Val): Val {
  if (width === 8) {
    const bits = kv128(1n, 2n);
    return v(V.i64eq, v(V.and, splat64(extU(imm)), bits), bits);
  }
  if (width === 4) {
    const bits = kv128(0x2_0000_0001n, 0x8_0000_0004n);
    return v(V.i32eq, v(V.and, splat32(imm), bits), bits);
  }
  const bits = kv128(0x0008_0004_0002_0001n, 0x0080_0040_0020_0010n);
  return v(V.i16eq, v(V.and, splat16(imm), bits), bits);
}
/** The lanes whose sign is set, as a mask. */
export const BLEND_BY_SIGN: Readonly<Record<string, (x: Val) => Val>> = {
  pblendvb: (x) => v(V.i8gtS, ZERO, x),
  blendvps: (x) => v(V.i32gtS, ZERO, x),
  blendvpd: (x) => v(V.i64gtS, ZERO, x),
};
function defineBlends(t: FormTable): void {
  for (const [name, width] of [
    ['pblendw', 2],
    ['blendps', 4],
    ['blendpd', 8],
  ] as const)
    t.def(
      name,
      XXI,
      'rw,r,r',
      binaryImm((a, b, imm) => v(V.bitselect, b, a, laneMask(width, imm))),
      VECTOR,
    );
  for (const [name, mask] of Object.entries(BLEND_BY_SIGN))
    t.def(
      name,
      XX,
      'rw,r',
      binary((a, b, m) => v(V.bitselect, b, a, mask(m.xmm(0).get()))),
      VECTOR,
    );
}

/** A source of which less than a register is read. */
const narrow = (m: Machine, s: Place): Val => (s.kind === 'm' ? m.let(withLane64(ZERO, 0, s.get())) : s.get());
function defineExtensions(t: FormTable): void {
  const S = { bw: V.i16extLowS, wd: V.i32extLowS, dq: V.i64extLowS };
  const U = { bw: V.i16extLowU, wd: V.i32extLowU, dq: V.i64extLowU };
  for (const [letter, o] of [
    ['s', S],
    ['z', U],
  ] as const) {
    const one = (suffix: string, bytes: number, opcodes: readonly number[]): void =>
      t.def(
        `pmov${letter}x${suffix}`,
        scalarShapes(bytes),
        'w,r',
        (m, d, s) => {
          let x = narrow(m, s as Place);
          for (const opcode of opcodes) x = v(opcode, x);
          (d as Place).set(m.let(x));
        },
        VECTOR,
      );
    one('bw', 8, [o.bw]);
    one('wd', 8, [o.wd]);
    one('dq', 8, [o.dq]);
    one('bd', 4, [o.bw, o.wd]);
    one('wq', 4, [o.wd, o.dq]);
    one('bq', 2, [o.bw, o.wd, o.dq]);
  }
}

function defineLanes(t: FormTable): void {
  const rows = [
    ['b', 0, ['r4', 'r8', 'm1'], ['r4', 'r8', 'm1']],
    ['d', 2, ['r4', 'm4'], ['r4', 'm4']],
    ['q', 3, ['r8', 'm8'], ['r8', 'm8']],
  ] as const;
  const extract = (name: string, shapes: readonly string[], log: 0 | 2 | 3): void =>
    t.def(
      name,
      shapes.map((s) => `${s},x16,i`),
      'w,r,r',
      (m, d, s, i) => {
        (d as Place).set(extractLane(m, (s as Place).get(), m.let(wrap((i as Place).get())), log));
      },
      VECTOR,
    );
  for (const [suffix, log, to, from] of rows) {
    extract(`pextr${suffix}`, to, log);
    t.def(
      `pinsr${suffix}`,
      from.map((s) => `x16,${s},i`),
      'rw,r,r',
      (m, d, s, i) => {
        const x = (s as Place).get();
        const p = d as Place;
        p.set(m.let(insertLane(p.get(), x, m.let(wrap((i as Place).get())), log)));
      },
      VECTOR,
    );
  }
  extract('extractps', ['r4', 'r8', 'm4'], 2);
  t.def(
    'insertps',
    ['x16,x16,i', 'x16,m4,i'],
    'rw,r,r',
    (m, d, s, i) => {
      const q = s as Place;
      const p = d as Place;
      const imm = m.let(wrap((i as Place).get()));
      const x = q.kind === 'm' ? q.get() : extractLane(m, q.get(), m.let(and(shrU(imm, k32(6)), k32(3))), 2);
      const inserted = insertLane(p.get(), x, m.let(shrU(imm, k32(4))), 2);
      p.set(m.let(v(V.andnot, inserted, laneMask(4, imm))));
    },
    VECTOR,
  );
}

/** Sums of absolute differences of four bytes of b and the eight groups of four that start one byte apart in a. */
function multipleSums(a: Val, b: Val, imm: Val, m: Machine): Val {
  const fromA = m.let(v(V.swizzle, a, v(V.i8add, IOTA, splat8(and(imm, k32(4))))));
  const block = m.let(v(V.swizzle, b, v(V.i8add, IOTA, splat8(shl(and(imm, k32(3)), k32(2))))));
  const term = (j: number): Val => {
    const shifted = v(V.swizzle, fromA, v(V.i8add, IOTA, splat8(k32(j))));
    const y = v(V.i16extLowU, v(V.swizzle, block, splat8(k32(j))));
    return v(V.i16abs, v(V.i16sub, v(V.i16extLowU, shifted), y));
  };
  return v(V.i16add, v(V.i16add, term(0), term(1)), v(V.i16add, term(2), term(3)));
}
/** The least unsigned word and its position. */
function horizontalMinimum(b: Val, m: Machine): Val {
  let best = m.let(shl(lane16(b, 0), k32(3)));
  for (let i = 1; i < 8; i++) {
    const x = m.let(or(shl(lane16(b, i), k32(3)), k32(i)));
    best = m.let(select(ltU(x, best), x, best));
  }
  return withLane32(ZERO, 0, or(shrU(best, k32(3)), shl(and(best, k32(7)), k32(16))));
}

/** ROUNDPS etc.: results are wasm's; only the inexact flag and NaNs need looking at. */
function roundLanes(m: Machine, ty: FloatTy, b: Val, imm: Val): Val {
  const o = ty === 'f64' ? [V.f64nearest, V.f64floor, V.f64ceil, V.f64trunc] : [V.f32nearest, V.f32floor, V.f32ceil, V.f32trunc];
  const [nearest, down, up, zero] = o.map((opcode) => v(opcode, b)) as [Val, Val, Val, Val];
  const mode = m.let(select(and(imm, k32(4)), k32(0), and(imm, k32(3))));
  return m.let(select(eq(mode, k32(0)), nearest, select(eq(mode, k32(1)), down, select(eq(mode, k32(2)), up, zero))));
}
function defineRounding(t: FormTable): void {
  const emit = (m: Machine, ty: FloatTy, b: Val, imm: Val, fast: (r: Val) => void, slow: () => void): void => {
    const r = roundLanes(m, ty, b, imm);
    const unheard = or(and(imm, k32(8)), and(wrap(m.mxcsr), k32(0x20)));
    const fine = and(vAll(ty, vEqual(ty, b, b)), or(eqz(eqz(unheard)), vAll(ty, vEqual(ty, r, b))));
    m.if(
      and(controlsWithoutDaz(m), fine),
      () => fast(r),
      () => m.rare(slow),
    );
  };
  for (const { suffix, ty, bytes } of FORMATS) {
    const operation = (isPacked: boolean): number => softOperation(SOFT_KIND.ROUND, ty === 'f64', isPacked);
    t.def(
      `roundp${suffix}`,
      XXI,
      'w,r,r',
      (m, d, s, i) => {
        const b = (s as Place).get();
        const imm = m.let(wrap((i as Place).get()));
        const p = d as Place;
        emit(
          m,
          ty,
          b,
          imm,
          (r) => p.set(r),
          () => p.set(m.soft(operation(true), imm, ZERO, b)),
        );
      },
      VECTOR,
    );
    t.def(
      `rounds${suffix}`,
      scalarShapes(bytes).map((s) => `${s},i`),
      'rw,r,r',
      (m, d, s, i) => {
        const b = m.let(splatF((s as Place).scalar(ty)));
        const imm = m.let(wrap((i as Place).get()));
        const p = d as Place;
        const a = p.get();
        const low = ty === 'f64' ? kv128(-1n, 0n) : kv128(0xffff_ffffn, 0n);
        emit(
          m,
          ty,
          b,
          imm,
          (r) => p.set(m.let(v(V.bitselect, r, a, low))),
          () => p.set(m.soft(operation(false), imm, a, b)),
        );
      },
      VECTOR,
    );
    t.def(
      `dpp${suffix}`,
      XXI,
      'rw,r,r',
      (m, d, s, i) => {
        const b = (s as Place).get();
        const p = d as Place;
        const a = p.get();
        const imm = m.let(wrap((i as Place).get()));
        m.rare(() => p.set(m.soft(softOperation(SOFT_KIND.DOT, ty === 'f64', true), imm, a, b)));
      },
      VECTOR,
    );
  }
}

/** PCMPESTRx takes lengths from EAX and EDX (absolute values, saturated), PCMPISTRx up to the first zero. */
function defineStrings(t: FormTable): void {
  const length = (m: Machine, register: number, wide: boolean): Val => {
    const x = m.let(wide ? m.gpr(register, 8).get() : extS(wrap(m.gpr(register, 4).get())));
    const magnitude = m.let(select(ltS(x, k64(0)), sub(k64(0), x), x));
    return wrap(select(gtU(magnitude, k64(16)), k64(16), magnitude));
  };
  const one = (name: string, explicit: boolean, wide: boolean, mask: boolean): void =>
    t.def(
      name,
      ['x16,x16,i', 'x16,u16,i'],
      'r,r,r',
      (m, d, s, i) => {
        const b = (s as Place).get();
        const a = (d as Place).get();
        const imm = and(wrap((i as Place).get()), k32(255));
        const [la, lb] = explicit ? [length(m, 0, wide), length(m, 2, wide)] : [k32(IMPLICIT_LENGTH), k32(IMPLICIT_LENGTH)];
        const control = m.let(or(imm, or(shl(la, k32(8)), shl(lb, k32(16)))));
        m.rare(() => {
          const r = m.let(m.soft(SOFT_STRING.INDEX, control, a, b));
          if (mask) m.xmm(0).set(m.soft(SOFT_STRING.MASK, control, a, b));
          else m.gpr(1, 4).set(m.let(extU(lane32(r, 0))));
          setStatusFlags(m, m.let(extU(lane32(r, 1))));
        });
      },
      VECTOR,
    );
  for (const [suffix, mask] of [
    ['i', false],
    ['m', true],
  ] as const) {
    one(`pcmpistr${suffix}`, false, false, mask);
    one(`pcmpestr${suffix}`, true, false, mask);
    one(`pcmpestr${suffix}64`, true, true, mask);
  }
}
/** CRC32 by the Castagnoli polynomial, bit by bit, reflected. */
const crc: Semantics = (m, d, s) => {
  const q = s as Place;
  const x = q.get();
  const p = d as Place;
  const old = m.let(wrap(p.get()));
  const rounds = (value: Val, bits: number): Val => {
    const r = m.variable(value);
    const n = m.variable(k32(bits));
    m.loop((again) => {
      const now = m.let(r.get());
      r.set(xor(shrU(now, k32(1)), and(sub(k32(0), and(now, k32(1))), k32(0x82f6_3b78))));
      n.set(sub(n.get(), k32(1)));
      m.if(n.get(), again);
    });
    return m.let(r.get());
  };
  let c = rounds(m.let(xor(old, wrap(x))), Math.min(q.w, 4) * 8);
  if (q.w === 8) c = rounds(m.let(xor(c, wrap(shrU(x, k64(32))))), 32);
  p.set(m.let(extU(c)));
};

export function defineSse4(t: FormTable): void {
  for (const [name, opcode] of Object.entries(SAME))
    t.def(
      name,
      XX,
      'rw,r',
      binary((a, b) => v(opcode, a, b)),
      VECTOR,
    );
  t.def(
    'pmuldq',
    XX,
    'rw,r',
    binary((a, b) => v(V.i64extmulLowS, evens(a), evens(b))),
    VECTOR,
  );
  t.def('movntdqa', ['x16,m16'], 'w,r', (_m, d, s) => (d as Place).set((s as Place).get()), VECTOR);
  t.def('mpsadbw', XXI, 'rw,r,r', binaryImm(multipleSums), VECTOR);
  t.def('phminposuw', XX, 'w,r', (m, d, s) => (d as Place).set(m.let(horizontalMinimum((s as Place).get(), m))), VECTOR);
  t.def(
    'ptest',
    XX,
    'r,r',
    (m, d, s) => {
      const b = (s as Place).get();
      const a = (d as Place).get();
      setComparison(m, eqz(anyTrue(v(V.and, a, b))), k32(0), eqz(anyTrue(v(V.andnot, b, a))));
    },
    VECTOR,
  );
  defineBlends(t);
  defineExtensions(t);
  defineLanes(t);
  defineRounding(t);
  defineStrings(t);
  t.def('crc32', ['r4,r1', 'r4,m1', 'r4,r2', 'r4,m2', 'r4,r4', 'r4,m4', 'r8,r1', 'r8,m1', 'r8,r8', 'r8,m8'], 'rw,r', crc);
}
