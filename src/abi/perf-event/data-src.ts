/** union perf_mem_data_src. Defined in include/uapi/linux/perf_event.h; the words are perf's (tools/perf/util/mem-events.c). */
import { bits, packed } from '#base/bits.ts';

export const PERF_MEM_DATA_SRC = packed({
  op: bits(4, 0),
  lvl: bits(18, 5),
  snoop: bits(23, 19),
  lock: bits(25, 24),
  dtlb: bits(32, 26),
  lvl_num: bits(36, 33),
  remote: bits(37, 37),
  snoopx: bits(39, 38),
  blk: bits(42, 40),
  hops: bits(45, 43),
});

/** Each list is indexed by bit number. */
export const MEM_OP = ['N/A', 'LOAD', 'STORE', 'PFETCH', 'EXEC'] as const;
/** Bits 1 (hit) and 2 (miss) are said after the others. */
export const MEM_LVL = [
  'N/A',
  'HIT',
  'MISS',
  'L1',
  'LFB/MAB',
  'L2',
  'L3',
  'Local RAM',
  'Remote RAM (1 hop)',
  'Remote RAM (2 hops)',
  'Remote Cache (1 hop)',
  'Remote Cache (2 hops)',
  'I/O',
  'Uncached',
] as const;
export const MEM_LVL_NUM: Readonly<Record<number, string>> = {
  9: 'CXL',
  10: 'I/O',
  11: 'Any cache',
  12: 'LFB/MAB',
  13: 'RAM',
  14: 'PMEM',
  15: 'N/A',
};
export const MEM_HOPS = ['N/A', 'core, same node', 'node, same socket', 'socket, same board', 'board'] as const;
export const MEM_SNOOP = ['N/A', 'None', 'Hit', 'Miss', 'HitM'] as const;
export const MEM_SNOOPX = ['Fwd', 'Peer'] as const;
export const MEM_TLB = ['N/A', 'HIT', 'MISS', 'L1', 'L2', 'Walker', 'Fault'] as const;
