/**
 * Recordings against Debian's perf: it reads each without a word of complaint, prints the same lines as our `script`, `script -D` and `evlist`;
 * two recordings are the same bytes; ledgers close and their samples stand in the file; and what goes wrong leaves a readable file.
 * `node test/suites/record.ts WORD…` runs the cases whose name contains a word.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { leaks, perfglass, PROGRAMS } from '../lib/perfglass.ts';
import { ENV, type Outcome, run, which } from '../lib/run.ts';
import { difference, Suite } from '../lib/suite.ts';

const suite = new Suite('record');
const wanted = process.argv.slice(2).filter((a) => !a.startsWith('--'));
const dir = mkdtempSync(join(tmpdir(), 'perfglass-record-'));
const env = { ...ENV, HOME: dir };
const perf = which('perf');

interface Case {
  readonly name: string;
  readonly options: readonly string[];
  readonly command: readonly string[];
  /** -c of a case with one task and one event, in which each period must be a sample. */
  readonly period?: number;
  /** What the file must hold by its kind: PERF_RECORD_ names as `perf script -D` prints them. */
  readonly holds?: readonly string[];
  /** perf unwinds user stacks from their bytes, ours does not. */
  readonly unwound?: boolean;
  /** The program's own exit status; default 0. */
  readonly status?: number;
  /** Records are to be lost: recorder and reader say so. */
  readonly loses?: boolean;
  /** Each kernel callchain ends where the kernel is entered. */
  readonly kernelChains?: boolean;
}

const prog = (name: string, ...args: string[]): string[] => [`${PROGRAMS}${name}`, ...args];
const CASES: readonly Case[] = [
  { name: 'callchains', options: ['-e', 'instructions:u', '-c', '10007', '-g'], command: prog('recurse'), period: 10_007, status: 3 },
  {
    name: 'kernel too, period, CPU',
    options: ['-e', 'instructions', '-c', '20011', '-P', '--sample-cpu', '-g'],
    command: prog('files'),
    kernelChains: true,
  },
  {
    name: 'group read by its leader',
    options: ['-e', '{instructions,cycles}:S,page-faults', '-c', '10007', '-g'],
    command: prog('forkpipe'),
  },
  {
    name: 'several events, forks and switches',
    options: ['-e', 'instructions:u,branches:u', '-c', '5003', '--switch-events'],
    command: prog('forkpipe'),
    holds: ['FORK(', 'EXIT(', 'SWITCH'],
  },
  {
    name: 'wall clock',
    options: ['-k', 'realtime', '-e', 'page-faults,cpu-clock', '-c', '20000', '--switch-events'],
    command: prog('forkpipe'),
  },
  { name: 'frequency', options: ['-F', '9999'], command: prog('fib', '27') },
  { name: 'registers, zstd', options: ['-e', 'instructions', '-c', '3001', '-I', '--user-regs', '-d', '-z'], command: prog('strings') },
  { name: 'throttled', options: ['-e', 'cycles:u', '-c', '5000'], command: prog('fib', '29'), holds: ['THROTTLE', 'UNTHROTTLE'] },
  {
    name: 'a ring that is too small',
    loses: true,
    options: ['-e', 'instructions:u', '-c', '503', '-I', '-m', '1', '--max-sample-rate', '100000000'],
    command: prog('fib', '22'),
    holds: ['LOST'],
  },
  {
    name: 'freezing handler',
    options: ['-e', 'instructions:u', '-c', '10007', '--pmi', 'freeze-on-overflow', '--pmi-latency', '7..300c'],
    command: prog('sieve'),
  },
  { name: 'identifier', options: ['-e', 'branches:u', '-c', '1009', '--sample-identifier'], command: prog('fib', '15'), period: 1009 },
  { name: 'branches', options: ['-e', 'instructions:u', '-c', '20011', '-b'], command: prog('interp') },
  {
    name: 'branches on architectural LBR, calls of both rings',
    options: ['--cpu', 'sapphirerapids', '-e', 'instructions', '-c', '5003', '-j', 'any_call,save_type'],
    command: prog('files'),
  },
  { name: 'callchains by LBR', options: ['-e', 'instructions:u', '-c', '40009', '--call-graph', 'lbr'], command: ['/bin/ls', '/usr'] },
  {
    name: 'user stacks',
    options: ['-e', 'instructions:u', '-c', '200003', '--call-graph', 'dwarf,2048'],
    command: ['/bin/ls', '/'],
    unwound: true,
  },
  {
    name: 'the whole computer',
    options: ['-a', '-e', 'instructions,cpu-clock', '-c', '20011', '--switch-events'],
    command: prog('forkpipe'),
    holds: ['SWITCH_CPU_WIDE', 'FORK(', 'EXIT('],
  },
  { name: 'by time', options: ['-e', 'cpu-clock', '-F', '20000', '-g'], command: prog('files'), kernelChains: true },
  { name: 'page faults, each', options: ['-e', 'page-faults', '-c', '3', '-P', '-d'], command: prog('files') },
  { name: 'a child by its pid', options: ['-p', '1002', '-e', 'instructions:u', '-c', '1009'], command: prog('forkpipe'), holds: ['COMM'] },
  { name: 'counts of ended children', options: ['-s', '-e', 'instructions:u', '-c', '2003'], command: prog('forkpipe'), holds: ['READ'] },
  {
    name: 'a thousand children',
    options: ['-e', 'instructions:u', '-c', '100003'],
    command: ['/bin/sh', '-c', 'i=0; while [ $i -lt 1000 ]; do (:); i=$((i+1)); done'],
    holds: ['FORK(', 'EXIT('],
  },
  { name: 'ls', options: ['-e', 'instructions:u', '-c', '50021', '-g'], command: ['/bin/ls', '/usr'] },
  {
    name: 'python',
    options: ['-e', 'instructions:u', '-c', '1000003', '-g'],
    command: ['/usr/bin/python3', '-S', '-c', 'print(sum(range(10000)))'],
  },
];

/** `about`: what it may speak of. */
const quiet = (what: string, o: Outcome, status = 0, about?: RegExp): string[] => {
  const out: string[] = [];
  if (o.timedOut) out.push(`${what} hangs`);
  if (o.status !== status) out.push(`${what} ends with ${o.status}`);
  if (o.stderr.length > 0 && about?.test(o.stderr.toString()) !== true) out.push(`${what} says: ${o.stderr.toString().trim()}`);
  return out;
};

/** `Unknown@plt` and the like: perf makes names for the linker's jump tables, ours does not. Such lines are compared without the name. */
const withoutPlt = (theirs: Buffer, ours: Buffer): [Buffer, Buffer] => {
  const a = theirs.toString('latin1').split('\n');
  const b = ours.toString('latin1').split('\n');
  for (const [i, line] of a.entries()) {
    if (!/ \S+@plt\+0x[0-9a-f]+ \(/.test(line) || b[i] === undefined) continue;
    const cut = (s: string): string => s.replace(/( [0-9a-f]{3,16}) .*(\([^)]*\))$/, '$1 $2');
    a[i] = cut(line);
    b[i] = cut(b[i]);
  }
  return [Buffer.from(a.join('\n'), 'latin1'), Buffer.from(b.join('\n'), 'latin1')];
};

interface Books {
  readonly complaints: string[];
  readonly delivered: number;
  readonly due: number;
  readonly lost: number;
  readonly counted: number;
}

/** Reads the ledger file and does its sums again. */
function books(text: string): Books {
  const complaints: string[] = [];
  const sum = (list: string): number => [...list.matchAll(/(\d+) /g)].reduce((n, m) => n + Number(m[1]), 0);
  let [delivered, due, lostSamples, counted] = [0, 0, 0, 0];
  for (const m of text.matchAll(/events +true (\d+) \+ over (\d+) = counted (\d+) \+ lost: (.*)/g)) {
    counted += Number(m[3]);
    if (Number(m[1]) + Number(m[2]) !== Number(m[3]) + sum(`${m[4]} `)) complaints.push(`ledger: ${m[0]}`);
  }
  for (const m of text.matchAll(/samples +due (\d+) = delivered (\d+) \+ lost: (.*)/g)) {
    due += Number(m[1]);
    delivered += Number(m[2]);
    lostSamples += sum(`${m[3]} `);
    if (Number(m[1]) !== Number(m[2]) + sum(`${m[3]} `)) complaints.push(`sample book: ${m[0]}`);
  }
  if (due === 0) complaints.push('no sample was due');
  return { complaints, delivered, due, lost: lostSamples, counted };
}

function recordInto(file: string, c: Case): { outcome: Outcome; ledger: string } {
  const ledger = join(file, 'ledger');
  const outcome = run(perfglass('record', '-q', '-o', 'perf.data', '--ledger', 'ledger', ...c.options, '--', ...c.command), {
    cwd: file,
    env,
    limit: 60,
  });
  return { outcome, ledger: existsSync(ledger) ? readFileSync(ledger, 'utf8') : '' };
}

function check(c: Case): void {
  const [one, two] = ['a', 'b'].map((n) => join(dir, n));
  for (const d of [one, two]) {
    rmSync(d as string, { recursive: true, force: true });
    mkdirSync(d as string);
  }
  const first = recordInto(one as string, c);
  const complaints = quiet('record', first.outcome, c.status, c.loses === true ? /^perfglass: \d+ records found no room/ : undefined);
  if (complaints.length > 0) return suite.judge(c.name, complaints);
  recordInto(two as string, c);
  const file = join(one as string, 'perf.data');
  const different = difference('the second recording', readFileSync(file), readFileSync(join(two as string, 'perf.data')));
  if (different !== undefined) complaints.push(different);

  const ledger = books(first.ledger);
  complaints.push(...ledger.complaints);
  if (c.period !== undefined && Math.floor(ledger.counted / c.period) !== ledger.due)
    complaints.push(`${ledger.counted} events at a period of ${c.period}, but ${ledger.due} samples were due`);

  const options = { cwd: one as string, env };
  const theirs = (...args: string[]): Outcome => run([perf as string, ...args], options);
  const ours = (...args: string[]): Outcome => run(perfglass(...args), options);
  const dump = theirs('script', '-D');
  const lines = theirs('script');
  const loss = c.loses === true ? /^Warning:\nProcessed \d+ events and lost \d+ chunks!\n\nCheck IO\/CPU overload!\n*$/ : undefined;
  complaints.push(...quiet('perf script', lines, 0, loss), ...quiet('perf script -D', dump, 0, loss));
  for (const args of [
    ['report', '--header-only'],
    ['report', '--stdio'],
    ['evlist', '-v'],
  ])
    complaints.push(...quiet(`perf ${args.join(' ')}`, theirs(...args), 0, loss));
  const samples = (dump.stdout.toString('latin1').match(/PERF_RECORD_SAMPLE/g) ?? []).length;
  if (samples !== ledger.delivered) complaints.push(`${ledger.delivered} samples delivered, ${samples} in the file`);
  for (const kind of c.holds ?? [])
    if (!dump.stdout.toString('latin1').includes(`PERF_RECORD_${kind}`)) complaints.push(`no PERF_RECORD_${kind}`);
  const pairs: [string, Outcome, Outcome][] = [['evlist -v', theirs('evlist', '-v'), ours('evlist', '-v')]];
  if (c.unwound !== true) pairs.push(['script', lines, ours('script')], ['script -D', dump, ours('script', '-D')]);
  for (const [what, a, b] of pairs) {
    const differs = difference(what, ...withoutPlt(a.stdout, b.stdout));
    if (differs !== undefined) complaints.push(differs);
  }
  if (c.kernelChains === true) complaints.push(...openChains(lines.stdout.toString('latin1')));
  suite.judge(c.name, complaints, `${samples} samples, ${ledger.lost} lost by name`);
}

/** Kernel callchains whose last frame is no entry into the kernel. */
function openChains(text: string): string[] {
  const out: string[] = [];
  let chains = 0;
  for (const sample of text.split('\n\n')) {
    const last = sample.split('\n').findLast((l) => l.includes('([kernel.kallsyms])'));
    if (last === undefined) continue;
    chains++;
    if (!/ (entry_SYSCALL_64|asm_\w+|error_return|ret_from_fork_asm|default_idle|schedule)\+0x/.test(last))
      out.push(`kernel callchain ends in ${last.trim()}`);
  }
  if (chains === 0) out.push('no kernel callchain');
  return out.slice(0, 3);
}

/** A bad end: no stack trace, the status asked for, and a file that perf reads (when there is one). */
function bad(name: string, outcome: Outcome, status: number, says: RegExp, file?: string): void {
  const complaints = leaks(outcome.stderr.toString());
  if (outcome.timedOut) complaints.push('hangs');
  if (outcome.status !== status) complaints.push(`ends with ${outcome.status}, not ${status}`);
  if (!says.test(outcome.stderr.toString())) complaints.push(`says ${JSON.stringify(outcome.stderr.toString())}, not ${says}`);
  let found = '';
  if (file !== undefined) {
    const read = run([perf as string, 'script', '-i', file], { cwd: dir, env });
    complaints.push(...quiet('perf script', read));
    found = `${read.stdout.toString().split('\n').length - 1} lines readable`;
    if (read.stdout.length === 0) complaints.push('the file has no samples');
  }
  suite.judge(name, complaints, found);
}

function badInput(): void {
  const fib = prog('fib', '20');
  const at = (...args: string[]): Outcome => run(perfglass('record', ...args), { cwd: dir, env, limit: 30 });
  bad('unwritable -o', at('-o', '/nowhere/x', '--', ...fib), 1, /failed to open \/nowhere\/x for writing: ENOENT/);
  bad('-c with -F', at('-c', '100', '-F', '100', '--', ...fib), 129, /-c or -F/);
  const three = run(perfglass('record', '-o', 'three', '-m', '3', '--', ...fib), { cwd: dir, env });
  bad('-m 3', three, 0, /rounded to 4 pages, a power of two/, 'three');
  bad('-m 0', at('-m', '0', '--', ...fib), 129, /at least one page/);
  bad('-m 2G', at('-m', '2G', '--', ...fib), 129, /at most 1G/);
  bad('-a with -p', at('-a', '-p', '1000', '--', ...fib), 129, /-a and -p exclude each other/);
  bad('a CPU that is not there', at('-C', '0-3', '--', ...fib), 129, /there is no CPU 1/);
  bad('a pid that never comes', at('-p', '77', '--', ...fib), 0, /no task had pid 77/);
  flight();
  bad('unknown call graph', at('--call-graph', 'orc', '--', ...fib), 129, /fp, dwarf/);
  bad('unknown event', at('-e', 'cycels', '--', ...fib), 129, /did you mean/);
  bad('no command', at('-e', 'cycles'), 129, /what to record/);
  bad('PEBS', at('-e', 'cycles:pp', '--', ...fib), 1, /PEBS/);
  bad('a full device', at('-o', '/dev/full', '--', ...fib), 1, /ENOSPC/);

  const mounted = join(dir, 'small');
  mkdirSync(mounted);
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', mounted]).status !== 0)
    suite.skip('a full disk', 'no right to mount a small one');
  else {
    try {
      const file = join(mounted, 'perf.data');
      const full = at('-e', 'instructions:u', '-c', '503', '--max-sample-rate', '100000000', '-o', file, '--', ...prog('fib', '24'));
      bad('a full disk', full, 1, /ENOSPC: the recording ends here/, file);
    } finally {
      spawnSync('umount', [mounted]);
    }
  }
  const script = `${perfglass('record', '-q', '-e', 'instructions:u', '-c', '503', '-m', '4', '--max-sample-rate', '100000000', '-o', '-', '--', ...prog('fib', '24')).join(' ')} | head -c 5000 > cut; echo "\${PIPESTATUS[0]}"`;
  const piped = run(['/bin/bash', '-c', script], { cwd: dir, env });
  bad('a closed pipe', { ...piped, status: Number(piped.stdout.toString()) }, 1, /EPIPE/);
}

/** --overwrite: the newest samples, without a hole among them, and the program's mappings. */
function flight(): void {
  const fib = prog('fib', '25');
  const options = ['--max-sample-rate', '100000000', '-e', 'instructions:u', '-c', '1009'];
  const [all, last] = [[], ['--overwrite', '-m', '4']].map((more, i) => {
    run(perfglass('record', '-q', '-o', `flight${i}`, ...options, ...more, '--', ...fib), { cwd: dir, env });
    return run([perf as string, 'script', '-F', 'time,ip,sym', '-i', `flight${i}`], { cwd: dir, env }).stdout.toString();
  });
  const complaints: string[] = [];
  const count = (last ?? '').split('\n').length - 1;
  if (count < 50) complaints.push(`only ${count} samples`);
  if (all?.endsWith(last ?? '') !== true) complaints.push('they are not the last ones of the whole recording');
  suite.judge('a flight recorder keeps the newest', complaints, `${count} samples`);
}

/** SIGINT in the middle: the program ends by it, the file is complete. */
async function interrupted(): Promise<void> {
  const file = join(dir, 'int.data');
  const [node, ...args] = perfglass('record', '-e', 'instructions:u', '-c', '100003', '-m', '4', '-o', file, '--', ...prog('fib', '38'));
  const child = spawn(node as string, args, { env, stdio: ['ignore', 'ignore', 'pipe'] });
  const said: Buffer[] = [];
  child.stderr.on('data', (b: Buffer) => said.push(b));
  // Once samples are in the file, however slow the machine is.
  const poll = setInterval(() => {
    if (!existsSync(file) || statSync(file).size < 10_000) return;
    clearInterval(poll);
    child.kill('SIGINT');
  }, 200);
  const status = await new Promise<number>((resolve) => child.on('exit', (code, signal) => resolve(signal === null ? (code ?? 1) : -1)));
  clearInterval(poll);
  const outcome = { stdout: Buffer.alloc(0), stderr: Buffer.concat(said), status, signal: null, timedOut: false };
  bad('Ctrl-C', outcome, 130, /Captured and wrote/, file);
}

try {
  if (perf === undefined) suite.skip('everything', "Debian's perf (package linux-perf) is not installed");
  else {
    for (const c of CASES) {
      if (wanted.length > 0 && !wanted.some((w) => c.name.includes(w))) continue;
      const missing = c.command.slice(0, 1).filter((p) => which(p.slice(p.lastIndexOf('/') + 1)) === undefined && p.startsWith('/usr'));
      if (missing.length > 0) suite.skip(c.name, `${missing[0]} is not there`);
      else check(c);
    }
    if (wanted.length === 0 || wanted.includes('bad')) {
      badInput();
      await interrupted();
    }
  }
} finally {
  rmSync(dir, { recursive: true, force: true });
}
suite.end();
