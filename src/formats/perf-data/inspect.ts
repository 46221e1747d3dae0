/**
 * What a recording does not hold, and says so itself: lost records and samples, throttled spans, AUX data cut, partial, overwritten or
 * missing, maps that were not finished. Each as a number with its unit, its time, its thread. perf condenses this to "1 times out of 2".
 */
import { PERF_AUX_FLAG, PERF_RECORD, PERF_RECORD_MISC } from '#abi/perf-event/record.ts';
import { FormatError } from '#base/format-error.ts';
import { USER_RECORD, USER_RECORD_START } from './constants.ts';
import type { RecordCursor } from './cursor.ts';
import { decodeSampleId, type SampleId, type ScanResult } from './read.ts';
import type { EventEntry, Recording } from './recording.ts';
import { decodeKernelRecord, type KernelRecord } from './records.ts';
import type { RecordSink } from './scan.ts';
import { bodyReader, type Session } from './session.ts';
import { decodeUserRecord } from './user-records.ts';

export type LossKind =
  | 'LOST'
  | 'LOST_SAMPLES'
  | 'READ_LOST'
  | 'THROTTLE'
  | 'THROTTLE_UNENDED'
  | 'UNTHROTTLE_UNBEGUN'
  | 'AUX_TRUNCATED'
  | 'AUX_PARTIAL'
  | 'AUX_OVERWRITE'
  | 'AUX_COLLISION'
  | 'AUX_GAP'
  | 'AUX_NOT_STORED'
  | 'AUXTRACE_ERROR'
  | 'MAP_TIMEOUT'
  | 'UNKNOWN_ID'
  | 'LATE'
  | 'UNREADABLE'
  | 'DAMAGE'
  | 'PT_OVERFLOW'
  | 'PT_GAP'
  | 'PT_UNDECODED';

/** One occurrence, or several of one kind in one place. */
export interface Loss {
  readonly kind: LossKind;
  /** Occurrences. */
  count: number;
  /** How much, in `unit`; undefined where the file does not tell. */
  amount: number | undefined;
  readonly unit: 'records' | 'samples' | 'bytes' | 'ns' | 'spans' | 'errors';
  /** ns; undefined where the records carry no time. */
  firstNs: bigint | undefined;
  lastNs: bigint | undefined;
  readonly pid: number | undefined;
  readonly tid: number | undefined;
  readonly comm: string | undefined;
  readonly cpu: number | undefined;
  readonly event: string | undefined;
  readonly note: string | undefined;
}

/** Adds findings that need a decoder: the PT engine's OVF, gaps and undecodable spans. */
export interface LossSource {
  losses(): Iterable<Loss>;
}

interface Where {
  readonly pid?: number | undefined;
  readonly tid?: number | undefined;
  readonly cpu?: number | undefined;
  readonly timeNs?: bigint | undefined;
  readonly event?: string | undefined;
}

interface AuxStream {
  /** End of the last AUX record, in aux_head space. */
  recorded: bigint | undefined;
  recordedBytes: number;
  storedBytes: number;
  overwrite: boolean;
}

export class Inspector implements RecordSink {
  /** Each occurrence, in order of time. */
  readonly occurrences: Loss[] = [];
  readonly #recording: Recording;
  readonly #session: Session;
  readonly #open = new Map<string, { time: bigint; where: Where }>();
  readonly #aux = new Map<string, AuxStream>();

  constructor(recording: Recording, session: Session) {
    this.#recording = recording;
    this.#session = session;
  }

  #add(kind: LossKind, unit: Loss['unit'], amount: number | undefined, where: Where, note?: string): void {
    const tid = where.tid;
    this.occurrences.push({
      kind,
      count: 1,
      amount,
      unit,
      firstNs: where.timeNs,
      lastNs: where.timeNs,
      pid: where.pid,
      tid,
      comm: tid === undefined || tid < 0 ? undefined : this.#session.thread(where.pid ?? -1, tid).comm,
      cpu: where.cpu,
      event: where.event,
      note,
    });
  }

  record(cursor: RecordCursor): void {
    if (cursor.type === PERF_RECORD.SAMPLE) return;
    try {
      if (cursor.type >= USER_RECORD_START) this.#user(cursor);
      else this.#kernel(cursor, this.#recording.eventOf(cursor));
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      this.#add('UNREADABLE', 'records', 1, {}, error.message);
    }
  }

  #kernel(cursor: RecordCursor, event: EventEntry | undefined): void {
    const id = decodeSampleId(cursor, event);
    const where: Where = { pid: id?.pid, tid: id?.tid, cpu: id?.cpu, timeNs: id?.time, event: event?.name };
    if (
      (cursor.misc & PERF_RECORD_MISC.PROC_MAP_PARSE_TIMEOUT) !== 0 &&
      (cursor.type === PERF_RECORD.MMAP || cursor.type === PERF_RECORD.MMAP2)
    )
      this.#add(
        'MAP_TIMEOUT',
        'records',
        undefined,
        { ...where, pid: cursor.u32(8) | 0, tid: cursor.u32(12) | 0 },
        'reading /proc/PID/maps took too long: later maps of this process are missing',
      );
    const record = decodeKernelRecord(cursor.type, cursor.misc, bodyReader(cursor, event), event?.attr.read_format ?? 0);
    if (record === undefined) return;
    this.#session.apply(record, cursor.misc);
    this.#loss(record, where, id);
  }

  #loss(record: KernelRecord, where: Where, id: SampleId | undefined): void {
    switch (record.type) {
      case 'LOST':
        this.#add('LOST', 'records', Number(record.lost), { ...where, event: this.#recording.eventById(record.id)?.name ?? where.event });
        return;
      case 'LOST_SAMPLES':
        this.#add('LOST_SAMPLES', 'samples', Number(record.lost), where);
        return;
      case 'READ':
        for (const v of record.read.values)
          if (v.lost !== undefined && v.lost > 0n)
            this.#add('READ_LOST', 'samples', Number(v.lost), { ...where, pid: record.pid, tid: record.tid });
        return;
      case 'THROTTLE':
      case 'UNTHROTTLE':
        this.#throttle(record, { ...where, timeNs: record.time }, `${record.streamId}/${id?.cpu ?? '-'}`);
        return;
      case 'AUX':
        this.#auxRecord(record, where);
        return;
      default:
    }
  }

  #throttle(record: KernelRecord & { type: 'THROTTLE' | 'UNTHROTTLE' }, where: Where, key: string): void {
    const open = this.#open.get(key);
    if (record.type === 'THROTTLE') {
      if (open !== undefined) this.#add('THROTTLE_UNENDED', 'spans', 1, open.where, 'throttled again before an UNTHROTTLE');
      this.#open.set(key, { time: record.time, where });
      return;
    }
    if (open === undefined) {
      this.#add('UNTHROTTLE_UNBEGUN', 'spans', 1, where, 'no THROTTLE before it');
      return;
    }
    this.#open.delete(key);
    this.#add('THROTTLE', 'ns', Number(record.time - open.time), open.where);
    const last = this.occurrences.at(-1);
    if (last !== undefined) last.lastNs = record.time;
  }

  /** AUX buffers are per cpu, or per thread where the recording has no cpu in its records. */
  #stream(cpu: number | undefined, tid: number | undefined): AuxStream {
    const key = cpu === undefined || cpu === 0xffff_ffff ? `tid ${tid ?? -1}` : `cpu ${cpu}`;
    let s = this.#aux.get(key);
    if (s === undefined) {
      s = { recorded: undefined, recordedBytes: 0, storedBytes: 0, overwrite: false };
      this.#aux.set(key, s);
    }
    return s;
  }

  #auxRecord(record: KernelRecord & { type: 'AUX' }, where: Where): void {
    const flags = Number(record.flags & 0xffffn);
    const size = Number(record.auxSize);
    const stream = this.#stream(where.cpu, where.tid);
    if ((flags & PERF_AUX_FLAG.TRUNCATED) !== 0)
      this.#add('AUX_TRUNCATED', 'bytes', undefined, where, `the buffer was full; ${size} bytes came before, how many after is not known`);
    if ((flags & PERF_AUX_FLAG.PARTIAL) !== 0)
      this.#add('AUX_PARTIAL', 'bytes', undefined, where, `gaps within ${size} bytes (VMX operation)`);
    if ((flags & PERF_AUX_FLAG.OVERWRITE) !== 0) {
      stream.overwrite = true;
      this.#add('AUX_OVERWRITE', 'bytes', undefined, where, `snapshot of ${size} bytes: older data were overwritten`);
    }
    if ((flags & PERF_AUX_FLAG.COLLISION) !== 0)
      this.#add('AUX_COLLISION', 'bytes', undefined, where, `samples collided within ${size} bytes`);
    if (stream.recorded !== undefined && !stream.overwrite && record.auxOffset > stream.recorded)
      this.#add('AUX_GAP', 'bytes', Number(record.auxOffset - stream.recorded), where, 'no AUX record tells of these bytes');
    stream.recorded = record.auxOffset + record.auxSize;
    stream.recordedBytes += size;
  }

  #user(cursor: RecordCursor): void {
    if (cursor.type !== USER_RECORD.AUXTRACE && cursor.type !== USER_RECORD.AUXTRACE_ERROR) return;
    const record = decodeUserRecord(cursor.type, cursor.misc, bodyReader(cursor, undefined));
    if (record?.type === 'AUXTRACE') this.#stream(record.cpu, record.tid).storedBytes += record.size;
    else if (record?.type === 'AUXTRACE_ERROR')
      this.#add(
        'AUXTRACE_ERROR',
        'errors',
        1,
        { pid: record.pid, tid: record.tid, cpu: record.cpu, timeNs: record.time },
        `code ${record.code}: ${record.msg}`,
      );
  }

  /** Ends the inspection; `result` is that of the scan, `sources` add what only a decoder of the AUX data can tell. */
  finish(result: ScanResult, sources: readonly LossSource[] = []): Loss[] {
    for (const s of sources) this.occurrences.push(...s.losses());
    for (const open of this.#open.values()) this.#add('THROTTLE_UNENDED', 'spans', 1, open.where, 'no UNTHROTTLE until the end');
    // sizes of payloads are rounded up to 8
    for (const [key, s] of this.#aux)
      if (!s.overwrite && s.recordedBytes > s.storedBytes)
        this.#add(
          'AUX_NOT_STORED',
          'bytes',
          s.recordedBytes - s.storedBytes,
          { [key.slice(0, 3)]: Number(key.slice(4)) },
          `AUX records tell of ${s.recordedBytes} bytes, ${s.storedBytes} are in the file`,
        );
    const r = this.#recording;
    if (r.unknownIds > 0) this.#add('UNKNOWN_ID', 'records', r.unknownIds, {}, 'their id belongs to no event of the file');
    if (result.late > 0) this.#add('LATE', 'records', result.late, {}, 'older than what FINISHED_ROUND promised');
    for (const issue of r.issues) this.#add('DAMAGE', 'errors', 1, {}, issue.message);
    if (result.damage !== undefined) this.#add('DAMAGE', 'errors', 1, {}, `${result.damage.message}; everything after it is not read`);
    return this.occurrences;
  }
}

/** Occurrences of one kind, thread, cpu and event as one, in order of the first. */
export function summarize(losses: readonly Loss[]): Loss[] {
  const out = new Map<string, Loss>();
  for (const l of losses) {
    const note = l.count === 1 && l.kind !== 'DAMAGE' && l.kind !== 'UNREADABLE' ? '' : l.note;
    const key = [l.kind, l.pid, l.tid, l.cpu, l.event, note].join('/');
    const sum = out.get(key);
    if (sum === undefined) {
      out.set(key, { ...l });
      continue;
    }
    sum.count += l.count;
    sum.amount = sum.amount === undefined || l.amount === undefined ? undefined : sum.amount + l.amount;
    if (l.firstNs !== undefined && (sum.firstNs === undefined || l.firstNs < sum.firstNs)) sum.firstNs = l.firstNs;
    if (l.lastNs !== undefined && (sum.lastNs === undefined || l.lastNs > sum.lastNs)) sum.lastNs = l.lastNs;
  }
  return [...out.values()];
}

const seconds = (ns: bigint): string => `${ns / 1_000_000_000n}.${String(ns % 1_000_000_000n).padStart(9, '0')}`;

function lossLine(l: Loss): string {
  const amount = l.amount === undefined ? 'unknown' : `${l.amount}`;
  const when =
    l.firstNs === undefined
      ? '-'
      : l.lastNs === undefined || l.lastNs === l.firstNs
        ? seconds(l.firstNs)
        : `${seconds(l.firstNs)} to ${seconds(l.lastNs)}`;
  const who = l.tid === undefined || l.tid < 0 ? '-' : `${l.comm ?? ''} ${l.pid ?? -1}/${l.tid}`;
  const cpu = l.cpu === undefined || l.cpu > 0x7fff_ffff ? '-' : String(l.cpu);
  return `${l.kind.padEnd(18)} ${String(l.count).padStart(6)}  ${`${amount} ${l.unit}`.padEnd(22)} ${when.padEnd(40)} cpu ${cpu.padEnd(4)} ${who.padEnd(24)} ${l.event ?? ''}${l.note === undefined ? '' : `  (${l.note})`}`.trimEnd();
}

/** Totals by kind, then a line for each finding. */
export function inspectText(name: string, losses: readonly Loss[], shown: readonly Loss[]): string {
  if (losses.length === 0) return `${name}: nothing is lost that the recording would tell of\n`;
  let out = `${name}: ${losses.length} occurrences of loss\n\n`;
  const kinds = new Map<string, { count: number; amount: number; unknown: number; unit: string }>();
  for (const l of losses) {
    const k = kinds.get(l.kind) ?? { count: 0, amount: 0, unknown: 0, unit: l.unit };
    k.count += l.count;
    if (l.amount === undefined) k.unknown += l.count;
    else k.amount += l.amount;
    kinds.set(l.kind, k);
  }
  for (const [kind, k] of kinds) {
    const known = k.unknown < k.count ? `${k.amount} ${k.unit}` : '';
    const unknown = k.unknown > 0 ? `${known === '' ? '' : ', '}${k.unknown} of unknown size` : '';
    out += `  ${kind.padEnd(18)} ${String(k.count).padStart(6)} times  ${known}${unknown}\n`;
  }
  out += `\n${'kind'.padEnd(18)}  times  ${'how much'.padEnd(22)} ${'when [s]'.padEnd(40)} ${'cpu'.padEnd(8)} ${'thread'.padEnd(24)} event\n`;
  for (const l of shown) out += `${lossLine(l)}\n`;
  return out;
}
