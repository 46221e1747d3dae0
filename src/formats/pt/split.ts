/**
 * Cutting a trace for several workers. A PSB+ tells everything that a decoder needs to start, so a trace may be cut at any PSB: each
 * part is decoded up to the PSB+ that the next part starts with, which says where the walk must have arrived.
 */
import { findPsb } from './packet-reader.ts';

export interface PtPart {
  /** Byte offsets: first byte; PSBs at or after `stopAt` are the next part's. */
  readonly begin: number;
  readonly stopAt: number;
}

/**
 * Cuts into at most `parts` pieces of about the same number of bytes, at PSBs. Pass each part's `begin` and `stopAt` to `PtFlow`,
 * with the whole trace; the parts' streams one after the other are the whole's. A trace with too few PSBs gives fewer parts.
 */
export function splitAtPsb(trace: Uint8Array, parts: number): PtPart[] {
  const cuts: number[] = [0];
  for (let i = 1; i < parts; i++) {
    const want = Math.floor((trace.length * i) / parts);
    const at = findPsb(trace, Math.max(want, (cuts[cuts.length - 1] ?? 0) + 1));
    if (at < 0) break;
    if (at > (cuts[cuts.length - 1] ?? 0)) cuts.push(at);
  }
  return cuts.map((begin, i) => ({ begin, stopAt: cuts[i + 1] ?? Number.POSITIVE_INFINITY }));
}
