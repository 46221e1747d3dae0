/** What an event select means on a model: the one place that answers machine, perf core and command line alike. */
import { ensure } from '#base/assert.ts';
import type { CpuModel } from '../cpu-models/model.ts';
import { type EventRow, FIXED_EVENTS, FP_ARITH_EVENT, isPerCycle } from './events.ts';
import { offcoreIndex, offcoreQuantity } from './offcore.ts';
import { PERFEVTSEL, PERFEVTSEL_EDGE, PERFEVTSEL_INV } from './perfevtsel.ts';

export type EventMeaning =
  | { readonly kind: 'counts'; readonly row: EventRow }
  /** The model has it, perfglass cannot count it (yet): to be refused, never counted as zero. */
  | { readonly kind: 'not modelled'; readonly row: EventRow; readonly reason: string }
  /** The model has no such event. On hardware such a counter shows anything or stands still; here it stands still. */
  | { readonly kind: 'unknown' };

/** Cycles, slots and reference clocks: one count per unit of time, not per instruction. */
export const isTime = (row: EventRow): boolean =>
  row.quantity === 'cycles' || row.quantity === 'slots' || row.quantity === 'ref-tsc' || row.quantity === 'ref-xclk';

/**
 * Meaning of an IA32_PERFEVTSELx value (event, umask, edge, any, inv, cmask; the rest is ignored) or of a Linux pseudo code
 * (event 0, umask = fixed counter's index + 1). Of an off-core response event bits 69:32 are the request word, which is in a register of its own.
 */
export function eventMeaning(model: CpuModel, select: bigint): EventMeaning {
  const low = Number(BigInt.asUintN(32, select));
  const row = offcoreRow(model, select) ?? findRow(model, low & 255, (low >> 8) & 255);
  if (row === undefined) return { kind: 'unknown' };
  if (row.quantity === 'unknown-response') {
    const word = (select >> 32n).toString(16);
    return {
      kind: 'not modelled',
      row,
      reason: `off-core requests 0x${word}: one demand request, with any response or with all misses, is`,
    };
  }
  const reason = conditionReason(row, low);
  return reason === undefined ? { kind: 'counts', row } : { kind: 'not modelled', row, reason };
}

function offcoreRow(model: CpuModel, select: bigint): EventRow | undefined {
  if (model.offcore === undefined || offcoreIndex(model.offcore, select) < 0) return undefined;
  const quantity = offcoreQuantity(model.offcore, select >> 32n) ?? 'unknown-response';
  const [event, umask] = [Number(select & 0xffn), Number((select >> 8n) & 0xffn)];
  // intel_icl_event_constraints, intel_glc_event_constraints: the lower four of eight.
  return { name: 'OFFCORE_RESPONSE', event, umask, quantity, counters: 15 };
}

function findRow(model: CpuModel, event: number, umask: number): EventRow | undefined {
  if (event === 0) return umask <= model.pmu.fixedCounters ? FIXED_EVENTS[umask - 1] : undefined;
  const found = model.events.find((r) => r.event === event && r.umask === umask);
  // Unit masks of FP_ARITH_INST_RETIRED add up (perfmon: SCALAR is 03H, VECTOR FCH).
  if (found !== undefined || event !== FP_ARITH_EVENT || umask === 0 || !model.events.some((r) => r.event === FP_ARITH_EVENT)) return found;
  return { name: 'FP_ARITH_INST_RETIRED', event, umask, quantity: `fp-arith-${umask}` };
}

/** CMASK, INV and EDGE that docs/cycles.md cannot express. AnyThread is this thread: one per core is modelled. */
function conditionReason(row: EventRow, low: number): string | undefined {
  const cmask = Number(PERFEVTSEL.get(BigInt(low >>> 0), 'cmask'));
  const edge = (low & PERFEVTSEL_EDGE) !== 0;
  if (cmask === 0 && !edge) return undefined;
  if (row.event === 0) return 'a fixed counter has no CMASK, INV or EDGE';
  if (isTime(row)) {
    if (edge) return `EDGE on ${row.name} asks for the moments at which the processor starts to run, which the retirement model has not`;
    return `CMASK on ${row.name} compares a clock with itself`;
  }
  if (['loads', 'stores', 'loads-stores'].includes(row.quantity) || !isPerCycle(row.quantity)) {
    return `CMASK, INV and EDGE on ${row.name}: the accesses of one instruction have no cycles of their own in the retirement model`;
  }
  return undefined;
}

/** Is the comparison inverted? INV without CMASK does nothing (SDM: "if counter-mask is zero, INV is ignored"). */
export const isInverted = (low: number): boolean => (low & PERFEVTSEL_INV) !== 0 && low >>> 24 !== 0;

/** All events of a model with what they mean, for `perfglass list`: general-purpose ones, then the fixed counters'. */
export function listEvents(model: CpuModel): readonly { readonly row: EventRow; readonly meaning: EventMeaning }[] {
  const rows = [...model.events, ...FIXED_EVENTS.slice(0, model.pmu.fixedCounters)];
  return rows.map((row) => ({ row, meaning: eventMeaning(model, BigInt(row.event | (row.umask << 8))) }));
}

/** The event that fixed counter i counts. */
export const fixedEvent = (i: number): EventRow => ensure(FIXED_EVENTS[i], `fixed counter ${i}`);
