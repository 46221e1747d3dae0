/** Runs a program to its end with a time limit and hands back everything that it left behind. */
import { type SpawnSyncOptions, spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { SIG } from '#abi/signals.ts';

export interface Outcome {
  readonly stdout: Buffer;
  readonly stderr: Buffer;
  /** The exit status as a shell sees it: the code, or 128 + the signal's number. */
  readonly status: number;
  readonly signal: NodeJS.Signals | null;
  readonly timedOut: boolean;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Record<string, string>;
  readonly input?: Buffer | string;
  /** Seconds; 60 unless told. A program that runs longer is killed and `timedOut` is true. */
  readonly limit?: number;
}

export function shellStatus(code: number | null, signal: NodeJS.Signals | null): number {
  return signal === null ? (code ?? 1) : 128 + ((SIG as Readonly<Record<string, number>>)[signal] ?? 0);
}

/** The environment of every run: fixed, so that nothing of the host leaks into results. */
export const ENV: Record<string, string> = { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC0', HOME: '/', LANG: 'C' };

export function run(argv: readonly string[], options: RunOptions = {}): Outcome {
  const [file, ...rest] = argv;
  if (file === undefined) throw new Error('run: empty command');
  const spawn: SpawnSyncOptions = {
    env: options.env ?? ENV,
    timeout: (options.limit ?? 60) * 1000,
    killSignal: 'SIGKILL',
    maxBuffer: 1 << 28,
    input: Buffer.from(options.input ?? ''),
  };
  if (options.cwd !== undefined) spawn.cwd = options.cwd;
  const result = spawnSync(file, rest, spawn);
  const error = result.error as NodeJS.ErrnoException | undefined;
  if (error !== undefined && error.code !== 'ETIMEDOUT') throw new Error(`cannot run ${file}: ${error.message}`);
  return {
    stdout: result.stdout as Buffer,
    stderr: result.stderr as Buffer,
    status: shellStatus(result.status, result.signal),
    signal: result.signal,
    timedOut: error?.code === 'ETIMEDOUT',
  };
}

/** The full path of a program on `path` (default: PATH), or undefined. */
export function which(name: string, path: string = process.env['PATH'] ?? ENV['PATH'] ?? ''): string | undefined {
  for (const dir of path.split(delimiter)) {
    const file = join(dir, name);
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      continue;
    }
  }
  return undefined;
}
