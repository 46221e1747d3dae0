/** What a decode found, in numbers: for `decode --stats`, `inspect`, and to join what several workers found. */
import type { PtEvent } from './events.ts';
import type { PtFlow } from './flow.ts';
import { countInsns } from './instructions.ts';

export interface PtStats {
  insns: number;
  blocks: number;
  /** Events by kind; `error` and `gap` among them. */
  events: Record<string, number>;
  /** Bytes that gaps cover. */
  gapBytes: number;
  /** Errors and gaps in order of the trace, at most `MAX_NOTED`; the counts above are of all. */
  noted: PtEvent[];
}

export const MAX_NOTED = 1000;

export const emptyStats = (): PtStats => ({ insns: 0, blocks: 0, events: {}, gapBytes: 0, noted: [] });

/** Runs the flow to its end. */
export function collectStats(flow: PtFlow): PtStats {
  const stats = emptyStats();
  for (let chunk = flow.run(); chunk !== undefined; chunk = flow.run()) {
    stats.insns += countInsns(flow.table, chunk);
    stats.blocks += chunk.count;
    for (const { event } of chunk.marks) {
      stats.events[event.kind] = (stats.events[event.kind] ?? 0) + 1;
      if (event.kind === 'gap') stats.gapBytes += event.size ?? 0;
      if ((event.kind === 'gap' || event.kind === 'error') && stats.noted.length < MAX_NOTED) stats.noted.push(event);
    }
  }
  return stats;
}

/**
 * Joins the parts of one trace, in order. Every part but the first starts with a `sync` that a whole decode would have seen as a
 * status update, and every part but the last ends with that same PSB+: counted once.
 */
export function mergeStats(parts: readonly PtStats[]): PtStats {
  const out = emptyStats();
  for (const [i, p] of parts.entries()) {
    out.insns += p.insns;
    out.blocks += p.blocks;
    out.gapBytes += p.gapBytes;
    for (const [kind, n] of Object.entries(p.events)) out.events[kind] = (out.events[kind] ?? 0) + n;
    if (i > 0) out.events['sync'] = (out.events['sync'] ?? 0) - 1;
    out.noted.push(...p.noted.slice(0, MAX_NOTED - out.noted.length));
  }
  return out;
}
