/** The loop over the records of a file or pipe: windows of 256 KiB, one cursor, no copies. Damage ends it and is returned, not thrown. */
import { ByteReader } from '#base/bytes.ts';
import { FormatError } from '#base/format-error.ts';
import { parseAttr } from './attr.ts';
import { SECTION_SIZE, USER_RECORD } from './constants.ts';
import { RecordCursor } from './cursor.ts';
import { readFeatureBytes, readFeatures } from './header.ts';
import type { Recording } from './recording.ts';
import type { Reading } from './source.ts';

const WINDOW = 0x4_0000;
const AUXTRACE_HEADER = 48;
/** perf gives the length of its mmaps, which no decompressed record can exceed; without it this bounds a hostile file. */
const DEFAULT_INFLATE_LIMIT = 0x100_0000;

export interface RecordSink {
  /** Each record in the order of the file. The cursor is only valid during the call. */
  record(cursor: RecordCursor): void;
  /** Payload of the AUXTRACE record seen last, in order, in pieces; without this method it is skipped. */
  auxData?(piece: Uint8Array, offsetInPayload: number, fileOffset: number): void;
}

export interface ScanEnd {
  /** What stopped the reading before the end of the data; all before it was delivered. */
  readonly damage: FormatError | undefined;
  /** Records delivered. */
  readonly records: number;
  /** Offset in the file where the reading stopped. */
  readonly end: number;
}

interface State {
  readonly recording: Recording;
  readonly sink: RecordSink;
  readonly cursor: RecordCursor;
  records: number;
  /** Decompressed bytes that hold the start of a record that the next compressed record continues. */
  leftover: Uint8Array;
}

/** Reads all records. Features of file mode are read before them from a random-access source, after them from a pipe. */
export function* scan(
  recording: Recording,
  sink: RecordSink,
  source: { readonly size?: number; readonly sequential?: boolean },
): Reading<ScanEnd> {
  const cursor = new RecordCursor();
  cursor.littleEndian = recording.littleEndian;
  const state: State = { recording, sink, cursor, records: 0, leftover: new Uint8Array(0) };
  let at = 16;
  let end = source.size;
  let hasFeatures = false;
  const data = recording.header?.data;
  if (data !== undefined) {
    at = data.offset;
    let unfinished = false;
    if (data.size === 0) {
      // perf writes the size when it ends. With nothing recorded the feature table stands here, and its first entry points behind it.
      const first = yield { kind: 'bytes', offset: at, length: 16 };
      const bits = recording.header?.featureBits.length ?? 0;
      const r = new ByteReader(first, { littleEndian: recording.littleEndian, base: at });
      unfinished = first.byteLength > 0 && !(bits > 0 && first.byteLength === 16 && r.u64() === BigInt(at + bits * SECTION_SIZE));
    }
    if (unfinished) {
      recording.issues.push(
        new FormatError(48, 'the data size is 0: the recording was not finished; records are read up to the end of the file'),
      );
    } else end = data.offset + data.size;
    hasFeatures = !unfinished;
    if (source.sequential !== true && !unfinished) yield* readFeatures(recording, source.size);
  }
  let damage: FormatError | undefined;
  try {
    at = yield* records(state, at, end, source.size);
    if (state.leftover.byteLength > 0) throw new FormatError(at, `${state.leftover.byteLength} decompressed bytes are no whole record`);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    damage = error;
    at = error.offset;
  }
  if (source.sequential === true && damage === undefined && hasFeatures) yield* readFeatures(recording, source.size);
  return { damage, records: state.records, end: at };
}

function* records(state: State, from: number, end: number | undefined, fileSize: number | undefined): Reading<number> {
  const { cursor, sink } = state;
  let at = from;
  for (;;) {
    const want = end === undefined ? WINDOW : Math.min(WINDOW, end - at);
    if (want <= 0) return at;
    const bytes = yield { kind: 'bytes', offset: at, length: want };
    if (bytes.byteLength === 0) {
      if (end !== undefined && at < end) throw new FormatError(at, `the file ends ${end - at} bytes before the end of its data`);
      return at;
    }
    const base = at;
    const length = bytes.byteLength;
    const atEnd = length < want || (end !== undefined && base + length === end);
    cursor.setBuffer(bytes);
    cursor.compressed = false;
    let i = 0;
    let moved = false;
    while (i + 8 <= length) {
      cursor.setHeader(i, base + i);
      const size = cursor.size;
      if (size < 8) throw new FormatError(base + i, `record size ${size} is less than a record header`);
      if (i + size > length) break;
      if (cursor.type >= 64) {
        const skip = yield* userRecord(state, end ?? fileSize);
        i += size;
        if (skip > 0) {
          at = base + i + skip;
          moved = true;
          break;
        }
        // the record may have moved the cursor to decompressed bytes
        if (cursor.bytes !== bytes) cursor.setBuffer(bytes);
        cursor.compressed = false;
        continue;
      }
      state.records++;
      sink.record(cursor);
      i += size;
    }
    if (moved) continue;
    at = base + i;
    if (i === length) {
      if (atEnd && end === undefined) return at;
      continue;
    }
    if (atEnd) {
      const left = length - i;
      throw new FormatError(
        at,
        left < 8 ? `${left} bytes are left, less than a record header` : `record of ${cursor.size} bytes, and only ${left} are left`,
      );
    }
  }
}

/** A record of the tool. Returns how many bytes after it are not records. */
function* userRecord(state: State, end: number | undefined): Reading<number> {
  const { cursor, recording, sink } = state;
  const { type, size, fileOffset } = cursor;
  const r = new ByteReader(cursor.record, { littleEndian: recording.littleEndian, base: fileOffset });
  r.skip(8);
  state.records++;
  switch (type) {
    case USER_RECORD.COMPRESSED:
    case USER_RECORD.COMPRESSED2: {
      sink.record(cursor);
      let data = r.take(r.remaining);
      if (type === USER_RECORD.COMPRESSED2) {
        const dataSize = new ByteReader(data, { littleEndian: recording.littleEndian, base: fileOffset + 8 }).size64('compressed size');
        if (dataSize > data.byteLength - 8)
          throw new FormatError(fileOffset + 8, `compressed size ${dataSize} is more than the record of ${size} bytes holds`);
        data = data.subarray(8, 8 + dataSize);
      }
      yield* inflated(state, data, fileOffset);
      return 0;
    }
    case USER_RECORD.HEADER_ATTR: {
      const attr = parseAttr(cursor.record.subarray(8), recording.littleEndian, fileOffset + 8);
      r.skip(attr.size, 'attr');
      const ids: bigint[] = [];
      while (r.remaining >= 8) ids.push(r.u64());
      sink.record(cursor);
      recording.addEvent(attr, ids);
      return 0;
    }
    case USER_RECORD.HEADER_FEATURE: {
      const bit = r.size64('feature');
      readFeatureBytes(recording, bit, r.take(r.remaining), fileOffset + 16);
      if (bit === 12) recording.applyEventDesc();
      sink.record(cursor);
      return 0;
    }
    case USER_RECORD.EVENT_UPDATE: {
      const kind = r.size64('kind of event update');
      const id = r.u64('id');
      const event = recording.eventById(id);
      if (kind === 2 && event !== undefined) event.name = r.cstring();
      sink.record(cursor);
      return 0;
    }
    case USER_RECORD.HEADER_TRACING_DATA: {
      const bytes = r.u32('size of the tracing data');
      sink.record(cursor);
      const padded = Math.ceil(bytes / 8) * 8;
      yield* within(fileOffset + size, padded, end, 'the tracing data');
      return padded;
    }
    case USER_RECORD.AUXTRACE: {
      if (size < AUXTRACE_HEADER) throw new FormatError(fileOffset, `AUXTRACE record of ${size} bytes: ${AUXTRACE_HEADER} expected`);
      const bytes = r.size64('size of the AUX data');
      const first = fileOffset + size;
      if (end !== undefined && first + bytes > end) {
        sink.record(cursor);
        yield* auxPayload(sink, first, end - first);
        throw new FormatError(fileOffset + 8, `AUX data of ${bytes} bytes run past the end of the data, ${end - first} are there`);
      }
      sink.record(cursor);
      if (sink.auxData === undefined) yield* within(first, bytes, end, 'the AUX data');
      else {
        const got = yield* auxPayload(sink, first, bytes);
        if (got < bytes) throw new FormatError(first + got, `the file ends inside the AUX data, ${got} of ${bytes} bytes are there`);
      }
      return bytes;
    }
    default:
      sink.record(cursor);
      return 0;
  }
}

/** Checks that `size` bytes are there which nobody wants to see. */
function* within(at: number, size: number, end: number | undefined, what: string): Reading<void> {
  if (size === 0) return;
  if (end !== undefined) {
    if (at + size > end) throw new FormatError(at, `${what}: ${size} bytes run past the end of the data`);
    return;
  }
  const last = yield { kind: 'bytes', offset: at + size - 1, length: 1 };
  if (last.byteLength === 0) throw new FormatError(at, `the file ends inside ${what} of ${size} bytes`);
}

function* auxPayload(sink: RecordSink, first: number, size: number): Reading<number> {
  if (sink.auxData === undefined) return size;
  let at = 0;
  while (at < size) {
    const piece = yield { kind: 'bytes', offset: first + at, length: Math.min(WINDOW, size - at) };
    if (piece.byteLength === 0) break;
    sink.auxData(piece, at, first + at);
    at += piece.byteLength;
  }
  return at;
}

/** Delivers the records of a decompressed piece; a record that it cuts waits for the next. */
function* inflated(state: State, data: Uint8Array, fileOffset: number): Reading<void> {
  const { cursor, sink, recording } = state;
  const limit = Math.max(recording.features.compressed?.mmapLen ?? 0, DEFAULT_INFLATE_LIMIT);
  const fresh = yield { kind: 'inflate', data, limit, offset: fileOffset };
  let bytes = fresh;
  if (state.leftover.byteLength > 0) {
    bytes = new Uint8Array(state.leftover.byteLength + fresh.byteLength);
    bytes.set(state.leftover);
    bytes.set(fresh, state.leftover.byteLength);
  }
  cursor.setBuffer(bytes);
  cursor.compressed = true;
  let i = 0;
  while (i + 8 <= bytes.byteLength) {
    cursor.setHeader(i, fileOffset);
    const size = cursor.size;
    if (size < 8) throw new FormatError(fileOffset, `decompressed record of size ${size}, less than a record header,`);
    if (i + size > bytes.byteLength) break;
    if (cursor.type === USER_RECORD.COMPRESSED || cursor.type === USER_RECORD.COMPRESSED2 || cursor.type === USER_RECORD.AUXTRACE)
      throw new FormatError(fileOffset, `record of type ${cursor.type} inside a compressed record`);
    state.records++;
    sink.record(cursor);
    i += size;
  }
  state.leftover = bytes.slice(i);
}
