/** The bytes of a file in memory: chunks that were written, over a base that was not. A hole costs nothing, a write copies one chunk up. */

/** Where bytes come from: a file of a lower tree, a member of an archive. */
export interface Bytes {
  readonly size: number;
  /** Bytes read at `position` (0 at the end), or -errno. */
  read(into: Uint8Array, position: number): number;
}

const CHUNK = 65_536;

export class Content {
  size: number;
  private readonly base: Bytes | undefined;
  /** How much of the base still shows: a cut hides the rest for good. */
  private baseSize: number;
  private readonly chunks = new Map<number, Uint8Array>();

  constructor(base?: Bytes) {
    this.base = base;
    this.size = base?.size ?? 0;
    this.baseSize = this.size;
  }

  read(into: Uint8Array, position: number): number {
    const end = Math.min(this.size, position + into.length);
    for (let at = position; at < end; ) {
      const index = Math.floor(at / CHUNK);
      const stop = Math.min(end, (index + 1) * CHUNK);
      const part = into.subarray(at - position, stop - position);
      const chunk = this.chunks.get(index);
      if (chunk !== undefined) part.set(chunk.subarray(at - index * CHUNK, stop - index * CHUNK));
      else {
        const failed = this.fromBase(part, at);
        if (failed < 0) return failed;
      }
      at = stop;
    }
    return Math.max(0, end - position);
  }

  /** 0, or the -errno of the base. What the base lacks is zeroes. */
  private fromBase(into: Uint8Array, position: number): number {
    const there = Math.max(0, Math.min(into.length, this.baseSize - position));
    let got = 0;
    while (got < there && this.base !== undefined) {
      const n = this.base.read(into.subarray(got, there), position + got);
      if (n < 0) return n;
      if (n === 0) break;
      got += n;
    }
    into.fill(0, got);
    return 0;
  }

  /** Bytes written, or the base's -errno. */
  write(from: Uint8Array, position: number): number {
    const end = position + from.length;
    for (let at = position; at < end; ) {
      const index = Math.floor(at / CHUNK);
      const start = index * CHUNK;
      const stop = Math.min(end, start + CHUNK);
      let chunk = this.chunks.get(index);
      if (chunk === undefined) {
        chunk = new Uint8Array(CHUNK);
        const failed = stop - at === CHUNK ? 0 : this.fromBase(chunk, start);
        if (failed < 0) return failed;
        this.chunks.set(index, chunk);
      }
      chunk.set(from.subarray(at - position, stop - position), at - start);
      at = stop;
    }
    this.size = Math.max(this.size, end);
    return from.length;
  }

  truncate(size: number): void {
    if (size < this.size) {
      for (const [index, chunk] of this.chunks) {
        if (index * CHUNK >= size) this.chunks.delete(index);
        else if ((index + 1) * CHUNK > size) chunk.fill(0, size - index * CHUNK);
      }
      this.baseSize = Math.min(this.baseSize, size);
    }
    this.size = size;
  }
}
