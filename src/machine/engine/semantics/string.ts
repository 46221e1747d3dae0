/** String instructions, plain and with REP. SDM Vol. 1 §7.3.9. One iteration is one restartable step. */
import { add, and, k64, ne, select, sub, type Val } from '#base/wasm/ops.ts';
import type { Cc, Machine, Width } from '../machine.ts';
import { condition, flagsSub, trunc } from './flags.ts';
import type { FormTable } from './registry.ts';

const RSI = 6;
const RDI = 7;
const SUFFIX: readonly (readonly [string, Width])[] = [
  ['b', 1],
  ['w', 2],
  ['d', 4],
  ['q', 8],
];

/** + w or − w by DF. */
const step = (m: Machine, w: Width): Val => m.let(select(ne(and(m.rflags, k64(1 << 10)), k64(0)), k64(-w), k64(w)));
function advance(m: Machine, register: number, by: Val): void {
  const p = m.gpr(register, 8);
  p.set(m.let(add(p.get(), by)));
}

/** The source may carry a segment override (`m.imm()` is the segment base); the destination is always ES. */
const source = (m: Machine, segment: Val): Val => m.let(add(m.gpr(RSI, 8).get(), segment));

function movs(m: Machine, w: Width): void {
  const to = m.gpr(RDI, 8).get();
  const v = m.let(m.load(w, source(m, m.imm())));
  m.store(w, to, v);
  const by = step(m, w);
  advance(m, RSI, by);
  advance(m, RDI, by);
}
function stos(m: Machine, w: Width): void {
  m.store(w, m.gpr(RDI, 8).get(), m.gpr(0, w).get());
  advance(m, RDI, step(m, w));
}
function lods(m: Machine, w: Width): void {
  const v = m.let(m.load(w, source(m, m.imm())));
  m.gpr(0, w).set(v);
  advance(m, RSI, step(m, w));
}
function scas(m: Machine, w: Width): void {
  const b = m.let(m.load(w, m.gpr(RDI, 8).get()));
  const a = m.gpr(0, w).get();
  flagsSub(m, w, a, b, m.let(trunc(w, sub(a, b))));
  advance(m, RDI, step(m, w));
}
function cmps(m: Machine, w: Width): void {
  const a = m.let(m.load(w, source(m, m.imm())));
  const b = m.let(m.load(w, m.gpr(RDI, 8).get()));
  flagsSub(m, w, a, b, m.let(trunc(w, sub(a, b))));
  const by = step(m, w);
  advance(m, RSI, by);
  advance(m, RDI, by);
}

export function defineString(t: FormTable): void {
  const E: Cc = 4;
  const NE: Cc = 5;
  for (const [suffix, w] of SUFFIX) {
    const plain: Record<string, (m: Machine, w: Width) => void> = { movs, stos, lods, scas, cmps };
    for (const [name, f] of Object.entries(plain)) t.def(`${name}${suffix}`, [''], '', (m) => f(m, w));
    const rep = (name: string, loads: number, stores: number, f: (m: Machine, w: Width) => void, until?: Cc): void =>
      t.def(
        name,
        [''],
        '',
        (m) =>
          m.rep(loads, stores, () => {
            f(m, w);
            return until === undefined ? undefined : condition(m, until);
          }),
        { cost: 'rep', ends: true },
      );
    const bulk = (kind: 'movs' | 'stos', f: (m: Machine, w: Width) => void): void =>
      t.def(
        `rep ${kind}${suffix}`,
        [''],
        '',
        (m) => {
          m.repBulk(kind, w);
          m.rep(kind === 'movs' ? 1 : 0, 1, () => {
            f(m, w);
            return undefined;
          });
        },
        { cost: 'rep', ends: true },
      );
    bulk('movs', movs);
    bulk('stos', stos);
    rep(`rep lods${suffix}`, 1, 0, lods);
    rep(`rep scas${suffix}`, 1, 0, scas, E);
    rep(`repne scas${suffix}`, 1, 0, scas, NE);
    rep(`rep cmps${suffix}`, 2, 0, cmps, E);
    rep(`repne cmps${suffix}`, 2, 0, cmps, NE);
  }
}
