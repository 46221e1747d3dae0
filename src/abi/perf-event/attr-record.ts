/** struct perf_event_attr as a record: what the kernel's perf core holds and what perf.data files carry. Layout: attr.ts. */
import { ATTR_FIELDS, ATTR_FLAGS, type AttrFlag, PERF_ATTR_SIZE_VER7, PERF_ATTR_SIZE_VER8 } from './attr.ts';

/** Field names are the header's. Words that are bit sets below 2^53 or counts are numbers, others bigint. */
export interface PerfEventAttr {
  type: number;
  /** Bytes that the recorder wrote: 64-136. Fields beyond it are zero. */
  size: number;
  config: bigint;
  /** Or sample_freq (in Hz), when the flag `freq` is set. */
  sample_period: bigint;
  sample_type: number;
  read_format: number;
  /** The flag word in the order of a little-endian recorder (abi ATTR_FLAGS). */
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

export const attrFlag = (attr: PerfEventAttr, name: AttrFlag): boolean => ATTR_FLAGS.get(attr.flags, name) !== 0n;

export type AttrValues = Partial<Omit<PerfEventAttr, 'flags'>> & { readonly flags?: bigint | Partial<Record<AttrFlag, boolean | number>> };

/** 64-bit fields whose values fit a number: bit sets below 2^53. */
export const NUMBER_FIELDS: ReadonlySet<string> = new Set(['sample_type', 'read_format']);

/** An attr with every field zero except those given; `size` defaults to 128. `flags` may be given by name. */
export function makeAttr(values: AttrValues = {}): PerfEventAttr {
  const out: Record<string, number | bigint> = {};
  for (const [name, field] of Object.entries(ATTR_FIELDS)) out[name] = field.as === 'u64' && !NUMBER_FIELDS.has(name) ? 0n : 0;
  const flags = typeof values.flags === 'bigint' ? values.flags : ATTR_FLAGS.pack(values.flags ?? {});
  return { ...(out as unknown as PerfEventAttr), size: PERF_ATTR_SIZE_VER7, ...values, flags };
}

/**
 * The attr in `bytes`, little endian; fields beyond their end are zero. `wide`: sample_type or read_format has bits that a number cannot hold,
 * none of which means anything.
 */
export function decodeAttr(bytes: Uint8Array): { readonly attr: PerfEventAttr; readonly wide: boolean } {
  const full = new Uint8Array(PERF_ATTR_SIZE_VER8);
  full.set(bytes.subarray(0, PERF_ATTR_SIZE_VER8));
  const view = new DataView(full.buffer);
  const out: Record<string, number | bigint> = {};
  let wide = false;
  for (const [name, { at, as }] of Object.entries(ATTR_FIELDS)) {
    if (as === 'u64') {
      const value = view.getBigUint64(at, true);
      if (!NUMBER_FIELDS.has(name)) out[name] = value;
      else {
        out[name] = Number(value & 0x7fff_ffffn);
        wide ||= value > 0x7fff_ffffn;
      }
    } else if (as === 'u16') out[name] = view.getUint16(at, true);
    else out[name] = as === 's32' ? view.getInt32(at, true) : view.getUint32(at, true);
  }
  return { attr: out as unknown as PerfEventAttr, wide };
}
