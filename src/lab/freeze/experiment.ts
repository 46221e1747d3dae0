/**
 * The first letter as an experiment. One program, four events, every PMI handler, several skids: what is true, what is counted, what is lost and
 * why, and how far the group's siblings have moved since the overflow when the sample is taken. What is lost is counted a second time here,
 * from runs of the retire stream alone that know nothing of the ledger.
 */
import { PERF_FORMAT, PERF_SAMPLE } from '#abi/perf-event/sample.ts';
import type { CpuModel } from '#arch/cpu-models/model.ts';
import { makeAttr, type PerfEventAttr } from '#kernel/perf/attr.ts';
import type { PerfEvent } from '#kernel/perf/event.ts';
import { handlersFor } from '#kernel/perf/intel/pmi/handlers.ts';
import type { PmiHandler } from '#kernel/perf/intel/pmi/handler.ts';
import type { LostCause } from '#kernel/perf/ledger.ts';
import { isRefusal } from '#kernel/perf/attr-checks.ts';
import { setPeriod } from '#kernel/perf/period.ts';
import type { PerfSample } from '#kernel/perf/sample.ts';
import { type PmiLatency, parsePmiLatency } from '#machine/apic/pmi-latency.ts';
import { Session } from '#system/session.ts';
import type { Workload } from './workload.ts';

export interface FreezeOptions {
  readonly model: CpuModel;
  readonly workload: Workload;
  readonly period: number;
  /** --pmi-latency texts. */
  readonly skids: readonly string[];
  readonly seed: number;
}

export const DEFAULT_PERIOD = 1009;
export const DEFAULT_SKIDS = ['0i', '20i', '100i', '10..300c'];

export type Role = 'sampling' | 'sibling in its group' | 'counting beside it' | 'counting both rings';

export interface EventRow {
  readonly role: Role;
  readonly event: string;
  readonly true: number;
  readonly over: number;
  readonly counted: number;
  readonly lost: Readonly<Record<LostCause, number>>;
  /** Lost by freezing according to the retire stream alone; undefined where the program forks or waits. */
  readonly independent: number | undefined;
}

export interface FreezeRun {
  readonly handler: string;
  readonly skid: string;
  readonly pmis: number;
  readonly samples: { readonly due: number; readonly delivered: number; readonly lost: Readonly<Record<string, number>> };
  readonly events: readonly EventRow[];
  /** Events of the sibling between the overflow and its reading in the sample: 0 is a coherent group. Mean and greatest over the samples. */
  readonly coherence: { readonly mean: number; readonly greatest: number } | undefined;
}

export interface FreezeResult {
  readonly workload: string;
  readonly model: string;
  readonly period: number;
  readonly seed: number;
  readonly runs: readonly FreezeRun[];
}

const USER = { exclude_kernel: true, inherit: false } as const;
const INSTRUCTIONS = 0x00c0n;
const BRANCHES = 0x00c4n;
const CYCLES = 0x003cn;

interface Watched {
  readonly role: Role;
  readonly name: string;
  readonly select: bigint;
  readonly attr: PerfEventAttr;
}

/** The sampled event leads a group with `branches:u`; `cycles:u` and `instructions` count beside them. */
export function watchedEvents(period: number): readonly [Watched, Watched, Watched, Watched] {
  const sampling = makeAttr({
    config: 1n,
    sample_period: BigInt(period),
    sample_type: PERF_SAMPLE.READ,
    read_format: PERF_FORMAT.GROUP,
    flags: USER,
  });
  return [
    { role: 'sampling', name: 'instructions:u', select: INSTRUCTIONS, attr: sampling },
    { role: 'sibling in its group', name: 'branches:u', select: BRANCHES, attr: makeAttr({ config: 4n, flags: USER }) },
    { role: 'counting beside it', name: 'cycles:u', select: CYCLES, attr: makeAttr({ config: 0n, flags: USER }) },
    { role: 'counting both rings', name: 'instructions', select: INSTRUCTIONS, attr: makeAttr({ config: 1n }) },
  ];
}

/** Runs the whole table. Throws an Error with the reason when the program cannot start. */
export function freezeExperiment(options: FreezeOptions): FreezeResult {
  const runs = handlersFor(options.model).flatMap((handler) => options.skids.map((skid) => freezeRun(options, handler, skid)));
  return { workload: options.workload.name, model: options.model.name, period: options.period, seed: options.seed, runs };
}

/** A session with the program loaded. */
export function startSession(options: FreezeOptions, handler: PmiHandler, pmiLatency: PmiLatency | undefined): Session {
  const session = new Session({
    model: options.model,
    handler,
    host: options.workload.host(),
    seed: options.seed,
    memoryBytes: 128 << 20,
    ringSamples: 1 << 20,
    ...(pmiLatency === undefined ? {} : { pmiLatency }),
  });
  const failure = session.start(options.workload.program);
  if (failure !== undefined) throw new Error(failure);
  return session;
}

export function openAll(session: Session, watched: readonly Watched[]): PerfEvent[] {
  const events: PerfEvent[] = [];
  for (const w of watched) {
    const event = session.open(w.attr, w.role === 'sibling in its group' ? events[0] : undefined);
    if (isRefusal(event)) throw new Error(`${w.name}: ${event.reason}`);
    events.push(event);
  }
  return events;
}

function freezeRun(options: FreezeOptions, handler: PmiHandler, skid: string): FreezeRun {
  const latency = parsePmiLatency(skid);
  if (typeof latency === 'string') throw new Error(latency);
  const session = startSession(options, handler, latency);
  const watched = watchedEvents(options.period);
  const events = openAll(session, watched);
  const watch = watchDeliveries(session);
  session.run();
  for (const event of events) session.read(event);

  const freezes = handler.name === 'freeze-on-overflow';
  const samples = events[0]?.ring?.drain() ?? [];
  const windows = watch.alone ? skidWindows(options.period, samples, watch.deliveries, freezes) : undefined;
  const retired = windows === undefined ? undefined : retireStream(options, windows);
  const rows = events.map((event, i): EventRow => {
    const { role, name, select } = watched[i] as Watched;
    const { true: truth, over, counted, lost } = session.account(event);
    const independent = freezes ? retired?.inWindows(role === 'counting both rings' ? 'all' : select) : 0;
    return { role, event: name, true: truth, over, counted, lost: { ...lost }, independent };
  });
  const book = session.account(events[0] as PerfEvent).samples;
  return {
    handler: handler.name,
    skid,
    pmis: session.perf.pmis.served,
    samples: { due: book.due, delivered: book.delivered, lost: { ...book.lost } },
    events: rows,
    coherence: retired === undefined ? undefined : coherence(retired, samples, freezes),
  };
}

/** A place in the retire stream: user instructions, and user and kernel instructions, since the start. */
interface Place {
  readonly user: number;
  readonly all: number;
}

const placeOf = (session: Session): Place => {
  const n = session.machine.truth.total(INSTRUCTIONS);
  return { user: n?.user ?? 0, all: (n?.user ?? 0) + (n?.kernel ?? 0) };
};

/** Notes where each PMI that found an overflow was delivered, from outside perf. */
function watchDeliveries(session: Session): { readonly deliveries: Place[]; alone: boolean } {
  // `alone`: one task that was never switched out, so that its own instructions say where its counters stood.
  const out = { deliveries: [] as Place[], alone: true };
  const { perf, kernel } = session;
  const hooks = Object.create(perf) as typeof perf;
  hooks.pmi = (cpu, frame) => {
    const place = placeOf(session);
    const { spurious } = perf.pmis;
    perf.pmi(cpu, frame);
    if (perf.pmis.spurious === spurious) out.deliveries.push(place);
  };
  hooks.forked = (parent, child) => {
    out.alone = false;
    perf.forked(parent, child);
  };
  hooks.scheduledOut = (task, cpu) => {
    if (task.alive) out.alone = false;
    perf.scheduledOut(task, cpu);
  };
  kernel.perf = hooks;
  return out;
}

interface SkidWindow {
  /** User instructions retired at the overflow. */
  readonly overflow: number;
  readonly delivery: Place;
}

/** Where each overflow was: the driver's arithmetic (spec §2.3) on the values in the samples, and the deliveries; no ledger. */
function skidWindows(
  period: number,
  samples: readonly PerfSample[],
  deliveries: readonly Place[],
  freezes: boolean,
): SkidWindow[] | undefined {
  const out: SkidWindow[] = [];
  let left = BigInt(period);
  let before = 0n;
  let target = period; // the count at which the counter overflows
  let frozen = 0;
  for (const [i, delivery] of deliveries.entries()) {
    const counted = samples[i]?.read?.values[0]?.value;
    if (counted === undefined) break; // the last PMI came after the end
    const overflow = target + frozen;
    out.push({ overflow, delivery });
    if (freezes) frozen += delivery.user - overflow;
    const step = setPeriod(left - (counted - before), BigInt(period), 1n << 47n);
    left = step.left;
    before = counted;
    target = Number(counted + step.programmed);
  }
  return deliveries.length - out.length > 1 ? undefined : out;
}

interface RetireStream {
  readonly windows: readonly SkidWindow[];
  /** User events at the overflow of window i. */
  atOverflow(select: bigint, i: number): number;
  /** What retired in window i, or in all of them: user events, or instructions of both rings. */
  inWindow(what: bigint | 'all', i: number): number;
  inWindows(what: bigint | 'all'): number;
}

/** The same program with nothing measured, stopped at every edge of the windows: what had retired there. */
function retireStream(options: FreezeOptions, windows: readonly SkidWindow[]): RetireStream {
  const session = startSession(options, handlersFor(options.model)[0] as PmiHandler, undefined);
  const { truth } = session.machine;
  const at = new Map<number, ReadonlyMap<bigint | 'all', number>>();
  for (const edge of [...new Set(windows.flatMap((w) => [w.overflow, w.delivery.user]))].sort((a, b) => a - b)) {
    let left = edge - placeOf(session).user;
    while (left > 0 && session.step(left) === undefined) left = edge - placeOf(session).user;
    const totals: [bigint | 'all', number][] = [INSTRUCTIONS, BRANCHES, CYCLES].map((s) => [s, truth.total(s)?.user ?? 0]);
    at.set(edge, new Map([...totals, ['all', placeOf(session).all]]));
  }
  const total = (edge: number, what: bigint | 'all'): number => at.get(edge)?.get(what) ?? 0;
  const inWindow = (w: SkidWindow, what: bigint | 'all'): number =>
    (what === 'all' ? w.delivery.all : total(w.delivery.user, what)) - total(w.overflow, what);
  return {
    windows,
    atOverflow: (select, i) => total(windows[i]?.overflow ?? 0, select),
    inWindow: (what, i) => inWindow(windows[i] as SkidWindow, what),
    inWindows: (what) => windows.reduce((sum, w) => sum + inWindow(w, what), 0),
  };
}

/** How many of the sibling's events came between the overflow and the reading in the sample. */
function coherence(retired: RetireStream, samples: readonly PerfSample[], freezes: boolean): FreezeRun['coherence'] {
  let frozen = 0;
  let sum = 0;
  let greatest = 0;
  for (const i of retired.windows.keys()) {
    const read = Number(samples[i]?.read?.values[1]?.value ?? 0n);
    const skew = read - (retired.atOverflow(BRANCHES, i) - frozen);
    if (freezes) frozen += retired.inWindow(BRANCHES, i);
    sum += skew;
    greatest = Math.max(greatest, skew);
  }
  return retired.windows.length === 0 ? undefined : { mean: sum / retired.windows.length, greatest };
}
