/** Makes ELF files for tests: right ones from code bytes, and hostile ones by changing fields. Offsets: elf(5), Elf64_Ehdr and Elf64_Phdr. */
import { chmodSync, writeFileSync } from 'node:fs';

export interface Segment {
  readonly type?: number;
  readonly flags?: number;
  readonly offset?: bigint;
  readonly vaddr?: bigint;
  readonly filesz?: bigint;
  readonly memsz?: bigint;
  readonly align?: bigint;
}

/** A static 64-bit ELF that maps itself at 0x400000 and starts at `code`. */
export function elf(code: readonly number[], segments: readonly Segment[] = [{}]): Buffer {
  const head = 64 + 56 * segments.length;
  const file = Buffer.alloc(head + code.length);
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0]);
  file.writeUInt16LE(2, 16); // ET_EXEC
  file.writeUInt16LE(62, 18); // EM_X86_64
  file.writeUInt32LE(1, 20);
  file.writeBigUInt64LE(0x400000n + BigInt(head), 24); // e_entry
  file.writeBigUInt64LE(64n, 32); // e_phoff
  file.writeUInt16LE(64, 52);
  file.writeUInt16LE(56, 54);
  file.writeUInt16LE(segments.length, 56);
  for (const [i, s] of segments.entries()) {
    const at = 64 + 56 * i;
    file.writeUInt32LE(s.type ?? 1, at); // PT_LOAD
    file.writeUInt32LE(s.flags ?? 5, at + 4); // R X
    file.writeBigUInt64LE(s.offset ?? 0n, at + 8);
    file.writeBigUInt64LE(s.vaddr ?? 0x400000n, at + 16);
    file.writeBigUInt64LE(s.vaddr ?? 0x400000n, at + 24);
    file.writeBigUInt64LE(s.filesz ?? BigInt(file.length), at + 32);
    file.writeBigUInt64LE(s.memsz ?? s.filesz ?? BigInt(file.length), at + 40);
    file.writeBigUInt64LE(s.align ?? 0x1000n, at + 48);
  }
  file.set(code, head);
  return file;
}

/** mov $0,%edi ; mov $231,%eax ; syscall: exit_group(status) */
export const exitCode = (status: number): number[] => [0xbf, status, 0, 0, 0, 0xb8, 231, 0, 0, 0, 0x0f, 0x05];

/** The same file with some bytes changed. */
export function patched(file: Buffer, at: number, bytes: readonly number[]): Buffer {
  const copy = Buffer.from(file);
  copy.set(bytes, at);
  return copy;
}

/** Little-endian bytes of a number. */
export function le(value: bigint, width: number): number[] {
  return Array.from({ length: width }, (_, i) => Number((BigInt.asUintN(64, value) >> BigInt(8 * i)) & 255n));
}

export function writeProgram(path: string, file: Buffer): string {
  writeFileSync(path, file);
  chmodSync(path, 0o755);
  return path;
}
