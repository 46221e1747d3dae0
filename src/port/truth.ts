/**
 * The retire stream's own totals, for the ledger. Everything that retires passes through one place in the machine and is summed there
 * always, whether a counter is programmed or not.
 */

/** Sums since power-on. `overhead` is perf's own work (all of it ring 0) and not part of `kernel`. Exact integers in doubles. */
export interface RingTotals {
  readonly user: number;
  readonly kernel: number;
  readonly overhead: number;
}

/**
 * What one counter has counted of perf's own work since power-on: by now, when software last read it, when software last wrote it. The last two
 * tell what a write threw away.
 */
export interface CounterOverhead {
  readonly now: number;
  readonly atRead: number;
  readonly atWrite: number;
}

export interface Truth {
  /**
   * Totals of the event that an IA32_PERFEVTSELx value or a Linux pseudo code (0x0300 REF_TSC …) selects (event, umask; USR/OS ignored).
   * `undefined`: the model does not have or does not model that event.
   */
  total(eventSelect: bigint): RingTotals | undefined;
  /** The part of `total` that retired while FREEZE_PERFMON_ON_PMI held the PMU still, from overflow to the delivery of its PMI. */
  frozen(eventSelect: bigint): RingTotals | undefined;
  /** Counter `index`: general-purpose from 0, fixed from 32. All zero for a counter with CMASK or EDGE. */
  counterOverhead(index: number): CounterOverhead;
  /** Is a branch predictor modelled now? Else a clear MISPRED in a last branch record says nothing. */
  readonly predicts: boolean;
}
