/**
 * What else stands still at an overflow, and what does not: last branch records, which Linux does freeze (A13; not in call-stack mode, A14), and
 * the siblings of a throttled leader, which run on (A25).
 */
import { PERF_SAMPLE_BRANCH } from '#abi/perf-event/branch.ts';
import { PERF_SAMPLE } from '#abi/perf-event/sample.ts';
import { MSR } from '#arch/msr.ts';
import { DEBUGCTL } from '#arch/pmu/debugctl.ts';
import { makeAttr } from '#kernel/perf/attr.ts';
import { isRefusal } from '#kernel/perf/attr-checks.ts';
import type { PerfEvent } from '#kernel/perf/event.ts';
import type { DriverChoices } from '#kernel/perf/intel/core-pmu.ts';
import { defaultHandler } from '#kernel/perf/intel/pmi/handlers.ts';
import type { BranchEntry, PerfSample } from '#kernel/perf/sample.ts';
import { parsePmiLatency } from '#machine/apic/pmi-latency.ts';
import { Session } from '#system/session.ts';
import type { FreezeOptions } from './experiment.ts';

export interface LbrRow {
  readonly mode: 'frozen' | 'running on' | 'call stack';
  readonly skid: string;
  /** DEBUGCTL.FREEZE_LBRS_ON_PMI as the driver wrote it. */
  readonly freezeBit: boolean;
  readonly samples: number;
  /** Records younger than the branch that overflowed: mean and greatest. undefined: a call stack keeps no such order. */
  readonly younger: { readonly mean: number; readonly greatest: number } | undefined;
  /** Of the samples that hold older records too, those in which they are the frozen run's. */
  readonly agree: { readonly good: number; readonly of: number } | undefined;
}

export interface ThrottleRow {
  readonly policy: 'leader alone' | 'whole group';
  readonly event: string;
  readonly true: number;
  readonly counted: number;
  readonly throttled: number;
}

interface Run {
  readonly events: readonly PerfEvent[];
  readonly session: Session;
  readonly debugctl: bigint;
}

function run(
  options: FreezeOptions,
  skid: string,
  choices: DriverChoices,
  attrs: Parameters<typeof makeAttr>[0][],
  maxSampleRate?: number,
): Run {
  const pmiLatency = parsePmiLatency(skid);
  if (typeof pmiLatency === 'string') throw new Error(pmiLatency);
  let debugctl = 0n;
  const session = new Session({
    model: options.model,
    handler: defaultHandler(options.model),
    host: options.workload.host(),
    seed: options.seed,
    memoryBytes: 128 << 20,
    ringSamples: 1 << 20,
    pmiLatency,
    choices,
    onMsrAccess: (address, written) => {
      if (address === MSR.IA32_DEBUGCTL && written !== undefined) debugctl |= written;
    },
    ...(maxSampleRate === undefined ? {} : { maxSampleRate }),
  });
  const failure = session.start(options.workload.program);
  if (failure !== undefined) throw new Error(failure);
  const events: PerfEvent[] = [];
  for (const attr of attrs) {
    const event = session.open(makeAttr(attr), events[0]);
    if (isRefusal(event)) throw new Error(event.reason);
    events.push(event);
  }
  session.run();
  for (const event of events) session.read(event);
  return { events, session, debugctl };
}

const USER = { exclude_kernel: true } as const;

/** Near taken branches are sampled, and recorded: so the counter says how many came behind the overflow. undefined: the model has no LBR for it. */
export function lbrRows(options: FreezeOptions): LbrRow[] | undefined {
  const { model, period } = options;
  const row = model.events.find((e) => e.quantity === 'branches-near-taken');
  if (row === undefined || model.lbr === undefined || model.pmu.version < 2) return undefined;
  const B = PERF_SAMPLE_BRANCH;
  const attr = (branches: number): Parameters<typeof makeAttr>[0] => ({
    type: 4,
    config: BigInt(row.event | (row.umask << 8)),
    sample_period: BigInt(period),
    sample_type: PERF_SAMPLE.READ | PERF_SAMPLE.BRANCH_STACK,
    branch_sample_type: BigInt(branches | B.USER),
    flags: USER,
  });
  return options.skids.flatMap((skid): LbrRow[] => {
    const samples = (r: Run): PerfSample[] => r.events[0]?.ring?.drain() ?? [];
    const frozenRun = run(options, skid, { freezeLbrs: true }, [attr(B.ANY)]);
    const openRun = run(options, skid, { freezeLbrs: false }, [attr(B.ANY)]);
    const [frozen, open] = [samples(frozenRun), samples(openRun)];
    const known = frozen.map((s) => s.branches ?? []);
    const rows = [
      lbrRow('frozen', skid, frozenRun, frozen, known, () => 0),
      // Overflows are at the multiples of the period, whatever the skid (A16).
      lbrRow('running on', skid, openRun, open, known, (s, i) => Number(s.read?.values[0]?.value ?? 0n) - period * (i + 1)),
    ];
    const stack = { ...attr(B.CALL_STACK) };
    try {
      const stackRun = run(options, skid, {}, [stack]);
      rows.push({
        mode: 'call stack',
        skid,
        freezeBit: freezes(stackRun),
        samples: samples(stackRun).length,
        younger: undefined,
        agree: undefined,
      });
    } catch {
      // a model without call-stack mode
    }
    return rows;
  });
}

const freezes = (r: Run): boolean => DEBUGCTL.get(r.debugctl, 'FREEZE_LBRS_ON_PMI') === 1n;

function lbrRow(
  mode: LbrRow['mode'],
  skid: string,
  r: Run,
  samples: readonly PerfSample[],
  frozen: readonly (readonly BranchEntry[])[],
  youngerOf: (s: PerfSample, i: number) => number,
): LbrRow {
  let [sum, greatest, good, of] = [0, 0, 0, 0];
  for (const [i, s] of samples.entries()) {
    const n = youngerOf(s, i);
    sum += n;
    greatest = Math.max(greatest, n);
    const records = s.branches ?? [];
    if (records.length <= n + 1) continue;
    of++;
    // A return from the kernel is recorded and is no near branch: one more at most.
    if ([n, n + 1].some((k) => sameFrom(records, k, frozen[i] ?? []))) good++;
  }
  const younger = { mean: samples.length === 0 ? 0 : sum / samples.length, greatest };
  return { mode, skid, freezeBit: freezes(r), samples: samples.length, younger, agree: { good, of } };
}

/** From record `skip` on they are the frozen ones. */
const sameFrom = (records: readonly BranchEntry[], skip: number, frozen: readonly BranchEntry[]): boolean =>
  records.slice(skip).every((b, j) => b.from === frozen[j]?.from && b.to === frozen[j]?.to);

/** Twenty samples a tick are allowed and more are due. */
export function throttleRows(options: FreezeOptions): ThrottleRow[] {
  const sampled = { config: 1n, sample_period: 101n, flags: USER };
  const sibling = { config: 4n, flags: USER };
  return (
    [
      ['leader alone', false],
      ['whole group', true],
    ] as const
  ).flatMap(([policy, throttleGroup]): ThrottleRow[] => {
    const { events, session } = run(options, options.skids[0] ?? '0i', { throttleGroup }, [sampled, sibling], 5000);
    return events.map((event, i) => {
      const account = session.account(event);
      if (account.imbalance !== 0) throw new Error('assertion: the ledger of a throttled event does not close');
      const name = i === 0 ? 'instructions:u' : 'branches:u';
      return { policy, event: name, true: account.true, counted: account.counted, throttled: account.lost.throttled };
    });
  });
}
