/** What a sample holds. Defined in include/uapi/linux/perf_event.h: enum perf_event_sample_format, perf_event_read_format, perf_callchain_context. */

/** attr.sample_type; the order of the keys is the order of the bits. */
export const PERF_SAMPLE = {
  IP: 1 << 0,
  TID: 1 << 1,
  TIME: 1 << 2,
  ADDR: 1 << 3,
  READ: 1 << 4,
  CALLCHAIN: 1 << 5,
  ID: 1 << 6,
  CPU: 1 << 7,
  PERIOD: 1 << 8,
  STREAM_ID: 1 << 9,
  RAW: 1 << 10,
  BRANCH_STACK: 1 << 11,
  REGS_USER: 1 << 12,
  STACK_USER: 1 << 13,
  WEIGHT: 1 << 14,
  DATA_SRC: 1 << 15,
  IDENTIFIER: 1 << 16,
  TRANSACTION: 1 << 17,
  REGS_INTR: 1 << 18,
  PHYS_ADDR: 1 << 19,
  AUX: 1 << 20,
  CGROUP: 1 << 21,
  DATA_PAGE_SIZE: 1 << 22,
  CODE_PAGE_SIZE: 1 << 23,
  WEIGHT_STRUCT: 1 << 24,
} as const;

/** Bits of sample_type that we know; others make the tail of a sample undecodable. */
export const PERF_SAMPLE_KNOWN = (1 << 25) - 1;

/** attr.read_format */
export const PERF_FORMAT = { TOTAL_TIME_ENABLED: 1, TOTAL_TIME_RUNNING: 2, ID: 4, GROUP: 8, LOST: 16 } as const;

/** Entries of a callchain that are markers and no addresses: all of them are ≥ -4095 as u64. */
export const PERF_CONTEXT = {
  HV: -32n,
  KERNEL: -128n,
  USER: -512n,
  GUEST: -2048n,
  GUEST_KERNEL: -2176n,
  GUEST_USER: -2560n,
  MAX: -4095n,
} as const;

/** abi word of REGS_USER and REGS_INTR. */
export const PERF_SAMPLE_REGS_ABI = { NONE: 0, BITS_32: 1, BITS_64: 2 } as const;

/** Bit numbers of sample_regs_*; arch/x86/include/uapi/asm/perf_regs.h. XMM0 is bit 32, two bits for each of 16. */
export const PERF_REG_X86 = [
  'AX',
  'BX',
  'CX',
  'DX',
  'SI',
  'DI',
  'BP',
  'SP',
  'IP',
  'FLAGS',
  'CS',
  'SS',
  'DS',
  'ES',
  'FS',
  'GS',
  'R8',
  'R9',
  'R10',
  'R11',
  'R12',
  'R13',
  'R14',
  'R15',
] as const;
