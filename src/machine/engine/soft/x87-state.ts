/** The x87 register file: stack, tags, control and status words, 80-bit encodings. SDM Vol. 1 §8.1, §4.2.2. */
import { FPU, REGS } from '../layout.ts';
import { bitLength, DEFAULT_NAN, FLAG, type Format, infinite, type Num, type Rounding, type Sign, zero } from './float.ts';

export const STATUS = { SF: 0x40, ES: 0x80, C0: 0x100, C1: 0x200, C2: 0x400, C3: 0x4000, BUSY: 0x8000 } as const;
const CONDITIONS = STATUS.C0 | STATUS.C1 | STATUS.C2 | STATUS.C3;
const INTEGER_BIT = 1n << 63n;
const MASK64 = (1n << 64n) - 1n;

/** An 80-bit register: sign and exponent, significand. */
export interface Extended {
  readonly top: number;
  readonly significand: bigint;
}
/** Encodings that no processor since the 387 makes: pseudo-NaN, pseudo-infinity, unnormal. */
export const UNSUPPORTED: Num = { kind: 'nan', sign: 1, fraction: 0n, signalling: true };

export function fromExtended(x: Extended): Num {
  const sign = (x.top >> 15) as Sign;
  const e = x.top & 0x7fff;
  if (e === 0x7fff) {
    if ((x.significand & INTEGER_BIT) === 0n) return UNSUPPORTED;
    const fraction = x.significand & ~INTEGER_BIT & MASK64;
    if (fraction === 0n) return infinite(sign);
    return { kind: 'nan', sign, fraction, signalling: (fraction & (1n << 62n)) === 0n };
  }
  if (x.significand === 0n && e === 0) return zero(sign);
  if (e !== 0 && (x.significand & INTEGER_BIT) === 0n) return UNSUPPORTED;
  return { kind: 'finite', sign, sig: x.significand, exp: Math.max(e, 1) - 16383 - 63, denormal: e === 0 };
}
export function toExtended(n: Num): Extended {
  const sign = n.sign << 15;
  switch (n.kind) {
    case 'zero':
      return { top: sign, significand: 0n };
    case 'infinite':
      return { top: sign | 0x7fff, significand: INTEGER_BIT };
    case 'nan':
      return { top: sign | 0x7fff, significand: INTEGER_BIT | n.fraction };
    case 'finite': {
      const e = n.exp + bitLength(n.sig) - 1;
      const lsb = Math.max(e - 63, -16382 - 63);
      const significand = n.exp >= lsb ? n.sig << BigInt(n.exp - lsb) : n.sig >> BigInt(lsb - n.exp);
      return { top: sign | (e < -16382 ? 0 : e + 16383), significand };
    }
  }
}

export class FpuState {
  private readonly view: DataView;
  constructor(view: DataView) {
    this.view = view;
  }
  private word(at: number): number {
    return this.view.getUint16(REGS + at, true);
  }
  private setWord(at: number, v: number): void {
    this.view.setUint16(REGS + at, v, true);
  }
  get control(): number {
    return this.word(FPU.FCW);
  }
  set control(v: number) {
    this.setWord(FPU.FCW, (v & 0x1f3f) | 0x40);
    this.summarize();
  }
  get status(): number {
    return this.word(FPU.FSW);
  }
  set status(v: number) {
    this.setWord(FPU.FSW, v);
    this.summarize();
  }
  /** One bit per physical register: 1 = in use. */
  get tags(): number {
    return this.view.getUint8(REGS + FPU.FTW);
  }
  set tags(v: number) {
    this.view.setUint8(REGS + FPU.FTW, v);
  }
  get top(): number {
    return (this.status >> 11) & 7;
  }
  set top(v: number) {
    this.setWord(FPU.FSW, (this.word(FPU.FSW) & ~0x3800) | ((v & 7) << 11));
  }
  get rounding(): Rounding {
    return ((this.control >> 10) & 3) as Rounding;
  }
  /** Precision of FADD, FSUB, FMUL, FDIV, FSQRT; the exponent's range stays. */
  get format(): Format {
    return { precision: [24, 64, 53, 64][(this.control >> 8) & 3] as number, minExp: -16382, maxExp: 16383 };
  }
  masked(flags: number): boolean {
    return (flags & ~this.control & 0x3f) === 0;
  }
  /** ES and B follow the flags and their masks. */
  private summarize(): void {
    const s = this.word(FPU.FSW);
    const pending = (s & ~this.control & 0x3f) !== 0;
    this.setWord(FPU.FSW, pending ? s | STATUS.ES | STATUS.BUSY : s & ~(STATUS.ES | STATUS.BUSY));
  }
  raise(flags: number): void {
    this.status |= flags;
  }
  conditions(bits: number): void {
    this.setWord(FPU.FSW, (this.word(FPU.FSW) & ~CONDITIONS) | bits);
  }
  setC1(on: boolean): void {
    this.setWord(FPU.FSW, (this.word(FPU.FSW) & ~STATUS.C1) | (on ? STATUS.C1 : 0));
  }

  private physical(i: number): number {
    return (this.top + i) & 7;
  }
  empty(i: number): boolean {
    return (this.tags & (1 << this.physical(i))) === 0;
  }
  tag(i: number, inUse: boolean): void {
    const bit = 1 << this.physical(i);
    this.tags = inUse ? this.tags | bit : this.tags & ~bit;
  }
  raw(i: number): Extended {
    const at = REGS + FPU.R0 + this.physical(i) * 16;
    return { significand: this.view.getBigUint64(at, true), top: this.view.getUint16(at + 8, true) };
  }
  setRaw(i: number, x: Extended): void {
    const at = REGS + FPU.R0 + this.physical(i) * 16;
    this.view.setBigUint64(at, x.significand, true);
    this.view.setUint16(at + 8, x.top, true);
    this.tag(i, true);
  }
  get(i: number): Num {
    return fromExtended(this.raw(i));
  }
  set(i: number, n: Num): void {
    this.setRaw(i, toExtended(n));
  }
  pop(): void {
    this.tag(0, false);
    this.top++;
  }
  initialize(): void {
    this.setWord(FPU.FCW, 0x37f);
    this.setWord(FPU.FSW, 0);
    this.tags = 0;
  }
  /** Reading an empty register; C1 = 0. True when the masked response (the default NaN) is to be given. */
  underflow(): boolean {
    this.raise(FLAG.IE | STATUS.SF);
    this.setC1(false);
    return this.masked(FLAG.IE);
  }
  /** Makes room for a push. False: it must not happen (unmasked overflow). The masked response puts the default NaN there. */
  push(value: () => Num | undefined): void {
    const full = (this.tags & (1 << ((this.top - 1) & 7))) !== 0;
    if (full) {
      this.raise(FLAG.IE | STATUS.SF);
      this.setC1(true);
      if (!this.masked(FLAG.IE)) return;
      this.top--;
      this.set(0, DEFAULT_NAN);
      return;
    }
    const n = value();
    if (n === undefined) return;
    this.top--;
    this.set(0, n);
  }
}
