/** Modelled time. It comes from modelled cycles, `overhead` excluded, and from nothing else. */
export interface Clock {
  /** Time-stamp counter, ticks since power-on (an exact integer in a double). */
  tsc(): number;
  /** Ticks per second; a constant of the CPU model. */
  readonly tscHz: number;
}
