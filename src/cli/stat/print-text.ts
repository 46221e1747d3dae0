/** `stat`'s text, in perf's columns. tools/perf/util/stat-display.c. */
import { fixed } from '#base/decimal.ts';
import type { StatLine, Metric } from './statistics.ts';

export interface TextOptions {
  /** What was measured: 'COMMAND' in quotes, 'system wide', process id '1'. */
  readonly title: string;
  readonly runs: number;
  readonly repeat: boolean;
  readonly bigNumbers: boolean;
  readonly elapsedNs: { readonly mean: number; readonly error: number; readonly errorPercent: number };
  /** Times of the command, if it is what was measured. */
  readonly used: { readonly userNs: number; readonly systemNs: number } | undefined;
}

const METRIC_WIDTH = 35;

export function printText(lines: readonly StatLine[], o: TextOptions): string {
  const out = ['', ` Performance counter stats for ${o.title}${o.repeat ? ` (${o.runs} runs)` : ''}:`, ''];
  for (const line of lines) out.push(textLine(line, o));
  if (lines.length > 0) out.push('');
  if (o.repeat) {
    out.push(
      ` ${secondsText(o.elapsedNs.mean).padStart(17)} +- ${secondsText(o.elapsedNs.error)} seconds time elapsed (modelled)${noise(o.elapsedNs.errorPercent)}`,
    );
  } else {
    out.push(` ${secondsText(o.elapsedNs.mean).padStart(17)} seconds time elapsed (modelled)`, '');
    if (o.used !== undefined) {
      out.push(` ${secondsText(o.used.userNs).padStart(17)} seconds user`);
      out.push(` ${secondsText(o.used.systemNs).padStart(17)} seconds sys`, '');
    }
  }
  out.push('', modelledNote(lines), '');
  return out.join('\n');
}

/** Nanoseconds as %.9f seconds. */
export const secondsText = (ns: number): string => (ns / 1e9).toFixed(9);

/** perf prints the head of its intervals' columns again so often. */
const HEAD_EVERY = 25;
const HEADS = {
  sum: '#           time             counts unit events',
  cpu: '#           time CPU                    counts unit events',
  thread: '#           time             comm-pid                  counts unit events',
} as const;

/** The n-th interval; `timeNs` is when it ended. */
export function printInterval(
  lines: readonly StatLine[],
  n: number,
  timeNs: number,
  rows: keyof typeof HEADS,
  o: Pick<TextOptions, 'bigNumbers'>,
): string {
  const prefix = `${secondsText(timeNs).padStart(16)} `;
  const head = n % HEAD_EVERY === 0 ? [HEADS[rows]] : [];
  return [...head, ...lines.map((line) => prefix + textLine(line, { ...o, repeat: false })), ''].join('\n');
}

/** Which of the figures above come from the cost tables and not from the program's own instructions. */
export function modelledNote(lines: readonly StatLine[]): string {
  const counted = lines.filter((l) => l.missing === undefined).map((l) => l.name);
  const time = counted.filter((n) => /cycles|clock|clk|slots|topdown/.test(n));
  const models = lines.filter((l) => l.modelled && l.missing === undefined).map((l) => l.name);
  const exact = (n: string): boolean => !time.includes(n) && !models.includes(n);
  const kernel = counted.some((n) => !/:u/.test(n) && exact(n) && !/faults|switches|migrations|dummy/.test(n));
  const parts = [
    'all times',
    ...time.filter((n) => !n.endsWith('clock')),
    ...models,
    ...(kernel ? ["the kernel's share of the other counts"] : []),
  ];
  return ` modelled, see docs/model.md: ${parts.join(', ')}`;
}

/** print_noise_pct: nothing where nothing varies. */
const noise = (percent: number): string => (percent === 0 ? '' : `  ( +-${fixed(percent, 2).padStart(6)}% )`);

function textLine(line: StatLine, o: Pick<TextOptions, 'bigNumbers' | 'repeat'>): string {
  const value = line.missing ?? numberText(line.value.mean, line.unit === 'msec', o.bigNumbers);
  let text = `${placeText(line)}${value.padStart(18)} ${line.unit.padEnd(4)} ${line.name.padEnd(32)}${metricText(line.metric)}`;
  if (line.missing !== undefined && line.missing !== '<not counted>') return text;
  if (o.repeat && line.missing === undefined && line.place === undefined) text += noise(line.value.errorPercent);
  if (line.scaled) text += `  (${fixed(line.runningPercent, 2)}%)`;
  return text;
}

/** aggr_printout: CPU%-7d and comm-pid in two columns. */
function placeText({ place }: StatLine): string {
  if (place === undefined) return '';
  if (place.kind === 'cpu') return `CPU${String(place.cpu).padEnd(7)} `;
  const dash = place.name.lastIndexOf('-');
  return `${place.name.slice(0, dash).padStart(16)}-${place.name.slice(dash + 1).padEnd(8)} `;
}

function metricText(metric: Metric | undefined): string {
  if (metric === undefined) return ''.padEnd(METRIC_WIDTH);
  const number = ` # ${metricNumber(metric)}`;
  return `${number} ${metric.unit.padEnd(METRIC_WIDTH - number.length - 1)}`;
}

/** %8.3f, %7.2f with a blank behind, %7.2f%%. */
export function metricNumber({ value, format }: Metric): string {
  switch (format) {
    case 'rate':
      return value.toFixed(3).padStart(8);
    case 'insn':
      return `${fixed(value, 2).padStart(7)} `;
    case 'percent':
      return `${fixed(value, 2).padStart(7)}%`;
  }
}

/** %'18.2f or %'18.0f. */
function numberText(value: number, fraction: boolean, grouped: boolean): string {
  const text = fraction || !Number.isInteger(value) ? fixed(value, 2) : value.toFixed(0);
  return grouped ? text.replace(/\B(?=(\d{3})+(?!\d))/g, ',').replace(/\.(.*)$/, (m) => m.replaceAll(',', '')) : text;
}
