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
  | 'branch-misses'
  | 'llc-references'
  | 'llc-misses';

/** Quantities that the processor has and this model of it cannot count yet. They are refused with these words, never counted as zero. */
export const NOT_MODELLED: Readonly<Partial<Record<Quantity, string>>> = {
  'branch-misses': 'there is no branch predictor model yet',
  'llc-references': 'there is no cache model yet',
  'llc-misses': 'there is no cache model yet',
};

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
  ...memory('MEM_UOPS_RETIRED', 'ALL').slice(0, 2),
];

export const SKYLAKE_EVENTS: readonly EventRow[] = [
  cycles('CPU_CLK_UNHALTED.THREAD_P'),
  arch('CPU_CLK_UNHALTED.REF_XCLK', 0x3c, 0x01, 'ref-xclk', 2),
  INSTRUCTIONS,
  ...LLC,
  BRANCHES,
  ...BIG_CORE_BRANCHES,
  MISSES,
  ...memory('MEM_INST_RETIRED', 'ANY'),
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
  ...memory('MEM_UOPS_RETIRED', 'ALL'),
];

export const ICELAKE_EVENTS: readonly EventRow[] = [
  cycles('CPU_CLK_UNHALTED.THREAD_P'),
  arch('CPU_CLK_UNHALTED.REF_XCLK', 0x3c, 0x01, 'ref-xclk', 2),
  INSTRUCTIONS,
  ...LLC,
  BRANCHES,
  ...ICELAKE_BRANCHES,
  MISSES,
  SLOTS_P,
  ...memory('MEM_INST_RETIRED', 'ANY'),
];

/** As Ice Lake, but 3CH/01H counts at the rate of the TSC. */
export const SAPPHIRERAPIDS_EVENTS: readonly EventRow[] = [
  cycles('CPU_CLK_UNHALTED.THREAD_P'),
  arch('CPU_CLK_UNHALTED.REF_TSC_P', 0x3c, 0x01, 'ref-tsc', 2),
  ...ICELAKE_EVENTS.slice(2),
];

/** The fixed counters' events by index; `umask` = index + 1 with event 0 is Linux's pseudo code for them (0x0300 REF_TSC, 0x0400 SLOTS). */
export const FIXED_EVENTS: readonly EventRow[] = [
  row('INST_RETIRED.ANY', 0x00, 0x01, 'instructions'),
  row('CPU_CLK_UNHALTED.THREAD', 0x00, 0x02, 'cycles'),
  row('CPU_CLK_UNHALTED.REF_TSC', 0x00, 0x03, 'ref-tsc'),
  row('TOPDOWN.SLOTS', 0x00, 0x04, 'slots'),
];
