/** Kernel records other than SAMPLE as objects, read and written side by side. include/uapi/linux/perf_event.h, enum perf_event_type. */
import { PERF_RECORD, PERF_RECORD_MISC } from '#abi/perf-event/record.ts';
import type { ByteReader, ByteWriter } from '#base/bytes.ts';
import { type ReadValues, readReadValues, writeReadValues } from './sample.ts';

export interface Task {
  pid: number;
  tid: number;
}

export interface MmapRecord extends Task {
  addr: bigint;
  len: bigint;
  pgoff: bigint;
  filename: string;
}

export interface Mmap2Record extends MmapRecord {
  maj: number;
  min: number;
  ino: bigint;
  inoGeneration: bigint;
  /** Instead of maj…inoGeneration when misc has MMAP_BUILD_ID. */
  buildId?: Uint8Array;
  prot: number;
  flags: number;
}

export type KernelRecord =
  | ({ type: 'MMAP' } & MmapRecord)
  | { type: 'LOST'; id: bigint; lost: bigint }
  | ({ type: 'COMM'; comm: string } & Task)
  | ({ type: 'EXIT' | 'FORK'; ppid: number; ptid: number; time: bigint } & Task)
  | { type: 'THROTTLE' | 'UNTHROTTLE'; time: bigint; id: bigint; streamId: bigint }
  | ({ type: 'READ'; read: ReadValues } & Task)
  | ({ type: 'MMAP2' } & Mmap2Record)
  | { type: 'AUX'; auxOffset: bigint; auxSize: bigint; flags: bigint }
  | ({ type: 'ITRACE_START' } & Task)
  | { type: 'LOST_SAMPLES'; lost: bigint }
  | { type: 'SWITCH' }
  | { type: 'SWITCH_CPU_WIDE'; nextPrevPid: number; nextPrevTid: number }
  | ({ type: 'NAMESPACES'; links: { dev: bigint; ino: bigint }[] } & Task)
  | { type: 'KSYMBOL'; addr: bigint; len: number; ksymType: number; flags: number; name: string }
  | { type: 'BPF_EVENT'; bpfType: number; flags: number; id: number; tag: Uint8Array }
  | { type: 'CGROUP'; id: bigint; path: string }
  | { type: 'TEXT_POKE'; addr: bigint; oldLen: number; newLen: number; bytes: Uint8Array }
  | { type: 'AUX_OUTPUT_HW_ID'; hwId: bigint };

const task = (r: ByteReader): Task => ({ pid: r.i32('pid'), tid: r.i32('tid') });

function mmapHead(r: ByteReader): Task & { addr: bigint; len: bigint; pgoff: bigint } {
  return { ...task(r), addr: r.u64('addr'), len: r.u64('len'), pgoff: r.u64('pgoff') };
}

/**
 * Decodes the body of a kernel record. `r` stands after the header and ends before the sample_id trailer;
 * `readFormat` is that of the event (READ needs it). Undefined for types that are not known.
 */
export function decodeKernelRecord(type: number, misc: number, r: ByteReader, readFormat: number): KernelRecord | undefined {
  switch (type) {
    case PERF_RECORD.MMAP:
      return { type: 'MMAP', ...mmapHead(r), filename: r.cstring() };
    case PERF_RECORD.LOST:
      return { type: 'LOST', id: r.u64('id'), lost: r.u64('lost') };
    case PERF_RECORD.COMM:
      return { type: 'COMM', ...task(r), comm: r.cstring() };
    case PERF_RECORD.EXIT:
    case PERF_RECORD.FORK: {
      const [pid, ppid, tid, ptid] = [r.i32('pid'), r.i32('ppid'), r.i32('tid'), r.i32('ptid')];
      return { type: type === PERF_RECORD.FORK ? 'FORK' : 'EXIT', pid, ppid, tid, ptid, time: r.u64('time') };
    }
    case PERF_RECORD.THROTTLE:
    case PERF_RECORD.UNTHROTTLE:
      return {
        type: type === PERF_RECORD.THROTTLE ? 'THROTTLE' : 'UNTHROTTLE',
        time: r.u64('time'),
        id: r.u64('id'),
        streamId: r.u64('stream id'),
      };
    case PERF_RECORD.READ:
      return { type: 'READ', ...task(r), read: readReadValues(r, readFormat) };
    case PERF_RECORD.MMAP2: {
      const head = mmapHead(r);
      const id = r.sub(24, 'device and inode');
      const rest = { prot: r.u32('prot'), flags: r.u32('flags'), filename: r.cstring() };
      if ((misc & PERF_RECORD_MISC.MMAP_BUILD_ID) !== 0) {
        const size = Math.min(20, id.u8());
        id.skip(3);
        return { type: 'MMAP2', ...head, maj: 0, min: 0, ino: 0n, inoGeneration: 0n, buildId: id.take(size).slice(), ...rest };
      }
      return { type: 'MMAP2', ...head, maj: id.u32(), min: id.u32(), ino: id.u64(), inoGeneration: id.u64(), ...rest };
    }
    case PERF_RECORD.AUX:
      return { type: 'AUX', auxOffset: r.u64('aux offset'), auxSize: r.u64('aux size'), flags: r.u64('flags') };
    case PERF_RECORD.ITRACE_START:
      return { type: 'ITRACE_START', ...task(r) };
    case PERF_RECORD.LOST_SAMPLES:
      return { type: 'LOST_SAMPLES', lost: r.u64('lost') };
    case PERF_RECORD.SWITCH:
      return { type: 'SWITCH' };
    case PERF_RECORD.SWITCH_CPU_WIDE:
      return { type: 'SWITCH_CPU_WIDE', nextPrevPid: r.i32('pid'), nextPrevTid: r.i32('tid') };
    case PERF_RECORD.NAMESPACES: {
      const t = task(r);
      const nr = r.size64('number of namespaces');
      if (nr * 16 > r.remaining) r.fail(`${nr} namespaces do not fit in ${r.remaining} bytes`);
      return { type: 'NAMESPACES', ...t, links: Array.from({ length: nr }, () => ({ dev: r.u64(), ino: r.u64() })) };
    }
    case PERF_RECORD.KSYMBOL:
      return { type: 'KSYMBOL', addr: r.u64('addr'), len: r.u32('len'), ksymType: r.u16('type'), flags: r.u16('flags'), name: r.cstring() };
    case PERF_RECORD.BPF_EVENT:
      return { type: 'BPF_EVENT', bpfType: r.u16('type'), flags: r.u16('flags'), id: r.u32('id'), tag: r.take(8, 'tag').slice() };
    case PERF_RECORD.CGROUP:
      return { type: 'CGROUP', id: r.u64('id'), path: r.cstring() };
    case PERF_RECORD.TEXT_POKE: {
      const [addr, oldLen, newLen] = [r.u64('addr'), r.u16('old_len'), r.u16('new_len')];
      return { type: 'TEXT_POKE', addr, oldLen, newLen, bytes: r.take(oldLen + newLen, 'code').slice() };
    }
    case PERF_RECORD.AUX_OUTPUT_HW_ID:
      return { type: 'AUX_OUTPUT_HW_ID', hwId: r.u64('hw_id') };
    default:
      return undefined;
  }
}

/** Writes the body (after the header, before the trailer), padded to 8. The misc bits that belong to the body (MMAP_BUILD_ID) are the caller's. */
export function writeKernelRecordBody(w: ByteWriter, record: KernelRecord, readFormat: number): void {
  switch (record.type) {
    case 'MMAP':
      w.u32(record.pid).u32(record.tid).u64(record.addr).u64(record.len).u64(record.pgoff).cstring(record.filename);
      break;
    case 'LOST':
      w.u64(record.id).u64(record.lost);
      break;
    case 'COMM':
      w.u32(record.pid).u32(record.tid).cstring(record.comm);
      break;
    case 'EXIT':
    case 'FORK':
      w.u32(record.pid).u32(record.ppid).u32(record.tid).u32(record.ptid).u64(record.time);
      break;
    case 'THROTTLE':
    case 'UNTHROTTLE':
      w.u64(record.time).u64(record.id).u64(record.streamId);
      break;
    case 'READ':
      w.u32(record.pid).u32(record.tid);
      writeReadValues(w, record.read, readFormat);
      break;
    case 'MMAP2':
      w.u32(record.pid).u32(record.tid).u64(record.addr).u64(record.len).u64(record.pgoff);
      if (record.buildId === undefined) w.u32(record.maj).u32(record.min).u64(record.ino).u64(record.inoGeneration);
      else
        w.u8(record.buildId.byteLength)
          .zeros(3)
          .raw(record.buildId)
          .zeros(20 - record.buildId.byteLength);
      w.u32(record.prot).u32(record.flags).cstring(record.filename);
      break;
    case 'AUX':
      w.u64(record.auxOffset).u64(record.auxSize).u64(record.flags);
      break;
    case 'ITRACE_START':
      w.u32(record.pid).u32(record.tid);
      break;
    case 'LOST_SAMPLES':
      w.u64(record.lost);
      break;
    case 'SWITCH':
      break;
    case 'SWITCH_CPU_WIDE':
      w.u32(record.nextPrevPid).u32(record.nextPrevTid);
      break;
    case 'NAMESPACES':
      w.u32(record.pid).u32(record.tid).u64(record.links.length);
      for (const l of record.links) w.u64(l.dev).u64(l.ino);
      break;
    case 'KSYMBOL':
      w.u64(record.addr).u32(record.len).u16(record.ksymType).u16(record.flags).cstring(record.name);
      break;
    case 'BPF_EVENT':
      w.u16(record.bpfType).u16(record.flags).u32(record.id).raw(record.tag);
      break;
    case 'CGROUP':
      w.u64(record.id).cstring(record.path);
      break;
    case 'TEXT_POKE':
      w.u64(record.addr).u16(record.oldLen).u16(record.newLen).raw(record.bytes);
      break;
    case 'AUX_OUTPUT_HW_ID':
      w.u64(record.hwId);
      break;
  }
  w.align(8);
}
