/**
 * Events by model: name, code, what is counted, on which counters. From Intel's event lists (github.com/intel/perfmon at 6dadedf, *_core.json: SKL V59,
 * BDW V30, NHM-EP V4, GLM V13, ICX V1.30, SPR V1.39: every row is there by this name and code, but for the nameless ones of Linux's tables); Core 2 and
 * Core Duo as in libpfm4 (intel_core_events.h, intel_coreduo_events.h, at 91970fe); architectural events from SDM Vol. 3B, Pre-defined Architectural
 * Performance Events. What a list has and this one has not cannot be counted here and is refused; docs/machine/events.md says what was compared.
 */
import { type EventRow, type Quantity, row } from './events.ts';

type Code = readonly [name: string, umask: number, quantity: Quantity];

const arch = (name: string, event: number, umask: number, quantity: Quantity, architectural: number): EventRow => ({
  name,
  event,
  umask,
  quantity,
  architectural,
});
const alias = (of: EventRow, ...aliases: string[]): EventRow => ({ ...of, aliases });
/** Rows of one event: `PREFIX.NAME`. */
const family = (prefix: string, event: number, codes: readonly Code[], counters?: number): readonly EventRow[] =>
  codes.map(([name, umask, quantity]) => row(`${prefix}.${name}`, event, umask, quantity, counters));
/** The lower four of eight counters: those events of Ice Lake and Sapphire Rapids (`Counter` in the lists; Linux's intel_icl_ and intel_glc_event_constraints). */
const lowerFour = (rows: readonly EventRow[]): readonly EventRow[] => rows.map((r) => ({ ...r, counters: 15 }));

// ---- architectural

const cycles = (name: string): EventRow => arch(name, 0x3c, 0x00, 'cycles', 0);
const INSTRUCTIONS = arch('INST_RETIRED.ANY_P', 0xc0, 0x00, 'instructions', 1);
const LLC: readonly EventRow[] = [
  arch('LONGEST_LAT_CACHE.REFERENCE', 0x2e, 0x4f, 'llc-references', 3),
  arch('LONGEST_LAT_CACHE.MISS', 0x2e, 0x41, 'llc-misses', 4),
];
const BRANCHES = arch('BR_INST_RETIRED.ALL_BRANCHES', 0xc4, 0x00, 'branches', 5);
const MISSES = arch('BR_MISP_RETIRED.ALL_BRANCHES', 0xc5, 0x00, 'branch-misses', 6);
const SLOTS_P = arch('TOPDOWN.SLOTS_P', 0xa4, 0x01, 'slots', 7);

// ---- branches

/** Broadwell to Skylake: C4H's unit masks before Ice Lake. */
const BIG_CORE_BRANCHES = family('BR_INST_RETIRED', 0xc4, [
  ['CONDITIONAL', 0x01, 'conditional'],
  ['NEAR_CALL', 0x02, 'near-call'],
  ['NEAR_RETURN', 0x08, 'near-return'],
  ['NOT_TAKEN', 0x10, 'conditional-not-taken'],
  ['NEAR_TAKEN', 0x20, 'branches-near-taken'],
  ['FAR_BRANCH', 0x40, 'far'],
]);
const SKYLAKE_NAMES: Readonly<Record<string, string>> = {
  'BR_INST_RETIRED.CONDITIONAL': 'BR_INST_RETIRED.COND',
  'BR_INST_RETIRED.NOT_TAKEN': 'BR_INST_RETIRED.COND_NTAKEN',
};
const BIG_CORE_MISSES = family('BR_MISP_RETIRED', 0xc5, [
  ['CONDITIONAL', 0x01, 'conditional-misses'],
  ['NEAR_TAKEN', 0x20, 'taken-misses'],
]);
/** Ice Lake on: 01H became the taken ones. */
const ICELAKE_BRANCHES = family('BR_INST_RETIRED', 0xc4, [
  ['COND_TAKEN', 0x01, 'conditional-taken'],
  ['NEAR_CALL', 0x02, 'near-call'],
  ['NEAR_RETURN', 0x08, 'near-return'],
  ['COND_NTAKEN', 0x10, 'conditional-not-taken'],
  ['COND', 0x11, 'conditional'],
  ['NEAR_TAKEN', 0x20, 'branches-near-taken'],
  ['FAR_BRANCH', 0x40, 'far'],
  ['INDIRECT', 0x80, 'indirect'],
]);
const ICELAKE_MISSES = family('BR_MISP_RETIRED', 0xc5, [
  ['COND_TAKEN', 0x01, 'conditional-taken-misses'],
  ['INDIRECT_CALL', 0x02, 'indirect-call-misses'],
  ['RET', 0x08, 'return-misses'],
  ['COND_NTAKEN', 0x10, 'conditional-not-taken-misses'],
  ['COND', 0x11, 'conditional-misses'],
  ['NEAR_TAKEN', 0x20, 'taken-misses'],
  ['INDIRECT', 0x80, 'indirect-misses'],
]);

// ---- memory

const memory = (prefix: string): readonly EventRow[] =>
  family(
    prefix,
    0xd0,
    [
      ['ALL_LOADS', 0x81, 'loads'],
      ['ALL_STORES', 0x82, 'stores'],
    ],
    15,
  );
const ANY_MEMORY = row('MEM_INST_RETIRED.ANY', 0xd0, 0x83, 'loads-stores', 15);
/** Retired loads by the level that had them, MEM_LOAD_RETIRED and its older name. */
const loadLevels = (prefix: string): readonly EventRow[] =>
  family(
    prefix,
    0xd1,
    [
      ['L1_HIT', 0x01, 'load-l1-hits'],
      ['L2_HIT', 0x02, 'load-l2-hits'],
      ['L3_HIT', 0x04, 'load-llc-hits'],
      ['L1_MISS', 0x08, 'load-l1-misses'],
      ['L2_MISS', 0x10, 'load-l2-misses'],
      ['L3_MISS', 0x20, 'load-llc-misses'],
    ],
    15,
  );
const L1D_REPLACEMENT = row('L1D.REPLACEMENT', 0x51, 0x01, 'l1d-replacement');
/** DTLB_LOAD_MISSES, DTLB_STORE_MISSES, ITLB_MISSES: events, and the unit mask of a second-level hit. All pages are of 4 KiB. */
const tlbs = (load: number, store: number, code: number, hit: number, causes: boolean): readonly EventRow[] =>
  (
    [
      ['DTLB_LOAD_MISSES', load, 'dtlb-load'],
      ['DTLB_STORE_MISSES', store, 'dtlb-store'],
      ['ITLB_MISSES', code, 'itlb'],
    ] as const
  ).flatMap(([prefix, event, what]) => [
    row(`${prefix}.WALK_COMPLETED`, event, 0x0e, `${what}-walks`),
    row(`${prefix}.WALK_COMPLETED_4K`, event, 0x02, `${what}-walks`),
    row(`${prefix}.STLB_HIT`, event, hit, `${what}-stlb-hits`),
    ...(causes ? [row(`${prefix}.MISS_CAUSES_A_WALK`, event, 0x01, `${what}-walks`)] : []),
  ]);
/** Accesses that walked and those across two lines, MEM_INST_RETIRED and its older name. */
const retiredAccesses = (prefix: string, stlb: string): readonly EventRow[] =>
  family(
    prefix,
    0xd0,
    [
      [`${stlb}_MISS_LOADS`, 0x11, 'stlb-miss-loads'],
      [`${stlb}_MISS_STORES`, 0x12, 'stlb-miss-stores'],
      ['SPLIT_LOADS', 0x41, 'split-loads'],
      ['SPLIT_STORES', 0x42, 'split-stores'],
    ],
    15,
  );
/** Demand requests to the second level; there is no prefetch, so all requests are. */
const L2_RQSTS = family('L2_RQSTS', 0x24, [
  ['DEMAND_DATA_RD_MISS', 0x21, 'llc-loads'],
  ['RFO_MISS', 0x22, 'llc-stores'],
  ['CODE_RD_MISS', 0x24, 'llc-code'],
  ['ALL_DEMAND_MISS', 0x27, 'llc-references'],
  ['DEMAND_DATA_RD_HIT', 0xc1, 'l2-data-read-hits'],
  ['RFO_HIT', 0xc2, 'l2-rfo-hits'],
  ['CODE_RD_HIT', 0xc4, 'l2-code-read-hits'],
  ['ALL_DEMAND_DATA_RD', 0xe1, 'l2-data-reads'],
  ['ALL_RFO', 0xe2, 'l2-rfos'],
  ['ALL_CODE_RD', 0xe4, 'l1i-misses'],
]);
const L2_RQSTS_ALL = family('L2_RQSTS', 0x24, [
  ['MISS', 0x3f, 'llc-references'],
  ['ALL_DEMAND_REFERENCES', 0xe7, 'l2-references'],
  ['REFERENCES', 0xff, 'l2-references'],
]);

// ---- arithmetic

const fpArith = (codes: readonly (readonly [name: string, umask: number])[]): readonly EventRow[] =>
  codes.map(([name, umask]) => row(`FP_ARITH_INST_RETIRED.${name}`, 0xc7, umask, `fp-arith-${umask}`));
const FP_ARITH = fpArith([
  ['SCALAR_DOUBLE', 0x01],
  ['SCALAR_SINGLE', 0x02],
  ['SCALAR', 0x03],
  ['128B_PACKED_DOUBLE', 0x04],
  ['128B_PACKED_SINGLE', 0x08],
  ['256B_PACKED_DOUBLE', 0x10],
  ['4_FLOPS', 0x18],
  ['256B_PACKED_SINGLE', 0x20],
  ['VECTOR', 0xfc],
]);
const FP_ARITH_BROADWELL = fpArith([
  ['DOUBLE', 0x15],
  ['SINGLE', 0x2a],
  ['PACKED', 0x3c],
]);
/** 512-bit instructions are none of any model here: those counts are 0, exactly. */
const FP_ARITH_SERVER = fpArith([
  ['512B_PACKED_DOUBLE', 0x40],
  ['8_FLOPS', 0x60],
  ['512B_PACKED_SINGLE', 0x80],
]);
const NOPS = row('INST_RETIRED.NOP', 0xc0, 0x02, 'nops');

/** The requests that leave the core, as plain events; Linux counts LLC-loads and its like by OFFCORE_RESPONSE (offcore.ts). */
const offcore = (event: number): readonly EventRow[] =>
  family('OFFCORE_REQUESTS', event, [
    ['DEMAND_DATA_RD', 0x01, 'llc-loads'],
    ['DEMAND_CODE_RD', 0x02, 'llc-code'],
    ['DEMAND_RFO', 0x04, 'llc-stores'],
  ]);
const offcoreMiss = (event: number): EventRow => row('OFFCORE_REQUESTS.L3_MISS_DEMAND_DATA_RD', event, 0x10, 'llc-load-misses');

// ---- by model

export const YONAH_EVENTS: readonly EventRow[] = [
  cycles('CPU_CLK_UNHALTED.CORE_P'),
  arch('CPU_CLK_UNHALTED.BUS', 0x3c, 0x01, 'ref-xclk', 2),
  INSTRUCTIONS,
  ...LLC,
  alias(arch('BR_INST_RETIRED', 0xc4, 0x00, 'branches', 5), 'BR_INSTR_RET'),
  alias(arch('BR_MISP_RETIRED', 0xc5, 0x00, 'branch-misses', 6), 'BR_MISPRED_RET'),
  alias(row('BR_TAKEN_RETIRED', 0xc9, 0x00, 'branches-taken'), 'BR_TAKEN_RET'),
  row('BR_MISPRED_TAKEN_RET', 0xca, 0x00, 'taken-misses'),
];

export const CORE2_EVENTS: readonly EventRow[] = [
  cycles('CPU_CLK_UNHALTED.CORE_P'),
  arch('CPU_CLK_UNHALTED.BUS', 0x3c, 0x01, 'ref-xclk', 2),
  INSTRUCTIONS,
  row('INST_RETIRED.LOADS', 0xc0, 0x01, 'loads'),
  row('INST_RETIRED.STORES', 0xc0, 0x02, 'stores'),
  ...LLC,
  arch('BR_INST_RETIRED.ANY', 0xc4, 0x00, 'branches', 5),
  row('BR_INST_RETIRED.MISPRED_NOT_TAKEN', 0xc4, 0x02, 'conditional-not-taken-misses'),
  row('BR_INST_RETIRED.MISPRED_TAKEN', 0xc4, 0x08, 'taken-misses'),
  row('BR_INST_RETIRED.TAKEN', 0xc4, 0x0c, 'branches-taken'),
  arch('BR_INST_RETIRED.MISPRED', 0xc5, 0x00, 'branch-misses', 6),
  row('L1D_CACHE_LD.MESI', 0x40, 0x0f, 'loads'),
  row('L1D_CACHE_LD.I_STATE', 0x40, 0x01, 'load-l1-misses'),
  row('L1D_CACHE_ST.MESI', 0x41, 0x0f, 'stores'),
  row('L1D_CACHE_ST.I_STATE', 0x41, 0x01, 'store-l1-misses'),
  row('L1D_REPL', 0x45, 0x0f, 'l1d-replacement'),
  row('L1I_MISSES', 0x81, 0x00, 'l1i-misses'),
  row('L2_LD.SELF.DEMAND.I_STATE', 0x29, 0x41, 'llc-load-misses'),
  row('L2_LD.SELF.DEMAND.MESI', 0x29, 0x4f, 'llc-loads'),
  row('L2_ST.SELF.I_STATE', 0x2a, 0x41, 'llc-store-misses'),
  row('L2_ST.SELF.MESI', 0x2a, 0x4f, 'llc-stores'),
  row('DTLB_MISSES.MISS_LD', 0x08, 0x02, 'dtlb-load-walks'),
  row('DTLB_MISSES.MISS_ST', 0x08, 0x08, 'dtlb-store-walks'),
  row('ITLB.MISSES', 0x82, 0x12, 'itlb-walks'),
  ...family(
    'MEM_LOAD_RETIRED',
    0xcb,
    [
      ['L1D_MISS', 0x01, 'load-l1-misses'],
      ['L2_MISS', 0x04, 'load-llc-misses'],
    ],
    1,
  ),
];

/** What 88H and 89H count of branches executed, here those retired. */
const NEHALEM_EXECUTED: readonly EventRow[] = [
  ...family('BR_INST_EXEC', 0x88, [
    ['COND', 0x01, 'conditional'],
    ['DIRECT', 0x02, 'jump-direct'],
    ['INDIRECT_NON_CALL', 0x04, 'indirect-jump'],
    ['NON_CALLS', 0x07, 'branches-near-jumps'],
    ['RETURN_NEAR', 0x08, 'near-return'],
    ['DIRECT_NEAR_CALL', 0x10, 'near-call-direct'],
    ['INDIRECT_NEAR_CALL', 0x20, 'near-call-indirect'],
    ['NEAR_CALLS', 0x30, 'near-call'],
    ['TAKEN', 0x40, 'branches-near-taken'],
  ]),
  ...family('BR_MISP_EXEC', 0x89, [
    ['COND', 0x01, 'conditional-misses'],
    ['INDIRECT_NON_CALL', 0x04, 'indirect-jump-misses'],
    ['RETURN_NEAR', 0x08, 'return-misses'],
    ['INDIRECT_NEAR_CALL', 0x20, 'indirect-call-misses'],
    ['NEAR_CALLS', 0x30, 'indirect-call-misses'],
    ['TAKEN', 0x40, 'taken-misses'],
    ['ANY', 0x7f, 'branch-misses'],
  ]),
];

/** The architectural codes of branches and instructions are not in the list, whose names stand for unit masks of their own; libpfm4's names. */
export const NEHALEM_EVENTS: readonly EventRow[] = [
  cycles('CPU_CLK_UNHALTED.THREAD_P'),
  arch('CPU_CLK_UNHALTED.REF_P', 0x3c, 0x01, 'ref-xclk', 2),
  arch('INSTRUCTION_RETIRED', 0xc0, 0x00, 'instructions', 1),
  row('INST_RETIRED.ANY_P', 0xc0, 0x01, 'instructions'),
  ...LLC,
  arch('BRANCH_INSTRUCTIONS_RETIRED', 0xc4, 0x00, 'branches', 5),
  ...family('BR_INST_RETIRED', 0xc4, [
    ['ALL_BRANCHES', 0x04, 'branches'],
    ['CONDITIONAL', 0x01, 'conditional'],
    ['NEAR_CALL', 0x02, 'near-call'],
  ]),
  ...NEHALEM_EXECUTED,
  arch('MISPREDICTED_BRANCH_RETIRED', 0xc5, 0x00, 'branch-misses', 6),
  row('BR_MISP_RETIRED.NEAR_CALL', 0xc5, 0x02, 'indirect-call-misses'),
  row('MEM_INST_RETIRED.LOADS', 0x0b, 0x01, 'loads'),
  row('MEM_INST_RETIRED.STORES', 0x0b, 0x02, 'stores'),
  ...family('MEM_LOAD_RETIRED', 0xcb, [
    ['L1D_HIT', 0x01, 'load-l1-hits'],
    ['L2_HIT', 0x02, 'load-l2-hits'],
    ['LLC_UNSHARED_HIT', 0x04, 'load-llc-hits'],
    ['LLC_MISS', 0x10, 'load-llc-misses'],
  ]),
  ...family('L2_RQSTS', 0x24, [
    ['LD_HIT', 0x01, 'l2-data-read-hits'],
    ['LD_MISS', 0x02, 'llc-loads'],
    ['LOADS', 0x03, 'l2-data-reads'],
    ['RFO_HIT', 0x04, 'l2-rfo-hits'],
    ['RFO_MISS', 0x08, 'llc-stores'],
    ['RFOS', 0x0c, 'l2-rfos'],
    ['IFETCH_HIT', 0x10, 'l2-code-read-hits'],
    ['IFETCH_MISS', 0x20, 'llc-code'],
    ['IFETCHES', 0x30, 'l1i-misses'],
    ['MISS', 0xaa, 'llc-references'],
    ['REFERENCES', 0xff, 'l2-references'],
  ]),
  row('L2_LINES_IN.ANY', 0xf1, 0x07, 'llc-references'),
  row('L1D.REPL', 0x51, 0x01, 'l1d-replacement', 3),
  row('L1D_CACHE_LD.MESI', 0x40, 0x0f, 'loads', 3),
  row('L1D_CACHE_LD.I_STATE', 0x40, 0x01, 'load-l1-misses', 3),
  row('L1D_CACHE_ST.MESI', 0x41, 0x0f, 'stores', 3), // the list has its states alone; Linux's dTLB-stores
  row('L1I.MISSES', 0x80, 0x02, 'l1i-misses'),
  row('DTLB_LOAD_MISSES.ANY', 0x08, 0x01, 'dtlb-load-walks'), // SDM: "all load misses that cause a page walk"
  row('DTLB_LOAD_MISSES.WALK_COMPLETED', 0x08, 0x02, 'dtlb-load-walks'),
  row('DTLB_LOAD_MISSES.STLB_HIT', 0x08, 0x10, 'dtlb-load-stlb-hits'),
  row('ITLB_MISSES.WALK_COMPLETED', 0x85, 0x02, 'itlb-walks'),
];

const BROADWELL_EXECUTED: readonly EventRow[] = [
  ...family('BR_INST_EXEC', 0x88, [
    ['NONTAKEN_CONDITIONAL', 0x41, 'conditional-not-taken'],
    ['TAKEN_CONDITIONAL', 0x81, 'conditional-taken'],
    ['TAKEN_DIRECT_JUMP', 0x82, 'jump-direct'],
    ['TAKEN_INDIRECT_JUMP_NON_CALL_RET', 0x84, 'indirect-jump'],
    ['TAKEN_INDIRECT_NEAR_RETURN', 0x88, 'near-return'],
    ['TAKEN_DIRECT_NEAR_CALL', 0x90, 'near-call-direct'],
    ['TAKEN_INDIRECT_NEAR_CALL', 0xa0, 'near-call-indirect'],
    ['ALL_CONDITIONAL', 0xc1, 'conditional'],
    ['ALL_DIRECT_JMP', 0xc2, 'jump-direct'],
    ['ALL_INDIRECT_JUMP_NON_CALL_RET', 0xc4, 'indirect-jump'],
    ['ALL_INDIRECT_NEAR_RETURN', 0xc8, 'near-return'],
    ['ALL_DIRECT_NEAR_CALL', 0xd0, 'near-call-direct'],
  ]),
  ...family('BR_MISP_EXEC', 0x89, [
    ['NONTAKEN_CONDITIONAL', 0x41, 'conditional-not-taken-misses'],
    ['TAKEN_CONDITIONAL', 0x81, 'conditional-taken-misses'],
    ['TAKEN_INDIRECT_JUMP_NON_CALL_RET', 0x84, 'indirect-jump-misses'],
    ['TAKEN_RETURN_NEAR', 0x88, 'return-misses'],
    ['TAKEN_INDIRECT_NEAR_CALL', 0xa0, 'indirect-call-misses'],
    ['ALL_CONDITIONAL', 0xc1, 'conditional-misses'],
    ['ALL_INDIRECT_JUMP_NON_CALL_RET', 0xc4, 'indirect-jump-misses'],
    ['INDIRECT', 0xe4, 'indirect-misses'],
    ['ALL_BRANCHES', 0xff, 'branch-misses'],
  ]),
];

export const BROADWELL_EVENTS: readonly EventRow[] = [
  cycles('CPU_CLK_UNHALTED.THREAD_P'),
  alias(arch('CPU_CLK_UNHALTED.REF_XCLK', 0x3c, 0x01, 'ref-xclk', 2), 'CPU_CLK_THREAD_UNHALTED.REF_XCLK'),
  INSTRUCTIONS,
  ...LLC,
  BRANCHES,
  ...BIG_CORE_BRANCHES,
  ...BROADWELL_EXECUTED,
  MISSES,
  ...BIG_CORE_MISSES,
  row('BR_MISP_RETIRED.RET', 0xc5, 0x08, 'return-misses'),
  ...memory('MEM_UOPS_RETIRED'),
  ...loadLevels('MEM_LOAD_UOPS_RETIRED'),
  L1D_REPLACEMENT,
  row('ICACHE.MISSES', 0x80, 0x02, 'l1i-misses'),
  ...tlbs(0x08, 0x49, 0x85, 0x60, true),
  ...family('DTLB_LOAD_MISSES', 0x08, [['STLB_HIT_4K', 0x20, 'dtlb-load-stlb-hits']]),
  ...family('DTLB_STORE_MISSES', 0x49, [['STLB_HIT_4K', 0x20, 'dtlb-store-stlb-hits']]),
  ...family('ITLB_MISSES', 0x85, [['STLB_HIT_4K', 0x20, 'itlb-stlb-hits']]),
  ...retiredAccesses('MEM_UOPS_RETIRED', 'STLB'),
  ...L2_RQSTS,
  ...L2_RQSTS_ALL,
  row('L2_LINES_IN.ALL', 0xf1, 0x07, 'llc-references'),
  ...FP_ARITH,
  ...FP_ARITH_BROADWELL,
  ...offcore(0xb0),
];

export const SKYLAKE_EVENTS: readonly EventRow[] = [
  cycles('CPU_CLK_UNHALTED.THREAD_P'),
  alias(arch('CPU_CLK_UNHALTED.REF_XCLK', 0x3c, 0x01, 'ref-xclk', 2), 'CPU_CLK_THREAD_UNHALTED.REF_XCLK'),
  INSTRUCTIONS,
  ...LLC,
  BRANCHES,
  ...BIG_CORE_BRANCHES.map((r) => (SKYLAKE_NAMES[r.name] === undefined ? r : alias(r, SKYLAKE_NAMES[r.name] as string))),
  MISSES,
  ...BIG_CORE_MISSES,
  row('BR_MISP_RETIRED.NEAR_CALL', 0xc5, 0x02, 'indirect-call-misses'),
  row('BR_MISP_EXEC.INDIRECT', 0x89, 0xe4, 'indirect-misses'),
  row('BR_MISP_EXEC.ALL_BRANCHES', 0x89, 0xff, 'branch-misses'),
  ...memory('MEM_INST_RETIRED'),
  ANY_MEMORY,
  ...loadLevels('MEM_LOAD_RETIRED'),
  L1D_REPLACEMENT,
  row('ICACHE_64B.IFTAG_MISS', 0x83, 0x02, 'l1i-misses'),
  ...tlbs(0x08, 0x49, 0x85, 0x20, true),
  ...retiredAccesses('MEM_INST_RETIRED', 'STLB'),
  ...L2_RQSTS,
  ...L2_RQSTS_ALL,
  row('L2_LINES_IN.ALL', 0xf1, 0x1f, 'llc-references'),
  ...FP_ARITH,
  NOPS,
  ...offcore(0xb0),
  offcoreMiss(0xb0),
];

export const GOLDMONT_EVENTS: readonly EventRow[] = [
  cycles('CPU_CLK_UNHALTED.CORE_P'),
  arch('CPU_CLK_UNHALTED.REF', 0x3c, 0x01, 'ref-xclk', 2),
  INSTRUCTIONS,
  ...LLC,
  BRANCHES,
  ...family('BR_INST_RETIRED', 0xc4, [
    ['JCC', 0x7e, 'conditional'],
    ['ALL_TAKEN_BRANCHES', 0x80, 'branches-taken'],
    ['FAR_BRANCH', 0xbf, 'far'],
    ['NON_RETURN_IND', 0xeb, 'indirect-jump-call'],
    ['RETURN', 0xf7, 'near-return'],
    ['CALL', 0xf9, 'near-call'],
    ['IND_CALL', 0xfb, 'near-call-indirect'],
    ['REL_CALL', 0xfd, 'near-call-direct'],
    ['TAKEN_JCC', 0xfe, 'conditional-taken'],
  ]),
  MISSES,
  ...family('BR_MISP_RETIRED', 0xc5, [
    ['JCC', 0x7e, 'conditional-misses'],
    ['NON_RETURN_IND', 0xeb, 'indirect-misses'],
    ['IND_CALL', 0xfb, 'indirect-call-misses'],
    ['RETURN', 0xf7, 'return-misses'],
    ['TAKEN_JCC', 0xfe, 'conditional-taken-misses'],
  ]),
  ...memory('MEM_UOPS_RETIRED'),
  row('MEM_UOPS_RETIRED.ALL', 0xd0, 0x83, 'loads-stores'),
  ...retiredAccesses('MEM_UOPS_RETIRED', 'DTLB'),
  row('MEM_UOPS_RETIRED.DTLB_MISS', 0xd0, 0x13, 'stlb-misses'),
  row('MEM_UOPS_RETIRED.SPLIT', 0xd0, 0x43, 'splits'),
  row('MEM_LOAD_UOPS_RETIRED.L1_HIT', 0xd1, 0x01, 'load-l1-hits'),
  row('MEM_LOAD_UOPS_RETIRED.L1_MISS', 0xd1, 0x08, 'load-l1-misses'),
  row('MEM_LOAD_UOPS_RETIRED.L2_HIT', 0xd1, 0x02, 'load-llc-hits'),
  row('MEM_LOAD_UOPS_RETIRED.L2_MISS', 0xd1, 0x10, 'load-llc-misses'),
  row('ICACHE.MISSES', 0x80, 0x02, 'l1i-misses'),
  row('ITLB.MISS', 0x81, 0x04, 'itlb-walks'),
];

const ICELAKE_CORE: readonly EventRow[] = [
  INSTRUCTIONS,
  ...LLC,
  BRANCHES,
  ...ICELAKE_BRANCHES,
  MISSES,
  ...ICELAKE_MISSES,
  SLOTS_P,
  ...memory('MEM_INST_RETIRED'),
  ANY_MEMORY,
  ...loadLevels('MEM_LOAD_RETIRED'),
  ...retiredAccesses('MEM_INST_RETIRED', 'STLB'),
  ...lowerFour([L1D_REPLACEMENT, ...L2_RQSTS]),
  ...FP_ARITH,
  ...FP_ARITH_SERVER,
  NOPS,
];

export const ICELAKE_EVENTS: readonly EventRow[] = [
  cycles('CPU_CLK_UNHALTED.THREAD_P'),
  arch('CPU_CLK_UNHALTED.REF_XCLK', 0x3c, 0x01, 'ref-xclk', 2),
  ...ICELAKE_CORE,
  ...lowerFour([
    ...offcore(0xb0),
    offcoreMiss(0xb0),
    row('L2_LINES_IN.ALL', 0xf1, 0x1f, 'llc-references'),
    row('ICACHE_64B.IFTAG_MISS', 0x83, 0x02, 'l1i-misses'),
    ...tlbs(0x08, 0x49, 0x85, 0x20, false),
  ]),
];

const SAPPHIRERAPIDS_NAMES: Readonly<Record<string, string>> = {
  'L2_RQSTS.MISS': 'L2_REQUEST.MISS',
  'L2_RQSTS.REFERENCES': 'L2_REQUEST.ALL',
};
/**
 * As Ice Lake, but 3CH/01H counts at the rate of the TSC, and TLB events have other codes. C4H and C5H with unit mask 04H are Linux's branch-loads
 * and branch-load-misses; Intel's list has no such mask (assumed: as 00H, docs/model.md).
 */
export const SAPPHIRERAPIDS_EVENTS: readonly EventRow[] = [
  cycles('CPU_CLK_UNHALTED.THREAD_P'),
  arch('CPU_CLK_UNHALTED.REF_TSC_P', 0x3c, 0x01, 'ref-tsc', 2),
  ...ICELAKE_CORE,
  row('BR_INST_RETIRED.04H', 0xc4, 0x04, 'branches'),
  row('BR_MISP_RETIRED.04H', 0xc5, 0x04, 'branch-misses'),
  ...lowerFour([
    ...offcore(0x21),
    offcoreMiss(0x21),
    ...L2_RQSTS_ALL.map((r) => (SAPPHIRERAPIDS_NAMES[r.name] === undefined ? r : alias(r, SAPPHIRERAPIDS_NAMES[r.name] as string))),
    row('L2_LINES_IN.ALL', 0x25, 0x1f, 'llc-references'),
    ...tlbs(0x12, 0x13, 0x11, 0x20, false),
  ]),
];
