/**
 * Floating-point and vector state in a signal frame: XSAVE's area with FP_XSTATE_MAGIC1 in the bytes that FXSAVE leaves to software, and
 * FP_XSTATE_MAGIC2 behind it; without XSAVE the 512 bytes of FXSAVE. arch/x86/include/uapi/asm/sigcontext.h, arch/x86/kernel/fpu/signal.c.
 */
import { LEGACY_BYTES, XFEATURE, xsaveBytes, XSTATE_BV, YMM_AREA } from '#arch/xstate.ts';
import type { Cpu } from '#port/cpu.ts';

const MAGIC1 = 0x4650_5853;
const MAGIC2 = 0x4650_5845;
const MAGIC2_BYTES = 4;
/** struct _fpx_sw_bytes. */
const SW = { MAGIC1: 464, EXTENDED_SIZE: 468, XFEATURES: 472, XSTATE_SIZE: 480 } as const;
const MXCSR = 24;
const FPSSE = XFEATURE.X87 | XFEATURE.SSE;

const usesXsave = (cpu: Cpu): boolean => cpu.fpuImage().length > LEGACY_BYTES;
/** UC_FP_XSTATE. */
export const frameFlags = (cpu: Cpu): number => (usesXsave(cpu) ? 1 : 0);

/** The bytes that go into the frame. */
export function fpuFrame(cpu: Cpu): Uint8Array {
  const image = cpu.fpuImage();
  if (image.length === LEGACY_BYTES) return image;
  const frame = new Uint8Array(image.length + MAGIC2_BYTES);
  frame.set(image);
  const v = new DataView(frame.buffer);
  v.setUint32(SW.MAGIC1, MAGIC1, true);
  v.setUint32(SW.EXTENDED_SIZE, frame.length, true);
  v.setBigUint64(SW.XFEATURES, BigInt(cpu.xcr0), true);
  v.setUint32(SW.XSTATE_SIZE, image.length, true);
  v.setUint32(image.length, MAGIC2, true);
  // Old programs change x87 and SSE state without looking at the header: it is to be loaded.
  v.setBigUint64(XSTATE_BV, v.getBigUint64(XSTATE_BV, true) | BigInt(FPSSE), true);
  return frame;
}

/**
 * Loads what the frame at `at` holds. Where the magic numbers are not there (a program made the frame itself, or copied 512 bytes of it) x87 and
 * SSE state are all, and the rest is initialised. false: the frame is bad.
 */
export function loadFpuFrame(cpu: Cpu, read: (at: number, length: number) => Uint8Array | undefined, at: number): boolean {
  const legacy = read(at, LEGACY_BYTES);
  if (legacy === undefined) return false;
  const v = new DataView(legacy.buffer, legacy.byteOffset);
  // Reserved bits of MXCSR are cleared, as the kernel does before it restores.
  v.setUint32(MXCSR, v.getUint32(MXCSR, true) & 0xffff, true);
  if (!usesXsave(cpu)) return cpu.loadFpuImage(legacy, FPSSE);
  const all = cpu.xcr0;
  const size = v.getUint32(SW.XSTATE_SIZE, true);
  const area = isExtended(v, all) ? read(at, size + MAGIC2_BYTES) : undefined;
  if (area === undefined || new DataView(area.buffer, area.byteOffset).getUint32(size, true) !== MAGIC2)
    return loadLegacy(cpu, legacy, all);
  area.set(legacy);
  const image = new Uint8Array(xsaveBytes(all));
  image.set(area.subarray(0, size));
  // Components that the frame does not tell of are initialised.
  const told = Number(v.getBigUint64(SW.XFEATURES, true) & BigInt(all));
  const header = new DataView(image.buffer);
  header.setBigUint64(XSTATE_BV, header.getBigUint64(XSTATE_BV, true) & ~BigInt(all & ~told), true);
  return cpu.loadFpuImage(image, all);
}
function isExtended(v: DataView, xcr0: number): boolean {
  const size = v.getUint32(SW.XSTATE_SIZE, true);
  const extended = v.getUint32(SW.EXTENDED_SIZE, true);
  return v.getUint32(SW.MAGIC1, true) === MAGIC1 && size >= YMM_AREA.at && size <= xsaveBytes(xcr0) && size <= extended;
}
function loadLegacy(cpu: Cpu, legacy: Uint8Array, all: number): boolean {
  const image = new Uint8Array(xsaveBytes(all));
  image.set(legacy);
  new DataView(image.buffer).setBigUint64(XSTATE_BV, BigInt(FPSSE), true);
  return cpu.loadFpuImage(image, all);
}

/** AT_MINSIGSTKSZ: the largest frame with its alignments; 944 bytes more than the state, as Linux on x86-64 with IA-32 emulation says. */
export const minimalSignalStack = (cpu: Cpu): number => (usesXsave(cpu) ? Math.ceil((944 + xsaveBytes(cpu.xcr0)) / 16) * 16 : 1536);
