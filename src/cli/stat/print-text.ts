/** `stat`'s text, in perf's columns. tools/perf/util/stat-display.c. */
import { fixed } from '#base/decimal.ts';
import type { StatLine, Metric } from './statistics.ts';

export interface TextOptions {
  /** What was measured, as typed. */
  readonly command: string;
  readonly runs: number;
  readonly repeat: boolean;
  readonly bigNumbers: boolean;
  readonly elapsedNs: { readonly mean: number; readonly error: number; readonly errorPercent: number };
  readonly userNs: number;
  readonly systemNs: number;
}

const METRIC_WIDTH = 35;

export function printText(lines: readonly StatLine[], o: TextOptions): string {
  const out = ['', ` Performance counter stats for '${o.command}'${o.repeat ? ` (${o.runs} runs)` : ''}:`, ''];
  for (const line of lines) out.push(textLine(line, o));
  out.push('');
  const seconds = (ns: number): string => (ns / 1e9).toFixed(9);
  if (o.repeat) {
    out.push(
      ` ${seconds(o.elapsedNs.mean).padStart(17)} +- ${seconds(o.elapsedNs.error)} seconds time elapsed (modelled)${noise(o.elapsedNs.errorPercent)}`,
    );
  } else {
    out.push(` ${seconds(o.elapsedNs.mean).padStart(17)} seconds time elapsed (modelled)`, '');
    out.push(` ${seconds(o.userNs).padStart(17)} seconds user`);
    out.push(` ${seconds(o.systemNs).padStart(17)} seconds sys`, '');
  }
  out.push('', modelledNote(lines), '');
  return out.join('\n');
}

/** Which of the figures above come from the cost tables and not from the program's own instructions. */
function modelledNote(lines: readonly StatLine[]): string {
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

const noise = (percent: number): string => `  ( +-${fixed(percent, 2).padStart(6)}% )`;

function textLine(line: StatLine, o: TextOptions): string {
  const value = line.missing ?? numberText(line.value.mean, line.unit === 'msec', o.bigNumbers);
  let text = `${value.padStart(18)} ${line.unit.padEnd(4)} ${line.name.padEnd(32)}${metricText(line.metric)}`;
  if (line.missing !== undefined && line.missing !== '<not counted>') return text;
  if (o.repeat && line.missing === undefined) text += noise(line.value.errorPercent);
  if (line.scaled) text += `  (${fixed(line.runningPercent, 2)}%)`;
  return text;
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
