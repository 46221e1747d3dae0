/** perf_event_open's flags, an event's ioctls, and the mmap page. Defined in include/uapi/linux/perf_event.h. */
import { s64, struct, u16, u32, u64 } from '#base/struct.ts';

export const PERF_FLAG = { FD_NO_GROUP: 1, FD_OUTPUT: 2, PID_CGROUP: 4, FD_CLOEXEC: 8 } as const;

export const PERF_EVENT_IOC = {
  ENABLE: 0x2400,
  DISABLE: 0x2401,
  REFRESH: 0x2402,
  RESET: 0x2403,
  PERIOD: 0x4008_2404,
  SET_OUTPUT: 0x2405,
  SET_FILTER: 0x4008_2406,
  ID: 0x8008_2407,
  SET_BPF: 0x4004_2408,
  PAUSE_OUTPUT: 0x4004_2409,
  QUERY_BPF: 0xc008_240a,
  MODIFY_ATTRIBUTES: 0x4008_240b,
} as const;

export const PERF_IOC_FLAG_GROUP = 1;

/** struct perf_event_mmap_page; the head of a mapping's first page. */
export const PERF_EVENT_MMAP_PAGE = struct(1088, {
  version: u32(0),
  compat_version: u32(4),
  lock: u32(8),
  index: u32(12),
  offset: s64(16),
  time_enabled: u64(24),
  time_running: u64(32),
  capabilities: u64(40),
  pmc_width: u16(48),
  time_shift: u16(50),
  time_mult: u32(52),
  time_offset: u64(56),
  time_zero: u64(64),
  size: u32(72),
  time_cycles: u64(80),
  time_mask: u64(88),
  data_head: u64(1024),
  data_tail: u64(1032),
  data_offset: u64(1040),
  data_size: u64(1048),
  aux_head: u64(1056),
  aux_tail: u64(1064),
  aux_offset: u64(1072),
  aux_size: u64(1080),
});

/** Bits of `capabilities`. Bit 0 is always 0 and bit 1 always 1: an old header had them the wrong way round. */
export const MMAP_PAGE_CAP = { BIT0_IS_DEPRECATED: 2n, USER_RDPMC: 4n, USER_TIME: 8n, USER_TIME_ZERO: 16n, USER_TIME_SHORT: 32n } as const;
