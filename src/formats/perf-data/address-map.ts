/** Address ranges of a process or of the kernel, and the file behind each. A new mapping wins over what it overlaps, as mmap does. */

/** A file (or kernel, or module) that code comes from: perf's DSO. */
export interface Dso {
  /** As perf prints it: a path, [kernel.kallsyms], [module]. */
  readonly name: string;
  /** The path, for modules too. */
  readonly longName: string;
  readonly kernel: boolean;
  /** From BUILD_ID or MMAP2, lower-case hex. */
  buildId?: string;
}

export interface MapEntry {
  readonly start: bigint;
  /** First address beyond. */
  readonly end: bigint;
  /** Offset in the file of `start`. */
  readonly pgoff: bigint;
  readonly dso: Dso;
  /** A mapping that is one function (KSYMBOL). */
  readonly symbol?: string;
  /** The halves of start and end, for lookups without bigint. */
  readonly startHi: number;
  readonly startLo: number;
  readonly endHi: number;
  readonly endLo: number;
  /** For histograms: their own number for this mapping. */
  slot: number;
}

const hi = (v: bigint): number => Number(BigInt.asUintN(32, v >> 32n));
const lo = (v: bigint): number => Number(BigInt.asUintN(32, v));

export function mapEntry(start: bigint, end: bigint, pgoff: bigint, dso: Dso, symbol?: string): MapEntry {
  const top = BigInt.asUintN(64, end);
  const entry = { start, end: top, pgoff, dso, startHi: hi(start), startLo: lo(start), endHi: hi(top), endLo: lo(top), slot: -1 };
  return symbol === undefined ? entry : { ...entry, symbol };
}

export class AddressMap {
  #entries: MapEntry[] = [];
  #last: MapEntry | undefined;

  get entries(): readonly MapEntry[] {
    return this.#entries;
  }

  clone(): AddressMap {
    const out = new AddressMap();
    out.#entries = this.#entries.slice();
    return out;
  }

  /** The mapping that holds the address given in halves. */
  find(addressHi: number, addressLo: number): MapEntry | undefined {
    const last = this.#last;
    if (last !== undefined && holds(last, addressHi, addressLo)) return last;
    let a = 0;
    let b = this.#entries.length;
    while (a < b) {
      const m = (a + b) >> 1;
      const e = this.#entries[m] as MapEntry;
      if (e.startHi < addressHi || (e.startHi === addressHi && e.startLo <= addressLo)) a = m + 1;
      else b = m;
    }
    const e = this.#entries[a - 1];
    if (e === undefined || !holds(e, addressHi, addressLo)) return undefined;
    this.#last = e;
    return e;
  }

  insert(entry: MapEntry): void {
    this.#last = undefined;
    const list = this.#entries;
    // first entry that ends after the new one's start
    let from = 0;
    let b = list.length;
    while (from < b) {
      const m = (from + b) >> 1;
      if ((list[m] as MapEntry).end <= entry.start) from = m + 1;
      else b = m;
    }
    let to = from;
    const parts: MapEntry[] = [];
    let after: MapEntry | undefined;
    while (to < list.length && (list[to] as MapEntry).start < entry.end) {
      const old = list[to] as MapEntry;
      if (old.start < entry.start) parts.push(mapEntry(old.start, entry.start, old.pgoff, old.dso, old.symbol));
      if (old.end > entry.end) after = mapEntry(entry.end, old.end, old.pgoff + (entry.end - old.start), old.dso, old.symbol);
      to++;
    }
    parts.push(entry);
    if (after !== undefined) parts.push(after);
    list.splice(from, to - from, ...parts);
  }

  remove(start: bigint): void {
    this.#last = undefined;
    this.#entries = this.#entries.filter((e) => e.start !== start);
  }
}

function holds(e: MapEntry, h: number, l: number): boolean {
  return (e.startHi < h || (e.startHi === h && e.startLo <= l)) && (h < e.endHi || (h === e.endHi && l < e.endLo));
}
