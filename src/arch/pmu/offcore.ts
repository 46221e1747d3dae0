/**
 * OFFCORE_RESPONSE (OCR on Sapphire Rapids): two events, each with a register that says which requests leaving the core are counted, by what they ask for
 * and what answers. SDM Vol. 3B, Off-core Response Performance Monitoring; the words are those of Intel's event lists (github.com/intel/perfmon, MSRValue)
 * and of Linux 6.12's *_hw_cache_extra_regs. Of all combinations the models can tell: one kind of demand request, answered by anything, or by no cache;
 * words that ask for one supplier among several, or for what a snoop found, are refused. On one package all DRAM is local.
 */
import type { Quantity } from './events.ts';

type Requested = readonly [all: Quantity, misses: Quantity];
const LOADS: Requested = ['llc-loads', 'llc-load-misses'];
const STORES: Requested = ['llc-stores', 'llc-store-misses'];
const CODE: Requested = ['llc-code', 'llc-code-misses'];
/** Demand data reads, RFOs, code reads. */
const DEMAND = { firstResponse: 16, requests: { 1: LOADS, 2: STORES, 4: CODE } } as const;

export interface OffcoreResponse {
  /** Event codes (unit mask << 8 | event) of the registers 1A6H and 1A7H; a model may have only the first. */
  readonly events: readonly number[];
  /** Request bits begin at 0, response bits here. */
  readonly firstResponse: number;
  /** By request bits. */
  readonly requests: Readonly<Record<string, Requested>>;
  /** Bits that each register has: valid_mask of Linux's extra_regs. */
  readonly valid: readonly bigint[];
  /** Response bits that mean any answer … */
  readonly all: readonly bigint[];
  /** … and that no cache of the processor had it. */
  readonly misses: readonly bigint[];
}

/** SDM Vol. 3B, tables of MSR_OFFCORE_RSP_0 of Nehalem: bit 8 UNCORE_HIT to 15 NON_DRAM. Linux leaves bit 11, a remote cache's HITM, out. */
export const OFFCORE_NEHALEM: OffcoreResponse = {
  firstResponse: 8,
  // 10: RFOs with write-backs, of which the models have none
  requests: { ...DEMAND.requests, 10: STORES },
  events: [0x01b7],
  valid: [0xffffn],
  all: [0xff00n, 0xf700n, 0x7f00n],
  misses: [0xf800n, 0xf000n, 0x7000n, 0x6000n, 0x4000n],
};
export const OFFCORE_BROADWELL: OffcoreResponse = {
  ...DEMAND,
  events: [0x01b7, 0x01bb],
  valid: [0x3f_ffff_8fffn, 0x3f_ffff_8fffn],
  all: [0x1_0000n],
  // Linux's LLC and node words; L3_MISS_LOCAL_DRAM.ANY_SNOOP.
  misses: [0x1f_bc00_0000n, 0x1f_8400_0000n, 0x3f_8400_0000n],
};
export const OFFCORE_SKYLAKE: OffcoreResponse = {
  ...DEMAND,
  events: [0x01b7, 0x01bb],
  valid: [0x3f_ffff_8fffn, 0x3f_ffff_8fffn],
  all: [0x1_0000n, 0x3f_c001_0000n],
  // Linux's LLC and node words; L3_MISS.ANY_SNOOP, L3_MISS_LOCAL_DRAM.ANY_SNOOP.
  misses: [0x3f_fc02_0000n, 0x1f_c400_0000n, 0x3f_fc40_0000n, 0x3f_c400_0000n],
};
/** The second register belongs to another unit mask of the same event. */
export const OFFCORE_GOLDMONT: OffcoreResponse = {
  ...DEMAND,
  events: [0x01b7, 0x02b7],
  valid: [0x76_0005_ffbfn, 0x36_0005_ffbfn],
  all: [0x1_0000n],
  misses: [0x36_0000_0000n],
};
/** L3_MISS of reads and of RFOs, DRAM, LOCAL_DRAM, L3_MISS_LOCAL of both. */
const SERVER_MISSES = [0x3f_bfc0_0000n, 0x3f_3fc0_0000n, 0x7_3c00_0000n, 0x1_0400_0000n, 0x3f_8440_0000n, 0x3f_0440_0000n];
/** Linux takes Skylake's words. */
export const OFFCORE_ICELAKE: OffcoreResponse = {
  ...DEMAND,
  events: [0x01b7, 0x01bb],
  valid: [0x3f_ffff_bfffn, 0x3f_ffff_bfffn],
  all: [0x1_0000n, 0x3f_3ffc_0000n, 0x3f_c001_0000n],
  misses: [...SERVER_MISSES, 0x3f_fc02_0000n, 0x1f_c400_0000n],
};
export const OFFCORE_SAPPHIRERAPIDS: OffcoreResponse = {
  ...DEMAND,
  events: [0x012a, 0x012b],
  valid: [0x3f_ffff_ffffn, 0x3f_ffff_ffffn],
  all: [0x1_0000n, 0x3f_3ffc_0000n],
  // The last is Linux's word for node-loads.
  misses: [...SERVER_MISSES, 0x1_0c00_0000n],
};

/** What a request word selects; undefined: a combination that the models cannot tell. */
export function offcoreQuantity(o: OffcoreResponse, word: bigint): Quantity | undefined {
  const response = (word >> BigInt(o.firstResponse)) << BigInt(o.firstResponse);
  const request = o.requests[`${word - response}`];
  if (request === undefined) return undefined;
  if (o.all.includes(response)) return request[0];
  return o.misses.includes(response) ? request[1] : undefined;
}

/** Which of the registers an event belongs to, or -1. */
export const offcoreIndex = (o: OffcoreResponse | undefined, select: bigint): number =>
  o === undefined ? -1 : o.events.indexOf(Number(select & 0xffffn));
