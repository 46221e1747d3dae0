/**
 * perf inside: Debian's perf and programs that open events run on the modelled processor (docs/kernel/perf-events.md). What perf inside counts and
 * samples must be what perfglass outside does of the same program; the ABI's rows must be what a Linux that lets us ask says of them.
 * `node test/suites/perf-inside.ts FOLDER…` runs every executable of other folders instead, perf_event_tests' for instance, and prints each one's end.
 */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { leaks, perfglass, PROGRAMS, ROOT } from '../lib/perfglass.ts';
import { ENV, type Outcome, run, which } from '../lib/run.ts';
import { difference, Suite } from '../lib/suite.ts';

const suite = new Suite('perf-inside');
const folders = process.argv.slice(2).filter((a) => !a.startsWith('--'));
const dir = mkdtempSync(join(tmpdir(), 'perfglass-inside-'));
/** perf sets these three: they are there before, so that their places among the others, which move a program's stack, are the same. */
const env = { ...ENV, DEBUGINFOD_URLS: '', HOME: dir, PERF_BUILDID_DIR: dir, PREFIX: '/usr' };
const perf = which('perf');
const LIMIT = 120;

const inside = (...argv: string[]): Outcome => run(perfglass('run', '--', ...argv), { cwd: dir, env, limit: LIMIT });
const prog = (name: string, ...args: string[]): string[] => [`${PROGRAMS}${name}`, ...args];

function ended(what: string, o: Outcome, status = 0): string[] {
  const out = leaks(o.stderr.toString());
  if (o.timedOut) out.push(`${what} hangs`);
  else if (o.status !== status) out.push(`${what} ends with ${o.status}: ${o.stderr.toString().trim()}`);
  return out;
}

// ---- the ABI, row by row

const SOURCES = `${ROOT}test/perf/src/`;
const EXPECTED = `${ROOT}test/perf/expected/`;
/** Hardware events: a host without a PMU cannot be asked. */
const NEEDS_PMU: ReadonlySet<string> = new Set(['rdpmc']);

function abi(): void {
  const gcc = which('gcc');
  for (const file of readdirSync(SOURCES).sort()) {
    if (!file.endsWith('.c')) continue;
    const name = file.slice(0, -2);
    if (gcc === undefined) {
      suite.skip(name, 'gcc is not installed');
      continue;
    }
    const program = join(dir, name);
    const made = run([gcc, '-O1', '-static', '-Wall', '-Wno-unused-function', '-o', program, SOURCES + file]);
    if (made.status !== 0) {
      suite.fail(name, made.stderr.toString());
      continue;
    }
    const want = readFileSync(`${EXPECTED}${name}.txt`);
    const guest = inside(program);
    const complaints = ended(name, guest);
    const differs = difference('stdout', want, guest.stdout);
    if (differs !== undefined) complaints.push(differs);
    suite.judge(name, complaints, `${want.toString().split('\n').length - 1} rows`);
    if (NEEDS_PMU.has(name)) continue;
    const native = run([program], { cwd: dir, env });
    if (native.stdout.toString().startsWith('cannot go on')) suite.skip(`${name} on the host`, 'its kernel lets nobody open events');
    else if (process.getuid?.() !== 0) suite.skip(`${name} on the host`, 'not root: its kernel refuses what root may open');
    else {
      const other = difference('stdout', want, native.stdout);
      suite.judge(`${name} on the host`, other === undefined ? [] : [other], 'the same rows');
    }
  }
}

// ---- perf stat

/** The environment that perf gives to the program it runs. */
function perfsEnvironment(): Record<string, string> {
  const text = inside('perf', 'stat', '-o', '/dev/null', '-e', 'instructions:u', '--', 'env').stdout.toString();
  const out: Record<string, string> = {};
  for (const line of text.trimEnd().split('\n')) {
    const at = line.indexOf('=');
    if (at > 0) out[line.slice(0, at)] = line.slice(at + 1);
  }
  return out;
}

/** `EVENT → count` of perf's or our `-x,` lines. */
function counts(text: string): string {
  const rows = text.split('\n').flatMap((line) => {
    const f = line.split(',');
    return /^[a-z-]+(:u)?$/.test(f[2] ?? '') ? [`${f[2]} ${f[0]}`] : [];
  });
  return rows.join('\n');
}

function stat(childEnv: Record<string, string>): void {
  const events = '{instructions:u,branches:u},page-faults';
  const commands: [number, string[]][] = [
    [0, prog('fib')],
    [0, prog('forkpipe')],
    [0, prog('strings')],
    [0, ['/bin/ls', '-l', '/usr']],
    // No shell: it writes down its parent's number, which is perf's inside and init's outside.
    [0, ['/usr/bin/env', '/bin/ls', '/']],
  ];
  for (const [status, command] of commands) {
    const name = `perf stat ${command.map((a) => basename(a)).join(' ')}`;
    const theirs = inside('perf', 'stat', '-x,', '-o', 'in.csv', '-e', events, '--', ...command);
    const ours = run(perfglass('stat', '-x,', '-o', 'out.csv', '-e', events, '--', ...command), { cwd: dir, env: childEnv, limit: LIMIT });
    const complaints = [...ended('perf inside', theirs, status), ...ended('perfglass stat', ours, status)];
    const [a, b] = ['in.csv', 'out.csv'].map((f) => (existsSync(join(dir, f)) ? counts(readFileSync(join(dir, f), 'utf8')) : ''));
    if (a === '' || a !== b) complaints.push(`inside ${JSON.stringify(a)}, outside ${JSON.stringify(b)}`);
    const out = difference('stdout', ours.stdout, theirs.stdout);
    if (out !== undefined) complaints.push(out);
    suite.judge(name, complaints, (a ?? '').replaceAll('\n', ', '));
  }
  const repeated = inside('perf', 'stat', '-r', '3', '-x,', '-o', 'r.csv', '-e', 'instructions:u', '--', ...prog('fib'));
  const spread = readFileSync(join(dir, 'r.csv'), 'utf8').split(',')[3];
  suite.judge('perf stat -r 3: every run the same', [
    ...ended('perf', repeated),
    ...(spread === '0.00%' ? [] : [`the runs differ by ${spread}`]),
  ]);
  const plain = inside('perf', 'stat', '--', ...prog('fib'));
  const said = plain.stderr.toString();
  const missing = ['task-clock', 'context-switches', 'page-faults', 'cycles', 'instructions', 'branches'].filter(
    (e) => !new RegExp(`\\d +(msec )?${e}`).test(said),
  );
  suite.judge('perf stat with its own events', [...ended('perf', plain), ...missing.map((e) => `${e} is not counted`)]);
}

// ---- perf record, script, report

interface Recording {
  readonly name: string;
  readonly options: readonly string[];
  readonly command: readonly string[];
}
const RECORDINGS: readonly Recording[] = [
  { name: 'samples', options: ['-e', 'instructions:u', '-c', '10007'], command: prog('fib') },
  { name: 'callchains', options: ['-e', 'instructions:u', '-c', '20011', '-g'], command: prog('recurse', '12') },
  { name: 'branch stacks', options: ['-e', 'branches:u', '-c', '5003', '-b'], command: prog('sieve') },
  { name: 'callchains by LBR', options: ['-e', 'instructions:u', '-c', '200003', '--call-graph', 'lbr'], command: ['/bin/ls', '/usr'] },
  { name: 'forks', options: ['-e', 'instructions:u', '-c', '5003'], command: prog('forkpipe') },
  { name: 'breakpoint', options: ['-e', 'mem:0x401010:x:u', '-c', '100'], command: prog('fib') }, // the function fib
  { name: 'group', options: ['-e', '{instructions:u,branches:u}', '-c', '50021'], command: ['/bin/ls', '/usr'] },
];

/** FROM/TO of branch entries without their cycles, which begin in another quarter of a cycle where perf ran before. */
const withoutCycles = (text: Buffer): Buffer =>
  Buffer.from(text.toString('latin1').replace(/(0x[0-9a-f]+\/0x[0-9a-f]+\/\S\/\S\/\S)\/\d+/g, '$1'), 'latin1');

/** Fields of a sample that do not tell when and as which process it was taken; no symbols, for perf leaves the kernel's map out of a :u recording. */
const FIELDS = 'event,period,ip,brstack';

function record(childEnv: Record<string, string>): void {
  for (const { name, options, command } of RECORDINGS) {
    const theirs = inside('perf', 'record', '-q', '-o', 'in.data', ...options, '--', ...command);
    const ours = run(perfglass('record', '-q', '-o', 'out.data', ...options, '--', ...command), {
      cwd: dir,
      env: { ...childEnv, HOME: dir },
      limit: LIMIT,
    });
    const complaints = [...ended('perf inside', theirs, ours.status), ...leaks(ours.stderr.toString())];
    const fields = options.includes('-b') ? FIELDS : FIELDS.replace(',brstack', '');
    const read = (file: string): Outcome => run([perf as string, 'script', '-i', file, '-F', fields], { cwd: dir, env });
    const [a, b] = [read('in.data'), read('out.data')];
    complaints.push(...ended('perf script', a), ...ended('perf script', b));
    const samples = a.stdout
      .toString()
      .split('\n')
      .filter((l) => /^ *\d+ /.test(l)).length;
    if (a.stdout.length === 0) complaints.push('no samples');
    const differs = difference('perf script', withoutCycles(b.stdout), withoutCycles(a.stdout));
    if (differs !== undefined) complaints.push(differs);
    suite.judge(`perf record: ${name}`, complaints, `${samples} samples, inside and outside the same`);
  }
  for (const args of [
    ['script', '-i', 'in.data'],
    ['report', '--stdio', '-q', '-i', 'in.data'],
    ['evlist', '-v', '-i', 'in.data'],
  ]) {
    const guest = inside('perf', ...args);
    const host = run([perf as string, ...args], { cwd: dir, env });
    const differs = difference('stdout', host.stdout, guest.stdout);
    suite.judge(`perf ${args[0]} inside as on the host`, [...ended('perf inside', guest), ...(differs === undefined ? [] : [differs])]);
  }
  const frequency = inside('perf', 'record', '-q', '-F', '999', '-o', 'f.data', '--', ...prog('fib', '29'));
  const text = run([perf as string, 'script', '-i', 'f.data', '-F', 'time,event'], { cwd: dir, env }).stdout.toString();
  const samples = text.split('\n').filter((l) => l.includes('cycles')).length;
  suite.judge(
    'perf record -F 999, its default event',
    [...ended('perf', frequency), ...(samples > 3 ? [] : [`${samples} samples`])],
    `${samples} samples`,
  );
}

// ---- folders of others' tests

/** A program's last word in capitals: PASSED, SKIPPED … as perf_event_tests print it. */
const verdictOf = (text: string): string =>
  / ([A-Z][A-Z ]+)$/.exec(
    text
      .trimEnd()
      .split('\n')
      .findLast((l) => / [A-Z][A-Z ]+$/.test(l)) ?? '',
  )?.[1] ?? '';

function others(folder: string): void {
  for (const name of readdirSync(folder).sort()) {
    const file = join(folder, name);
    const s = statSync(file);
    if (!s.isFile() || (s.mode & 0o111) === 0 || name.endsWith('.sh')) continue;
    const o = run(perfglass('run', '--', file), { cwd: folder, env: { ...env, TESTS_QUIET: 'y' }, limit: 600 });
    const verdict = verdictOf(o.stdout.toString());
    const what = `${basename(folder)}/${name}`;
    const broken = leaks(o.stderr.toString());
    if (o.timedOut) suite.fail(what, 'does not end within 600 s');
    else if (broken.length > 0) suite.judge(what, broken);
    else if (o.status === 0) suite.pass(what, verdict);
    else if (verdict === 'SKIPPED') suite.skip(what, verdict);
    else suite.fail(what, `${verdict === '' ? o.stdout.toString().trim() : verdict}, status ${o.status}`);
  }
}

try {
  mkdirSync(dir, { recursive: true });
  if (folders.length > 0) for (const f of folders) others(f);
  else {
    abi();
    if (perf === undefined) suite.skip('perf', "Debian's perf (package linux-perf) is not installed");
    else {
      const childEnv = perfsEnvironment();
      stat(childEnv);
      record(childEnv);
    }
  }
} finally {
  rmSync(dir, { recursive: true, force: true });
}
suite.end();
