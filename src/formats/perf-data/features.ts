/** The feature sections of perf.data: their values as types. Which bytes they are: feature-codecs.ts. tools/perf/util/header.c write_*. */
import type { PerfEventAttr } from './attr.ts';

export interface BuildId {
  /** -1 kernel side, else the pid of the machine (0 host). */
  pid: number;
  /** header.misc: cpu mode (kernel, user, guest…). */
  misc: number;
  /** 20 bytes or fewer, in lower-case hex. */
  buildId: string;
  filename: string;
}

export interface EventDesc {
  attr: PerfEventAttr;
  name: string;
  ids: bigint[];
}

export interface CpuTopology {
  coreSiblings: string[];
  threadSiblings: string[];
  /** By CPU number; absent in files before 2016. */
  cpus?: { coreId: number; socketId: number; dieId?: number }[];
  dieSiblings?: string[];
}

export interface NumaNode {
  node: number;
  /** kB */
  memTotal: bigint;
  /** kB */
  memFree: bigint;
  cpus: string;
}

export interface CacheLevel {
  level: number;
  lineSize: number;
  sets: number;
  ways: number;
  type: string;
  size: string;
  map: string;
}

export interface MemTopology {
  version: bigint;
  blockSizeBytes: bigint;
  nodes: { node: bigint /** bits of the set */; size: bigint; words: bigint[] }[];
}

export interface PmuCaps {
  pmu: string;
  caps: { name: string; value: string }[];
}

/** All that a file's features say. A field is there when the feature is. */
export interface Features {
  /** Raw ftrace metadata, not parsed. */
  tracingData?: Uint8Array;
  buildIds?: BuildId[];
  hostname?: string;
  osRelease?: string;
  version?: string;
  arch?: string;
  nrCpus?: { available: number; online: number };
  cpuDesc?: string;
  cpuId?: string;
  /** kB */
  totalMem?: bigint;
  cmdline?: string[];
  eventDesc?: EventDesc[];
  cpuTopology?: CpuTopology;
  numaTopology?: NumaNode[];
  branchStack?: true;
  pmuMappings?: { type: number; name: string }[];
  groupDesc?: { name: string; leader: number; members: number }[];
  /** Index of the AUXTRACE records: where each begins in the file, and the size in its header. */
  auxtrace?: { fileOffset: bigint; size: bigint }[];
  stat?: true;
  cache?: CacheLevel[];
  /** ns */
  sampleTime?: { first: bigint; last: bigint };
  memTopology?: MemTopology;
  /** Resolution of the clock in ns. */
  clockId?: bigint;
  dirFormat?: bigint;
  /** Raw, not parsed. */
  bpfProgInfo?: Uint8Array;
  bpfBtf?: { id: number; data: Uint8Array }[];
  compressed?: { version: number; type: number; level: number; ratio: number; mmapLen: number };
  cpuPmuCaps?: { name: string; value: string }[];
  clockData?: { version: number; clockId: number; wallClockNs: bigint; clockIdTimeNs: bigint };
  hybridTopology?: { pmu: string; cpus: string }[];
  pmuCaps?: PmuCaps[];
  /** Feature bits that have no name here, with their bytes. */
  unknown?: { bit: number; data: Uint8Array }[];
}
