/** RFLAGS as one value, from and to the engine's lazy flags (engine/semantics/flags.ts says what FR, FX and FC mean). */
import { RFLAGS } from '#arch/registers.ts';
import type { Engine } from '../engine/engine.ts';
import { REG } from '../engine/layout.ts';

const STATUS = RFLAGS.CF | RFLAGS.PF | RFLAGS.AF | RFLAGS.ZF | RFLAGS.SF | RFLAGS.OF;

function evenParity(byte: number): number {
  let v = byte ^ (byte >> 4);
  v ^= v >> 2;
  v ^= v >> 1;
  return ~v & 1;
}

export const readRflags = (e: Engine): bigint => BigInt(readFlags(e) >>> 0);
export const writeRflags = (e: Engine, v: bigint): void => writeFlags(e, Number(BigInt.asUintN(32, v)));

/** The low half, in halves of 32 bits: this runs at every system call and interrupt. No flag lies above bit 31. */
export function readFlags(e: Engine): number {
  const [frLow, frHigh] = [e.register32(REG.FR), e.register32(REG.FR + 4)];
  const fc = e.register32(REG.FC);
  const af = (e.register32(REG.FX) ^ frLow) & RFLAGS.AF;
  const cf = fc & 1;
  const pf = evenParity(frLow & 0xff) ^ ((fc >> 2) & 1);
  const zf = frLow === 0 && frHigh === 0 ? 1 : 0;
  const sf = (frHigh >>> 31) ^ ((fc >> 1) & 1);
  const of = cf ^ ((e.register32(REG.FX + 4) ^ frHigh) >>> 31);
  const status = cf | (pf << 2) | af | (zf << 6) | (sf << 7) | (of << 11);
  return (e.register32(REG.RFLAGS) & ~STATUS) | status | RFLAGS.FIXED1;
}

export function writeFlags(e: Engine, flags: number): void {
  const flag = (n: number): number => (flags >>> n) & 1;
  const [cf, zf] = [flag(0), flag(6)];
  e.setRegister32(REG.FR, zf ^ 1);
  e.setRegister32(REG.FR + 4, 0);
  e.setRegister32(REG.FX, flags & RFLAGS.AF);
  e.setRegister32(REG.FX + 4, (flag(11) ^ cf) << 31);
  e.setRegister32(REG.FC, cf | (flag(7) << 1) | ((flag(2) ^ zf) << 2));
  e.setRegister32(REG.RFLAGS, (flags & ~STATUS) | RFLAGS.FIXED1);
  e.setRegister32(REG.RFLAGS + 4, 0);
}
