/**
 * A task's user memory as system calls reach it (copy_from_user and its family): through the task's page tables, demand-paging and
 * breaking copy-on-write as it goes. Addresses are plain numbers below 2^47; everything else is EFAULT.
 */
import type { AddressSpace } from './address-space.ts';
import { handleFault } from './fault.ts';
import { PAGE } from './frames.ts';
import { USER_END } from './page-tables.ts';

export class UserMemory {
  readonly mm: AddressSpace;
  private readonly bytes: Uint8Array;
  private readonly view: DataView;

  constructor(mm: AddressSpace) {
    this.mm = mm;
    this.bytes = mm.context.frames.memory.bytes;
    this.view = mm.context.frames.memory.view;
  }

  /** Physical address behind `va`, faulted in for the access; -1 = EFAULT. */
  physical(va: number, write: boolean): number {
    if (!(va >= 0 && va < USER_END)) return -1;
    const there = this.mm.tables.translate(va, write);
    if (there >= 0) return there;
    const result = handleFault(this.mm, va, write ? 'write' : 'read');
    if (result.kind !== 'ok') return -1;
    this.mm.context.faulted(va, result.major, true);
    return this.mm.tables.translate(va, write);
  }

  /** A copy of `length` bytes; undefined = EFAULT. */
  read(va: number, length: number): Uint8Array | undefined {
    if (length < 0 || va + length > USER_END) return undefined;
    const out = new Uint8Array(length);
    for (let done = 0; done < length; ) {
      const at = this.physical(va + done, false);
      if (at < 0) return undefined;
      const n = Math.min(length - done, PAGE - (at % PAGE));
      out.set(this.bytes.subarray(at, at + n), done);
      done += n;
    }
    return out;
  }

  /** false = EFAULT; what lies before the bad page has been written, as on Linux. */
  write(va: number, bytes: Uint8Array): boolean {
    for (let done = 0; done < bytes.length; ) {
      const at = this.physical(va + done, true);
      if (at < 0) return false;
      const n = Math.min(bytes.length - done, PAGE - (at % PAGE));
      this.bytes.set(bytes.subarray(done, done + n), at);
      this.mm.context.frames.memory.written(at, n);
      done += n;
    }
    return true;
  }

  /** Zeroes; false = EFAULT. */
  clear(va: number, length: number): boolean {
    for (let done = 0; done < length; ) {
      const at = this.physical(va + done, true);
      if (at < 0) return false;
      const n = Math.min(length - done, PAGE - (at % PAGE));
      this.bytes.fill(0, at, at + n);
      this.mm.context.frames.memory.written(at, n);
      done += n;
    }
    return true;
  }

  /** The bytes of a NUL-terminated string, without the NUL. `max` counts bytes without the NUL. */
  readStringBytes(va: number, max: number): Uint8Array | undefined | 'too long' {
    const parts: number[] = [];
    for (let at = va; ; ) {
      const physical = this.physical(at, false);
      if (physical < 0) return undefined;
      const stop = physical - (physical % PAGE) + PAGE;
      for (let p = physical; p < stop; p++, at++) {
        const b = this.bytes[p] as number;
        if (b === 0) return Uint8Array.from(parts);
        if (parts.length === max) return 'too long';
        parts.push(b);
      }
    }
  }

  /** A NUL-terminated string: UTF-8, with bytes that are none kept as lone surrogates U+DC80-U+DCFF (encodeBytes gives them back). */
  readString(va: number, max: number): string | undefined | 'too long' {
    const bytes = this.readStringBytes(va, max);
    return bytes instanceof Uint8Array ? decodeBytes(bytes) : bytes;
  }

  readU8(va: number): number | undefined {
    const at = this.physical(va, false);
    return at < 0 ? undefined : this.bytes[at];
  }
  readU16(va: number): number | undefined {
    return this.small(va, 2)?.getUint16(0, true);
  }
  readU32(va: number): number | undefined {
    return this.small(va, 4)?.getUint32(0, true);
  }
  readI32(va: number): number | undefined {
    return this.small(va, 4)?.getInt32(0, true);
  }
  readU64(va: number): bigint | undefined {
    return this.small(va, 8)?.getBigUint64(0, true);
  }
  /** A 64-bit value as a double: exact below 2^53 (pointers, lengths). */
  readNumber(va: number): number | undefined {
    const v = this.small(va, 8);
    return v === undefined ? undefined : v.getUint32(4, true) * 2 ** 32 + v.getUint32(0, true);
  }
  writeU8(va: number, value: number): boolean {
    return this.write(va, Uint8Array.of(value));
  }
  writeU16(va: number, value: number): boolean {
    return this.write(va, Uint8Array.of(value, value >> 8));
  }
  writeU32(va: number, value: number): boolean {
    return this.write(va, Uint8Array.of(value, value >> 8, value >> 16, value >>> 24));
  }
  writeU64(va: number, value: bigint | number): boolean {
    const v = new DataView(new ArrayBuffer(8));
    v.setBigUint64(0, BigInt.asUintN(64, BigInt(value)), true);
    return this.write(va, new Uint8Array(v.buffer));
  }

  private small(va: number, length: number): DataView | undefined {
    if (va % PAGE <= PAGE - length) {
      const at = this.physical(va, false);
      return at < 0 ? undefined : new DataView(this.view.buffer, this.view.byteOffset + at, length);
    }
    const copy = this.read(va, length);
    return copy === undefined ? undefined : new DataView(copy.buffer);
  }
}

const encodeOne = (code: number, out: number[]): void => {
  if (code < 0x80) out.push(code);
  else if (code < 0x800) out.push(0xc0 | (code >> 6), 0x80 | (code & 63));
  else if (code < 0x1_0000) out.push(0xe0 | (code >> 12), 0x80 | ((code >> 6) & 63), 0x80 | (code & 63));
  else out.push(0xf0 | (code >> 18), 0x80 | ((code >> 12) & 63), 0x80 | ((code >> 6) & 63), 0x80 | (code & 63));
};

/** UTF-8 to a string; each byte that is not part of valid UTF-8 becomes U+DC00 + byte. */
export function decodeBytes(bytes: Uint8Array): string {
  let out = '';
  for (let i = 0; i < bytes.length; ) {
    const b = bytes[i] as number;
    const n = b < 0x80 ? 1 : b >= 0xc2 && b < 0xe0 ? 2 : b >= 0xe0 && b < 0xf0 ? 3 : b >= 0xf0 && b < 0xf5 ? 4 : 0;
    let code = n === 1 ? b : b & (0x7f >> n);
    let good = n > 0 && i + n <= bytes.length;
    for (let j = 1; good && j < n; j++) {
      const c = bytes[i + j] as number;
      good = (c & 0xc0) === 0x80;
      code = (code << 6) | (c & 63);
    }
    const least = [0, 0, 0x80, 0x800, 0x1_0000][n] as number;
    if (good && code >= least && code < 0x11_0000 && (code < 0xd800 || code > 0xdfff)) {
      out += String.fromCodePoint(code);
      i += n;
    } else {
      out += String.fromCharCode(0xdc00 + b);
      i++;
    }
  }
  return out;
}

/** The inverse of decodeBytes. */
export function encodeBytes(text: string): Uint8Array {
  const out: number[] = [];
  for (const c of text) {
    const code = c.codePointAt(0) as number;
    if (code >= 0xdc80 && code <= 0xdcff) out.push(code - 0xdc00);
    else encodeOne(code, out);
  }
  return Uint8Array.from(out);
}
