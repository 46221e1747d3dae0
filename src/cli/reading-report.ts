/** What a reading command says at its end on standard error: damage, and whatever was not shown, each with its number. */
import type { ScanResult } from '#formats/perf-data/read.ts';
import type { Recording } from '#formats/perf-data/recording.ts';
import type { SamplePrinter } from '#formats/perf-data/script-line.ts';

const MAX_ISSUES = 10;

/** Prints to standard error; returns the exit code: 1 when the file is damaged. */
export function reportReading(name: string, recording: Recording, result: ScanResult, printer?: SamplePrinter): number {
  const say = (text: string): void => {
    process.stderr.write(`perfglass: ${name}: ${text}\n`);
  };
  for (const issue of recording.issues.slice(0, MAX_ISSUES)) say(issue.message);
  if (recording.issues.length > MAX_ISSUES) say(`${recording.issues.length - MAX_ISSUES} more such messages`);
  if (recording.unknownIds > 0) say(`${recording.unknownIds} records have an id that belongs to no event of the file`);
  if (result.late > 0) say(`${result.late} records came too late for their place in time`);
  if (printer !== undefined && printer.guestSkipped > 0) say(`${printer.guestSkipped} samples of guests not shown (--guest shows them)`);
  if (printer !== undefined && printer.short > 0) say(`${printer.short} samples are shorter than their fields`);
  if (result.damage !== undefined) say(`${result.damage.message}; the ${result.records} records before it were read`);
  return result.damage === undefined ? 0 : 1;
}

/** Reasons with the files that they hold for: a recording may name a hundred kernel modules. */
export function byReason(problems: ReadonlyMap<string, string>): Map<string, string[]> {
  const out = new Map<string, string[]>();
  for (const [file, why] of problems) out.set(why, [...(out.get(why) ?? []), file]);
  return out;
}
