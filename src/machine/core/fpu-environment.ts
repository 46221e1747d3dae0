/**
 * FNSTENV, FLDENV, FNSAVE, FRSTOR in their 32-bit protected-mode format, which 64-bit code uses too, and, with a 66H prefix (`short`), in the 16-bit
 * one. SDM Vol. 1 §8.1.10, figures 8-9 and 8-11. Instruction and data pointers are not kept: zero.
 */
import { VECTOR } from '#arch/registers.ts';
import type { Engine } from '../engine/engine.ts';
import { fromExtended, FpuState, STATUS } from '../engine/soft/x87-state.ts';
import type { Outcome } from './cpu.ts';

/** Bytes of the environment: control, status, tags, and four words of pointers. */
const bytesOf = (short: boolean): number => (short ? 14 : 28);
const REGISTERS_BYTES = 80;
const DONE: Outcome = { kind: 'done' };

const pageFault = (e: Engine): Outcome => ({ kind: 'fault', vector: e.faultVector, error: e.faultError });

/** Both ends are checked before anything is written. */
function write(e: Engine, va: bigint, data: Uint8Array): boolean {
  for (const end of [va, va + BigInt(data.length - 1)]) if (e.translate(end, 1) === 0) return false;
  for (const [i, b] of data.entries()) {
    const host = e.translate(va + BigInt(i), 1);
    if (i % 4 === 0) e.observeAccess(va + BigInt(i), host, 1, true);
    e.watchpoints.access(va + BigInt(i), 1, true);
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
    e.watchpoints.access(va + BigInt(i), 1, false);
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
function environment(s: FpuState, short: boolean, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  const v = new DataView(bytes.buffer);
  const step = short ? 2 : 4;
  for (const [i, word] of [s.control, s.status, fullTags(s)].entries()) v.setUint16(i * step, word, true);
  // The reserved upper halves read as ones.
  if (!short) for (const i of [0, 1, 2, 6]) v.setUint16(i * 4 + 2, 0xffff, true);
  return bytes;
}
function restore(s: FpuState, short: boolean, bytes: Uint8Array): void {
  const v = new DataView(bytes.buffer, bytes.byteOffset);
  const step = short ? 2 : 4;
  const tags = v.getUint16(2 * step, true);
  let inUse = 0;
  for (let i = 0; i < 8; i++) if (((tags >> (i * 2)) & 3) !== 3) inUse |= 1 << i;
  s.status = v.getUint16(step, true);
  s.control = v.getUint16(0, true);
  s.tags = inUse;
}

/** FNSTENV masks all exceptions afterwards. */
export function fnstenv(e: Engine, va: bigint, short = false): Outcome {
  const s = new FpuState(e.view);
  if (!write(e, va, environment(s, short, bytesOf(short)))) return pageFault(e);
  s.control |= 0x3f;
  return DONE;
}
/** FNSAVE initialises afterwards. */
export function fnsave(e: Engine, va: bigint, short = false): Outcome {
  const s = new FpuState(e.view);
  const at = bytesOf(short);
  const bytes = environment(s, short, at + REGISTERS_BYTES);
  const v = new DataView(bytes.buffer);
  for (let i = 0; i < 8; i++) {
    const x = s.raw(i);
    v.setBigUint64(at + i * 10, x.significand, true);
    v.setUint16(at + i * 10 + 8, x.top, true);
  }
  if (!write(e, va, bytes)) return pageFault(e);
  s.initialize();
  return DONE;
}
export function fldenv(e: Engine, va: bigint, short = false): Outcome {
  const s = new FpuState(e.view);
  if ((s.status & STATUS.ES) !== 0) return { kind: 'fault', vector: VECTOR.MF, error: 0 };
  const bytes = read(e, va, bytesOf(short));
  if (bytes === undefined) return pageFault(e);
  restore(s, short, bytes);
  return DONE;
}
export function frstor(e: Engine, va: bigint, short = false): Outcome {
  const s = new FpuState(e.view);
  if ((s.status & STATUS.ES) !== 0) return { kind: 'fault', vector: VECTOR.MF, error: 0 };
  const at = bytesOf(short);
  const bytes = read(e, va, at + REGISTERS_BYTES);
  if (bytes === undefined) return pageFault(e);
  const v = new DataView(bytes.buffer);
  restore(s, short, bytes);
  const tags = s.tags;
  for (let i = 0; i < 8; i++) {
    s.setRaw(i, { significand: v.getBigUint64(at + i * 10, true), top: v.getUint16(at + i * 10 + 8, true) });
  }
  s.tags = tags;
  return DONE;
}
