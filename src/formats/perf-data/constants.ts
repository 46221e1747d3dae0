/** perf.data as data: magics, feature bits, records that the tool itself writes. tools/perf/Documentation/perf.data-file-format.txt, tools/perf/util/{header,event}.h, tools/lib/perf/include/perf/event.h. */

/** "PERFILE2" read as a little-endian u64's bytes; a big-endian recorder leaves them reversed. */
export const MAGIC2 = [0x50, 0x45, 0x52, 0x46, 0x49, 0x4c, 0x45, 0x32] as const;
/** "PERFFILE": version 1, of 2009, without attr sizes. Refused. */
export const MAGIC1 = [0x50, 0x45, 0x52, 0x46, 0x46, 0x49, 0x4c, 0x45] as const;

export const FILE_HEADER_SIZE = 104;
export const PIPE_HEADER_SIZE = 16;
export const SECTION_SIZE = 16;
export const FEATURE_BITMAP_OFFSET = 72;
export const FEATURE_BITS = 256;

/** Bits of the header's feature bitmap; the names are those of HEADER_* in util/header.h. */
export const FEATURE = {
  TRACING_DATA: 1,
  BUILD_ID: 2,
  HOSTNAME: 3,
  OSRELEASE: 4,
  VERSION: 5,
  ARCH: 6,
  NRCPUS: 7,
  CPUDESC: 8,
  CPUID: 9,
  TOTAL_MEM: 10,
  CMDLINE: 11,
  EVENT_DESC: 12,
  CPU_TOPOLOGY: 13,
  NUMA_TOPOLOGY: 14,
  BRANCH_STACK: 15,
  PMU_MAPPINGS: 16,
  GROUP_DESC: 17,
  AUXTRACE: 18,
  STAT: 19,
  CACHE: 20,
  SAMPLE_TIME: 21,
  MEM_TOPOLOGY: 22,
  CLOCKID: 23,
  DIR_FORMAT: 24,
  BPF_PROG_INFO: 25,
  BPF_BTF: 26,
  COMPRESSED: 27,
  CPU_PMU_CAPS: 28,
  CLOCK_DATA: 29,
  HYBRID_TOPOLOGY: 30,
  PMU_CAPS: 31,
} as const;
export type FeatureName = keyof typeof FEATURE;

export const featureName = (bit: number): string => Object.entries(FEATURE).find(([, b]) => b === bit)?.[0] ?? `FEATURE_${bit}`;

/** Records that perf writes itself: enum perf_user_event_type. */
export const USER_RECORD = {
  HEADER_ATTR: 64,
  HEADER_EVENT_TYPE: 65, // gone since 2013; names in old pipe files
  HEADER_TRACING_DATA: 66,
  HEADER_BUILD_ID: 67,
  FINISHED_ROUND: 68,
  ID_INDEX: 69,
  AUXTRACE_INFO: 70,
  AUXTRACE: 71,
  AUXTRACE_ERROR: 72,
  THREAD_MAP: 73,
  CPU_MAP: 74,
  STAT_CONFIG: 75,
  STAT: 76,
  STAT_ROUND: 77,
  EVENT_UPDATE: 78,
  TIME_CONV: 79,
  HEADER_FEATURE: 80,
  COMPRESSED: 81,
  FINISHED_INIT: 82,
  COMPRESSED2: 83,
} as const;
export const USER_RECORD_START = 64;

/** Names as `perf script -D` prints them, by record type. */
export const RECORD_NAMES: Readonly<Record<number, string>> = {
  0: 'TOTAL',
  1: 'MMAP',
  2: 'LOST',
  3: 'COMM',
  4: 'EXIT',
  5: 'THROTTLE',
  6: 'UNTHROTTLE',
  7: 'FORK',
  8: 'READ',
  9: 'SAMPLE',
  10: 'MMAP2',
  11: 'AUX',
  12: 'ITRACE_START',
  13: 'LOST_SAMPLES',
  14: 'SWITCH',
  15: 'SWITCH_CPU_WIDE',
  16: 'NAMESPACES',
  17: 'KSYMBOL',
  18: 'BPF_EVENT',
  19: 'CGROUP',
  20: 'TEXT_POKE',
  21: 'AUX_OUTPUT_HW_ID',
  64: 'ATTR',
  65: 'EVENT_TYPE',
  66: 'TRACING_DATA',
  67: 'BUILD_ID',
  68: 'FINISHED_ROUND',
  69: 'ID_INDEX',
  70: 'AUXTRACE_INFO',
  71: 'AUXTRACE',
  72: 'AUXTRACE_ERROR',
  73: 'THREAD_MAP',
  74: 'CPU_MAP',
  75: 'STAT_CONFIG',
  76: 'STAT',
  77: 'STAT_ROUND',
  78: 'EVENT_UPDATE',
  79: 'TIME_CONV',
  80: 'FEATURE',
  81: 'COMPRESSED',
  82: 'FINISHED_INIT',
  83: 'COMPRESSED2',
};

/** type of PERF_RECORD_AUXTRACE_INFO. */
export const AUXTRACE_TYPE = ['UNKNOWN', 'INTEL_PT', 'INTEL_BTS', 'CS_ETM', 'ARM_SPE', 'S390_CPUMSF', 'HISI_PTT'] as const;
