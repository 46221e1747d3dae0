/** Deterministic bytes from a seed: sfc32 (Chris Doty-Humphrey, PractRand), started by splitmix32. Not for secrets. */
export class SeededBytes {
  private a: number;
  private b: number;
  private c: number;
  private counter = 1;

  /** `seed` any integer. */
  constructor(seed: number) {
    let s = seed >>> 0;
    const next = (): number => {
      s = (s + 0x9e37_79b9) >>> 0;
      let z = s;
      z = Math.imul(z ^ (z >>> 16), 0x21f0_aaad);
      z = Math.imul(z ^ (z >>> 15), 0x735a_2d97);
      return (z ^ (z >>> 15)) >>> 0;
    };
    this.a = next();
    this.b = next();
    this.c = (next() ^ Math.floor(seed / 2 ** 32)) >>> 0;
    for (let i = 0; i < 12; i++) this.u32();
  }

  u32(): number {
    const t = (this.a + this.b + this.counter) >>> 0;
    this.counter = (this.counter + 1) >>> 0;
    this.a = this.b ^ (this.b >>> 9);
    this.b = (this.c + (this.c << 3)) >>> 0;
    this.c = (((this.c << 21) | (this.c >>> 11)) + t) >>> 0;
    return t;
  }

  bytes(length: number): Uint8Array {
    const out = new Uint8Array(length);
    for (let i = 0; i < length; i += 4) {
      const w = this.u32();
      for (let j = 0; j < 4 && i + j < length; j++) out[i + j] = w >>> (8 * j);
    }
    return out;
  }
}
