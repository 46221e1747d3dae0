/** Counting samples by (command, mapping, address) at full speed: an open hash over typed arrays. Symbols are looked up afterwards, once for each address. */

export class IpHistogram {
  #slots = new Int32Array(1 << 16).fill(-1);
  #mask = (1 << 16) - 1;
  #n = 0;
  ipHi = new Uint32Array(1 << 14);
  ipLo = new Uint32Array(1 << 14);
  comm = new Int32Array(1 << 14);
  /** Slot of the mapping, or -2 - cpumode where there is none. */
  map = new Int32Array(1 << 14);
  /** Sum of periods: exact below 2^53. */
  period = new Float64Array(1 << 14);
  samples = new Float64Array(1 << 14);
  /** Of the first sample. */
  thread = new Int32Array(1 << 14);

  get size(): number {
    return this.#n;
  }

  add(comm: number, map: number, hi: number, lo: number, period: number, thread: number): void {
    let h = Math.imul(lo ^ Math.imul(hi, 0x9e3779b1), 0x85ebca6b) ^ Math.imul(comm * 31 + map, 0xc2b2ae35);
    h ^= h >>> 15;
    let s = h & this.#mask;
    for (;;) {
      const i = this.#slots[s] as number;
      if (i < 0) break;
      if (this.ipLo[i] === lo && this.ipHi[i] === hi && this.map[i] === map && this.comm[i] === comm) {
        this.period[i] = (this.period[i] as number) + period;
        this.samples[i] = (this.samples[i] as number) + 1;
        return;
      }
      s = (s + 1) & this.#mask;
    }
    const n = this.#n++;
    if (n === this.ipLo.length) this.#widen();
    this.#slots[s] = n;
    this.ipHi[n] = hi;
    this.ipLo[n] = lo;
    this.comm[n] = comm;
    this.map[n] = map;
    this.period[n] = period;
    this.samples[n] = 1;
    this.thread[n] = thread;
    if (this.#n * 2 > this.#mask) this.#rehash();
  }

  #widen(): void {
    const size = this.ipLo.length * 2;
    const wider = <T extends Uint32Array | Int32Array | Float64Array>(next: T, old: T): T => {
      next.set(old);
      return next;
    };
    this.ipHi = wider(new Uint32Array(size), this.ipHi);
    this.ipLo = wider(new Uint32Array(size), this.ipLo);
    this.comm = wider(new Int32Array(size), this.comm);
    this.map = wider(new Int32Array(size), this.map);
    this.period = wider(new Float64Array(size), this.period);
    this.samples = wider(new Float64Array(size), this.samples);
    this.thread = wider(new Int32Array(size), this.thread);
  }

  #rehash(): void {
    const size = (this.#mask + 1) * 2;
    this.#slots = new Int32Array(size).fill(-1);
    this.#mask = size - 1;
    for (let i = 0; i < this.#n; i++) {
      const hi = this.ipHi[i] as number;
      const lo = this.ipLo[i] as number;
      let h =
        Math.imul(lo ^ Math.imul(hi, 0x9e3779b1), 0x85ebca6b) ^
        Math.imul((this.comm[i] as number) * 31 + (this.map[i] as number), 0xc2b2ae35);
      h ^= h >>> 15;
      let s = h & this.#mask;
      while ((this.#slots[s] as number) >= 0) s = (s + 1) & this.#mask;
      this.#slots[s] = i;
    }
  }
}
