/** Kernel records of the ring buffer. Defined in include/uapi/linux/perf_event.h: enum perf_event_type and its comments. */

export const PERF_RECORD = {
  MMAP: 1,
  LOST: 2,
  COMM: 3,
  EXIT: 4,
  THROTTLE: 5,
  UNTHROTTLE: 6,
  FORK: 7,
  READ: 8,
  SAMPLE: 9,
  MMAP2: 10,
  AUX: 11,
  ITRACE_START: 12,
  LOST_SAMPLES: 13,
  SWITCH: 14,
  SWITCH_CPU_WIDE: 15,
  NAMESPACES: 16,
  KSYMBOL: 17,
  BPF_EVENT: 18,
  CGROUP: 19,
  TEXT_POKE: 20,
  AUX_OUTPUT_HW_ID: 21,
} as const;

/** struct perf_event_header: type u32, misc u16, size u16 (all bytes of the record, the header too). */
export const PERF_EVENT_HEADER_SIZE = 8;

/** header.misc. Bits 13 and 14 mean different things in different records. */
export const PERF_RECORD_MISC = {
  CPUMODE_MASK: 7,
  CPUMODE_UNKNOWN: 0,
  KERNEL: 1,
  USER: 2,
  HYPERVISOR: 3,
  GUEST_KERNEL: 4,
  GUEST_USER: 5,
  PROC_MAP_PARSE_TIMEOUT: 1 << 12,
  MMAP_DATA: 1 << 13,
  COMM_EXEC: 1 << 13,
  FORK_EXEC: 1 << 13,
  SWITCH_OUT: 1 << 13,
  EXACT_IP: 1 << 14,
  SWITCH_OUT_PREEMPT: 1 << 14,
  MMAP_BUILD_ID: 1 << 14,
} as const;

/** flags of PERF_RECORD_AUX; bits 8-15 are the PMU's format. */
export const PERF_AUX_FLAG = { TRUNCATED: 1, OVERWRITE: 2, PARTIAL: 4, COLLISION: 8, PMU_FORMAT_TYPE_MASK: 0xff00 } as const;

/** ksym_type of PERF_RECORD_KSYMBOL. */
export const PERF_RECORD_KSYMBOL_TYPE = ['UNKNOWN', 'BPF', 'OOL'] as const;
/** flags of PERF_RECORD_KSYMBOL. */
export const PERF_RECORD_KSYMBOL_FLAGS_UNREGISTER = 1;

/** type of PERF_RECORD_BPF_EVENT. */
export const PERF_BPF_EVENT_TYPE = ['UNKNOWN', 'PROG_LOAD', 'PROG_UNLOAD'] as const;

/** Index of the links in PERF_RECORD_NAMESPACES. */
export const NAMESPACE_NAMES = ['net', 'uts', 'ipc', 'pid', 'user', 'mnt', 'cgroup'] as const;
