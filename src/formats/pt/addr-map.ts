/** Open-addressing map from a 64-bit address (two words) to a small number. No BigInt, no objects: it stands in the decoder's loop. */
export class AddrMap {
  private lo: Int32Array;
  private hi: Int32Array;
  private value: Int32Array;
  private mask: number;
  size = 0;

  constructor(capacity = 1024) {
    this.lo = new Int32Array(capacity);
    this.hi = new Int32Array(capacity);
    this.value = new Int32Array(capacity).fill(-1);
    this.mask = capacity - 1;
  }

  private static slot(lo: number, hi: number, mask: number): number {
    const h = Math.imul(lo ^ Math.imul(hi, 0x9e3779b1 | 0), 0x85ebca6b | 0);
    return (h ^ (h >>> 15)) & mask;
  }

  /** The value, or −1. Values are ≥ 0. */
  get(lo: number, hi: number): number {
    const { mask, value } = this;
    let i = AddrMap.slot(lo, hi, mask);
    for (;;) {
      const v = value[i]!;
      if (v < 0 || (this.lo[i] === lo && this.hi[i] === hi)) return v;
      i = (i + 1) & mask;
    }
  }

  /** `lo` and `hi` as int32. */
  set(lo: number, hi: number, v: number): void {
    if ((this.size + 1) * 2 > this.mask) this.grow();
    let i = AddrMap.slot(lo, hi, this.mask);
    while (this.value[i]! >= 0) {
      if (this.lo[i] === lo && this.hi[i] === hi) {
        this.value[i] = v;
        return;
      }
      i = (i + 1) & this.mask;
    }
    this.lo[i] = lo;
    this.hi[i] = hi;
    this.value[i] = v;
    this.size++;
  }

  clear(): void {
    this.value.fill(-1);
    this.size = 0;
  }

  private grow(): void {
    const { lo, hi, value } = this;
    const capacity = value.length * 2;
    this.lo = new Int32Array(capacity);
    this.hi = new Int32Array(capacity);
    this.value = new Int32Array(capacity).fill(-1);
    this.mask = capacity - 1;
    this.size = 0;
    for (let i = 0; i < value.length; i++) if (value[i]! >= 0) this.set(lo[i]!, hi[i]!, value[i]!);
  }
}

/** 64-bit address from two words of any sign. */
export function ip64(lo: number, hi: number): bigint {
  return (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0);
}

/** Low word of an address as int32. */
export const ipLo = (ip: bigint): number => Number(BigInt.asIntN(32, ip));
/** High word of an address as int32. */
export const ipHi = (ip: bigint): number => Number(BigInt.asIntN(32, ip >> 32n));
