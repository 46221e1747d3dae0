/**
 * `npm run suites [-- name…] [--self]`: the slow suites in order, each a process of its own with a time limit; in the end one line
 * `N passed, N failed, N skipped`. A suite that dies, hangs, or prints no closing line is a failure.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';

interface SuiteEntry {
  readonly name: string;
  readonly file: string;
  /** Seconds. */
  readonly limit: number;
}

export const SUITES: readonly SuiteEntry[] = [
  { name: 'programs', file: 'suites/programs.ts', limit: 300 },
  { name: 'ledger', file: 'suites/ledger.ts', limit: 300 },
  { name: 'lbr', file: 'suites/lbr.ts', limit: 300 },
  { name: 'models', file: 'suites/models.ts', limit: 600 },
  { name: 'flags', file: 'suites/flags.ts', limit: 700 },
  { name: 'corpus', file: 'suites/corpus.ts', limit: 300 },
  { name: 'kernel', file: 'suites/kernel.ts', limit: 300 },
  { name: 'tracers', file: 'suites/tracers.ts', limit: 900 },
  { name: 'files', file: 'suites/files.ts', limit: 300 },
  { name: 'counts', file: 'suites/counts.ts', limit: 300 },
  { name: 'busybox', file: 'suites/busybox.ts', limit: 420 },
  { name: 'threads', file: 'suites/threads.ts', limit: 420 },
  { name: 'debian', file: 'suites/debian.ts', limit: 900 },
  { name: 'bad-input', file: 'suites/bad-input.ts', limit: 600 },
  { name: 'root', file: 'suites/root.ts', limit: 600 },
  { name: 'parity', file: 'suites/parity.ts', limit: 600 },
  { name: 'parity-debian', file: 'suites/parity-debian.ts', limit: 300 },
  { name: 'stat', file: 'suites/stat.ts', limit: 300 },
  { name: 'record', file: 'suites/record.ts', limit: 420 },
  { name: 'perf-inside', file: 'suites/perf-inside.ts', limit: 600 },
  { name: 'perf-data', file: 'suites/perf-data.ts', limit: 420 },
  { name: 'pt', file: 'suites/pt.ts', limit: 420 },
  { name: 'library', file: 'suites/library.ts', limit: 300 },
  { name: 'determinism', file: 'suites/determinism.ts', limit: 900 },
];

interface Tally {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly note: string;
}

let running: ChildProcess | undefined;

/** Ends the running suite and what it started: it has a process group of its own. */
function stop(): void {
  try {
    if (running?.pid !== undefined) process.kill(-running.pid, 'SIGKILL');
  } catch {
    // already gone
  }
}
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    stop();
    process.exit(1);
  });
}

/** What a user runs is the built command; the sources would generate the interpreter anew at each of some thousand starts. */
function useBundle(): void {
  if (process.env['PERFGLASS'] !== undefined) return;
  const file = (name: string): string => new URL(`../${name}`, import.meta.url).pathname;
  execFileSync(process.execPath, [file('tools/build.ts')], { stdio: ['ignore', 'ignore', 'inherit'] });
  process.env['PERFGLASS'] = `${process.execPath} ${file('dist/perfglass.js')}`;
}

function runSuite(entry: SuiteEntry, flags: readonly string[]): Promise<Tally> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [new URL(entry.file, import.meta.url).pathname, ...flags], {
      stdio: ['ignore', 'pipe', 'inherit'],
      detached: true,
    });
    running = child;
    let tail = '';
    let expired = false;
    const timer = setTimeout(() => {
      expired = true;
      stop();
    }, entry.limit * 1000);
    child.stdout.on('data', (data: Buffer) => {
      process.stdout.write(data);
      tail = (tail + data.toString()).slice(-2000);
    });
    child.on('close', (code) => {
      clearTimeout(timer);
      running = undefined;
      const last = tail.trimEnd().split('\n').at(-1) ?? '';
      const m = /: (\d+) passed, (\d+) failed, (\d+) skipped/.exec(last);
      if (expired) resolve({ passed: 0, failed: 1, skipped: 0, note: `did not end within ${entry.limit} s` });
      else if (m === null) resolve({ passed: 0, failed: 1, skipped: 0, note: `no closing line, exit code ${code}` });
      else if (Number(m[2]) === 0 && code !== 0)
        resolve({ passed: Number(m[1]), failed: 1, skipped: Number(m[3]), note: `exit code ${code}` });
      else resolve({ passed: Number(m[1]), failed: Number(m[2]), skipped: Number(m[3]), note: '' });
    });
  });
}

const args = process.argv.slice(2);
const flags = args.filter((a) => a.startsWith('--'));
const names = args.filter((a) => !a.startsWith('--'));
const unknown = names.filter((n) => !SUITES.some((s) => s.name === n));
if (unknown.length > 0) {
  console.error(`no suite is called ${unknown.join(', ')}; there are ${SUITES.map((s) => s.name).join(', ')}`);
  process.exitCode = 129;
} else {
  useBundle();
  const chosen = SUITES.filter((s) => names.length === 0 || names.includes(s.name));
  const tallies: (readonly [SuiteEntry, Tally])[] = [];
  for (const entry of chosen) {
    tallies.push([entry, await runSuite(entry, flags)]);
    console.log('');
  }
  const sum = (key: 'passed' | 'failed' | 'skipped'): number => tallies.reduce((n, [, t]) => n + t[key], 0);
  for (const [entry, t] of tallies) {
    console.log(
      `${entry.name.padEnd(12)} ${String(t.passed).padStart(5)} ${String(t.failed).padStart(5)} ${String(t.skipped).padStart(5)}  ${t.note}`,
    );
  }
  console.log(`${sum('passed')} passed, ${sum('failed')} failed, ${sum('skipped')} skipped`);
  if (sum('failed') > 0) process.exitCode = 1;
}
