/**
 * "Measuring never steers" for unmodified Debian programs: the hash of the retired path is the same with no event and with inherited groups in
 * frequency mode, groups that take turns, clocks that sample by time, branch stacks, events of the whole CPU, and a handler that freezes. Ledgers
 * and sample books of all of them close, and with `stop-in-handler` nothing is lost to freezing.
 */
import { existsSync } from 'node:fs';
import { PERF_SAMPLE_BRANCH } from '../../src/abi/perf-event/branch.ts';
import { PERF_SAMPLE } from '../../src/abi/perf-event/sample.ts';
import type { AttrValues } from '../../src/kernel/perf/attr.ts';
import { type Ran, runWith, type Wanted } from '../lib/session.ts';
import { Suite } from '../lib/suite.ts';

const TEXT = '/usr/share/common-licenses/GPL-2';
const PROGRAMS: readonly (readonly string[])[] = [
  ['/bin/ls', '-l', '/usr'],
  ['/usr/bin/sort', TEXT],
  ['/usr/bin/sha256sum', TEXT],
  ['/usr/bin/wc', TEXT],
  ['/bin/gzip', '-9c', TEXT],
  ['/bin/sed', '-n', 's/[Ll]icense/<&>/p', TEXT],
  ['/bin/grep', '-c', 'the .* of', TEXT],
  ['/usr/bin/awk', '{ n[length($1)]++ } END { for (i in n) print i, n[i] }', TEXT],
  ['/bin/bash', '-c', 'for i in 1 2 3; do (echo $i; sleep 0.01) | cat; done; wait'],
  ['/usr/bin/perl', '-e', 'my %h; $h{$_ % 97} += $_ for 1..3000; print join(",", map { $h{$_} } sort keys %h), "\\n"'],
];
/** Run in one of the ways only: with the programs above, those of the debian suite. */
const HELLO = new URL('../debian/src/hello.c', import.meta.url).pathname;
const CHECKOUT = new URL('../..', import.meta.url).pathname;
const ONCE: readonly (readonly string[])[] = [
  ['/bin/cat', TEXT],
  ['/usr/bin/xz', '-0c', TEXT],
  ['/bin/tar', 'cf', '-', '--sort=name', '/usr/share/common-licenses'],
  ['/usr/bin/find', '/usr/share/common-licenses', '-size', '-20', '-exec', 'wc', '-c', '{}', ';'],
  ['/bin/dd', `if=${TEXT}`, 'bs=100', 'count=50', 'conv=swab'],
  ['/usr/bin/env', 'A=1', 'env'],
  ['/bin/date', '-u', '+%s %j'],
  [
    '/usr/bin/python3',
    '-c',
    'import json, re, threading; t = threading.Thread(target=lambda: print(json.dumps(re.findall("a.", "abac")))); t.start()',
  ],
  ['/usr/bin/sqlite3', ':memory:', 'create table t(a, b); insert into t values (1, 2), (3, 4); select sum(a * b) from t;'],
  ['/usr/bin/gcc', '-O1', '-S', '-o', '-', HELLO],
  ['/usr/bin/make', '-j2', '-s', '--eval', 'all: a b', '--eval', `a b: ; @wc -l ${TEXT}`],
  ['/usr/bin/git', '--no-pager', '-c', 'safe.directory=*', '-C', CHECKOUT, 'log', '-2', '--stat'],
  ['/usr/bin/openssl', 'dgst', '-sha512', TEXT],
  ['/usr/bin/lua5.4', '-e', 'for i = 1, 99 do print(i, math.sin(i)) end'],
  ['/usr/bin/node', '-e', 'console.log([3, 1, 2].sort().join())'],
];

const USER = { exclude_kernel: true } as const;
const FREQUENCY = { freq: true } as const;
/** branches:u: only general-purpose counters count it. */
const GP: AttrValues = { config: 4n, flags: USER };
const VARIANTS: readonly (readonly [string, readonly (AttrValues | readonly AttrValues[])[], Wanted])[] = [
  [
    'groups, frequency mode',
    [
      [{ config: 1n, sample_period: 20_000n, flags: { ...USER, ...FREQUENCY } }, GP, { config: 0n, flags: USER }],
      { config: 0n, sample_period: 9000n, flags: FREQUENCY },
    ],
    {},
  ],
  [
    'groups that take turns',
    [[GP, GP, GP], [GP, GP, { ...GP, sample_period: 5003n }], { type: 1, config: 2n, sample_period: 7n }],
    { skid: '7..300c' },
  ],
  [
    'clocks and branch stacks',
    [
      { type: 1, config: 0n, sample_period: 50_000n },
      { type: 1, config: 1n, sample_period: 30_000n, flags: FREQUENCY },
      { config: 1n, sample_period: 30_011n, sample_type: PERF_SAMPLE.BRANCH_STACK, branch_sample_type: BigInt(PERF_SAMPLE_BRANCH.ANY) },
    ],
    {},
  ],
  [
    'the whole CPU, freezing',
    [{ config: 1n, sample_period: 10_007n }, [GP, { config: 0n }]],
    { wholeCpu: true, handler: 'freeze-on-overflow' },
  ],
];

const suite = new Suite('parity-debian');

function complaintsOf(name: string, ran: Ran, none: Ran, frozenAllowed: boolean): string[] {
  const out: string[] = [];
  if (ran.pathHash !== none.pathHash) out.push(`${name}: path ${ran.pathHash}, without events ${none.pathHash}`);
  if (ran.status !== none.status) out.push(`${name}: ended with ${ran.status}, without events with ${none.status}`);
  for (const [i, { account }] of ran.events.entries()) {
    if (account.imbalance !== 0) out.push(`${name}: ledger of event ${i} off by ${account.imbalance}`);
    if (account.samples.imbalance !== 0) out.push(`${name}: sample book of event ${i} off by ${account.samples.imbalance}`);
    if (!frozenAllowed && account.lost.frozen !== 0) out.push(`${name}: event ${i} lost ${account.lost.frozen} to freezing`);
  }
  return out;
}

for (const program of [...PROGRAMS, ...ONCE]) {
  const ways = ONCE.includes(program) ? VARIANTS.slice(2, 3) : VARIANTS;
  const label = program.slice(0, 2).join(' ');
  if (!existsSync(program[0] ?? '') || !existsSync(TEXT)) {
    suite.skip(label, 'not installed');
    continue;
  }
  const run = (events: Parameters<typeof runWith>[1], wanted: Wanted): Ran =>
    runWith(program, events, { ...wanted, memoryBytes: 256 << 20, pathHash: true });
  const none = run([], {});
  const complaints: string[] = [];
  let samples = 0;
  for (const [name, events, wanted] of ways) {
    const ran = run(events, wanted);
    complaints.push(...complaintsOf(name, ran, none, wanted.handler === 'freeze-on-overflow'));
    const taken = ran.events.reduce((n, e) => n + e.account.samples.delivered, 0);
    if (taken === 0) complaints.push(`${name}: no sample was taken`);
    samples += taken;
  }
  suite.judge(label, complaints, `${none.pathHash}, ${samples} samples in ${ways.length} ways`);
}
suite.end();
