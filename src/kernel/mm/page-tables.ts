/** Four-level page tables in guest-physical memory. SDM Vol. 3A §4.5. User addresses are numbers below 2^47; the kernel half is copied whole. */
import type { PhysicalMemory } from '#port/memory.ts';
import { type FrameAllocator, PAGE } from './frames.ts';

/** Low 12 bits of an entry, as numbers (arch/registers.ts PTE has the bigints), and our own: a frame that PROT_NONE hides. */
export const ENTRY = { P: 1, W: 2, U: 4, A: 0x20, D: 0x40, PS: 0x80, G: 0x100, HIDDEN: 0x200 } as const;
const NX_HIGH = 0x8000_0000;

/** A leaf entry taken apart. */
export interface Leaf {
  readonly frame: number;
  readonly flags: number;
  readonly noExecute: boolean;
}

/** The end of user space: TASK_SIZE_MAX, 2^47 less a page. */
export const USER_END = 0x7fff_ffff_f000;

const SHIFTS = [2 ** 39, 2 ** 30, 2 ** 21, 2 ** 12] as const;
const indexAt = (va: number, level: 0 | 1 | 2 | 3): number => Math.floor(va / SHIFTS[level]) & 511;

export class PageTables {
  private readonly memory: PhysicalMemory;
  private readonly frames: FrameAllocator;
  /** Guest-physical address of the PML4. */
  readonly root: number;

  constructor(frames: FrameAllocator, root: number) {
    this.frames = frames;
    this.memory = frames.memory;
    this.root = root;
  }

  /** Physical address of the leaf entry of `va`; 0 where its tables are missing. */
  entryAddress(va: number): number {
    let table = this.root;
    for (let level = 0; level < 3; level++) {
      const low = this.memory.view.getUint32(table + indexAt(va, level as 0 | 1 | 2) * 8, true);
      if ((low & ENTRY.P) === 0) return 0;
      table = this.tableAt(table + indexAt(va, level as 0 | 1 | 2) * 8);
    }
    return table + indexAt(va, 3) * 8;
  }

  /** The same, making tables on the way; undefined: no memory. */
  makeEntry(va: number): number | undefined {
    let table = this.root;
    for (let level = 0; level < 3; level++) {
      const at = table + indexAt(va, level as 0 | 1 | 2) * 8;
      if ((this.memory.view.getUint32(at, true) & ENTRY.P) === 0) {
        const next = this.frames.allocate();
        if (next === undefined) return undefined;
        this.write(at, next, ENTRY.P | ENTRY.W | ENTRY.U | ENTRY.A, false);
        table = next;
      } else table = this.tableAt(at);
    }
    return table + indexAt(va, 3) * 8;
  }

  /** Entry at a physical address, as `entryAddress` gives; undefined if it maps nothing (not even hidden). */
  leafAt(entry: number): Leaf | undefined {
    if (entry === 0) return undefined;
    const low = this.memory.view.getUint32(entry, true);
    if ((low & (ENTRY.P | ENTRY.HIDDEN)) === 0) return undefined;
    const high = this.memory.view.getUint32(entry + 4, true);
    return { frame: (high & 0xf_ffff) * 2 ** 32 + (low >>> 12) * PAGE, flags: low & 0xfff, noExecute: high >= NX_HIGH };
  }
  leaf(va: number): Leaf | undefined {
    return this.leafAt(this.entryAddress(va));
  }

  write(entry: number, frame: number, flags: number, noExecute: boolean): void {
    this.memory.view.setUint32(entry, ((frame % 2 ** 32) | flags) >>> 0, true);
    this.memory.view.setUint32(entry + 4, (Math.floor(frame / 2 ** 32) | (noExecute ? NX_HIGH : 0)) >>> 0, true);
  }
  clear(entry: number): void {
    this.memory.view.setBigUint64(entry, 0n, true);
  }

  /** Physical address for a present user page with the wanted rights, or -1: the fast path of copies to and from user memory. */
  translate(va: number, write: boolean): number {
    const entry = this.entryAddress(va);
    if (entry === 0) return -1;
    const low = this.memory.view.getUint32(entry, true);
    const need = ENTRY.P | ENTRY.U | (write ? ENTRY.W : 0);
    if ((low & need) !== need) return -1;
    return (this.memory.view.getUint32(entry + 4, true) & 0xf_ffff) * 2 ** 32 + (low >>> 12) * PAGE + (va % PAGE);
  }

  /** Calls `visit` for every entry in [start, end) that maps something, in order; skips missing tables. */
  forEach(start: number, end: number, visit: (va: number, entry: number, leaf: Leaf) => void): void {
    for (let va = start; va < end; ) {
      let table = this.root;
      let level = 0;
      for (; level < 3; level++) {
        const at = table + indexAt(va, level as 0 | 1 | 2) * 8;
        if ((this.memory.view.getUint32(at, true) & ENTRY.P) === 0) break;
        table = this.tableAt(at);
      }
      if (level < 3) {
        const span = SHIFTS[level] as number;
        va = (Math.floor(va / span) + 1) * span;
        continue;
      }
      const stop = Math.min(end, (Math.floor(va / SHIFTS[2]) + 1) * SHIFTS[2]);
      for (; va < stop; va += PAGE) {
        const entry = table + indexAt(va, 3) * 8;
        const leaf = this.leafAt(entry);
        if (leaf !== undefined) visit(va, entry, leaf);
      }
    }
  }

  /** Frees the table pages of the user half (not what they map) and the root. */
  destroy(): void {
    const free = (table: number, level: number): void => {
      const count = level === 0 ? 256 : 512;
      for (let i = 0; i < count && level < 3; i++) {
        if ((this.memory.view.getUint32(table + i * 8, true) & ENTRY.P) !== 0) free(this.tableAt(table + i * 8), level + 1);
      }
      this.frames.release(table);
    };
    free(this.root, 0);
  }

  private tableAt(entry: number): number {
    return (this.memory.view.getUint32(entry + 4, true) & 0xf_ffff) * 2 ** 32 + (this.memory.view.getUint32(entry, true) >>> 12) * PAGE;
  }
}
