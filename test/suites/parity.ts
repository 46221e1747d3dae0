/**
 * "Measuring never steers, sampling never counts otherwise." For 6 programs × 5 periods × 3 skids: with `stop-in-handler` the sampled event
 * and three beside it have the totals of a run that only counts; with `freeze-on-overflow` they miss exactly what the ledger calls frozen. All
 * ledgers close. And the hash of the retired path is the same with no event, ten events, sampling, and every handler.
 */
import type { AttrValues } from '../../src/kernel/perf/attr.ts';
import { type Ran, runWith, type Wanted } from '../lib/session.ts';
import { Suite } from '../lib/suite.ts';

const PROGRAMS: readonly (readonly string[])[] = [['fib', '15'], ['sieve'], ['interp'], ['recurse'], ['strings'], ['forkpipe']];
const PERIODS = [101n, 997n, 4096n, 10_007n, 100_003n];
const SKIDS = ['0i', '50i', '7..300c'];

const USER = { exclude_kernel: true } as const;
const SAMPLED: AttrValues = { config: 1n, flags: USER }; // instructions:u
const BESIDE: readonly AttrValues[] = [
  { config: 4n, flags: USER }, // branches:u
  { config: 0n, flags: USER }, // cycles:u
  { type: 4, config: 0x81d0n, flags: USER }, // MEM_INST_RETIRED.ALL_LOADS:u
];
/** Both rings: its books close too, with the residue of the handler as `over` (A23). */
const KERNEL_TOO: AttrValues = { config: 1n };
const EVENTS = [SAMPLED, ...BESIDE, KERNEL_TOO];

const suite = new Suite('parity');

/** Complaints about one run beside the counting run. */
function compare(counting: Ran, ran: Ran, freezes: boolean): string[] {
  const out: string[] = [];
  if (ran.status !== counting.status) out.push(`ended with ${ran.status} instead of ${counting.status}`);
  for (const [i, event] of ran.events.entries()) {
    const { account } = event;
    const want = counting.events[i]?.account.true ?? -1;
    const name = `event ${i}`;
    if (account.true !== want) out.push(`${name}: true ${account.true}, the counting run had ${want}`);
    if (account.imbalance !== 0) out.push(`${name}: ledger off by ${account.imbalance}`);
    if (account.samples.imbalance !== 0) out.push(`${name}: sample book off by ${account.samples.imbalance}`);
    if (event.count + account.lost.frozen - account.over !== want)
      out.push(`${name}: counted ${event.count}, frozen ${account.lost.frozen}, over ${account.over}: not ${want}`);
    if (i < 4 && account.over !== 0) out.push(`${name}: a :u event counted ${account.over} of perf's own work`);
    if (!freezes && account.lost.frozen !== 0) out.push(`${name}: ${account.lost.frozen} frozen with a handler that freezes nothing`);
  }
  if (ran.events[0]?.samples !== ran.events[0]?.account.samples.delivered) out.push('samples in the ring are not those delivered');
  return out;
}

for (const program of PROGRAMS) {
  const name = program.join(' ');
  const counting = runWith(program, EVENTS);
  const plain = compare(counting, counting, false);
  suite.judge(`${name}: counting closes its books`, plain, `${counting.events[0]?.count} instructions:u`);
  let samples = 0;
  let frozen = 0;
  const complaints: string[] = [];
  for (const period of PERIODS) {
    for (const skid of SKIDS) {
      const events = [{ ...SAMPLED, sample_period: period }, ...EVENTS.slice(1)];
      for (const handler of ['stop-in-handler', 'freeze-on-overflow'] as const) {
        const ran = runWith(program, events, { skid, handler });
        const freezes = handler === 'freeze-on-overflow';
        complaints.push(...compare(counting, ran, freezes).map((c) => `period ${period}, skid ${skid}, ${handler}: ${c}`));
        samples += ran.events[0]?.samples ?? 0;
        frozen += ran.events[0]?.account.lost.frozen ?? 0;
      }
    }
  }
  if (samples === 0) complaints.push('no sample was taken at all');
  if (frozen === 0 && (counting.events[0]?.count ?? 0) > 10_000) complaints.push('freezing lost nothing: nothing was tested');
  suite.judge(
    `${name}: ${PERIODS.length} periods × ${SKIDS.length} skids × 2 handlers`,
    complaints,
    `${samples} samples, ${frozen} events frozen away`,
  );
}

const TEN: readonly AttrValues[] = [
  ...EVENTS,
  { config: 0n },
  { config: 4n },
  { type: 4, config: 0x82d0n, flags: USER },
  { type: 1, config: 1n },
  { type: 1, config: 2n },
];
/** At the entry of all programs and at fib's function: instruction breakpoints, one of which samples; debug exceptions are perf's own work. */
const BREAKPOINTS: readonly AttrValues[] = [
  ...EVENTS.slice(0, 2),
  { type: 5, bp_type: 4, config1: 0x40_1000n, config2: 8n, flags: USER },
  { type: 5, bp_type: 4, config1: 0x40_1010n, config2: 8n, flags: USER, sample_period: 3n },
];
const calls = runWith(['fib', '15'], BREAKPOINTS);
suite.judge(
  'breakpoints: the books close, the other events count what they count alone',
  [
    ...compare(runWith(['fib', '15'], EVENTS.slice(0, 2)), { ...calls, events: calls.events.slice(0, 2) }, false),
    ...calls.events
      .slice(2)
      .flatMap(({ account: a }, i) => (a.imbalance === 0 && a.counted > 0 ? [] : [`breakpoint ${i}: ${a.counted}, off by ${a.imbalance}`])),
    ...(calls.events[2]?.count === 1 ? [] : ['the entry is not met once']),
  ],
  `${calls.events[3]?.count} calls of fib, ${calls.events[3]?.samples} samples`,
);
for (const program of PROGRAMS) {
  const hash = (events: readonly AttrValues[], wanted: Wanted): string => runWith(program, events, { ...wanted, pathHash: true }).pathHash;
  const none = hash([], {});
  const sampling = [{ ...SAMPLED, sample_period: 499n }, ...EVENTS.slice(1)];
  const variants: readonly (readonly [string, string])[] = [
    ['ten events, multiplexed', hash(TEN, {})],
    ['sampling', hash(sampling, {})],
    ['sampling, long skid', hash(sampling, { skid: '1000i' })],
    ['breakpoints', hash(BREAKPOINTS, {})],
    ['freeze-on-overflow', hash(sampling, { handler: 'freeze-on-overflow' })],
    ['freeze-on-delivery', hash(sampling, { handler: 'freeze-on-delivery' })],
  ];
  const complaints = variants.filter(([, h]) => h !== none).map(([what, h]) => `${what}: ${h}, without events ${none}`);
  suite.judge(`${program.join(' ')}: the retired path is the same whatever is measured`, complaints, none);
}

for (const model of ['nehalem', 'goldmont', 'sapphirerapids', 'core2', 'yonah']) {
  const counting = runWith(['interp'], [SAMPLED, KERNEL_TOO], { model });
  const complaints: string[] = [];
  for (const handler of model === 'yonah' ? ['generic'] : ['stop-in-handler', 'freeze-on-overflow']) {
    const ran = runWith(['interp'], [{ ...SAMPLED, sample_period: 997n }, KERNEL_TOO], { model, handler });
    for (const [i, event] of ran.events.entries()) {
      const { account } = event;
      if (account.imbalance !== 0 || account.samples.imbalance !== 0) complaints.push(`${handler}: event ${i} off by ${account.imbalance}`);
      if (account.true !== counting.events[i]?.account.true) complaints.push(`${handler}: event ${i}: true ${account.true}`);
    }
  }
  suite.judge(`${model}: ledgers close with every handler that it has`, complaints);
}
suite.end();
