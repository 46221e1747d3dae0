/**
 * Events by model: name, code, what is counted. Codes from Intel's event lists (github.com/intel/perfmon, *_core.json: SKL V59,
 * BDW V30, NHM-EP V4, GLM V13, ICX V1.30, SPR V1.39); Core 2's unit masks as in libpfm4's intel_core_events.h, Core Duo's C9H as in P6 tables;
 * architectural events from SDM Vol. 3B, Pre-defined Architectural Performance Events.
 */

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
  | 'loads'
  | 'stores'
  | 'loads-stores'
  /** OFFCORE_RESPONSE with a request word that the models cannot tell. */
  | 'unknown-response'
  | ModelledQuantity;

/** What the cache, TLB and predictor models count (machine/models): figures of a model, not of the program's path. */
const MODELLED_BRANCHES = [
  'branch-misses',
  'conditional-misses',
  'conditional-taken-misses',
  'taken-misses',
  'indirect-call-misses',
  'indirect-misses',
  'return-misses',
] as const;
const MODELLED_ACCESSES = [
  'l1d-replacement',
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
] as const;
export type ModelledQuantity = (typeof MODELLED_BRANCHES)[number] | (typeof MODELLED_ACCESSES)[number];
const isModelledBranch = (q: Quantity): boolean => (MODELLED_BRANCHES as readonly string[]).includes(q);
/** Several may fall into one instruction. */
export const isModelledAccess = (q: Quantity): boolean => (MODELLED_ACCESSES as readonly string[]).includes(q);
export const isModelled = (q: Quantity): boolean => isModelledBranch(q) || isModelledAccess(q);

export interface EventRow {
  /** Intel's name. */
  readonly name: string;
  readonly event: number;
  readonly umask: number;
  readonly quantity: Quantity;
  /** General-purpose counters that can count it, as a mask; undefined: all. */
  readonly counters?: number;
  /** Bit of CPUID.0AH:EBX, for architectural events. */
  readonly architectural?: number;
}

const row = (name: string, event: number, umask: number, quantity: Quantity, counters?: number): EventRow =>
  counters === undefined ? { name, event, umask, quantity } : { name, event, umask, quantity, counters };
const arch = (name: string, event: number, umask: number, quantity: Quantity, architectural: number): EventRow => ({
  name,
  event,
  umask,
  quantity,
  architectural,
});

const INSTRUCTIONS = arch('INST_RETIRED.ANY_P', 0xc0, 0x00, 'instructions', 1);
const BRANCHES = arch('BR_INST_RETIRED.ALL_BRANCHES', 0xc4, 0x00, 'branches', 5);
const MISSES = arch('BR_MISP_RETIRED.ALL_BRANCHES', 0xc5, 0x00, 'branch-misses', 6);
const LLC: readonly EventRow[] = [
  arch('LONGEST_LAT_CACHE.REFERENCE', 0x2e, 0x4f, 'llc-references', 3),
  arch('LONGEST_LAT_CACHE.MISS', 0x2e, 0x41, 'llc-misses', 4),
];
/** Retired loads by the level that had them, MEM_LOAD_RETIRED and its older name. */
const loadLevels = (prefix: string): readonly EventRow[] => [
  row(`${prefix}.L1_HIT`, 0xd1, 0x01, 'load-l1-hits', 15),
  row(`${prefix}.L2_HIT`, 0xd1, 0x02, 'load-l2-hits', 15),
  row(`${prefix}.L3_HIT`, 0xd1, 0x04, 'load-llc-hits', 15),
  row(`${prefix}.L1_MISS`, 0xd1, 0x08, 'load-l1-misses', 15),
  row(`${prefix}.L2_MISS`, 0xd1, 0x10, 'load-l2-misses', 15),
  row(`${prefix}.L3_MISS`, 0xd1, 0x20, 'load-llc-misses', 15),
];
const L1D_REPLACEMENT = row('L1D.REPLACEMENT', 0x51, 0x01, 'l1d-replacement');
/** DTLB_LOAD_MISSES, DTLB_STORE_MISSES, ITLB_MISSES: events, and the unit masks of a walk and of a second-level hit. */
const tlbs = (load: number, store: number, code: number, walk: readonly [string, number], hit: number): readonly EventRow[] => [
  row(`DTLB_LOAD_MISSES.${walk[0]}`, load, walk[1], 'dtlb-load-walks'),
  row('DTLB_LOAD_MISSES.STLB_HIT', load, hit, 'dtlb-load-stlb-hits'),
  row(`DTLB_STORE_MISSES.${walk[0]}`, store, walk[1], 'dtlb-store-walks'),
  row('DTLB_STORE_MISSES.STLB_HIT', store, hit, 'dtlb-store-stlb-hits'),
  row(`ITLB_MISSES.${walk[0]}`, code, walk[1], 'itlb-walks'),
  row('ITLB_MISSES.STLB_HIT', code, hit, 'itlb-stlb-hits'),
];
const WALK_COMPLETED = ['WALK_COMPLETED', 0x0e] as const;
/**
 * The requests that leave the core, as plain events; Linux counts LLC-loads and its like by OFFCORE_RESPONSE (offcore.ts).
 */
const offcore = (event: number): readonly EventRow[] => [
  row('OFFCORE_REQUESTS.DEMAND_DATA_RD', event, 0x01, 'llc-loads'),
  row('OFFCORE_REQUESTS.DEMAND_CODE_RD', event, 0x02, 'llc-code'),
  row('OFFCORE_REQUESTS.DEMAND_RFO', event, 0x04, 'llc-stores'),
];
const offcoreMiss = (event: number): EventRow => row('OFFCORE_REQUESTS.L3_MISS_DEMAND_DATA_RD', event, 0x10, 'llc-load-misses');
const BIG_CORE_MISSES: readonly EventRow[] = [
  row('BR_MISP_RETIRED.CONDITIONAL', 0xc5, 0x01, 'conditional-misses'),
  row('BR_MISP_RETIRED.NEAR_TAKEN', 0xc5, 0x20, 'taken-misses'),
];
const cycles = (name: string): EventRow => arch(name, 0x3c, 0x00, 'cycles', 0);

/** Broadwell to Skylake: C4H's unit masks before Ice Lake. */
const BIG_CORE_BRANCHES: readonly EventRow[] = [
  row('BR_INST_RETIRED.CONDITIONAL', 0xc4, 0x01, 'conditional'),
  row('BR_INST_RETIRED.NEAR_CALL', 0xc4, 0x02, 'near-call'),
  row('BR_INST_RETIRED.NEAR_RETURN', 0xc4, 0x08, 'near-return'),
  row('BR_INST_RETIRED.NOT_TAKEN', 0xc4, 0x10, 'conditional-not-taken'),
  row('BR_INST_RETIRED.NEAR_TAKEN', 0xc4, 0x20, 'branches-near-taken'),
  row('BR_INST_RETIRED.FAR_BRANCH', 0xc4, 0x40, 'far'),
];
/** Ice Lake on: 01H became the taken ones. */
const ICELAKE_BRANCHES: readonly EventRow[] = [
  row('BR_INST_RETIRED.COND_TAKEN', 0xc4, 0x01, 'conditional-taken'),
  row('BR_INST_RETIRED.NEAR_CALL', 0xc4, 0x02, 'near-call'),
  row('BR_INST_RETIRED.NEAR_RETURN', 0xc4, 0x08, 'near-return'),
  row('BR_INST_RETIRED.COND_NTAKEN', 0xc4, 0x10, 'conditional-not-taken'),
  row('BR_INST_RETIRED.COND', 0xc4, 0x11, 'conditional'),
  row('BR_INST_RETIRED.NEAR_TAKEN', 0xc4, 0x20, 'branches-near-taken'),
  row('BR_INST_RETIRED.FAR_BRANCH', 0xc4, 0x40, 'far'),
  row('BR_INST_RETIRED.INDIRECT', 0xc4, 0x80, 'indirect'),
];
const ICELAKE_MISSES: readonly EventRow[] = [
  row('BR_MISP_RETIRED.COND_TAKEN', 0xc5, 0x01, 'conditional-taken-misses'),
  row('BR_MISP_RETIRED.INDIRECT_CALL', 0xc5, 0x02, 'indirect-call-misses'),
  row('BR_MISP_RETIRED.COND', 0xc5, 0x11, 'conditional-misses'),
  row('BR_MISP_RETIRED.NEAR_TAKEN', 0xc5, 0x20, 'taken-misses'),
  row('BR_MISP_RETIRED.INDIRECT', 0xc5, 0x80, 'indirect-misses'),
];
const memory = (prefix: string, any: string): readonly EventRow[] => [
  row(`${prefix}.ALL_LOADS`, 0xd0, 0x81, 'loads', 15),
  row(`${prefix}.ALL_STORES`, 0xd0, 0x82, 'stores', 15),
  row(`${prefix}.${any}`, 0xd0, 0x83, 'loads-stores', 15),
];
const SLOTS_P = arch('TOPDOWN.SLOTS_P', 0xa4, 0x01, 'slots', 7);

export const YONAH_EVENTS: readonly EventRow[] = [
  cycles('CPU_CLK_UNHALTED.CORE_P'),
  arch('CPU_CLK_UNHALTED.BUS', 0x3c, 0x01, 'ref-xclk', 2),
  INSTRUCTIONS,
  ...LLC,
  arch('BR_INST_RETIRED', 0xc4, 0x00, 'branches', 5),
  arch('BR_MISP_RETIRED', 0xc5, 0x00, 'branch-misses', 6),
  row('BR_TAKEN_RETIRED', 0xc9, 0x00, 'branches-taken'),
];

export const CORE2_EVENTS: readonly EventRow[] = [
  cycles('CPU_CLK_UNHALTED.CORE_P'),
  arch('CPU_CLK_UNHALTED.BUS', 0x3c, 0x01, 'ref-xclk', 2),
  INSTRUCTIONS,
  row('INST_RETIRED.LOADS', 0xc0, 0x01, 'loads'),
  row('INST_RETIRED.STORES', 0xc0, 0x02, 'stores'),
  ...LLC,
  arch('BR_INST_RETIRED.ANY', 0xc4, 0x00, 'branches', 5),
  row('BR_INST_RETIRED.TAKEN', 0xc4, 0x0c, 'branches-taken'),
  arch('BR_INST_RETIRED.MISPRED', 0xc5, 0x00, 'branch-misses', 6),
  row('L1D_REPL', 0x45, 0x0f, 'l1d-replacement'),
  row('L1I_MISSES', 0x81, 0x00, 'l1i-misses'),
  row('L2_LD.SELF.DEMAND.I_STATE', 0x29, 0x41, 'llc-load-misses'),
  row('L2_LD.SELF.DEMAND.MESI', 0x29, 0x4f, 'llc-loads'),
  row('L2_ST.SELF.I_STATE', 0x2a, 0x41, 'llc-store-misses'),
  row('L2_ST.SELF.MESI', 0x2a, 0x4f, 'llc-stores'),
  row('DTLB_MISSES.MISS_LD', 0x08, 0x02, 'dtlb-load-walks'),
  row('DTLB_MISSES.MISS_ST', 0x08, 0x08, 'dtlb-store-walks'),
  row('ITLB.MISSES', 0x82, 0x12, 'itlb-walks'),
];

export const NEHALEM_EVENTS: readonly EventRow[] = [
  cycles('CPU_CLK_UNHALTED.THREAD_P'),
  arch('CPU_CLK_UNHALTED.REF_P', 0x3c, 0x01, 'ref-xclk', 2),
  INSTRUCTIONS,
  ...LLC,
  BRANCHES,
  row('BR_INST_RETIRED.CONDITIONAL', 0xc4, 0x01, 'conditional'),
  row('BR_INST_RETIRED.NEAR_CALL', 0xc4, 0x02, 'near-call'),
  row('BR_INST_EXEC.INDIRECT_NON_CALL', 0x88, 0x04, 'indirect-jump'),
  row('BR_INST_EXEC.INDIRECT_NEAR_CALL', 0x88, 0x20, 'near-call-indirect'),
  row('BR_INST_EXEC.RETURN_NEAR', 0x88, 0x08, 'near-return'),
  row('BR_INST_EXEC.TAKEN', 0x88, 0x40, 'branches-near-taken'),
  MISSES,
  row('MEM_INST_RETIRED.LOADS', 0x0b, 0x01, 'loads'),
  row('MEM_INST_RETIRED.STORES', 0x0b, 0x02, 'stores'),
  row('L1D.REPL', 0x51, 0x01, 'l1d-replacement'),
  row('L1I.MISSES', 0x80, 0x02, 'l1i-misses'),
  row('DTLB_LOAD_MISSES.WALK_COMPLETED', 0x08, 0x02, 'dtlb-load-walks'),
  row('DTLB_LOAD_MISSES.STLB_HIT', 0x08, 0x10, 'dtlb-load-stlb-hits'),
  row('ITLB_MISSES.WALK_COMPLETED', 0x85, 0x02, 'itlb-walks'),
];

export const BROADWELL_EVENTS: readonly EventRow[] = [
  cycles('CPU_CLK_UNHALTED.THREAD_P'),
  arch('CPU_CLK_UNHALTED.REF_XCLK', 0x3c, 0x01, 'ref-xclk', 2),
  INSTRUCTIONS,
  ...LLC,
  BRANCHES,
  ...BIG_CORE_BRANCHES,
  row('BR_INST_EXEC.ALL_INDIRECT_JUMP_NON_CALL_RET', 0x88, 0xc4, 'indirect-jump'),
  row('BR_INST_EXEC.TAKEN_INDIRECT_NEAR_CALL', 0x88, 0xa0, 'near-call-indirect'),
  MISSES,
  ...BIG_CORE_MISSES,
  row('BR_MISP_RETIRED.RET', 0xc5, 0x08, 'return-misses'),
  ...memory('MEM_UOPS_RETIRED', 'ALL').slice(0, 2),
  ...loadLevels('MEM_LOAD_UOPS_RETIRED'),
  L1D_REPLACEMENT,
  row('ICACHE.MISSES', 0x80, 0x02, 'l1i-misses'),
  ...tlbs(0x08, 0x49, 0x85, ['MISS_CAUSES_A_WALK', 0x01], 0x60),
  ...offcore(0xb0),
];

export const SKYLAKE_EVENTS: readonly EventRow[] = [
  cycles('CPU_CLK_UNHALTED.THREAD_P'),
  arch('CPU_CLK_UNHALTED.REF_XCLK', 0x3c, 0x01, 'ref-xclk', 2),
  INSTRUCTIONS,
  ...LLC,
  BRANCHES,
  ...BIG_CORE_BRANCHES,
  MISSES,
  ...BIG_CORE_MISSES,
  row('BR_MISP_RETIRED.NEAR_CALL', 0xc5, 0x02, 'indirect-call-misses'),
  ...memory('MEM_INST_RETIRED', 'ANY'),
  ...loadLevels('MEM_LOAD_RETIRED'),
  L1D_REPLACEMENT,
  row('ICACHE_64B.IFTAG_MISS', 0x83, 0x02, 'l1i-misses'),
  ...tlbs(0x08, 0x49, 0x85, WALK_COMPLETED, 0x20),
  ...offcore(0xb0),
  offcoreMiss(0xb0),
];

export const GOLDMONT_EVENTS: readonly EventRow[] = [
  cycles('CPU_CLK_UNHALTED.CORE_P'),
  arch('CPU_CLK_UNHALTED.REF', 0x3c, 0x01, 'ref-xclk', 2),
  INSTRUCTIONS,
  ...LLC,
  BRANCHES,
  row('BR_INST_RETIRED.JCC', 0xc4, 0x7e, 'conditional'),
  row('BR_INST_RETIRED.ALL_TAKEN_BRANCHES', 0xc4, 0x80, 'branches-taken'),
  row('BR_INST_RETIRED.FAR_BRANCH', 0xc4, 0xbf, 'far'),
  row('BR_INST_RETIRED.NON_RETURN_IND', 0xc4, 0xeb, 'indirect-jump-call'),
  row('BR_INST_RETIRED.RETURN', 0xc4, 0xf7, 'near-return'),
  row('BR_INST_RETIRED.CALL', 0xc4, 0xf9, 'near-call'),
  row('BR_INST_RETIRED.IND_CALL', 0xc4, 0xfb, 'near-call-indirect'),
  row('BR_INST_RETIRED.REL_CALL', 0xc4, 0xfd, 'near-call-direct'),
  row('BR_INST_RETIRED.TAKEN_JCC', 0xc4, 0xfe, 'conditional-taken'),
  MISSES,
  row('BR_MISP_RETIRED.JCC', 0xc5, 0x7e, 'conditional-misses'),
  row('BR_MISP_RETIRED.IND_CALL', 0xc5, 0xfb, 'indirect-call-misses'),
  row('BR_MISP_RETIRED.RETURN', 0xc5, 0xf7, 'return-misses'),
  row('BR_MISP_RETIRED.TAKEN_JCC', 0xc5, 0xfe, 'conditional-taken-misses'),
  ...memory('MEM_UOPS_RETIRED', 'ALL'),
  row('MEM_LOAD_UOPS_RETIRED.L1_HIT', 0xd1, 0x01, 'load-l1-hits'),
  row('MEM_LOAD_UOPS_RETIRED.L1_MISS', 0xd1, 0x08, 'load-l1-misses'),
  row('MEM_LOAD_UOPS_RETIRED.L2_MISS', 0xd1, 0x10, 'load-llc-misses'),
  row('ICACHE.MISSES', 0x80, 0x02, 'l1i-misses'),
  row('ITLB.MISS', 0x81, 0x04, 'itlb-walks'),
];

const ICELAKE_CORE: readonly EventRow[] = [
  cycles('CPU_CLK_UNHALTED.THREAD_P'),
  arch('CPU_CLK_UNHALTED.REF_XCLK', 0x3c, 0x01, 'ref-xclk', 2),
  INSTRUCTIONS,
  ...LLC,
  BRANCHES,
  ...ICELAKE_BRANCHES,
  MISSES,
  ...ICELAKE_MISSES,
  SLOTS_P,
  ...memory('MEM_INST_RETIRED', 'ANY'),
  ...loadLevels('MEM_LOAD_RETIRED'),
  L1D_REPLACEMENT,
];

export const ICELAKE_EVENTS: readonly EventRow[] = [
  ...ICELAKE_CORE,
  ...offcore(0xb0),
  offcoreMiss(0xb0),
  row('ICACHE_64B.IFTAG_MISS', 0x83, 0x02, 'l1i-misses'),
  ...tlbs(0x08, 0x49, 0x85, WALK_COMPLETED, 0x20),
];

/** As Ice Lake, but 3CH/01H counts at the rate of the TSC, and TLB events have other codes. */
export const SAPPHIRERAPIDS_EVENTS: readonly EventRow[] = [
  cycles('CPU_CLK_UNHALTED.THREAD_P'),
  arch('CPU_CLK_UNHALTED.REF_TSC_P', 0x3c, 0x01, 'ref-tsc', 2),
  ...ICELAKE_CORE.slice(2),
  ...offcore(0x21),
  offcoreMiss(0x21),
  row('L2_RQSTS.ALL_CODE_RD', 0x24, 0xe4, 'l1i-misses'),
  ...tlbs(0x12, 0x13, 0x11, WALK_COMPLETED, 0x20),
];

/** The fixed counters' events by index; `umask` = index + 1 with event 0 is Linux's pseudo code for them (0x0300 REF_TSC, 0x0400 SLOTS). */
export const FIXED_EVENTS: readonly EventRow[] = [
  row('INST_RETIRED.ANY', 0x00, 0x01, 'instructions'),
  row('CPU_CLK_UNHALTED.THREAD', 0x00, 0x02, 'cycles'),
  row('CPU_CLK_UNHALTED.REF_TSC', 0x00, 0x03, 'ref-tsc'),
  row('TOPDOWN.SLOTS', 0x00, 0x04, 'slots'),
];
