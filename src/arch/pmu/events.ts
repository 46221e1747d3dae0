/** Events: what one is, and what it counts. Which model has which: event-lists.ts. */

/** What a programmed event counts. The machine gives each a formula over its base events (machine/pmu/events.ts). */
export type Quantity =
  | 'instructions'
  | 'cycles'
  | 'ref-tsc'
  | 'ref-xclk'
  | 'slots'
  | 'branches'
  | 'branches-taken'
  | 'branches-near-taken'
  | 'conditional'
  | 'conditional-taken'
  | 'conditional-not-taken'
  | 'near-call'
  | 'near-call-direct'
  | 'near-call-indirect'
  | 'near-return'
  | 'far'
  | 'indirect'
  | 'indirect-jump'
  | 'indirect-jump-call'
  /** Direct near JMP; all near branches that are neither calls nor returns. */
  | 'jump-direct'
  | 'branches-near-jumps'
  | 'loads'
  | 'stores'
  | 'loads-stores'
  /** OFFCORE_RESPONSE with a request word that the models cannot tell. */
  | 'unknown-response'
  | ObservedQuantity
  | ModelledQuantity;

/** Exact, and seen by the variant of the engine that observes for the models alone: accesses across two lines, NOPs, and SSE and AVX arithmetic. */
const OBSERVED = ['split-loads', 'split-stores', 'splits', 'nops'] as const;
export const FP_ARITH_EVENT = 0xc7;
/** FP_ARITH_INST_RETIRED by its unit mask: bits 0 to 5 as in FP_ARITH; 6 and 7 are of 512-bit vectors, which no model here executes. */
export type FpArith = `fp-arith-${number}`;
export type ObservedQuantity = (typeof OBSERVED)[number] | FpArith;
export const fpArithMask = (q: Quantity): number | undefined => (q.startsWith('fp-arith-') ? Number(q.slice(9)) : undefined);
const isObserved = (q: Quantity): boolean => (OBSERVED as readonly string[]).includes(q) || fpArithMask(q) !== undefined;

/** What the cache, TLB and predictor models count (machine/models): figures of a model, not of the program's path. */
const MODELLED_BRANCHES = [
  'branch-misses',
  'conditional-misses',
  'conditional-taken-misses',
  'conditional-not-taken-misses',
  'taken-misses',
  'indirect-call-misses',
  'indirect-misses',
  'indirect-jump-misses',
  'return-misses',
] as const;
const MODELLED_ACCESSES = [
  'l1d-replacement',
  'l2-data-reads',
  'l2-data-read-hits',
  'l2-rfos',
  'l2-rfo-hits',
  'l2-code-read-hits',
  'l2-references',
  'load-l1-misses',
  'load-l1-hits',
  'load-l2-hits',
  'load-l2-misses',
  'load-llc-hits',
  'load-llc-misses',
  'store-l1-misses',
  'l1i-misses',
  'llc-references',
  'llc-misses',
  'llc-loads',
  'llc-load-misses',
  'llc-stores',
  'llc-store-misses',
  'llc-code',
  'llc-code-misses',
  'dtlb-load-stlb-hits',
  'dtlb-load-walks',
  'dtlb-store-stlb-hits',
  'dtlb-store-walks',
  'itlb-stlb-hits',
  'itlb-walks',
  'stlb-miss-loads',
  'stlb-miss-stores',
  'stlb-misses',
] as const;
export type ModelledQuantity = (typeof MODELLED_BRANCHES)[number] | (typeof MODELLED_ACCESSES)[number];
const isModelledBranch = (q: Quantity): boolean => (MODELLED_BRANCHES as readonly string[]).includes(q);
/** It is counted while the engine observes; several may fall into one instruction but for mispredictions. */
export const needsObserver = (q: Quantity): boolean => isModelled(q) || isObserved(q);
export const isPerCycle = (q: Quantity): boolean => !isModelledAccess(q) && !isObserved(q);
/** Several may fall into one instruction. */
export const isModelledAccess = (q: Quantity): boolean => (MODELLED_ACCESSES as readonly string[]).includes(q);
export const isModelled = (q: Quantity): boolean => isModelledBranch(q) || isModelledAccess(q);

export interface EventRow {
  /** Intel's name. */
  readonly name: string;
  /** Other names of the same code in the model's list. */
  readonly aliases?: readonly string[];
  readonly event: number;
  readonly umask: number;
  readonly quantity: Quantity;
  /** General-purpose counters that can count it, as a mask; undefined: all. */
  readonly counters?: number;
  /** Bit of CPUID.0AH:EBX, for architectural events. */
  readonly architectural?: number;
}

/** A row: Intel's name, event, unit mask, what it counts, the counters that can. */
export const row = (name: string, event: number, umask: number, quantity: Quantity, counters?: number): EventRow =>
  counters === undefined ? { name, event, umask, quantity } : { name, event, umask, quantity, counters };

/** The fixed counters' events by index; `umask` = index + 1 with event 0 is Linux's pseudo code for them (0x0300 REF_TSC, 0x0400 SLOTS). */
export const FIXED_EVENTS: readonly EventRow[] = [
  row('INST_RETIRED.ANY', 0x00, 0x01, 'instructions'),
  row('CPU_CLK_UNHALTED.THREAD', 0x00, 0x02, 'cycles'),
  row('CPU_CLK_UNHALTED.REF_TSC', 0x00, 0x03, 'ref-tsc'),
  row('TOPDOWN.SLOTS', 0x00, 0x04, 'slots'),
];
