/**
 * AES-NI, PCLMULQDQ, SHA and GFNI. FIPS 197 and 180-4; SDM Vol. 2. No tables in memory: a byte is looked up by sixteen swizzles, one for each
 * row of the table.
 */
import { add, and, eq, k32, k64, kv128, mul, or, rotl, select, shl, shrU, simd, type Val, wrap, xor } from '#base/wasm/ops.ts';
import { lane32, lane64, shuffle, shuffleLanes, splat8, V, v, VSHIFT, withLane32, withLane64 } from '#base/wasm/simd.ts';
import type { Machine, Place } from '../machine.ts';
import type { FormTable, Semantics } from './registry.ts';
import { binary, binaryImm, unaryImm, XX, ZERO } from './sse-int.ts';

const VECTOR = { cost: 'vector' } as const;
const XXI: readonly string[] = XX.map((s) => `${s},i`);

// ---- the field GF(2^8) by x^8 + x^4 + x^3 + x + 1

const timesX = (a: number): number => ((a << 1) ^ (a & 0x80 ? 0x11b : 0)) & 255;
function product(a: number, b: number): number {
  let r = 0;
  for (let [x, y] = [a, b]; y !== 0; y >>= 1) {
    if (y & 1) r ^= x;
    x = timesX(x);
  }
  return r;
}
/** a^254: 0 stays 0. */
function inverse(a: number): number {
  let r = 1;
  for (let i = 0; i < 254; i++) r = product(r, a);
  return r;
}
const INVERSE: readonly number[] = Array.from({ length: 256 }, (_, a) => inverse(a));
/** FIPS 197 §5.1.1. */
const S_BOX: readonly number[] = INVERSE.map((a) => {
  const turned = (n: number): number => ((a << n) | (a >> (8 - n))) & 255;
  return a ^ turned(1) ^ turned(2) ^ turned(3) ^ turned(4) ^ 0x63;
});
const INVERSE_S_BOX: readonly number[] = Array.from({ length: 256 }, (_, a) => S_BOX.indexOf(a));

const bytes = (b: readonly number[]): Val => {
  const half = (from: number): bigint => b.slice(from, from + 8).reduce((n, x, i) => n | (BigInt(x) << BigInt(8 * i)), 0n);
  return kv128(half(0), half(8));
};
/** table[byte] for each byte: swizzle gives 0 for indices beyond 15, so each row adds its own bytes alone. */
function lookUp(m: Machine, table: readonly number[], x: Val): Val {
  let r: Val = v(V.swizzle, bytes(table.slice(0, 16)), x);
  for (let row = 1; row < 16; row++) {
    const index = v(V.i8sub, x, splat8(k32(row * 16)));
    r = v(V.or, r, v(V.swizzle, bytes(table.slice(row * 16, row * 16 + 16)), index));
    if (row % 4 === 0) r = m.let(r);
  }
  return m.let(r);
}
/** Each byte times x. */
const doubled = (m: Machine, a: Val): Val =>
  m.let(v(V.xor, simd('v128', VSHIFT[8].shl, a, k32(1)), v(V.and, v(V.i8gtS, ZERO, a), splat8(k32(0x1b)))));

// ---- AES

const COLUMNS = [0, 4, 8, 12];
/** Each column's bytes one, two or three rows up. */
const rowsUp = (a: Val, n: number): Val =>
  shuffle(
    a,
    a,
    COLUMNS.flatMap((c) => [0, 1, 2, 3].map((r) => c + ((r + n) & 3))),
  );
const shiftRows = (a: Val, by: 1 | -1): Val =>
  shuffle(
    a,
    a,
    Array.from({ length: 16 }, (_, i) => (i & 3) + ((((i >> 2) + by * (i & 3)) & 3) << 2)),
  );
/** 2a + 3b + c + d down each column. */
function mixColumns(m: Machine, a: Val): Val {
  const next = m.let(rowsUp(a, 1));
  return m.let(v(V.xor, v(V.xor, doubled(m, m.let(v(V.xor, a, next))), next), v(V.xor, rowsUp(a, 2), rowsUp(a, 3))));
}
/** The inverse is MixColumns behind 5a + 4c. */
function inverseMixColumns(m: Machine, a: Val): Val {
  const four = doubled(m, doubled(m, m.let(v(V.xor, a, rowsUp(a, 2)))));
  return mixColumns(m, m.let(v(V.xor, a, four)));
}

function defineAes(t: FormTable): void {
  const round = (name: string, f: (a: Val, m: Machine) => Val): void =>
    t.def(
      name,
      XX,
      'rw,r',
      binary((state, key, m) => v(V.xor, f(state, m), key)),
      VECTOR,
    );
  const encrypt = (a: Val, m: Machine): Val => lookUp(m, S_BOX, m.let(shiftRows(a, 1)));
  const decrypt = (a: Val, m: Machine): Val => lookUp(m, INVERSE_S_BOX, m.let(shiftRows(a, -1)));
  round('aesenc', (a, m) => mixColumns(m, encrypt(a, m)));
  round('aesenclast', encrypt);
  round('aesdec', (a, m) => inverseMixColumns(m, decrypt(a, m)));
  round('aesdeclast', decrypt);
  t.def('aesimc', XX, 'w,r', (m, d, s) => (d as Place).set(inverseMixColumns(m, (s as Place).get())), VECTOR);
  // Words 1 and 3 through the S-box, as they are and rotated by a byte with the round constant.
  t.def(
    'aeskeygenassist',
    XXI,
    'w,r,r',
    unaryImm((b, imm, m) => {
      const words = lookUp(m, S_BOX, b);
      const turned = shuffle(words, words, [4, 5, 6, 7, 5, 6, 7, 4, 12, 13, 14, 15, 13, 14, 15, 12]);
      const constant = m.let(and(imm, k32(255)));
      return v(V.xor, turned, withLane32(withLane32(ZERO, 1, constant), 3, constant));
    }),
    VECTOR,
  );
}

// ---- PCLMULQDQ

/** Swaps groups of `n` bits; doing so for 1 to 32 reverses a word. */
const swapBits = (a: Val, n: number, mask: bigint): Val => or(and(shrU(a, k64(n)), k64(mask)), shl(and(a, k64(mask)), k64(n)));
function reversed(m: Machine, a: Val): Val {
  let r = a;
  for (const [n, mask] of [
    [1, 0x5555_5555_5555_5555n],
    [2, 0x3333_3333_3333_3333n],
    [4, 0x0f0f_0f0f_0f0f_0f0fn],
    [8, 0x00ff_00ff_00ff_00ffn],
    [16, 0x0000_ffff_0000_ffffn],
  ] as const)
    r = m.let(swapBits(r, n, mask));
  return m.let(rotl(r, k64(32)));
}
/**
 * The low 64 bits of a carry-less product, by plain products of every fourth bit: sums of up to 15 ones stay inside their four bits, and the one
 * place where 16 meet is the topmost.
 */
function carrylessLow(m: Machine, a: Val, b: Val): Val {
  const holes = (n: number): bigint => 0x1111_1111_1111_1111n << BigInt(n);
  const pick = (x: Val): Val[] => [0, 1, 2, 3].map((n) => m.let(and(x, k64(BigInt.asIntN(64, holes(n))))));
  const [x, y] = [pick(a), pick(b)];
  let r: Val | undefined;
  for (let n = 0; n < 4; n++) {
    let sum: Val | undefined;
    for (let i = 0; i < 4; i++) {
      const term = mul(x[i] as Val, y[(n - i) & 3] as Val);
      sum = sum === undefined ? term : xor(sum, term);
    }
    const part = and(sum as Val, k64(BigInt.asIntN(64, holes(n))));
    r = m.let(r === undefined ? part : or(r, part));
  }
  return r as Val;
}
/** The high half is the low half of the mirrored operands, mirrored, one place lower. */
function carryless(a: Val, b: Val, imm: Val, m: Machine): Val {
  const half = (x: Val, bit: number): Val => m.let(select(and(imm, k32(bit)), lane64(x, 1), lane64(x, 0)));
  const [x, y] = [half(a, 1), half(b, 16)];
  const low = carrylessLow(m, x, y);
  const high = m.let(shrU(reversed(m, carrylessLow(m, reversed(m, x), reversed(m, y))), k64(1)));
  return withLane64(withLane64(ZERO, 0, low), 1, high);
}

// ---- SHA

const turn = (a: Val, left: number): Val => rotl(a, k32(left & 31));
const words = (m: Machine, x: Val): Val[] => [0, 1, 2, 3].map((i) => m.let(lane32(x, i)));
const join = (lanes: readonly Val[]): Val => lanes.reduce((r, x, i) => withLane32(r, i, x), ZERO);
const xor3 = (a: Val, b: Val, c: Val): Val => xor(xor(a, b), c);
const choose = (x: Val, y: Val, z: Val): Val => xor(and(xor(y, z), x), z);
const majority = (x: Val, y: Val, z: Val): Val => or(and(x, y), and(or(x, y), z));

const SHA1: readonly (readonly [constant: number, f: (x: Val, y: Val, z: Val) => Val])[] = [
  [0x5a82_7999, choose],
  [0x6ed9_eba1, xor3],
  [0x8f1b_bcdc, majority],
  [0xca62_c1d6, xor3],
];
/** Four rounds; A is the highest word, E comes in with the first word of the message. */
function sha1Rounds(m: Machine, d: Place, s: Place, imm: Val): void {
  const message = words(m, s.get());
  const start = d.get();
  SHA1.forEach(([constant, f], k) => {
    m.if(eq(and(imm, k32(3)), k32(k)), () => {
      let [dd, c, b, a] = words(m, start) as [Val, Val, Val, Val];
      let e: Val = k32(0);
      for (let i = 0; i < 4; i++) {
        const next = m.let(add(add(add(f(b, c, dd), turn(a, 5)), add(message[3 - i] as Val, e)), k32(constant)));
        [e, dd, c, b, a] = [dd, c, m.let(turn(b, 30)), a, next];
      }
      d.set(m.let(join([dd, c, b, a])));
    });
  });
}

const sigma = (x: Val, a: number, b: number, c: number): Val => xor3(turn(x, 32 - a), turn(x, 32 - b), shrU(x, k32(c)));
const bigSigma = (x: Val, a: number, b: number, c: number): Val => xor3(turn(x, 32 - a), turn(x, 32 - b), turn(x, 32 - c));
/** Two rounds. First operand C D G H (C highest), second A B E F, message and constants in the low words of XMM0. */
const sha256Rounds: Semantics = (m, d, s) => {
  const p = d as Place;
  const source = (s as Place).get();
  const target = p.get();
  const wk = words(m, m.xmm(0).get());
  let [f, e, b, a] = words(m, source) as [Val, Val, Val, Val];
  let [h, g, dd, c] = words(m, target) as [Val, Val, Val, Val];
  for (let i = 0; i < 2; i++) {
    const t1 = m.let(add(add(add(choose(e, f, g), bigSigma(e, 6, 11, 25)), wk[i] as Val), h));
    const next = m.let(add(t1, add(majority(a, b, c), bigSigma(a, 2, 13, 22))));
    [h, g, f, e, dd, c, b, a] = [g, f, e, m.let(add(t1, dd)), c, b, a, next];
  }
  p.set(m.let(join([f, e, b, a])));
};

function defineSha(t: FormTable): void {
  t.def('sha1rnds4', XXI, 'rw,r,r', (m, d, s, i) => sha1Rounds(m, d as Place, s as Place, m.let(wrap((i as Place).get()))), VECTOR);
  t.def(
    'sha1nexte',
    XX,
    'rw,r',
    binary((a, b, m) => withLane32(b, 3, add(lane32(b, 3), turn(m.let(lane32(a, 3)), 30)))),
    VECTOR,
  );
  t.def(
    'sha1msg1',
    XX,
    'rw,r',
    binary((a, b) => v(V.xor, a, shuffleLanes(4, a, b, [6, 7, 0, 1]))),
    VECTOR,
  );
  t.def(
    'sha1msg2',
    XX,
    'rw,r',
    binary((a, b, m) => {
      const [a0, a1, a2, a3] = words(m, a) as [Val, Val, Val, Val];
      const w16 = m.let(turn(xor(a3, lane32(b, 2)), 1));
      const w17 = m.let(turn(xor(a2, lane32(b, 1)), 1));
      const w18 = m.let(turn(xor(a1, lane32(b, 0)), 1));
      const w19 = m.let(turn(xor(a0, w16), 1));
      return join([w19, w18, w17, w16]);
    }),
    VECTOR,
  );
  t.def('sha256rnds2', XX, 'rw,r', sha256Rounds, VECTOR);
  t.def(
    'sha256msg1',
    XX,
    'rw,r',
    binary((a, b, m) => {
      const w = [...words(m, a), m.let(lane32(b, 0))];
      return join([0, 1, 2, 3].map((i) => m.let(add(w[i] as Val, sigma(w[i + 1] as Val, 7, 18, 3)))));
    }),
    VECTOR,
  );
  t.def(
    'sha256msg2',
    XX,
    'rw,r',
    binary((a, b, m) => {
      const w = words(m, a);
      const [, , w14, w15] = words(m, b) as [Val, Val, Val, Val];
      const w16 = m.let(add(w[0] as Val, sigma(w14, 17, 19, 10)));
      const w17 = m.let(add(w[1] as Val, sigma(w15, 17, 19, 10)));
      const w18 = m.let(add(w[2] as Val, sigma(w16, 17, 19, 10)));
      const w19 = m.let(add(w[3] as Val, sigma(w17, 17, 19, 10)));
      return join([w16, w17, w18, w19]);
    }),
    VECTOR,
  );
}

// ---- GFNI

/** Byte products. */
function fieldProduct(a: Val, b: Val, m: Machine): Val {
  let r: Val = ZERO;
  let x = a;
  for (let bit = 0; bit < 8; bit++) {
    const chosen = v(V.i8gtS, ZERO, simd('v128', VSHIFT[8].shl, b, k32(7 - bit)));
    r = m.let(v(V.xor, r, v(V.and, x, chosen)));
    if (bit < 7) x = doubled(m, x);
  }
  return r;
}
/** Each byte times the 8 × 8 bit matrix of its half, plus a constant: bit n is the parity of row 7 − n's bits. */
function affine(m: Machine, x: Val, matrices: Val, imm: Val): Val {
  let r: Val = splat8(imm);
  for (let bit = 0; bit < 8; bit++) {
    const row = shuffle(
      matrices,
      matrices,
      Array.from({ length: 16 }, (_, i) => (i & 8) + 7 - bit),
    );
    const parity = v(V.and, v(V.i8popcnt, v(V.and, row, x)), splat8(k32(1)));
    r = m.let(v(V.xor, r, simd('v128', VSHIFT[8].shl, parity, k32(bit))));
  }
  return r;
}
function defineGfni(t: FormTable): void {
  t.def('gf2p8mulb', XX, 'rw,r', binary(fieldProduct), VECTOR);
  t.def(
    'gf2p8affineqb',
    XXI,
    'rw,r,r',
    binaryImm((a, b, imm, m) => affine(m, a, b, imm)),
    VECTOR,
  );
  t.def(
    'gf2p8affineinvqb',
    XXI,
    'rw,r,r',
    binaryImm((a, b, imm, m) => affine(m, lookUp(m, INVERSE, a), b, imm)),
    VECTOR,
  );
}

export function defineCrypto(t: FormTable): void {
  defineAes(t);
  t.def('pclmulqdq', XXI, 'rw,r,r', binaryImm(carryless), VECTOR);
  defineSha(t);
  defineGfni(t);
}
