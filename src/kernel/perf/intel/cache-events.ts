/**
 * PERF_TYPE_HW_CACHE by processor: the codes of Linux 6.12's *_hw_cache_event_ids and the request words of *_hw_cache_extra_regs, restated
 * (arch/x86/events/intel/core.c, chosen by intel_pmu_init). Which of them can be counted is arch/pmu/event-select.ts's to say.
 */
import type { CpuModel } from '#arch/cpu-models/model.ts';

/** No such event: ENOENT. */
export const NONE = 0;
/** Nonsense: EINVAL. */
export const INVALID = -1;
/** unit mask << 8 | event; or an off-core response event (the model's first register's) with this word. */
export type CacheEvent = number | { readonly word: bigint };
/** [access, miss] of reads, writes, prefetches. */
type Operations = readonly (readonly [access: CacheEvent, miss: CacheEvent])[];
/** By PERF_COUNT_HW_CACHE id. */
type CacheEvents = readonly Operations[];

const none = [NONE, NONE] as const;
const invalid = [INVALID, INVALID] as const;
const reads = (access: CacheEvent, miss: CacheEvent, prefetches: Operations[number]): Operations => [[access, miss], invalid, prefetches];
const words = (access: bigint, miss: bigint): Operations[number] => [{ word: access }, { word: miss }];

const CORE2: CacheEvents = [
  [
    [0x0f40, 0x0140],
    [0x0f41, 0x0141],
    [0x104e, NONE],
  ],
  reads(0x0080, 0x0081, none),
  [[0x4f29, 0x4129], [0x4f2a, 0x412a], none],
  [[0x0f40, 0x0208], [0x0f41, 0x0808], none],
  reads(0x00c0, 0x1282, invalid),
  reads(0x00c4, 0x00c5, invalid),
];
const NEHALEM: CacheEvents = [
  [
    [0x010b, 0x0151],
    [0x020b, 0x0251],
    [0x014e, 0x024e],
  ],
  reads(0x0380, 0x0280, none),
  [words(0xf701n, 0xf001n), words(0xf70an, 0xf00an), words(0xf730n, 0xf030n)],
  [[0x0f40, 0x0108], [0x0f41, 0x010c], none],
  reads(0x01c0, 0x20c8, invalid),
  reads(0x00c4, 0x03e8, invalid),
  [words(0x7001n, 0x2001n), words(0x700an, 0x200an), words(0x7030n, 0x2030n)],
];
const BROADWELL: CacheEvents = [
  [[0x81d0, 0x0151], [0x82d0, NONE], none],
  reads(NONE, 0x0280, none),
  [words(0x1_0001n, 0x1f_bc00_0001n), words(0x1_0002n, 0x1f_bc00_0002n), none],
  [[0x81d0, 0x0108], [0x82d0, 0x0149], none],
  reads(0x6085, 0x0185, invalid),
  reads(0x00c4, 0x00c5, invalid),
  [words(0x1f_8400_0001n, 0x1f_b800_0001n), words(0x1f_8400_0002n, 0x1f_b800_0002n), none],
];
const SKYLAKE: CacheEvents = [
  [[0x81d0, 0x0151], [0x82d0, NONE], none],
  reads(NONE, 0x0283, none),
  [words(0x3f_c001_0001n, 0x3f_fc02_0001n), words(0x3f_c001_0002n, 0x3f_fc02_0002n), none],
  [[0x81d0, 0x0e08], [0x82d0, 0x0e49], none],
  reads(0x2085, 0x0e85, invalid),
  reads(0x00c4, 0x00c5, invalid),
  [words(0x1f_c400_0001n, 0x1f_f800_0001n), words(0x1f_c400_0002n, 0x1f_f800_0002n), none],
];
const ICELAKE: CacheEvents = SKYLAKE.map((operations, cache) => (cache === 4 ? reads(INVALID, 0x0e85, invalid) : operations));
const GOLDMONT: CacheEvents = [
  [[0x81d0, NONE], [0x82d0, NONE], none],
  reads(0x0380, 0x0280, none),
  [words(0x1_0001n, 0x36_0000_0001n), words(0x1_0002n, 0x36_0000_0002n), words(0x1_0030n, 0x36_0000_0030n)],
  [[0x81d0, NONE], [0x82d0, NONE], none],
  reads(0x00c0, 0x0481, invalid),
  reads(0x00c4, 0x00c5, invalid),
];
/** glc: branches by a unit mask that Intel's list has not (docs/model.md). */
const SAPPHIRERAPIDS: CacheEvents = [
  [[0x81d0, 0xe124], [0x82d0, NONE], none],
  reads(NONE, 0xe424, none),
  [words(0x1_0001n, 0x3f_bfc0_0001n), words(0x3f_3ffc_0002n, 0x3f_3fc0_0002n), none],
  [[0x81d0, 0x0e12], [0x82d0, 0x0e13], none],
  reads(INVALID, 0x0e11, invalid),
  reads(0x04c4, 0x04c5, invalid),
  [words(0x1_0c00_0001n, 0x3f_b300_0001n), none, none],
];

/** By CPUID model number, as intel_pmu_init chooses. Core Duo's table is empty. */
const BY_MODEL: Readonly<Record<number, CacheEvents>> = {
  0x17: CORE2,
  0x1a: NEHALEM,
  0x3d: BROADWELL,
  0x4e: SKYLAKE,
  0x5c: GOLDMONT,
  0x6a: ICELAKE,
  0x8f: SAPPHIRERAPIDS,
};

/** What Linux asks for a generic cache event; `result` 0: accesses, 1: misses. */
export function linuxCacheEvent(model: CpuModel, cache: number, op: number, result: number): CacheEvent {
  return BY_MODEL[model.model]?.[cache]?.[op]?.[result] ?? NONE;
}
