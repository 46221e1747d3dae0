/** Where `stat` prints: stderr, a file, a descriptor. */
import { appendFileSync, writeFileSync, writeSync } from 'node:fs';
import { DEFAULT_EPOCH_NS } from '#kernel/kernel.ts';
import { CliError } from '../command.ts';

export interface OutputOptions {
  readonly output?: string;
  readonly append?: boolean;
  readonly logFd?: string;
  readonly quiet?: boolean;
}

/** Prints, piece by piece. Throws CliError when that fails. */
export function outputOf(o: OutputOptions): (text: string) => void {
  if (o.quiet === true) return () => {};
  const { output } = o;
  if (o.logFd !== undefined) {
    const fd = Number(o.logFd);
    return attempt(`descriptor ${o.logFd}`, (text) => void writeSync(fd, text));
  }
  if (output === undefined) return (text) => void process.stderr.write(text);
  if (output === '-') return (text) => void process.stdout.write(text);
  // perf writes the host's date here; two runs must give the same bytes, so it is the modelled one.
  let head = `# started on ${ctime(Number(DEFAULT_EPOCH_NS / 1_000_000n))} (modelled)\n\n`;
  return attempt(output, (text) => {
    if (o.append === true || head === '') appendFileSync(output, head + text);
    else writeFileSync(output, head + text);
    head = '';
  });
}

const attempt =
  (where: string, print: (text: string) => void) =>
  (text: string): void => {
    try {
      print(text);
    } catch (e) {
      throw new CliError(`cannot write ${where}: ${(e as NodeJS.ErrnoException).code ?? 'error'}`);
    }
  };

/** ctime(3) in UTC: Thu Jan  1 00:00:00 2026. */
function ctime(ms: number): string {
  const [, day, month, date, year, time] =
    /^(\w+), (\d+) (\w+) (\d+) ([\d:]+)/.exec(new Date(ms).toUTCString())?.map((_, i, a) => a[[0, 1, 3, 2, 4, 5][i] ?? 0]) ?? [];
  return `${day} ${month} ${String(Number(date)).padStart(2)} ${time} ${year}`;
}
