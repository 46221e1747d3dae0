/** One symbol's code with the share of its samples on each instruction, in the form of `perf annotate --stdio`. */
import { fixed } from '#base/decimal.ts';
import type { EventEntry } from '../perf-data/recording.ts';
import type { AnnotatedSymbol, Hits } from './annotator.ts';
import type { CodeLine } from './disassemble.ts';

export interface AnnotateTextOptions {
  /** Sample counts instead of percentages. */
  readonly samples: boolean;
}

/** What can be shown of a symbol: its instructions, or why there are none. */
export type SymbolCode = { readonly lines: readonly CodeLine[] } | { readonly start: bigint; readonly why: string };

const WIDTH = 8;

export function annotateText(symbol: AnnotatedSymbol, event: EventEntry, code: SymbolCode, options: AnnotateTextOptions): string {
  const head = ` ${(options.samples ? 'Samples' : 'Percent').padEnd(WIDTH)}|\tSource code & Disassembly of ${symbol.dso.name.replace(/^.*\//, '')} for ${event.name} (${symbol.samples} samples, percent: local period)`;
  let out = `${head}\n${'-'.repeat(head.length + 5)}\n`;
  const remark = (text: string): string => `${' '.repeat(WIDTH + 1)}: ${text}\n`;
  const share = (hits: Hits): string =>
    options.samples
      ? String(hits.samples).padStart(WIDTH)
      : fixed(symbol.period === 0 ? 0 : (100 * hits.period) / symbol.period, 2).padStart(WIDTH);
  const line = (hits: Hits, address: bigint, text: string): string => `${share(hits)} :   ${address.toString(16)}:   ${text}\n`;
  const at = [...symbol.at].sort((a, b) => a[0] - b[0]);
  const start = 'lines' in code ? (code.lines[0]?.address ?? 0n) : code.start;
  out += remark(`${start.toString(16).padStart(16, '0')} <${symbol.name}>:`);
  if (!('lines' in code)) {
    out += remark(`no code: ${code.why}`);
    for (const [offset, hits] of at) out += line(hits, start + BigInt(offset), '(not there)');
    return out;
  }
  let i = 0;
  for (const { address, length, text } of code.lines) {
    // a sample within an instruction belongs to it
    const end = Number(address - start) + length;
    const sum: Hits = { samples: 0, period: 0 };
    for (; i < at.length && (at[i]?.[0] ?? 0) < end; i++) {
      sum.samples += at[i]?.[1].samples ?? 0;
      sum.period += at[i]?.[1].period ?? 0;
    }
    out += line(sum, address, text);
  }
  for (; i < at.length; i++) {
    const [offset, hits] = at[i] as [number, Hits];
    out += line(hits, start + BigInt(offset), '(beyond the code of the symbol)');
  }
  return out;
}
