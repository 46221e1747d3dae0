/** An address space: mappings over page tables. */
import type { PageSource } from './page-source.ts';

/** One mapping: [start, end), page-aligned. */
export interface Vma {
  readonly start: number;
  readonly end: number;
  /** PROT_* bits. */
  readonly prot: number;
  /** MAP_SHARED or MAP_PRIVATE, MAP_ANONYMOUS, MAP_GROWSDOWN … */
  readonly flags: number;
  readonly source: PageSource | undefined;
  /** Byte offset of `start` in the source. */
  readonly offset: number;
  /** `[heap]`, `[stack]`, or the source's name. */
  readonly name: string;
}

export interface AddressSpace {
  /** Sorted by address. */
  readonly vmas: readonly Vma[];
  /** Guest-physical address of the PML4. */
  readonly root: number;
}
