/** A histogram in the form of `perf report --stdio`. */
import { fixed } from '#base/decimal.ts';
import { RECORD_NAMES } from './constants.ts';
import type { Thread } from './session.ts';
import type { ChainNode, EventReport, ReportRow, SortKey } from './report.ts';

const TITLES: Readonly<Record<SortKey, string>> = {
  comm: 'Command',
  pid: '    Pid:Command', // of a thread, in perf too
  tid: '    Tid:Command',
  cpu: 'CPU',
  dso: 'Shared Object',
  sym: 'Symbol',
  caller: 'Caller',
  dso_from: 'Source Shared Object',
  dso_to: 'Target Shared Object',
  symbol_from: 'Source Symbol',
  symbol_to: 'Target Symbol',
  mispredict: 'Branch Mispredicted',
  cycles: 'Basic Block Cycles',
};

export interface ReportTextOptions {
  readonly sort: readonly SortKey[];
  readonly showSamples: boolean;
  readonly children: boolean;
  readonly callGraph: 'caller' | 'callee' | 'none';
  /** Branches of a callchain below this share of all are left out; perf's default is 0.5. */
  readonly chainPercent?: number;
  /** The keys start with the symbol: a chain does not repeat it. */
  readonly symbolFirst?: boolean;
  /** Rows below this share are left out, and counted. */
  readonly percentLimit: number;
}

/** 9123 → 9K, as perf rounds: down. */
function about(n: number): string {
  if (n < 1000) return `${n} `;
  for (const [unit, size] of [
    ['G', 1e9],
    ['M', 1e6],
    ['K', 1e3],
  ] as const)
    if (n >= size) return `${Math.floor(n / size)}${unit}`;
  return String(n);
}

const percent = (part: number, whole: number): string => `${fixed(whole === 0 ? 0 : (100 * part) / whole, 2)}%`;

const SYMBOL_KEYS = new Set<SortKey | undefined>(['sym', 'symbol_from', 'symbol_to']);
const UNNAMED = /^\[.\] (0x)?([0-9a-f]{16})$/;

/** perf sorts equal rows by the keys: unknown files last, files of branches the other way round, symbols by name, then what has none by signed address. */
function orderKeys(sort: SortKey | undefined, a: string, b: string): number {
  if (sort === 'dso' && (a === '[unknown]' || b === '[unknown]')) return a === '[unknown]' ? 1 : -1;
  if (SYMBOL_KEYS.has(sort)) {
    const x = UNNAMED.exec(a)?.[2];
    const y = UNNAMED.exec(b)?.[2];
    if (x !== undefined && y !== undefined) return BigInt.asIntN(64, BigInt(`0x${x}`)) < BigInt.asIntN(64, BigInt(`0x${y}`)) ? -1 : 1;
    if (x !== undefined || y !== undefined) return x === undefined ? -1 : 1;
  }
  if (sort === 'cycles') return (Number.parseInt(b, 10) || 0) - (Number.parseInt(a, 10) || 0); // the longest first, none is '-'
  if (sort === 'pid' || sort === 'tid') return Number.parseInt(a, 10) - Number.parseInt(b, 10);
  const d = a < b ? -1 : 1;
  return sort === 'dso_from' || sort === 'dso_to' ? -d : d;
}

/** A row of a table: of one event, or of all members of a group, leader first. */
interface Line {
  readonly keys: readonly string[];
  readonly thread: Thread;
  readonly parts: readonly (ReportRow | undefined)[];
}

function order(a: Line, b: Line, options: ReportTextOptions): number {
  const { children, sort } = options;
  for (const field of children ? (['children', 'period'] as const) : (['period'] as const)) {
    for (let i = 0; i < a.parts.length; i++) {
      const d = (b.parts[i]?.[field] ?? 0) - (a.parts[i]?.[field] ?? 0);
      if (d !== 0) return d;
    }
    // callers above what they call
    const deeper = (b.parts[0]?.depth ?? 0) - (a.parts[0]?.depth ?? 0);
    if (field === 'children' && options.callGraph !== 'none' && a.thread === b.thread && deeper !== 0)
      return options.callGraph === 'caller' ? deeper : -deeper;
  }
  for (const [i, key] of a.keys.entries()) {
    const other = b.keys[i] ?? '';
    if (key !== other) return orderKeys(sort[i], key, other);
  }
  return 0;
}

function linesOf(reports: readonly EventReport[]): Line[] {
  const lines = new Map<string, { keys: readonly string[]; thread: Thread; parts: (ReportRow | undefined)[] }>();
  for (const [i, report] of reports.entries())
    for (const [key, row] of report.rows) {
      let line = lines.get(key);
      if (line === undefined) {
        line = { keys: row.keys, thread: row.thread, parts: reports.map(() => undefined) };
        lines.set(key, line);
      }
      line.parts[i] = row;
    }
  return [...lines.values()];
}

/** The table of one event, or one table for the members of a group (leader first) under the group's name. */
export function eventReportText(reports: readonly EventReport[], options: ReportTextOptions, group?: string): string {
  const leader = reports[0];
  if (leader === undefined) return '';
  const rows = linesOf(reports).sort((a, b) => order(a, b, options));
  const share = (r: ReportRow | undefined): number => (options.children ? r?.children : r?.period) ?? 0;
  const shown = rows.filter((r) => 100 * share(r.parts[0]) >= options.percentLimit * leader.period);
  const columns: { title: string; dots: number; cell: (r: Line) => string }[] = [];
  const numbers = (title: string, width: number, text: (r: ReportRow | undefined, of: EventReport) => string): void => {
    const cell = (line: Line): string => reports.map((of, i) => text(line.parts[i], of).padStart(width)).join('');
    columns.push({ title: title.padStart(width * reports.length), dots: width * reports.length, cell });
  };
  const own = (r: ReportRow | undefined, of: EventReport): string => percent(r?.period ?? 0, of.period);
  if (options.children) {
    numbers('Children', 8, (r, of) => percent(r?.children ?? 0, of.period));
    numbers('Self', 8, own);
  } else numbers('Overhead', 8, own);
  if (options.showSamples) numbers('Samples', 12, (r) => String(r?.samples ?? 0));
  const symbolAt = options.sort.indexOf('sym');
  for (const [i, key] of options.sort.entries()) {
    const title = TITLES[key];
    // perf makes room for an address where some symbol is unknown
    const least = key === 'dso' && symbolAt >= 0 && shown.some((r) => UNRESOLVED.test(r.keys[symbolAt] ?? '')) ? 16 : 0;
    // and for commands as long as the last names of the threads are: what is longer is cut
    const ofThread = key === 'pid' || key === 'tid';
    const text = (r: Line): string => (ofThread ? `${(r.keys[i] ?? '').padStart(7)}:${r.thread.comm}` : (r.keys[i] ?? ''));
    const length = (r: Line): number => (key === 'comm' ? r.thread.comm : text(r)).length;
    const width = shown.reduce((w, r) => Math.max(w, length(r)), Math.max(least, title.length));
    columns.push({ title: title.padEnd(width), dots: width, cell: (r) => text(r).slice(0, width).padEnd(width) });
  }
  const sum = (of: (r: EventReport) => number): number => reports.reduce((n, r) => n + of(r), 0);
  const what = group === undefined ? `event '${leader.event.name}'` : `events '${group}'`;
  let out = `# Samples: ${about(sum((r) => r.samples))} of ${what}\n# Event count (approx.): ${sum((r) => r.period)}\n#\n`;
  out += `# ${columns.map((c) => c.title).join('  ')}\n# ${columns.map((c) => '.'.repeat(c.dots)).join('  ')}\n#\n`;
  for (const row of shown) {
    out += `  ${columns.map((c) => c.cell(row)).join('  ')}\n`;
    const chain = row.parts[0]?.chain;
    if (options.callGraph !== 'none' && chain !== undefined) out += chainText(chain, leader.period, share(row.parts[0]), options);
  }
  if (shown.length < rows.length) {
    const hidden = new Set(rows);
    for (const r of shown) hidden.delete(r);
    let samples = 0;
    for (const r of hidden) for (const p of r.parts) samples += p?.samples ?? 0;
    out += `# ${hidden.size} rows below ${options.percentLimit}% not shown, ${samples} samples\n`;
  }
  return out;
}

const UNRESOLVED = /^\[.\] 0x[0-9a-f]{16}$/;
const MARGIN = ' '.repeat(12);

/** Branches that are shown, heaviest first; equal ones as perf's trees happen to lie: by file and address, downwards. */
function branches(node: ChainNode, least: number): ChainNode[] {
  const shown = [...node.next.values()].filter((n) => n.period >= least);
  return shown.sort((a, b) => b.period - a.period || b.dso - a.dso || (a.address > b.address ? -1 : a.address < b.address ? 1 : 0));
}

/** The frames from `node` to where chains part or end. */
function straight(node: ChainNode): { names: string[]; end: ChainNode } {
  const names = [node.name];
  let end = node;
  for (;;) {
    const [only] = end.next.values();
    if (only === undefined || end.next.size > 1 || only.period !== end.period) return { names, end };
    end = only;
    names.push(end.name);
  }
}

/** A row's chains as a tree; shares are of all samples (`whole`), as of `perf report -g graph`. */
function chainText(root: ChainNode, whole: number, own: number, options: ReportTextOptions): string {
  const least = (whole * (options.chainPercent ?? 0.5)) / 100;
  const top = branches(root, least);
  const [first] = top;
  if (first === undefined) return '';
  if (top.length > 1 || first.period !== own) return `${MARGIN}|\n${branchText(root, MARGIN, whole, least)}\n`;
  const { names, end } = straight(first);
  if (options.symbolFirst === true) names.shift();
  let out = '';
  let margin = MARGIN;
  if (names.length > 0) {
    out = `${MARGIN}|\n${MARGIN}---${names.join(`\n${MARGIN}   `)}\n`;
    margin += '   ';
  }
  const rest = branchText(end, margin, whole, least);
  if (rest !== '') out += `${margin}|\n${rest}`;
  return out === '' ? '' : `${out}\n`;
}

function branchText(node: ChainNode, margin: string, whole: number, least: number): string {
  let out = '';
  const list = branches(node, least);
  for (const [i, child] of list.entries()) {
    const last = i === list.length - 1;
    const { names, end } = straight(child);
    const indent = `${margin}${last ? ' ' : '|'}${' '.repeat(10)}`;
    out += `${margin}${last ? ' ' : '|'}--${fixed((100 * child.period) / whole, 2)}%--${names.join(`\n${indent}`)}\n`;
    const inner = branchText(end, indent, whole, least);
    if (inner !== '') out += `${indent}|\n${inner}`;
    if (!last) out += `${margin}|\n`;
  }
  return out;
}

/** `perf report --stats`. */
export function statsText(counts: ReadonlyMap<number, number>, events: readonly EventReport[]): string {
  let total = 0;
  for (const n of counts.values()) total += n;
  const line = (name: string, n: number, share: boolean): string =>
    `${name.padStart(16)} events: ${String(n).padStart(10)}${share && total > 0 ? `  (${((100 * n) / total).toFixed(1).padStart(4)}%)` : ''}\n`;
  let out = `\nAggregated stats:${counts.has(70) ? ' (excludes AUX area (e.g. instruction trace) decoded / synthesized events)' : ''}\n${line('TOTAL', total, false)}`;
  for (const [type, n] of [...counts].sort((a, b) => a[0] - b[0])) out += line(RECORD_NAMES[type] ?? `UNKNOWN ${type}`, n, true);
  for (const e of events) {
    if (e.samples === 0 && e.lost === 0) continue;
    out += `${e.event.name} stats:\n${line('SAMPLE', e.samples, false)}`;
    if (e.lost > 0) out += line('LOST_SAMPLES', e.lost, false);
  }
  return out;
}
