/** The names by which events are asked for: perf's generic ones and their aliases, cache events, and Intel's by model. */
import { HARDWARE_EVENT_NAMES, HW_CACHE_NAMES, HW_CACHE_OPS, PERF_TYPE, SOFTWARE_EVENT_NAMES } from '#abi/perf-event/attr.ts';
import type { CpuModel } from '#arch/cpu-models/model.ts';
import { type EventMeaning, listEvents } from '#arch/pmu/event-select.ts';
import type { EventRow } from '#arch/pmu/events.ts';

/** attr.type and attr.config. */
export interface EventCode {
  readonly type: number;
  readonly config: bigint;
}

/** perf's second names. tools/perf/util/parse-events.c, event_symbols_hw and event_symbols_sw. */
export const HARDWARE_ALIASES: Readonly<Record<string, (typeof HARDWARE_EVENT_NAMES)[number]>> = {
  'cpu-cycles': 'cycles',
  'branch-instructions': 'branches',
  'idle-cycles-frontend': 'stalled-cycles-frontend',
  'idle-cycles-backend': 'stalled-cycles-backend',
};
export const SOFTWARE_ALIASES: Readonly<Record<string, (typeof SOFTWARE_EVENT_NAMES)[number]>> = {
  faults: 'page-faults',
  cs: 'context-switches',
  migrations: 'cpu-migrations',
};

/** Intel's event select of a row; fixed counters by Linux's codes (INST_RETIRED.ANY is 00C0H, pseudo codes for the others' clocks). */
export function rowConfig(row: EventRow): bigint {
  if (row.event !== 0) return BigInt(row.event | (row.umask << 8));
  return [0x00c0n, 0x003cn, 0x0300n, 0x0400n][row.umask - 1] ?? 0n;
}

/** L1-dcache-loads, L1-dcache-load-misses, … as perf spells them. */
export function cacheNames(): Map<string, EventCode> {
  const out = new Map<string, EventCode>();
  for (const [cache, name] of HW_CACHE_NAMES.entries()) {
    for (const [op, { plural, singular }] of HW_CACHE_OPS.entries()) {
      const code = (result: number): EventCode => ({ type: PERF_TYPE.HW_CACHE, config: BigInt(cache | (op << 8) | (result << 16)) });
      out.set(`${name}-${plural}`, code(0));
      out.set(`${name}-${singular}-misses`, code(1));
    }
  }
  return out;
}

/** Every name that `model` knows, lower case, with its code. */
export function eventNames(model: CpuModel): Map<string, EventCode> {
  const out = new Map<string, EventCode>();
  for (const [name, code] of cacheNames()) out.set(name.toLowerCase(), code);
  // sysfs has `slots` where the fixed counter is; Linux's pseudo code.
  if (model.pmu.fixedCounters > 3) out.set('slots', { type: PERF_TYPE.RAW, config: 0x0400n });
  // Fixed counter 0 alone, by its own code (Linux: intel_icl_event_constraints).
  if (model.pmu.version >= 5) out.set('inst_retired.prec_dist', { type: PERF_TYPE.RAW, config: 0x0100n });
  for (const { row } of listEvents(model)) {
    for (const name of [row.name, ...(row.aliases ?? [])]) out.set(name.toLowerCase(), { type: PERF_TYPE.RAW, config: rowConfig(row) });
  }
  const hardware = (name: string): bigint => BigInt((HARDWARE_EVENT_NAMES as readonly string[]).indexOf(name));
  const software = (name: string): bigint => BigInt((SOFTWARE_EVENT_NAMES as readonly string[]).indexOf(name));
  for (const name of HARDWARE_EVENT_NAMES) out.set(name, { type: PERF_TYPE.HARDWARE, config: hardware(name) });
  for (const [alias, name] of Object.entries(HARDWARE_ALIASES)) out.set(alias, { type: PERF_TYPE.HARDWARE, config: hardware(name) });
  for (const name of SOFTWARE_EVENT_NAMES) out.set(name, { type: PERF_TYPE.SOFTWARE, config: software(name) });
  for (const [alias, name] of Object.entries(SOFTWARE_ALIASES)) out.set(alias, { type: PERF_TYPE.SOFTWARE, config: software(name) });
  return out;
}

/** Intel events of a model in the order of the list, with what they mean. */
export const intelEvents = (model: CpuModel): readonly { readonly row: EventRow; readonly meaning: EventMeaning }[] => listEvents(model);
