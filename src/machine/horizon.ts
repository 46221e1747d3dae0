/**
 * The horizon: how much may happen before some block could need attention. The machine starts from "no bound", asks every block to lower it,
 * and the engine then runs at most that much, exactly, in one slice or, where system instructions come between, in several. Then every block
 * may look (`attend`).
 */
export class Horizon {
  instructions = 0;
  slots = 0;
  /** Iterations that the REP instructions (or elements that an XSAVE …) of the slice may make together; a REP that needs more ends the slice. */
  repIterations = 0;
  /** Slots that misses can add to one iteration of a REP (--cycles detailed). */
  missSlotsPerIteration = 0;

  /** Upper limits that keep the engine's packed sums from overflowing; one slice is also V8's chance to tier up. */
  static readonly MAX_INSTRUCTIONS = 60_000;
  static readonly MAX_SLOTS = 0x3fff_ffff;
  static readonly MAX_REP = 4096;

  reset(): void {
    this.instructions = Horizon.MAX_INSTRUCTIONS;
    this.slots = Horizon.MAX_SLOTS;
    this.repIterations = Horizon.MAX_REP;
  }
  /** n ≥ 1. */
  boundInstructions(n: number): void {
    if (n < this.instructions) this.instructions = n;
  }
  boundSlots(n: number): void {
    if (n < this.slots) this.slots = n;
  }
  boundRep(n: number): void {
    if (n < this.repIterations) this.repIterations = n;
  }
  /**
   * Attention is needed once `slots` ≥ 1 more slots have been used: exactly, inside a REP too. What instructions use by themselves and what
   * iterations add to it are bounded so that together they cannot pass the point before the slice's last step.
   */
  boundClock(slots: number, costPerIteration: number): void {
    const slotsPerIteration = costPerIteration + this.missSlotsPerIteration;
    const iterations = Math.max(Math.floor(slots / (2 * slotsPerIteration)), 1);
    if (iterations < Horizon.MAX_REP) {
      this.boundRep(iterations);
      this.boundSlots(Math.max(slots - iterations * slotsPerIteration, 1));
    } else {
      this.boundSlots(Math.max(slots - Horizon.MAX_REP * slotsPerIteration, 1));
    }
  }
}

/** A block of the machine that can need attention at an exact point of the retire stream. */
export interface Attentive {
  /** Goes up whenever something other than execution may have changed what `bound` says. */
  readonly changes: number;
  bound(horizon: Horizon): void;
  /** Called when the horizon is reached or void, with Retire's totals up to date. */
  attend(): void;
}
