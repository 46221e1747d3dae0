/** Judging an ELF file and mapping its segments. A refusal says why in words for the user, and which errno the program's execve gets. */
import {
  EHDR_SIZE,
  EM_X86_64,
  ET,
  type ElfHeader,
  isElf,
  machineName,
  PF,
  PHDR_SIZE,
  type ProgramHeader,
  PT_TYPE,
  parseElfHeader,
  parseProgramHeaders,
} from '#abi/elf.ts';
import { ERRNO } from '#abi/errno.ts';
import { MAP, PROT } from '#abi/mman.ts';
import { decodeUtf8 } from '#base/utf8.ts';
import { type AddressSpace, LAYOUT, pageDown, pageUp } from '../mm/address-space.ts';
import { PAGE } from '../mm/frames.ts';
import { USER_END } from '../mm/page-tables.ts';
import { PagedMemory } from '../mm/user-memory.ts';
import type { Executable } from '../vfs-interface.ts';

export interface Refusal {
  readonly errno: number;
  /** Continues "PATH: …". */
  readonly reason: string;
}
export const refuse = (errno: number, reason: string): Refusal => ({ errno, reason });

/** A program that passed the checks. Addresses are the file's own (without load bias). */
export interface ElfProgram {
  readonly header: ElfHeader;
  readonly loads: readonly Segment[];
  readonly positionIndependent: boolean;
  readonly executableStack: boolean;
  readonly entry: number;
  /** Path of the dynamic linker (PT_INTERP); undefined: a static program. */
  readonly interpreter: string | undefined;
  /** Address of the program headers in memory, 0 if no segment holds them. */
  readonly phdr: number;
}

export interface Segment {
  readonly start: number;
  readonly fileSize: number;
  readonly memorySize: number;
  readonly offset: number;
  readonly prot: number;
}

/** Linux reads at most one page of program headers. fs/binfmt_elf.c load_elf_phdrs. */
const MAX_PHDRS = Math.floor(65536 / PHDR_SIZE);
const hex = (n: bigint | number): string => `0x${n.toString(16)}`;

/** Reads and checks the headers. `memoryBytes`: what the machine has. */
export function examine(file: Executable, memoryBytes: number): ElfProgram | Refusal {
  const size = file.sizeBytes();
  const head = new Uint8Array(EHDR_SIZE);
  const got = file.read(0, head);
  if (got < 0) return refuse(-got, 'cannot be read');
  if (size === 0) return refuse(ERRNO.ENOEXEC, 'is empty');
  if (!isElf(head.subarray(0, got))) return refuse(ERRNO.ENOEXEC, 'is neither an ELF program nor a script with a #! line');
  const header = parseElfHeader(head.subarray(0, got));
  if (header === undefined) return refuse(ERRNO.ENOEXEC, `is truncated: an ELF header has ${EHDR_SIZE} bytes, the file ${size}`);
  if (header.elfClass === 1)
    return refuse(ERRNO.ENOEXEC, `is a 32-bit ${machineName(header.e_machine)} program; the modelled processor runs 64-bit x86-64 ones`);
  if (header.elfClass !== 2) return refuse(ERRNO.ENOEXEC, `has ELF class ${header.elfClass}, which does not exist`);
  if (header.e_machine !== EM_X86_64 || header.data !== 1) {
    const endian = header.data === 2 ? 'big-endian ' : '';
    return refuse(ERRNO.ENOEXEC, `is a program for ${endian}${machineName(header.e_machine)}; the modelled processor runs x86-64 ones`);
  }
  if (header.e_type !== ET.EXEC && header.e_type !== ET.DYN) {
    const what =
      header.e_type === ET.REL ? 'an object file (not linked)' : header.e_type === ET.CORE ? 'a core dump' : `ELF type ${header.e_type}`;
    return refuse(ERRNO.ENOEXEC, `is ${what}, not a program`);
  }
  const headers = programHeaders(file, header, size);
  if (!Array.isArray(headers)) return headers;
  const named = headers.find((p) => p.p_type === PT_TYPE.INTERP);
  const interpreter = named === undefined ? undefined : interpreterName(file, named);
  if (interpreter === '') return refuse(ERRNO.ENOEXEC, 'names no interpreter in its PT_INTERP header');
  const loads = checkLoads(headers, header, size, memoryBytes);
  if (!Array.isArray(loads)) return loads;
  const bias = header.e_type === ET.DYN ? BigInt(LAYOUT.PIE_BASE) : 0n;
  if (header.e_entry + bias >= BigInt(USER_END)) {
    return refuse(ERRNO.EINVAL, `starts at ${hex(header.e_entry)}, which is no user address`);
  }
  const phoff = Number(header.e_phoff);
  const holder = loads.find((s) => phoff >= s.offset && phoff + header.e_phnum * PHDR_SIZE <= s.offset + s.fileSize);
  const stack = headers.find((p) => p.p_type === PT_TYPE.GNU_STACK);
  return {
    header,
    loads,
    positionIndependent: header.e_type === ET.DYN,
    executableStack: stack !== undefined && (stack.p_flags & PF.X) !== 0,
    entry: Number(header.e_entry),
    interpreter,
    phdr: holder === undefined ? 0 : holder.start + (phoff - holder.offset),
  };
}

function programHeaders(file: Executable, header: ElfHeader, size: number): ProgramHeader[] | Refusal {
  if (header.e_phentsize !== PHDR_SIZE)
    return refuse(ERRNO.ENOEXEC, `has program headers of ${header.e_phentsize} bytes (ELF-64 has ${PHDR_SIZE})`);
  if (header.e_phnum === 0) return refuse(ERRNO.ENOEXEC, 'has no program headers: nothing to load');
  if (header.e_phnum > MAX_PHDRS) return refuse(ERRNO.ENOEXEC, `has ${header.e_phnum} program headers; Linux takes at most ${MAX_PHDRS}`);
  const length = header.e_phnum * PHDR_SIZE;
  if (header.e_phoff + BigInt(length) > BigInt(size)) {
    return refuse(ERRNO.ENOEXEC, `is truncated: its program headers at ${hex(header.e_phoff)} end behind the file's ${size} bytes`);
  }
  const bytes = new Uint8Array(length);
  if (file.read(Number(header.e_phoff), bytes) !== length) return refuse(ERRNO.EIO, 'its program headers cannot be read');
  return parseProgramHeaders(bytes);
}

function checkLoads(headers: readonly ProgramHeader[], header: ElfHeader, size: number, memoryBytes: number): Segment[] | Refusal {
  const out: Segment[] = [];
  let total = 0n;
  for (const p of headers) {
    if (p.p_type !== PT_TYPE.LOAD || p.p_memsz === 0n) continue;
    const where = `its segment at ${hex(p.p_vaddr)}`;
    const limit = header.e_type === ET.DYN ? BigInt(USER_END) - BigInt(LAYOUT.PIE_BASE) : BigInt(USER_END);
    if (p.p_filesz > p.p_memsz)
      return refuse(ERRNO.ENOEXEC, `${where} has more bytes in the file (${hex(p.p_filesz)}) than in memory (${hex(p.p_memsz)})`);
    if (p.p_vaddr >= limit || p.p_memsz > limit - p.p_vaddr)
      return refuse(ERRNO.ENOEXEC, `${where} of ${hex(p.p_memsz)} bytes does not fit the user address space`);
    if (header.e_type === ET.EXEC && p.p_vaddr < BigInt(LAYOUT.MMAP_MIN))
      return refuse(ERRNO.EPERM, `${where} lies below ${hex(LAYOUT.MMAP_MIN)} (vm.mmap_min_addr)`);
    if (p.p_offset > BigInt(size) || p.p_filesz > BigInt(size) - p.p_offset) {
      return refuse(
        ERRNO.ENOEXEC,
        `is truncated: ${where} needs file bytes ${hex(p.p_offset)}-${hex(p.p_offset + p.p_filesz)}, the file has ${hex(size)}`,
      );
    }
    if ((p.p_vaddr - p.p_offset) % BigInt(PAGE) !== 0n)
      return refuse(ERRNO.ENOEXEC, `${where} and its file offset ${hex(p.p_offset)} differ within the page`);
    total += p.p_memsz;
    out.push({
      start: Number(p.p_vaddr),
      fileSize: Number(p.p_filesz),
      memorySize: Number(p.p_memsz),
      offset: Number(p.p_offset),
      prot:
        ((p.p_flags & PF.R) !== 0 ? PROT.READ : 0) |
        ((p.p_flags & PF.W) !== 0 ? PROT.WRITE : 0) |
        ((p.p_flags & PF.X) !== 0 ? PROT.EXEC : 0),
    });
  }
  if (out.length === 0) return refuse(ERRNO.ENOEXEC, 'has no loadable segment');
  if (total > BigInt(memoryBytes)) {
    return refuse(
      ERRNO.ENOMEM,
      `wants ${Number(total / 1048576n)} MiB for its segments; the modelled machine has ${Math.floor(memoryBytes / 1048576)} MiB (--memory)`,
    );
  }
  out.sort((a, b) => a.start - b.start);
  for (const [i, s] of out.entries()) {
    const before = out[i - 1];
    if (before !== undefined && before.start + before.memorySize > s.start) {
      return refuse(ERRNO.ENOEXEC, `its segments at ${hex(before.start)} and ${hex(s.start)} overlap`);
    }
  }
  return out;
}

/** Up to the first NUL; '' if there is none within PATH_MAX. fs/binfmt_elf.c refuses the same. */
function interpreterName(file: Executable, p: ProgramHeader): string {
  if (p.p_filesz > 4096n || p.p_filesz < 2n) return '';
  const bytes = new Uint8Array(Number(p.p_filesz));
  const n = file.read(Number(BigInt.asUintN(53, p.p_offset)), bytes);
  const end = bytes.indexOf(0);
  return end <= 0 || end >= n ? '' : decodeUtf8(bytes.subarray(0, end));
}

/** Where a program lies in memory. */
export interface Loaded {
  readonly entry: number;
  readonly phdr: number;
  readonly bias: number;
}

/** Maps the segments and sets the heap's start. */
export function mapProgram(mm: AddressSpace, program: ElfProgram, file: Executable): Loaded | Refusal {
  const bias = program.positionIndependent ? LAYOUT.PIE_BASE - lowestOf(program) : 0;
  const top = mapSegments(mm, program, file, bias);
  if (typeof top !== 'number') return top;
  mm.brkStart = pageUp(top);
  mm.brk = mm.brkStart;
  return { entry: program.entry + bias, phdr: program.phdr === 0 ? 0 : program.phdr + bias, bias };
}

/** Maps the dynamic linker where mmap would put it, as Linux does; its bias is AT_BASE. */
export function mapInterpreter(mm: AddressSpace, program: ElfProgram, file: Executable): Loaded | Refusal {
  const lowest = lowestOf(program);
  const end = Math.max(...program.loads.map((s) => s.start + s.memorySize));
  const gap = mm.maps.findGap(pageUp(end - lowest), LAYOUT.MMAP_MIN, LAYOUT.MMAP_BASE);
  if (gap === undefined) return refuse(ERRNO.ENOMEM, 'has no room in the address space');
  const bias = program.positionIndependent ? gap - lowest : 0;
  const top = mapSegments(mm, program, file, bias);
  if (typeof top !== 'number') return top;
  return { entry: program.entry + bias, phdr: 0, bias };
}

const lowestOf = (program: ElfProgram): number => pageDown((program.loads[0] as Segment).start);

/** The end of the last segment, or why not. */
function mapSegments(mm: AddressSpace, program: ElfProgram, file: Executable, bias: number): number | Refusal {
  const memory = new PagedMemory(mm);
  let top = 0;
  for (const s of program.loads) {
    const start = s.start + bias;
    const fileEnd = start + s.fileSize;
    const end = start + s.memorySize;
    top = Math.max(top, end);
    if (s.fileSize > 0) {
      const at = pageDown(start);
      const mapped = mm.map(at, {
        length: fileEnd - at,
        prot: s.prot,
        flags: MAP.PRIVATE | MAP.FIXED | MAP.DENYWRITE,
        source: file.source,
        offset: s.offset - (start - at),
        name: file.source.name,
      });
      if (mapped < 0) return refuse(-mapped, `its segment at ${hex(start)} cannot be mapped`);
    }
    const bssStart = s.fileSize > 0 ? pageUp(fileEnd) : pageDown(start);
    if (pageUp(end) > bssStart) {
      const mapped = mm.map(bssStart, {
        length: pageUp(end) - bssStart,
        prot: s.prot,
        flags: MAP.PRIVATE | MAP.FIXED | MAP.ANONYMOUS,
        source: undefined,
        offset: 0,
        name: '',
      });
      if (mapped < 0) return refuse(-mapped, `its segment at ${hex(start)} cannot be mapped`);
    }
    // The rest of the last file page is bss too; Linux clears it if the segment is writable and ignores failure otherwise.
    if (s.memorySize > s.fileSize && s.fileSize > 0 && (s.prot & PROT.WRITE) !== 0 && fileEnd % PAGE !== 0) {
      if (!memory.clear(fileEnd, pageUp(fileEnd) - fileEnd)) {
        return refuse(ERRNO.ENOMEM, 'out of modelled memory while loading it (--memory)');
      }
    }
  }
  return top;
}
