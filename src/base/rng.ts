/** A seeded generator of random numbers (xorshift32*): the same seed gives the same sequence everywhere. Not for secrets. */
export class Rng {
  #state: number;

  /** Any integer; different seeds start far apart. */
  constructor(seed: number) {
    let s = (seed ^ 0x9e37_79b9) >>> 0;
    s = Math.imul(s ^ (s >>> 16), 0x85eb_ca6b);
    s = Math.imul(s ^ (s >>> 13), 0xc2b2_ae35);
    this.#state = (s ^ (s >>> 16)) >>> 0 || 1;
  }

  /** 0 to 2^32-1. */
  next(): number {
    let s = this.#state;
    s ^= s << 13;
    s ^= s >>> 17;
    s ^= s << 5;
    this.#state = s >>> 0;
    return Math.imul(this.#state, 0x9e37_79bb) >>> 0;
  }

  /** An integer from `min` to `max`, both included. */
  between(min: number, max: number): number {
    return min + Math.floor((this.next() / 0x1_0000_0000) * (max - min + 1));
  }
}
