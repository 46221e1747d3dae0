/** SSE and SSE2 moves between XMM registers, general registers and memory. SDM Vol. 2. */
import { add, and, k64, type Val, wrap } from '#base/wasm/ops.ts';
import { bitmask8, lane64, shuffleLanes, V, v, withLane32, withLane64 } from '#base/wasm/simd.ts';
import type { Machine, Place } from '../machine.ts';
import type { FormTable, Semantics } from './registry.ts';
import { ZERO } from './sse-int.ts';

const VECTOR = { cost: 'vector' } as const;
const RDI = 7;

const move: Semantics = (_m, d, s) => (d as Place).set((s as Place).get());
/** The low 4 or 8 bytes, the rest zero. */
const moveLow: Semantics = (_m, d, s) => (d as Place).set((s as Place).getVector());
const low64 = (m: Machine, p: Place): Val => m.let(p.kind === 'm' ? p.get() : p.scalar('i64'));

function defineHalves(t: FormTable): void {
  for (const name of ['movlps', 'movlpd', 'movhps', 'movhpd']) {
    const lane = name[3] === 'h' ? 1 : 0;
    t.def(
      name,
      ['x16,m8'],
      'rw,r',
      (m, d, s) => {
        const b = (s as Place).get();
        const p = d as Place;
        p.set(m.let(withLane64(p.get(), lane, b)));
      },
      VECTOR,
    );
    t.def(
      name,
      ['m8,x16'],
      'w,r',
      (m, d, s) => {
        const a = (s as Place).get();
        (d as Place).set(m.let(lane64(a, lane)));
      },
      VECTOR,
    );
  }
  const merge = (name: string, lanes: readonly number[]): void =>
    t.def(
      name,
      ['x16,x16'],
      'rw,r',
      (m, d, s) => {
        const b = (s as Place).get();
        const p = d as Place;
        p.set(m.let(shuffleLanes(8, p.get(), b, lanes)));
      },
      VECTOR,
    );
  merge('movhlps', [3, 1]);
  merge('movlhps', [0, 2]);
}

/** MASKMOVDQU: byte by byte, so that only bytes whose mask bit is set are touched. Counted as one load and one store: see docs/model.md. */
const maskMove =
  (a: 4 | 8): Semantics =>
  (m, d, s) => {
    const data = (d as Place).get();
    const mask = (s as Place).get();
    m.if(bitmask8(mask), () => {
      const p = m.memory(m.let(add(m.gpr(RDI, a).get(), m.segment())), 16, 'rw');
      const old = p.get();
      const chosen = v(V.i8gtS, ZERO, mask);
      p.set(m.let(v(V.bitselect, data, old, chosen)));
    });
  };

export function defineSseMove(t: FormTable): void {
  for (const name of ['movaps', 'movapd', 'movdqa']) t.def(name, ['x16,x16', 'x16,m16', 'm16,x16'], 'w,r', move, VECTOR);
  for (const name of ['movups', 'movupd', 'movdqu']) t.def(name, ['x16,x16', 'x16,u16', 'u16,x16'], 'w,r', move, VECTOR);
  t.def('lddqu', ['x16,u16'], 'w,r', move, VECTOR);
  for (const name of ['movntdq', 'movntps', 'movntpd']) t.def(name, ['m16,x16'], 'w,r', move, VECTOR);
  t.def('movnti', ['m4,r4', 'm8,r8'], 'w,r', move);
  t.def('movd', ['x16,m4'], 'w,r', moveLow, VECTOR);
  t.def('movq', ['x16,m8'], 'w,r', moveLow, VECTOR);
  t.def('movd', ['x16,r4'], 'w,r', (m, d, s) => (d as Place).set(m.let(withLane32(ZERO, 0, wrap((s as Place).get())))), VECTOR);
  t.def('movq', ['x16,r8'], 'w,r', (m, d, s) => (d as Place).set(m.let(withLane64(ZERO, 0, (s as Place).get()))), VECTOR);
  t.def('movq', ['x16,x16'], 'w,r', (m, d, s) => (d as Place).set(m.let(withLane64(ZERO, 0, low64(m, s as Place)))), VECTOR);
  t.def(
    'movd',
    ['r4,x16', 'm4,x16'],
    'w,r',
    (m, d, s) => {
      (d as Place).set(m.let(and(low64(m, s as Place), k64(0xffff_ffffn))));
    },
    VECTOR,
  );
  t.def('movq', ['r8,x16', 'm8,x16'], 'w,r', (m, d, s) => (d as Place).set(low64(m, s as Place)), VECTOR);
  t.def('movss', ['x16,m4'], 'w,r', moveLow, VECTOR);
  t.def('movsd', ['x16,m8'], 'w,r', moveLow, VECTOR);
  t.def('movss', ['m4,x16'], 'w,r', (_m, d, s) => (d as Place).set((s as Place).scalar('i32')), VECTOR);
  t.def('movsd', ['m8,x16'], 'w,r', (_m, d, s) => (d as Place).set((s as Place).scalar('i64')), VECTOR);
  t.def(
    'movss',
    ['x16,x16'],
    'rw,r',
    (m, d, s) => {
      const b = (s as Place).scalar('i32');
      (d as Place).set(m.let(withLane32((d as Place).get(), 0, b)));
    },
    VECTOR,
  );
  t.def(
    'movsd',
    ['x16,x16'],
    'rw,r',
    (m, d, s) => {
      const b = (s as Place).scalar('i64');
      (d as Place).set(m.let(withLane64((d as Place).get(), 0, b)));
    },
    VECTOR,
  );
  defineHalves(t);
  t.def('maskmovdqu', ['x16,x16'], 'r,r', maskMove(8), VECTOR);
  t.def('a32 maskmovdqu', ['x16,x16'], 'r,r', maskMove(4), VECTOR);
}
