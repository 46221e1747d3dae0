/** From block ids to instructions. */
import type { BlockTable } from './block-table.ts';
import type { PtChunk } from './flow.ts';

/** Calls `visit` with the id (of `table.insns`) of each instruction of a chunk, in order of execution. */
export function forEachInsn(table: BlockTable, chunk: PtChunk, visit: (insn: number) => void): void {
  const { first, n, pool } = table;
  for (let i = 0; i < chunk.count; i++) {
    const b = chunk.blocks[i]!;
    const from = first[b]!;
    const to = from + n[b]!;
    for (let k = from; k < to; k++) visit(pool[k]!);
  }
}

/** Number of instructions of a chunk. */
export function countInsns(table: BlockTable, chunk: PtChunk): number {
  const { n } = table;
  let sum = 0;
  for (let i = 0; i < chunk.count; i++) sum += n[chunk.blocks[i]!]!;
  return sum;
}

/**
 * Running hash over instruction addresses (FNV-1a over the low and the high word), noted at regular intervals: two decoders that
 * agree on every line agree on the path, and the first line that differs tells where to look.
 */
export class InsnHash {
  private readonly interval: number;
  private hash = 0x811c9dc5 | 0;
  private readonly noted: string[] = [];
  count = 0;

  constructor(interval: number) {
    this.interval = interval;
  }

  add(lo: number, hi: number): void {
    this.hash = Math.imul(this.hash ^ lo, 16777619);
    this.hash = Math.imul(this.hash ^ hi, 16777619);
    if (++this.count % this.interval === 0) this.noted.push(this.line());
  }

  private line(): string {
    return `${this.count} ${(this.hash >>> 0).toString(16).padStart(8, '0')}`;
  }

  /** "count hash" at each interval and at the end. */
  lines(): string[] {
    return [...this.noted, this.line()];
  }
}
