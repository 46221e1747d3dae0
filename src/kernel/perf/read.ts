/** read(2) on an event: values, and their bytes by read_format. kernel/events/core.c perf_read; spec §6.2. */
import { ERRNO } from '#abi/errno.ts';
import { PERF_FORMAT } from '#abi/perf-event/sample.ts';
import type { PerfEvent } from './event.ts';

export interface ReadValue {
  readonly id: bigint;
  readonly value: bigint;
  /** Samples that found no room. */
  readonly lost: number;
}

export interface ReadValues {
  readonly timeEnabledNs: number;
  readonly timeRunningNs: number;
  /** With PERF_FORMAT_GROUP the leader's first, then its siblings'; otherwise one. */
  readonly values: readonly ReadValue[];
}

/** Counts as they stand; the caller has brought counters and times up to date. */
export function readValues(event: PerfEvent): ReadValues {
  const group = (event.attr.read_format & PERF_FORMAT.GROUP) !== 0;
  const first = group ? event.leader : event;
  return {
    timeEnabledNs: timeEnabled(first),
    timeRunningNs: timeRunning(first),
    values: (group ? event.group : [event]).map((e) => ({
      id: e.root.id,
      value: e.totalCount,
      lost: e.root.lostRecords + (e.ring?.lost ?? 0),
    })),
  };
}

export function timeEnabled(event: PerfEvent): number {
  let sum = event.timeEnabledNs + event.childTimeEnabledNs;
  for (const child of event.children) sum += child.timeEnabledNs;
  return sum;
}

export function timeRunning(event: PerfEvent): number {
  let sum = event.timeRunningNs + event.childTimeRunningNs;
  for (const child of event.children) sum += child.timeRunningNs;
  return sum;
}

/** Bytes that `encodeRead` makes. */
export function readSize(event: PerfEvent): number {
  const f = event.attr.read_format;
  const has = (bit: number): number => ((f & bit) === 0 ? 0 : 8);
  const each = 8 + has(PERF_FORMAT.ID) + has(PERF_FORMAT.LOST);
  const times = has(PERF_FORMAT.TOTAL_TIME_ENABLED) + has(PERF_FORMAT.TOTAL_TIME_RUNNING);
  return (f & PERF_FORMAT.GROUP) === 0 ? each + times : 8 + times + each * event.group.length;
}

/** What read(2) with room for `room` bytes gives: bytes, none for an event in ERROR state, or -errno. */
export function encodeRead(event: PerfEvent, read: ReadValues, room: number): Uint8Array | number {
  if (event.state === 'error') return new Uint8Array(0);
  const size = readSize(event);
  if (room < size) return -ERRNO.ENOSPC;
  const f = event.attr.read_format;
  const words: bigint[] = [];
  const times: bigint[] = [];
  if ((f & PERF_FORMAT.TOTAL_TIME_ENABLED) !== 0) times.push(BigInt(read.timeEnabledNs));
  if ((f & PERF_FORMAT.TOTAL_TIME_RUNNING) !== 0) times.push(BigInt(read.timeRunningNs));
  const group = (f & PERF_FORMAT.GROUP) !== 0;
  if (group) words.push(BigInt(read.values.length), ...times);
  for (const [i, v] of read.values.entries()) {
    words.push(v.value);
    if (!group && i === 0) words.push(...times);
    if ((f & PERF_FORMAT.ID) !== 0) words.push(v.id);
    if ((f & PERF_FORMAT.LOST) !== 0) words.push(BigInt(v.lost));
  }
  const out = new DataView(new ArrayBuffer(size));
  for (const [i, w] of words.entries()) out.setBigUint64(8 * i, BigInt.asUintN(64, w), true);
  return new Uint8Array(out.buffer);
}
