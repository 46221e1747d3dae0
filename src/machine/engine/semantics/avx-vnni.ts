/** AVX-VNNI: sums of products, added to the destination. SDM Vol. 2, VPDPBUSD, VPDPWSSD. */
import { k32, kv128, simd, type Val } from '#base/wasm/ops.ts';
import { shuffleLanes, V, v, VSHIFT } from '#base/wasm/simd.ts';
import type { Machine, Place } from '../machine.ts';
import type { FormTable, Semantics } from './registry.ts';
import { lift } from './vex.ts';

const VECTOR = { cost: 'vector' } as const;
const LEAST = kv128(0x8000_0000_8000_0000n, 0x8000_0000_8000_0000n);
const LARGEST = kv128(0x7fff_ffff_7fff_ffffn, 0x7fff_ffff_7fff_ffffn);

/** Four products each of unsigned bytes of a and signed bytes of b: none of them leaves 16 bits. */
function byteProducts(m: Machine, a: Val, b: Val): Val {
  const pairs = (x: Val, y: Val): Val => m.let(v(V.i32pairS, v(V.i16mul, x, y)));
  const low = pairs(v(V.i16extLowU, a), v(V.i16extLowS, b));
  const high = pairs(v(V.i16extHighU, a), v(V.i16extHighS, b));
  return v(V.i32add, shuffleLanes(4, low, high, [0, 2, 4, 6]), shuffleLanes(4, low, high, [1, 3, 5, 7]));
}
const signs = (x: Val): Val => simd('v128', VSHIFT[32].shrS, x, k32(31));
/** Signed, saturated. */
function saturatedSum(m: Machine, a: Val, b: Val): Val {
  const sum = m.let(v(V.i32add, a, b));
  const overflows = signs(v(V.and, v(V.xor, sum, a), v(V.xor, sum, b)));
  return v(V.bitselect, v(V.xor, signs(a), LARGEST), sum, overflows);
}
/** Two products of −2^15 and −2^15 make 2^31, which wraps around: no other pair gives that. */
function saturatedWords(m: Machine, a: Val, products: Val): Val {
  const wrapped = v(V.i32eq, products, LEAST);
  const larger = v(V.bitselect, v(V.xor, a, LEAST), LARGEST, signs(a));
  return v(V.bitselect, larger, saturatedSum(m, a, products), wrapped);
}

export function defineAvxVnni(t: FormTable): void {
  const one = (name: string, f: (m: Machine, old: Val, a: Val, b: Val) => Val): void => {
    const semantics: Semantics = (m, d, a, b) => {
      const [y, x, old] = [(b as Place).get(), (a as Place).get(), (d as Place).get()];
      (d as Place).set(m.let(f(m, old, x, y)));
    };
    t.def(name, ['x16,x16,x16', 'x16,x16,u16'], 'rw,r,r', lift(semantics, { halves: 1, first: 'own' }), VECTOR);
    t.def(name, ['x32,x32,x32', 'x32,x32,u32'], 'rw,r,r', lift(semantics, { halves: 2, first: 'own' }), VECTOR);
  };
  one('vpdpbusd', (m, old, a, b) => v(V.i32add, old, byteProducts(m, a, b)));
  one('vpdpbusds', (m, old, a, b) => saturatedSum(m, old, m.let(byteProducts(m, a, b))));
  one('vpdpwssd', (_m, old, a, b) => v(V.i32add, old, v(V.i32dot, a, b)));
  one('vpdpwssds', (m, old, a, b) => saturatedWords(m, old, m.let(v(V.i32dot, a, b))));
}
