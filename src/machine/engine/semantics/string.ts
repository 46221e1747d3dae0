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
/** With a 67h prefix ESI, EDI and ECX serve (`a` = 4). */
type AddressWidth = 4 | 8;
function advance(m: Machine, register: number, by: Val, a: AddressWidth): void {
  const p = m.gpr(register, a);
  p.set(m.let(trunc(a, add(p.get(), by))));
}

/** The source may carry a segment override; the destination is always ES. */
const source = (m: Machine, a: AddressWidth): Val => m.let(add(m.gpr(RSI, a).get(), m.segment()));

function movs(m: Machine, w: Width, a: AddressWidth): void {
  const to = m.gpr(RDI, a).get();
  const v = m.let(m.load(w, source(m, a)));
  m.store(w, to, v);
  const by = step(m, w);
  advance(m, RSI, by, a);
  advance(m, RDI, by, a);
}
function stos(m: Machine, w: Width, a: AddressWidth): void {
  m.store(w, m.gpr(RDI, a).get(), m.gpr(0, w).get());
  advance(m, RDI, step(m, w), a);
}
function lods(m: Machine, w: Width, a: AddressWidth): void {
  const v = m.let(m.load(w, source(m, a)));
  m.gpr(0, w).set(v);
  advance(m, RSI, step(m, w), a);
}
function scas(m: Machine, w: Width, a: AddressWidth): void {
  const b = m.let(m.load(w, m.gpr(RDI, a).get()));
  const acc = m.gpr(0, w).get();
  flagsSub(m, w, acc, b, m.let(trunc(w, sub(acc, b))));
  advance(m, RDI, step(m, w), a);
}
function cmps(m: Machine, w: Width, a: AddressWidth): void {
  const from = m.let(m.load(w, source(m, a)));
  const b = m.let(m.load(w, m.gpr(RDI, a).get()));
  flagsSub(m, w, from, b, m.let(trunc(w, sub(from, b))));
  const by = step(m, w);
  advance(m, RSI, by, a);
  advance(m, RDI, by, a);
}

export function defineString(t: FormTable): void {
  for (const [suffix, w] of SUFFIX) {
    for (const a of [8, 4] as const) defineWidth(t, suffix, w, a);
  }
}

type Operation = (m: Machine, w: Width, a: AddressWidth) => void;

function defineWidth(t: FormTable, suffix: string, w: Width, a: AddressWidth): void {
  const E: Cc = 4;
  const NE: Cc = 5;
  const prefix = a === 4 ? 'a32 ' : '';
  const plain: Record<string, Operation> = { movs, stos, lods, scas, cmps };
  for (const [name, f] of Object.entries(plain)) t.def(`${prefix}${name}${suffix}`, [''], '', (m) => f(m, w, a));
  const rep = (name: string, loads: number, stores: number, f: Operation, until?: Cc, bulk?: 'movs' | 'stos'): void =>
    t.def(
      `${prefix}${name}${suffix}`,
      [''],
      '',
      (m) => {
        if (bulk !== undefined && a === 8) m.repBulk(bulk, w);
        m.rep(loads, stores, a, () => {
          f(m, w, a);
          return until === undefined ? undefined : condition(m, until);
        });
      },
      { cost: 'rep', ends: true },
    );
  rep('rep movs', 1, 1, movs, undefined, 'movs');
  rep('rep stos', 0, 1, stos, undefined, 'stos');
  rep('rep lods', 1, 0, lods);
  rep('rep scas', 1, 0, scas, E);
  rep('repne scas', 1, 0, scas, NE);
  rep('rep cmps', 2, 0, cmps, E);
  rep('repne cmps', 2, 0, cmps, NE);
}
