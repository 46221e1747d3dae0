/**
 * The ledger against an account that shares nothing with it: every instruction is stepped and classified by iced-x86 (test/lib/observer.ts), the
 * overflow positions and the windows up to the PMI are worked out from that stream alone, and true, counted and lost must agree to the event.
 */
import { NodeHost } from '../../src/cli/host-node.ts';
import { findCpuModel } from '../../src/arch/cpu-models/index-of-models.ts';
import { makeAttr } from '../../src/kernel/perf/attr.ts';
import { findHandler } from '../../src/kernel/perf/intel/pmi/handlers.ts';
import { MODE } from '../../src/machine/retire.ts';
import { Session } from '../../src/system/session.ts';
import { observe } from '../lib/observer.ts';
import { Suite } from '../lib/suite.ts';

const PROGRAMS = ['fib', 'recurse', 'flow'];
const HARDWARE = 0;
const INSTRUCTIONS = 1n;
const BRANCHES = 4n;

interface Books {
  readonly true: number;
  readonly frozen: number;
}

/** What the stream says: all user events, and those that fall between an overflow of the sampled event and the arrival of its PMI. */
function independent(
  session: Session,
  period: number,
  sampled: 'instructions' | 'branches',
  freezing: boolean,
): { instructions: () => Books; branches: () => Books; overflows: () => number } {
  let [instructions, branches, frozenInstructions, frozenBranches, left, overflows] = [0, 0, 0, 0, period, 0];
  let frozen = false;
  observe(session.machine, (o) => {
    if (o.mode === MODE.OVERHEAD) {
      frozen = false; // the PMI's handler has begun
      return;
    }
    if (o.mode !== MODE.USER) return;
    instructions++;
    if (o.branch) branches++;
    if (frozen) {
      frozenInstructions++;
      if (o.branch) frozenBranches++;
      return;
    }
    if (sampled === 'branches' && !o.branch) return;
    left--;
    if (left > 0) return;
    overflows++;
    left = period;
    frozen = freezing;
  });
  return {
    instructions: () => ({ true: instructions, frozen: frozenInstructions }),
    branches: () => ({ true: branches, frozen: frozenBranches }),
    overflows: () => overflows,
  };
}

function run(program: string, handlerName: string, period: number, skid: number, sampled: 'instructions' | 'branches'): string[] {
  const model = findCpuModel('skylake');
  if (!('model' in model)) throw new Error('no skylake');
  const handler = findHandler(handlerName);
  if (handler === undefined) throw new Error(`no handler ${handlerName}`);
  const session = new Session({
    model: model.model,
    handler,
    host: new QuietHost(),
    pmiLatency: { unit: 'instructions', min: skid, max: skid },
  });
  const path = new URL(`../../programs/bin/${program}`, import.meta.url).pathname;
  const refused = session.start({ path, argv: [path], envp: [], cwd: '/' });
  if (refused !== undefined) return [refused];
  const flags = { exclude_kernel: true, exclude_hv: true } as const;
  const open = (config: bigint, sample_period: bigint): Exclude<ReturnType<Session['open']>, { readonly errno: number }> => {
    const event = session.open(makeAttr({ type: HARDWARE, config, sample_period, flags }));
    if ('errno' in event) throw new Error(`open: ${JSON.stringify(event)}`);
    return event;
  };
  const [i, b] = [
    open(INSTRUCTIONS, sampled === 'instructions' ? BigInt(period) : 0n),
    open(BRANCHES, sampled === 'branches' ? BigInt(period) : 0n),
  ];
  const freezing = handlerName === 'freeze-on-overflow';
  const stream = independent(session, period, sampled, freezing);
  session.run();
  const complaints: string[] = [];
  const overflows = stream.overflows();
  for (const [name, event, want] of [
    ['instructions', i, stream.instructions()],
    ['branches', b, stream.branches()],
  ] as const) {
    const a = session.account(event);
    const say = (what: string, got: number, expected: number): void => {
      if (got !== expected) complaints.push(`${name}: ${what} ${got}, the stream says ${expected}`);
    };
    say('true', a.true, want.true);
    say('lost frozen', a.lost.frozen, want.frozen);
    say('counted', a.counted, want.true - want.frozen);
    say('read', Number(session.read(event).values[0]?.value), want.true - want.frozen);
    say('imbalance', a.imbalance, 0);
  }
  if (overflows === 0) complaints.push('no overflow: the case shows nothing');
  return complaints;
}

/** The guests' output is not what is looked at here. */
class QuietHost extends NodeHost {
  override write(_fd: number, from: Uint8Array): number {
    return from.length;
  }
}

const suite = new Suite('ledger');
for (const program of PROGRAMS) {
  for (const handler of ['stop-in-handler', 'freeze-on-overflow']) {
    for (const [period, skid] of [
      [2_003, 20],
      [5_000, 100],
    ] as const) {
      for (const sampled of ['instructions', 'branches'] as const) {
        suite.judge(`${program}: ${handler}, ${sampled} every ${period}, skid ${skid}`, run(program, handler, period, skid, sampled));
      }
    }
  }
}
suite.end();
