/** Samples on their way to the reader. A plain queue of a fixed number of samples; issue 5 puts the mmap layout of spec §6.4 in its place. */
import type { PerfSample } from './sample.ts';

export class SampleRing {
  readonly capacity: number;
  /** Samples that found no room (PERF_RECORD_LOST, read_format LOST). */
  lost = 0;
  private samples: PerfSample[] = [];

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  /** false: no room, the sample is lost and counted. */
  push(sample: PerfSample): boolean {
    if (this.samples.length >= this.capacity) {
      this.lost++;
      return false;
    }
    this.samples.push(sample);
    return true;
  }

  /** Takes everything that waits, oldest first. */
  drain(): PerfSample[] {
    const out = this.samples;
    this.samples = [];
    return out;
  }
}
