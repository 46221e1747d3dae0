/**
 * The six status flags, always exact, kept lazily in three values that do not depend on the operation or its width:
 *   FR  i64  the result, sign-extended from its width:    ZF = (FR = 0), SF = FR[63] ^ FC[1], PF = even parity of FR[7:0] ^ FC[2]
 *   FX  i64  a ^ b, sign-extended: FX ^ FR are the carries into each bit: AF = (FX ^ FR)[4], OF = CF ^ (FX ^ FR)[63]
 *   FC  i32  bit 0 CF; bits 1 and 2 correct SF and PF for combinations that no result can have (POPF, SAHF)
 * Flags that the SDM calls undefined are fixed: docs/model.md says how.
 */
import { and, eqz, extU, k32, k64, ltU, or, popcnt, sext, shl, shrU, type Val, wrap, xor } from '#base/wasm/ops.ts';
import { RFLAGS } from '#arch/registers.ts';
import type { Cc, Machine, Width } from '../machine.ts';

export const bitsOf = (w: Width): number => w * 8;
/** Zero-extends the low `w` bytes of an i64. */
export function trunc(w: Width, v: Val): Val {
  if (w === 8) return v;
  if (w === 4) return extU(wrap(v));
  return and(v, k64((1n << BigInt(bitsOf(w))) - 1n));
}
/** Sign bit of a zero-extended value, as i64 0 or 1. */
export const signBit = (w: Width, v: Val): Val => shrU(v, k64(bitsOf(w) - 1));
const bit63 = (v: Val): Val => wrap(shrU(v, k64(63)));
const bool = (v: Val): Val => and(v, k32(1));

export function flagsLogic(m: Machine, w: Width, r: Val): void {
  const fr = m.let(sext(r, w));
  m.setFlags(fr, fr, k32(0));
}
export function flagsAdd(m: Machine, w: Width, a: Val, b: Val, r: Val): void {
  m.setFlags(sext(r, w), sext(xor(a, b), w), ltU(r, a));
}
export function flagsSub(m: Machine, w: Width, a: Val, b: Val, r: Val): void {
  m.setFlags(sext(r, w), sext(xor(a, b), w), ltU(a, b));
}
/** With the carry-out `cf` (i32) given, as for ADC and SBB. */
export function flagsCarry(m: Machine, w: Width, a: Val, b: Val, r: Val, cf: Val): void {
  m.setFlags(sext(r, w), sext(xor(a, b), w), cf);
}
/** FX for a given result, CF and OF (i32 0/1), AF = 0. */
function fxFor(fr: Val, cf: Val, of: Val): Val {
  return xor(fr, shl(extU(xor(cf, of)), k64(63)));
}
/** SF, ZF, PF of `r`; CF and OF given as i32 0/1; AF = 0. */
export function flagsExplicit(m: Machine, w: Width, r: Val, cf: Val, of: Val): void {
  const fr = m.let(sext(r, w));
  const c = m.let(cf);
  m.setFlags(fr, fxFor(fr, c, of), c);
}
/** INC and DEC: all but CF. `carry` is the carry out of the operation (i32). */
export function flagsKeepCarry(m: Machine, w: Width, a: Val, r: Val, carry: Val): void {
  const cf = m.let(bool(m.fc));
  m.setFlags(sext(r, w), xor(sext(xor(a, k64(1)), w), shl(extU(xor(carry, cf)), k64(63))), cf);
}
/** Changes CF alone. */
export function setCarry(m: Machine, cf: Val): void {
  const c = m.let(cf);
  const fc = m.let(m.fc);
  m.setFlags(m.let(m.fr), m.let(xor(m.fx, shl(extU(xor(c, bool(fc))), k64(63)))), or(and(fc, k32(~1)), c));
}
/** Changes CF and OF alone (rotates). */
export function setCarryOverflow(m: Machine, cf: Val, of: Val): void {
  const c = m.let(cf);
  const fr = m.let(m.fr);
  const low = and(m.fx, k64((1n << 63n) - 1n));
  const top = and(xor(shl(extU(xor(c, of)), k64(63)), fr), k64(-(1n << 63n)));
  m.setFlags(fr, m.let(or(low, top)), or(and(m.fc, k32(~1)), c));
}

export const carry = (m: Machine): Val => bool(m.fc);
const zero = (m: Machine): Val => eqz(m.fr);
const sign = (m: Machine): Val => bool(xor(bit63(m.fr), shrU(m.fc, k32(1))));
export const overflow = (m: Machine): Val => bool(xor(m.fc, bit63(xor(m.fx, m.fr))));
const parity = (m: Machine): Val => bool(xor(xor(wrap(popcnt(and(m.fr, k64(255)))), k32(1)), shrU(m.fc, k32(2))));
const less = (m: Machine): Val => bool(xor(xor(m.fc, shrU(m.fc, k32(1))), bit63(m.fx)));

/** Condition codes by their encoding, as i32 0 or 1. SDM Vol. 1 App. B. */
export function condition(m: Machine, cc: Cc): Val {
  const positive = (): Val => {
    switch (cc >> 1) {
      case 0:
        return overflow(m);
      case 1:
        return carry(m);
      case 2:
        return zero(m);
      case 3:
        return or(carry(m), zero(m));
      case 4:
        return sign(m);
      case 5:
        return parity(m);
      case 6:
        return less(m);
      default:
        return or(less(m), zero(m));
    }
  };
  return (cc & 1) === 0 ? positive() : eqz(positive());
}

/** CF PF AF ZF SF OF in their RFLAGS positions (i64). */
export function statusFlags(m: Machine): Val {
  const at = (v: Val, n: number): Val => shl(v, k32(n));
  const af = and(wrap(xor(m.fx, m.fr)), k32(RFLAGS.AF));
  return extU(or(or(or(carry(m), at(parity(m), 2)), or(af, at(zero(m), 6))), or(at(sign(m), 7), at(overflow(m), 11))));
}
/** The inverse of `statusFlags`; other bits of `v` (i64, pinned) are ignored. */
export function setStatusFlags(m: Machine, v: Val): void {
  const flag = (n: number): Val => and(wrap(shrU(v, k64(n))), k32(1));
  const zf = m.let(flag(6));
  const cf = m.let(flag(0));
  const fx = or(and(v, k64(RFLAGS.AF)), shl(extU(xor(flag(11), cf)), k64(63)));
  // FR is 0 (even parity) or 1 (odd parity, bit 4 clear); SF and PF are corrected through FC.
  const fc = or(or(cf, shl(flag(7), k32(1))), shl(xor(flag(2), zf), k32(2)));
  m.setFlags(extU(xor(zf, k32(1))), fx, fc);
}
