/**
 * A task's user memory as system calls reach it (copy_from_user and its family): through the task's page tables, demand-paging and
 * breaking copy-on-write as it goes. Addresses are plain numbers below 2^47; everything else is EFAULT.
 */
import { decodeUtf8 } from '#base/utf8.ts';
import type { AddressSpace } from './address-space.ts';
import { handleFault } from './fault.ts';
import { PAGE } from './frames.ts';
import { USER_END } from './page-tables.ts';

export interface UserMemory {
  /** A copy of `length` bytes; undefined = EFAULT. */
  read(va: number, length: number): Uint8Array | undefined;
  /** false = EFAULT; what lies before the bad page has been written, as on Linux. */
  write(va: number, bytes: Uint8Array): boolean;
  /** Zeroes; false = EFAULT. */
  clear(va: number, length: number): boolean;
  /** A NUL-terminated string, as base/utf8.ts decodes it. `max` counts bytes without the NUL. */
  readString(va: number, max: number): string | undefined | 'too long';
  /** The bytes of a NUL-terminated string, without the NUL. */
  readStringBytes(va: number, max: number): Uint8Array | undefined | 'too long';
  readU8(va: number): number | undefined;
  readU16(va: number): number | undefined;
  readU32(va: number): number | undefined;
  readI32(va: number): number | undefined;
  readU64(va: number): bigint | undefined;
  /** A 64-bit value as a double: exact below 2^53 (pointers, lengths). */
  readNumber(va: number): number | undefined;
  writeU8(va: number, value: number): boolean;
  writeU16(va: number, value: number): boolean;
  writeU32(va: number, value: number): boolean;
  writeU64(va: number, value: bigint | number): boolean;
}

/** Physical address behind `va`, faulted in for the access; -1 = EFAULT. */
export function physicalOf(mm: AddressSpace, va: number, write: boolean): number {
  if (!(va >= 0 && va < USER_END)) return -1;
  const there = mm.tables.translate(va, write);
  if (there >= 0) return there;
  const result = handleFault(mm, va, write ? 'write' : 'read');
  if (result.kind !== 'ok') return -1;
  mm.context.faulted(va, result.major, true);
  return mm.tables.translate(va, write);
}

/** Reads above this look before they allocate. */
const BIG = 1 << 20;

export class PagedMemory implements UserMemory {
  readonly mm: AddressSpace;
  private readonly bytes: Uint8Array;
  private readonly view: DataView;

  constructor(mm: AddressSpace) {
    this.mm = mm;
    this.bytes = mm.context.frames.memory.bytes;
    this.view = mm.context.frames.memory.view;
  }

  private physical(va: number, write: boolean): number {
    return physicalOf(this.mm, va, write);
  }

  /** A copy of `length` bytes; undefined = EFAULT. */
  read(va: number, length: number): Uint8Array | undefined {
    if (!(length >= 0) || va + length > USER_END) return undefined;
    if (length > BIG) {
      // A length out of a program's hands: is that much mapped at all?
      for (let at = va; at < va + length; at += PAGE) if (this.physical(at, false) < 0) return undefined;
    }
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

  /** A NUL-terminated string, as base/utf8.ts decodes it. */
  readString(va: number, max: number): string | undefined | 'too long' {
    const bytes = this.readStringBytes(va, max);
    return bytes instanceof Uint8Array ? decodeUtf8(bytes) : bytes;
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
