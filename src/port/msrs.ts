/** Model-specific registers: architecture's own faults are values. */

/** `undefined` = the access raises #GP(0). */
export interface Msrs {
  read(address: number): bigint | undefined;
  /** false = #GP(0): unknown register, reserved bit, read-only. */
  write(address: number, value: bigint): boolean;
}
