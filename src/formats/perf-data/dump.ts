/** `perf script -D`: every record with its bytes and its meaning, in the order of delivery. Text forms: tools/perf/util/session.c dump_event, dump_sample. */
import { PERF_BRANCH_ENTRY, PERF_BR } from '#abi/perf-event/branch.ts';
import { PERF_RECORD, PERF_RECORD_MISC } from '#abi/perf-event/record.ts';
import { PERF_REG_X86, PERF_SAMPLE } from '#abi/perf-event/sample.ts';
import { FormatError } from '#base/format-error.ts';
import type { TextBuffer } from '#base/text-buffer.ts';
import type { PerfEventAttr } from './attr.ts';
import { attrFlag } from './attr.ts';
import { PIPE_HEADER_SIZE, RECORD_NAMES, USER_RECORD, USER_RECORD_START } from './constants.ts';
import type { RecordCursor } from './cursor.ts';
import { kernelRecordText, userRecordText } from './dump-text.ts';
import { decodeSampleId } from './read.ts';
import type { EventEntry } from './recording.ts';
import { decodeKernelRecord } from './records.ts';
import { decodeSample, type ReadValues, type Registers, type Sample } from './sample.ts';
import type { RecordSink } from './scan.ts';
import { halves, pageSize, type SamplePrinter } from './script-line.ts';
import { bodyReader, type Session } from './session.ts';
import { type AuxtraceRecord, decodeUserRecord } from './user-records.ts';

/** Prints AUX payloads in a dump; the PT engine gives one. */
export interface AuxDumper {
  begin(record: AuxtraceRecord, fileOffset: number): void;
  piece(bytes: Uint8Array): void;
  end(): void;
}

const hex = (v: bigint | number): string => (BigInt(v) === 0n ? '0' : `0x${v.toString(16)}`);
const SHOWN = Array.from({ length: 256 }, (_, c) => (c >= 0x20 && c < 0x7f ? String.fromCharCode(c) : '.'));
const TWO_HEX = Array.from({ length: 256 }, (_, c) => ` ${c.toString(16).padStart(2, '0')}`);

export class RecordDumper implements RecordSink {
  /** Records by type, as `--stats` counts them. */
  readonly counts = new Map<number, number>();
  readonly auxData?: (piece: Uint8Array, offsetInPayload: number, fileOffset: number) => void;
  readonly #session: Session;
  readonly #printer: SamplePrinter;
  readonly #out: TextBuffer;
  readonly #file: string;
  readonly #aux: AuxDumper | undefined;
  #auxLeft = 0;

  constructor(session: Session, printer: SamplePrinter, out: TextBuffer, file: string, aux?: AuxDumper) {
    this.#session = session;
    this.#printer = printer;
    this.#out = out;
    this.#file = file;
    this.#aux = aux;
    if (aux !== undefined)
      this.auxData = (piece) => {
        aux.piece(piece);
        this.#auxLeft -= piece.byteLength;
        if (this.#auxLeft <= 0) aux.end();
      };
  }

  record(cursor: RecordCursor): void {
    this.counts.set(cursor.type, (this.counts.get(cursor.type) ?? 0) + 1);
    // perf shows what is in it and not the record itself
    if (cursor.type === USER_RECORD.COMPRESSED || cursor.type === USER_RECORD.COMPRESSED2) return;
    const event = cursor.type < USER_RECORD_START ? this.#session.recording.eventOf(cursor) : undefined;
    const out = this.#out;
    // perf does not count the 16 bytes of a pipe's header
    const at = hex(cursor.fileOffset - (this.#session.recording.mode === 'pipe' ? PIPE_HEADER_SIZE : 0));
    out.text(`\n${at}@${this.#file} [${hex(cursor.size)}]: event: ${cursor.type}\n`);
    this.#raw(cursor.record);
    out.text(`${this.#stamp(cursor, event)}${at} [${hex(cursor.size)}]: PERF_RECORD_${RECORD_NAMES[cursor.type] ?? 'UNKNOWN'}`);
    try {
      this.#meaning(cursor, event);
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      out.text(` damaged: ${error.message}\n`);
    }
  }

  #raw(bytes: Uint8Array): void {
    const out = this.#out;
    out.text(`.\n. ... raw event: size ${bytes.byteLength} bytes\n`);
    for (let at = 0; at < bytes.byteLength; at += 16) {
      let row = `.  ${at.toString(16).padStart(4, '0')}: `;
      let shown = '';
      for (let i = at; i < at + 16; i++) {
        const b = bytes[i];
        row += b === undefined ? '   ' : TWO_HEX[b];
        shown += b === undefined ? ' ' : SHOWN[b];
      }
      out.text(`${row}  ${shown}\n`);
    }
    out.byte(10);
  }

  /** perf prints cpu and time when any event has them; -1 -1 when the records have no sample_id. */
  #stamp(cursor: RecordCursor, event: EventEntry | undefined): string {
    const events = this.#session.recording.events;
    const first = events[0];
    if (cursor.type !== PERF_RECORD.SAMPLE && (first === undefined || !attrFlag(first.attr, 'sample_id_all'))) return '-1 -1 ';
    let type = 0;
    for (const e of events) type |= e.attr.sample_type;
    let cpu = 0;
    let time = 0n;
    if (cursor.type < USER_RECORD_START && event !== undefined) {
      const isSample = cursor.type === PERF_RECORD.SAMPLE;
      const cpuAt = isSample ? event.layout.cpu : event.trailer.cpu < 0 ? -1 : cursor.size - event.trailer.cpu;
      const timeAt = isSample ? event.layout.time : event.trailer.time < 0 ? -1 : cursor.size - event.trailer.time;
      cpu = cpuAt >= 8 && cpuAt + 8 <= cursor.size ? cursor.u32(cpuAt) : 0xffff_ffff;
      time = timeAt >= 8 && timeAt + 8 <= cursor.size ? cursor.u64(timeAt) : 0xffff_ffff_ffff_ffffn;
    }
    return `${(type & PERF_SAMPLE.CPU) !== 0 ? `${cpu} ` : ''}${(type & PERF_SAMPLE.TIME) !== 0 ? `${time} ` : ''}`;
  }

  #meaning(cursor: RecordCursor, event: EventEntry | undefined): void {
    const out = this.#out;
    if (cursor.type === PERF_RECORD.SAMPLE) {
      if (event === undefined) out.text(' of an unknown event\n');
      else this.#sample(cursor, event);
      return;
    }
    if (cursor.type >= USER_RECORD_START) {
      const record = decodeUserRecord(cursor.type, cursor.misc, bodyReader(cursor, event));
      if (record === undefined) {
        out.byte(10);
        return;
      }
      out.text(userRecordText(record));
      if (record.type === 'AUXTRACE' && this.#aux !== undefined) {
        this.#auxLeft = record.size;
        this.#aux.begin(record, cursor.fileOffset);
      }
      return;
    }
    const record = decodeKernelRecord(cursor.type, cursor.misc, bodyReader(cursor, event), event?.attr.read_format ?? 0);
    if (record === undefined) {
      out.byte(10);
      return;
    }
    out.text(kernelRecordText(record, cursor.misc, decodeSampleId(cursor, event)?.id, event?.name ?? '[unknown]'));
    this.#session.apply(record, cursor.misc);
  }

  #sample(cursor: RecordCursor, event: EventEntry): void {
    const sample = decodeSample(cursor, event.attr);
    const pid = sample.pid ?? -1;
    const tid = sample.tid ?? -1;
    this.#out.text(
      `(IP, ${hex(cursor.misc)}): ${pid}/${tid}: ${hex(sample.ip ?? 0n)} period: ${sample.period ?? event.attr.sample_period} addr: ${hex(sample.addr ?? 0n)}\n`,
    );
    this.#out.text(sampleText(sample, event.attr));
    const thread = this.#session.thread(pid, tid);
    const mode = cursor.misc & PERF_RECORD_MISC.CPUMODE_MASK;
    const map = this.#session.findMap(thread, mode, ...halves(sample.ip ?? 0n));
    const dso = map?.dso.longName ?? (mode === PERF_RECORD_MISC.HYPERVISOR ? '[hypervisor]' : '<not found>');
    this.#printer.print(cursor, event, ` ... thread: ${thread.comm}:${tid}\n ...... dso: ${dso}\n`);
  }
}

function readText(read: ReadValues, group: boolean): string {
  let out = '... sample_read:\n';
  if (read.timeEnabled !== undefined) out += `...... time enabled ${read.timeEnabled.toString(16).padStart(16, '0')}\n`;
  if (read.timeRunning !== undefined) out += `...... time running ${read.timeRunning.toString(16).padStart(16, '0')}\n`;
  if (group) out += `.... group nr ${read.values.length}\n`;
  for (const v of read.values)
    out += `..... id ${(v.id ?? 0n).toString(16).padStart(16, '0')}, value ${v.value.toString(16).padStart(16, '0')}${v.lost === undefined ? '' : `, lost ${v.lost}`}\n`;
  return out;
}

const ABI = ['none', '32-bit', '64-bit'];

function registersText(kind: string, regs: Registers, mask: bigint): string {
  let out = `... ${kind} regs: mask 0x${mask.toString(16)} ABI ${ABI[Number(regs.abi)] ?? 'unknown'}\n`;
  let i = 0;
  for (let b = 0; b < 64; b++)
    if (((mask >> BigInt(b)) & 1n) === 1n)
      out += `.... ${(PERF_REG_X86[b] ?? 'unknown').padEnd(5)} 0x${(regs.values[i++] ?? 0n).toString(16).padStart(16, '0')}\n`;
  return out;
}

function sampleText(s: Sample, attr: PerfEventAttr): string {
  let out = '';
  if (s.callchain !== undefined) {
    out += `... FP chain: nr:${s.callchain.length}\n`;
    for (const [i, ip] of s.callchain.entries()) out += `..... ${String(i).padStart(2)}: ${ip.toString(16).padStart(16, '0')}\n`;
  }
  if (s.branchStack !== undefined) {
    out += `... branch stack: nr:${s.branchStack.entries.length}\n`;
    for (const [i, e] of s.branchStack.entries.entries()) {
      const f = PERF_BRANCH_ENTRY.unpack(e.flags);
      const flags = `${f.mispred === 1n ? 'M' : ' '}${f.predicted === 1n ? 'P' : ' '}${f.abort === 1n ? 'A' : ' '}${f.in_tx === 1n ? 'T' : ' '}`;
      const word = Number(e.flags & 0xfn);
      const type = f.type === 0n ? '' : (PERF_BR[Number(f.type)] ?? '');
      out += `..... ${String(i).padStart(2)}: ${e.from.toString(16).padStart(16, '0')} -> ${e.to.toString(16).padStart(16, '0')} ${Number(f.cycles)} cycles ${flags} ${word & ~3 & 0xf} ${type}\n`;
    }
  }
  if (s.regsUser !== undefined && s.regsUser.abi !== 0n) out += registersText('user', s.regsUser, attr.sample_regs_user);
  if (s.regsIntr !== undefined && s.regsIntr.abi !== 0n) out += registersText('intr', s.regsIntr, attr.sample_regs_intr);
  if (s.stackUser !== undefined) out += `... ustack: size ${s.stackUser.dynSize}, offset 0x${(s.stackUser.offset ?? 0).toString(16)}\n`;
  if (s.weight !== undefined)
    out += `... weight: ${(attr.sample_type & PERF_SAMPLE.WEIGHT) !== 0 ? s.weight : `${s.weight & 0xffff_ffffn},0x${((s.weight >> 32n) & 0xffffn).toString(16)},0x${(s.weight >> 48n).toString(16)}`}\n`;
  if (s.dataSrc !== undefined) out += ` . data_src: 0x${s.dataSrc.toString(16)}\n`;
  if (s.physAddr !== undefined) out += ` .. phys_addr: 0x${s.physAddr.toString(16)}\n`;
  if (s.dataPageSize !== undefined) out += ` .. data page size: ${pageSize(s.dataPageSize)}\n`;
  if (s.codePageSize !== undefined) out += ` .. code page size: ${pageSize(s.codePageSize)}\n`;
  if (s.transaction !== undefined) out += `... transaction: ${s.transaction.toString(16)}\n`;
  if (s.read !== undefined) out += readText(s.read, (attr.read_format & 8) !== 0);
  return out;
}
