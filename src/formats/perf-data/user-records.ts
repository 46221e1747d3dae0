/** Records that perf itself writes (type ≥ 64) as objects. tools/lib/perf/include/perf/event.h; spec §7.2. */
import type { ByteReader } from '#base/bytes.ts';
import type { PerfEventAttr } from './attr.ts';
import { parseAttr } from './attr.ts';
import { USER_RECORD } from './constants.ts';
import { readBuildIdBody } from './feature-codecs.ts';
import type { BuildId } from './features.ts';

export interface AuxtraceRecord {
  /** Bytes of payload that follow the record. */
  size: number;
  /** Position of the payload in the AUX stream (aux_head space). */
  offset: bigint;
  reference: bigint;
  idx: number;
  tid: number;
  cpu: number;
}

export type UserRecord =
  | { type: 'HEADER_ATTR'; attr: PerfEventAttr; ids: bigint[] }
  | { type: 'HEADER_EVENT_TYPE'; id: bigint; name: string }
  | { type: 'HEADER_TRACING_DATA'; size: number }
  | ({ type: 'HEADER_BUILD_ID' } & BuildId)
  | { type: 'FINISHED_ROUND' }
  | { type: 'ID_INDEX'; entries: { id: bigint; idx: bigint; cpu: bigint; tid: bigint; machinePid?: bigint; vcpu?: bigint }[] }
  | { type: 'AUXTRACE_INFO'; auxType: number; priv: bigint[] }
  | ({ type: 'AUXTRACE' } & AuxtraceRecord)
  | {
      type: 'AUXTRACE_ERROR';
      errorType: number;
      code: number;
      cpu: number;
      pid: number;
      tid: number;
      fmt: number;
      ip: bigint;
      time: bigint;
      msg: string;
    }
  | { type: 'THREAD_MAP'; threads: { tid: bigint; comm: string }[] }
  | { type: 'CPU_MAP'; cpus: number[] /** one entry stood for "any cpu" */; anyCpu: boolean }
  | { type: 'STAT_CONFIG'; entries: { tag: bigint; value: bigint }[] }
  | { type: 'STAT'; id: bigint; cpu: number; thread: number; value: bigint; enabled: bigint; running: bigint }
  | { type: 'STAT_ROUND'; round: bigint; time: bigint }
  | { type: 'EVENT_UPDATE'; kind: bigint; id: bigint; unit?: string; scale?: number; name?: string; cpus?: number[] }
  | {
      type: 'TIME_CONV';
      timeShift: bigint;
      timeMult: bigint;
      timeZero: bigint;
      timeCycles?: bigint;
      timeMask?: bigint;
      capZero?: number;
      capShort?: number;
    }
  | { type: 'HEADER_FEATURE'; feature: bigint; data: Uint8Array }
  | { type: 'COMPRESSED' | 'COMPRESSED2'; size: number }
  | { type: 'FINISHED_INIT' };

const MAX_CPUS = 0x1_0000;

/** Body of CPU_MAP: u16 kind 0 list, 1 mask, 2 range. */
export function readCpuMap(r: ByteReader): { cpus: number[]; anyCpu: boolean } {
  const kind = r.u16('kind of cpu map');
  const cpus: number[] = [];
  let anyCpu = false;
  if (kind === 0) {
    const nr = r.u16('number of cpus');
    for (let i = 0; i < nr; i++) {
      const cpu = r.u16('cpu');
      if (cpu === 0xffff) anyCpu = true;
      else cpus.push(cpu);
    }
  } else if (kind === 1) {
    const nr = r.u16('number of mask words');
    const wordSize = r.u16('size of a mask word');
    if (wordSize === 8) r.skip(2, 'padding');
    for (let i = 0; i < nr; i++) {
      const word = wordSize === 4 ? BigInt(r.u32('mask word')) : r.u64('mask word');
      for (let b = 0; b < wordSize * 8; b++) if (((word >> BigInt(b)) & 1n) === 1n) cpus.push(i * wordSize * 8 + b);
    }
  } else if (kind === 2) {
    anyCpu = r.u8('any cpu') !== 0;
    r.skip(1);
    const [first, last] = [r.u16('first cpu'), r.u16('last cpu')];
    for (let cpu = first; cpu <= last && cpu < MAX_CPUS; cpu++) cpus.push(cpu);
  } else r.fail(`cpu map of kind ${kind}`);
  return { cpus, anyCpu };
}

function list<T>(r: ByteReader, least: number, what: string, one: () => T): T[] {
  const n = r.size64(`number of ${what}`);
  if (n * least > r.remaining) r.fail(`${n} ${what} do not fit in ${r.remaining} bytes`);
  return Array.from({ length: n }, one);
}

/** Decodes the body; `r` stands after the header and ends with the record. Undefined for types that are not known. */
export function decodeUserRecord(type: number, misc: number, r: ByteReader): UserRecord | undefined {
  switch (type) {
    case USER_RECORD.HEADER_ATTR: {
      const attr = parseAttr(r.bytes.subarray(r.position), r.littleEndian, r.offset);
      r.skip(attr.size);
      const ids: bigint[] = [];
      while (r.remaining >= 8) ids.push(r.u64());
      return { type: 'HEADER_ATTR', attr, ids };
    }
    case USER_RECORD.HEADER_EVENT_TYPE:
      return { type: 'HEADER_EVENT_TYPE', id: r.u64('event'), name: r.cstring() };
    case USER_RECORD.HEADER_TRACING_DATA:
      return { type: 'HEADER_TRACING_DATA', size: r.u32('size') };
    case USER_RECORD.HEADER_BUILD_ID:
      return { type: 'HEADER_BUILD_ID', ...readBuildIdBody(r, misc) };
    case USER_RECORD.FINISHED_ROUND:
      return { type: 'FINISHED_ROUND' };
    case USER_RECORD.ID_INDEX: {
      const entries: (UserRecord & { type: 'ID_INDEX' })['entries'] = list(r, 32, 'ids', () => ({
        id: r.u64(),
        idx: r.u64(),
        cpu: r.u64(),
        tid: r.u64(),
      }));
      if (entries.length > 0 && r.remaining >= entries.length * 16)
        for (const e of entries) {
          e.machinePid = r.u64();
          e.vcpu = r.u64();
        }
      return { type: 'ID_INDEX', entries };
    }
    case USER_RECORD.AUXTRACE_INFO: {
      const auxType = r.u32('type');
      r.skip(4, 'reserved');
      const priv: bigint[] = [];
      while (r.remaining >= 8) priv.push(r.u64());
      return { type: 'AUXTRACE_INFO', auxType, priv };
    }
    case USER_RECORD.AUXTRACE:
      return {
        type: 'AUXTRACE',
        size: r.size64('size'),
        offset: r.u64('offset'),
        reference: r.u64('reference'),
        idx: r.u32('idx'),
        tid: r.i32('tid'),
        cpu: r.u32('cpu'),
      };
    case USER_RECORD.AUXTRACE_ERROR: {
      const [errorType, code, cpu, pid, tid, fmt] = [r.u32('type'), r.u32('code'), r.u32('cpu'), r.i32('pid'), r.i32('tid'), r.u32('fmt')];
      return {
        type: 'AUXTRACE_ERROR',
        errorType,
        code,
        cpu,
        pid,
        tid,
        fmt,
        ip: r.u64('ip'),
        time: r.u64('time'),
        msg: r.cstring(Math.min(64, r.remaining)),
      };
    }
    case USER_RECORD.THREAD_MAP:
      return { type: 'THREAD_MAP', threads: list(r, 24, 'threads', () => ({ tid: r.u64('tid'), comm: r.cstring(16) })) };
    case USER_RECORD.CPU_MAP:
      return { type: 'CPU_MAP', ...readCpuMap(r) };
    case USER_RECORD.STAT_CONFIG:
      return { type: 'STAT_CONFIG', entries: list(r, 16, 'entries', () => ({ tag: r.u64(), value: r.u64() })) };
    case USER_RECORD.STAT: {
      const [id, cpu, thread] = [r.u64('id'), r.u32('cpu'), r.u32('thread')];
      return { type: 'STAT', id, cpu, thread, value: r.u64('value'), enabled: r.u64('enabled'), running: r.u64('running') };
    }
    case USER_RECORD.STAT_ROUND:
      return { type: 'STAT_ROUND', round: r.u64('type'), time: r.u64('time') };
    case USER_RECORD.EVENT_UPDATE: {
      const [kind, id] = [r.u64('kind'), r.u64('id')];
      const out: UserRecord & { type: 'EVENT_UPDATE' } = { type: 'EVENT_UPDATE', kind, id };
      if (kind === 0n) out.unit = r.cstring();
      else if (kind === 1n) {
        const at = r.position;
        r.skip(8, 'scale');
        out.scale = new DataView(r.bytes.buffer, r.bytes.byteOffset + at, 8).getFloat64(0, r.littleEndian);
      } else if (kind === 2n) out.name = r.cstring();
      else if (kind === 3n) out.cpus = readCpuMap(r).cpus;
      return out;
    }
    case USER_RECORD.TIME_CONV: {
      const out: UserRecord & { type: 'TIME_CONV' } = {
        type: 'TIME_CONV',
        timeShift: r.u64('shift'),
        timeMult: r.u64('mult'),
        timeZero: r.u64('zero'),
      };
      if (r.remaining >= 18) {
        out.timeCycles = r.u64();
        out.timeMask = r.u64();
        out.capZero = r.u8();
        out.capShort = r.u8();
      }
      return out;
    }
    case USER_RECORD.HEADER_FEATURE:
      return { type: 'HEADER_FEATURE', feature: r.u64('feature'), data: r.take(r.remaining).slice() };
    case USER_RECORD.COMPRESSED:
    case USER_RECORD.COMPRESSED2:
      return { type: type === USER_RECORD.COMPRESSED ? 'COMPRESSED' : 'COMPRESSED2', size: r.remaining };
    case USER_RECORD.FINISHED_INIT:
      return { type: 'FINISHED_INIT' };
    default:
      return undefined;
  }
}
