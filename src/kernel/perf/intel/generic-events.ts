/** PERF_TYPE_HARDWARE and PERF_TYPE_HW_CACHE ids as event selects. Linux: intel_perfmon_event_map, *_hw_cache_event_ids (spec §1.6, §6.1). */
import { ERRNO } from '#abi/errno.ts';
import type { CpuModel } from '#arch/cpu-models/model.ts';
import { ensure } from '#base/assert.ts';
import { INVALID, linuxCacheEvent, NONE } from './cache-events.ts';

/** By PERF_COUNT_HW id; 0 = no such event on Intel. */
const INTEL_PERFMON_EVENT_MAP: readonly bigint[] = [
  0x003cn, // cycles
  0x00c0n, // instructions
  0x4f2en, // cache-references
  0x412en, // cache-misses
  0x00c4n, // branches
  0x00c5n, // branch-misses
  0x013cn, // bus-cycles
  0n, // stalled-cycles-frontend
  0n, // stalled-cycles-backend
  0x0300n, // ref-cycles
];

export type SelectOrError = { readonly select: bigint } | { readonly errno: number; readonly reason: string };

/** Nehalem has stalled cycles: UOPS_ISSUED.ANY and UOPS_EXECUTED.CORE_ACTIVE_CYCLES with INV and CMASK 1 (intel_pmu_init). */
const NEHALEM = 0x1a;
const NEHALEM_STALLS: Readonly<Record<string, bigint>> = { 7: 0x0180_010en, 8: 0x0180_3fb1n };

export function hardwareSelect(model: CpuModel, config: bigint): SelectOrError {
  const stalls = model.model === NEHALEM ? NEHALEM_STALLS[`${config & 0xffff_ffffn}`] : undefined;
  const select = stalls ?? INTEL_PERFMON_EVENT_MAP[Number(config & 0xffff_ffffn)];
  if (select === undefined) return { errno: ERRNO.EINVAL, reason: 'no such generic hardware event' };
  if (select === 0n) return { errno: ERRNO.ENOENT, reason: 'Intel processors have no such generic event' };
  return { select };
}

export function cacheSelect(model: CpuModel, config: bigint): SelectOrError {
  const [cache, op, result] = [Number(config & 255n), Number((config >> 8n) & 255n), Number((config >> 16n) & 255n)];
  if (cache > 6 || op > 2 || result > 1) return { errno: ERRNO.EINVAL, reason: 'no such generic cache event' };
  const event = linuxCacheEvent(model, cache, op, result);
  if (event === NONE) return { errno: ERRNO.ENOENT, reason: `Linux has no such generic event for ${model.name}` };
  if (event === INVALID) return { errno: ERRNO.EINVAL, reason: 'Intel processors have no such generic cache event' };
  if (typeof event === 'number') return { select: BigInt(event) };
  return { select: BigInt(ensure(model.offcore?.events[0], 'off-core response event')) | (event.word << 32n) };
}
