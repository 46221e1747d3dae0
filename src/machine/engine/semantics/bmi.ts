/** BMI1, BMI2 and ADX. SDM Vol. 2. Undefined flags: docs/model.md. */
import {
  add,
  and,
  eqz,
  extU,
  gtU,
  k64,
  ltU,
  mul,
  ne,
  or,
  rotr,
  select,
  sext,
  shl,
  shrS,
  shrU,
  sub,
  type Val,
  wrap,
  xor,
} from '#base/wasm/ops.ts';
import type { Machine, Place, Width } from '../machine.ts';
import { carry, flagsExplicit, flagsLogic, overflow, setCarry, setCarryOverflow, trunc } from './flags.ts';
import { mulHighU } from './muldiv.ts';
import { type FormTable, loadShapes, type Semantics } from './registry.ts';

const WIDTHS: readonly Width[] = [4, 8];
/** reg, vvvv, r/m */
const VVVV_SECOND = WIDTHS.flatMap((w) => [`r${w},r${w},r${w}`, `r${w},r${w},m${w}`]);
/** reg, r/m, vvvv */
const VVVV_THIRD = WIDTHS.flatMap((w) => [`r${w},r${w},r${w}`, `r${w},m${w},r${w}`]);
const BITS = (w: Width): number => w * 8;
const not = (v: Val): Val => xor(v, k64(-1));
const i32 = (v: Val): Val => and(wrap(v), wrap(k64(1)));

type Places = [Place, Place, Place];

/** The low `n` bits; all of them from 64 on. */
const lowBits = (n: Val): Val => select(ltU(n, k64(64)), sub(shl(k64(1), n), k64(1)), k64(-1));

/** BLSI, BLSMSK, BLSR: CF tells about the source. */
const lowestSet =
  (f: (a: Val) => Val, carryWhenZero: boolean): Semantics =>
  (m, d, s) => {
    const p = d as Place;
    const a = (s as Place).get();
    const r = m.let(trunc(p.w, f(a)));
    const cf = m.let(carryWhenZero ? eqz(a) : ne(a, k64(0)));
    p.set(r);
    flagsExplicit(m, p.w, r, cf, wrap(k64(0)));
  };

const bextr: Semantics = (m, ...places) => {
  const [d, s, c] = places as Places;
  const control = c.get();
  const a = s.get();
  const start = m.let(and(control, k64(255)));
  const length = m.let(and(shrU(control, k64(8)), k64(255)));
  const shifted = select(ltU(start, k64(64)), shrU(a, start), k64(0));
  const r = m.let(and(shifted, lowBits(length)));
  d.set(r);
  flagsLogic(m, d.w, r);
};
const bzhi: Semantics = (m, ...places) => {
  const [d, s, c] = places as Places;
  const n = m.let(and(c.get(), k64(255)));
  const a = s.get();
  const r = m.let(and(a, lowBits(n)));
  d.set(r);
  flagsExplicit(m, d.w, r, m.let(gtU(n, k64(BITS(d.w) - 1))), wrap(k64(0)));
};
/** The low half is written first: with one register for both, the high half stays. */
const mulx: Semantics = (m, ...places) => {
  const [hi, lo, s] = places as Places;
  const w = hi.w;
  const b = s.get();
  const a = m.gpr(2, w).get();
  const low = m.let(mul(a, b));
  const high = w === 8 ? mulHighU(m, a, b) : m.let(shrU(low, k64(32)));
  lo.set(m.let(trunc(w, low)));
  hi.set(high);
};

/** One round for each bit set in the mask. */
function bitByBit(m: Machine, mask: Val, round: (lowest: Val) => void): void {
  const rest = m.variable(mask);
  m.loop((again) => {
    m.if(ne(rest.get(), k64(0)), () => {
      const now = m.let(rest.get());
      round(m.let(and(now, sub(k64(0), now))));
      rest.set(and(now, sub(now, k64(1))));
      again();
    });
  });
}
const pdep: Semantics = (m, ...places) => {
  const [d, s, c] = places as Places;
  const mask = c.get();
  const source = m.variable(s.get());
  const r = m.variable(k64(0));
  bitByBit(m, mask, (lowest) => {
    const now = m.let(source.get());
    r.set(or(r.get(), and(sub(k64(0), and(now, k64(1))), lowest)));
    source.set(shrU(now, k64(1)));
  });
  d.set(m.let(r.get()));
};
const pext: Semantics = (m, ...places) => {
  const [d, s, c] = places as Places;
  const mask = c.get();
  const source = s.get();
  const r = m.variable(k64(0));
  const bit = m.variable(k64(1));
  bitByBit(m, mask, (lowest) => {
    const here = m.let(bit.get());
    r.set(or(r.get(), select(ne(and(source, lowest), k64(0)), here, k64(0))));
    bit.set(shl(here, k64(1)));
  });
  d.set(m.let(r.get()));
};

const shiftBy =
  (f: (w: Width, a: Val, n: Val) => Val): Semantics =>
  (m, ...places) => {
    const [d, s, c] = places as Places;
    const n = m.let(and(c.get(), k64(BITS(d.w) - 1)));
    const a = s.get();
    d.set(m.let(trunc(d.w, f(d.w, a, n))));
  };
/** The flag that ADCX or ADOX carries in and out. */
const addWith =
  (into: (m: Machine) => Val, out: (m: Machine, flag: Val) => void): Semantics =>
  (m, d, s) => {
    const p = d as Place;
    const b = (s as Place).get();
    const a = p.get();
    const sum = m.let(add(add(a, b), extU(into(m))));
    const r = m.let(trunc(p.w, sum));
    const carried = p.w === 8 ? shrU(or(and(a, b), and(or(a, b), not(r))), k64(63)) : shrU(sum, k64(32));
    const flag = m.let(i32(carried));
    p.set(r);
    out(m, flag);
  };

export function defineBmi(t: FormTable): void {
  t.def('andn', VVVV_SECOND, 'w,r,r', (m, ...places) => {
    const [d, a, b] = places as Places;
    const y = b.get();
    const r = m.let(trunc(d.w, and(not(a.get()), y)));
    d.set(r);
    flagsLogic(m, d.w, r);
  });
  t.def(
    'blsi',
    loadShapes(WIDTHS),
    'w,r',
    lowestSet((a) => and(a, sub(k64(0), a)), false),
  );
  t.def(
    'blsmsk',
    loadShapes(WIDTHS),
    'w,r',
    lowestSet((a) => xor(a, sub(a, k64(1))), true),
  );
  t.def(
    'blsr',
    loadShapes(WIDTHS),
    'w,r',
    lowestSet((a) => and(a, sub(a, k64(1))), true),
  );
  t.def('bextr', VVVV_THIRD, 'w,r,r', bextr);
  t.def('bzhi', VVVV_THIRD, 'w,r,r', bzhi);
  t.def('mulx', VVVV_SECOND, 'w,w,r', mulx, { cost: 'mul' });
  t.def('pdep', VVVV_SECOND, 'w,r,r', pdep, { cost: 'mul' });
  t.def('pext', VVVV_SECOND, 'w,r,r', pext, { cost: 'mul' });
  t.def(
    'shlx',
    VVVV_THIRD,
    'w,r,r',
    shiftBy((_w, a, n) => shl(a, n)),
  );
  t.def(
    'shrx',
    VVVV_THIRD,
    'w,r,r',
    shiftBy((_w, a, n) => shrU(a, n)),
  );
  t.def(
    'sarx',
    VVVV_THIRD,
    'w,r,r',
    shiftBy((w, a, n) => shrS(sext(a, w), n)),
  );
  t.def(
    'rorx',
    loadShapes(WIDTHS).map((s) => `${s},i`),
    'w,r,r',
    shiftBy((w, a, n) => (w === 8 ? rotr(a, n) : extU(rotr(wrap(a), wrap(n))))),
  );
  t.def('adcx', loadShapes(WIDTHS), 'rw,r', addWith(carry, setCarry));
  t.def(
    'adox',
    loadShapes(WIDTHS),
    'rw,r',
    addWith(overflow, (m, flag) => setCarryOverflow(m, m.let(carry(m)), flag)),
  );
}
