/**
 * `npm run bench -- [--quick] [--rounds N]`: MIPS and time against native, qemu-user and cachegrind (no cache simulation) on four freestanding
 * programs. A round runs every engine back to back, so that what the machine does beside it falls on all of them; a cell is the median of the
 * rounds' ratios. Time is CPU time (user + system) of the whole process, start-up included. Writes nothing.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { PROGRAMS, perfglass, ROOT } from '../test/lib/perfglass.ts';
import { ENV, which } from '../test/lib/run.ts';

interface Program {
  readonly name: string;
  readonly full: string;
  readonly quick: string;
}

const BENCH: readonly Program[] = [
  { name: 'sieve', full: '240', quick: '25' },
  { name: 'fib', full: '40', quick: '34' },
  { name: 'hash', full: '40000', quick: '3000' },
  { name: 'interp', full: '20000', quick: '2500' },
];

interface Engine {
  readonly name: string;
  /** The command line, or why there is none. */
  readonly command: (argv: readonly string[]) => readonly string[];
  readonly absent?: string;
}

const tool = (name: string): { absent?: string } => (which(name) === undefined ? { absent: `${name} is not installed` } : {});

const ENGINES: readonly Engine[] = [
  { name: 'native', command: (argv) => argv },
  { name: 'perfglass', command: (argv) => perfglass('stat', '-x,', '-e', 'instructions:u', '--', ...argv) },
  { name: 'qemu-user', command: (argv) => ['qemu-x86_64', '-cpu', 'max', ...argv], ...tool('qemu-x86_64') },
  {
    name: 'cachegrind',
    command: (argv) => ['valgrind', '--tool=cachegrind', '--cache-sim=no', '--cachegrind-out-file=/dev/null', ...argv],
    ...tool('valgrind'),
  },
];

interface Sample {
  /** CPU seconds. */
  readonly seconds: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly status: number;
}

/** bash's `time` reads the child's rusage to the millisecond. */
function measure(argv: readonly string[]): Sample {
  const script =
    'TIMEFORMAT="%3U %3S"; exec 3>&2; { time "$@" 2>&3; } 2>&1 1>&4 | { read -r line; echo "$line" >&5; }; exit ${PIPESTATUS[0]}';
  const done = spawnSync('bash', ['-c', script, 'measure', ...argv], {
    env: ENV,
    stdio: ['ignore', 'ignore', 'pipe', 'ignore', 'pipe', 'pipe'],
    timeout: 300_000,
    killSignal: 'SIGKILL',
    maxBuffer: 1 << 26,
  });
  const text = (i: number): string => (done.output?.[i] ?? '').toString();
  const [user, system] = text(5).trim().split(' ').map(Number);
  return { seconds: (user ?? NaN) + (system ?? NaN), stdout: text(4), stderr: text(2), status: done.status ?? 1 };
}

const median = (xs: readonly number[]): number => {
  const s = [...xs].sort((a, b) => a - b);
  const mid = s.length >> 1;
  return s.length % 2 === 1 ? (s[mid] ?? NaN) : ((s[mid - 1] ?? NaN) + (s[mid] ?? NaN)) / 2;
};
const geomean = (xs: readonly number[]): number => Math.exp(xs.reduce((sum, x) => sum + Math.log(x), 0) / xs.length);

function option(name: string, otherwise: number): number {
  const i = process.argv.indexOf(name);
  if (i < 0) return otherwise;
  const value = Number(process.argv[i + 1]);
  if (!Number.isInteger(value) || value < 1) {
    console.error(`bench: ${name} needs a whole number above 0`);
    process.exit(129);
  }
  return value;
}

// What a user runs is the built command: the sources would generate the interpreter at every start.
if (process.env['PERFGLASS'] === undefined) {
  execFileSync(process.execPath, [`${ROOT}tools/build.ts`], { stdio: ['ignore', 'ignore', 'inherit'] });
  process.env['PERFGLASS'] = `${process.execPath} ${ROOT}dist/perfglass.js`;
}
const quick = process.argv.includes('--quick');
const rounds = option('--rounds', quick ? 3 : 7);
const engines = ENGINES.filter((e) => e.absent === undefined);
let failures = 0;

/** ratios[engine][program] and MIPS likewise. */
const ratio = new Map<string, Map<string, number>>();
const mips = new Map<string, Map<string, number>>();
for (const program of BENCH) {
  const argv = [PROGRAMS + program.name, quick ? program.quick : program.full];
  const ratios = new Map<string, number[]>(engines.map((e) => [e.name, []]));
  const times = new Map<string, number[]>(engines.map((e) => [e.name, []]));
  const broken = new Set<string>();
  let instructions = NaN;
  for (let round = 0; round < rounds; round++) {
    let native = NaN;
    let want = '';
    for (const engine of engines) {
      if (broken.has(engine.name)) continue;
      const sample = measure(engine.command(argv));
      if (engine.name === 'native') {
        native = sample.seconds;
        want = sample.stdout;
      }
      if (engine.name === 'perfglass') instructions = Number(/^(\d+),[^,]*,instructions/m.exec(sample.stderr)?.[1] ?? NaN);
      if (sample.status !== 0 || sample.stdout !== want) {
        console.error(
          `bench: ${engine.name} does not run ${program.name}: status ${sample.status}, ${JSON.stringify(sample.stderr.slice(-300))}`,
        );
        broken.add(engine.name);
        failures++;
        continue;
      }
      ratios.get(engine.name)?.push(sample.seconds / native);
      times.get(engine.name)?.push(sample.seconds);
    }
  }
  for (const engine of engines) {
    if (broken.has(engine.name)) continue;
    const of = (table: Map<string, Map<string, number>>, value: number): void => {
      const row = table.get(engine.name) ?? new Map<string, number>();
      row.set(program.name, value);
      table.set(engine.name, row);
    };
    of(ratio, median(ratios.get(engine.name) ?? []));
    of(mips, instructions / 1e6 / median(times.get(engine.name) ?? []));
  }
}

const cell = (text: string): string => text.padStart(16);
console.log(
  `${rounds} paired rounds, ${quick ? 'quick' : 'full'} sizes, node ${process.version}: CPU time of whole processes, × native (MIPS)`,
);
console.log(['engine'.padEnd(12), ...BENCH.map((p) => cell(p.name)), cell('geomean')].join(''));
for (const engine of ENGINES) {
  if (engine.absent !== undefined) {
    console.log(`${engine.name.padEnd(12)}  absent: ${engine.absent}`);
    continue;
  }
  const values = BENCH.map((p) => ratio.get(engine.name)?.get(p.name) ?? NaN);
  const speeds = BENCH.map((p) => mips.get(engine.name)?.get(p.name) ?? NaN);
  const show = (r: number, m: number): string =>
    Number.isNaN(r) ? 'failed' : `${r.toFixed(2)}x${Number.isNaN(m) ? '' : ` (${m.toFixed(0)})`}`;
  console.log(
    [engine.name.padEnd(12), ...values.map((r, i) => cell(show(r, speeds[i] ?? NaN))), cell(show(geomean(values), geomean(speeds)))].join(
      '',
    ),
  );
}
const ours = BENCH.map((p) => ratio.get('perfglass')?.get(p.name) ?? NaN);
for (const peer of ['qemu-user', 'cachegrind']) {
  const theirs = BENCH.map((p) => ratio.get(peer)?.get(p.name) ?? NaN);
  const r = geomean(ours.map((x, i) => x / (theirs[i] ?? NaN)));
  if (!Number.isNaN(r)) console.log(`perfglass takes ${r.toFixed(2)} × the time of ${peer} (geometric mean)`);
}
if (failures > 0) process.exitCode = 1;
