/** Debian's perf and the recordings of shared/data beside the checkout (or PERFGLASS_DATA) as oracles. What is absent is skipped with a visible line. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const DATA = `${process.env['PERFGLASS_DATA'] ?? new URL('../../../shared/data', import.meta.url).pathname}/perf-data`;
const PERF = process.env['PERFGLASS_PERF'] ?? '/usr/bin/perf';
const MAIN = new URL('../../src/cli/main.ts', import.meta.url).pathname;

export const hasPerf = existsSync(PERF) && spawnSync(PERF, ['--version']).status === 0;
export const hasData = existsSync(DATA);

/** Reason to skip, or false. */
export const needsPerf: string | false = hasPerf ? false : `SKIPPED: no perf at ${PERF}`;
export const needsData: string | false = hasData ? false : `SKIPPED: no recordings at ${DATA}`;

export interface Ran {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

/** A folder for a test file; removed at exit. Holds an empty folder for --symfs, so that perf does not name symbols from this host. */
export const scratch = mkdtempSync(join(tmpdir(), 'perfglass-'));
export const noSymbols = join(scratch, 'no-symbols');
mkdirSync(noSymbols);
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));

function run(command: string, args: readonly string[], input?: Uint8Array): Ran {
  const r = spawnSync(command, args as string[], {
    maxBuffer: 1 << 30,
    ...(input === undefined ? {} : { input }),
    env: { ...process.env, HOME: scratch },
  });
  return { status: r.status, out: r.stdout.toString('latin1'), err: r.stderr.toString('latin1') };
}

export const perf = (...args: string[]): Ran => run(PERF, args);
export const perfglass = (...args: string[]): Ran => run(process.execPath, [MAIN, ...args]);
export const perfglassWithInput = (input: Uint8Array, ...args: string[]): Ran => run(process.execPath, [MAIN, ...args], input);

/** First difference of two texts, for a message one can read. */
export function firstDifference(perfText: string, ours: string): string {
  const a = perfText.split('\n');
  const b = ours.split('\n');
  for (let i = 0; i < Math.max(a.length, b.length); i++)
    if (a[i] !== b[i]) return `line ${i + 1}\n  perf: ${a[i] ?? '(end)'}\n  ours: ${b[i] ?? '(end)'}`;
  return 'none';
}
