/** A sample as the overflow takes it. Fields of enum perf_event_sample_format; its bytes: records.ts. */
import type { ReadValues } from './read.ts';

/** PERF_RECORD_MISC_CPUMODE. include/uapi/linux/perf_event.h. */
export const CPUMODE = { KERNEL: 1, USER: 2 } as const;

/** struct perf_branch_entry. */
export interface BranchEntry {
  readonly from: bigint;
  readonly to: bigint;
  /** The third word (abi PERF_BRANCH_ENTRY). */
  readonly flags: bigint;
}

export interface PerfSample {
  /** Event (parent of inherited ones, as PERF_SAMPLE_ID gives). */
  readonly id: bigint;
  /** The event itself, also when it is inherited (PERF_SAMPLE_STREAM_ID). */
  readonly streamId: bigint;
  readonly cpumode: 1 | 2;
  readonly ip: bigint;
  /** Of a breakpoint: where it is. */
  readonly addr?: bigint;
  readonly pid: number;
  readonly tid: number;
  readonly timeNs: number;
  readonly cpu: number;
  /** hwc.last_period: the period that has just ended. */
  readonly period: bigint;
  /** With PERF_SAMPLE_READ. */
  readonly read: ReadValues | undefined;
  /** With PERF_SAMPLE_CALLCHAIN: context markers and addresses, innermost first. */
  readonly callchain?: readonly bigint[];
  /** With PERF_SAMPLE_BRANCH_STACK, newest first. */
  readonly branches?: readonly BranchEntry[];
  readonly branchHwIndex?: bigint;
  /** With PERF_SAMPLE_REGS_USER, in the order of the mask's bits; undefined: there are none (no user mode below). */
  readonly regsUser?: readonly bigint[] | undefined;
  readonly regsIntr?: readonly bigint[] | undefined;
  /** With PERF_SAMPLE_STACK_USER: what could be read from the user's RSP up; undefined: there is no user mode below. */
  readonly stackUser?: Uint8Array | undefined;
}
