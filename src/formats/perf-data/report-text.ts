/** A histogram in the form of `perf report --stdio`. */
import { RECORD_NAMES } from './constants.ts';
import type { Thread } from './session.ts';
import type { ChainNode, EventReport, ReportRow, SortKey } from './report.ts';

const TITLES: Readonly<Record<SortKey, string>> = {
  comm: 'Command',
  pid: 'Pid:Command',
  tid: 'Tid:Command',
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

const percent = (part: number, whole: number): string => `${(whole === 0 ? 0 : (100 * part) / whole).toFixed(2)}%`;

/** perf sorts equal rows by the keys: unknown files last, files of branches the other way round. */
function orderKeys(sort: SortKey | undefined, a: string, b: string): number {
  if (sort === 'dso' && (a === '[unknown]' || b === '[unknown]')) return a === '[unknown]' ? 1 : -1;
  const d = a < b ? -1 : 1;
  return sort === 'dso_from' || sort === 'dso_to' ? -d : d;
}

/** A row of a table: of one event, or of all members of a group, leader first. */
interface Line {
  readonly keys: readonly string[];
  readonly thread: Thread;
  readonly parts: readonly (ReportRow | undefined)[];
}

function order(a: Line, b: Line, children: boolean, sort: readonly SortKey[]): number {
  for (const field of children ? (['children', 'period'] as const) : (['period'] as const)) {
    for (let i = 0; i < a.parts.length; i++) {
      const d = (b.parts[i]?.[field] ?? 0) - (a.parts[i]?.[field] ?? 0);
      if (d !== 0) return d;
    }
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
  const rows = linesOf(reports).sort((a, b) => order(a, b, options.children, options.sort));
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
    const length = (r: Line): number => (key === 'comm' ? r.thread.comm : (r.keys[i] ?? '')).length;
    const width = shown.reduce((w, r) => Math.max(w, length(r)), Math.max(least, title.length));
    columns.push({ title: title.padEnd(width), dots: width, cell: (r) => (r.keys[i] ?? '').slice(0, width).padEnd(width) });
  }
  const sum = (of: (r: EventReport) => number): number => reports.reduce((n, r) => n + of(r), 0);
  const what = group === undefined ? `event '${leader.event.name}'` : `events '${group}'`;
  let out = `# Samples: ${about(sum((r) => r.samples))} of ${what}\n# Event count (approx.): ${sum((r) => r.period)}\n#\n`;
  out += `# ${columns.map((c) => c.title).join('  ')}\n# ${columns.map((c) => '.'.repeat(c.dots)).join('  ')}\n#\n`;
  for (const row of shown) {
    out += `  ${columns.map((c) => c.cell(row)).join('  ')}\n`;
    const chain = row.parts[0]?.chain;
    if (options.callGraph !== 'none' && chain !== undefined) out += chainText(chain, options.callGraph);
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

/** Chains as a tree; `caller` turns each around, so that the outermost caller stands first. */
function chainText(root: ChainNode, direction: 'caller' | 'callee'): string {
  const tree = direction === 'callee' ? root : turned(root);
  if (tree.next.size === 0) return '';
  return `${MARGIN}|\n${branchText(tree, MARGIN, tree.period)}\n`;
}

function branchText(node: ChainNode, margin: string, whole: number): string {
  const list = [...node.next.values()].sort((a, b) => b.period - a.period || (a.name < b.name ? -1 : 1));
  let out = '';
  for (const [i, child] of list.entries()) {
    const last = i === list.length - 1;
    const line: string[] = [child.name];
    let at = child;
    while (at.next.size === 1 && [...at.next.values()][0]?.period === at.period) {
      at = [...at.next.values()][0] as ChainNode;
      line.push(at.name);
    }
    const single = list.length === 1 && child.period === node.period;
    const lead = single ? '---' : `${last ? ' ' : '|'}--${((100 * child.period) / whole).toFixed(2)}%--`;
    const indent = single ? '   ' : `${last ? ' ' : '|'}${' '.repeat(10)}`;
    out += `${margin}${lead}${line.join(`\n${margin}${indent}`)}\n`;
    if (at.next.size > 0) out += `${margin}${indent}|\n${branchText(at, margin + indent, whole)}`;
    if (!last) out += `${margin}|\n`;
  }
  return out;
}

function turned(root: ChainNode): ChainNode {
  const out: ChainNode = { name: '', period: root.period, next: new Map() };
  const walk = (node: ChainNode, path: string[]): void => {
    let inner = 0;
    for (const child of node.next.values()) {
      inner += child.period;
      walk(child, [...path, child.name]);
    }
    const ends = node.period - inner;
    if (ends <= 0 || path.length === 0) return;
    let at = out;
    for (const name of path.toReversed()) {
      let next = at.next.get(name);
      if (next === undefined) {
        next = { name, period: 0, next: new Map() };
        at.next.set(name, next);
      }
      next.period += ends;
      at = next;
    }
  };
  walk(root, []);
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
