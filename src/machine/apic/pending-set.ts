/** A 256-bit register of vectors: IRR or ISR. SDM Vol. 3A, Interrupt, Trigger Mode, and In-Service registers. */
export class VectorSet {
  readonly #words = new Uint32Array(8);

  add(vector: number): void {
    this.#words[vector >> 5] = (this.word(vector >> 5) | (1 << (vector & 31))) >>> 0;
  }
  delete(vector: number): void {
    this.#words[vector >> 5] = (this.word(vector >> 5) & ~(1 << (vector & 31))) >>> 0;
  }
  /** The highest vector, -1 when empty. */
  highest(): number {
    for (let i = 7; i >= 0; i--) {
      const w = this.word(i);
      if (w !== 0) return i * 32 + 31 - Math.clz32(w);
    }
    return -1;
  }
  /** Vectors 32i to 32i+31. */
  word(i: number): number {
    return this.#words[i] as number;
  }
}
