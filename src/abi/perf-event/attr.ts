/** struct perf_event_attr as data. Defined in include/uapi/linux/perf_event.h. */
import { bit, bits, packed } from '#base/bits.ts';

/** attr.type */
export const PERF_TYPE = { HARDWARE: 0, SOFTWARE: 1, TRACEPOINT: 2, HW_CACHE: 3, RAW: 4, BREAKPOINT: 5 } as const;

/** config of PERF_TYPE_HARDWARE, low 32 bits; the names are perf's. */
export const HARDWARE_EVENT_NAMES = [
  'cycles',
  'instructions',
  'cache-references',
  'cache-misses',
  'branches',
  'branch-misses',
  'bus-cycles',
  'stalled-cycles-frontend',
  'stalled-cycles-backend',
  'ref-cycles',
] as const;

/** config of PERF_TYPE_SOFTWARE; the names are perf's. */
export const SOFTWARE_EVENT_NAMES = [
  'cpu-clock',
  'task-clock',
  'page-faults',
  'context-switches',
  'cpu-migrations',
  'minor-faults',
  'major-faults',
  'alignment-faults',
  'emulation-faults',
  'dummy',
  'bpf-output',
  'cgroup-switches',
] as const;

/** config of PERF_TYPE_HW_CACHE: cache | op << 8 | result << 16. */
export const HW_CACHE_NAMES = ['L1-dcache', 'L1-icache', 'LLC', 'dTLB', 'iTLB', 'branch', 'node'] as const;
export const HW_CACHE_OPS = [
  { plural: 'loads', singular: 'load' },
  { plural: 'stores', singular: 'store' },
  { plural: 'prefetches', singular: 'prefetch' },
] as const;

/** PERF_ATTR_SIZE_VER0…VER8: what each published size ends with. */
export const PERF_ATTR_SIZES = [64, 72, 80, 96, 104, 112, 120, 128, 136] as const;
export const PERF_ATTR_SIZE_VER0 = 64;
export const PERF_ATTR_SIZE_VER7 = 128;
export const PERF_ATTR_SIZE_VER8 = 136;

export type AttrFieldType = 'u16' | 'u32' | 's32' | 'u64';

/** Fields with their byte offsets. `number` fields fit in 53 bits in every valid attr; the others are bigint. */
export const ATTR_FIELDS = {
  type: { at: 0, as: 'u32' },
  size: { at: 4, as: 'u32' },
  config: { at: 8, as: 'u64' },
  sample_period: { at: 16, as: 'u64' }, // or sample_freq
  sample_type: { at: 24, as: 'u64' },
  read_format: { at: 32, as: 'u64' },
  flags: { at: 40, as: 'u64' },
  wakeup_events: { at: 48, as: 'u32' }, // or wakeup_watermark
  bp_type: { at: 52, as: 'u32' },
  config1: { at: 56, as: 'u64' }, // or bp_addr, kprobe_func, uprobe_path
  config2: { at: 64, as: 'u64' }, // or bp_len
  branch_sample_type: { at: 72, as: 'u64' },
  sample_regs_user: { at: 80, as: 'u64' },
  sample_stack_user: { at: 88, as: 'u32' },
  clockid: { at: 92, as: 's32' },
  sample_regs_intr: { at: 96, as: 'u64' },
  aux_watermark: { at: 104, as: 'u32' },
  sample_max_stack: { at: 108, as: 'u16' },
  aux_sample_size: { at: 112, as: 'u32' },
  aux_action: { at: 116, as: 'u32' }, // reserved_3 until 6.12; bit 0 aux_start_paused, 1 aux_pause, 2 aux_resume
  sig_data: { at: 120, as: 'u64' },
  config3: { at: 128, as: 'u64' },
} as const satisfies Record<string, { at: number; as: AttrFieldType }>;

/** The flag word at offset 40. */
export const ATTR_FLAGS = packed({
  disabled: bit(0),
  inherit: bit(1),
  pinned: bit(2),
  exclusive: bit(3),
  exclude_user: bit(4),
  exclude_kernel: bit(5),
  exclude_hv: bit(6),
  exclude_idle: bit(7),
  mmap: bit(8),
  comm: bit(9),
  freq: bit(10),
  inherit_stat: bit(11),
  enable_on_exec: bit(12),
  task: bit(13),
  watermark: bit(14),
  precise_ip: bits(16, 15),
  mmap_data: bit(17),
  sample_id_all: bit(18),
  exclude_host: bit(19),
  exclude_guest: bit(20),
  exclude_callchain_kernel: bit(21),
  exclude_callchain_user: bit(22),
  mmap2: bit(23),
  comm_exec: bit(24),
  use_clockid: bit(25),
  context_switch: bit(26),
  write_backward: bit(27),
  namespaces: bit(28),
  ksymbol: bit(29),
  bpf_event: bit(30),
  aux_output: bit(31),
  cgroup: bit(32),
  text_poke: bit(33),
  build_id: bit(34),
  inherit_thread: bit(35),
  remove_on_exec: bit(36),
  sigtrap: bit(37),
});
export type AttrFlag = keyof (typeof ATTR_FLAGS)['fields'];
