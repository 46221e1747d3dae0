/** CPU time of whole processes, and what is made of it. */
import { spawnSync } from 'node:child_process';
import { ENV } from '../../test/lib/run.ts';

export interface Sample {
  /** CPU seconds, user and system, children included. */
  readonly seconds: number;
  readonly stdout: Buffer;
  readonly stderr: string;
  readonly status: number;
}

/** bash's `time` reads the child's rusage to the millisecond. */
export function measure(argv: readonly string[], cwd?: string): Sample {
  const script =
    'TIMEFORMAT="%3U %3S"; exec 3>&2; { time "$@" 2>&3; } 2>&1 1>&4 | { read -r line; echo "$line" >&5; }; exit ${PIPESTATUS[0]}';
  const done = spawnSync('bash', ['-c', script, 'measure', ...argv], {
    env: ENV,
    stdio: ['ignore', 'ignore', 'pipe', 'ignore', 'pipe', 'pipe'],
    timeout: 300_000,
    killSignal: 'SIGKILL',
    maxBuffer: 1 << 26,
    ...(cwd === undefined ? {} : { cwd }),
  });
  const part = (i: number): Buffer => (done.output?.[i] as Buffer | null | undefined) ?? Buffer.alloc(0);
  const [user, system] = part(5).toString().trim().split(' ').map(Number);
  return { seconds: (user ?? NaN) + (system ?? NaN), stdout: part(4), stderr: part(2).toString(), status: done.status ?? 1 };
}

export function median(xs: readonly number[]): number {
  const s = [...xs].sort((a, b) => a - b);
  const mid = s.length >> 1;
  return s.length % 2 === 1 ? (s[mid] ?? NaN) : ((s[mid - 1] ?? NaN) + (s[mid] ?? NaN)) / 2;
}
export const geomean = (xs: readonly number[]): number => Math.exp(xs.reduce((sum, x) => sum + Math.log(x), 0) / xs.length);

/** `--name N`; ends the process on anything but a whole number above 0. */
export function wholeNumber(name: string, otherwise: number): number {
  const i = process.argv.indexOf(name);
  if (i < 0) return otherwise;
  const value = Number(process.argv[i + 1]);
  if (!Number.isInteger(value) || value < 1) {
    console.error(`bench: ${name} needs a whole number above 0`);
    process.exit(129);
  }
  return value;
}
