/** SSE2 on integers: lane arithmetic, comparisons, packing, shuffles, shifts. SDM Vol. 2. Moves are in sse-move.ts. */
import { and, extU, gtU, k32, k64, kv128, select, shl, shrU, simd, type Val, wrap } from '#base/wasm/ops.ts';
import {
  bitmask32,
  bitmask64,
  bitmask8,
  lane64,
  shuffleLanes,
  splat16,
  splat32,
  splat64,
  splat8,
  V,
  v,
  VSHIFT,
  withLane64,
} from '#base/wasm/simd.ts';
import type { Machine, Place } from '../machine.ts';
import { trunc } from './flags.ts';
import type { FormTable, Semantics } from './registry.ts';

const VECTOR = { cost: 'vector' } as const;
export const XX: readonly string[] = ['x16,x16', 'x16,m16'];
const XXI: readonly string[] = ['x16,x16,i', 'x16,m16,i'];

export const ZERO = kv128(0n, 0n);
const both = (n: bigint): Val => kv128(n, n);
/** 0, 1, … 15. */
export const IOTA = kv128(0x0706050403020100n, 0x0f0e0d0c0b0a0908n);

/** dst = f(dst, src) on whole registers. */
export const binary =
  (f: (a: Val, b: Val, m: Machine) => Val): Semantics =>
  (m, d, s) => {
    const b = (s as Place).get();
    const a = (d as Place).get();
    (d as Place).set(m.let(f(a, b, m)));
  };
/** dst = f(dst, src, imm). */
export const binaryImm =
  (f: (a: Val, b: Val, imm: Val, m: Machine) => Val): Semantics =>
  (m, d, s, i) => {
    const b = (s as Place).get();
    const a = (d as Place).get();
    (d as Place).set(m.let(f(a, b, m.let(wrap((i as Place).get())), m)));
  };
/** dst = f(src, imm). */
export const unaryImm =
  (f: (b: Val, imm: Val, m: Machine) => Val): Semantics =>
  (m, d, s, i) => {
    const b = (s as Place).get();
    (d as Place).set(m.let(f(b, m.let(wrap((i as Place).get())), m)));
  };

/** Operators that wasm has under another name. */
export const SAME: Readonly<Record<string, number>> = {
  paddb: V.i8add,
  paddw: V.i16add,
  paddd: V.i32add,
  paddq: V.i64add,
  psubb: V.i8sub,
  psubw: V.i16sub,
  psubd: V.i32sub,
  psubq: V.i64sub,
  paddsb: V.i8addSatS,
  paddsw: V.i16addSatS,
  paddusb: V.i8addSatU,
  paddusw: V.i16addSatU,
  psubsb: V.i8subSatS,
  psubsw: V.i16subSatS,
  psubusb: V.i8subSatU,
  psubusw: V.i16subSatU,
  pmullw: V.i16mul,
  pmaddwd: V.i32dot,
  pand: V.and,
  por: V.or,
  pxor: V.xor,
  andps: V.and,
  andpd: V.and,
  orps: V.or,
  orpd: V.or,
  xorps: V.xor,
  xorpd: V.xor,
  pcmpeqb: V.i8eq,
  pcmpeqw: V.i16eq,
  pcmpeqd: V.i32eq,
  pcmpgtb: V.i8gtS,
  pcmpgtw: V.i16gtS,
  pcmpgtd: V.i32gtS,
  pminub: V.i8minU,
  pmaxub: V.i8maxU,
  pminsw: V.i16minS,
  pmaxsw: V.i16maxS,
  pavgb: V.i8avgrU,
  pavgw: V.i16avgrU,
  packsswb: V.i8narrowS,
  packssdw: V.i16narrowS,
  packuswb: V.i8narrowU,
};

/** High halves of 16-bit products. */
export const mulHigh =
  (low: number, high: number) =>
  (a: Val, b: Val): Val =>
    shuffleLanes(2, v(low, a, b), v(high, a, b), [1, 3, 5, 7, 9, 11, 13, 15]);

export const sumAbsoluteDifferences = (a: Val, b: Val, m: Machine): Val => {
  const words = v(V.i16pairU, m.let(v(V.or, v(V.i8subSatU, a, b), v(V.i8subSatU, b, a))));
  const dwords = m.let(v(V.i32pairU, words));
  return v(V.i64add, v(V.and, dwords, both(0xffff_ffffn)), simd('v128', VSHIFT[64].shrU, dwords, k32(32)));
};

/** Interleaves the low or high halves; `width` in bytes. */
export const unpack =
  (width: 1 | 2 | 4 | 8, high: boolean) =>
  (a: Val, b: Val): Val => {
    const n = 16 / width;
    const from = high ? n / 2 : 0;
    const lanes = Array.from({ length: n }, (_, i) => from + (i >> 1) + (i & 1) * n);
    return shuffleLanes(width, a, b, lanes);
  };

/** The four 2-bit fields of an immediate, one per 32-bit lane. */
const fields32 = (m: Machine, imm: Val): Val =>
  m.let(
    v(
      V.and,
      simd('v128', VSHIFT[32].shrU, v(V.i32mul, splat32(imm), kv128(0x0000_0010_0000_0040n, 0x0000_0001_0000_0004n)), k32(6)),
      both(0x3_0000_0003n),
    ),
  );
/** Byte indices of 32-bit lanes by their numbers, one in each lane. */
export const indices32 = (numbers: Val): Val =>
  v(V.i32add, v(V.i32mul, numbers, both(0x0404_0404_0404_0404n)), both(0x0302_0100_0302_0100n));
/** Byte indices of the 32-bit lanes that an immediate selects. */
const select32 = (m: Machine, imm: Val): Val => m.let(indices32(fields32(m, imm)));
export const pshufd = (b: Val, imm: Val, m: Machine): Val => v(V.swizzle, b, select32(m, imm));
const shufps = (a: Val, b: Val, imm: Val, m: Machine): Val => {
  const index = select32(m, imm);
  return shuffleLanes(8, v(V.swizzle, a, index), v(V.swizzle, b, index), [0, 3]);
};
export const shufpd = (a: Val, b: Val, imm: Val, m: Machine): Val => {
  const lane = (x: Val, bit: number): Val => select(and(imm, k32(bit)), lane64(x, 1), lane64(x, 0));
  return withLane64(splat64(m.let(lane(a, 1))), 1, m.let(lane(b, 2)));
};
/** PSHUFLW, PSHUFHW: the other half stays. */
export const shuffleWords =
  (high: boolean) =>
  (b: Val, imm: Val, m: Machine): Val => {
    const factors = 0x0001_0004_0010_0040n;
    const fields = simd('v128', VSHIFT[16].shrU, v(V.i16mul, splat16(imm), high ? kv128(0n, factors) : kv128(factors, 0n)), k32(6));
    const masked = v(V.and, fields, both(0x0003_0003_0003_0003n));
    const base = high ? kv128(0x0706050403020100n, 0x0908090809080908n) : kv128(0x0100010001000100n, 0x0f0e0d0c0b0a0908n);
    return v(V.swizzle, b, m.let(v(V.i16add, v(V.i16mul, masked, both(0x0202_0202_0202_0202n)), base)));
  };

/** Lane shifts by a count (i64, any size): counts beyond the width give zero, or the sign for arithmetic ones. */
export function shiftLanes(m: Machine, bits: 16 | 32 | 64, kind: 'shl' | 'shrS' | 'shrU', a: Val, count: Val): Val {
  const big = m.let(gtU(count, k64(bits - 1)));
  if (kind === 'shrS') return simd('v128', VSHIFT[bits].shrS, a, m.let(select(big, k32(bits - 1), wrap(count))));
  return select(big, ZERO, m.let(simd('v128', VSHIFT[bits][kind], a, wrap(count))));
}
function defineShifts(t: FormTable): void {
  const one = (name: string, bits: 16 | 32 | 64, kind: 'shl' | 'shrS' | 'shrU'): void => {
    t.def(
      name,
      XX,
      'rw,r',
      binary((a, b, m) => shiftLanes(m, bits, kind, a, m.let(lane64(b, 0)))),
      VECTOR,
    );
    t.def(
      name,
      ['x16,i'],
      'rw,r',
      (m, d, i) => {
        const p = d as Place;
        p.set(m.let(shiftLanes(m, bits, kind, p.get(), m.let(and((i as Place).get(), k64(255))))));
      },
      VECTOR,
    );
  };
  for (const [letter, bits] of [
    ['w', 16],
    ['d', 32],
    ['q', 64],
  ] as const) {
    one(`psll${letter}`, bits, 'shl');
    one(`psrl${letter}`, bits, 'shrU');
    if (bits !== 64) one(`psra${letter}`, bits, 'shrS');
  }
  const bytes = (name: string, direction: 1 | -1): void =>
    t.def(
      name,
      ['x16,i'],
      'rw,r',
      (m, d, i) => {
        const p = d as Place;
        const a = p.get();
        const imm = m.let(and(wrap((i as Place).get()), k32(255)));
        const n = splat8(m.let(select(gtU(imm, k32(16)), k32(16), imm)));
        // Indices of 16 and more (also those below zero) select zero.
        p.set(m.let(v(V.swizzle, a, m.let(v(direction === 1 ? V.i8add : V.i8sub, IOTA, n)))));
      },
      VECTOR,
    );
  bytes('psrldq', 1);
  bytes('pslldq', -1);
}

/** Bits 7:0 etc. of a lane that an immediate chooses, zero-extended (i64). `log` = log2 of the lane's bytes. */
export function extractLane(m: Machine, a: Val, imm: Val, log: 0 | 1 | 2 | 3): Val {
  const index = m.let(and(imm, k32((16 >> log) - 1)));
  const half = m.let(select(gtU(index, k32((8 >> log) - 1)), lane64(a, 1), lane64(a, 0)));
  return m.let(trunc((1 << log) as 1 | 2 | 4 | 8, shrU(half, extU(shl(and(index, k32((8 >> log) - 1)), k32(3 + log))))));
}
/** `a` with the lane that an immediate chooses replaced by `x` (i64). */
export function insertLane(a: Val, x: Val, imm: Val, log: 0 | 1 | 2 | 3): Val {
  const n = and(imm, k32((16 >> log) - 1));
  switch (log) {
    case 0:
      return v(V.bitselect, splat8(wrap(x)), a, v(V.i8eq, IOTA, splat8(n)));
    case 1:
      return v(V.bitselect, splat16(wrap(x)), a, v(V.i16eq, kv128(0x0003_0002_0001_0000n, 0x0007_0006_0005_0004n), splat16(n)));
    case 2:
      return v(V.bitselect, splat32(wrap(x)), a, v(V.i32eq, kv128(0x1_0000_0000n, 0x3_0000_0002n), splat32(n)));
    default:
      return v(V.bitselect, splat64(x), a, v(V.i64eq, kv128(0n, 1n), splat64(extU(n))));
  }
}

export function defineSseInteger(t: FormTable): void {
  for (const [name, opcode] of Object.entries(SAME))
    t.def(
      name,
      XX,
      'rw,r',
      binary((a, b) => v(opcode, a, b)),
      VECTOR,
    );
  for (const name of ['pandn', 'andnps', 'andnpd'])
    t.def(
      name,
      XX,
      'rw,r',
      binary((a, b) => v(V.andnot, b, a)),
      VECTOR,
    );
  t.def('pmulhw', XX, 'rw,r', binary(mulHigh(V.i32extmulLowS, V.i32extmulHighS)), VECTOR);
  t.def('pmulhuw', XX, 'rw,r', binary(mulHigh(V.i32extmulLowU, V.i32extmulHighU)), VECTOR);
  const evens = (x: Val): Val => shuffleLanes(4, x, x, [0, 2, 0, 2]);
  t.def(
    'pmuludq',
    XX,
    'rw,r',
    binary((a, b) => v(V.i64extmulLowU, evens(a), evens(b))),
    VECTOR,
  );
  t.def('psadbw', XX, 'rw,r', binary(sumAbsoluteDifferences), VECTOR);
  for (const [suffix, width] of [
    ['bw', 1],
    ['wd', 2],
    ['dq', 4],
    ['qdq', 8],
  ] as const) {
    t.def(`punpckl${suffix}`, XX, 'rw,r', binary(unpack(width, false)), VECTOR);
    t.def(`punpckh${suffix}`, XX, 'rw,r', binary(unpack(width, true)), VECTOR);
  }
  for (const [suffix, width] of [
    ['ps', 4],
    ['pd', 8],
  ] as const) {
    t.def(`unpckl${suffix}`, XX, 'rw,r', binary(unpack(width, false)), VECTOR);
    t.def(`unpckh${suffix}`, XX, 'rw,r', binary(unpack(width, true)), VECTOR);
  }
  t.def('pshufd', XXI, 'w,r,r', unaryImm(pshufd), VECTOR);
  t.def('pshuflw', XXI, 'w,r,r', unaryImm(shuffleWords(false)), VECTOR);
  t.def('pshufhw', XXI, 'w,r,r', unaryImm(shuffleWords(true)), VECTOR);
  t.def('shufps', XXI, 'rw,r,r', binaryImm(shufps), VECTOR);
  t.def('shufpd', XXI, 'rw,r,r', binaryImm(shufpd), VECTOR);
  defineShifts(t);

  const mask = (name: string, f: (a: Val) => Val): void =>
    t.def(name, ['r4,x16', 'r8,x16'], 'w,r', (m, d, s) => (d as Place).set(m.let(extU(f((s as Place).get())))), VECTOR);
  mask('pmovmskb', bitmask8);
  mask('movmskps', bitmask32);
  mask('movmskpd', bitmask64);
  t.def(
    'pextrw',
    ['r4,x16,i', 'r8,x16,i', 'm2,x16,i'],
    'w,r,r',
    (m, d, s, i) => {
      (d as Place).set(extractLane(m, (s as Place).get(), m.let(wrap((i as Place).get())), 1));
    },
    VECTOR,
  );
  t.def(
    'pinsrw',
    ['x16,r4,i', 'x16,r8,i', 'x16,m2,i'],
    'rw,r,r',
    (m, d, s, i) => {
      const x = (s as Place).get();
      const p = d as Place;
      p.set(m.let(insertLane(p.get(), x, m.let(wrap((i as Place).get())), 1)));
    },
    VECTOR,
  );
}
