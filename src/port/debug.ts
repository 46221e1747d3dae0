/** The debug registers of one logical processor. SDM Vol. 3B ch. 18. */
import type { RingTotals } from './truth.ts';

export interface DebugPort {
  /** DR0 to DR3, DR6, DR7 by number. */
  read(n: number): bigint;
  /** MOV to DR as ring 0 does it, general detection apart; false: it raises #GP(0). */
  write(n: number, value: bigint): boolean;
  /**
   * Breakpoints (bit n: DRn) that are perf's. A debug exception for no other reason is `overhead` from its delivery to its IRET, which must use no
   * other vector's way back to user mode.
   */
  ownedByPerf: number;
  /** How often breakpoint n was reported in DR6 since power-on, by the ring that it was met in. */
  hits(n: number): RingTotals;
}
