/**
 * Corpora of others, from folders: nothing of theirs is here. Score, and each failure with its reason.
 *   --programs=DIR   executables; output and exit status natively and by perfglass, line by line
 *   --verdicts=DIR   executables that print TPASS, TFAIL …, in folders by family: verdicts natively and by perfglass (test/corpus/verdicts.ts)
 *   --under=COMMAND  put before what runs natively with --verdicts, words divided by spaces
 *   --natively=FILE  keeps what the native runs of --verdicts came to, and uses what it has; --natively-only ends there
 *   --limit=SECONDS  for each native run (60; with --verdicts 30); ours has fifteen times (five times) as many
 *   --nasm=DIR       NASM sources with their expected registers (test/corpus/nasm.ts); only what passes natively counts
 *   --model=NAME     the processor (sapphirerapids)     --only=TEXT   names that contain it     --verbose   every register that differs
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { visibleFeatures } from '../../src/arch/cpuid.ts';
import { ENGINE_FEATURES, hasFeature } from '../../src/arch/cpuid-features.ts';
import { findCpuModel } from '../../src/arch/cpu-models/index-of-models.ts';
import { CORPUS_FEATURES } from '../corpus/features.ts';
import { assemble, complaints, type NasmCase, piece, readCase } from '../corpus/nasm.ts';
import { type Ended, pack, type Piece, records } from '../corpus/pack.ts';
import { complaintsAgainst, isElf, type NativeRun, outside, runNatively } from '../corpus/verdicts.ts';
import { CACHE, perfglass, ROOT } from '../lib/perfglass.ts';
import { ENV, run, which } from '../lib/run.ts';
import { Suite } from '../lib/suite.ts';

const option = (name: string): string | undefined => process.argv.find((a) => a.startsWith(`--${name}=`))?.slice(name.length + 3);
const DIR = `${CACHE}corpus/`;
const MODEL = option('model') ?? 'sapphirerapids';
const ONLY = option('only') ?? '';
const SHOWN = process.argv.includes('--verbose') ? 99 : 2;
const LIMIT = option('limit') === undefined ? undefined : Number(option('limit'));
const BATCH = 150;

const suite = new Suite('corpus');
mkdirSync(`${DIR}asm`, { recursive: true });

/** Every file below `dir`, sorted, relative to it. */
function files(dir: string): string[] {
  const out: string[] = [];
  const walk = (at: string): void => {
    for (const e of readdirSync(at, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
      if (e.isDirectory()) walk(join(at, e.name));
      else if (e.isFile()) out.push(relative(dir, join(at, e.name)));
    }
  };
  walk(dir);
  return out.filter((f) => f.includes(ONLY));
}

// ---- programs

function firstDifference(want: string, got: string): string | undefined {
  const [a, b] = [want.split('\n'), got.split('\n')];
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    if (a[i] === b[i]) continue;
    const differ = a.filter((l, k) => l !== b[k]).length;
    return `line ${i + 1} of ${a.length} (${differ} differ): expected ${JSON.stringify(a[i] ?? '')}, got ${JSON.stringify(b[i] ?? '')}`;
  }
  return undefined;
}
function runPrograms(dir: string): void {
  const programs = files(dir).filter((f) => isElf(join(dir, f)));
  let passed = 0;
  for (const f of programs) {
    const path = join(dir, f);
    const native = run([path], { limit: LIMIT ?? 60, cwd: DIR });
    const ours = run(perfglass('run', '--cpu', MODEL, '--', path), { limit: (LIMIT ?? 60) * 15, cwd: DIR });
    const wrong: string[] = [];
    if (native.timedOut || ours.timedOut) wrong.push(`no end within the limit (${native.timedOut ? 'natively' : 'perfglass'})`);
    if (native.status !== ours.status) wrong.push(`exit status ${native.status} natively, ${ours.status} by perfglass`);
    const line = firstDifference(native.stdout.toString('latin1'), ours.stdout.toString('latin1'));
    if (line !== undefined) wrong.push(line);
    if (wrong.length > 0)
      wrong.push(
        ...ours.stderr
          .toString()
          .split('\n')
          .filter((l) => l.includes('perfglass'))
          .slice(0, 2),
      );
    else passed++;
    suite.judge(`program ${f}`, wrong, `${native.stdout.toString('latin1').split('\n').length - 1} lines, exit status ${native.status}`);
  }
  console.log(`# programs: ${passed} of ${programs.length} equal to the native run`);
}

// ---- programs that print verdicts

/** Helper programs and data are looked for in PATH, LTP* and KCONFIG_* as given: the programs say what they need. */
function runVerdicts(dir: string): void {
  const env: Record<string, string> = { ...ENV, PATH: process.env['PATH'] ?? '' };
  for (const [name, value] of Object.entries(process.env)) if (/^(LTP|KCONFIG_)/.test(name) && value !== undefined) env[name] = value;
  const tally = new Map<string, { equal: number; counted: number }>();
  const uncounted = new Map<string, number>();
  const store = option('natively');
  const kept: Record<string, NativeRun> =
    store !== undefined && existsSync(store) ? (JSON.parse(readFileSync(store, 'utf8')) as Record<string, NativeRun>) : {};
  const limit = LIMIT ?? 30;
  for (const name of files(dir).filter((f) => isElf(join(dir, f)))) {
    const path = join(dir, name);
    let native = kept[name];
    if (native === undefined) {
      native = kept[name] = runNatively([...(option('under')?.split(' ') ?? []), path], { env, cwd: DIR, limit });
      if (store !== undefined) writeFileSync(store, JSON.stringify(kept));
    }
    const why = process.argv.includes('--natively-only') ? 'only run natively' : outside(native);
    if (why !== undefined) {
      uncounted.set(why, (uncounted.get(why) ?? 0) + 1);
      continue;
    }
    const family = tally.get(name.split('/')[0] ?? '') ?? { equal: 0, counted: 0 };
    const complaints = complaintsAgainst(native, perfglass('run', '--cpu', MODEL, '--', path), { env, cwd: DIR, limit: limit * 5 });
    family.counted++;
    if (complaints.length === 0) family.equal++;
    tally.set(name.split('/')[0] ?? '', family);
    suite.judge(`program ${name}`, complaints.slice(0, SHOWN));
  }
  const short = [...tally].filter(([, t]) => t.equal < t.counted);
  for (const [family, t] of short) console.log(`# ${family}: ${t.equal} of ${t.counted}`);
  const sum = (of: (t: { equal: number; counted: number }) => number): number => [...tally.values()].reduce((n, t) => n + of(t), 0);
  for (const [why, n] of uncounted) console.log(`not counted: ${n} ${why}`);
  console.log(
    `# verdicts: ${sum((t) => t.equal)} of ${sum((t) => t.counted)} programs that pass natively give the same; ${tally.size} families, ${tally.size - short.length} whole`,
  );
}

// ---- NASM sources

function buildProbe(): string | undefined {
  const to = `${DIR}probe`;
  const built = run([
    ...[
      'gcc',
      '-O2',
      '-std=gnu11',
      '-fPIC',
      '-ffreestanding',
      '-fno-builtin',
      '-fno-stack-protector',
      '-mgeneral-regs-only',
      '-w',
      '-static',
      '-nostdlib',
    ],
    ...[
      '-fcf-protection=none',
      '-fno-tree-loop-distribute-patterns',
      '-Wl,-Ttext-segment=0x40000000',
      '-Wl,--build-id=none',
      '-Wl,-z,noexecstack',
    ],
    ...['-o', to, `${ROOT}test/corpus/src/probe.c`],
  ]);
  if (built.status === 0) return to;
  suite.fail('the probe builds', built.stderr.toString().slice(0, 600));
  return undefined;
}

/** Runs the pieces in batches; those that left nothing (the batch died) once more alone. */
function runAll(pieces: readonly Piece[], command: (file: string) => readonly string[]): Map<number, Ended> {
  const out = new Map<number, Ended>();
  const once = (some: readonly Piece[]): void => {
    const file = `${DIR}batch`;
    writeFileSync(file, pack(some));
    const done = run(command(file), { limit: 240 });
    for (const [i, r] of records(done.stdout)) out.set(i, r);
  };
  for (let i = 0; i < pieces.length; i += BATCH) {
    const batch = pieces.slice(i, i + BATCH);
    once(batch);
    for (const p of batch.filter((x) => !out.has(x.index))) once([p]);
  }
  return out;
}

interface Assembled {
  readonly test: NasmCase;
  readonly piece: Piece;
}

function runNasm(dir: string): void {
  const probe = buildProbe();
  const found = findCpuModel(MODEL);
  if (found.kind !== 'found') return suite.fail('nasm', `no model ${MODEL}`);
  if (probe === undefined) return;
  const features = visibleFeatures(found.model, ENGINE_FEATURES);
  const outside = new Map<string, number>();
  const leave = (why: string): void => void outside.set(why, (outside.get(why) ?? 0) + 1);
  const ready: Assembled[] = [];
  for (const file of files(dir).filter((f) => f.endsWith('.asm'))) {
    const test = readCase(dir, file);
    if (test === undefined) leave('no CONFIG');
    else if (typeof test === 'string') leave(`${file}: ${test}`);
    else if (test.mode32) leave('32-bit mode');
    else {
      const lacks = test.features.filter((f) => CORPUS_FEATURES[f]?.every((x) => hasFeature(features, x)) !== true);
      if (lacks.length > 0) leave(`needs ${lacks.join()}, which ${MODEL} has not`);
      else {
        const code = assemble(dir, file, `${DIR}asm`);
        if (typeof code === 'string') leave(`does not assemble: ${code.slice(code.indexOf(': ') + 2)}`);
        else ready.push({ test, piece: piece(test, ready.length, code) });
      }
    }
  }
  const pieces = ready.map((r) => r.piece);
  const native = runAll(pieces, (f) => [probe, f, '2000']);
  const counted = ready.filter((r) => {
    const wrong = complaints(r.test, native.get(r.piece.index));
    if (wrong.length > 0) leave('fails natively');
    return wrong.length === 0;
  });
  const ours = runAll(
    ready.map((r) => r.piece),
    (f) => perfglass('run', '--cpu', MODEL, '--', probe, f, '100'),
  );
  let passed = 0;
  for (const { test, piece: p } of counted) {
    const wrong = complaints(test, ours.get(p.index));
    if (wrong.length === 0) passed++;
    else suite.fail(test.file, [...wrong.slice(0, SHOWN), ...(test.env === '' ? [] : [`(${test.env})`])].join('; '));
  }
  suite.passed += passed;
  for (const [why, n] of [...outside].sort((a, b) => b[1] - a[1])) console.log(`not counted: ${n} ${why}`);
  console.log(`# nasm: ${passed} of ${counted.length} pass that pass natively; ${ready.length} assembled and inside the model`);
}

const [programs, nasm, withVerdicts] = [option('programs'), option('nasm'), option('verdicts')];
for (const dir of [programs, nasm, withVerdicts]) if (dir !== undefined && !existsSync(dir)) suite.fail(dir, 'there is no such folder');
if (programs !== undefined && existsSync(programs)) runPrograms(programs);
else if (programs === undefined) suite.skip('programs', 'no folder given (--programs=DIR)');
if (withVerdicts === undefined) suite.skip('verdicts', 'no folder given (--verdicts=DIR)');
else if (existsSync(withVerdicts)) runVerdicts(withVerdicts);
if (nasm === undefined) suite.skip('nasm', 'no folder given (--nasm=DIR)');
else if (which('nasm') === undefined) suite.skip('nasm', 'nasm is not installed');
else if (existsSync(nasm)) runNasm(nasm);
suite.end();
