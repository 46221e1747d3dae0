/** Page frames of guest-physical memory: allocation, reference counts. Deterministic: first never-used frames in order, then the last freed. */
import { assert } from '#base/assert.ts';
import type { PhysicalMemory } from '#port/memory.ts';

export const PAGE = 4096;

export class FrameAllocator {
  readonly memory: PhysicalMemory;
  /** Frame number → users; 0 free. */
  private readonly references: Int32Array;
  private readonly freed: number[] = [];
  private fresh: number;
  private readonly limit: number;
  /** Gives back what caches hold; returns whether anything came free. */
  reclaim: () => boolean = () => false;

  /** Frames below `firstBytes` are not given out (the firmware's and the kernel image's). */
  constructor(memory: PhysicalMemory, firstBytes: number) {
    this.memory = memory;
    this.limit = Math.floor(memory.sizeBytes / PAGE);
    this.fresh = Math.ceil(firstBytes / PAGE);
    this.references = new Int32Array(this.limit);
  }

  get freeFrames(): number {
    return this.limit - this.fresh + this.freed.length;
  }
  get totalFrames(): number {
    return this.limit;
  }

  /** A zeroed frame with one user: its physical address; undefined: memory is full. */
  allocate(): number | undefined {
    const reused = this.freed.pop();
    if (reused !== undefined) {
      this.memory.bytes.fill(0, reused, reused + PAGE);
      this.memory.written(reused, PAGE);
      this.references[reused / PAGE] = 1;
      return reused;
    }
    if (this.fresh < this.limit) {
      const frame = this.fresh++;
      this.references[frame] = 1;
      return frame * PAGE;
    }
    return this.reclaim() ? this.allocate() : undefined;
  }

  /** One more user. */
  share(address: number): void {
    const n = this.references[address / PAGE] ?? 0;
    assert(n > 0, `frame 0x${address.toString(16)} is shared while free`);
    this.references[address / PAGE] = n + 1;
  }

  /** One user less. */
  release(address: number): void {
    const n = this.references[address / PAGE] ?? 0;
    assert(n > 0, `frame 0x${address.toString(16)} is freed twice`);
    this.references[address / PAGE] = n - 1;
    if (n === 1) this.freed.push(address);
  }

  users(address: number): number {
    return this.references[address / PAGE] ?? 0;
  }
}
