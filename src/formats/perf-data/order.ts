/**
 * Records in the order of their times. Recorders write per-CPU buffers one after the other; FINISHED_ROUND promises that what comes
 * later is not older than the youngest of the round before. Memory is bounded by `maxBytes`: beyond it the older half is let go, and
 * what then arrives too late is delivered at once and counted. tools/perf/util/ordered-events.c tells the rule; the queue is our own.
 */
import { PERF_RECORD } from '#abi/perf-event/record.ts';
import { USER_RECORD, USER_RECORD_START } from './constants.ts';
import { RecordCursor } from './cursor.ts';
import type { Recording } from './recording.ts';
import type { RecordSink } from './scan.ts';

const NO_TIME = 0xffff_ffff;
/** Bytes of buffers that may be held beyond what is queued. */
const HELD_SLACK = 0x100_0000;

type Column = Uint32Array<ArrayBuffer> | Int32Array<ArrayBuffer> | Float64Array<ArrayBuffer> | Uint8Array<ArrayBuffer>;

export class OrderedSink implements RecordSink {
  readonly auxData?: (piece: Uint8Array, offsetInPayload: number, fileOffset: number) => void;
  /** Records that came after a younger one had been delivered. 0 when the file keeps its promise and memory sufficed. */
  late = 0;
  readonly #recording: Recording;
  readonly #sink: RecordSink;
  readonly #maxBytes: number;
  readonly #out = new RecordCursor();
  /** The queue is [#first, #end) of the columns. */
  #first = 0;
  #end = 0;
  #bytesQueued = 0;
  #timeHi = new Uint32Array(1024);
  #timeLo = new Uint32Array(1024);
  #at = new Int32Array(1024);
  #chunk = new Int32Array(1024);
  #fileOffset = new Float64Array(1024);
  #compressed = new Uint8Array(1024);
  /** Buffers that queued records lie in; `#chunk` counts from `#chunkBase`. */
  #chunks: Uint8Array[] = [];
  #views: DataView[] = [];
  #chunkBase = 0;
  #heldBytes = 0;
  /** True while arrivals were in order: nothing to sort. */
  #sorted = true;
  #maxHi = 0;
  #maxLo = 0;
  #nextHi = 0;
  #nextLo = 0;
  #lastHi = 0;
  #lastLo = 0;

  constructor(recording: Recording, sink: RecordSink, maxBytes = 0x800_0000) {
    this.#recording = recording;
    this.#sink = sink;
    this.#maxBytes = maxBytes;
    this.#out.littleEndian = recording.littleEndian;
    if (sink.auxData !== undefined) this.auxData = (p, o, f) => sink.auxData?.(p, o, f);
  }

  record(cursor: RecordCursor): void {
    if (cursor.type >= USER_RECORD_START) {
      this.#sink.record(cursor);
      if (cursor.type === USER_RECORD.FINISHED_ROUND) this.#finishRound();
      return;
    }
    const event = this.#recording.eventOf(cursor);
    let at = -1;
    if (event !== undefined) {
      if (cursor.type === PERF_RECORD.SAMPLE) at = event.layout.time;
      else if (event.trailer.time > 0) at = cursor.size - event.trailer.time;
    }
    if (at < 8 || at + 8 > cursor.size) {
      this.#sink.record(cursor);
      return;
    }
    const hi = cursor.hi32(at);
    const lo = cursor.lo32(at);
    if ((hi === 0 && lo === 0) || (hi === NO_TIME && lo === NO_TIME)) {
      this.#sink.record(cursor);
      return;
    }
    this.#push(cursor, hi, lo);
  }

  #push(cursor: RecordCursor, hi: number, lo: number): void {
    if (this.#end === this.#at.length) this.#makeRoom();
    const n = this.#end;
    let chunk = this.#chunks.length - 1;
    if (chunk < 0 || this.#chunks[chunk] !== cursor.bytes) {
      this.#chunks.push(cursor.bytes);
      this.#views.push(cursor.view);
      this.#heldBytes += cursor.bytes.byteLength;
      chunk++;
    }
    this.#timeHi[n] = hi;
    this.#timeLo[n] = lo;
    this.#at[n] = cursor.at;
    this.#chunk[n] = chunk + this.#chunkBase;
    this.#fileOffset[n] = cursor.fileOffset;
    this.#compressed[n] = cursor.compressed ? 1 : 0;
    this.#end = n + 1;
    this.#bytesQueued += cursor.size;
    if (hi > this.#maxHi || (hi === this.#maxHi && lo >= this.#maxLo)) {
      this.#maxHi = hi;
      this.#maxLo = lo;
    } else {
      this.#sorted = false;
      if (hi < this.#lastHi || (hi === this.#lastHi && lo < this.#lastLo)) this.late++;
    }
    if (this.#bytesQueued > this.#maxBytes) {
      this.#sort();
      this.#deliver(this.#first + Math.ceil((this.#end - this.#first) / 2));
    } else if (this.#heldBytes > 4 * this.#bytesQueued + HELD_SLACK) this.#compact();
  }

  /** Moves the queue to the front of its columns when half of them are free, doubles them otherwise. */
  #makeRoom(): void {
    const { first, length } = { first: this.#first, length: this.#at.length };
    const grow = first * 2 < length;
    const move = <T extends Column>(column: T, next: () => T): T => {
      const to = grow ? next() : column;
      to.set(column.subarray(first, this.#end) as never, 0);
      return to;
    };
    const size = length * 2;
    this.#timeHi = move(this.#timeHi, () => new Uint32Array(size));
    this.#timeLo = move(this.#timeLo, () => new Uint32Array(size));
    this.#at = move(this.#at, () => new Int32Array(size));
    this.#chunk = move(this.#chunk, () => new Int32Array(size));
    this.#fileOffset = move(this.#fileOffset, () => new Float64Array(size));
    this.#compressed = move(this.#compressed, () => new Uint8Array(size));
    this.#end -= first;
    this.#first = 0;
  }

  /** Everything that is left, in order. Call it after the last record. */
  flush(): void {
    this.#sort();
    this.#deliver(this.#end);
  }

  #finishRound(): void {
    this.#sort();
    const hi = this.#nextHi;
    const lo = this.#nextLo;
    // the first record younger than the limit
    let a = this.#first;
    let b = this.#end;
    while (a < b) {
      const m = (a + b) >> 1;
      const h = this.#timeHi[m] as number;
      if (h > hi || (h === hi && (this.#timeLo[m] as number) > lo)) b = m;
      else a = m + 1;
    }
    this.#deliver(a);
    this.#nextHi = this.#maxHi;
    this.#nextLo = this.#maxLo;
  }

  /** Puts the queue in order of time, equal times in order of arrival, by merging the runs that are there. */
  #sort(): void {
    if (this.#sorted) return;
    this.#sorted = true;
    const order = mergeRuns(this.#timeHi, this.#timeLo, this.#first, this.#end);
    const n = order.length;
    const pick = <T extends Column>(column: T): void => {
      const old = column.slice(this.#first, this.#end);
      for (let k = 0; k < n; k++) column[this.#first + k] = old[(order[k] as number) - this.#first] as number;
    };
    pick(this.#timeHi);
    pick(this.#timeLo);
    pick(this.#at);
    pick(this.#chunk);
    pick(this.#fileOffset);
    pick(this.#compressed);
  }

  /** Delivers the queue up to index `to`; it is in order. */
  #deliver(to: number): void {
    const out = this.#out;
    const sink = this.#sink;
    let current = -1;
    let bytes = 0;
    const base = this.#chunkBase;
    for (let k = this.#first; k < to; k++) {
      const chunk = this.#chunk[k] as number;
      if (chunk !== current) {
        out.bytes = this.#chunks[chunk - base] as Uint8Array;
        out.view = this.#views[chunk - base] as DataView;
        current = chunk;
      }
      out.setHeader(this.#at[k] as number, this.#fileOffset[k] as number);
      out.compressed = this.#compressed[k] === 1;
      bytes += out.size;
      sink.record(out);
    }
    if (to > this.#first) {
      this.#lastHi = this.#timeHi[to - 1] as number;
      this.#lastLo = this.#timeLo[to - 1] as number;
    }
    this.#bytesQueued -= bytes;
    this.#first = to;
    if (to === this.#end) {
      this.#first = 0;
      this.#end = 0;
      this.#drop(this.#chunks.length);
      return;
    }
    // buffers before the oldest that is still needed
    let least = this.#chunk[to] as number;
    for (let k = to; k < this.#end; k++) if ((this.#chunk[k] as number) < least) least = this.#chunk[k] as number;
    this.#drop(least - base);
  }

  #drop(n: number): void {
    if (n <= 0) return;
    for (const c of this.#chunks.splice(0, n)) this.#heldBytes -= c.byteLength;
    this.#views.splice(0, n);
    this.#chunkBase += n;
  }

  /** Copies what is queued together, when its buffers hold much else: a straggler must not keep megabytes. */
  #compact(): void {
    const all = new Uint8Array(this.#bytesQueued);
    const base = this.#chunkBase;
    let end = 0;
    for (let k = this.#first; k < this.#end; k++) {
      const chunk = this.#chunks[(this.#chunk[k] as number) - base] as Uint8Array;
      const at = this.#at[k] as number;
      const size = (this.#views[(this.#chunk[k] as number) - base] as DataView).getUint16(at + 6, this.#recording.littleEndian);
      all.set(chunk.subarray(at, at + size), end);
      this.#at[k] = end;
      this.#chunk[k] = base;
      end += size;
    }
    this.#chunks = [all];
    this.#views = [new DataView(all.buffer)];
    this.#heldBytes = all.byteLength;
  }
}

/** Indexes [first, end) by time, stable. */
function mergeRuns(hi: Uint32Array, lo: Uint32Array, first: number, end: number): Int32Array {
  const n = end - first;
  const before = (a: number, b: number): boolean => {
    const x = hi[a] as number;
    const y = hi[b] as number;
    return x < y || (x === y && (lo[a] as number) < (lo[b] as number));
  };
  let runs: number[] = [0];
  let from = new Int32Array(n);
  for (let i = 0; i < n; i++) {
    from[i] = first + i;
    if (i > 0 && before(first + i, first + i - 1)) runs.push(i);
  }
  let to = new Int32Array(n);
  while (runs.length > 1) {
    const merged: number[] = [];
    for (let r = 0; r < runs.length; r += 2) {
      const start = runs[r] as number;
      const middle = runs[r + 1] ?? n;
      const stop = runs[r + 2] ?? n;
      merged.push(start);
      let a = start;
      let b = middle;
      for (let k = start; k < stop; k++) {
        if (a < middle && (b >= stop || !before(from[b] as number, from[a] as number))) to[k] = from[a++] as number;
        else to[k] = from[b++] as number;
      }
    }
    runs = merged;
    [from, to] = [to, from];
  }
  return from;
}
