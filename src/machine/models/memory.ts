/**
 * Where the models' tables are in the engine's memory (engine/layout.ts MODELS): the log, a page of words, the predictor, TLBs, caches. The code
 * that works on them is generated (drain.ts); TypeScript only sets them up and reads the counts.
 */
import { MODELS } from '../engine/layout.ts';

export const LOG = MODELS;
/** A block is entered only below it; what one slice's REP iterations (at most 4096) and the rest of a block log fits above. */
export const LOG_FULL = MODELS + 0x10000;

const STATE = MODELS + 0x80000;
export const WORD = {
  /** Line that was fetched last, line that was accessed last (guest-physical address >> 6). */
  CODE_LINE: STATE,
  DATA_LINE: STATE + 4,
  /** i64 linear pages. */
  CODE_PAGE: STATE + 8,
  DATA_PAGE: STATE + 16,
  /** Outcomes of conditional branches; low bits of indirect targets. */
  HISTORY: STATE + 24,
  PATH: STATE + 28,
  /** Position of the newest return address, and how many there are. */
  RETURN_TOP: STATE + 32,
  RETURNS: STATE + 36,
  /** Line that the last lookup threw out. */
  EVICTED: STATE + 40,
  /** Slots that misses cost since the last drain. */
  PENALTY: STATE + 44,
  /** i64 linear address in the line that was accessed, and fetched, last: the shortest way to see that nothing is new. */
  DATA_LINEAR: STATE + 48,
  CODE_LINEAR: STATE + 56,
  /** Geometry: sets (or a mask) and ways; ways 0: there is none. */
  L1D_MASK: STATE + 64,
  L1D_WAYS: STATE + 68,
  L1I_MASK: STATE + 72,
  L1I_WAYS: STATE + 76,
  L2_SETS: STATE + 80,
  L2_WAYS: STATE + 84,
  LLC_SETS: STATE + 88,
  LLC_WAYS: STATE + 92,
  INCLUSIVE: STATE + 96,
  DTLB_MASK: STATE + 100,
  DTLB_WAYS: STATE + 104,
  ITLB_MASK: STATE + 108,
  ITLB_WAYS: STATE + 112,
  STLB_MASK: STATE + 116,
  STLB_WAYS: STATE + 120,
  BIMODAL_MASK: STATE + 124,
  GSHARE_MASK: STATE + 128,
  HISTORY_MASK: STATE + 132,
  BTB_MASK: STATE + 136,
  PATH_MASK: STATE + 140,
  RETURN_MASK: STATE + 144,
  /** Costs in slots. */
  COST_L2: STATE + 160,
  COST_LLC: STATE + 164,
  COST_MEMORY: STATE + 168,
  COST_STLB: STATE + 172,
  COST_WALK: STATE + 176,
  COST_MISPREDICT: STATE + 180,
} as const;
/** i32 for each of Retire's base events from EV.L1D_REPLACEMENT on, since the last look. */
export const COUNTS = STATE + 0x400;

/** Two-bit counters, one a byte. */
export const BIMODAL = MODELS + 0x81000;
export const CHOOSER = MODELS + 0x85000;
export const GSHARE = MODELS + 0x89000;
/** Targets of indirect branches: {i64 RIP, i64 target}. */
export const PATHS = MODELS + 0x99000;
export const BTB = MODELS + 0xa9000;
export const RETURNS = MODELS + 0xc9000;
/** Sets of i64 linear page numbers, newest first. */
export const ITLB = MODELS + 0xca000;
export const DTLB = MODELS + 0xcc000;
export const STLB = MODELS + 0xce000;
/** Sets of i32 line numbers, newest first; −1: empty. */
export const L1D = MODELS + 0xe0000;
export const L1I = MODELS + 0xf0000;
export const L2 = MODELS + 0x100000;
export const LLC = MODELS + 0x500000;

/** Most entries that fit. */
export const ROOM = {
  l1: (L1I - L1D) / 4,
  l2: (LLC - L2) / 4,
  llc: 0xb00000 / 4,
  tlb: (DTLB - ITLB) / 8,
  stlb: (L1D - STLB) / 8,
  bimodal: CHOOSER - BIMODAL,
  gshare: PATHS - GSHARE,
  paths: (BTB - PATHS) / 16,
  btb: (RETURNS - BTB) / 16,
  returns: (ITLB - RETURNS) / 8,
} as const;

/** An empty place of a TLB: no page has this number. */
export const NO_PAGE = -(2n ** 63n);
/** In no line: not canonical. */
export const NO_ADDRESS = -(2n ** 62n);
/** A line is 64 bytes on all models. */
export const LINE_SHIFT = 6;
