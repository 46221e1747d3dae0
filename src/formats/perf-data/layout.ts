/** Where the fields of an attr's samples lie, computed once per attr so that the hot loop only adds offsets. Spec: kernel/events/core.c perf_output_sample, perf_event__output_id_sample. */
import { PERF_SAMPLE } from '#abi/perf-event/sample.ts';
import { attrFlag, type PerfEventAttr } from './attr.ts';

const ABSENT = -1;

/** Byte offsets from the start of the record (its header included); -1 where the field is absent. */
export interface SampleLayout {
  readonly identifier: number;
  readonly ip: number;
  readonly tid: number; // u32 pid, u32 tid
  readonly time: number;
  readonly addr: number;
  readonly id: number;
  readonly streamId: number;
  readonly cpu: number; // u32 cpu, u32 reserved
  readonly period: number;
  /** IDENTIFIER or ID: what tells the attr. */
  readonly anyId: number;
  /** Where the fields of variable size begin: the least size of a sample. */
  readonly variable: number;
}

/** Offsets back from the end of a record other than SAMPLE (sample_id_all); -1 where absent. */
export interface TrailerLayout {
  readonly size: number;
  readonly tid: number;
  readonly time: number;
  readonly id: number;
  readonly streamId: number;
  readonly cpu: number;
  readonly anyId: number;
}

export function sampleLayout(attr: PerfEventAttr): SampleLayout {
  const type = attr.sample_type;
  let at = 8;
  const word = (bit: number): number => {
    if ((type & bit) === 0) return ABSENT;
    at += 8;
    return at - 8;
  };
  const identifier = word(PERF_SAMPLE.IDENTIFIER);
  const ip = word(PERF_SAMPLE.IP);
  const tid = word(PERF_SAMPLE.TID);
  const time = word(PERF_SAMPLE.TIME);
  const addr = word(PERF_SAMPLE.ADDR);
  const id = word(PERF_SAMPLE.ID);
  const streamId = word(PERF_SAMPLE.STREAM_ID);
  const cpu = word(PERF_SAMPLE.CPU);
  const period = word(PERF_SAMPLE.PERIOD);
  return { identifier, ip, tid, time, addr, id, streamId, cpu, period, anyId: identifier !== ABSENT ? identifier : id, variable: at };
}

const NO_TRAILER: TrailerLayout = { size: 0, tid: ABSENT, time: ABSENT, id: ABSENT, streamId: ABSENT, cpu: ABSENT, anyId: ABSENT };

export function trailerLayout(attr: PerfEventAttr): TrailerLayout {
  if (!attrFlag(attr, 'sample_id_all')) return NO_TRAILER;
  const type = attr.sample_type;
  let at = 0;
  // from the end: IDENTIFIER is last, so that it has one place whatever else is there
  const word = (bit: number): number => {
    if ((type & bit) === 0) return ABSENT;
    at += 8;
    return at;
  };
  const identifier = word(PERF_SAMPLE.IDENTIFIER);
  const cpu = word(PERF_SAMPLE.CPU);
  const streamId = word(PERF_SAMPLE.STREAM_ID);
  const id = word(PERF_SAMPLE.ID);
  const time = word(PERF_SAMPLE.TIME);
  const tid = word(PERF_SAMPLE.TID);
  return { size: at, tid, time, id, streamId, cpu, anyId: identifier !== ABSENT ? identifier : id };
}
