/** struct perf_event_attr as the perf core holds it: the ABI's fields (abi/perf-event/attr.ts), parsed. Same shape as formats' record. */
import { ATTR_FIELDS, ATTR_FLAGS, type AttrFlag, PERF_ATTR_SIZE_VER7 } from '#abi/perf-event/attr.ts';

/** Field names are the header's. Words that are bit sets below 2^53 or counts are numbers, others bigint. */
export interface PerfEventAttr {
  type: number;
  size: number;
  config: bigint;
  /** Or sample_freq (Hz), when the flag `freq` is set. */
  sample_period: bigint;
  sample_type: number;
  read_format: number;
  flags: bigint;
  wakeup_events: number;
  bp_type: number;
  config1: bigint;
  config2: bigint;
  branch_sample_type: bigint;
  sample_regs_user: bigint;
  sample_stack_user: number;
  clockid: number;
  sample_regs_intr: bigint;
  aux_watermark: number;
  sample_max_stack: number;
  aux_sample_size: number;
  aux_action: number;
  sig_data: bigint;
  config3: bigint;
}

export type AttrFlagName = AttrFlag;

export const attrFlag = (attr: PerfEventAttr, name: AttrFlag): boolean => ATTR_FLAGS.get(attr.flags, name) !== 0n;

export type AttrValues = Partial<Omit<PerfEventAttr, 'flags'>> & { readonly flags?: bigint | Partial<Record<AttrFlag, boolean | number>> };

const NUMBERS: ReadonlySet<string> = new Set(['sample_type', 'read_format']);

/** Every field zero except those given; flags may be given by name. */
export function makeAttr(values: AttrValues = {}): PerfEventAttr {
  const out: Record<string, number | bigint> = {};
  for (const [name, field] of Object.entries(ATTR_FIELDS)) out[name] = field.as === 'u64' && !NUMBERS.has(name) ? 0n : 0;
  const flags = typeof values.flags === 'bigint' ? values.flags : ATTR_FLAGS.pack(values.flags ?? {});
  return { ...(out as unknown as PerfEventAttr), size: PERF_ATTR_SIZE_VER7, ...values, flags };
}
