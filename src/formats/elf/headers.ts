/**
 * ELF file and program headers of any class and byte order, checked (the kernel's exec reads ELF-64 with `abi/elf.ts`).
 * Source: elf(5), <elf.h>, System V ABI; field names verbatim. Addresses, offsets and sizes that may exceed 2^53 are bigint.
 */
import { isElf } from '#abi/elf.ts';
import { ByteReader } from '#base/bytes.ts';
import { FormatError } from '#base/format-error.ts';

const ELFCLASS = { CLASS32: 1, CLASS64: 2 } as const;
const ELFDATA = { LSB: 1, MSB: 2 } as const;
const PHDR64_SIZE = 56;
const PHDR32_SIZE = 32;

export interface Ehdr {
  /** 32 or 64. */
  readonly bits: 32 | 64;
  readonly littleEndian: boolean;
  readonly e_type: number;
  readonly e_machine: number;
  readonly e_entry: bigint;
  readonly e_phoff: bigint;
  readonly e_shoff: bigint;
  readonly e_flags: number;
  readonly e_ehsize: number;
  readonly e_phentsize: number;
  readonly e_phnum: number;
  readonly e_shentsize: number;
  readonly e_shnum: number;
  readonly e_shstrndx: number;
}

export interface Phdr {
  readonly p_type: number;
  readonly p_flags: number;
  readonly p_offset: bigint;
  readonly p_vaddr: bigint;
  readonly p_paddr: bigint;
  readonly p_filesz: bigint;
  readonly p_memsz: bigint;
  readonly p_align: bigint;
}

/** Reads the file header, any class and byte order. `FormatError` with the offset if it is none. */
export function readEhdr(bytes: Uint8Array): Ehdr {
  if (!isElf(bytes)) throw new FormatError(0, bytes.length === 0 ? 'empty file, not ELF' : 'not an ELF file (no 7f 45 4c 46)');
  const cls = bytes[4] ?? 0;
  const data = bytes[5] ?? 0;
  if (cls !== ELFCLASS.CLASS32 && cls !== ELFCLASS.CLASS64) throw new FormatError(4, `ELF class ${cls}, neither 32 nor 64 bits`);
  if (data !== ELFDATA.LSB && data !== ELFDATA.MSB) throw new FormatError(5, `ELF data encoding ${data}, neither little nor big endian`);
  const bits = cls === ELFCLASS.CLASS64 ? 64 : 32;
  const r = new ByteReader(bytes, { littleEndian: data === ELFDATA.LSB });
  r.seek(16, 'ELF header');
  const word = (what: string): bigint => (bits === 64 ? r.u64(what) : BigInt(r.u32(what)));
  const e_type = r.u16('e_type');
  const e_machine = r.u16('e_machine');
  r.u32('e_version');
  return {
    bits,
    littleEndian: data === ELFDATA.LSB,
    e_type,
    e_machine,
    e_entry: word('e_entry'),
    e_phoff: word('e_phoff'),
    e_shoff: word('e_shoff'),
    e_flags: r.u32('e_flags'),
    e_ehsize: r.u16('e_ehsize'),
    e_phentsize: r.u16('e_phentsize'),
    e_phnum: r.u16('e_phnum'),
    e_shentsize: r.u16('e_shentsize'),
    e_shnum: r.u16('e_shnum'),
    e_shstrndx: r.u16('e_shstrndx'),
  };
}

/** An offset or size from a header as a number that lies within the file; otherwise `FormatError` at `at`. */
export function within(value: bigint, length: number, at: number, what: string): number {
  if (value > BigInt(length)) throw new FormatError(at, `${what} 0x${value.toString(16)} lies outside the file of ${length} bytes`);
  return Number(value);
}

/** Reads the program headers. */
export function readPhdrs(bytes: Uint8Array, ehdr: Ehdr): Phdr[] {
  if (ehdr.e_phnum === 0) return [];
  const size = ehdr.bits === 64 ? PHDR64_SIZE : PHDR32_SIZE;
  const field = ehdr.bits === 64 ? 32 : 28;
  if (ehdr.e_phentsize < size) throw new FormatError(ehdr.bits === 64 ? 54 : 42, `e_phentsize ${ehdr.e_phentsize}, need ${size}`);
  const start = within(ehdr.e_phoff, bytes.length, field, 'e_phoff');
  const r = new ByteReader(bytes, { littleEndian: ehdr.littleEndian });
  const out: Phdr[] = [];
  for (let i = 0; i < ehdr.e_phnum; i++) {
    r.seek(start + i * ehdr.e_phentsize, 'program header');
    if (ehdr.bits === 64) {
      const p_type = r.u32('p_type');
      const p_flags = r.u32('p_flags');
      out.push({
        p_type,
        p_flags,
        p_offset: r.u64('p_offset'),
        p_vaddr: r.u64('p_vaddr'),
        p_paddr: r.u64('p_paddr'),
        p_filesz: r.u64('p_filesz'),
        p_memsz: r.u64('p_memsz'),
        p_align: r.u64('p_align'),
      });
      continue;
    }
    const p_type = r.u32('p_type');
    const p_offset = BigInt(r.u32('p_offset'));
    const p_vaddr = BigInt(r.u32('p_vaddr'));
    const p_paddr = BigInt(r.u32('p_paddr'));
    const p_filesz = BigInt(r.u32('p_filesz'));
    const p_memsz = BigInt(r.u32('p_memsz'));
    out.push({ p_type, p_offset, p_vaddr, p_paddr, p_filesz, p_memsz, p_flags: r.u32('p_flags'), p_align: BigInt(r.u32('p_align')) });
  }
  return out;
}
