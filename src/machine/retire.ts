/**
 * The retire point: the one place through which every architectural event passes. The engine hands over what a slice of execution retired;
 * PMU, ledger and clock read the sums. Nothing else writes them.
 */

/** Base events. Every countable event is a sum or difference of these (machine/pmu/events.ts). */
export const EV = {
  INSTRUCTIONS: 0,
  /** Issue slots of the static cost table; CpuModel.costs.slotsPerCycle make a cycle. */
  SLOTS: 1,
  LOADS: 2,
  STORES: 3,
  /** Conditional branches, taken or not. */
  COND: 4,
  COND_TAKEN: 5,
  /** Direct unconditional near JMP. */
  JMP: 6,
  JMP_INDIRECT: 7,
  CALL: 8,
  CALL_INDIRECT: 9,
  RET: 10,
  /** Far transfers: SYSCALL, SYSRET, IRET, INT n. Counted in the ring that they retire from. Exceptions and interrupts are none. */
  FAR: 11,

  // What the models saw (machine/models), in the order of models/memory.ts COUNTS; zero while nothing observes. Modelled.
  /** Lines brought into the L1 data cache. */
  L1D_REPLACEMENT: 12,
  /** Load instructions' accesses that missed: once each, however many lines. */
  LOAD_L1_MISS: 13,
  LOAD_L2_MISS: 14,
  LOAD_LLC_MISS: 15,
  STORE_L1_MISS: 16,
  /** Lines brought into the L1 instruction cache. */
  L1I_MISS: 17,
  /** Lines asked of the last level. */
  LLC_LOAD: 18,
  LLC_STORE: 19,
  LLC_CODE: 20,
  LLC_LOAD_MISS: 21,
  LLC_STORE_MISS: 22,
  LLC_CODE_MISS: 23,
  DTLB_LOAD_STLB_HIT: 24,
  DTLB_LOAD_WALK: 25,
  DTLB_STORE_STLB_HIT: 26,
  DTLB_STORE_WALK: 27,
  ITLB_STLB_HIT: 28,
  ITLB_WALK: 29,
  /** Conditional branches predicted wrong, by what they did. */
  MISPREDICTED_TAKEN: 30,
  MISPREDICTED_NOT_TAKEN: 31,
  MISPREDICTED_JMP: 32,
  MISPREDICTED_CALL: 33,
  MISPREDICTED_RET: 34,
  /** Of L1D_REPLACEMENT those that stores brought in. */
  L1D_RFO: 35,
  /** Load and store instructions' accesses that walked: once each, however many pages. */
  LOAD_STLB_MISS: 36,
  STORE_STLB_MISS: 37,

  // What the observing variant sees beside them; exact, and zero while nothing observes.
  /** Load and store instructions' accesses across two lines. */
  SPLIT_LOAD: 38,
  SPLIT_STORE: 39,
  /** SSE and AVX arithmetic (engine/decode/arithmetic.ts), in the order of its fields. */
  FP_SCALAR_DOUBLE: 40,
  FP_SCALAR_SINGLE: 41,
  FP_128_DOUBLE: 42,
  FP_128_SINGLE: 43,
  FP_256_DOUBLE: 44,
  FP_256_SINGLE: 45,
  NOP: 46,
} as const;
export const EV_COUNT = 47;

export const MODE = { USER: 0, KERNEL: 1, OVERHEAD: 2 } as const;
export type Mode = (typeof MODE)[keyof typeof MODE];

export class Retire {
  /** Sums since power-on at [mode * EV_COUNT + ev]; exact integers in doubles. */
  readonly totals = new Float64Array(3 * EV_COUNT);

  total(mode: Mode, ev: number): number {
    return this.totals[mode * EV_COUNT + ev] as number;
  }
  add(mode: Mode, ev: number, n: number): void {
    const i = mode * EV_COUNT + ev;
    this.totals[i] = (this.totals[i] as number) + n;
  }
  /** Over all modes. */
  sum(ev: number): number {
    return this.total(MODE.USER, ev) + this.total(MODE.KERNEL, ev) + this.total(MODE.OVERHEAD, ev);
  }
}
