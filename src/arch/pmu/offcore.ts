/**
 * OFFCORE_RESPONSE (OCR on Sapphire Rapids): two events, each with a register that says which requests leaving the core are counted, by what they ask for
 * and what answers. SDM Vol. 3B, Off-core Response Performance Monitoring; the words are those of Linux's *_hw_cache_extra_regs.
 * Of all combinations the models can tell: one kind of demand request, answered by anything, or by no cache.
 */
import type { Quantity } from './events.ts';

export interface OffcoreResponse {
  /** Event codes of the registers 1A6H and 1A7H (unmask 01H); a model may have only the first. */
  readonly events: readonly number[];
  /** Response bits: any of these answers all … */
  readonly any: bigint;
  /** … these together mean that no cache of the processor had it, if none of `hits` is set. */
  readonly misses: bigint;
  readonly hits: bigint;
  /** Linux's words, without the request bit: for LLC accesses, and for misses. */
  readonly linux: { readonly access: bigint; readonly miss: bigint };
}

const bits = (high: number, low: number): bigint => ((1n << BigInt(high - low + 1)) - 1n) << BigInt(low);

export const OFFCORE_NEHALEM: OffcoreResponse = {
  events: [0xb7],
  any: 0n,
  misses: bits(15, 12),
  hits: bits(11, 8),
  linux: { access: bits(15, 8), miss: bits(15, 12) },
};
export const OFFCORE_BROADWELL: OffcoreResponse = {
  events: [0xb7, 0xbb],
  any: 1n << 16n,
  misses: bits(29, 26),
  hits: bits(22, 18),
  linux: { access: 1n << 16n, miss: bits(29, 26) | bits(37, 31) },
};
export const OFFCORE_SKYLAKE: OffcoreResponse = {
  ...OFFCORE_BROADWELL,
  linux: { access: 1n << 16n, miss: bits(29, 26) | bits(37, 31) | (1n << 17n) },
};
export const OFFCORE_GOLDMONT: OffcoreResponse = {
  events: [0xb7, 0xbb],
  any: 1n << 16n,
  misses: (1n << 33n) | (1n << 36n) | (1n << 37n),
  hits: 0n,
  linux: { access: 1n << 16n, miss: (1n << 33n) | (1n << 36n) | (1n << 37n) },
};
export const OFFCORE_SAPPHIRERAPIDS: OffcoreResponse = {
  events: [0x2a, 0x2b],
  any: 1n << 16n,
  misses: bits(29, 22),
  hits: bits(21, 18),
  linux: { access: 1n << 16n, miss: bits(29, 22) | bits(37, 31) },
};

/** Request bits: demand data reads, RFOs, code reads. */
export const OFFCORE_REQUEST = { READ: 1n, RFO: 2n, CODE: 4n } as const;
const REQUESTS: Readonly<Record<string, readonly [all: Quantity, misses: Quantity]>> = {
  1: ['llc-loads', 'llc-load-misses'],
  2: ['llc-stores', 'llc-store-misses'],
  4: ['llc-code', 'llc-code-misses'],
};
/** Bits that the registers have. */
export const OFFCORE_RESERVED = ~bits(37, 0);

/** What a request word selects; undefined: a combination that the models cannot tell. */
export function offcoreQuantity(o: OffcoreResponse, word: bigint): Quantity | undefined {
  const response = o.any === 0n ? bits(15, 8) : bits(37, 16);
  const request = REQUESTS[`${word & ~response}`];
  if (request === undefined) return undefined;
  if ((word & o.any) !== 0n) return request[0];
  const [hits, misses] = [(word & o.hits) !== 0n, (word & o.misses) !== 0n];
  if (hits && misses) return (word & (o.hits | o.misses)) === (o.hits | o.misses) ? request[0] : undefined;
  return misses ? request[1] : undefined;
}

/** Which of the registers an event belongs to, or -1. */
export const offcoreIndex = (o: OffcoreResponse | undefined, select: bigint): number =>
  o === undefined || (select & 0xff00n) !== 0x0100n ? -1 : o.events.indexOf(Number(select & 0xffn));
