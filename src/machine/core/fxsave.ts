/** FXSAVE and FXRSTOR of what exists: MXCSR and XMM0-15. SDM Vol. 1 §10.5. x87 registers are saved as empty. */
import { VECTOR } from '#arch/registers.ts';
import type { Engine } from '../engine/engine.ts';
import { REG, REGS } from '../engine/layout.ts';
import type { Outcome } from './cpu.ts';

const GP: Outcome = { kind: 'fault', vector: VECTOR.GP, error: 0 };
const AREA = 512;

function pageFault(e: Engine): Outcome {
  return { kind: 'fault', vector: e.faultVector, error: e.faultError };
}

/** The area is 16-byte aligned, so it crosses at most one page: both ends are checked first. */
export function fxsave(e: Engine, va: bigint): Outcome {
  if ((va & 15n) !== 0n) return GP;
  const area = new Uint8Array(AREA);
  const v = new DataView(area.buffer);
  v.setUint16(0, 0x37f, true); // FCW
  v.setUint32(24, e.register32(REG.MXCSR), true);
  v.setUint32(28, 0xffff, true); // MXCSR_MASK
  area.set(e.bytes.subarray(REGS + REG.XMM, REGS + REG.XMM + 256), 160);
  for (const end of [va, va + BigInt(AREA - 16)]) if (e.translate(end, 1) === 0) return pageFault(e);
  for (let i = 0; i < AREA; i += 16) e.bytes.set(area.subarray(i, i + 16), e.translate(va + BigInt(i), 1));
  return { kind: 'done' };
}

export function fxrstor(e: Engine, va: bigint): Outcome {
  if ((va & 15n) !== 0n) return GP;
  const area = new Uint8Array(AREA);
  for (let i = 0; i < AREA; i += 16) {
    const host = e.translate(va + BigInt(i), 0);
    if (host === 0) return pageFault(e);
    area.set(e.bytes.subarray(host, host + 16), i);
  }
  const mxcsr = new DataView(area.buffer).getUint32(24, true);
  if ((mxcsr & ~0xffff) !== 0) return GP;
  e.setRegister32(REG.MXCSR, mxcsr);
  e.bytes.set(area.subarray(160, 416), REGS + REG.XMM);
  return { kind: 'done' };
}
