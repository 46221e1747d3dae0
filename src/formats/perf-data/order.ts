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

export class OrderedSink implements RecordSink {
  readonly auxData?: (piece: Uint8Array, offsetInPayload: number, fileOffset: number) => void;
  /** Records that came after a younger one had been delivered. 0 when the file keeps its promise and memory sufficed. */
  late = 0;
  readonly #recording: Recording;
  readonly #sink: RecordSink;
  readonly #maxBytes: number;
  readonly #out = new RecordCursor();
  #count = 0;
  #bytesQueued = 0;
  #timeHi = new Uint32Array(1024);
  #timeLo = new Uint32Array(1024);
  #at = new Int32Array(1024);
  #chunk = new Int32Array(1024);
  #fileOffset = new Float64Array(1024);
  #compressed = new Uint8Array(1024);
  #chunks: Uint8Array[] = [];
  #views: DataView[] = [];
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
    const n = this.#count;
    if (n === this.#at.length) this.#grow();
    let chunk = this.#chunks.length - 1;
    if (chunk < 0 || this.#chunks[chunk] !== cursor.bytes) {
      this.#chunks.push(cursor.bytes);
      this.#views.push(cursor.view);
      chunk++;
    }
    this.#timeHi[n] = hi;
    this.#timeLo[n] = lo;
    this.#at[n] = cursor.at;
    this.#chunk[n] = chunk;
    this.#fileOffset[n] = cursor.fileOffset;
    this.#compressed[n] = cursor.compressed ? 1 : 0;
    this.#count = n + 1;
    this.#bytesQueued += cursor.size;
    if (hi > this.#maxHi || (hi === this.#maxHi && lo >= this.#maxLo)) {
      this.#maxHi = hi;
      this.#maxLo = lo;
    } else {
      this.#sorted = false;
      if (hi < this.#lastHi || (hi === this.#lastHi && lo < this.#lastLo)) this.late++;
    }
    if (this.#bytesQueued > this.#maxBytes) {
      const order = this.#sort();
      this.#deliver(order, Math.ceil(this.#count / 2));
    }
  }

  #grow(): void {
    const size = this.#at.length * 2;
    const wider = <T extends Uint32Array | Int32Array | Float64Array | Uint8Array>(next: T, old: T): T => {
      next.set(old);
      return next;
    };
    this.#timeHi = wider(new Uint32Array(size), this.#timeHi);
    this.#timeLo = wider(new Uint32Array(size), this.#timeLo);
    this.#at = wider(new Int32Array(size), this.#at);
    this.#chunk = wider(new Int32Array(size), this.#chunk);
    this.#fileOffset = wider(new Float64Array(size), this.#fileOffset);
    this.#compressed = wider(new Uint8Array(size), this.#compressed);
  }

  /** Everything that is left, in order. Call it after the last record. */
  flush(): void {
    this.#deliver(this.#sort(), this.#count);
  }

  #finishRound(): void {
    const order = this.#sort();
    let n = 0;
    const hi = this.#nextHi;
    const lo = this.#nextLo;
    while (n < this.#count) {
      const i = order === undefined ? n : (order[n] as number);
      const h = this.#timeHi[i] as number;
      if (h > hi || (h === hi && (this.#timeLo[i] as number) > lo)) break;
      n++;
    }
    this.#deliver(order, n);
    this.#nextHi = this.#maxHi;
    this.#nextLo = this.#maxLo;
  }

  /** Indexes by time, equal times in order of arrival; undefined when that is the order of arrival. Merges the runs that are there. */
  #sort(): Int32Array | undefined {
    const n = this.#count;
    if (this.#sorted || n < 2) return undefined;
    const hi = this.#timeHi;
    const lo = this.#timeLo;
    const before = (a: number, b: number): boolean => {
      const x = hi[a] as number;
      const y = hi[b] as number;
      return x < y || (x === y && (lo[a] as number) < (lo[b] as number));
    };
    let runs: number[] = [0];
    let from = new Int32Array(n);
    for (let i = 0; i < n; i++) {
      from[i] = i;
      if (i > 0 && before(i, i - 1)) runs.push(i);
    }
    let to = new Int32Array(n);
    while (runs.length > 1) {
      const merged: number[] = [];
      for (let r = 0; r < runs.length; r += 2) {
        const start = runs[r] as number;
        const middle = runs[r + 1] ?? n;
        const end = runs[r + 2] ?? n;
        merged.push(start);
        let a = start;
        let b = middle;
        for (let k = start; k < end; k++) {
          if (a < middle && (b >= end || !before(from[b] as number, from[a] as number))) to[k] = from[a++] as number;
          else to[k] = from[b++] as number;
        }
      }
      runs = merged;
      [from, to] = [to, from];
    }
    return from;
  }

  /** Delivers the first `n` of the order and keeps the others, sorted. */
  #deliver(order: Int32Array | undefined, n: number): void {
    const out = this.#out;
    let current = -1;
    let index = -1;
    for (let k = 0; k < n; k++) {
      index = order === undefined ? k : (order[k] as number);
      const chunk = this.#chunk[index] as number;
      if (chunk !== current) {
        out.bytes = this.#chunks[chunk] as Uint8Array;
        out.view = this.#views[chunk] as DataView;
        current = chunk;
      }
      out.setHeader(this.#at[index] as number, this.#fileOffset[index] as number);
      out.compressed = this.#compressed[index] === 1;
      this.#bytesQueued -= out.size;
      this.#sink.record(out);
    }
    if (index >= 0) {
      this.#lastHi = this.#timeHi[index] as number;
      this.#lastLo = this.#timeLo[index] as number;
    }
    this.#keep(order, n);
  }

  /** The records from `n` on become the whole queue. They are copied when that frees much more than it costs. */
  #keep(order: Int32Array | undefined, n: number): void {
    const left = this.#count - n;
    this.#sorted = true;
    if (left === 0) {
      this.#count = 0;
      this.#chunks = [];
      this.#views = [];
      return;
    }
    if (n === 0 && order === undefined) return;
    const pick = <T extends Uint32Array | Int32Array | Float64Array | Uint8Array>(old: T): T => {
      const next = old.slice(0, old.length) as T;
      for (let k = 0; k < left; k++) next[k] = old[order === undefined ? n + k : (order[n + k] as number)] as number;
      return next;
    };
    this.#timeHi = pick(this.#timeHi);
    this.#timeLo = pick(this.#timeLo);
    this.#at = pick(this.#at);
    this.#chunk = pick(this.#chunk);
    this.#fileOffset = pick(this.#fileOffset);
    this.#compressed = pick(this.#compressed);
    this.#count = left;
    const held = this.#chunks.reduce((sum, c) => sum + c.byteLength, 0);
    if (held > 4 * this.#bytesQueued + 0x10_0000) this.#compact();
  }

  #compact(): void {
    const all = new Uint8Array(this.#bytesQueued);
    const cursor = this.#out;
    let end = 0;
    for (let k = 0; k < this.#count; k++) {
      cursor.setBuffer(this.#chunks[this.#chunk[k] as number] as Uint8Array);
      cursor.setHeader(this.#at[k] as number, 0);
      all.set(cursor.record, end);
      this.#at[k] = end;
      this.#chunk[k] = 0;
      end += cursor.size;
    }
    this.#chunks = [all];
    this.#views = [new DataView(all.buffer)];
  }
}
