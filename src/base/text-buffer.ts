/** Text as bytes, for output of millions of lines: no string is built for a number. Full buffers go to `flush`. */

import { encodeUtf8 } from './utf8.ts';

const SIZE = 0x1_0000;
const ROOM = 512; // every number and every short text fits without a check of its own

export class TextBuffer {
  #bytes: Uint8Array;
  #n = 0;
  readonly #flush: (bytes: Uint8Array) => void;

  /** `flush` gets a view that is overwritten after it returns. */
  constructor(flush: (bytes: Uint8Array) => void) {
    this.#bytes = new Uint8Array(SIZE);
    this.#flush = flush;
  }

  /** Hands over what is there. Call it at the end. */
  flush(): void {
    if (this.#n > 0) this.#flush(this.#bytes.subarray(0, this.#n));
    this.#n = 0;
  }

  #room(): void {
    if (this.#n > SIZE - ROOM) this.flush();
  }

  byte(code: number): void {
    this.#room();
    this.#bytes[this.#n++] = code;
  }

  /** Bytes made before (`asciiBytes`, `encodeUtf8`). */
  raw(bytes: Uint8Array): void {
    const length = bytes.length;
    if (length > ROOM) {
      this.flush();
      this.#flush(bytes);
      return;
    }
    this.#room();
    const out = this.#bytes;
    let n = this.#n;
    // a call of set() costs more than a short loop
    for (let i = 0; i < length; i++) out[n++] = bytes[i] as number;
    this.#n = n;
  }

  /** Text; characters above U+007F become their UTF-8 (utf8.ts). */
  text(text: string): void {
    if (text.length > ROOM) {
      this.raw(encodeUtf8(text));
      return;
    }
    this.#room();
    const out = this.#bytes;
    let n = this.#n;
    for (let i = 0; i < text.length; i++) {
      const c = text.charCodeAt(i);
      if (c >= 0x80) {
        this.raw(encodeUtf8(text)); // nothing of it is counted yet
        return;
      }
      out[n++] = c;
    }
    this.#n = n;
  }

  /** A non-negative integer below 2^53, right-aligned in `width` with `pad` (default a space). */
  decimal(value: number, width = 0, pad = 32): void {
    this.#room();
    const out = this.#bytes;
    let digits = 1;
    for (let p = 10; value >= p && digits < 16; p *= 10) digits++;
    const length = digits > width ? digits : width;
    let i = this.#n + length - 1;
    let v = value;
    // numbers above 2^31 divide as doubles: take six digits off at a time
    while (v > 0x7fff_ffff) {
      const high = Math.floor(v / 1_000_000);
      let low = v - high * 1_000_000;
      for (let k = 0; k < 6; k++) {
        const q = (low / 10) | 0;
        out[i--] = 48 + low - q * 10;
        low = q;
      }
      v = high;
      digits -= 6;
    }
    let small = v | 0;
    for (let k = 0; k < digits; k++) {
      const q = (small / 10) | 0;
      out[i--] = 48 + small - q * 10;
      small = q;
    }
    while (i >= this.#n) out[i--] = pad;
    this.#n += length;
  }

  /** A u64 in hex without leading zeros, right-aligned in `width` with `pad`. */
  hex64(hi: number, lo: number, width = 0, pad = 32): void {
    this.#room();
    const out = this.#bytes;
    const digits = hi === 0 ? hexDigits(lo) : 8 + hexDigits(hi);
    const length = digits > width ? digits : width;
    let i = this.#n + length - 1;
    let v = lo;
    for (let k = 0; k < digits; k++) {
      if (k === 8) v = hi;
      const d = v & 15;
      out[i--] = d < 10 ? 48 + d : 87 + d;
      v >>>= 4;
    }
    while (i >= this.#n) out[i--] = pad;
    this.#n += length;
  }
}

function hexDigits(v: number): number {
  return v === 0 ? 1 : 8 - (Math.clz32(v) >> 2);
}
