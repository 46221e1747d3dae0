/** Masked moves and gathers: element by element, so that what the mask leaves out is neither touched nor able to fault. SDM Vol. 2. */
import { add, extS, k32, k64, ltS, type Val, wrap } from '#base/wasm/ops.ts';
import { lane32, lane64, withLane32, withLane64 } from '#base/wasm/simd.ts';
import type { Machine, Place } from '../machine.ts';
import type { FormTable, Semantics } from './registry.ts';
import { ZERO } from './sse-int.ts';

const VECTOR = { cost: 'vector' } as const;
type ElementBytes = 4 | 8;

/** The sign of element i is set. */
function chosen(m: Machine, mask: Place, i: number, bytes: ElementBytes): Val {
  const x = mask.part(i * bytes, 16).scalar(bytes === 4 ? 'i32' : 'i64');
  return m.let(ltS(x, bytes === 4 ? k32(0) : k64(0)));
}
const elements = (p: Place, bytes: ElementBytes): number[] => Array.from({ length: p.w / bytes }, (_, i) => i);

const maskedLoad =
  (bytes: ElementBytes): Semantics =>
  (m, d, mask, s) => {
    const p = d as Place;
    const ea = m.let((s as Place).ea());
    const halves = [m.variable(ZERO), m.variable(ZERO)] as const;
    const perHalf = 16 / bytes;
    m.asOneAccess(() => {
      for (const i of elements(p, bytes))
        m.if(chosen(m, mask as Place, i, bytes), () => {
          const x = m.load(bytes, add(ea, k64(i * bytes)));
          const into = halves[i < perHalf ? 0 : 1];
          into.set(bytes === 4 ? withLane32(into.get(), i % perHalf, wrap(x)) : withLane64(into.get(), i % perHalf, x));
        });
    });
    p.setVector(halves[0].get(), halves[1].get());
  };
/** All elements are checked before the first is written. At most one of them crosses a page. */
const maskedStore =
  (bytes: ElementBytes): Semantics =>
  (m, d, mask, s) => {
    const [p, from] = [d as Place, s as Place];
    const ea = m.let(p.ea());
    const all = elements(p, bytes).map((i) => ({
      i,
      place: m.memory(m.let(add(ea, k64(i * bytes))), bytes, 'w'),
      isChosen: chosen(m, mask as Place, i, bytes),
    }));
    m.asOneAccess(() => {
      for (const e of all) m.if(e.isChosen, () => e.place.check());
      for (const e of all) m.if(e.isChosen, () => e.place.set(from.part(e.i * bytes, 16).scalar(bytes === 4 ? 'i32' : 'i64')));
    });
  };

/**
 * Gathers, in order; an element that is loaded is written at once and its mask bit cleared, so that after a fault the instruction goes on where it
 * stopped. `indexBytes` 8: qword indices, and at most as many elements as there are.
 */
const gather =
  (bytes: ElementBytes, indexBytes: ElementBytes, count: number): Semantics =>
  (m, d, s, k) => {
    const [p, mask, memory] = [d as Place, k as Place, s as Place];
    for (let i = 0; i < count; i++) {
      const at = i * bytes;
      m.if(chosen(m, mask, i, bytes), () => {
        const index = m.vectorIndex(i * indexBytes < 16 ? 0 : 1);
        const lane = i % (16 / indexBytes);
        const x = m.load(bytes, memory.ea(m.let(indexBytes === 4 ? extS(lane32(index, lane)) : lane64(index, lane))));
        p.part(at, 16).setLow(x, bytes);
        mask.part(at, 16).setLow(k64(0), bytes);
      });
    }
    const kept = (n: 0 | 1): Val => (n * 16 < count * bytes ? whole(m, p, n, count * bytes) : ZERO);
    p.setVector(kept(0), kept(1));
    mask.setVector(ZERO, ZERO);
  };
/** A half, cut behind byte `end`. */
const whole = (m: Machine, p: Place, n: 0 | 1, end: number): Val => {
  const x = p.part(n * 16, 16).get();
  return end - n * 16 >= 16 ? x : m.let(withLane64(x, 1, k64(0)));
};

function defineGathers(t: FormTable): void {
  const one = (name: string, bytes: ElementBytes, indexBytes: ElementBytes): void => {
    for (const wide of [false, true]) {
      // VEX.L is the wider one of indices and elements.
      const count = (wide ? 32 : 16) / Math.max(bytes, indexBytes);
      const width = Math.max(16, count * bytes);
      const indices = count * indexBytes > 16 ? ' y' : '';
      t.def(`${name}${indices}`, [`x${width},v${bytes},x${width}`], 'rw,r,rw', gather(bytes, indexBytes, count), VECTOR);
    }
  };
  for (const [index, indexBytes] of [
    ['d', 4],
    ['q', 8],
  ] as const) {
    one(`vpgather${index}d`, 4, indexBytes);
    one(`vpgather${index}q`, 8, indexBytes);
    one(`vgather${index}ps`, 4, indexBytes);
    one(`vgather${index}pd`, 8, indexBytes);
  }
}

export function defineAvxMemory(t: FormTable): void {
  for (const [name, bytes] of [
    ['vmaskmovps', 4],
    ['vmaskmovpd', 8],
    ['vpmaskmovd', 4],
    ['vpmaskmovq', 8],
  ] as const) {
    t.def(name, ['x16,x16,u16', 'x32,x32,u32'], 'w,r,r', maskedLoad(bytes), VECTOR);
    t.def(name, ['u16,x16,x16', 'u32,x32,x32'], 'w,r,r', maskedStore(bytes), VECTOR);
  }
  defineGathers(t);
}
