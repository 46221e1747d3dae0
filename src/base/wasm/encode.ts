/** WebAssembly binary encoding: bytes and LEB128. WebAssembly Core Specification 2.0, ch. 5. */

export class Bytes {
  private data = new Uint8Array(256);
  length = 0;

  private reserve(n: number): void {
    if (this.length + n <= this.data.length) return;
    const grown = new Uint8Array(Math.max(this.data.length * 2, this.length + n));
    grown.set(this.data.subarray(0, this.length));
    this.data = grown;
  }
  u8(b: number): void {
    this.reserve(1);
    this.data[this.length++] = b;
  }
  raw(bytes: ArrayLike<number>): void {
    this.reserve(bytes.length);
    this.data.set(bytes, this.length);
    this.length += bytes.length;
  }
  append(other: Bytes): void {
    this.raw(other.view());
  }
  /** Unsigned LEB128, n < 2^32. */
  u32(n: number): void {
    let v = n >>> 0;
    while (v > 127) {
      this.u8((v & 127) | 128);
      v >>>= 7;
    }
    this.u8(v);
  }
  /** Signed LEB128 of a 32-bit number. */
  s32(n: number): void {
    let v = n | 0;
    for (;;) {
      const b = v & 127;
      v >>= 7;
      if ((v === 0 && (b & 64) === 0) || (v === -1 && (b & 64) !== 0)) return this.u8(b);
      this.u8(b | 128);
    }
  }
  /** Signed LEB128 of a 64-bit number. */
  s64(n: bigint): void {
    let v = BigInt.asIntN(64, n);
    for (;;) {
      const b = Number(v & 127n);
      v >>= 7n;
      if ((v === 0n && (b & 64) === 0) || (v === -1n && (b & 64) !== 0)) return this.u8(b);
      this.u8(b | 128);
    }
  }
  /** A length-prefixed copy of `body`. */
  sized(body: Bytes): void {
    this.u32(body.length);
    this.append(body);
  }
  name(text: string): void {
    this.u32(text.length);
    for (let i = 0; i < text.length; i++) this.u8(text.charCodeAt(i));
  }
  view(): Uint8Array {
    return this.data.subarray(0, this.length);
  }
}
