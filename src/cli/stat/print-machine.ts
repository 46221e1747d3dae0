/** `stat`'s output for programs: -x SEP and -j, field by field as perf 6.1 writes them. tools/perf/util/stat-display.c. */
import { fixed } from '#base/decimal.ts';
import { metricNumber, secondsText } from './print-text.ts';
import { type Metric, placeName, type StatLine } from './statistics.ts';

/** `prefix`: an interval's time, or `summary`. [prefix,][place,]value,unit,event,[variance,]run time,percent running,metric value,metric unit */
export function printCsv(lines: readonly StatLine[], separator: string, repeat: boolean, prefix: string[] = []): string {
  return lines
    .map((line) => {
      const place = placeName(line.place);
      const fields = [...prefix, ...(place === '' ? [] : [place]), line.missing ?? plainNumber(line), line.unit, line.name];
      if (repeat) fields.push(`${fixed(line.value.errorPercent, 2)}%`);
      fields.push(String(line.missing === undefined ? line.runningNs : 0), fixed(percent(line), 2));
      return `${[...fields, ...csvMetric(line.metric)].join(separator)}\n`;
    })
    .join('');
}

/** perf says 100 of what it could not open, and 0 of what never got a counter. */
const percent = (line: StatLine): number => (line.missing === undefined || line.missing === '<not counted>' ? line.runningPercent : 100);

const plainNumber = (line: StatLine): string =>
  line.unit === 'msec' || !Number.isInteger(line.value.mean) ? fixed(line.value.mean, 2) : line.value.mean.toFixed(0);

/** The number alone, and the unit: a percent sign stays behind. */
function csvMetric(metric: Metric | undefined): string[] {
  return metric === undefined ? ['', ''] : [metricNumber(metric).trim().replace('%', ''), metric.unit];
}

/** One object a line, with perf's spacing: tools match it by text. */
export function printJson(lines: readonly StatLine[], repeat: boolean, intervalNs?: number): string {
  return lines
    .map((line) => {
      const value = line.missing ?? line.value.mean.toFixed(6);
      const parts = [
        ...jsonPrefix(line, intervalNs),
        `"counter-value" : ${JSON.stringify(value)}`,
        `"unit" : "${line.unit}"`,
        `"event" : ${JSON.stringify(line.name)}`,
      ];
      if (repeat) parts.push(`"variance" : ${fixed(line.value.errorPercent, 2)}`);
      parts.push(`"event-runtime" : ${line.missing === undefined ? line.runningNs : 0}`);
      parts.push(`"pcnt-running" : ${fixed(percent(line), 2)}`);
      parts.push(`"metric-value" : ${(line.metric?.value ?? 0).toFixed(6)}`, `"metric-unit" : "${line.metric?.unit ?? line.unitWithout}"`);
      return `{${parts.join(', ')}}\n`;
    })
    .join('');
}

function jsonPrefix({ place }: StatLine, intervalNs: number | undefined): string[] {
  const out = intervalNs === undefined ? [] : [`"interval" : ${secondsText(intervalNs)}`];
  if (place !== undefined) out.push(place.kind === 'cpu' ? `"cpu" : "${place.cpu}"` : `"thread" : ${JSON.stringify(place.name)}`);
  return out;
}
