/**
 * ELF files as a profiler sees them: segments, sections, symbols, build id, debug link. Every class and byte order is read; hostile
 * input gives a `FormatError` with its offset. Tables are bounded by the file's size before anything is allocated.
 */
import { PF, PT_TYPE } from '#abi/elf.ts';
import { ByteReader, decodeCString } from '#base/bytes.ts';
import { FormatError } from '#base/format-error.ts';
import { type Ehdr, type Phdr, readEhdr, readPhdrs, within } from './headers.ts';

export const SHT = { NULL: 0, PROGBITS: 1, SYMTAB: 2, STRTAB: 3, NOTE: 7, NOBITS: 8, DYNSYM: 11 } as const;
export const STT = { NOTYPE: 0, OBJECT: 1, FUNC: 2, SECTION: 3, FILE: 4, GNU_IFUNC: 10 } as const;
const SHN_UNDEF = 0;
const SHN_XINDEX = 0xffff;
const SHN_ABS = 0xfff1;
const NT_GNU_BUILD_ID = 3;

export interface ElfSection {
  readonly name: string;
  readonly type: number;
  readonly flags: bigint;
  readonly addr: bigint;
  readonly offset: number;
  /** Bytes in the file (0 for NOBITS). */
  readonly size: number;
  readonly link: number;
  readonly entsize: number;
  /** Offset of the section header, for errors. */
  readonly headerOffset: number;
}

export interface ElfSymbol {
  readonly name: string;
  readonly value: bigint;
  readonly size: bigint;
  /** STT_*. */
  readonly type: number;
  /** 0 local, 1 global, 2 weak. */
  readonly bind: number;
  readonly section: number;
}

export interface ElfFile {
  readonly bytes: Uint8Array;
  readonly ehdr: Ehdr;
  readonly phdrs: readonly Phdr[];
  readonly sections: readonly ElfSection[];
}

/** Reads headers and section names. Symbols and notes are read on demand. */
export function readElf(bytes: Uint8Array): ElfFile {
  const ehdr = readEhdr(bytes);
  return { bytes, ehdr, phdrs: readPhdrs(bytes, ehdr), sections: readSections(bytes, ehdr) };
}

function readSections(bytes: Uint8Array, ehdr: Ehdr): ElfSection[] {
  if (ehdr.e_shoff === 0n) return [];
  const is64 = ehdr.bits === 64;
  const entry = is64 ? 64 : 40;
  if (ehdr.e_shentsize < entry) throw new FormatError(is64 ? 58 : 46, `e_shentsize ${ehdr.e_shentsize}, need ${entry}`);
  const start = within(ehdr.e_shoff, bytes.length, is64 ? 40 : 32, 'e_shoff');
  const r = new ByteReader(bytes, { littleEndian: ehdr.littleEndian });
  const header = (i: number): { nameOffset: number; raw: ElfSection; sizeField: bigint } => {
    const headerOffset = start + i * ehdr.e_shentsize;
    r.seek(headerOffset, 'section header');
    const nameOffset = r.u32('sh_name');
    const type = r.u32('sh_type');
    const word = (what: string): bigint => (is64 ? r.u64(what) : BigInt(r.u32(what)));
    const flags = word('sh_flags');
    const addr = word('sh_addr');
    const offset64 = word('sh_offset');
    const sizeField = word('sh_size');
    const link = r.u32('sh_link');
    r.u32('sh_info');
    word('sh_addralign');
    const entsize = Number(word('sh_entsize') & 0xffff_ffffn);
    const inFile = type !== SHT.NOBITS && type !== SHT.NULL;
    const offset = inFile ? within(offset64, bytes.length, headerOffset + (is64 ? 24 : 16), 'sh_offset') : 0;
    const size = inFile ? within(sizeField, bytes.length - offset, headerOffset + (is64 ? 32 : 20), 'sh_size') : 0;
    return { nameOffset, sizeField, raw: { name: '', type, flags, addr, offset, size, link, entsize, headerOffset } };
  };
  // More than 65,279 sections: the count and the name table's index stand in section 0.
  const zero = header(0);
  const count = ehdr.e_shnum === 0 ? within(zero.sizeField, bytes.length, start, 'number of sections') : ehdr.e_shnum;
  if (count * ehdr.e_shentsize > bytes.length - start)
    throw new FormatError(start, `${count} section headers do not fit into the ${bytes.length - start} bytes left`);
  const strndx = ehdr.e_shstrndx === SHN_XINDEX ? zero.raw.link : ehdr.e_shstrndx;
  const headers = Array.from({ length: count }, (_, i) => header(i));
  const names = headers[strndx]?.raw;
  return headers.map(({ nameOffset, raw }) => ({
    ...raw,
    name: names === undefined || strndx === 0 ? '' : stringAt(bytes, names, nameOffset),
  }));
}

function stringAt(bytes: Uint8Array, table: ElfSection, offset: number): string {
  if (offset >= table.size) return '';
  return decodeCString(bytes, table.offset + offset, table.offset + table.size);
}

export const sectionNamed = (elf: ElfFile, name: string): ElfSection | undefined => elf.sections.find((s) => s.name === name);

export const sectionBytes = (elf: ElfFile, s: ElfSection): Uint8Array => elf.bytes.subarray(s.offset, s.offset + s.size);

/** Symbols of `.symtab` (or of `.dynsym`). Undefined ones are left out. */
export function readSymbols(elf: ElfFile, which: 'symtab' | 'dynsym'): ElfSymbol[] {
  const type = which === 'symtab' ? SHT.SYMTAB : SHT.DYNSYM;
  const table = elf.sections.find((s) => s.type === type);
  if (table === undefined) return [];
  const strings = elf.sections[table.link];
  if (strings === undefined) throw new FormatError(table.headerOffset, `${which} links to section ${table.link}, which does not exist`);
  const is64 = elf.ehdr.bits === 64;
  const entry = is64 ? 24 : 16;
  if (table.entsize !== 0 && table.entsize < entry)
    throw new FormatError(table.headerOffset, `${which} entries of ${table.entsize} bytes, need ${entry}`);
  const step = table.entsize === 0 ? entry : table.entsize;
  const r = new ByteReader(elf.bytes, { littleEndian: elf.ehdr.littleEndian });
  const out: ElfSymbol[] = [];
  for (let at = table.offset; at + entry <= table.offset + table.size; at += step) {
    r.seek(at, 'symbol');
    const name = r.u32('st_name');
    let value = 0n;
    let size = 0n;
    let info = 0;
    let section = 0;
    if (is64) {
      info = r.u8('st_info');
      r.u8('st_other');
      section = r.u16('st_shndx');
      value = r.u64('st_value');
      size = r.u64('st_size');
    } else {
      value = BigInt(r.u32('st_value'));
      size = BigInt(r.u32('st_size'));
      info = r.u8('st_info');
      r.u8('st_other');
      section = r.u16('st_shndx');
    }
    if (section === SHN_UNDEF || section === SHN_ABS) continue;
    out.push({ name: stringAt(elf.bytes, strings, name), value, size, type: info & 15, bind: info >> 4, section });
  }
  return out;
}

/** GNU build id as lower-case hex, or undefined. */
export function buildId(elf: ElfFile): string | undefined {
  const ranges: { offset: number; size: number; align: number }[] = elf.sections
    .filter((s) => s.type === SHT.NOTE)
    .map((s) => ({ offset: s.offset, size: s.size, align: 4 }));
  for (const p of elf.phdrs) {
    if (p.p_type !== PT_TYPE.NOTE || p.p_offset > BigInt(elf.bytes.length)) continue;
    const offset = Number(p.p_offset);
    const size = p.p_filesz > BigInt(elf.bytes.length - offset) ? elf.bytes.length - offset : Number(p.p_filesz);
    ranges.push({ offset, size, align: p.p_align === 8n ? 8 : 4 });
  }
  for (const range of ranges) {
    const id = buildIdOfNotes(elf.bytes.subarray(range.offset, range.offset + range.size), elf.ehdr.littleEndian, range.align);
    if (id !== undefined) return id;
  }
  return undefined;
}

/** The build id in a run of notes (also the contents of /sys/kernel/notes). */
export function buildIdOfNotes(bytes: Uint8Array, littleEndian = true, align = 4): string | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const up = (n: number): number => Math.ceil(n / align) * align;
  for (let at = 0; at + 12 <= bytes.length; ) {
    const nameSize = view.getUint32(at, littleEndian);
    const descSize = view.getUint32(at + 4, littleEndian);
    const type = view.getUint32(at + 8, littleEndian);
    const desc = at + up(12 + nameSize);
    if (desc + descSize > bytes.length) return undefined;
    if (type === NT_GNU_BUILD_ID && nameSize === 4 && decodeCString(bytes, at + 12, at + 16) === 'GNU')
      return [...bytes.subarray(desc, desc + descSize)].map((b) => b.toString(16).padStart(2, '0')).join('');
    at = desc + up(descSize);
  }
  return undefined;
}

/** Name and CRC of the separate debug file, from `.gnu_debuglink`. */
export function debugLink(elf: ElfFile): { readonly name: string; readonly crc: number } | undefined {
  const s = sectionNamed(elf, '.gnu_debuglink');
  if (s === undefined || s.size < 8) return undefined;
  const name = decodeCString(elf.bytes, s.offset, s.offset + s.size);
  const r = new ByteReader(elf.bytes, { littleEndian: elf.ehdr.littleEndian });
  r.seek(s.offset + s.size - 4);
  return { name, crc: r.u32('debug link CRC') };
}

/** Where code comes from: loadable, executable parts of the file. */
export interface ElfSegment {
  readonly vaddr: bigint;
  readonly fileOffset: number;
  readonly fileSize: number;
  readonly executable: boolean;
}

/** PT_LOAD segments that have bytes in the file. */
export function loadSegments(elf: ElfFile): ElfSegment[] {
  return elf.phdrs
    .filter((p) => p.p_type === PT_TYPE.LOAD && p.p_filesz > 0n && p.p_offset < BigInt(elf.bytes.length))
    .map((p) => {
      const fileOffset = Number(p.p_offset);
      const left = BigInt(elf.bytes.length - fileOffset);
      return {
        vaddr: p.p_vaddr,
        fileOffset,
        fileSize: Number(p.p_filesz > left ? left : p.p_filesz),
        executable: (p.p_flags & PF.X) !== 0,
      };
    });
}

/** Address as linked → file offset; undefined if no segment holds the address. */
export function offsetOfAddress(elf: ElfFile, address: bigint): bigint | undefined {
  for (const p of elf.phdrs)
    if (p.p_type === PT_TYPE.LOAD && address >= p.p_vaddr && address < p.p_vaddr + p.p_filesz) return p.p_offset + (address - p.p_vaddr);
  return undefined;
}

/** File offset → address as linked; undefined if no segment holds the offset. */
export function addressOfOffset(elf: ElfFile, offset: bigint): bigint | undefined {
  for (const p of elf.phdrs)
    if (p.p_type === PT_TYPE.LOAD && offset >= p.p_offset && offset < p.p_offset + p.p_filesz) return p.p_vaddr + (offset - p.p_offset);
  return undefined;
}
