/**
 * `npm run bench -- [--quick] [--rounds N] [small|large|start|calls …]`: perfglass beside native, qemu-user and valgrind. A round runs every
 * engine back to back, so that what the machine does beside it falls on all of them; a cell is the median of the rounds. Time is CPU time
 * (user + system) of whole processes, start-up and children included. `--quick`: small sizes, no large programs, the fast peers. Writes nothing.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PROGRAMS, ROOT } from '../test/lib/perfglass.ts';
import { ENGINES } from './lib/engines.ts';
import { geomean, measure, median, wholeNumber } from './lib/measure.ts';
import { largePrograms, type Program, smallPrograms, startPrograms } from './lib/programs.ts';

// What a user runs is the built command: the sources would generate the interpreter at every start.
if (process.env['PERFGLASS'] === undefined) {
  execFileSync(process.execPath, [`${ROOT}tools/build.ts`], { stdio: ['ignore', 'ignore', 'inherit'] });
  process.env['PERFGLASS'] = `${process.execPath} ${ROOT}dist/perfglass.js`;
}
const quick = process.argv.includes('--quick');
const rounds = wholeNumber('--rounds', 3);
const chosen = ['small', 'large', 'start', 'calls'].filter((p) => process.argv.includes(p));
const wants = (part: string): boolean => (chosen.length > 0 ? chosen.includes(part) : !(quick && part === 'large'));
const scratch = mkdtempSync(join(tmpdir(), 'perfglass-bench-'));
const inputs = mkdtempSync(join(tmpdir(), 'perfglass-bench-'));
let failures = 0;

/** Of one program: engine → its value in each round. */
interface Measured {
  readonly program: Program;
  readonly seconds: Map<string, number[]>;
  /** User instructions, as perfglass counts them. */
  readonly instructions: number;
}

const engines = ENGINES.filter((e) => e.absent === undefined && !(quick && e.slow === true));

function runRounds(program: Program, n: number): Measured {
  const seconds = new Map<string, number[]>(engines.map((e) => [e.name, []]));
  const broken = new Set<string>();
  let instructions = NaN;
  for (let round = 0; round < n; round++) {
    let want: Buffer | undefined;
    for (const engine of engines) {
      if (broken.has(engine.name)) continue;
      const sample = measure(engine.command(program.argv, scratch), inputs);
      want ??= sample.stdout;
      if (engine.name === 'perfglass') instructions = Number(/^(\d+),[^,]*,instructions/m.exec(sample.stderr)?.[1] ?? NaN);
      if (sample.status === 0 && sample.stdout.equals(want)) {
        seconds.get(engine.name)?.push(sample.seconds);
        continue;
      }
      console.error(
        `bench: ${engine.name} does not run ${program.name}: status ${sample.status}, ${JSON.stringify(sample.stderr.slice(-300))}`,
      );
      broken.add(engine.name);
      seconds.set(engine.name, []);
      failures++;
    }
  }
  return { program, seconds, instructions };
}

/** Median over rounds of `engine`'s seconds by those of `by` in the same round. */
function ratio(m: Measured, engine: string, by: string): number {
  const [a, b] = [m.seconds.get(engine) ?? [], m.seconds.get(by) ?? []];
  return a.length === b.length ? median(a.map((x, i) => x / (b[i] ?? NaN))) : NaN;
}
const mips = (m: Measured, engine: string): number => m.instructions / 1e6 / median(m.seconds.get(engine) ?? []);

const cell = (text: string): string => text.padStart(16);
const shown = (x: number, digits: number, unit: string): string => (Number.isNaN(x) ? '-' : `${x.toFixed(digits)}${unit}`);

function absences(programs: readonly Program[]): Program[] {
  for (const p of programs) if (p.absent !== undefined) console.log(`${p.name}: skipped: ${p.absent}`);
  return programs.filter((p) => p.absent === undefined);
}
function rows(title: string, programs: readonly string[], value: (engine: string) => readonly string[]): void {
  console.log(`\n${title}`);
  console.log(['engine'.padEnd(14), ...programs.map(cell)].join(''));
  for (const e of ENGINES) {
    if (e.absent !== undefined) console.log(`${e.name.padEnd(14)}  absent: ${e.absent}`);
    else if (engines.includes(e)) console.log([e.name.padEnd(14), ...value(e.name).map(cell)].join(''));
  }
}
/** Ratios to native, and to each peer. */
function ratios(title: string, all: readonly Program[]): void {
  const found = absences(all).map((p) => runRounds(p, rounds));
  rows(`${title}: CPU time × native (million instructions a second)`, [...found.map((m) => m.program.name), 'geomean'], (engine) => {
    const r = found.map((m) => ratio(m, engine, 'native'));
    const s = found.map((m) => mips(m, engine));
    return [...r, geomean(r)].map((x, i) => `${shown(x, 2, 'x')} (${shown([...s, geomean(s)][i] ?? NaN, 0, '')})`);
  });
  for (const e of engines) {
    if (e.name === 'native' || e.name === 'perfglass') continue;
    const r = found.map((m) => ratio(m, 'perfglass', e.name));
    const each = found.map((m, i) => `${m.program.name} ${shown(r[i] ?? NaN, 2, '')}`).join(', ');
    console.log(`perfglass takes ${shown(geomean(r), 2, '')} × the time of ${e.name} (geometric mean; ${each})`);
  }
}
function starts(): void {
  const found = absences(startPrograms()).map((p) => runRounds(p, rounds));
  rows(
    'start-up: CPU seconds',
    found.map((m) => m.program.name),
    (engine) => found.map((m) => shown(median(m.seconds.get(engine) ?? []), 3, ' s')),
  );
}
/** The difference between many calls and few, by their number; few are enough that whatever is compiled by then is compiled in both. */
function calls(): void {
  const [few, many] = quick ? [50_000, 150_000] : [100_000, 500_000];
  const kinds = ['getpid', 'pread64 64 B'];
  const found = kinds.map((_, kind) => {
    const run = (n: number): Measured =>
      runRounds({ name: `calls ${n} ${kind}`, argv: [`${PROGRAMS}calls`, String(n), String(kind)] }, rounds);
    return [run(few), run(many)] as const;
  });
  rows('system calls: CPU microseconds each', kinds, (engine) =>
    found.map(([a, b]) => {
      const seconds = median(b.seconds.get(engine) ?? []) - median(a.seconds.get(engine) ?? []);
      return shown((seconds * 1e6) / (many - few), 2, ' µs');
    }),
  );
}

try {
  console.log(`${rounds} paired rounds, ${quick ? 'quick' : 'full'} sizes, node ${process.version}`);
  if (wants('start')) starts();
  if (wants('calls')) calls();
  if (wants('small')) ratios('small programs', smallPrograms(quick));
  if (wants('large')) ratios('large programs', largePrograms(inputs));
} finally {
  rmSync(scratch, { recursive: true });
  rmSync(inputs, { recursive: true });
}
if (failures > 0) process.exitCode = 1;
