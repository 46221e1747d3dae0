/**
 * Which counter may count what, and who gets which. Linux: intel_get_event_constraints, x86_schedule_events and perf_assign_events
 * (arch/x86/events; spec §2.4). No model here has overlapping constraints, so the saved-state backtracking has no place.
 */
import type { CpuModel } from '#arch/cpu-models/model.ts';
import { eventMeaning } from '#arch/pmu/event-select.ts';
import { PERFEVTSEL } from '#arch/pmu/perfevtsel.ts';

export const FIXED = 32;
/** X86_PMC_IDX_MAX. */
export const IDX_MAX = 64;

/** What a fixed counter cannot do: edge, any, inv, cmask. */
const FIXED_EVENT_FLAGS = PERFEVTSEL.pack({ edge: true, anyThread: true, inv: true, cmask: 255 });
const FIXED_BY_SELECT: readonly bigint[] = [0x00c0n, 0x003cn, 0x0300n, 0x0400n];
/** More of them by CPUID model: INST_RETIRED.PREC_DIST of Ice Lake on, CPU_CLK_UNHALTED.REF_TSC_P of Sapphire Rapids. */
const FIXED_BY_MODEL: Readonly<Record<number, Readonly<Record<string, number>>>> = {
  0x6a: { [0x0100]: 0 },
  0x8f: { [0x0100]: 0, [0x013c]: 2 },
};

/** Counters that may count the event `select`: bit i general-purpose, bit 32+i fixed. 0n: none. */
export function eventConstraint(model: CpuModel, select: bigint): bigint {
  const meaning = eventMeaning(model, select);
  if (meaning.kind !== 'counts') return 0n;
  const all = (1n << BigInt(model.pmu.gpCounters)) - 1n;
  const pseudo = (select & 0xffn) === 0n;
  let counters = pseudo ? 0n : all & BigInt(meaning.row.counters ?? Number(all));
  const fixed = FIXED_BY_MODEL[model.model]?.[`${select & 0xffffn}`] ?? FIXED_BY_SELECT.indexOf(select & 0xffffn);
  // Before version 2 there are no fixed counters, whatever a table says (commit 2c33645d366d).
  if (fixed >= 0 && fixed < model.pmu.fixedCounters && model.pmu.version > 1 && (select & FIXED_EVENT_FLAGS) === 0n) {
    counters |= 1n << BigInt(FIXED + fixed);
  }
  return counters;
}

/** One event that asks for a counter: its constraint and the counter that it had last (-1 none). */
export interface CounterRequest {
  readonly counters: bigint;
  readonly idx: number;
}

const weight = (mask: bigint): number => {
  let n = 0;
  for (let m = mask; m !== 0n; m &= m - 1n) n++;
  return n;
};

/** A counter for each request, in order; undefined when they do not fit together. */
export function assignCounters(requests: readonly CounterRequest[]): number[] | undefined {
  return keepCounters(requests) ?? assignByWeight(requests);
}

/** The fast path: everyone keeps the counter that it had. */
function keepCounters(requests: readonly CounterRequest[]): number[] | undefined {
  let used = 0n;
  for (const { counters, idx } of requests) {
    if (idx < 0) return undefined;
    const mask = 1n << BigInt(idx);
    if ((counters & mask) === 0n || (used & mask) !== 0n) return undefined;
    used |= mask;
  }
  return requests.map((r) => r.idx);
}

/** The fewer counters it may use, the earlier it chooses; a fixed counter before a general one, the lowest of each. */
function assignByWeight(requests: readonly CounterRequest[]): number[] | undefined {
  const order = requests
    .map((r, i) => ({ i, counters: r.counters, weight: weight(r.counters) }))
    .sort((a, b) => a.weight - b.weight || a.i - b.i);
  const out = requests.map(() => -1);
  let used = 0n;
  for (const { i, counters } of order) {
    const free = counters & ~used;
    const idx = lowest(free >> BigInt(FIXED)) + FIXED;
    const chosen = idx >= FIXED ? idx : lowest(free);
    if (chosen < 0) return undefined;
    used |= 1n << BigInt(chosen);
    out[i] = chosen;
  }
  return out;
}

/** Lowest set bit; hugely negative for none, so that adding an offset keeps it so. */
function lowest(mask: bigint): number {
  if (mask === 0n) return -IDX_MAX * 2;
  let n = 0;
  while (((mask >> BigInt(n)) & 1n) === 0n) n++;
  return n;
}
