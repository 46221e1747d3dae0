/**
 * The way in for users of the library: a trace and its code to blocks and events.
 *
 * ```ts
 * for (const item of decodePt(trace, [{ start: 0x401000n, bytes: code, name: 'prog' }])) {
 *   if ('event' in item) console.log(item.event.kind, item.event.cause ?? '');
 *   else console.log(item.start.toString(16), item.insns);
 * }
 * ```
 *
 * For speed use `PtFlow` itself: it gives block ids in a typed array and makes no object for a block.
 */
import { ip64 } from './addr-map.ts';
import { CodeImage, type CodeRegion } from './code-image.ts';
import type { PtEvent } from './events.ts';
import { PtFlow, type PtFlowOptions } from './flow.ts';

/** Instructions that were executed one after the other; direct jumps are followed, so they need not lie one after the other. */
export interface PtBlockItem {
  /** Address of the first and of the last instruction. */
  readonly start: bigint;
  readonly last: bigint;
  /** Number of instructions, at least 1. */
  readonly insns: number;
}

export interface PtEventItem {
  /** Errors and gaps are events, too, with their byte offset and cause; nothing is thrown for a bad trace. */
  readonly event: PtEvent;
}

/** Decodes `trace` (raw bytes, from the first PSB on) over `code`. Regions later in the list hide what they overlap. */
export function* decodePt(
  trace: Uint8Array,
  code: Iterable<CodeRegion>,
  options: PtFlowOptions = {},
): Generator<PtBlockItem | PtEventItem> {
  const image = new CodeImage();
  for (const r of code) image.add(r.start, r.bytes, r.name);
  const flow = new PtFlow(image, trace, options);
  for (let chunk = flow.run(); chunk !== undefined; chunk = flow.run()) {
    const { first, n, pool, insns } = flow.table;
    let m = 0;
    for (let i = 0; i <= chunk.count; i++) {
      for (; m < chunk.marks.length && chunk.marks[m]!.at === i; m++) yield { event: chunk.marks[m]!.event };
      if (i === chunk.count) break;
      const b = chunk.blocks[i]!;
      if (n[b] === 0) continue;
      const a = pool[first[b]!]!;
      const z = pool[first[b]! + n[b]! - 1]!;
      yield { start: ip64(insns.lo[a]!, insns.hi[a]!), last: ip64(insns.lo[z]!, insns.hi[z]!), insns: n[b]! };
    }
  }
}
