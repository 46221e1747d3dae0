/**
 * rr's question: can a record-replay debugger name a moment of a program by the number of conditional branches since its last stop? The guest
 * (programs/src/rr.c) does what such a debugger does with its counter, through perf_event_open. It runs twice, with its interrupts at other
 * places, as recording and replay do. What the debugger compares, the count at each stop, is compared here; what is missing is held against the ledger.
 */
import type { CpuModel } from '#arch/cpu-models/model.ts';
import type { PerfEvent } from '#kernel/perf/event.ts';
import { handlersFor } from '#kernel/perf/intel/pmi/handlers.ts';
import type { PmiHandler } from '#kernel/perf/intel/pmi/handler.ts';
import { isRefusal } from '#kernel/perf/attr-checks.ts';
import { MemoryHost } from '#kernel/testing/memory-host.ts';
import { parsePmiLatency } from '#machine/apic/pmi-latency.ts';
import { Session } from '#system/session.ts';
import { guestProgram } from './guest.ts';

export interface RrOptions {
  readonly model: CpuModel;
  /** Conditional branches from one interrupt to the next. */
  readonly slice: number;
  /** --pmi-latency texts of the recording and of the replay. */
  readonly skids: readonly [string, string];
  readonly seeds: readonly [number, number];
}

export const DEFAULT_SLICE = 5000;
export const DEFAULT_RR_SKID = '10..300c';
/** Branches of the guest's start-up checks. */
export const CHECK_BRANCHES = 500;

export interface RrRun {
  /** The start-up checks: a stretch without an interrupt, one with. */
  readonly checks: { readonly counts: number; readonly interrupted: number };
  readonly stops: readonly number[];
  readonly interrupts: number;
  /** Of the program's work: the same whatever happened. */
  readonly hash: string;
  /** The ledger's: conditional branches of the enabled event that it never counted because the PMU stood frozen. */
  readonly frozen: number;
  /** Branches that the stretches had and that were not counted: true numbers less read ones. */
  readonly missing: number;
}

export interface RrPair {
  readonly handler: string;
  readonly recording: RrRun;
  readonly replay: RrRun;
  /** Stop at which the two disagree first; undefined: they never do. */
  readonly divergence: number | undefined;
  /** The checks: it counts as many as there were, and not one more. */
  readonly checksPass: boolean;
}

export interface RrResult {
  readonly model: string;
  readonly event: string;
  readonly slice: number;
  readonly skids: readonly [string, string];
  readonly seeds: readonly [number, number];
  /** Counts at the stops when nothing interrupts. */
  readonly truth: readonly number[];
  readonly pairs: readonly RrPair[];
}

/** Throws an Error with the reason when the model cannot do it. */
export function rrExperiment(options: RrOptions): RrResult {
  const { model } = options;
  const row = model.events.find((e) => e.quantity === 'conditional');
  if (row === undefined) throw new Error(`${model.name} has no event for retired conditional branches, which such a debugger needs`);
  const config = row.event | (row.umask << 8);
  const handlers = handlersFor(model);
  const quiet = guestRun(options, handlers[0] as PmiHandler, config, 1_000_000_000, options.skids[0], options.seeds[0]);
  const truth = quiet.stops;
  const pairs = handlers.map((handler): RrPair => {
    const [recording, replay] = ([0, 1] as const).map((i) => {
      const run = guestRun(options, handler, config, options.slice, options.skids[i], options.seeds[i]);
      const inChecks = 2 * CHECK_BRANCHES - run.checks.counts - run.checks.interrupted;
      return { ...run, missing: inChecks + (truth.at(-1) ?? 0) - (run.stops.at(-1) ?? 0) };
    }) as [RrRun, RrRun];
    const at = recording.stops.findIndex((n, i) => n !== replay.stops[i]);
    const checksPass = [recording, replay].every((r) => r.checks.counts >= CHECK_BRANCHES && r.checks.interrupted <= CHECK_BRANCHES);
    return { handler: handler.name, recording, replay, divergence: at < 0 ? undefined : at, checksPass };
  });
  const { slice, skids, seeds } = options;
  return { model: model.name, event: row.name, slice, skids, seeds, truth, pairs };
}

function guestRun(options: RrOptions, handler: PmiHandler, config: number, slice: number, skid: string, seed: number): RrRun {
  const pmiLatency = parsePmiLatency(skid);
  if (typeof pmiLatency === 'string') throw new Error(pmiLatency);
  const host = new MemoryHost({ '/rr': '' });
  const file = host.root.children.get('rr');
  if (file === undefined) throw new Error('no file for the guest');
  file.data = guestProgram();
  file.mode |= 0o111;
  const session = new Session({ model: options.model, handler, host, seed, pmiLatency, memoryBytes: 64 << 20 });
  const opened: PerfEvent[] = [];
  const { perf } = session;
  const open = perf.open.bind(perf);
  perf.open = (...args) => {
    const event = open(...args);
    if (!isRefusal(event)) opened.push(event);
    return event;
  };
  const failure = session.start({ path: '/rr', argv: ['/rr', `${config}`, `${slice}`], envp: [], cwd: '/' });
  if (failure !== undefined) throw new Error(failure);
  session.run();
  const lines = host
    .output(1)
    .split('\n')
    .map((l) => l.split('='));
  const values = (name: string): string[] => lines.filter(([n]) => n === name).map(([, v]) => v ?? '');
  const one = (name: string): number => Number.parseInt(values(name)[0] ?? '', 16);
  const stops = values('stop').map((v) => Number.parseInt(v, 16));
  const [event] = opened;
  if (event === undefined || stops.length === 0) throw new Error(`the guest says: ${host.output(1)}`);
  return {
    checks: { counts: one('counts'), interrupted: one('interrupted') },
    stops,
    interrupts: one('interrupts'),
    hash: values('hash')[0] ?? '',
    frozen: event.account.lost.frozen,
    missing: 0,
  };
}
