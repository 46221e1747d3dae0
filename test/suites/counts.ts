/**
 * `perfglass stat -e instructions:u,branches:u -x, -- PROG` equals qemu-user with a per-instruction plugin, to the last instruction, for every
 * freestanding program; output and exit status equal the native run's. What `branches` means: docs/model.md, "branches".
 */
import { type Counts, count, missing } from '../oracle/count.ts';
import { PROGRAMS, SELF, leaks, perfglass } from '../lib/perfglass.ts';
import { run } from '../lib/run.ts';
import { Suite, difference } from '../lib/suite.ts';

interface Case {
  readonly name: string;
  readonly args?: readonly string[];
  readonly faultAtFetch?: boolean;
}

const CASES: readonly Case[] = [
  { name: 'fib' },
  { name: 'sieve' },
  { name: 'hash' },
  { name: 'interp' },
  { name: 'recurse' },
  { name: 'flow' },
  { name: 'sums' },
  { name: 'strings' },
  ...['000', '001', '999'].map((n) => ({ name: 'repcount', args: [n] })),
  { name: 'div', args: ['200'] },
  { name: 'wide', args: ['300'] },
  { name: 'syscalls', args: ['200'] },
  { name: 'calls', args: ['300', '1'] },
  { name: 'forkpipe' },
  { name: 'smc' },
  { name: 'sigfpe' },
  { name: 'sigfpe', args: ['1'] },
  { name: 'sigfpe', args: ['2'] },
  { name: 'sigsegv' },
  { name: 'sigsegv', args: ['1'] },
  { name: 'sigsegv', args: ['2'], faultAtFetch: true },
  { name: 'sigsegv', args: ['3'] },
  { name: 'sigsegv', args: ['4'] },
  { name: 'sigsegv', args: ['5'] },
  { name: 'sigsegv', args: ['6'] },
  { name: 'sigill' },
  { name: 'sigabrt' },
  { name: 'sigabrt', args: ['9'] },
  { name: 'sigabrt', args: ['17'] },
];

/** `-x,` of perf stat: value,unit,event,… one line per event. */
function parseStat(text: string): Map<string, string> {
  const values = new Map<string, string>();
  for (const line of text.split('\n')) {
    const field = line.split(',');
    if (field[0] !== undefined && field[2] !== undefined) values.set(field[2], field[0]);
  }
  return values;
}

const suite = new Suite('counts');
const why = missing();
if (why !== undefined) {
  suite.skip('all', why);
} else {
  const repeats = new Set<number>();
  for (const c of CASES) {
    const argv = [PROGRAMS + c.name, ...(c.args ?? [])];
    const title = [c.name, ...(c.args ?? [])].join(' ');
    const complaints: string[] = [];
    const native = run(argv);
    const oracle: { counts: Counts; outcome: ReturnType<typeof run> } = count(argv, { faultAtFetch: c.faultAtFetch ?? false });
    if (oracle.outcome.status !== native.status) complaints.push(`qemu itself ends with ${oracle.outcome.status}, native ${native.status}`);
    if (c.name === 'repcount') repeats.add(oracle.counts.instructions);
    const detail = `${oracle.counts.instructions} instructions, ${oracle.counts.branches} branches, ${oracle.counts.processes} process(es)`;
    if (SELF) {
      suite.judge(title, complaints, `${detail} [oracle only]`);
      continue;
    }
    const stat = run(perfglass('stat', '-e', 'instructions:u,branches:u', '-x,', '--', ...argv));
    const text = stat.stderr.toString();
    complaints.push(...leaks(text));
    const values = parseStat(text);
    for (const [event, want] of [
      ['instructions:u', oracle.counts.instructions],
      ['branches:u', oracle.counts.branches],
    ] as const) {
      const got = values.get(event);
      if (got !== String(want))
        complaints.push(`${event}: the oracle has ${want}, perfglass ${got ?? 'nothing'} (${difference1(want, got)})`);
    }
    if (stat.status !== native.status) complaints.push(`exit status: native ${native.status}, perfglass ${stat.status}`);
    const out = difference('stdout', native.stdout, stat.stdout);
    if (out !== undefined) complaints.push(out);
    if (complaints.length > 0 && values.size === 0) complaints.push(`stderr: ${JSON.stringify(text.slice(0, 400))}`);
    suite.judge(title, complaints, detail);
  }
  // The oracle's own check: a REP retires once, so the count of moves makes no difference.
  suite.judge('a REP counts once in the oracle', repeats.size === 1 ? [] : [`repcount retires ${[...repeats].join(', ')}`]);
}
suite.end();

function difference1(want: number, got: string | undefined): string {
  const n = Number(got);
  return got === undefined || Number.isNaN(n) ? 'no number' : `${n - want > 0 ? '+' : ''}${n - want}`;
}
