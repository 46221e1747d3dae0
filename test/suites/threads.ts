/**
 * Threads: ten runs of a program with mutexes, condition variables and signals give the same counts and output; the retired path is the same
 * whatever is measured, the ledgers close, and what was inherited over threads and processes adds up to the same totals.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { AttrValues } from '../../src/kernel/perf/attr.ts';
import { perfglass, SELF } from '../lib/perfglass.ts';
import { run, which } from '../lib/run.ts';
import { runWith } from '../lib/session.ts';
import { Suite, difference } from '../lib/suite.ts';

const SOURCE = fileURLToPath(new URL('../debian/src/threads.c', import.meta.url));
const RUNS = 10;
const USER = { exclude_kernel: true } as const;
/** instructions:u, branches:u, then software clocks and a second hardware pair: more than there are counters. */
const MANY: readonly AttrValues[] = [
  { config: 1n, flags: USER },
  { config: 4n, flags: USER },
  { config: 0n },
  { config: 1n },
  { config: 4n },
  { type: 4, config: 0x82d0n, flags: USER },
  { type: 4, config: 0x81d0n, flags: USER },
  { type: 1, config: 1n },
  { type: 1, config: 2n },
  { type: 1, config: 3n },
];

const suite = new Suite('threads');
const dir = mkdtempSync(join(tmpdir(), 'perfglass-threads-'));
try {
  if (which('gcc') === undefined || SELF) suite.skip('all', SELF ? 'there is nothing to compare with' : 'gcc is not installed');
  else {
    for (const how of ['dynamic', 'static']) {
      const program = join(dir, how);
      run(['gcc', '-O1', '-pthread', ...(how === 'static' ? ['-static'] : []), '-o', program, SOURCE]);
      const once = (n: number): { stdout: Buffer; counts: Buffer } => {
        const file = join(dir, `counts${n}`);
        const events = 'instructions:u,branches:u,instructions:k,context-switches,page-faults';
        const done = run(perfglass('stat', '-x,', '-o', file, '-e', events, '--', program), { limit: 120 });
        return { stdout: done.stdout, counts: readFileSync(file) };
      };
      const first = once(0);
      const complaints: string[] = [];
      for (let i = 1; i < RUNS; i++) {
        const again = once(i);
        for (const d of [difference('stdout', first.stdout, again.stdout), difference('counts', first.counts, again.counts)])
          if (d !== undefined) complaints.push(`run ${i + 1}: ${d}`);
      }
      const count = /^(\d+),,instructions:u/m.exec(first.counts.toString())?.[1];
      if (count === undefined || first.stdout.length === 0) complaints.push('the program did not run');
      suite.judge(`${how}: ${RUNS} runs give the same counts and output`, complaints, `${count} instructions:u`);

      const path = runWith([program], [], { pathHash: true }).pathHash;
      const counted = runWith([program], MANY.slice(0, 2), { pathHash: true });
      const variants = [
        ['two events', counted],
        ['ten events, multiplexed', runWith([program], MANY, { pathHash: true })],
        ['sampling', runWith([program], [{ ...MANY[0], sample_period: 4999n }, ...MANY.slice(1, 2)], { pathHash: true })],
        [
          'sampling, freeze-on-overflow',
          runWith([program], [{ ...MANY[0], sample_period: 4999n }], { pathHash: true, handler: 'freeze-on-overflow' }),
        ],
      ] as const;
      const faults: string[] = [];
      for (const [what, ran] of variants) {
        if (ran.pathHash !== path) faults.push(`${what}: path ${ran.pathHash}, without events ${path}`);
        for (const [i, { account }] of ran.events.entries()) {
          if (account.imbalance !== 0) faults.push(`${what}: event ${i} is off by ${account.imbalance}`);
          if (i === 0 && account.true !== counted.events[0]?.account.true) faults.push(`${what}: instructions:u true ${account.true}`);
        }
      }
      suite.judge(`${how}: the retired path is the same whatever is measured, and ledgers close`, faults, path);
    }
  }
} finally {
  rmSync(dir, { recursive: true, force: true });
}
suite.end();
