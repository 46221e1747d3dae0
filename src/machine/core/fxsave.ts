/** FXSAVE and FXRSTOR: x87, MXCSR and XMM0-15. SDM Vol. 1 §10.5, table 10-2. FOP, FIP and FDP are zero: they are not kept. */
import { VECTOR } from '#arch/registers.ts';
import type { Engine } from '../engine/engine.ts';
import { REG, REGS, YMM_HIGH } from '../engine/layout.ts';
import { FpuState } from '../engine/soft/x87-state.ts';
import type { Outcome } from './cpu.ts';

const GP: Outcome = { kind: 'fault', vector: VECTOR.GP, error: 0 };
const AREA = 512;
const ST = 32;
const XMM = 160;
const MXCSR_MASK = 0xffff;

/** The image of the initial configuration (FNINIT, MXCSR 1F80H), FCW = 37FH. */
export const INITIAL_X87: Uint8Array = Uint8Array.from({ length: AREA }, (_, i) => ({ 0: 0x7f, 1: 3, 24: 0x80, 25: 0x1f })[i] ?? 0);

function pageFault(e: Engine): Outcome {
  return { kind: 'fault', vector: e.faultVector, error: e.faultError };
}

/** The 512-byte image of the current state. */
export function fxImage(e: Engine): Uint8Array {
  const area = new Uint8Array(AREA);
  const v = new DataView(area.buffer);
  const s = new FpuState(e.view);
  v.setUint16(0, s.control, true);
  v.setUint16(2, s.status, true);
  v.setUint8(4, s.tags);
  v.setUint32(24, e.register32(REG.MXCSR), true);
  v.setUint32(28, MXCSR_MASK, true);
  for (let i = 0; i < 8; i++) {
    const x = s.raw(i);
    v.setBigUint64(ST + i * 16, x.significand, true);
    v.setUint16(ST + i * 16 + 8, x.top, true);
  }
  area.set(e.bytes.subarray(REGS + REG.XMM, REGS + REG.XMM + 256), XMM);
  return area;
}
/** Loads an image; false, and nothing changed, when MXCSR has reserved bits set. */
export function loadFxImage(e: Engine, area: Uint8Array): boolean {
  const v = new DataView(area.buffer, area.byteOffset, AREA);
  const mxcsr = v.getUint32(24, true);
  if ((mxcsr & ~MXCSR_MASK) !== 0) return false;
  const s = new FpuState(e.view);
  s.status = v.getUint16(2, true);
  s.control = v.getUint16(0, true);
  for (let i = 0; i < 8; i++) s.setRaw(i, { significand: v.getBigUint64(ST + i * 16, true), top: v.getUint16(ST + i * 16 + 8, true) });
  s.tags = v.getUint8(4);
  e.setRegister32(REG.MXCSR, mxcsr);
  e.bytes.set(area.subarray(XMM, XMM + 256), REGS + REG.XMM);
  return true;
}
/** As after FNINIT, with MXCSR at its reset value and YMM0-15 zero. */
export function resetFpu(e: Engine): void {
  const s = new FpuState(e.view);
  s.initialize();
  for (let i = 0; i < 8; i++) s.setRaw(i, { significand: 0n, top: 0 });
  s.tags = 0;
  e.setRegister32(REG.MXCSR, 0x1f80);
  e.bytes.fill(0, REGS + REG.XMM, REGS + REG.XMM + 256);
  e.bytes.fill(0, REGS + YMM_HIGH, REGS + YMM_HIGH + 256);
}

/** The area is 16-byte aligned, so it crosses at most one page: both ends are checked first. */
export function fxsave(e: Engine, va: bigint): Outcome {
  if ((va & 15n) !== 0n) return GP;
  const area = fxImage(e);
  for (const end of [va, va + BigInt(AREA - 16)]) if (e.translate(end, 1) === 0) return pageFault(e);
  // Bytes 464 to 511 are the program's own.
  for (let i = 0; i < XMM + 256; i += 16) {
    const host = e.translate(va + BigInt(i), 1);
    e.observeAccess(va + BigInt(i), host, 16, true);
    e.watchpoints.access(va + BigInt(i), 16, true);
    e.bytes.set(area.subarray(i, i + 16), host);
  }
  return { kind: 'done' };
}

export function fxrstor(e: Engine, va: bigint): Outcome {
  if ((va & 15n) !== 0n) return GP;
  const area = new Uint8Array(AREA);
  for (let i = 0; i < AREA; i += 16) {
    const host = e.translate(va + BigInt(i), 0);
    if (host === 0) return pageFault(e);
    e.observeAccess(va + BigInt(i), host, 16, false);
    e.watchpoints.access(va + BigInt(i), 16, false);
    area.set(e.bytes.subarray(host, host + 16), i);
  }
  return loadFxImage(e, area) ? { kind: 'done' } : GP;
}
