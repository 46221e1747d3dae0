/** A program on the modelled computer inside this process, its output thrown away: for suites that compare many runs. */
import { NodeHost } from '../../src/cli/host-node.ts';
import { DEFAULT_CPU_MODEL, findCpuModel } from '../../src/arch/cpu-models/index-of-models.ts';
import { type AttrValues, makeAttr } from '../../src/kernel/perf/attr.ts';
import type { PerfEvent } from '../../src/kernel/perf/event.ts';
import { defaultHandler, findHandler } from '../../src/kernel/perf/intel/pmi/handlers.ts';
import type { Account } from '../../src/kernel/perf/ledger.ts';
import { isRefusal } from '../../src/kernel/perf/attr-checks.ts';
import { parsePmiLatency } from '../../src/machine/apic/pmi-latency.ts';
import { Session } from '../../src/system/session.ts';
import { PROGRAMS } from './perfglass.ts';

/** Standard output and error go nowhere. */
class QuietHost extends NodeHost {
  override write(fd: number, from: Uint8Array, position: number): number {
    return fd === 1 || fd === 2 ? from.length : super.write(fd, from, position);
  }
}

export interface Wanted {
  /** `a..b`, `20i`, `300c`; default the model's. */
  readonly skid?: string;
  readonly handler?: string;
  readonly model?: string;
  readonly pathHash?: boolean;
  readonly seed?: number;
  readonly memoryBytes?: number;
  /** Events of the CPU instead of the program. */
  readonly wholeCpu?: boolean;
}

export interface Seen {
  readonly count: number;
  readonly account: Account;
  readonly samples: number;
}

export interface Ran {
  readonly events: readonly Seen[];
  readonly status: string;
  readonly pathHash: string;
  readonly pmis: { readonly served: number; readonly spurious: number };
}

/** Runs `command` (a program of programs/bin, or an absolute path, and its arguments) with `attrs` open on it, inherited; a list among them is a group. */
export function runWith(command: readonly string[], attrs: readonly (AttrValues | readonly AttrValues[])[], wanted: Wanted = {}): Ran {
  const found = wanted.model === undefined ? undefined : findCpuModel(wanted.model);
  const model = found?.kind === 'found' ? found.model : DEFAULT_CPU_MODEL;
  const handler = wanted.handler === undefined ? defaultHandler(model) : findHandler(wanted.handler);
  const latency = wanted.skid === undefined ? undefined : parsePmiLatency(wanted.skid);
  if (handler === undefined || typeof latency === 'string') throw new Error('bad handler or skid');
  const session = new Session({
    model,
    handler,
    host: new QuietHost(),
    seed: wanted.seed ?? 0,
    memoryBytes: wanted.memoryBytes ?? 64 << 20,
    ...(latency === undefined ? {} : { pmiLatency: latency }),
    ...(wanted.pathHash === undefined ? {} : { pathHash: wanted.pathHash }),
  });
  const [name = ''] = command;
  const path = name.startsWith('/') ? name : `${PROGRAMS}${name}`;
  const failure = session.start({ path, argv: [path, ...command.slice(1)], envp: [], cwd: '/' });
  if (failure !== undefined) throw new Error(failure);
  const open = (values: AttrValues, leader?: PerfEvent): PerfEvent => {
    const flags = { inherit: true, ...(typeof values.flags === 'object' ? values.flags : {}) };
    const target = wanted.wholeCpu === true ? { task: undefined, cpu: 0 } : undefined;
    const event = session.open(makeAttr({ ...values, flags }), leader, undefined, target);
    if (isRefusal(event)) throw new Error(event.reason);
    return event;
  };
  const events = attrs.flatMap((one): PerfEvent[] => {
    const [first, ...rest] = Array.isArray(one) ? (one as readonly AttrValues[]) : [one as AttrValues];
    const leader = open(first as AttrValues);
    return [leader, ...rest.map((v) => open(v, leader))];
  });
  const result = session.run();
  return {
    events: events.map((e) => ({
      count: Number(session.read(e).values[0]?.value),
      account: session.account(e),
      samples: e.ring?.drain().length ?? 0,
    })),
    status: JSON.stringify(result),
    pathHash: wanted.pathHash === true ? session.machine.pathHash() : '',
    pmis: session.perf.pmis,
  };
}
