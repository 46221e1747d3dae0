/**
 * Reading and writing of fixed layouts over a byte buffer. Both byte orders; every access is checked, and what lies outside is a
 * `FormatError` with its offset in the file. For hot loops use a DataView directly: these are for headers and rare records.
 */
import { FormatError } from './format-error.ts';
import { decodeUtf8, encodeUtf8 } from './utf8.ts';

const TWO32 = 0x1_0000_0000;

export interface ByteReaderOptions {
  /** Default true. */
  readonly littleEndian?: boolean;
  /** Offset in the file of the first byte of the buffer, added to every reported offset. Default 0. */
  readonly base?: number;
}

export class ByteReader {
  readonly bytes: Uint8Array;
  readonly littleEndian: boolean;
  readonly base: number;
  /** Index in `bytes` of the next byte. */
  position = 0;
  readonly #view: DataView;

  constructor(bytes: Uint8Array, options: ByteReaderOptions = {}) {
    this.bytes = bytes;
    this.littleEndian = options.littleEndian ?? true;
    this.base = options.base ?? 0;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get length(): number {
    return this.bytes.byteLength;
  }

  get remaining(): number {
    return this.bytes.byteLength - this.position;
  }

  /** Offset in the file of the next byte. */
  get offset(): number {
    return this.base + this.position;
  }

  fail(what: string): never {
    throw new FormatError(this.offset, what);
  }

  /** Reserves `size` bytes and returns their index. */
  #take(size: number, what: string): number {
    const at = this.position;
    if (size < 0 || !Number.isSafeInteger(size) || at + size > this.bytes.byteLength)
      throw new FormatError(this.base + at, `${what} of ${size} bytes does not fit: ${Math.max(0, this.bytes.byteLength - at)} bytes left`);
    this.position = at + size;
    return at;
  }

  u8(what = 'u8'): number {
    return this.#view.getUint8(this.#take(1, what));
  }

  u16(what = 'u16'): number {
    return this.#view.getUint16(this.#take(2, what), this.littleEndian);
  }

  u32(what = 'u32'): number {
    return this.#view.getUint32(this.#take(4, what), this.littleEndian);
  }

  i32(what = 'i32'): number {
    return this.#view.getInt32(this.#take(4, what), this.littleEndian);
  }

  u64(what = 'u64'): bigint {
    return this.#view.getBigUint64(this.#take(8, what), this.littleEndian);
  }

  i64(what = 'i64'): bigint {
    return this.#view.getBigInt64(this.#take(8, what), this.littleEndian);
  }

  /** A u64 that must be an exact number (file offsets, sizes, counts): 2^53 and more is a FormatError. */
  size64(what = 'size'): number {
    const at = this.#take(8, what);
    const first = this.#view.getUint32(at, this.littleEndian);
    const second = this.#view.getUint32(at + 4, this.littleEndian);
    const [lo, hi] = this.littleEndian ? [first, second] : [second, first];
    if (hi >= 0x20_0000)
      throw new FormatError(this.base + at, `absurd ${what} 0x${(BigInt(hi) * BigInt(TWO32) + BigInt(lo)).toString(16)}`);
    return hi * TWO32 + lo;
  }

  /** The next `size` bytes, a view and not a copy. */
  take(size: number, what = 'bytes'): Uint8Array {
    const at = this.#take(size, what);
    return this.bytes.subarray(at, at + size);
  }

  skip(size: number, what = 'bytes'): void {
    this.#take(size, what);
  }

  seek(position: number, what = 'position'): void {
    if (position < 0 || position > this.bytes.byteLength)
      throw new FormatError(this.base + position, `${what} outside of the ${this.length} bytes`);
    this.position = position;
  }

  /** A reader over the next `size` bytes; its errors report offsets in the same file. */
  sub(size: number, what = 'block'): ByteReader {
    const base = this.offset;
    return new ByteReader(this.take(size, what), { littleEndian: this.littleEndian, base });
  }

  /** A NUL-terminated UTF-8 string in a field of `size` bytes (default: all that is left); the whole field is consumed. */
  cstring(size = this.remaining, what = 'string'): string {
    const at = this.#take(size, what);
    return decodeCString(this.bytes, at, at + size);
  }
}

/** Decodes UTF-8 up to a NUL or `end`; bytes that are no UTF-8 survive as utf8.ts has them. */
export function decodeCString(bytes: Uint8Array, start: number, end: number): string {
  let stop = start;
  let ascii = true;
  while (stop < end) {
    const b = bytes[stop] as number;
    if (b === 0) break;
    if (b >= 0x80) ascii = false;
    stop++;
  }
  return ascii ? asciiSlice(bytes, start, stop) : decodeUtf8(bytes.subarray(start, stop));
}

function asciiSlice(bytes: Uint8Array, start: number, end: number): string {
  let out = '';
  // fromCharCode takes its arguments on the stack: bounded pieces
  for (let i = start; i < end; i += 4096) out += String.fromCharCode(...bytes.subarray(i, Math.min(end, i + 4096)));
  return out;
}

/** A growing buffer. Positions are indexes from its start; `patch` methods overwrite what was written before. */
export class ByteWriter {
  readonly littleEndian: boolean;
  #bytes: Uint8Array;
  #view: DataView;
  #length = 0;

  constructor(capacity = 256, littleEndian = true) {
    this.littleEndian = littleEndian;
    this.#bytes = new Uint8Array(Math.max(16, capacity));
    this.#view = new DataView(this.#bytes.buffer);
  }

  get length(): number {
    return this.#length;
  }

  /** The bytes written so far: a view that stays valid until the next write. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Forgets everything, keeps the memory. */
  clear(): void {
    this.#length = 0;
  }

  #grow(size: number): number {
    const at = this.#length;
    const need = at + size;
    if (need > this.#bytes.byteLength) {
      const next = new Uint8Array(Math.max(need, this.#bytes.byteLength * 2));
      next.set(this.#bytes.subarray(0, at));
      this.#bytes = next;
      this.#view = new DataView(next.buffer);
    }
    this.#length = need;
    return at;
  }

  u8(value: number): this {
    const at = this.#grow(1); // may replace the view
    this.#view.setUint8(at, value);
    return this;
  }

  u16(value: number): this {
    const at = this.#grow(2); // may replace the view
    this.#view.setUint16(at, value, this.littleEndian);
    return this;
  }

  u32(value: number): this {
    const at = this.#grow(4); // may replace the view
    this.#view.setUint32(at, value, this.littleEndian);
    return this;
  }

  /** A u64; negative values are written as two's complement. */
  u64(value: bigint | number): this {
    const at = this.#grow(8); // may replace the view
    this.#view.setBigUint64(at, BigInt.asUintN(64, BigInt(value)), this.littleEndian);
    return this;
  }

  raw(bytes: Uint8Array): this {
    const at = this.#grow(bytes.byteLength);
    this.#bytes.set(bytes, at);
    return this;
  }

  zeros(count: number): this {
    const at = this.#grow(count);
    this.#bytes.fill(0, at, at + count);
    return this;
  }

  /** Zero bytes up to a multiple of `alignment` from the start of the buffer. */
  align(alignment: number): this {
    const over = this.#length % alignment;
    return over === 0 ? this : this.zeros(alignment - over);
  }

  /** UTF-8 text and a NUL; with `size`, exactly that many bytes (cut to leave room for the NUL, padded with zeros). */
  cstring(text: string, size?: number): this {
    const utf8 = encodeUtf8(text);
    if (size === undefined) return this.raw(utf8).u8(0);
    const kept = utf8.subarray(0, Math.max(0, size - 1));
    return this.raw(kept).zeros(size - kept.byteLength);
  }

  patchU16(at: number, value: number): void {
    this.#view.setUint16(at, value, this.littleEndian);
  }

  patchU32(at: number, value: number): void {
    this.#view.setUint32(at, value, this.littleEndian);
  }

  patchU64(at: number, value: bigint | number): void {
    this.#view.setBigUint64(at, BigInt.asUintN(64, BigInt(value)), this.littleEndian);
  }

  /** A copy of what was written. */
  toBytes(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }
}
