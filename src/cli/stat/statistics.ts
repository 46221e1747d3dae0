/** The runs of one `stat` as perf's averages: mean, error of the mean, scaled counts, and the metric beside each event. */
import { PERF_TYPE } from '#abi/perf-event/attr.ts';
import { isClock } from '#kernel/perf/software.ts';
import type { Counted, Place } from './events.ts';
import { type RunOutcome, ringsOf } from './measure.ts';

/** Mean and relative error of the mean in percent. tools/perf/util/stat.c stddev_stats, rel_stddev_stats. */
export interface Averaged {
  readonly mean: number;
  readonly errorPercent: number;
  /** The error of the mean itself. */
  readonly error: number;
}

export function average(values: readonly number[]): Averaged {
  const n = values.length;
  const mean = values.reduce((a, b) => a + b, 0) / n;
  if (n < 2) return { mean, errorPercent: 0, error: 0 };
  const variance = values.reduce((a, b) => a + (b - mean) ** 2, 0) / (n - 1);
  const error = Math.sqrt(variance / n);
  return { mean, error, errorPercent: mean === 0 ? 0 : (100 * error) / mean };
}

/** As perf's CSV and text have it. */
export const placeName = (place: Place | undefined): string =>
  place === undefined ? '' : place.kind === 'cpu' ? `CPU${place.cpu}` : place.name;

export type Missing = '<not supported>' | '<not modelled yet>' | '<not counted>';

export interface Metric {
  readonly value: number;
  /** Decimals, and the width in text output. */
  readonly format: 'rate' | 'insn' | 'percent';
  readonly unit: string;
}

/** One line of the output. */
export interface StatLine {
  readonly name: string;
  /** Scaled by enabled/running, in `unit`. */
  readonly value: Averaged;
  readonly missing: Missing | undefined;
  readonly unit: '' | 'msec';
  /** Of the last run, as perf prints it. */
  readonly runningNs: number;
  readonly runningPercent: number;
  /** Was multiplexed. */
  readonly scaled: boolean;
  readonly metric: Metric | undefined;
  /** What perf's JSON names as the unit of a metric that it could not make. */
  readonly unitWithout: string;
  /** Counted by the cache, TLB or predictor models. */
  readonly modelled: boolean;
  readonly place: Place | undefined;
}

/** `scale`: counts are enlarged by enabled/running; --no-scale leaves them. */
export function statLines(runs: readonly Pick<RunOutcome, 'events' | 'elapsedNs'>[], scale = true): StatLine[] {
  const first = runs[0]?.events ?? [];
  const columns = first.map((_, i) => runs.map((r) => r.events[i] as Counted));
  const means = columns.map((runsOfEvent) => average(runsOfEvent.map((e) => (scale ? scaledValue(e) : e.value))));
  const elapsed = average(runs.map((r) => r.elapsedNs)).mean;
  return columns.map((runsOfEvent, i) => {
    const event = runsOfEvent[0] as Counted;
    const clock = isClockEvent(event);
    const running = average(runsOfEvent.map((e) => e.runningNs)).mean;
    const enabled = average(runsOfEvent.map((e) => e.enabledNs)).mean;
    const mean = means[i] as Averaged;
    const missing = missingText(runsOfEvent);
    return {
      name: event.spec.name,
      value: clock ? { ...mean, mean: mean.mean / 1e6, error: mean.error / 1e6 } : mean,
      missing,
      unit: clock ? 'msec' : '',
      runningNs: Math.round(running),
      runningPercent: enabled > 0 ? (100 * running) / enabled : 100,
      scaled: running !== enabled && enabled > 0,
      metric: missing === undefined ? metricOf(event, mean.mean, first, means, elapsed) : undefined,
      unitWithout: missing !== undefined ? '' : isHardware(event, INSTRUCTIONS) ? 'insn per cycle' : isHardware(event, CYCLES) ? 'Ghz' : '',
      modelled: event.modelled,
      place: event.place,
    };
  });
}

function missingText(runsOfEvent: readonly Counted[]): Missing | undefined {
  const refusal = runsOfEvent[0]?.refusal;
  if (refusal !== undefined) return refusal.reason.includes('not modelled yet') ? '<not modelled yet>' : '<not supported>';
  return runsOfEvent.every((e) => e.runningNs === 0 && e.value === 0) ? '<not counted>' : undefined;
}

/** count × enabled / running, rounded as perf does. */
function scaledValue(e: Counted): number {
  return e.runningNs === 0 || e.runningNs === e.enabledNs ? e.value : Math.floor((e.value * e.enabledNs) / e.runningNs + 0.5);
}

const isClockEvent = (e: Counted): boolean => e.spec.type === PERF_TYPE.SOFTWARE && isClock(e.spec.config);
const isHardware = (e: Counted, id: bigint): boolean => e.spec.type === PERF_TYPE.HARDWARE && e.spec.config === id;
const CYCLES = 0n;
const INSTRUCTIONS = 1n;
const BRANCHES = 4n;
const BRANCH_MISSES = 5n;

/** Misses beside the accesses of the same cache: what each is a part of. HW_CACHE: config of the misses, of the accesses. */
const PARTS: readonly (readonly [type: number, misses: bigint, all: bigint, unit: string])[] = [
  [PERF_TYPE.HARDWARE, 3n, 2n, 'of all cache refs'],
  [PERF_TYPE.HW_CACHE, 0x1_0000n, 0n, 'of all L1-dcache accesses'],
  [PERF_TYPE.HW_CACHE, 0x1_0001n, 1n, 'of all L1-icache accesses'],
  [PERF_TYPE.HW_CACHE, 0x1_0002n, 2n, 'of all LL-cache accesses'],
  [PERF_TYPE.HW_CACHE, 0x1_0003n, 3n, 'of all dTLB cache accesses'],
  [PERF_TYPE.HW_CACHE, 0x1_0004n, 4n, 'of all iTLB cache accesses'],
];

/** perf_stat__print_shadow_stats, tools/perf/util/stat-shadow.c, for the events that are here. */
function metricOf(
  event: Counted,
  value: number,
  all: readonly Counted[],
  means: readonly Averaged[],
  elapsedNs: number,
): Metric | undefined {
  const total = (match: (e: Counted) => boolean): number => {
    const i = all.findIndex((e) => e.refusal === undefined && placeName(e.place) === placeName(event.place) && match(e));
    return i < 0 ? 0 : (means[i] as Averaged).mean;
  };
  const sameRings = (id: bigint) => (e: Counted) => isHardware(e, id) && ringsOf(e.attr) === ringsOf(event.attr);
  const clockNs = total(isClockEvent);
  if (isClockEvent(event)) return elapsedNs > 0 ? { value: value / elapsedNs, format: 'rate', unit: 'CPUs utilized' } : undefined;
  if (isHardware(event, INSTRUCTIONS)) {
    const cycles = total(sameRings(CYCLES));
    return cycles > 0 ? { value: value / cycles, format: 'insn', unit: 'insn per cycle' } : undefined;
  }
  if (isHardware(event, BRANCH_MISSES)) {
    const branches = total(sameRings(BRANCHES));
    if (branches > 0) return { value: (100 * value) / branches, format: 'percent', unit: 'of all branches' };
  }
  const part = PARTS.find(([type, misses]) => event.spec.type === type && event.spec.config === misses);
  if (part !== undefined) {
    const [type, , all, unit] = part;
    const accesses = total((e) => e.spec.type === type && e.spec.config === all && ringsOf(e.attr) === ringsOf(event.attr));
    return accesses > 0 ? { value: (100 * value) / accesses, format: 'percent', unit } : undefined;
  }
  if (clockNs === 0) return undefined;
  if (isHardware(event, CYCLES)) return { value: value / clockNs, format: 'rate', unit: 'GHz' };
  return rate((1e9 * value) / clockNs);
}

/** convert_unit_double: thousands until it is small. */
function rate(perSecond: number): Metric {
  let value = perSecond;
  let unit = '';
  for (const next of ['K', 'M', 'G']) {
    if (value <= 1000) break;
    value /= 1000;
    unit = next;
  }
  return { value, format: 'rate', unit: `${unit}/sec` };
}
