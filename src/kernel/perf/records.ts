/** Records in the ABI's byte layout: samples in the order of perf_output_sample, side-band records with their sample_id. spec §6.5, §6.6. */
import { PERF_RECORD, PERF_RECORD_MISC } from '#abi/perf-event/record.ts';
import { PERF_SAMPLE, PERF_SAMPLE_REGS_ABI } from '#abi/perf-event/sample.ts';
import { PERF_SAMPLE_BRANCH } from '#abi/perf-event/branch.ts';
import { ByteWriter } from '#base/bytes.ts';
import type { MappingEvent } from '../perf-hooks.ts';
import { attrFlag, type PerfEventAttr } from './attr.ts';
import type { PerfEvent } from './event.ts';
import { encodeRead, readValues } from './read.ts';
import type { PerfSample } from './sample.ts';

/** Who was current, when and where: what sample_id tells of a side-band record. */
export interface Moment {
  readonly pid: number;
  readonly tid: number;
  readonly timeNs: number;
  readonly cpu: number;
}

/** header.size is 16 bits. */
const MAX_RECORD = 0xffff;
const HEADER = 8;

/** Nothing is known of the access: op, level, snoop, lock, TLB and level number each n/a. */
const PERF_MEM_NA = 1 + 2 ** 5 + 2 ** 19 + 2 ** 24 + 2 ** 26 + 0xf * 2 ** 33;

export interface RecordBody {
  readonly type: keyof typeof PERF_RECORD;
  readonly misc: number;
  /** The body without header and sample_id, padded to 8. */
  readonly write: (w: ByteWriter, event: PerfEvent) => void;
}

/** perf_event_clock: attr.clockid's time for a moment of the perf clock. */
const stamp = (event: PerfEvent, timeNs: number): number | bigint =>
  event.clockOffsetNs === 0n ? timeNs : BigInt(timeNs) + event.clockOffsetNs;

/** A side-band record as `event` tells it. */
export function sideBandRecord(body: RecordBody, event: PerfEvent, moment: Moment): Uint8Array {
  const w = new ByteWriter(128).u32(PERF_RECORD[body.type]).u16(body.misc).u16(0);
  body.write(w, event);
  w.align(8);
  if (attrFlag(event.attr, 'sample_id_all')) writeSampleId(w, event, moment);
  return finish(w);
}

/** struct sample_id: include/uapi/linux/perf_event.h. */
function writeSampleId(w: ByteWriter, event: PerfEvent, moment: Moment): void {
  const type = event.attr.sample_type;
  if ((type & PERF_SAMPLE.TID) !== 0) w.u32(moment.pid).u32(moment.tid);
  if ((type & PERF_SAMPLE.TIME) !== 0) w.u64(stamp(event, moment.timeNs));
  if ((type & PERF_SAMPLE.ID) !== 0) w.u64(event.root.id);
  if ((type & PERF_SAMPLE.STREAM_ID) !== 0) w.u64(event.id);
  if ((type & PERF_SAMPLE.CPU) !== 0) w.u32(moment.cpu).u32(0);
  if ((type & PERF_SAMPLE.IDENTIFIER) !== 0) w.u64(event.root.id);
}

function finish(w: ByteWriter): Uint8Array {
  w.patchU16(6, w.length);
  return w.toBytes();
}

export const lostRecord = (event: PerfEvent, lost: number): RecordBody => ({
  type: 'LOST',
  misc: 0,
  write: (w) => w.u64(event.root.id).u64(lost),
});

export const commRecord = (pid: number, tid: number, comm: string, exec: boolean): RecordBody => ({
  type: 'COMM',
  misc: exec ? PERF_RECORD_MISC.COMM_EXEC : 0,
  write: (w) => w.u32(pid).u32(tid).cstring(comm),
});

/** `parent`: pid and tid of who forked, or of the exiting task's parent. */
export const taskRecord = (
  type: 'FORK' | 'EXIT',
  pid: number,
  tid: number,
  parent: readonly [number, number],
  timeNs: number,
): RecordBody => ({
  type,
  misc: 0,
  write: (w, event) => w.u32(pid).u32(parent[0]).u32(tid).u32(parent[1]).u64(stamp(event, timeNs)),
});

/** Linux calls every mapping of a task PERF_RECORD_MISC_USER. */
export const mmap2Record = (pid: number, tid: number, m: MappingEvent): RecordBody => ({
  type: 'MMAP2',
  misc: PERF_RECORD_MISC.USER,
  write: (w) =>
    w
      .u32(pid)
      .u32(tid)
      .u64(m.start)
      .u64(m.length)
      .u64(m.offset)
      .u32(m.device.major)
      .u32(m.device.minor)
      .u64(m.inode)
      .u64(0)
      .u32(m.prot)
      .u32(m.flags)
      .cstring(m.name),
});

export const throttleRecord = (type: 'THROTTLE' | 'UNTHROTTLE', event: PerfEvent, timeNs: number): RecordBody => ({
  type,
  misc: 0,
  write: (w) => w.u64(stamp(event, timeNs)).u64(event.root.id).u64(event.id),
});

/** PERF_RECORD_READ: what an inherited event had counted when its task ended (attr.inherit_stat). */
export const readRecord = (event: PerfEvent, task: Moment): RecordBody => ({
  type: 'READ',
  misc: 0,
  write: (w) => {
    const bytes = encodeRead(event, readValues(event), MAX_RECORD);
    w.u32(task.pid).u32(task.tid);
    if (typeof bytes !== 'number') w.raw(bytes);
  },
});

/** A switch as an event of a CPU tells it: `other` is who comes next, or without SWITCH_OUT who was there before. */
export const switchCpuWideRecord = (misc: number, other: readonly [pid: number, tid: number]): RecordBody => ({
  type: 'SWITCH_CPU_WIDE',
  misc,
  write: (w) => w.u32(other[0]).u32(other[1]),
});

export const switchRecord = (misc: number): RecordBody => ({ type: 'SWITCH', misc, write: () => {} });

/** PERF_RECORD_SAMPLE. */
export function sampleRecord(event: PerfEvent, s: PerfSample): Uint8Array {
  const { attr } = event;
  const has = (bit: number): boolean => (attr.sample_type & bit) !== 0;
  const w = new ByteWriter(256).u32(PERF_RECORD.SAMPLE).u16(s.cpumode).u16(0);
  if (has(PERF_SAMPLE.IDENTIFIER)) w.u64(s.id);
  if (has(PERF_SAMPLE.IP)) w.u64(s.ip);
  if (has(PERF_SAMPLE.TID)) w.u32(s.pid).u32(s.tid);
  if (has(PERF_SAMPLE.TIME)) w.u64(stamp(event, s.timeNs));
  if (has(PERF_SAMPLE.ADDR)) w.u64(s.addr ?? 0); // but for breakpoints no event tells a data address without PEBS
  if (has(PERF_SAMPLE.ID)) w.u64(s.id);
  if (has(PERF_SAMPLE.STREAM_ID)) w.u64(s.streamId);
  if (has(PERF_SAMPLE.CPU)) w.u32(s.cpu).u32(0);
  if (has(PERF_SAMPLE.PERIOD)) w.u64(s.period);
  if (has(PERF_SAMPLE.READ) && s.read !== undefined) {
    const bytes = encodeRead(event, s.read, MAX_RECORD);
    if (typeof bytes !== 'number') w.raw(bytes);
  }
  if (has(PERF_SAMPLE.CALLCHAIN)) {
    const chain = s.callchain ?? [];
    w.u64(chain.length);
    for (const ip of chain) w.u64(ip);
  }
  if (has(PERF_SAMPLE.RAW)) w.u32(4).u32(0); // perf_output_sample: a size and as much padding
  if (has(PERF_SAMPLE.BRANCH_STACK)) writeBranches(w, attr, s);
  if (has(PERF_SAMPLE.REGS_USER)) writeRegisters(w, s.regsUser);
  const words = [PERF_SAMPLE.WEIGHT, PERF_SAMPLE.WEIGHT_STRUCT, PERF_SAMPLE.DATA_SRC, PERF_SAMPLE.TRANSACTION, PERF_SAMPLE.PHYS_ADDR];
  const behind =
    [...words, PERF_SAMPLE.DATA_PAGE_SIZE].filter(has).length + (has(PERF_SAMPLE.REGS_INTR) ? 1 + (s.regsIntr?.length ?? 0) : 0);
  if (has(PERF_SAMPLE.STACK_USER)) writeStack(w, attr, s, 8 * behind);
  // Only PEBS and memory events know these; perf_sample_data_init says so.
  if (has(PERF_SAMPLE.WEIGHT) || has(PERF_SAMPLE.WEIGHT_STRUCT)) w.u64(0);
  if (has(PERF_SAMPLE.DATA_SRC)) w.u64(PERF_MEM_NA);
  if (has(PERF_SAMPLE.TRANSACTION)) w.u64(0);
  if (has(PERF_SAMPLE.REGS_INTR)) writeRegisters(w, s.regsIntr);
  if (has(PERF_SAMPLE.PHYS_ADDR)) w.u64(0);
  if (has(PERF_SAMPLE.DATA_PAGE_SIZE)) w.u64(0);
  return finish(w);
}

function writeRegisters(w: ByteWriter, values: readonly bigint[] | undefined): void {
  w.u64(values === undefined ? PERF_SAMPLE_REGS_ABI.NONE : PERF_SAMPLE_REGS_ABI.BITS_64);
  for (const v of values ?? []) w.u64(v);
}

function writeBranches(w: ByteWriter, attr: PerfEventAttr, s: PerfSample): void {
  const branches = s.branches ?? [];
  w.u64(branches.length);
  if ((attr.branch_sample_type & BigInt(PERF_SAMPLE_BRANCH.HW_INDEX)) !== 0n) w.u64(s.branchHwIndex ?? -1n);
  for (const b of branches) w.u64(b.from).u64(b.to).u64(b.flags);
}

/** perf_output_sample_ustack: as many bytes as were asked for (and fit in a record), of which `dyn_size` could be read. */
function writeStack(w: ByteWriter, attr: PerfEventAttr, s: PerfSample, behind: number): void {
  if (s.stackUser === undefined) {
    w.u64(0);
    return;
  }
  const room = MAX_RECORD + 1 - w.length - HEADER - HEADER - behind - 8;
  const size = Math.min(attr.sample_stack_user, room - (room % 8));
  const data = s.stackUser.subarray(0, size);
  w.u64(size)
    .raw(data)
    .zeros(size - data.length)
    .u64(data.length);
}
