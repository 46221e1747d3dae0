/** A sample as the overflow writes it. Fields of enum perf_event_sample_format; the byte form is issue 5's ring. */
import type { ReadValues } from './read.ts';

/** PERF_RECORD_MISC_CPUMODE. include/uapi/linux/perf_event.h. */
export const CPUMODE = { KERNEL: 1, USER: 2 } as const;

export interface PerfSample {
  /** Event (parent of inherited ones, as PERF_SAMPLE_ID gives). */
  readonly id: bigint;
  /** The event itself, also when it is inherited (PERF_SAMPLE_STREAM_ID). */
  readonly streamId: bigint;
  readonly cpumode: 1 | 2;
  readonly ip: bigint;
  readonly pid: number;
  readonly tid: number;
  readonly timeNs: number;
  readonly cpu: number;
  /** hwc.last_period: the period that has just ended. */
  readonly period: bigint;
  /** With PERF_SAMPLE_READ. */
  readonly read: ReadValues | undefined;
}
