/** REP MOVS and REP STOS by whole runs of elements within one page each; what is left, and what overlaps, goes element by element. */
import type { FunctionBuilder } from '#base/wasm/function.ts';
import { add, and, eqz, extU, geU, gtS, k32, k64, load, ltU, mul, ne, select, shrU, sub, type Val, wrap } from '#base/wasm/ops.ts';
import * as L from '../layout.ts';
import type { Machine, Width } from '../machine.ts';
import type { Bulk } from './observer-log.ts';

export interface RepAccess {
  /** Host address of one byte, checked. */
  readonly probe: (va: Val, write: boolean) => Val;
  /** Iterations are done. */
  readonly done: (bulk: Bulk) => void;
}

export function repBulk(f: FunctionBuilder, m: Machine, kind: 'movs' | 'stos', w: Width, access: RepAccess): void {
  const [cx, di, si] = [m.gpr(1, 8), m.gpr(7, 8), m.gpr(6, 8)];
  const smaller = (a: Val, b: Val): Val => f.let(select(ltU(a, b), a, b));
  const room = (va: Val): Val => shrU(sub(k64(4096), and(va, k64(4095))), k64(Math.log2(w)));
  f.block((slow) => {
    f.brIf(slow, ne(and(m.rflags, k64(1 << 10)), k64(0)));
    f.brIf(slow, load('i32', 4, k32(L.BOX.WATCH))); // the probe is of one byte
    f.loop((again) => {
      const limit = load('i32', 4, k32(L.BOX.REP_LIMIT));
      const rcx = cx.get();
      f.brIf(slow, eqz(gtS(limit, k32(0))));
      const to = di.get();
      let n = smaller(smaller(rcx, extU(limit)), f.let(room(to)));
      let from: Val = k64(0);
      if (kind === 'movs') {
        from = f.let(add(si.get(), m.segment()));
        n = smaller(n, f.let(room(from)));
        // A forward overlap repeats the source: element by element.
        f.brIf(slow, ltU(sub(to, from), mul(n, k64(w))));
      }
      f.brIf(slow, eqz(n));
      const bytes = f.let(wrap(mul(n, k64(w))));
      const source = kind === 'movs' ? access.probe(from, false) : k32(0);
      const target = access.probe(to, true);
      if (kind === 'movs') f.memoryCopy(target, source, bytes);
      else fillBulk(f, m, target, bytes, w);
      cx.set(f.let(sub(rcx, n)));
      di.set(f.let(add(to, extU(bytes))));
      if (kind === 'movs') si.set(f.let(add(si.get(), extU(bytes))));
      access.done({ moves: kind === 'movs', width: w, from, source, to, target, n: f.let(wrap(n)) });
      f.br(again);
    });
  });
}
/** STOS: the first element, then doubling copies of what is there. */
function fillBulk(f: FunctionBuilder, m: Machine, target: Val, bytes: Val, w: Width): void {
  const a = m.gpr(0, w).get();
  if (w === 1) return f.memoryFill(target, wrap(a), bytes);
  f.store(w, target, a);
  const done = f.variable(k32(w));
  f.block((out) => {
    f.loop((again) => {
      const d = f.let(f.get(done));
      f.brIf(out, geU(d, bytes));
      const rest = f.let(sub(bytes, d));
      const n = f.let(select(ltU(d, rest), d, rest));
      f.memoryCopy(add(target, d), target, n);
      f.set(done, add(d, n));
      f.br(again);
    });
  });
}
