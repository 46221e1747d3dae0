/**
 * MMX instructions, SSE's and SSSE3's on MMX registers included. SDM Vol. 1 ch. 9, Vol. 2. The low halves of XMM semantics, where lanes do not mix.
 * Every one but EMMS puts TOP to 0 and marks all registers as in use.
 */
import { add, and, gtU, k32, k64, kv128, select, type Val, wrap, extU } from '#base/wasm/ops.ts';
import { bitmask8, lane64, splat8, V, v, withLane64 } from '#base/wasm/simd.ts';
import type { Machine, Place } from '../machine.ts';
import { fpuOperation, SOFT_KIND, softOperation } from '../soft/operations.ts';
import type { FormTable, Semantics } from './registry.ts';
import { choose, type FloatTy, vAll, vBelow, vEqual } from './sse-float-check.ts';
import { extractLane, insertLane, IOTA, mulHigh, SAME, shiftLanes, shuffleWords, sumAbsoluteDifferences, unpack, ZERO } from './sse-int.ts';
import { SSSE3_BINARY, SSSE3_HORIZONTAL } from './sse3.ts';

const VECTOR = { cost: 'vector' } as const;
const MM: readonly string[] = ['x8,x8', 'x8,m8'];
const RDI = 7;

/** An MMX register or 64-bit memory as a vector whose upper half is zero. */
const vector = (m: Machine, x: Val): Val => m.let(withLane64(ZERO, 0, x));
const joined = (m: Machine, low: Val, high: Val): Val => m.let(withLane64(withLane64(ZERO, 0, low), 1, high));

type Operation = (a: Val, b: Val, m: Machine) => Val;
/** dst = half of f(dst, src). */
const binary =
  (f: Operation, half: 0 | 1 = 0): Semantics =>
  (m, d, s) => {
    const b = (s as Place).get();
    const p = d as Place;
    m.enterMmx();
    const r = f(vector(m, p.get()), vector(m, b), m);
    p.set(m.let(lane64(m.let(r), half)));
  };
/** Operations that take both operands as one vector. */
const onBoth =
  (f: (c: Val) => Val): Semantics =>
  (m, d, s) => {
    const b = (s as Place).get();
    const p = d as Place;
    m.enterMmx();
    p.set(m.let(lane64(m.let(f(joined(m, p.get(), b))), 0)));
  };

const LANEWISE = [
  'paddb paddw paddd paddq psubb psubw psubd psubq paddsb paddsw paddusb paddusw psubsb psubsw psubusb psubusw pmullw pmaddwd pand por pxor',
  'pcmpeqb pcmpeqw pcmpeqd pcmpgtb pcmpgtw pcmpgtd pminub pmaxub pminsw pmaxsw pavgb pavgw',
]
  .join(' ')
  .split(' ');

function defineArithmetic(t: FormTable): void {
  for (const name of LANEWISE)
    t.def(
      name,
      MM,
      'rw,r',
      binary((a, b) => v(SAME[name] as number, a, b)),
      VECTOR,
    );
  t.def(
    'pandn',
    MM,
    'rw,r',
    binary((a, b) => v(V.andnot, b, a)),
    VECTOR,
  );
  t.def('pmulhw', MM, 'rw,r', binary(mulHigh(V.i32extmulLowS, V.i32extmulHighS)), VECTOR);
  t.def('pmulhuw', MM, 'rw,r', binary(mulHigh(V.i32extmulLowU, V.i32extmulHighU)), VECTOR);
  t.def(
    'pmuludq',
    MM,
    'rw,r',
    binary((a, b) => v(V.i64extmulLowU, a, b)),
    VECTOR,
  );
  t.def('psadbw', MM, 'rw,r', binary(sumAbsoluteDifferences), VECTOR);
  for (const name of ['packsswb', 'packssdw', 'packuswb'])
    t.def(
      name,
      MM,
      'rw,r',
      onBoth((c) => v(SAME[name] as number, c, c)),
      VECTOR,
    );
  for (const [suffix, width] of [
    ['bw', 1],
    ['wd', 2],
    ['dq', 4],
  ] as const) {
    // The whole interleave of two 64-bit operands: its halves are the two instructions.
    t.def(`punpckl${suffix}`, ['x8,x8', 'x8,m4', 'x8,m8'], 'rw,r', binary(unpack(width, false)), VECTOR);
    t.def(`punpckh${suffix}`, MM, 'rw,r', binary(unpack(width, false), 1), VECTOR);
  }
  for (const [letter, bits] of [
    ['w', 16],
    ['d', 32],
    ['q', 64],
  ] as const) {
    for (const [name, kind] of [
      ['psll', 'shl'],
      ['psrl', 'shrU'],
      ['psra', 'shrS'],
    ] as const) {
      if (name === 'psra' && bits === 64) continue;
      t.def(
        `${name}${letter}`,
        MM,
        'rw,r',
        binary((a, b, m) => shiftLanes(m, bits, kind, a, m.let(lane64(b, 0)))),
        VECTOR,
      );
      t.def(
        `${name}${letter}`,
        ['x8,i'],
        'rw,r',
        (m, d, i) => {
          const p = d as Place;
          const count = m.let(and((i as Place).get(), k64(255)));
          m.enterMmx();
          p.set(m.let(lane64(m.let(shiftLanes(m, bits, kind, vector(m, p.get()), count)), 0)));
        },
        VECTOR,
      );
    }
  }
  for (const [name, f] of Object.entries(SSSE3_BINARY)) t.def(name, MM, name.startsWith('pabs') ? 'w,r' : 'rw,r', binary(f), VECTOR);
  for (const [name, f] of Object.entries(SSSE3_HORIZONTAL))
    t.def(
      name,
      MM,
      'rw,r',
      onBoth((c) => f(c, c)),
      VECTOR,
    );
  const indexMask = 0x8787_8787_8787_8787n;
  t.def(
    'pshufb',
    MM,
    'rw,r',
    binary((a, b) => v(V.swizzle, a, v(V.and, b, kv128(indexMask, indexMask)))),
    VECTOR,
  );
}

function defineImmediates(t: FormTable): void {
  const imm = (m: Machine, i: Place | undefined): Val => m.let(and(wrap((i as Place).get()), k32(255)));
  t.def(
    'palignr',
    ['x8,x8,i', 'x8,m8,i'],
    'rw,r,r',
    (m, d, s, i) => {
      const b = (s as Place).get();
      const p = d as Place;
      m.enterMmx();
      const n = imm(m, i);
      const shift = splat8(m.let(select(gtU(n, k32(16)), k32(16), n)));
      p.set(m.let(lane64(v(V.swizzle, joined(m, b, p.get()), v(V.i8add, IOTA, shift)), 0)));
    },
    VECTOR,
  );
  t.def(
    'pshufw',
    ['x8,x8,i', 'x8,m8,i'],
    'w,r,r',
    (m, d, s, i) => {
      const b = (s as Place).get();
      m.enterMmx();
      (d as Place).set(m.let(lane64(shuffleWords(false)(vector(m, b), imm(m, i), m), 0)));
    },
    VECTOR,
  );
  t.def(
    'pextrw',
    ['r4,x8,i', 'r8,x8,i'],
    'w,r,r',
    (m, d, s, i) => {
      m.enterMmx();
      (d as Place).set(extractLane(m, vector(m, (s as Place).get()), m.let(and(imm(m, i), k32(3))), 1));
    },
    VECTOR,
  );
  t.def(
    'pinsrw',
    ['x8,r4,i', 'x8,r8,i', 'x8,m2,i'],
    'rw,r,r',
    (m, d, s, i) => {
      const x = (s as Place).get();
      const p = d as Place;
      m.enterMmx();
      p.set(m.let(lane64(insertLane(vector(m, p.get()), x, m.let(and(imm(m, i), k32(3))), 1), 0)));
    },
    VECTOR,
  );
}

const maskMove =
  (a: 4 | 8): Semantics =>
  (m, d, s) => {
    const mask = vector(m, (s as Place).get());
    const data = (d as Place).get();
    const target = m.memory(m.let(add(m.gpr(RDI, a).get(), m.segment())), 8, 'rw');
    m.if(
      bitmask8(mask),
      () => {
        const old = target.get();
        m.enterMmx();
        const chosen = v(V.bitselect, vector(m, data), vector(m, old), v(V.i8gtS, ZERO, mask));
        target.set(m.let(lane64(chosen, 0)));
      },
      () => m.enterMmx(),
    );
  };

function defineMoves(t: FormTable): void {
  const load: Semantics = (m, d, s) => {
    const x = (s as Place).get();
    m.enterMmx();
    (d as Place).set(x);
  };
  const store: Semantics = (m, d, s) => {
    (d as Place).check();
    m.enterMmx();
    (d as Place).set((s as Place).get());
  };
  t.def('movd', ['x8,r4', 'x8,m4'], 'w,r', load, VECTOR);
  t.def('movq', ['x8,r8', 'x8,m8', 'x8,x8'], 'w,r', load, VECTOR);
  t.def(
    'movd',
    ['r4,x8', 'm4,x8'],
    'w,r',
    (m, d, s) => {
      (d as Place).check();
      m.enterMmx();
      (d as Place).set(m.let(and((s as Place).get(), k64(0xffff_ffffn))));
    },
    VECTOR,
  );
  t.def('movq', ['r8,x8', 'm8,x8'], 'w,r', store, VECTOR);
  t.def('movntq', ['m8,x8'], 'w,r', store, VECTOR);
  t.def(
    'movdq2q',
    ['x8,x16'],
    'w,r',
    (m, d, s) => {
      m.enterMmx();
      (d as Place).set((s as Place).scalar('i64'));
    },
    VECTOR,
  );
  t.def(
    'movq2dq',
    ['x16,x8'],
    'w,r',
    (m, d, s) => {
      m.enterMmx();
      (d as Place).set(vector(m, (s as Place).get()));
    },
    VECTOR,
  );
  t.def(
    'pmovmskb',
    ['r4,x8', 'r8,x8'],
    'w,r',
    (m, d, s) => {
      m.enterMmx();
      (d as Place).set(m.let(extU(bitmask8(vector(m, (s as Place).get())))));
    },
    VECTOR,
  );
  // As MASKMOVDQU, see sse-move.ts.
  for (const [name, width] of [
    ['maskmovq', 8],
    ['a32 maskmovq', 4],
  ] as const)
    t.def(name, ['x8,x8'], 'r,r', maskMove(width), VECTOR);
  t.def('emms', [''], '', (m) => m.rare(() => void m.soft(fpuOperation('emptyMmx'), k32(0), ZERO, ZERO)), VECTOR);
}

function defineConversions(t: FormTable): void {
  t.def(
    'cvtpi2pd',
    ['x16,x8', 'x16,m8'],
    'w,r',
    (m, d, s) => {
      const q = s as Place;
      const b = q.get();
      if (q.kind !== 'm') m.enterMmx();
      (d as Place).set(m.let(v(V.f64convertI32, vector(m, b))));
    },
    VECTOR,
  );
  t.def(
    'cvtpi2ps',
    ['x16,x8', 'x16,m8'],
    'rw,r',
    (m, d, s) => {
      const b = vector(m, (s as Place).get());
      const p = d as Place;
      m.enterMmx();
      const r = m.let(v(V.f32convertI32, b));
      const put = (x: Val): void => p.set(m.let(withLane64(p.get(), 0, lane64(x, 0))));
      choose(
        m,
        k32(1),
        () => vAll('f32', vBelow('f32', r, 2 ** 24)),
        () => put(r),
        () => put(m.soft(softOperation(SOFT_KIND.FROM_INT, false, true), k32(0), ZERO, b)),
      );
    },
    VECTOR,
  );
  const toInteger = (name: string, ty: FloatTy, truncate: boolean, memory: string): void =>
    t.def(
      name,
      ['x8,x16', `x8,${memory}`],
      'w,r',
      (m, d, s) => {
        const q = s as Place;
        const b = ty === 'f64' ? q.get() : vector(m, q.kind === 'm' ? q.get() : q.scalar('i64'));
        const p = d as Place;
        m.enterMmx();
        const whole = m.let(truncate ? b : v(ty === 'f64' ? V.f64nearest : V.f32nearest, b));
        const r = m.let(v(ty === 'f64' ? V.i32truncF64 : V.i32truncF32, whole));
        const back = (): Val => (truncate ? v(ty === 'f64' ? V.f64convertI32 : V.f32convertI32, r) : whole);
        choose(
          m,
          vAll(ty, vBelow(ty, whole, 2 ** 31)),
          () => vAll(ty, vEqual(ty, back(), b)),
          () => p.set(m.let(lane64(r, 0))),
          () => p.set(m.let(lane64(m.soft(softOperation(SOFT_KIND.TO_INT32, ty === 'f64', true), k32(truncate ? 1 : 0), ZERO, b), 0))),
        );
      },
      VECTOR,
    );
  toInteger('cvtps2pi', 'f32', false, 'm8');
  toInteger('cvttps2pi', 'f32', true, 'm8');
  toInteger('cvtpd2pi', 'f64', false, 'm16');
  toInteger('cvttpd2pi', 'f64', true, 'm16');
}

export function defineMmx(t: FormTable): void {
  defineArithmetic(t);
  defineImmediates(t);
  defineMoves(t);
  defineConversions(t);
}
