/** ELF-64 headers as a loader needs them. System V ABI, gABI ch. 4-5; include/uapi/linux/elf.h. Parsing only; who judges stands elsewhere. */

export const ET = { REL: 1, EXEC: 2, DYN: 3, CORE: 4 } as const;
export const PT_TYPE = { NULL: 0, LOAD: 1, DYNAMIC: 2, INTERP: 3, NOTE: 4, PHDR: 6, TLS: 7, GNU_STACK: 0x6474_e551 } as const;
export const PF = { X: 1, W: 2, R: 4 } as const;
export const EM_X86_64 = 62;
export const EHDR_SIZE = 64;
export const PHDR_SIZE = 56;

/** Machines that someone may try to run, by e_machine. */
const MACHINES: Readonly<Record<number, string>> = {
  2: 'SPARC',
  3: 'i386',
  8: 'MIPS',
  20: 'PowerPC',
  21: 'PowerPC64',
  22: 'S/390',
  40: 'ARM',
  43: 'SPARC V9',
  50: 'IA-64',
  62: 'x86-64',
  183: 'AArch64',
  243: 'RISC-V',
  258: 'LoongArch',
};
export const machineName = (e_machine: number): string => MACHINES[e_machine] ?? `machine ${e_machine}`;

/** e_ident and Elf64_Ehdr. */
export interface ElfHeader {
  readonly elfClass: number;
  readonly data: number;
  readonly e_type: number;
  readonly e_machine: number;
  readonly e_entry: bigint;
  readonly e_phoff: bigint;
  readonly e_phentsize: number;
  readonly e_phnum: number;
}

export interface ProgramHeader {
  readonly p_type: number;
  readonly p_flags: number;
  readonly p_offset: bigint;
  readonly p_vaddr: bigint;
  readonly p_filesz: bigint;
  readonly p_memsz: bigint;
  readonly p_align: bigint;
}

export const isElf = (bytes: Uint8Array): boolean =>
  bytes.length >= 4 && bytes[0] === 0x7f && bytes[1] === 0x45 && bytes[2] === 0x4c && bytes[3] === 0x46;

/** The header of `bytes` (the file's start); undefined if it is cut short. Fields behind e_ident are read as ELF-64 little endian. */
export function parseElfHeader(bytes: Uint8Array): ElfHeader | undefined {
  if (bytes.length < EHDR_SIZE) return undefined;
  const v = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return {
    elfClass: v.getUint8(4),
    data: v.getUint8(5),
    e_type: v.getUint16(16, true),
    e_machine: v.getUint16(18, v.getUint8(5) !== 2),
    e_entry: v.getBigUint64(24, true),
    e_phoff: v.getBigUint64(32, true),
    e_phentsize: v.getUint16(54, true),
    e_phnum: v.getUint16(56, true),
  };
}

/** The headers in `bytes`, PHDR_SIZE each. */
export function parseProgramHeaders(bytes: Uint8Array): ProgramHeader[] {
  const v = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const out: ProgramHeader[] = [];
  for (let at = 0; at + PHDR_SIZE <= bytes.length; at += PHDR_SIZE) {
    out.push({
      p_type: v.getUint32(at, true),
      p_flags: v.getUint32(at + 4, true),
      p_offset: v.getBigUint64(at + 8, true),
      p_vaddr: v.getBigUint64(at + 16, true),
      p_filesz: v.getBigUint64(at + 32, true),
      p_memsz: v.getBigUint64(at + 40, true),
      p_align: v.getBigUint64(at + 48, true),
    });
  }
  return out;
}
