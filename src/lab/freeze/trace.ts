/**
 * One overflow and its PMI under the magnifying glass: what the counters have counted and what has retired, instruction by instruction. The
 * handler's inside is seen at each of its register accesses.
 */
import { assert, ensure } from '#base/assert.ts';
import { MSR } from '#arch/msr.ts';
import { makeAttr, type PerfEventAttr } from '#kernel/perf/attr.ts';
import type { PerfEvent } from '#kernel/perf/event.ts';
import { FIXED } from '#kernel/perf/intel/constraints.ts';
import type { PmiHandler } from '#kernel/perf/intel/pmi/handler.ts';
import { isRefusal } from '#kernel/perf/attr-checks.ts';
import { counterDelta } from '#kernel/perf/period.ts';
import { parsePmiLatency } from '#machine/apic/pmi-latency.ts';
import { Session } from '#system/session.ts';
import type { FreezeOptions } from './experiment.ts';

export type Ring = 'user' | 'kernel';

export const TRACED = [
  { name: 'instructions', role: 'sampling', config: 1n, select: 0x00c0n },
  { name: 'branches', role: 'sibling in its group', config: 4n, select: 0x00c4n },
  { name: 'cycles', role: 'counting beside it', config: 0n, select: 0x003cn },
] as const;

/** The state behind one instruction (or, inside the handler, one register access). */
export interface TracePoint {
  /** Instructions retired since the overflow, of everything. */
  readonly x: number;
  readonly mode: 'user' | 'kernel' | 'overhead';
  /** By TRACED: counted, and true, since the overflow. */
  readonly counted: readonly number[];
  readonly truth: readonly number[];
}

export interface FreezeTrace {
  readonly handler: string;
  readonly ring: Ring;
  readonly skid: string;
  readonly points: readonly TracePoint[];
  /** x of the PMI's delivery, of the counters' standstill and their resumption as far as software or hardware made them, and of the IRET. */
  readonly delivery: number;
  readonly end: number;
  /** What happened where, for the labels. */
  readonly marks: readonly { readonly x: number; readonly text: string }[];
}

const SHORTEST_PERIOD = 1009;
const BEFORE = 16;
const AFTER = 16;
const FAR = 4 * (BEFORE + AFTER);
/** Longest window that is followed. */
const MOST_STEPS = 20_000;

/** Traces the first overflow of a period that ends well inside the program. Throws an Error where there is none. */
export function traceFreeze(options: FreezeOptions, handler: PmiHandler, ring: Ring, skid: string): FreezeTrace {
  const latency = parsePmiLatency(skid);
  if (typeof latency === 'string') throw new Error(latency);
  const raw: RawPoint[] = [];
  const marks: { at: number; text: string }[] = [];
  const hook: { note?: (address: number, written: bigint | undefined) => void } = {};
  const session = new Session({
    model: options.model,
    handler,
    host: options.workload.host(),
    seed: options.seed,
    memoryBytes: 128 << 20,
    pmiLatency: latency,
    onMsrAccess: (address, written) => hook.note?.(address, written),
  });
  const failure = session.start(options.workload.program);
  if (failure !== undefined) throw new Error(failure);
  // A kernel event whose period is shorter than the handler would interrupt for ever.
  const events = open(session, ring, BigInt(Math.max(options.period, SHORTEST_PERIOD)));
  const look = (): RawPoint => observe(session, events, ring);

  approach(session, events[0] as PerfEvent);
  raw.push(look());
  hook.note = (address, written) => {
    raw.push(look());
    const text = markOf(address, written);
    if (text !== undefined) marks.push({ at: (raw.at(-1) as RawPoint).at, text });
  };
  let overflow: RawPoint | undefined;
  let delivery: RawPoint | undefined;
  let end: RawPoint | undefined;
  for (let i = 0; i < MOST_STEPS; i++) {
    if (session.step(1) !== undefined)
      throw new Error('the program ended before a whole window was seen: too short for a picture, or the period too long');
    const before = raw.at(-1) as RawPoint;
    const point = look();
    if (point.at === before.at) continue;
    raw.push(point);
    if (overflow === undefined && point.status) overflow = point;
    // A step that brings overhead began with the delivery.
    if (overflow !== undefined && delivery === undefined && point.overhead > before.overhead) delivery = before;
    if (delivery !== undefined && end === undefined && point.overhead === before.overhead) end = before;
    if (end !== undefined && point.at - end.at >= AFTER) break;
  }
  assert(overflow !== undefined && delivery !== undefined && end !== undefined, 'an overflow, its PMI, and the way back');
  const zero = overflow;
  return {
    handler: handler.name,
    ring,
    skid,
    delivery: delivery.at - zero.at,
    end: end.at - zero.at,
    points: raw
      .filter((p) => p.at >= zero.at - BEFORE)
      .map((p) => ({
        x: p.at - zero.at,
        mode: p.mode,
        counted: p.counted.map((c, i) => c - (zero.counted[i] ?? 0)),
        truth: p.truth.map((t, i) => t - (zero.truth[i] ?? 0)),
      })),
    marks: marks.map((m) => ({ x: m.at - zero.at, text: m.text })),
  };
}

interface RawPoint {
  readonly at: number;
  readonly overhead: number;
  readonly mode: TracePoint['mode'];
  readonly counted: readonly number[];
  readonly truth: readonly number[];
  /** Has a counter overflowed? */
  readonly status: boolean;
}

function open(session: Session, ring: Ring, period: bigint): PerfEvent[] {
  const flags = ring === 'user' ? { exclude_kernel: true } : { exclude_user: true };
  const events: PerfEvent[] = [];
  for (const [i, { config }] of TRACED.entries()) {
    const attr: PerfEventAttr = makeAttr({ config, flags, sample_period: i === 0 ? period : 0n });
    const event = session.open(attr, i === 1 ? events[0] : undefined);
    if (isRefusal(event)) throw new Error(event.reason);
    events.push(event);
  }
  return events;
}

/** Runs until the sampling counter is about to overflow. */
function approach(session: Session, event: PerfEvent): void {
  const limit = 1n << BigInt(session.model.pmu.gpWidth);
  for (;;) {
    const idx = event.hw.idx;
    const left = idx < 0 || event.state !== 'active' ? FAR * 2 : Number(limit - counterValue(session, idx));
    if (left <= FAR) return;
    if (session.step(Math.max(1, Math.min(left - FAR, 100_000))) !== undefined)
      throw new Error('the program ends before the first overflow: too short for a picture, or the period too long');
  }
}

const counterValue = (session: Session, idx: number): bigint =>
  ensure(session.kernel.cpu.msrs.read(idx >= FIXED ? MSR.IA32_FIXED_CTR0 + idx - FIXED : MSR.IA32_PMC0 + idx), 'counter');

let lastTotals = { user: 0, kernel: 0, overhead: 0 };

function observe(session: Session, events: readonly PerfEvent[], ring: Ring): RawPoint {
  const { truth } = session.machine;
  const n = ensure(truth.total(TRACED[0].select), 'instructions');
  const mode = n.overhead > lastTotals.overhead ? 'overhead' : n.kernel > lastTotals.kernel ? 'kernel' : 'user';
  lastTotals = n;
  return {
    at: n.user + n.kernel + n.overhead,
    overhead: n.overhead,
    mode,
    counted: events.map((e) => {
      const live =
        e.hw.idx < 0 || e.hw.upToDate ? 0n : counterDelta(e.hw.prevCount, counterValue(session, e.hw.idx), session.model.pmu.gpWidth);
      return Number(e.count + live);
    }),
    truth: TRACED.map(({ select }) => truth.total(select)?.[ring] ?? 0),
    status: session.model.pmu.version >= 2 && (session.kernel.cpu.msrs.read(MSR.IA32_PERF_GLOBAL_STATUS) ?? 0n) !== 0n,
  };
}

function markOf(address: number, written: bigint | undefined): string | undefined {
  if (written === undefined) return undefined;
  if (address === MSR.IA32_PERF_GLOBAL_CTRL) return written === 0n ? 'GLOBAL_CTRL = 0' : 'GLOBAL_CTRL back';
  if (address === MSR.IA32_PERF_GLOBAL_OVF_CTRL) return 'STATUS acknowledged';
  return undefined;
}
