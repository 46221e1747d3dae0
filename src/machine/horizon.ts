/**
 * The horizon: how much may happen before some block could need attention. Before each slice the machine starts from "no bound", asks every
 * block to lower it, and the engine then runs at most that much, exactly. After the slice every block may look (`attend`).
 */
export class Horizon {
  instructions = 0;
  slots = 0;
  /** Iterations that one chunk of a REP instruction (or elements of an XSAVE …) may take. */
  repIterations = 0;

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
}

/** A block of the machine that can need attention at an exact point of the retire stream. */
export interface Attentive {
  bound(horizon: Horizon): void;
  /** Called after every slice, with Retire's totals up to date. */
  attend(): void;
}
