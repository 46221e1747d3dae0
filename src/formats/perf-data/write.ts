/**
 * Writing perf.data: file or pipe mode, attrs of a chosen size, the features one chooses, zstd records, AUX data. Little-endian.
 * What it writes, perf 6.1 and later read (attr size ≤ 128); test/formats/perf-data-writer.ts holds it to that.
 */
import { PERF_SAMPLE } from '#abi/perf-event/sample.ts';
import { PERF_RECORD } from '#abi/perf-event/record.ts';
import { ByteWriter } from '#base/bytes.ts';
import { attrBytes, attrFlag, type PerfEventAttr } from './attr.ts';
import {
  FEATURE,
  FEATURE_BITMAP_OFFSET,
  type FeatureName,
  FILE_HEADER_SIZE,
  MAGIC2,
  PIPE_HEADER_SIZE,
  SECTION_SIZE,
  USER_RECORD,
} from './constants.ts';
import { FEATURE_CODECS, writeBuildIdEvent } from './feature-codecs.ts';
import type { Features } from './features.ts';
import type { SampleId } from './read.ts';
import { type KernelRecord, writeKernelRecordBody } from './records.ts';
import { type Sample, writeSampleBody } from './sample.ts';
import type { UserRecord } from './user-records.ts';
import { userRecordType, writeUserRecordBody } from './user-records-write.ts';

/** Where the bytes go, in order. File mode also overwrites its header at the end, through `patch`. The bytes are only valid during the call. */
export interface ByteSink {
  write(bytes: Uint8Array): void;
  patch?(offset: number, bytes: Uint8Array): void;
}

export interface WriterEvent {
  readonly attr: PerfEventAttr;
  /** Kernel ids of the event; made up when absent and sample_type has ID or IDENTIFIER. */
  readonly ids?: readonly bigint[];
  /** Goes to EVENT_DESC. */
  readonly name?: string;
}

export interface Compression {
  /** One zstd frame from `bytes`. */
  readonly deflate: (bytes: Uint8Array) => Uint8Array;
  /** 81 (default, perf ≥ 5.2) or 83 (perf ≥ 6.15). */
  readonly record?: 81 | 83;
  readonly level?: number;
}

export interface WriterOptions {
  readonly mode?: 'file' | 'pipe';
  /** 64…136; default 128, which perf 6.1 reads. */
  readonly attrSize?: number;
  readonly events: readonly WriterEvent[];
  /** Exactly these features; EVENT_DESC is added when an event has a name and this lacks it, AUXTRACE when AUX data are written, COMPRESSED with compression. */
  readonly features?: Features;
  /** Leaves EVENT_DESC out although events have names. */
  readonly omitEventDesc?: boolean;
  readonly compression?: Compression;
}

const MAX_RECORD = 0xffff;
const FLUSH_AT = 0xc000; // with zstd's worst case still below the 64 KiB of a record

/** Memory as a sink. */
export class MemorySink implements ByteSink {
  readonly #w = new ByteWriter(0x1_0000);

  write(bytes: Uint8Array): void {
    this.#w.raw(bytes);
  }

  patch(offset: number, bytes: Uint8Array): void {
    this.#w.bytes.set(bytes, offset);
  }

  /** A copy of everything written. */
  toBytes(): Uint8Array {
    return this.#w.toBytes();
  }
}

export class PerfDataWriter {
  readonly #sink: ByteSink;
  readonly #mode: 'file' | 'pipe';
  readonly #attrSize: number;
  readonly #events: readonly (WriterEvent & { readonly ids: readonly bigint[] })[];
  readonly #features: Features;
  readonly #compression: Compression | undefined;
  readonly #record = new ByteWriter(4096);
  /** Records that wait to be written (or compressed) together. */
  readonly #pending = new ByteWriter(0x1_0000);
  readonly #auxIndex: { fileOffset: bigint; size: bigint }[] = [];
  #offset = 0;
  #dataOffset = 0;
  #dataEnd = Number.POSITIVE_INFINITY;
  #attrsOffset = 0;
  #plainBytes = 0;
  #packedBytes = 0;
  #finished = false;

  constructor(sink: ByteSink, options: WriterOptions) {
    this.#sink = sink;
    this.#mode = options.mode ?? 'file';
    this.#attrSize = options.attrSize ?? 128;
    if (options.events.length === 0) throw new RangeError('a recording needs at least one event');
    if (this.#mode === 'file' && sink.patch === undefined)
      throw new RangeError('file mode overwrites its header at the end: the sink needs patch(), or use pipe mode');
    let nextId = 1n;
    this.#events = options.events.map((e) => {
      const wantsId = (e.attr.sample_type & (PERF_SAMPLE.ID | PERF_SAMPLE.IDENTIFIER)) !== 0;
      const ids = e.ids ?? (wantsId ? [nextId] : []);
      nextId += BigInt(Math.max(1, ids.length));
      return { ...e, ids };
    });
    this.#features = { ...options.features };
    this.#compression = options.compression;
    if (options.compression !== undefined)
      this.#features.compressed ??= { version: 1, type: 1, level: options.compression.level ?? 3, ratio: 1, mmapLen: 0x8_1000 };
    if (options.omitEventDesc !== true && this.#features.eventDesc === undefined && this.#events.some((e) => e.name !== undefined))
      this.#features.eventDesc = this.#events.map((e) => ({
        attr: { ...e.attr, size: this.#attrSize },
        name: e.name ?? '',
        ids: [...e.ids],
      }));
    if (this.#mode === 'file') this.#fileHeader();
    else this.#pipeHeader();
  }

  /** Ids of an event, as written. */
  ids(event: number): readonly bigint[] {
    return this.#event(event).ids;
  }

  #event(index: number): WriterEvent & { readonly ids: readonly bigint[] } {
    const e = this.#events[index];
    if (e === undefined) throw new RangeError(`no event ${index}`);
    return e;
  }

  #write(bytes: Uint8Array): void {
    this.#sink.write(bytes);
    this.#offset += bytes.byteLength;
  }

  #fileHeader(): void {
    this.#write(new Uint8Array(FILE_HEADER_SIZE)); // overwritten by finish()
    const ids = new ByteWriter();
    const at: number[] = [];
    for (const e of this.#events) {
      at.push(this.#offset + ids.length);
      for (const id of e.ids) ids.u64(id);
    }
    this.#write(ids.bytes);
    this.#attrsOffset = this.#offset;
    const attrs = new ByteWriter();
    for (const [i, e] of this.#events.entries())
      attrs
        .raw(attrBytes(e.attr, this.#attrSize))
        .u64(at[i] ?? 0)
        .u64(e.ids.length * 8);
    this.#write(attrs.bytes);
    this.#dataOffset = this.#offset;
  }

  #pipeHeader(): void {
    this.#write(new ByteWriter().raw(Uint8Array.from(MAGIC2)).u64(PIPE_HEADER_SIZE).bytes);
    for (const e of this.#events) this.user({ type: 'HEADER_ATTR', attr: e.attr, ids: [...e.ids] });
    for (const [name, bit] of Object.entries(FEATURE)) {
      const data = this.#featureBytes(name as FeatureName);
      if (data !== undefined && name !== 'AUXTRACE' && name !== 'BUILD_ID')
        this.user({ type: 'HEADER_FEATURE', feature: BigInt(bit), data });
    }
  }

  #featureBytes(name: FeatureName): Uint8Array | undefined {
    const codec = FEATURE_CODECS[name];
    const value = this.#features[codec.key];
    if (value === undefined) return undefined;
    const w = new ByteWriter();
    codec.write(w, value as never);
    return w.toBytes();
  }

  /** Writes one record: the header is made here. `compressible`: kernel records, which wait to be compressed. */
  #emit(type: number, misc: number, compressible: boolean, body: (w: ByteWriter) => void): void {
    if (this.#finished) throw new RangeError('the recording is finished');
    const w = this.#record;
    w.clear();
    w.u32(type).u16(misc).u16(0);
    body(w);
    if (w.length > MAX_RECORD) throw new RangeError(`a record of ${w.length} bytes: 65535 are the most`);
    w.patchU16(6, w.length);
    this.#queue(w.bytes, compressible);
  }

  #queue(bytes: Uint8Array, compressible: boolean): void {
    if (!compressible && this.#compression !== undefined) {
      this.#flush();
      this.#write(bytes);
      return;
    }
    if (this.#pending.length + bytes.byteLength > FLUSH_AT) this.#flush();
    this.#pending.raw(bytes);
  }

  #flush(): void {
    if (this.#pending.length === 0) return;
    if (this.#compression === undefined) this.#write(this.#pending.bytes);
    else {
      const all = this.#pending.bytes;
      // a record may be cut: the reader joins what comes out
      for (let at = 0; at < all.byteLength; at += FLUSH_AT)
        this.#compressed(all.subarray(at, Math.min(all.byteLength, at + FLUSH_AT)), this.#compression);
    }
    this.#pending.clear();
  }

  #compressed(bytes: Uint8Array, { deflate, record = 81 }: Compression): void {
    const data = deflate(bytes);
    this.#plainBytes += bytes.byteLength;
    this.#packedBytes += data.byteLength;
    const w = new ByteWriter(data.byteLength + 32).u32(record).u16(0).u16(0);
    if (record === 83) w.u64(data.byteLength).raw(data).align(8);
    else w.raw(data);
    if (w.length > MAX_RECORD) throw new RangeError(`a compressed record of ${w.length} bytes: 65535 are the most`);
    w.patchU16(6, w.length);
    this.#write(w.bytes);
  }

  /** A sample of `event`. Its id is filled in from the event's first id. */
  sample(sample: Sample, misc: number, event = 0): void {
    const e = this.#event(event);
    const id = e.ids[0];
    this.#emit(PERF_RECORD.SAMPLE, misc, true, (w) =>
      writeSampleBody(
        w,
        sample.id === undefined && sample.identifier === undefined && id !== undefined ? { ...sample, id } : sample,
        e.attr,
      ),
    );
  }

  /** A kernel record with the sample_id trailer of `event`. */
  kernel(record: KernelRecord, options: { misc?: number; event?: number; sampleId?: SampleId } = {}): void {
    const e = this.#event(options.event ?? 0);
    this.#emit(PERF_RECORD[record.type], options.misc ?? 0, true, (w) => {
      writeKernelRecordBody(w, record, e.attr.read_format);
      if (!attrFlag(e.attr, 'sample_id_all')) return;
      const s = options.sampleId ?? {};
      const type = e.attr.sample_type;
      const id = s.id ?? e.ids[0] ?? 0n;
      if ((type & PERF_SAMPLE.TID) !== 0) w.u32(s.pid ?? 0).u32(s.tid ?? 0);
      if ((type & PERF_SAMPLE.TIME) !== 0) w.u64(s.time ?? 0n);
      if ((type & PERF_SAMPLE.ID) !== 0) w.u64(id);
      if ((type & PERF_SAMPLE.STREAM_ID) !== 0) w.u64(s.streamId ?? 0n);
      if ((type & PERF_SAMPLE.CPU) !== 0) w.u32(s.cpu ?? 0).u32(0);
      if ((type & PERF_SAMPLE.IDENTIFIER) !== 0) w.u64(id);
    });
  }

  /** Whole records as a ring buffer holds them, headers included. Their sizes are checked, nothing else. */
  raw(bytes: Uint8Array): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let at = 0; at < bytes.byteLength; ) {
      const size = at + 8 <= bytes.byteLength ? view.getUint16(at + 6, true) : 0;
      if (size < 8 || at + size > bytes.byteLength) throw new RangeError(`raw records: size ${size} at ${at} of ${bytes.byteLength} bytes`);
      this.#queue(bytes.subarray(at, at + size), view.getUint32(at, true) < 64);
      at += size;
    }
  }

  /** A record of the tool. For AUXTRACE use `auxtrace`. */
  user(record: UserRecord, misc = 0): void {
    if (record.type === 'HEADER_BUILD_ID') {
      const w = new ByteWriter();
      writeBuildIdEvent(w, record);
      this.#queue(w.bytes, false);
      return;
    }
    if (record.type === 'AUXTRACE') throw new RangeError('AUXTRACE has a payload: use auxtrace()');
    this.#emit(userRecordType(record), misc, false, (w) => writeUserRecordBody(w, record, this.#attrSize));
  }

  /** Ordering barrier: what follows is not older than the youngest record before the last barrier. */
  finishedRound(): void {
    this.user({ type: 'FINISHED_ROUND' });
  }

  /** AUX data of one buffer, padded with zeros to 8 bytes. `cpu` 0xffffffff: any. */
  auxtrace(record: { offset: bigint; reference: bigint; idx: number; tid: number; cpu: number }, payload: Uint8Array): void {
    const size = Math.ceil(payload.byteLength / 8) * 8;
    this.#flush();
    this.#auxIndex.push({ fileOffset: BigInt(this.#offset), size: 48n });
    this.#emit(USER_RECORD.AUXTRACE, 0, false, (w) => writeUserRecordBody(w, { ...record, type: 'AUXTRACE', size }, this.#attrSize));
    this.#flush();
    this.#write(payload);
    if (size > payload.byteLength) this.#write(new Uint8Array(size - payload.byteLength));
  }

  /** Features that are known at the end only; file mode (a pipe has them in front). */
  addFeatures(features: Features): void {
    Object.assign(this.#features, features);
  }

  /**
   * After a write that failed: the header of file mode over what the sink has taken, so that it stays readable; no features. `dataEnd`: bytes
   * that the sink holds.
   */
  salvage(dataEnd: number): void {
    this.#finished = true;
    const end = Math.min(dataEnd, this.#dataEnd); // behind it are features, or a part of them
    if (this.#mode === 'file' && end >= this.#dataOffset && this.#dataOffset > 0)
      this.#sink.patch?.(0, this.#header(end - this.#dataOffset, []));
  }

  /** Ends the recording: features and header (file mode), build ids (pipe mode). */
  finish(): void {
    if (this.#finished) return;
    if (this.#mode === 'pipe') {
      for (const b of this.#features.buildIds ?? []) this.user({ type: 'HEADER_BUILD_ID', ...b });
      this.#flush();
      this.#finished = true;
      return;
    }
    this.#flush();
    this.#finished = true;
    this.#dataEnd = this.#offset;
    const dataSize = this.#offset - this.#dataOffset;
    if (this.#auxIndex.length > 0) this.#features.auxtrace ??= this.#auxIndex;
    if (this.#features.compressed !== undefined && this.#packedBytes > 0)
      this.#features.compressed = { ...this.#features.compressed, ratio: Math.max(1, Math.round(this.#plainBytes / this.#packedBytes)) };
    const blobs: { bit: number; data: Uint8Array }[] = [];
    for (const [name, bit] of Object.entries(FEATURE)) {
      const data = this.#featureBytes(name as FeatureName);
      if (data !== undefined) blobs.push({ bit, data });
    }
    for (const u of this.#features.unknown ?? []) blobs.push(u);
    blobs.sort((a, b) => a.bit - b.bit);
    const table = new ByteWriter();
    let at = this.#offset + blobs.length * SECTION_SIZE;
    for (const b of blobs) {
      table.u64(at).u64(b.data.byteLength);
      at += b.data.byteLength;
    }
    this.#write(table.bytes);
    for (const b of blobs) this.#write(b.data);
    this.#sink.patch?.(
      0,
      this.#header(
        dataSize,
        blobs.map((b) => b.bit),
      ),
    );
  }

  #header(dataSize: number, bits: readonly number[]): Uint8Array {
    const entry = this.#attrSize + SECTION_SIZE;
    const w = new ByteWriter(FILE_HEADER_SIZE).raw(Uint8Array.from(MAGIC2)).u64(FILE_HEADER_SIZE).u64(entry);
    w.u64(this.#attrsOffset).u64(this.#events.length * entry);
    w.u64(this.#dataOffset).u64(dataSize);
    w.u64(0).u64(0); // event types: gone
    const words = [0n, 0n, 0n, 0n];
    for (const bit of bits) words[bit >> 6] = (words[bit >> 6] ?? 0n) | (1n << BigInt(bit & 63));
    for (const word of words) w.u64(word);
    if (w.length !== FEATURE_BITMAP_OFFSET + 32) throw new RangeError('header layout');
    return w.toBytes();
  }
}

/** One record for `writePerfData`. */
export type WriteRecord =
  | { readonly sample: Sample; readonly misc?: number; readonly event?: number }
  | { readonly kernel: KernelRecord; readonly misc?: number; readonly event?: number; readonly sampleId?: SampleId }
  | { readonly user: UserRecord; readonly payload?: Uint8Array };

/** A whole recording in memory. `readPerfData` reads it back. Throws RangeError for what the format cannot hold. */
export function writePerfData(options: WriterOptions, records: Iterable<WriteRecord>): Uint8Array {
  const sink = new MemorySink();
  const writer = new PerfDataWriter(sink, options);
  for (const r of records) {
    if ('sample' in r) writer.sample(r.sample, r.misc ?? 2, r.event ?? 0);
    else if ('kernel' in r) writer.kernel(r.kernel, r);
    else if (r.user.type === 'AUXTRACE') writer.auxtrace(r.user, r.payload ?? new Uint8Array(0));
    else writer.user(r.user);
  }
  writer.finish();
  return sink.toBytes();
}
