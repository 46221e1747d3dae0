/** The part of the protobuf wire format that the exporters write: varints and length-delimited fields. */
import { encodeUtf8 } from '#base/utf8.ts';

export class ProtoWriter {
  private bytes = new Uint8Array(256);
  private used = 0;

  private room(n: number): void {
    if (this.used + n <= this.bytes.length) return;
    const bigger = new Uint8Array(Math.max(this.bytes.length * 2, this.used + n));
    bigger.set(this.bytes.subarray(0, this.used));
    this.bytes = bigger;
  }

  private varint(value: number | bigint): void {
    this.room(10);
    if (typeof value === 'number' && value >= 0 && value < 0x8000_0000) {
      let v = value;
      while (v > 127) {
        this.bytes[this.used++] = (v & 127) | 128;
        v >>>= 7;
      }
      this.bytes[this.used++] = v;
      return;
    }
    let v = BigInt.asUintN(64, BigInt(value)); // negative numbers take ten bytes
    while (v > 127n) {
      this.bytes[this.used++] = Number(v & 127n) | 128;
      v >>= 7n;
    }
    this.bytes[this.used++] = Number(v);
  }

  /** An integer field (int, uint, bool, enum). */
  int(field: number, value: number | bigint): this {
    this.varint(field * 8);
    this.varint(value);
    return this;
  }

  /** A bytes field. */
  raw(field: number, value: Uint8Array): this {
    this.varint(field * 8 + 2);
    this.varint(value.length);
    this.room(value.length);
    this.bytes.set(value, this.used);
    this.used += value.length;
    return this;
  }

  string(field: number, value: string): this {
    return this.raw(field, encodeUtf8(value));
  }

  /** A message field, written by `fill`. */
  message(field: number, fill: (w: ProtoWriter) => void): this {
    const w = new ProtoWriter();
    fill(w);
    return this.raw(field, w.bytes.subarray(0, w.used));
  }

  /** A packed repeated integer field. */
  packed(field: number, values: readonly (number | bigint)[]): this {
    return this.message(field, (w) => {
      for (const v of values) w.varint(v);
    });
  }

  /** The bytes so far, and a fresh start. */
  take(): Uint8Array {
    const out = this.bytes.slice(0, this.used);
    this.used = 0;
    return out;
  }
}
