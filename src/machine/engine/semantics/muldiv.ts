/** Multiplication and division. SDM Vol. 2. */
import { add, and, divS, divU, eq, eqz, geU, k64, mul, ne, or, remS, remU, sext, shl, shrS, shrU, sub, type Val } from '#base/wasm/ops.ts';
import type { Machine, Place, Width } from '../machine.ts';
import { SYSTEM_OP } from '../system-ops.ts';
import { flagsExplicit, trunc } from './flags.ts';
import { type FormTable, loadShapes, type Semantics, unaryShapes } from './registry.ts';

const DE = 0;

/** High 64 bits of an unsigned product, by four 32-bit products. */
export function mulHighU(m: Machine, a: Val, b: Val): Val {
  const low = (v: Val): Val => and(v, k64(0xffff_ffffn));
  const high = (v: Val): Val => shrU(v, k64(32));
  const [al, ah, bl, bh] = [m.let(low(a)), m.let(high(a)), m.let(low(b)), m.let(high(b))];
  const t = m.let(add(mul(ah, bl), high(mul(al, bl))));
  const u = m.let(add(mul(al, bh), low(t)));
  return m.let(add(add(mul(ah, bh), high(t)), high(u)));
}
function mulHighS(m: Machine, a: Val, b: Val): Val {
  const h = mulHighU(m, a, b);
  return m.let(sub(sub(h, and(shrS(a, k64(63)), b)), and(shrS(b, k64(63)), a)));
}

/** Writes a double-width product: AX for bytes, else (R)DX:(R)AX. `lo` and `hi` are w-byte values. */
function setProduct(m: Machine, w: Width, lo: Val, hi: Val): void {
  if (w === 1) m.gpr(0, 2).set(m.let(or(lo, shl(hi, k64(8)))));
  else {
    m.gpr(0, w).set(lo);
    m.gpr(2, w).set(hi);
  }
}

const mulOne =
  (signed: boolean): Semantics =>
  (m, s) => {
    const p = s as Place;
    const w = p.w;
    const src = p.get();
    const acc = m.gpr(0, w).get();
    let lo: Val;
    let hi: Val;
    if (w === 8) {
      lo = m.let(mul(acc, src));
      hi = signed ? mulHighS(m, acc, src) : mulHighU(m, acc, src);
    } else {
      const full = m.let(signed ? mul(sext(acc, w), sext(src, w)) : mul(acc, src));
      lo = m.let(trunc(w, full));
      hi = m.let(trunc(w, shrU(full, k64(w * 8))));
    }
    setProduct(m, w, lo, hi);
    const over = m.let(signed ? ne(hi, trunc(w, shrS(sext(lo, w), k64(63)))) : ne(hi, k64(0)));
    flagsExplicit(m, w, lo, over, over);
  };

/** IMUL r, r/m [, imm]: truncated product; CF = OF = significant bits were lost. */
const imulTo: Semantics = (m, d, s, i) => {
  const p = d as Place;
  const w = p.w;
  const b = (s as Place).get();
  const a = i === undefined ? p.get() : i.get();
  let r: Val;
  let over: Val;
  if (w === 8) {
    r = m.let(mul(a, b));
    over = m.let(ne(mulHighS(m, a, b), shrS(r, k64(63))));
  } else {
    const full = m.let(mul(sext(a, w), sext(b, w)));
    r = m.let(trunc(w, full));
    over = m.let(ne(full, sext(r, w)));
  }
  p.set(r);
  flagsExplicit(m, w, r, over, over);
};

/** DIV/IDIV up to 4 bytes: the dividend fits an i64. Flags are undefined and stay. */
function divNarrow(m: Machine, p: Place, signed: boolean): void {
  const w = p.w;
  const raw = p.get();
  const divisor = m.let(signed ? sext(raw, w) : raw);
  const joined = w === 1 ? m.gpr(0, 2).get() : m.let(or(m.gpr(0, w).get(), shl(m.gpr(2, w).get(), k64(w * 8))));
  const dividend = m.let(signed && w < 4 ? sext(joined, (w * 2) as Width) : joined);
  m.if(eqz(divisor), () => m.fault(DE));
  // i64.div_s traps on MIN / -1 alone, whose quotient would not fit anyway.
  if (signed && w === 4) m.if(and(eq(dividend, k64(-(1n << 63n))), eq(divisor, k64(-1))), () => m.fault(DE));
  const q = m.let(signed ? divS(dividend, divisor) : divU(dividend, divisor));
  const rest = m.let(signed ? remS(dividend, divisor) : remU(dividend, divisor));
  m.if(signed ? ne(sext(q, w), q) : ne(trunc(w, q), q), () => m.fault(DE));
  const [lo, hi] = [m.let(trunc(w, q)), m.let(trunc(w, rest))];
  setProduct(m, w, lo, hi);
}
/** 128 by 64 bits: in place when the high half is mere extension, else by the system operation. */
function divWide(m: Machine, p: Place, signed: boolean): void {
  const divisor = p.get();
  const low = m.gpr(0, 8).get();
  const high = m.gpr(2, 8).get();
  m.if(eqz(divisor), () => m.fault(DE));
  if (signed) {
    const odd = or(ne(high, shrS(low, k64(63))), and(eq(low, k64(-(1n << 63n))), eq(divisor, k64(-1))));
    m.if(odd, () => m.system(SYSTEM_OP.IDIV128, divisor));
    m.gpr(0, 8).set(m.let(divS(low, divisor)));
    m.gpr(2, 8).set(m.let(remS(low, divisor)));
  } else {
    m.if(geU(high, divisor), () => m.fault(DE));
    m.if(ne(high, k64(0)), () => m.system(SYSTEM_OP.DIV128, divisor));
    m.gpr(0, 8).set(m.let(divU(low, divisor)));
    m.gpr(2, 8).set(m.let(remU(low, divisor)));
  }
}
const div =
  (signed: boolean): Semantics =>
  (m, s) => {
    const p = s as Place;
    if (p.w === 8) divWide(m, p, signed);
    else divNarrow(m, p, signed);
  };

export function defineMulDiv(t: FormTable): void {
  t.def('mul', unaryShapes(), 'r', mulOne(false), { cost: 'mul' });
  t.def('imul', unaryShapes(), 'r', mulOne(true), { cost: 'mul' });
  t.def('imul', loadShapes(), 'rw,r', imulTo, { cost: 'mul' });
  t.def(
    'imul',
    loadShapes().map((s) => `${s},i`),
    'w,r,r',
    imulTo,
    { cost: 'mul' },
  );
  t.def('div', unaryShapes(), 'r', div(false), { cost: 'div' });
  t.def('idiv', unaryShapes(), 'r', div(true), { cost: 'div' });
}
