/** Return addresses for RET compression: the last 64 near calls since the last PSB, the oldest dropped first (SDM, "RET Compression"). */
export const RET_STACK_DEPTH = 64;

export class RetStack {
  private readonly entries = new Int32Array(RET_STACK_DEPTH);
  private top = 0;
  private count = 0;

  /** Pushes the block that ends with the call; its return place is its fall-through. */
  push(block: number): void {
    this.entries[this.top] = block;
    this.top = (this.top + 1) & (RET_STACK_DEPTH - 1);
    if (this.count < RET_STACK_DEPTH) this.count++;
  }

  /** The calling block, or −1: empty. */
  pop(): number {
    if (this.count === 0) return -1;
    this.count--;
    this.top = (this.top - 1) & (RET_STACK_DEPTH - 1);
    return this.entries[this.top]!;
  }

  /** Replaces each entry. */
  map(change: (block: number) => number): void {
    for (let i = 1; i <= this.count; i++) {
      const at = (this.top - i) & (RET_STACK_DEPTH - 1);
      this.entries[at] = change(this.entries[at]!);
    }
  }

  clear(): void {
    this.count = 0;
  }

  get depth(): number {
    return this.count;
  }
}
