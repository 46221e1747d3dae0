/** FNSTENV, FLDENV, FNSAVE, FRSTOR in their 32-bit protected-mode format, which 64-bit code uses too. SDM Vol. 1 §8.1.10, figure 8-9. */
import { VECTOR } from '#arch/registers.ts';
import type { Engine } from '../engine/engine.ts';
import { fromExtended, FpuState, STATUS } from '../engine/soft/x87-state.ts';
import type { Outcome } from './cpu.ts';

const ENVIRONMENT = 28;
const STATE = ENVIRONMENT + 80;
const DONE: Outcome = { kind: 'done' };

const pageFault = (e: Engine): Outcome => ({ kind: 'fault', vector: e.faultVector, error: e.faultError });

/** Both ends are checked before anything is written. */
function write(e: Engine, va: bigint, data: Uint8Array): boolean {
  for (const end of [va, va + BigInt(data.length - 1)]) if (e.translate(end, 1) === 0) return false;
  for (const [i, b] of data.entries()) {
    const host = e.translate(va + BigInt(i), 1);
    if (i % 4 === 0) e.observeAccess(va + BigInt(i), host, 1, true);
    e.bytes[host] = b;
  }
  return true;
}
function read(e: Engine, va: bigint, length: number): Uint8Array | undefined {
  const out = new Uint8Array(length);
  for (let i = 0; i < length; i++) {
    const host = e.translate(va + BigInt(i), 0);
    if (host === 0) return undefined;
    if (i % 4 === 0) e.observeAccess(va + BigInt(i), host, 1, false);
    out[i] = e.bytes[host] as number;
  }
  return out;
}

/** The full tag word, two bits per physical register: 0 valid, 1 zero, 2 special, 3 empty. */
function fullTags(s: FpuState): number {
  let tags = 0;
  for (let i = 0; i < 8; i++) {
    const physical = (s.top + i) & 7;
    let tag = 3;
    if (!s.empty(i)) {
      const n = fromExtended(s.raw(i));
      tag = n.kind === 'zero' ? 1 : n.kind === 'finite' && !n.denormal ? 0 : 2;
    }
    tags |= tag << (physical * 2);
  }
  return tags;
}
function environment(s: FpuState, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  const v = new DataView(bytes.buffer);
  v.setUint32(0, 0xffff_0000 | s.control, true);
  v.setUint32(4, 0xffff_0000 | s.status, true);
  v.setUint32(8, 0xffff_0000 | fullTags(s), true);
  // Instruction and data pointers are not kept: zero.
  v.setUint32(24, 0xffff_0000, true);
  return bytes;
}
function restore(s: FpuState, bytes: Uint8Array): void {
  const v = new DataView(bytes.buffer, bytes.byteOffset);
  const tags = v.getUint16(8, true);
  let inUse = 0;
  for (let i = 0; i < 8; i++) if (((tags >> (i * 2)) & 3) !== 3) inUse |= 1 << i;
  s.status = v.getUint16(4, true);
  s.control = v.getUint16(0, true);
  s.tags = inUse;
}

/** FNSTENV masks all exceptions afterwards. */
export function fnstenv(e: Engine, va: bigint): Outcome {
  const s = new FpuState(e.view);
  if (!write(e, va, environment(s, ENVIRONMENT))) return pageFault(e);
  s.control |= 0x3f;
  return DONE;
}
/** FNSAVE initialises afterwards. */
export function fnsave(e: Engine, va: bigint): Outcome {
  const s = new FpuState(e.view);
  const bytes = environment(s, STATE);
  const v = new DataView(bytes.buffer);
  for (let i = 0; i < 8; i++) {
    const x = s.raw(i);
    v.setBigUint64(ENVIRONMENT + i * 10, x.significand, true);
    v.setUint16(ENVIRONMENT + i * 10 + 8, x.top, true);
  }
  if (!write(e, va, bytes)) return pageFault(e);
  s.initialize();
  return DONE;
}
export function fldenv(e: Engine, va: bigint): Outcome {
  const s = new FpuState(e.view);
  if ((s.status & STATUS.ES) !== 0) return { kind: 'fault', vector: VECTOR.MF, error: 0 };
  const bytes = read(e, va, ENVIRONMENT);
  if (bytes === undefined) return pageFault(e);
  restore(s, bytes);
  return DONE;
}
export function frstor(e: Engine, va: bigint): Outcome {
  const s = new FpuState(e.view);
  if ((s.status & STATUS.ES) !== 0) return { kind: 'fault', vector: VECTOR.MF, error: 0 };
  const bytes = read(e, va, STATE);
  if (bytes === undefined) return pageFault(e);
  const v = new DataView(bytes.buffer);
  restore(s, bytes);
  const tags = s.tags;
  for (let i = 0; i < 8; i++) {
    s.setRaw(i, { significand: v.getBigUint64(ENVIRONMENT + i * 10, true), top: v.getUint16(ENVIRONMENT + i * 10 + 8, true) });
  }
  s.tags = tags;
  return DONE;
}
