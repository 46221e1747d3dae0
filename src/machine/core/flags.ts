/** RFLAGS as one value, from and to the engine's lazy flags (engine/semantics/flags.ts says what FR, FX and FC mean). */
import { RFLAGS } from '#arch/registers.ts';
import type { Engine } from '../engine/engine.ts';
import { REG } from '../engine/layout.ts';

const STATUS = BigInt(RFLAGS.CF | RFLAGS.PF | RFLAGS.AF | RFLAGS.ZF | RFLAGS.SF | RFLAGS.OF);

function evenParity(byte: number): number {
  let v = byte ^ (byte >> 4);
  v ^= v >> 2;
  v ^= v >> 1;
  return ~v & 1;
}

export function readRflags(e: Engine): bigint {
  const fr = e.register64(REG.FR);
  const fx = e.register64(REG.FX);
  const fc = e.register32(REG.FC);
  const carries = fx ^ fr;
  const cf = fc & 1;
  const pf = evenParity(Number(fr & 0xffn)) ^ ((fc >> 2) & 1);
  const zf = fr === 0n ? 1 : 0;
  const sf = Number(fr >> 63n) ^ ((fc >> 1) & 1);
  const of = cf ^ Number(carries >> 63n);
  const status = cf | (pf << 2) | (zf << 6) | (sf << 7) | (of << 11);
  return (e.register64(REG.RFLAGS) & ~STATUS) | BigInt(status) | (carries & BigInt(RFLAGS.AF)) | BigInt(RFLAGS.FIXED1);
}

export function writeRflags(e: Engine, v: bigint): void {
  const flag = (n: number): bigint => (v >> BigInt(n)) & 1n;
  const zf = flag(6);
  const cf = flag(0);
  e.setRegister64(REG.FR, zf ^ 1n);
  e.setRegister64(REG.FX, (v & BigInt(RFLAGS.AF)) | ((flag(11) ^ cf) << 63n));
  e.setRegister32(REG.FC, Number(cf | (flag(7) << 1n) | ((flag(2) ^ zf) << 2n)));
  e.setRegister64(REG.RFLAGS, (v & ~STATUS) | BigInt(RFLAGS.FIXED1));
}
