/** Branch stacks. Defined in include/uapi/linux/perf_event.h: perf_branch_sample_type, struct perf_branch_entry. */
import { bit, bits, packed } from '#base/bits.ts';

/** attr.branch_sample_type; the order of the keys is the order of the bits. */
export const PERF_SAMPLE_BRANCH = {
  USER: 1 << 0,
  KERNEL: 1 << 1,
  HV: 1 << 2,
  ANY: 1 << 3,
  ANY_CALL: 1 << 4,
  ANY_RETURN: 1 << 5,
  IND_CALL: 1 << 6,
  ABORT_TX: 1 << 7,
  IN_TX: 1 << 8,
  NO_TX: 1 << 9,
  COND: 1 << 10,
  CALL_STACK: 1 << 11,
  IND_JUMP: 1 << 12,
  CALL: 1 << 13,
  NO_FLAGS: 1 << 14,
  NO_CYCLES: 1 << 15,
  TYPE_SAVE: 1 << 16,
  HW_INDEX: 1 << 17,
  PRIV_SAVE: 1 << 18,
  COUNTERS: 1 << 19,
} as const;

/** Third word of a branch entry (from, to, this). */
export const PERF_BRANCH_ENTRY = packed({
  mispred: bit(0),
  predicted: bit(1),
  in_tx: bit(2),
  abort: bit(3),
  cycles: bits(19, 4),
  type: bits(23, 20),
  spec: bits(25, 24),
  new_type: bits(29, 26),
  priv: bits(32, 30),
});
export const PERF_BRANCH_ENTRY_SIZE = 24;

/** The type field. */
export const PERF_BR = [
  'UNKNOWN',
  'COND',
  'UNCOND',
  'IND',
  'CALL',
  'IND_CALL',
  'RET',
  'SYSCALL',
  'SYSRET',
  'COND_CALL',
  'COND_RET',
  'ERET',
  'IRQ',
  'SERROR',
  'NO_TX',
  'EXTEND_ABI',
] as const;
