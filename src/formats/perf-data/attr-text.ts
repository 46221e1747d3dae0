/** The fields of an attr in the words of `perf evlist -v`. tools/perf/util/perf_event_attr_fprintf.c. */
import { ATTR_FLAGS } from '#abi/perf-event/attr.ts';
import { PERF_SAMPLE_BRANCH } from '#abi/perf-event/branch.ts';
import { PERF_FORMAT, PERF_SAMPLE } from '#abi/perf-event/sample.ts';
import type { PerfEventAttr } from './attr.ts';

function bitNames(value: bigint, bits: Readonly<Record<string, number>>): string {
  const names: string[] = [];
  let known = 0n;
  for (const [name, bit] of Object.entries(bits)) {
    known |= BigInt(bit);
    if ((value & BigInt(bit)) !== 0n) names.push(name);
  }
  if ((value & ~known) !== 0n) names.push(`0x${(value & ~known).toString(16)}`);
  return names.join('|');
}

/** The order of perf is not that of the bits: IDENTIFIER comes after STACK_USER… and so do these. */
const SAMPLE_ORDER = [
  'IP',
  'TID',
  'TIME',
  'ADDR',
  'READ',
  'CALLCHAIN',
  'ID',
  'CPU',
  'PERIOD',
  'STREAM_ID',
  'RAW',
  'BRANCH_STACK',
  'REGS_USER',
  'STACK_USER',
  'IDENTIFIER',
  'REGS_INTR',
  'DATA_SRC',
  'WEIGHT',
  'PHYS_ADDR',
  'AUX',
  'CGROUP',
  'DATA_PAGE_SIZE',
  'CODE_PAGE_SIZE',
  'WEIGHT_STRUCT',
  'TRANSACTION',
] as const;
const SAMPLE_BITS = Object.fromEntries(SAMPLE_ORDER.map((n) => [n, PERF_SAMPLE[n]]));

const hex = (v: bigint): string => `0x${v.toString(16)}`;

/** Pairs of name and value, only those that are not zero. */
export function attrTextFields(attr: PerfEventAttr): [string, string][] {
  const out: [string, string][] = [];
  const add = (name: string, value: bigint | number, show: (v: bigint) => string = String): void => {
    if (BigInt(value) !== 0n) out.push([name, show(BigInt(value))]);
  };
  add('type', attr.type);
  add('size', attr.size);
  add('config', attr.config, hex);
  add('{ sample_period, sample_freq }', attr.sample_period);
  add('sample_type', attr.sample_type, (v) => bitNames(v, SAMPLE_BITS));
  add('read_format', attr.read_format, (v) => bitNames(v, PERF_FORMAT));
  for (const name of Object.keys(ATTR_FLAGS.fields)) add(name, ATTR_FLAGS.get(attr.flags, name as keyof typeof ATTR_FLAGS.fields));
  add('{ wakeup_events, wakeup_watermark }', attr.wakeup_events);
  add('bp_type', attr.bp_type);
  add('{ bp_addr, config1 }', attr.config1, hex);
  add('{ bp_len, config2 }', attr.config2, hex);
  add('branch_sample_type', attr.branch_sample_type, (v) => bitNames(v, PERF_SAMPLE_BRANCH));
  add('sample_regs_user', attr.sample_regs_user, hex);
  add('sample_stack_user', attr.sample_stack_user);
  add('clockid', attr.clockid);
  add('sample_regs_intr', attr.sample_regs_intr, hex);
  add('aux_watermark', attr.aux_watermark);
  add('sample_max_stack', attr.sample_max_stack);
  add('aux_sample_size', attr.aux_sample_size);
  add('aux_action', attr.aux_action, hex);
  add('sig_data', attr.sig_data);
  add('config3', attr.config3, hex);
  return out;
}
