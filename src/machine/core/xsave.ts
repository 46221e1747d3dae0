/** XSAVE and its kin, XCR0. SDM Vol. 1 ch. 13, Vol. 2. All components that there are: x87, SSE, AVX. */
import { type FeatureWords, hasFeature } from '#arch/cpuid-features.ts';
import { VECTOR } from '#arch/registers.ts';
import { HEADER_BYTES, LEGACY_BYTES, XCOMP_BV, xcr0Mask, XFEATURE, xsaveBytes, XSTATE_BV, YMM_AREA } from '#arch/xstate.ts';
import type { Engine } from '../engine/engine.ts';
import { REG, REGS, YMM_HIGH } from '../engine/layout.ts';
import type { Outcome } from './cpu.ts';
import { fxImage, INITIAL_X87, loadFxImage } from './fxsave.ts';

const DONE: Outcome = { kind: 'done' };
const GP: Outcome = { kind: 'fault', vector: VECTOR.GP, error: 0 };
const COMPACTED = 1n << 63n;
const MXCSR_RESET = 0x1f80;
const MXCSR = 24;
const XMM = 160;
const MAX_BYTES = xsaveBytes(7);

/** XSAVE, XSAVEOPT, XSAVEC and XSAVES differ in format and in what they leave unwritten. */
export type SaveKind = 'plain' | 'optimized' | 'compacted';

export class XState {
  /** Bit 0 is always set. */
  xcr0 = 1;
  /** What XCR0 may have; 0: the processor has no XSAVE. */
  readonly supported: number;
  private readonly engine: Engine;
  private readonly hasCompacted: boolean;

  constructor(engine: Engine, words: FeatureWords) {
    this.engine = engine;
    this.supported = hasFeature(words, 'XSAVE') ? xcr0Mask(words) : 0;
    this.hasCompacted = hasFeature(words, 'XSAVEC');
  }

  /** XSETBV: false is #GP. */
  setXcr0(value: bigint): boolean {
    const mask = BigInt(this.supported);
    if ((value & ~mask) !== 0n || (value & 1n) === 0n) return false;
    if ((value & 4n) !== 0n && (value & 2n) === 0n) return false;
    this.xcr0 = Number(value);
    return true;
  }

  /** XINUSE: components that are not in their initial configuration. */
  inUse(): number {
    const { engine: e } = this;
    const image = fxImage(e);
    let bits = 0;
    if (!sameBytes(image, INITIAL_X87, 0, MXCSR) || !isZero(image, 32, XMM)) bits |= XFEATURE.X87;
    if (!isZero(image, XMM, XMM + 256) || e.register32(REG.MXCSR) !== MXCSR_RESET) bits |= XFEATURE.SSE;
    if (!isZero(e.bytes, REGS + YMM_HIGH, REGS + YMM_HIGH + 256)) bits |= XFEATURE.AVX;
    return bits;
  }

  /** What an XSAVE of the components `mask` writes into `area`, which holds what is there. */
  private fill(area: Uint8Array, mask: number, kind: SaveKind): void {
    const view = new DataView(area.buffer);
    const used = this.inUse();
    const written = kind === 'plain' ? mask : mask & used;
    const image = fxImage(this.engine);
    const copy = (from: number, to: number): void => area.set(image.subarray(from, to), from);
    if ((written & XFEATURE.X87) !== 0) {
      copy(0, MXCSR);
      copy(32, XMM);
    }
    // MXCSR goes with either; XSAVEC counts it as part of SSE.
    const withMxcsr = kind === 'compacted' ? written & XFEATURE.SSE : mask & (XFEATURE.SSE | XFEATURE.AVX);
    if (withMxcsr !== 0) copy(MXCSR, 32);
    if ((written & XFEATURE.SSE) !== 0) copy(XMM, XMM + 256);
    if ((written & XFEATURE.AVX) !== 0)
      area.set(this.engine.bytes.subarray(REGS + YMM_HIGH, REGS + YMM_HIGH + YMM_AREA.bytes), YMM_AREA.at);
    const old = view.getBigUint64(XSTATE_BV, true);
    const now = BigInt(mask & used);
    view.setBigUint64(XSTATE_BV, kind === 'compacted' ? now : (old & ~BigInt(mask)) | now, true);
    if (kind === 'compacted') view.setBigUint64(XCOMP_BV, BigInt(mask) | COMPACTED, true);
  }

  /** Loads the components `mask` from an area; false is #GP, and nothing changed. `compactedOnly`: XRSTORS. */
  private load(area: Uint8Array, mask: number, compactedOnly = false): boolean {
    const { engine: e } = this;
    const view = new DataView(area.buffer, area.byteOffset);
    const [state, compaction] = [view.getBigUint64(XSTATE_BV, true), view.getBigUint64(XCOMP_BV, true)];
    const isCompacted = (compaction & COMPACTED) !== 0n;
    const enabled = BigInt(this.xcr0);
    if (isCompacted ? !this.hasCompacted : compactedOnly) return false;
    const allowed = isCompacted ? compaction & ~COMPACTED : enabled;
    if ((allowed & ~enabled) !== 0n || (state & ~allowed) !== 0n) return false;
    // The rest of the header is reserved; bytes 15:8 too where the format is the standard one.
    if (!isZero(area, isCompacted ? XCOMP_BV + 8 : XCOMP_BV, isCompacted ? LEGACY_BYTES + HEADER_BYTES : XCOMP_BV + 16)) return false;
    const has = Number(state & 7n);
    const image = fxImage(e);
    const from = (source: Uint8Array, at: number, end: number): void => image.set(source.subarray(at, end), at);
    if ((mask & XFEATURE.X87) !== 0) {
      const source = (has & XFEATURE.X87) !== 0 ? area : INITIAL_X87;
      from(source, 0, MXCSR);
      from(source, 32, XMM);
    }
    if ((mask & XFEATURE.SSE) !== 0) from((has & XFEATURE.SSE) !== 0 ? area : INITIAL_X87, XMM, XMM + 256);
    // The standard format loads MXCSR whatever XSTATE_BV says.
    if (isCompacted) {
      if ((mask & XFEATURE.SSE) !== 0) from((has & XFEATURE.SSE) !== 0 ? area : INITIAL_X87, MXCSR, MXCSR + 4);
    } else if ((mask & (XFEATURE.SSE | XFEATURE.AVX)) !== 0) from(area, MXCSR, MXCSR + 4);
    if (!loadFxImage(e, image)) return false;
    if ((mask & XFEATURE.AVX) !== 0) {
      const upper = REGS + YMM_HIGH;
      if ((has & XFEATURE.AVX) !== 0) e.bytes.set(area.subarray(YMM_AREA.at, YMM_AREA.at + YMM_AREA.bytes), upper);
      else e.bytes.fill(0, upper, upper + YMM_AREA.bytes);
    }
    return true;
  }

  /** The area in memory is 64-byte aligned and less than a page, so it touches two pages at most. */
  save(va: bigint, requested: bigint, kind: SaveKind): Outcome {
    if ((va & 63n) !== 0n) return GP;
    const mask = this.xcr0 & Number(requested & 7n);
    const size = xsaveBytes(mask);
    const area = this.read(va, size, 1);
    if (area === undefined) return this.pageFault();
    this.fill(area, mask, kind);
    const { engine: e } = this;
    for (let i = 0; i < size; i += 64) {
      const host = e.translate(va + BigInt(i), 1);
      e.observeAccess(va + BigInt(i), host, 1, true);
      e.watchpoints.access(va + BigInt(i), 64, true);
      e.bytes.set(area.subarray(i, i + 64), host);
    }
    return DONE;
  }
  restore(va: bigint, requested: bigint, compactedOnly: boolean): Outcome {
    if ((va & 63n) !== 0n) return GP;
    const mask = this.xcr0 & Number(requested & 7n);
    // XSTATE_BV decides how much is read; all of it may be.
    const area = this.read(va, xsaveBytes(mask), 0);
    if (area === undefined) return this.pageFault();
    return this.load(area, mask, compactedOnly) ? DONE : GP;
  }
  /** undefined: the access faults. */
  private read(va: bigint, size: number, access: 0 | 1): Uint8Array | undefined {
    const { engine: e } = this;
    const area = new Uint8Array(MAX_BYTES);
    for (let i = 0; i < size; i += 64) {
      const host = e.translate(va + BigInt(i), access);
      if (host === 0) return undefined;
      if (access === 0) e.observeAccess(va + BigInt(i), host, 1, false);
      if (access === 0) e.watchpoints.access(va + BigInt(i), 64, false);
      area.set(e.bytes.subarray(host, host + 64), i);
    }
    return area;
  }
  private pageFault(): Outcome {
    return { kind: 'fault', vector: this.engine.faultVector, error: this.engine.faultError };
  }

  /** The state as a standard-format area of XCR0's components. */
  image(): Uint8Array {
    const area = new Uint8Array(xsaveBytes(this.xcr0));
    this.fill(area, this.xcr0, 'plain');
    return area;
  }
  /** The inverse, for the components `mask`; false, and nothing changed, when the header or MXCSR is not fit. */
  loadImage(area: Uint8Array, mask: number): boolean {
    return this.load(area, mask & this.xcr0);
  }
}

function isZero(bytes: Uint8Array, from: number, to: number): boolean {
  for (let i = from; i < to; i++) if (bytes[i] !== 0) return false;
  return true;
}
function sameBytes(a: Uint8Array, b: Uint8Array, from: number, to: number): boolean {
  for (let i = from; i < to; i++) if (a[i] !== b[i]) return false;
  return true;
}
