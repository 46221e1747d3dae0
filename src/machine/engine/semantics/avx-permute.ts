/** AVX and AVX2 that move lanes: broadcasts, permutes, inserts and extracts, variable shifts. SDM Vol. 2. */
import { and, gtU, k32, k64, kv128, select, shl, shrS, shrU, simd, type Val, wrap } from '#base/wasm/ops.ts';
import { lane32, lane64, splat16, splat32, splat64, splat8, V, v, VSHIFT, withLane32, withLane64 } from '#base/wasm/simd.ts';
import type { Machine, Place } from '../machine.ts';
import type { FormTable, Semantics } from './registry.ts';
import { binary, binaryImm, indices32, pshufd, shufpd, unaryImm, ZERO } from './sse-int.ts';
import { laneMask } from './sse4.ts';
import { lift, widen } from './vex.ts';

const VECTOR = { cost: 'vector' } as const;
const both = (n: bigint): Val => kv128(n, n);
const half = (p: Place, n: 0 | 1): Val => p.part(n * 16, 16).get();

/** On both widths, half by half: three operands, or two and an immediate … `shapes` as on 128 bits. */
function defBoth(
  t: FormTable,
  name: string,
  shapes: readonly string[],
  first: 'none' | 'second',
  semantics: Semantics,
  immShift = 0,
): void {
  const access = ['w', ...(shapes[0] as string).split(',').slice(1).fill('r')].join();
  t.def(name, shapes, access, lift(semantics, { halves: 1, first }), VECTOR);
  t.def(
    name,
    shapes.map((s) => widen(s)),
    access,
    lift(semantics, { halves: 2, first, immShift }),
    VECTOR,
  );
}
const THREE = ['x16,x16,x16', 'x16,x16,u16'];
const THREE_AND_IMM = THREE.map((s) => `${s},i`);
const TWO_AND_IMM = ['x16,x16,i', 'x16,u16,i'];

function defineBroadcasts(t: FormTable): void {
  const one = (name: string, bytes: 1 | 2 | 4 | 8, shapes: readonly string[]): void =>
    t.def(
      name,
      shapes,
      'w,r',
      (m, d, s) => {
        const p = s as Place;
        const splat = { 1: splat8, 2: splat16, 4: splat32, 8: splat64 }[bytes];
        const x = p.kind === 'm' ? p.get() : p.scalar('i64');
        const all = m.let(splat(bytes === 8 ? x : wrap(x)));
        (d as Place).setVector(all, (d as Place).w === 32 ? all : ZERO);
      },
      VECTOR,
    );
  for (const [name, bytes] of [
    ['vbroadcastss', 4],
    ['vpbroadcastb', 1],
    ['vpbroadcastw', 2],
    ['vpbroadcastd', 4],
    ['vpbroadcastq', 8],
  ] as const)
    one(name, bytes, ['x16,x16', `x16,m${bytes}`, 'x32,x16', `x32,m${bytes}`]);
  one('vbroadcastsd', 8, ['x32,x16', 'x32,m8']);
  for (const name of ['vbroadcastf128', 'vbroadcasti128'])
    t.def(
      name,
      ['x32,u16'],
      'w,r',
      (_m, d, s) => {
        const x = (s as Place).get();
        (d as Place).setVector(x, x);
      },
      VECTOR,
    );
}

function defineHalves(t: FormTable): void {
  for (const kind of ['f128', 'i128']) {
    t.def(
      `vinsert${kind}`,
      ['x32,x32,x16,i', 'x32,x32,u16,i'],
      'w,r,r,r',
      (m, d, a, s, i) => {
        const x = (s as Place).get();
        const [low, high] = [half(a as Place, 0), half(a as Place, 1)];
        const upper = m.let(and(wrap((i as Place).get()), k32(1)));
        (d as Place).setVector(m.let(select(upper, low, x)), m.let(select(upper, x, high)));
      },
      VECTOR,
    );
    const chosen = (m: Machine, s: Place, i: Place): Val => m.let(select(and(wrap(i.get()), k32(1)), half(s, 1), half(s, 0)));
    t.def(
      `vextract${kind}`,
      ['x16,x32,i'],
      'w,r,r',
      (m, d, s, i) => (d as Place).setVector(chosen(m, s as Place, i as Place), ZERO),
      VECTOR,
    );
    t.def(`vextract${kind}`, ['u16,x32,i'], 'w,r,r', (m, d, s, i) => (d as Place).set(chosen(m, s as Place, i as Place)), VECTOR);
    t.def(
      `vperm2${kind}`,
      ['x32,x32,x32,i', 'x32,x32,u32,i'],
      'w,r,r,r',
      (m, d, a, b, i) => {
        const [b0, b1] = [half(b as Place, 0), half(b as Place, 1)];
        const [a0, a1] = [half(a as Place, 0), half(a as Place, 1)];
        const imm = m.let(wrap((i as Place).get()));
        const pick = (at: number): Val => {
          const bit = (n: number): Val => and(imm, k32(1 << (at + n)));
          return m.let(select(bit(3), ZERO, select(bit(1), select(bit(0), b1, b0), select(bit(0), a1, a0))));
        };
        (d as Place).setVector(pick(0), pick(4));
      },
      VECTOR,
    );
  }
}

/** Eight 32-bit lanes by eight numbers; four 64-bit ones by an immediate. */
function defineCrossing(t: FormTable): void {
  for (const name of ['vpermd', 'vpermps'])
    t.def(
      name,
      ['x32,x32,x32', 'x32,x32,u32'],
      'w,r,r',
      (m, d, numbers, s) => {
        const [low, high] = [half(s as Place, 0), half(s as Place, 1)];
        const pick = (n: 0 | 1): Val => {
          const index = m.let(indices32(v(V.and, half(numbers as Place, n), both(0x7_0000_0007n))));
          // Indices outside 0 to 15 select zero.
          return m.let(v(V.or, v(V.swizzle, low, index), v(V.swizzle, high, v(V.i8sub, index, splat8(k32(16))))));
        };
        (d as Place).setVector(pick(0), pick(1));
      },
      VECTOR,
    );
  for (const name of ['vpermq', 'vpermpd'])
    t.def(
      name,
      ['x32,x32,i', 'x32,u32,i'],
      'w,r,r',
      (m, d, s, i) => {
        const [low, high] = [half(s as Place, 0), half(s as Place, 1)];
        const imm = m.let(wrap((i as Place).get()));
        const pick = (at: number): Val => {
          const whole = m.let(select(and(imm, k32(2 << at)), high, low));
          return m.let(select(and(imm, k32(1 << at)), lane64(whole, 1), lane64(whole, 0)));
        };
        const pair = (at: number): Val => m.let(withLane64(splat64(pick(at)), 1, pick(at + 2)));
        (d as Place).setVector(pair(0), pair(4));
      },
      VECTOR,
    );
}

function definePermil(t: FormTable): void {
  const ps = binary((a, b) => v(V.swizzle, a, indices32(v(V.and, b, both(0x3_0000_0003n)))));
  const pd = binary((a, b) => {
    const bit = v(V.and, simd('v128', VSHIFT[64].shrU, b, k32(1)), both(1n));
    return v(V.swizzle, a, v(V.i64add, v(V.i64mul, bit, both(0x0808_0808_0808_0808n)), both(0x0706_0504_0302_0100n)));
  });
  defBoth(t, 'vpermilps', THREE, 'second', ps);
  defBoth(t, 'vpermilpd', THREE, 'second', pd);
  defBoth(t, 'vpermilps', TWO_AND_IMM, 'none', unaryImm(pshufd));
  defBoth(
    t,
    'vpermilpd',
    TWO_AND_IMM,
    'none',
    unaryImm((b, imm, m) => shufpd(b, b, imm, m)),
    2,
  );
  defBoth(
    t,
    'vpblendd',
    THREE_AND_IMM,
    'second',
    binaryImm((a, b, imm) => v(V.bitselect, b, a, laneMask(4, imm))),
    4,
  );
}

/** Each lane by its own count; too large a one gives zero, or the sign. */
function defineVariableShifts(t: FormTable): void {
  type Shift = (a: Val, n: Val) => Val;
  const one = (name: string, bits: 32 | 64, shift: Shift, isArithmetic: boolean): void =>
    defBoth(
      t,
      name,
      THREE,
      'second',
      binary((a, b, m) => {
        const k = bits === 32 ? (n: number): Val => k32(n) : (n: number): Val => k64(n);
        let result: Val = ZERO;
        for (let i = 0; i < 128 / bits; i++) {
          const lane = (x: Val): Val => m.let(bits === 32 ? lane32(x, i) : lane64(x, i));
          const [x, n] = [lane(a), lane(b)];
          const big = gtU(n, k(bits - 1));
          const r = isArithmetic ? shift(x, m.let(select(big, k(bits - 1), n))) : select(big, k(0), shift(x, n));
          result = (bits === 32 ? withLane32 : withLane64)(result, i, m.let(r));
        }
        return result;
      }),
    );
  one('vpsllvd', 32, shl, false);
  one('vpsllvq', 64, shl, false);
  one('vpsrlvd', 32, shrU, false);
  one('vpsrlvq', 64, shrU, false);
  one('vpsravd', 32, shrS, true);
}

export function defineAvxPermutes(t: FormTable): void {
  defineBroadcasts(t);
  defineHalves(t);
  defineCrossing(t);
  definePermil(t);
  defineVariableShifts(t);
}
