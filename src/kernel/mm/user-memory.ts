/**
 * A task's user memory as system calls reach it (copy_from_user and its family): through the task's page tables, demand-paging and
 * breaking copy-on-write as it goes. Addresses are plain numbers below 2^47; everything else is EFAULT.
 */
export interface UserMemory {
  /** A copy of `length` bytes; undefined = EFAULT. */
  read(va: number, length: number): Uint8Array | undefined;
  /** false = EFAULT; what lies before the bad page may have been written, as on Linux. */
  write(va: number, bytes: Uint8Array): boolean;
  /** Zeroes; false = EFAULT. */
  clear(va: number, length: number): boolean;
  /** A NUL-terminated string as UTF-8 bytes decoded byte-preservingly (each byte one code unit below 256 would lose names: invalid UTF-8 is kept as lone surrogates U+DC80-U+DCFF). `max` counts bytes without the NUL. */
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
