/** Mappings of an address space: a sorted list that can be cut at any page. */
import { MAP } from '#abi/mman.ts';
import type { PageSource } from './page-source.ts';

/** Pages of a shared anonymous mapping, common to all that inherited it. Index counts from the mapping's first page. */
export interface SharedPages {
  users: number;
  readonly frames: Map<number, number>;
}

/** One mapping: [start, end), page-aligned. Only the address space that owns it changes it. */
export interface Vma {
  start: number;
  end: number;
  /** PROT_* bits. */
  prot: number;
  /** MAP_SHARED or MAP_PRIVATE, MAP_ANONYMOUS, MAP_GROWSDOWN … */
  readonly flags: number;
  readonly source: PageSource | undefined;
  /** Pages of a shared anonymous mapping. */
  readonly shared: SharedPages | undefined;
  /** Byte offset of `start` in the source (or the shared pages). */
  offset: number;
  /** `[heap]`, `[stack]`, the source's name, or empty. */
  readonly name: string;
  /** Some page of it is the process's own (anonymous or copied): fork must copy its entries. */
  own: boolean;
  /** mlock: counts in VmLck. */
  readonly locked: boolean;
}

export const isShared = (v: Vma): boolean => (v.flags & MAP.TYPE) !== MAP.PRIVATE;

export class VmaList {
  readonly list: Vma[] = [];
  /** Bytes that are mapped, and the most that ever were (total_vm, hiwater_vm). */
  bytes = 0;
  peakBytes = 0;

  /** `by` bytes more are mapped, or fewer. */
  grew(by: number): void {
    this.bytes += by;
    this.peakBytes = Math.max(this.peakBytes, this.bytes);
  }

  /** Index of the first mapping that ends above `va`. */
  indexAbove(va: number): number {
    let low = 0;
    let high = this.list.length;
    while (low < high) {
      const mid = (low + high) >> 1;
      if ((this.list[mid] as Vma).end > va) high = mid;
      else low = mid + 1;
    }
    return low;
  }

  find(va: number): Vma | undefined {
    const v = this.list[this.indexAbove(va)];
    return v !== undefined && v.start <= va ? v : undefined;
  }

  /** The mappings that [start, end) touches. */
  overlapping(start: number, end: number): Vma[] {
    const out: Vma[] = [];
    for (let i = this.indexAbove(start); i < this.list.length; i++) {
      const v = this.list[i] as Vma;
      if (v.start >= end) break;
      out.push(v);
    }
    return out;
  }

  /** Adds a mapping to free ground, joining it with anonymous neighbours of the same kind. Returns the mapping it is in now. */
  insert(v: Vma): Vma {
    this.grew(v.end - v.start);
    const i = this.indexAbove(v.start);
    const before = this.list[i - 1];
    if (before !== undefined && before.end === v.start && joinable(before, v)) {
      before.end = v.end;
      before.own ||= v.own;
      this.joinNext(i - 1);
      return before;
    }
    this.list.splice(i, 0, v);
    this.joinNext(i);
    return v;
  }

  /** Cuts so that `at` is a boundary. */
  split(at: number): void {
    const i = this.indexAbove(at);
    const v = this.list[i];
    if (v === undefined || v.start >= at) return;
    const upper: Vma = { ...v, start: at, offset: v.offset + (at - v.start) };
    if (v.shared !== undefined) v.shared.users++;
    v.source?.retain();
    v.end = at;
    this.list.splice(i + 1, 0, upper);
  }

  /** Takes [start, end) out and gives the pieces. */
  remove(start: number, end: number): Vma[] {
    this.split(start);
    this.split(end);
    const i = this.indexAbove(start);
    let n = 0;
    while (i + n < this.list.length && (this.list[i + n] as Vma).start < end) n++;
    const out = this.list.splice(i, n);
    for (const v of out) this.grew(v.start - v.end);
    return out;
  }

  /** The highest free range of `length` bytes that ends at or below `top` and starts at or above `bottom`. */
  findGap(length: number, bottom: number, top: number): number | undefined {
    let end = top;
    for (let i = this.indexAbove(top - 1); i >= 0; i--) {
      const v = this.list[i];
      if (v !== undefined && v.start >= end) continue;
      const floor = v === undefined ? undefined : v.end;
      if (floor !== undefined && end - floor >= length && end - length >= bottom) return end - length;
      if (v !== undefined) end = Math.min(end, v.start);
    }
    return end - length >= bottom ? end - length : undefined;
  }

  private joinNext(i: number): void {
    const v = this.list[i];
    const next = this.list[i + 1];
    if (v === undefined || next === undefined || v.end !== next.start || !joinable(v, next)) return;
    v.end = next.end;
    v.own ||= next.own;
    this.list.splice(i + 1, 1);
  }
}

/** Private anonymous mappings of the same rights and name are one. Stacks grow on their own. */
function joinable(a: Vma, b: Vma): boolean {
  return (
    a.source === undefined &&
    b.source === undefined &&
    a.shared === undefined &&
    b.shared === undefined &&
    a.prot === b.prot &&
    a.flags === b.flags &&
    a.name === b.name &&
    a.locked === b.locked &&
    (a.flags & MAP.GROWSDOWN) === 0
  );
}
