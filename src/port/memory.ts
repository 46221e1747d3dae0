/** Guest-physical memory. */
export interface PhysicalMemory {
  readonly sizeBytes: number;
  /** Index = guest-physical address. */
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** To be called after the kernel wrote memory that may hold translated code (user pages, reused frames). */
  written(address: number, length: number): void;
}
