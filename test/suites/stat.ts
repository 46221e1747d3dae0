/**
 * `stat` against Debian's perf: what perf inside the modelled computer prints of the same program, and what perf on the host prints of software
 * events. Numbers that time decides differ between the two, so lines are compared with their numbers blanked; counts of user instructions exactly.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { leaks, perfglass, PROGRAMS } from '../lib/perfglass.ts';
import { ENV, type Outcome, run, which } from '../lib/run.ts';
import { Suite } from '../lib/suite.ts';

const suite = new Suite('stat');
const dir = mkdtempSync(join(tmpdir(), 'perfglass-stat-'));
const perf = which('perf');
const env = { ...ENV, HOME: dir };
const FIB = [`${PROGRAMS}fib`, '29'];
const FORKPIPE = [`${PROGRAMS}forkpipe`];

const ours = (...args: string[]): Outcome => run(perfglass('stat', ...args), { cwd: dir, env, limit: 60 });
const inside = (...args: string[]): Outcome => run(perfglass('run', '--', 'perf', 'stat', ...args), { cwd: dir, env, limit: 60 });
const text = (o: Outcome): string => o.stderr.toString();

/** Numbers blanked, our marks and messages left out. */
const shape = (s: string): string =>
  s
    .replaceAll(' (modelled)', '')
    .replace(/^ modelled, see .*\n/gm, '')
    .replace(/^perfglass: .*\n/gm, '')
    .replaceAll(/ [KMG]\/sec/g, ' /sec')
    .replaceAll(/,[KMG]\/sec/g, ',/sec')
    .replaceAll(/"[KMG]\/sec/g, '"/sec')
    .replaceAll(/ +(<not counted>|[\d,]*\.?\d+)/g, (m) => `${' '.repeat(m.length)}`)
    .replaceAll(/\d[\d.]*/g, '#')
    .replaceAll(/[ \t]+/g, ' ')
    .trim();

function same(name: string, a: string, b: string): void {
  const [x, y] = [shape(a), shape(b)];
  suite.judge(name, x === y && x !== '' ? [] : [`ours:\n${x}\nperf's:\n${y}`]);
}

/** perf inside, perf on the host or nothing, beside ours. */
function formats(): void {
  const E = 'instructions:u,task-clock,page-faults';
  const cases: [string, string[]][] = [
    ['-a', ['-a', '-e', E]],
    ['-a -A -x,', ['-a', '-A', '-x,', '-e', E]],
    ['-a -A -j', ['-a', '-A', '-j', '-e', E]],
    ['-x, --summary', ['-x,', '--summary', '-e', E]],
    ['-n', ['-n']],
    ['-I -A', ['-I', '1000', '-a', '-A', '-e', E]],
    ['-I --summary', ['-I', '1000', '--summary', '-e', E]],
    ['-I -j', ['-I', '1000', '-j', '-e', E]],
    ['--no-scale, a group', ['--no-scale', '-x,', '-e', '{instructions:u,branches:u},task-clock']],
  ];
  for (const [name, args] of cases) {
    const [a, b] = [ours(...args, '--', ...FORKPIPE), inside(...args, '--', ...FORKPIPE)];
    if (leaks(text(a)).length > 0) suite.judge(name, leaks(text(a)));
    else same(`${name}: as perf inside`, text(a), text(b));
  }
}

/** Tasks have other names and numbers inside: perf on the host, of a shell that computes, shows the lines. */
function threads(): void {
  const E = 'task-clock,page-faults';
  const busy = spawn('sh', ['-c', 'while :; do :; done'], { stdio: 'ignore' });
  try {
    for (const option of ['-p', '-t']) {
      for (const more of [[], ['--per-thread'], ['--per-thread', '-j']]) {
        const name = `${option} ${more.join(' ')}: perf's lines`;
        const a = text(ours(option, '1000', ...more, '-e', E, '--', ...FORKPIPE)).replaceAll('forkpipe-', 'sh-');
        const b = text(run([perf as string, 'stat', option, String(busy.pid), ...more, '-e', E, '--', 'sleep', '0.2'], { cwd: dir, env }));
        if (!b.includes('task-clock') || b.includes('not supported')) suite.skip(name, 'the host lets nobody count');
        else same(name, a, b);
      }
    }
  } finally {
    busy.kill('SIGKILL');
  }
}

const field = (o: Outcome, event: string): number[] =>
  text(o)
    .split('\n')
    .map((l) => l.split(','))
    .flatMap((f) => (f.includes(event) ? [Number(f[f.indexOf(event) - 2])] : []));

function counts(): void {
  const E = ['-x,', '-e', 'instructions:u'];
  const [whole = NaN] = field(ours(...E, '--', ...FIB), 'instructions:u');
  const theirs = inside(...E, '--', ...FIB);
  const [perfs = NaN] = field(theirs, 'instructions:u');
  suite.judge('the count is perf’s', Math.abs(whole - perfs) < 2000 ? [] : [`ours ${whole}, perf's ${perfs}`], `${whole} instructions`);
  const parts = field(ours('-I', '1', ...E, '--', ...FIB), 'instructions:u');
  const sum = parts.reduce((a, b) => a + b, 0);
  suite.judge('-I: the intervals are the whole', sum === whole && parts.length === 9 ? [] : [`${parts.join('+')} = ${sum}, not ${whole}`]);
  const times = text(ours('-I', '2', ...E, '--', ...FIB)).matchAll(/^ +(\d+\.\d+),/gm);
  const late = [...times].slice(0, -1).filter(([, t], i) => Math.abs(Number(t) - (i + 1) * 0.002) > 1e-6);
  suite.judge(
    '-I: intervals end on the modelled clock',
    late.map(([, t]) => `an interval ends at ${t}`),
  );
  const two = field(ours('-I', '1', '--interval-count', '2', ...E, '--', ...FIB), 'instructions:u');
  suite.judge('--interval-count', two.length === 2 && two[0] === parts[0] ? [] : [two.join()]);
  const [late4 = NaN] = field(ours('-D', '4', ...E, '--', ...FIB), 'instructions:u');
  const after = parts.slice(4).reduce((a, b) => a + b, 0);
  suite.judge('-D: what comes after', late4 === after ? [] : [`${late4}, intervals say ${after}`]);
  const cut = ours('--timeout', '4', ...E, '--', ...FIB);
  const [until = NaN] = field(cut, 'instructions:u');
  const before = parts.slice(0, 4).reduce((a, b) => a + b, 0);
  suite.judge(
    '--timeout: SIGTERM then',
    Math.abs(until - before) < 100 && cut.status === 143 ? [] : [`${until} of ${before}, status ${cut.status}`],
  );
  const asleep = ours('--timeout', '70', '-x,', '-e', 'task-clock', '--', 'sleep', '5');
  suite.judge('--timeout ends a sleep', asleep.status === 143 ? [] : [`status ${asleep.status}`]);
  const [all = NaN] = field(ours('-a', ...E, '--', ...FORKPIPE), 'instructions:u');
  const [tree = NaN] = field(ours(...E, '--', ...FORKPIPE), 'instructions:u');
  const [alone = NaN] = field(ours('-i', ...E, '--', ...FORKPIPE), 'instructions:u');
  const children = field(ours('-p', '1001-1002', '--per-thread', ...E, '--', ...FORKPIPE), 'instructions:u').reduce((a, b) => a + b, 0);
  const [both = NaN] = field(ours('-t', '1001,1002', ...E, '--', ...FORKPIPE), 'instructions:u');
  suite.judge('-a is the command and what it forks', all === tree ? [] : [`${all}, ${tree}`]);
  suite.judge(
    '-i and -p are the two parts',
    alone < tree && children === both && children > 0 ? [] : [`${alone}, ${children}, ${both} of ${tree}`],
  );
  const never = text(ours('-p', '4000', ...E, '--', ...FORKPIPE));
  suite.judge('a pid that never comes', /no task had pid 4000/.test(never) && /<not counted>/.test(never) ? [] : [never]);
}

function refusals(): void {
  const cases: [string[], RegExp][] = [
    [['--interval-count', '2'], /interval-count option should be used together with interval-print/],
    [['-I', '10', '--timeout', '20'], /timeout option is not supported with interval-print/],
    [['-A'], /-A: .*only available in system-wide mode/],
    [['--per-thread'], /only available when monitoring via -p -t -a/],
    [['-x,', '-B'], /-B option not supported with -x/],
    [['-C', '1'], /no CPU 1/],
    [['-M', 'IPC'], /-M: /],
    [['--metric-only'], /--metric-only: /],
    [['--for-each-cgroup', 'a'], /--for-each-cgroup: .*cgroup/],
    [['--per-core'], /--per-core: .*one CPU/],
  ];
  for (const [args, want] of cases) {
    const o = ours(...args, '--', ...FORKPIPE);
    suite.judge(`refused: ${args.join(' ')}`, o.status === 129 && want.test(text(o)) ? [] : [`status ${o.status}: ${text(o)}`]);
  }
  const over = ours('-a', '-p', '1000', '-e', 'instructions:u', '--', ...FORKPIPE);
  suite.judge('-a -p: perf’s warning', /PID\/TID switch overriding SYSTEM/.test(text(over)) ? [] : [text(over)]);
  const none = ours('--quiet', '-e', 'instructions:u', '--', ...FORKPIPE);
  suite.judge('--quiet', text(none) === '' && none.status === 0 ? [] : [text(none)]);
  ours('-o', 'out', '-x,', '-e', 'page-faults', '--', ...FORKPIPE);
  ours('-o', 'out', '--append', '-x,', '-e', 'page-faults', '--', ...FORKPIPE);
  const heads = readFileSync(join(dir, 'out'), 'utf8').split('# started on').length - 1;
  suite.judge('-o --append', heads === 2 ? [] : [`${heads} headers`]);
}

/** Ctrl-C prints what there is; perf says the same of a program that SIGINT ends. */
function interrupt(): Promise<void> {
  const [node, ...args] = perfglass('stat', '-I', '1000000', '-e', 'instructions:u', '--', `${PROGRAMS}fib`, '45');
  const child = spawn(node as string, args, { cwd: dir, env, stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.on('data', (d: Buffer) => (said += d.toString()));
  const timer = setTimeout(() => child.kill('SIGINT'), 4000);
  return new Promise((done) => {
    child.on('close', (status) => {
      clearTimeout(timer);
      const counted = /^ +\d+\.\d{9} +[\d,]+ +instructions:u/m.test(said);
      suite.judge('Ctrl-C prints what was counted', counted && status === 130 ? [] : [`status ${status}: ${said}`]);
      done();
    });
  });
}

try {
  counts();
  refusals();
  await interrupt();
  if (perf === undefined) suite.skip('formats', "Debian's perf (package linux-perf) is not installed");
  else {
    formats();
    threads();
  }
} finally {
  rmSync(dir, { recursive: true, force: true });
}
suite.end();
