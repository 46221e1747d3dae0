/**
 * Address → symbol, over ELF symbol tables, kallsyms and perf-PID.map. Where several symbols share an address, the choice is perf's
 * (tools/perf/util/symbol.c, choose_best_symbol): with a size before without, strong before weak, global before local, fewer leading
 * underscores, then the longer name. No demangling: names are as the file has them. DWARF lines are not there.
 */
import { type ElfFile, type ElfSymbol, STT, offsetOfAddress, readSymbols } from '../elf/reader.ts';

export interface FoundSymbol {
  readonly name: string;
  readonly start: bigint;
  /** First address after the symbol. */
  readonly end: bigint;
}

export interface SymbolInput {
  readonly name: string;
  readonly start: bigint;
  /** 0: reaches to the next symbol. */
  readonly size: bigint;
  readonly weak?: boolean;
  readonly global?: boolean;
}

const leadingUnderscores = (name: string): number => /^_*/.exec(name)?.[0].length ?? 0;

/** Negative: `a` is the better name for an address that both start at. */
function preference(a: SymbolInput, b: SymbolInput): number {
  const rank = (x: SymbolInput): number[] => [
    x.size > 0n ? 0 : 1,
    x.weak === true ? 1 : 0,
    x.global === false ? 1 : 0,
    leadingUnderscores(x.name),
    -x.name.length,
  ];
  const ra = rank(a);
  const rb = rank(b);
  for (let i = 0; i < ra.length; i++) if (ra[i] !== rb[i]) return (ra[i] ?? 0) - (rb[i] ?? 0);
  return 0; // the first in the file
}

/** Sorted symbols; look-ups are a binary search. */
export class SymbolTable {
  private readonly starts: BigUint64Array;
  private readonly ends: BigUint64Array;
  private readonly names: readonly string[];

  constructor(symbols: Iterable<SymbolInput>) {
    const sorted = [...symbols].sort((a, b) => (a.start < b.start ? -1 : a.start > b.start ? 1 : preference(a, b)));
    const kept = sorted.filter((s, i) => i === 0 || s.start !== sorted[i - 1]!.start);
    this.starts = BigUint64Array.from(kept, (s) => s.start);
    this.ends = BigUint64Array.from(kept, (s, i) => {
      if (s.size > 0n) return s.start + s.size;
      // Size unknown: up to the next symbol; the last one to the end of its page, as perf does.
      return kept[i + 1]?.start ?? (s.start + 4096n) & ~4095n;
    });
    this.names = kept.map((s) => s.name);
  }

  get count(): number {
    return this.names.length;
  }

  find(address: bigint): FoundSymbol | undefined {
    let lo = 0;
    let hi = this.starts.length;
    while (lo < hi) {
      const mid = (lo + hi) >>> 1;
      if (this.starts[mid]! <= address) lo = mid + 1;
      else hi = mid;
    }
    const i = lo - 1;
    if (i < 0 || address >= this.ends[i]!) return undefined;
    return { name: this.names[i]!, start: this.starts[i]!, end: this.ends[i]! };
  }

  /** All symbols in order of address. */
  *[Symbol.iterator](): Generator<FoundSymbol> {
    for (let i = 0; i < this.names.length; i++) yield { name: this.names[i]!, start: this.starts[i]!, end: this.ends[i]! };
  }
}

const isCode = (elf: ElfFile, s: ElfSymbol): boolean => {
  if (s.type === STT.FUNC || s.type === STT.GNU_IFUNC) return true;
  const section = elf.sections[s.section];
  const executable = section !== undefined && (section.flags & 4n) !== 0n; // SHF_EXECINSTR
  return s.type === STT.NOTYPE && executable && s.name !== '' && !s.name.startsWith('$') && !s.name.startsWith('.L');
};

/**
 * Functions of an ELF file: `.symtab`, or `.dynsym` where it was stripped. Addresses are as linked, or file offsets when
 * `by` is 'offset' (perf.data resolves code by its place in the file). A separate debug file has the symbols but not the places:
 * then `layout` is the file that was mapped.
 */
export function symbolsOfElf(elf: ElfFile, by: 'address' | 'offset' = 'address', layout: ElfFile = elf): SymbolTable {
  const full = readSymbols(elf, 'symtab').filter((s) => isCode(elf, s));
  const symbols = full.length > 0 ? full : readSymbols(elf, 'dynsym').filter((s) => isCode(elf, s));
  return new SymbolTable(
    symbols.flatMap((s) => {
      let start = s.value;
      if (by === 'offset') {
        const offset = offsetOfAddress(layout, s.value) ?? offsetInSection(elf, s);
        if (offset === undefined) return [];
        start = offset;
      }
      return [{ name: s.name, start, size: s.size, weak: s.bind === 2, global: s.bind !== 0 }];
    }),
  );
}

/** For files without segments (kernel modules, objects). */
function offsetInSection(elf: ElfFile, s: ElfSymbol): bigint | undefined {
  const section = elf.sections[s.section];
  return section === undefined || elf.phdrs.length > 0 ? undefined : s.value - section.addr + BigInt(section.offset);
}

/** A line that is no symbol, told rather than skipped in silence. */
export interface SymbolLineProblem {
  readonly line: number;
  readonly text: string;
}

export interface ParsedSymbols {
  readonly table: SymbolTable;
  readonly problems: readonly SymbolLineProblem[];
}

/** /proc/kallsyms: `ffffffff81000000 T _text [module]`. Data symbols are left out; absolute zeros (no permission) are a problem each. */
export function parseKallsyms(text: string): ParsedSymbols {
  return parseLines(text, /^([0-9a-f]+)\s+([A-Za-z])\s+(\S+)(?:\s+\[(\S+)\])?$/, (m) => {
    const kind = m[2]!;
    if (!'tTwWiI'.includes(kind)) return undefined;
    const start = BigInt(`0x${m[1]}`);
    if (start === 0n) return 'problem';
    return { name: m[3]!, start, size: 0n, weak: kind === 'w' || kind === 'W', global: kind === kind.toUpperCase() };
  });
}

/** /tmp/perf-PID.map, written by JIT compilers: `START SIZE name with blanks`, hex. */
export function parsePerfMap(text: string): ParsedSymbols {
  const parsed = parseLines(text, /^(?:0x)?([0-9a-fA-F]+)\s+(?:0x)?([0-9a-fA-F]+)\s+(.+)$/, (m) => ({
    name: m[3]!,
    start: BigInt(`0x${m[1]}`),
    size: BigInt(`0x${m[2]}`),
  }));
  return parsed;
}

/** Of lines with one start the last counts: in a perf map it is the newest, in kallsyms the one to which perf gives a length. */
function parseLines(text: string, form: RegExp, make: (m: RegExpExecArray) => SymbolInput | 'problem' | undefined): ParsedSymbols {
  const symbols = new Map<bigint, SymbolInput>();
  const problems: SymbolLineProblem[] = [];
  for (const [i, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue;
    const m = form.exec(line.trim());
    const made = m === null ? 'problem' : make(m);
    if (made === 'problem') problems.push({ line: i + 1, text: line.slice(0, 200) });
    else if (made !== undefined) symbols.set(made.start, made);
  }
  return { table: new SymbolTable(symbols.values()), problems };
}
