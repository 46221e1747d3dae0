/** PERF_TYPE_HARDWARE and PERF_TYPE_HW_CACHE ids as event selects. Linux: intel_perfmon_event_map, *_hw_cache_event_ids (spec §1.6, §6.1). */
import { ERRNO } from '#abi/errno.ts';
import type { CpuModel } from '#arch/cpu-models/model.ts';
import type { Quantity } from '#arch/pmu/events.ts';
import { OFFCORE_REQUEST } from '#arch/pmu/offcore.ts';

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

export function hardwareSelect(config: bigint): SelectOrError {
  const select = INTEL_PERFMON_EVENT_MAP[Number(config & 0xffff_ffffn)];
  if (select === undefined) return { errno: ERRNO.EINVAL, reason: 'no such generic hardware event' };
  if (select === 0n) return { errno: ERRNO.ENOENT, reason: 'Intel processors have no such generic event' };
  return { select };
}

/**
 * cache | op << 8 | result << 16, as quantities: those of the events that Linux's tables have for Skylake (L1-dcache-load-misses is L1D.REPLACEMENT there:
 * lines that loads and stores brought in). The last level is asked by OFFCORE_RESPONSE, where there is one.
 */
const CACHE_QUANTITIES: Readonly<Record<string, Quantity>> = {
  '0,0,0': 'loads', // L1-dcache-loads
  '0,0,1': 'l1d-replacement',
  '0,1,0': 'stores', // L1-dcache-stores
  '1,0,1': 'l1i-misses',
  '2,0,0': 'llc-loads',
  '2,0,1': 'llc-load-misses',
  '2,1,0': 'llc-stores',
  '2,1,1': 'llc-store-misses',
  '3,0,0': 'loads', // dTLB-loads
  '3,0,1': 'dtlb-load-walks',
  '3,1,0': 'stores', // dTLB-stores
  '3,1,1': 'dtlb-store-walks',
  '4,0,0': 'itlb-stlb-hits',
  '4,0,1': 'itlb-walks',
  '5,0,0': 'branches', // branch-loads
  '5,0,1': 'branch-misses',
};

/** What all of Linux's tables mark -1, which makes no sense, where 0 is what this processor lacks: L1I writes, ITLB and branch writes and prefetches. */
const SENSELESS: ReadonlySet<string> = new Set(['1,1', '4,1', '4,2', '5,1', '5,2']);

/** PERF_COUNT_HW_CACHE_LL. */
const LL = 2;

export function cacheSelect(model: CpuModel, config: bigint): SelectOrError {
  const [cache, op, result] = [Number(config & 255n), Number((config >> 8n) & 255n), Number((config >> 16n) & 255n)];
  if (cache > 6 || op > 2 || result > 1) return { errno: ERRNO.EINVAL, reason: 'no such generic cache event' };
  if (SENSELESS.has(`${cache},${op}`)) return { errno: ERRNO.EINVAL, reason: 'a generic cache event without a meaning' };
  const quantity = CACHE_QUANTITIES[`${cache},${op},${result}`];
  if (quantity === undefined) return { errno: ERRNO.ENOENT, reason: 'Intel processors have no such generic cache event' };
  if (cache === LL && model.offcore !== undefined) {
    const { events, linux } = model.offcore;
    const word = (op === 1 ? OFFCORE_REQUEST.RFO : OFFCORE_REQUEST.READ) | (result === 1 ? linux.miss : linux.access);
    return { select: BigInt((events[0] as number) | 0x100) | (word << 32n) };
  }
  const row = model.events.find((e) => e.quantity === quantity && e.event !== 0);
  if (row === undefined) return { errno: ERRNO.ENOENT, reason: `${model.name} has no event for it` };
  return { select: BigInt(row.event | (row.umask << 8)) };
}
