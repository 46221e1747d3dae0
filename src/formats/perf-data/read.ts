/**
 * The way in for users of the library.
 *
 * ```ts
 * const data = await openPerfData(memorySource(bytes));
 * for (const event of data.recording.events) console.log(event.name, event.attr.sample_type);
 * const end = await data.scan({ record: (cursor) => { … } });
 * if (end.damage) console.error(end.damage.message);
 * ```
 */
import { PERF_RECORD } from '#abi/perf-event/record.ts';
import { FormatError } from '#base/format-error.ts';
import { USER_RECORD_START } from './constants.ts';
import type { RecordCursor } from './cursor.ts';
import { readFeatures, readHeader } from './header.ts';
import { OrderedSink } from './order.ts';
import type { EventEntry, Recording } from './recording.ts';
import { decodeKernelRecord, type KernelRecord } from './records.ts';
import { decodeSample, type Sample } from './sample.ts';
import { type RecordSink, scan, type ScanEnd } from './scan.ts';
import { bodyReader } from './session.ts';
import { type ByteSource, drive, driveSync, type Inflate, memorySource, type Reading, type SyncByteSource } from './source.ts';
import { decodeUserRecord, type UserRecord } from './user-records.ts';

export interface OpenOptions {
  /** Decompressor for zstd records; without one they are damage. One per file. */
  readonly inflate?: Inflate;
}

export interface ScanOptions {
  /** Deliver records by time (FINISHED_ROUND); default false: in the order of the file. */
  readonly ordered?: boolean;
  /** Bound of the queue when ordered; default 128 MiB. */
  readonly maxQueueBytes?: number;
}

export interface ScanResult extends ScanEnd {
  /** Records that came too late for their place (ordered only). */
  readonly late: number;
}

export interface PerfData {
  readonly recording: Recording;
  /** Reads all records once. Damage is returned, with everything before it delivered. */
  scan(sink: RecordSink, options?: ScanOptions): Promise<ScanResult>;
}

export interface SyncPerfData {
  readonly recording: Recording;
  scan(sink: RecordSink, options?: ScanOptions): ScanResult;
}

function ordering(recording: Recording, sink: RecordSink, options: ScanOptions): { target: RecordSink; finish: () => number } {
  if (options.ordered !== true) return { target: sink, finish: () => 0 };
  const queue = new OrderedSink(recording, sink, options.maxQueueBytes);
  return {
    target: queue,
    finish: () => {
      queue.flush();
      return queue.late;
    },
  };
}

/** Header and, where the source can go there, features; of a recording that was not finished only the scan knows whether it has any. */
function* readFront(source: ByteSource): Reading<Recording> {
  const recording = yield* readHeader(source.size);
  if (source.sequential !== true && (recording.header?.data.size ?? 0) > 0) yield* readFeatures(recording, source.size);
  return recording;
}

/** Opens a recording: header, events and ids (and features) are read, in pipe mode they come with the records. Throws FormatError for what is no perf.data. */
export async function openPerfData(source: ByteSource, options: OpenOptions = {}): Promise<PerfData> {
  const recording = await drive(readFront(source), source);
  return {
    recording,
    scan: async (sink, scanOptions = {}) => {
      const { target, finish } = ordering(recording, sink, scanOptions);
      const end = await drive(scan(recording, target, source), source, options.inflate);
      return { ...end, late: finish() };
    },
  };
}

/** As openPerfData, for sources (and decompressors) that answer at once. */
export function openPerfDataSync(source: SyncByteSource, options: OpenOptions = {}): SyncPerfData {
  const recording = driveSync(readFront(source), source);
  return {
    recording,
    scan: (sink, scanOptions = {}) => {
      const { target, finish } = ordering(recording, sink, scanOptions);
      const end = driveSync(scan(recording, target, source), source, options.inflate);
      return { ...end, late: finish() };
    },
  };
}

/** Fields of the sample_id trailer that every kernel record but SAMPLE carries when sample_id_all is set. */
export interface SampleId {
  pid?: number;
  tid?: number;
  /** ns */
  time?: bigint;
  id?: bigint;
  streamId?: bigint;
  cpu?: number;
}

export interface PerfRecord {
  /** Offset in the file; for a record that was compressed, of the compressed record. */
  readonly offset: number;
  readonly type: number;
  readonly misc: number;
  /** Bytes, header included. */
  readonly size: number;
  readonly event: EventEntry | undefined;
  /** One of these is there, unless the type is unknown or the record is damaged. */
  readonly sample?: Sample;
  readonly kernel?: KernelRecord;
  readonly user?: UserRecord;
  readonly sampleId?: SampleId;
  /** The fields do not fit in the record. */
  readonly damage?: FormatError;
}

export function decodeSampleId(cursor: RecordCursor, event: EventEntry | undefined): SampleId | undefined {
  const t = event?.trailer;
  if (t === undefined || t.size === 0 || cursor.size < 8 + t.size) return undefined;
  const out: SampleId = {};
  const at = (fromEnd: number): number => cursor.size - fromEnd;
  if (t.tid > 0) {
    out.pid = cursor.u32(at(t.tid)) | 0;
    out.tid = cursor.u32(at(t.tid) + 4) | 0;
  }
  if (t.time > 0) out.time = cursor.u64(at(t.time));
  if (t.anyId > 0) out.id = cursor.u64(at(t.anyId));
  if (t.streamId > 0) out.streamId = cursor.u64(at(t.streamId));
  if (t.cpu > 0) out.cpu = cursor.u32(at(t.cpu));
  return out;
}

/** The record under the cursor as an object that may be kept. */
export function decodeRecord(cursor: RecordCursor, recording: Recording): PerfRecord {
  const head = { offset: cursor.fileOffset, type: cursor.type, misc: cursor.misc, size: cursor.size };
  const event = cursor.type < USER_RECORD_START ? recording.eventOf(cursor) : undefined;
  try {
    if (cursor.type === PERF_RECORD.SAMPLE)
      return event === undefined ? { ...head, event } : { ...head, event, sample: decodeSample(cursor, event.attr) };
    const body = bodyReader(cursor, event);
    if (cursor.type >= USER_RECORD_START) {
      const user = decodeUserRecord(cursor.type, cursor.misc, body);
      return user === undefined ? { ...head, event } : { ...head, event, user };
    }
    const kernel = decodeKernelRecord(cursor.type, cursor.misc, body, event?.attr.read_format ?? 0);
    const sampleId = decodeSampleId(cursor, event);
    return { ...head, event, ...(kernel === undefined ? {} : { kernel }), ...(sampleId === undefined ? {} : { sampleId }) };
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    return { ...head, event, damage: error };
  }
}

/**
 * Reads a whole recording from memory into objects: for small files and scripts. Records come in the order of the file.
 * For large files use `openPerfData` and `scan`, which keep nothing.
 */
export function readPerfData(
  bytes: Uint8Array,
  options: OpenOptions = {},
): { recording: Recording; records: PerfRecord[]; damage: FormatError | undefined } {
  const data = openPerfDataSync(memorySource(bytes), options);
  const records: PerfRecord[] = [];
  const end = data.scan({
    record: (cursor) => {
      records.push(decodeRecord(cursor, data.recording));
    },
  });
  return { recording: data.recording, records, damage: end.damage };
}
