/** Bytes of the records that perf itself writes: the other half of user-records.ts. */
import type { ByteWriter } from '#base/bytes.ts';
import { encodeUtf8 } from '#base/utf8.ts';
import { attrBytes } from './attr.ts';
import { USER_RECORD } from './constants.ts';
import type { UserRecord } from './user-records.ts';

/** A cpu map as a list of u16. */
function cpuMap(w: ByteWriter, cpus: readonly number[], anyCpu: boolean): void {
  w.u16(0).u16(cpus.length + (anyCpu ? 1 : 0));
  if (anyCpu) w.u16(0xffff);
  for (const cpu of cpus) w.u16(cpu);
}

/** Type number of a user record. */
export const userRecordType = (record: UserRecord): number => USER_RECORD[record.type];

/** Writes the body after the header, padded to 8. COMPRESSED and HEADER_BUILD_ID are the writer's own business. */
export function writeUserRecordBody(w: ByteWriter, r: UserRecord, attrSize: number): void {
  switch (r.type) {
    case 'HEADER_ATTR':
      w.raw(attrBytes(r.attr, attrSize));
      for (const id of r.ids) w.u64(id);
      break;
    case 'HEADER_EVENT_TYPE':
      w.u64(r.id).cstring(r.name, 64);
      break;
    case 'HEADER_TRACING_DATA':
      w.u32(r.size);
      break;
    case 'FINISHED_ROUND':
    case 'FINISHED_INIT':
      break;
    case 'ID_INDEX': {
      w.u64(r.entries.length);
      for (const e of r.entries) w.u64(e.id).u64(e.idx).u64(e.cpu).u64(e.tid);
      if (r.entries.some((e) => e.machinePid !== undefined)) for (const e of r.entries) w.u64(e.machinePid ?? 0n).u64(e.vcpu ?? 0n);
      break;
    }
    case 'AUXTRACE_INFO':
      w.u32(r.auxType).u32(0);
      for (const p of r.priv) w.u64(p);
      break;
    case 'AUXTRACE':
      w.u64(r.size).u64(r.offset).u64(r.reference).u32(r.idx).u32(r.tid).u32(r.cpu).u32(0);
      break;
    case 'AUXTRACE_ERROR':
      w.u32(r.errorType).u32(r.code).u32(r.cpu).u32(r.pid).u32(r.tid).u32(r.fmt).u64(r.ip).u64(r.time).cstring(r.msg, 64);
      break;
    case 'THREAD_MAP':
      w.u64(r.threads.length);
      for (const t of r.threads) w.u64(t.tid).cstring(t.comm, 16);
      break;
    case 'CPU_MAP':
      cpuMap(w, r.cpus, r.anyCpu);
      break;
    case 'STAT_CONFIG':
      w.u64(r.entries.length);
      for (const e of r.entries) w.u64(e.tag).u64(e.value);
      break;
    case 'STAT':
      w.u64(r.id).u32(r.cpu).u32(r.thread).u64(r.value).u64(r.enabled).u64(r.running);
      break;
    case 'STAT_ROUND':
      w.u64(r.round).u64(r.time);
      break;
    case 'EVENT_UPDATE': {
      w.u64(r.kind).u64(r.id);
      if (r.unit !== undefined) w.raw(encodeUtf8(r.unit)).u8(0);
      else if (r.name !== undefined) w.raw(encodeUtf8(r.name)).u8(0);
      else if (r.cpus !== undefined) cpuMap(w, r.cpus, false);
      else {
        const f = new Uint8Array(8);
        new DataView(f.buffer).setFloat64(0, r.scale ?? 1, w.littleEndian);
        w.raw(f);
      }
      break;
    }
    case 'TIME_CONV':
      w.u64(r.timeShift).u64(r.timeMult).u64(r.timeZero);
      if (r.timeCycles !== undefined)
        w.u64(r.timeCycles)
          .u64(r.timeMask ?? 0n)
          .u8(r.capZero ?? 0)
          .u8(r.capShort ?? 0)
          .zeros(6);
      break;
    case 'HEADER_FEATURE':
      w.u64(r.feature).raw(r.data);
      break;
    case 'HEADER_BUILD_ID':
    case 'COMPRESSED':
    case 'COMPRESSED2':
      throw new RangeError(`${r.type} is not written through writeUserRecordBody`);
  }
  w.align(8);
}
