/** Shifts, rotates, bit tests and bit counts. SDM Vol. 2. Undefined flags: docs/model.md. */
import {
  add,
  and,
  clz,
  ctz,
  eqz,
  extU,
  k32,
  k64,
  ne,
  or,
  popcnt,
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
import { carry, flagsExplicit, flagsLogic, setCarry, setCarryOverflow, setStatusFlags, signBit, trunc } from './flags.ts';
import { type FormTable, loadShapes, type Semantics } from './registry.ts';

const WIDTHS: readonly Width[] = [1, 2, 4, 8];
/** r,i · m,i · r,CL · m,CL */
const shiftShapes = WIDTHS.flatMap((w) => [`r${w},i`, `m${w},i`, `r${w},r1`, `m${w},r1`]);

/** The masked count as i64, pinned. */
const countOf = (m: Machine, w: Width, s: Place): Val => m.let(and(s.get(), k64(w === 8 ? 63 : 31)));
const i32bit = (v: Val): Val => and(wrap(v), k32(1));

type Shift = (m: Machine, w: Width, a: Val, n: Val) => { r: Val; cf: Val; of: Val };

/** A zero count leaves flags (and 8-, 16- and 64-bit destinations) alone; 32-bit destinations are zero-extended all the same. */
const shift =
  (f: Shift): Semantics =>
  (m, d, s) => {
    const p = d as Place;
    const n = countOf(m, p.w, s as Place);
    const a = p.get();
    const { r, cf, of } = f(m, p.w, a, n);
    const result = m.let(r);
    const [c, o] = [m.let(cf), m.let(of)];
    p.set(result);
    m.if(ne(n, k64(0)), () => flagsExplicit(m, p.w, result, c, o));
  };

const shlOp: Shift = (m, w, a, n) => {
  // Counts reach 31 for narrow operands: the bit that falls out last is bit (8w - n), zero once n > 8w.
  const wide = m.let(w === 8 ? shl(a, n) : shl(a, n));
  const r = m.let(trunc(w, wide));
  const cf = m.let(w === 8 ? i32bit(shrU(a, and(sub(k64(64), n), k64(63)))) : i32bit(shrU(wide, k64(w * 8))));
  return { r, cf, of: xor(wrap(signBit(w, r)), cf) };
};
const shrOp: Shift = (m, w, a, n) => {
  const r = m.let(shrU(a, n));
  const cf = m.let(i32bit(shrU(a, and(sub(n, k64(1)), k64(63)))));
  return { r, cf, of: wrap(and(xor(signBit(w, r), signBit(w, trunc(w, shl(r, k64(1))))), k64(1))) };
};
const sarOp: Shift = (m, w, a, n) => {
  const wide = m.let(sext(a, w));
  const r = m.let(trunc(w, shrS(wide, n)));
  return { r, cf: i32bit(shrS(wide, and(sub(n, k64(1)), k64(63)))), of: k32(0) };
};

/** ROL/ROR: CF and OF alone; the count is taken modulo the width after masking. */
const rotate =
  (left: boolean): Semantics =>
  (m, d, s) => {
    const p = d as Place;
    const n = countOf(m, p.w, s as Place);
    const a = p.get();
    const bits = p.w * 8;
    const k = m.let(and(n, k64(bits - 1)));
    const back = m.let(and(sub(k64(bits), k), k64(bits - 1)));
    const r = m.let(trunc(p.w, or(shl(a, left ? k : back), shrU(a, left ? back : k))));
    p.set(r);
    m.if(ne(n, k64(0)), () => {
      const top = m.let(wrap(signBit(p.w, r)));
      if (left) {
        const cf = m.let(i32bit(r));
        setCarryOverflow(m, cf, m.let(xor(top, cf)));
      } else {
        setCarryOverflow(m, top, m.let(xor(top, i32bit(shrU(r, k64(bits - 2))))));
      }
    });
  };

/** RCL/RCR: a rotate through CF, bit by bit (counts up to 63 for 8 bytes, modulo 9 and 17 for narrow ones). */
const rotateCarry =
  (left: boolean): Semantics =>
  (m, d, s) => {
    const p = d as Place;
    const bits = p.w * 8;
    const n = countOf(m, p.w, s as Place);
    const a = p.get();
    const value = m.variable(a);
    const c = m.variable(carry(m));
    const left_ = m.variable(n);
    m.loop((again) => {
      m.if(ne(left_.get(), k64(0)), () => {
        const v = m.let(value.get());
        const out = m.let(left ? wrap(signBit(p.w, v)) : i32bit(v));
        const into = m.let(extU(c.get()));
        value.set(left ? trunc(p.w, or(shl(v, k64(1)), into)) : or(shrU(v, k64(1)), shl(into, k64(bits - 1))));
        c.set(out);
        left_.set(sub(left_.get(), k64(1)));
        again();
      });
    });
    const r = m.let(value.get());
    p.set(r);
    m.if(ne(n, k64(0)), () => {
      const top = m.let(wrap(signBit(p.w, r)));
      const cf = m.let(c.get());
      setCarryOverflow(m, cf, m.let(xor(top, left ? cf : i32bit(shrU(r, k64(bits - 2))))));
    });
  };

/** SHLD/SHRD. A count above the width (16-bit operands only) is undefined: the model shifts the pair d:s:d. */
const doubleShift =
  (left: boolean): Semantics =>
  (m, d, s, c) => {
    const [p, q] = [d as Place, s as Place];
    const bits = p.w * 8;
    const n = countOf(m, p.w, c as Place);
    const b = q.get();
    const a = p.get();
    // 16-bit operands: d:s:d in one word, so that counts up to 31 need no other way.
    const triple = p.w === 2 ? m.let(or(or(shl(a, k64(32)), shl(b, k64(16))), a)) : a;
    const other = m.let(and(sub(k64(bits), n), k64(63)));
    const spill = (): Val => m.let(select(eqz(n), k64(0), left ? shrU(b, other) : shl(b, other)));
    const shifted = p.w === 2 ? shrU(triple, left ? sub(k64(32), n) : n) : or(left ? shl(a, n) : shrU(a, n), spill());
    const r = m.let(trunc(p.w, shifted));
    p.set(r);
    m.if(ne(n, k64(0)), () => {
      const at = left ? and(sub(k64(p.w === 2 ? 48 : bits), n), k64(63)) : and(sub(n, k64(1)), k64(63));
      const cf = m.let(i32bit(shrU(triple, at)));
      flagsExplicit(m, p.w, r, cf, xor(wrap(signBit(p.w, r)), wrap(signBit(p.w, a))));
    });
  };

type BitChange = (a: Val, mask: Val) => Val;
/** BT, BTS, BTR, BTC: CF alone. With a register offset a memory operand is a bit string. */
const bitTest =
  (change: BitChange | undefined): Semantics =>
  (m, d, s) => {
    const [p, q] = [d as Place, s as Place];
    const bits = p.w * 8;
    const offset = q.get();
    let target = p;
    if (p.kind === 'm' && q.kind === 'r') {
      const byte = m.let(shl(shrS(sext(offset, q.w), k64(Math.log2(bits))), k64(Math.log2(p.w))));
      target = m.memory(m.let(add(p.ea(), byte)), p.w, change === undefined ? 'r' : 'rw');
    }
    const a = target.get();
    const n = m.let(and(offset, k64(bits - 1)));
    const cf = m.let(i32bit(shrU(a, n)));
    if (change !== undefined) target.set(m.let(trunc(p.w, change(a, shl(k64(1), n)))));
    setCarry(m, cf);
  };

/** BSF/BSR: a zero source leaves the destination alone and sets ZF; the other flags follow the source (undefined). */
const bitScan =
  (forward: boolean): Semantics =>
  (m, d, s) => {
    const p = d as Place;
    const a = (s as Place).get();
    // Not written at all: a 32-bit destination keeps its upper half.
    m.if(ne(a, k64(0)), () => p.set(m.let(forward ? ctz(a) : sub(k64(63), clz(a)))));
    flagsLogic(m, p.w, a);
  };
/** LZCNT/TZCNT: CF = source zero, ZF = result zero; the rest is undefined and cleared. */
const countZeros =
  (trailing: boolean): Semantics =>
  (m, d, s) => {
    const p = d as Place;
    const bits = p.w * 8;
    const a = (s as Place).get();
    const r = m.let(select(eqz(a), k64(bits), trailing ? ctz(a) : sub(clz(a), k64(64 - bits))));
    const cf = m.let(eqz(a));
    p.set(r);
    setStatusFlags(m, m.let(or(extU(cf), shl(extU(eqz(r)), k64(6)))));
  };

export function defineShift(t: FormTable): void {
  for (const [name, f] of Object.entries({ shl: shlOp, sal: shlOp, shr: shrOp, sar: sarOp })) t.def(name, shiftShapes, 'rw,r', shift(f));
  t.def('rol', shiftShapes, 'rw,r', rotate(true));
  t.def('ror', shiftShapes, 'rw,r', rotate(false));
  t.def('rcl', shiftShapes, 'rw,r', rotateCarry(true));
  t.def('rcr', shiftShapes, 'rw,r', rotateCarry(false));
  const double = [2, 4, 8].flatMap((w) => [`r${w},r${w},i`, `m${w},r${w},i`, `r${w},r${w},c1`, `m${w},r${w},c1`]);
  t.def('shld', double, 'rw,r,r', doubleShift(true));
  t.def('shrd', double, 'rw,r,r', doubleShift(false));
  const test = [2, 4, 8].flatMap((w) => [`r${w},r${w}`, `m${w},r${w}`, `r${w},i`, `m${w},i`]);
  const change: Record<string, BitChange> = { bts: or, btr: (a, k) => and(a, xor(k, k64(-1))), btc: xor };
  t.def('bt', test, 'r,r', bitTest(undefined));
  for (const [name, f] of Object.entries(change)) t.def(name, test, 'rw,r', bitTest(f));
  t.def('bsf', loadShapes(), 'rw,r', bitScan(true));
  t.def('bsr', loadShapes(), 'rw,r', bitScan(false));
  t.def('tzcnt', loadShapes(), 'w,r', countZeros(true));
  t.def('lzcnt', loadShapes(), 'w,r', countZeros(false));
  t.def('popcnt', loadShapes(), 'w,r', (m, d, s) => {
    const a = (s as Place).get();
    (d as Place).set(m.let(popcnt(a)));
    // ZF by the source; all others are cleared.
    setStatusFlags(m, m.let(shl(extU(eqz(a)), k64(6))));
  });
}
