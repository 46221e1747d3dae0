/** One or more runs of a program with events on it, as numbers. Printing is the files beside. */
import { ERRNO } from '#abi/errno.ts';
import type { CpuModel } from '#arch/cpu-models/model.ts';
import { attrFlag, makeAttr, type PerfEventAttr } from '#kernel/perf/attr.ts';
import type { PerfEvent } from '#kernel/perf/event.ts';
import type { PmiHandler } from '#kernel/perf/intel/pmi/handler.ts';
import { DEFAULT_SAMPLE_RATE } from '#kernel/perf/settings.ts';
import type { Account } from '#kernel/perf/ledger.ts';
import { isRefusal, type Refusal } from '#kernel/perf/attr-checks.ts';
import type { Interruption, RunResult } from '#kernel/kernel.ts';
import type { PmiLatency } from '#machine/apic/pmi-latency.ts';
import { isModelledEvent, isObservedEvent } from '#system/events/modelled.ts';
import type { EventGroup, EventSpec } from '#system/events/parse.ts';
import { Session } from '#system/session.ts';
import { CANNOT_RUN, CliError, NOT_FOUND } from '../command.ts';
import type { Observed } from '../manifest/manifest.ts';
import type { ModelSettings } from '../models-options.ts';
import type { World } from '../world/world.ts';

export interface MeasureOptions {
  readonly model: CpuModel;
  readonly handler: PmiHandler;
  readonly pmiLatency: PmiLatency | undefined;
  readonly seed: number;
  readonly memoryBytes: number | undefined;
  readonly inherit: boolean;
  readonly models: ModelSettings;
  /** True once for every Ctrl-C. */
  readonly interrupted: () => Interruption;
  /** Lets the host's signals in; called now and then. */
  readonly breathe: () => Promise<void>;
}

/** One event's result of one run. */
export interface Counted {
  readonly spec: EventSpec;
  readonly attr: PerfEventAttr;
  /** Why it was not counted. */
  readonly refusal: Refusal | undefined;
  readonly value: number;
  readonly enabledNs: number;
  readonly runningNs: number;
  readonly account: Account | undefined;
  /** Counted by the cache, TLB or predictor models. */
  readonly modelled: boolean;
}

export interface RunOutcome {
  readonly events: readonly Counted[];
  readonly elapsedNs: number;
  readonly userNs: number;
  readonly systemNs: number;
  readonly result: RunResult;
  /** Lines for the user about what went wrong. */
  readonly messages: readonly string[];
  /** What programs asked for and the model lacks, with how often. */
  readonly missing: ReadonlyMap<string, number>;
  readonly pmis: { readonly served: number; readonly spurious: number };
  /** What it depended on, with --inputs. */
  readonly observed: Observed | undefined;
}

/** Loads, runs and reads. Throws CliError when the program cannot be started. */
export async function measure(groups: readonly EventGroup[], world: World, options: MeasureOptions): Promise<RunOutcome> {
  const session = new Session({
    model: options.model,
    handler: options.handler,
    host: world.host,
    seed: options.seed,
    interrupted: options.interrupted,
    ...options.models,
    models: options.models.models || groups.some((g) => g.events.some((e) => isObservedEvent(e, options.model))),
    uid: world.uid,
    gid: world.gid,
    umask: world.umask,
    files: world.files,
    maxSampleRate: DEFAULT_SAMPLE_RATE, // for what programs open inside: nothing here samples
    ...(options.pmiLatency === undefined ? {} : { pmiLatency: options.pmiLatency }),
    ...(options.memoryBytes === undefined ? {} : { memoryBytes: options.memoryBytes }),
  });
  world.attach(session);
  const startNs = session.nowNs();
  const failure = session.start(world.program);
  if (failure !== undefined) throw new CliError(failure + world.where, session.programMissing ? NOT_FOUND : CANNOT_RUN);
  const opened = groups.flatMap((g) => openGroup(session, g, options));

  let result: RunResult | undefined;
  let last = performance.now();
  while ((result = session.step()) === undefined) {
    const now = performance.now();
    if (now - last < 50) continue;
    await options.breathe();
    last = performance.now();
  }
  const observed = world.finish();
  const times = session.task?.process.times();
  const child = session.task?.childTimes;
  return {
    events: opened.map((o) => readOne(session, o, isModelledEvent(o.spec, options.model))),
    elapsedNs: session.nowNs() - startNs,
    userNs: (times?.userNs ?? 0) + (child?.userNs ?? 0),
    systemNs: (times?.systemNs ?? 0) + (child?.systemNs ?? 0),
    result,
    messages: session.messages(),
    missing: session.kernel.missing,
    pmis: session.perf.pmis,
    observed,
  };
}

interface Opened {
  readonly spec: EventSpec;
  readonly attr: PerfEventAttr;
  readonly event: PerfEvent | Refusal;
}

function openGroup(session: Session, group: EventGroup, options: MeasureOptions): Opened[] {
  const out: Opened[] = [];
  let leader: PerfEvent | undefined;
  for (const spec of group.events) {
    const attr = makeAttr({ type: spec.type, config: spec.config, ...spec.breakpoint, flags: { ...spec.flags, inherit: options.inherit } });
    const event = session.open(attr, leader);
    if (isRefusal(event) && group.explicit && group.events.length > 1) {
      // As perf: a group is measured as a whole or not at all.
      throw new CliError(`the group cannot be measured: ${spec.name}: ${event.reason} (${errnoName(event.errno)})`);
    }
    if (!isRefusal(event)) leader ??= group.explicit ? event : undefined;
    out.push({ spec, attr, event });
  }
  return out;
}

export const errnoName = (errno: number): string => Object.entries(ERRNO).find(([, n]) => n === errno)?.[0] ?? `errno ${errno}`;

function readOne(session: Session, { spec, attr, event }: Opened, modelled: boolean): Counted {
  if (isRefusal(event)) return { spec, attr, refusal: event, value: 0, enabledNs: 0, runningNs: 0, account: undefined, modelled };
  const read = session.read(event);
  const value = Number(read.values[0]?.value ?? 0n);
  const { timeEnabledNs: enabledNs, timeRunningNs: runningNs } = read;
  return { spec, attr, refusal: undefined, value, enabledNs, runningNs, account: session.account(event), modelled };
}

/** u, k or both: events are compared in metrics only with others of the same rings. */
export const ringsOf = (attr: PerfEventAttr): string =>
  `${attrFlag(attr, 'exclude_user') ? '' : 'u'}${attrFlag(attr, 'exclude_kernel') ? '' : 'k'}`;
