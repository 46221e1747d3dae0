/** Which fields `script` prints for an event: perf's defaults by event type, or those of -F. tools/perf/builtin-script.c. */
import { PERF_TYPE } from '#abi/perf-event/attr.ts';
import { PERF_SAMPLE } from '#abi/perf-event/sample.ts';
import type { PerfEventAttr } from './attr.ts';

export const SCRIPT_FIELDS = [
  'comm',
  'tid',
  'pid',
  'cpu',
  'misc',
  'time',
  'event',
  'period',
  'addr',
  'data_src',
  'weight',
  'ip',
  'sym',
  'symoff',
  'dso',
  'iregs',
  'uregs',
  'brstack',
  'brstacksym',
  'brstackoff',
  'phys_addr',
  'data_page_size',
  'code_page_size',
] as const;
export type ScriptField = (typeof SCRIPT_FIELDS)[number];

/** Fields of perf that are not printed here: asking for them is an error and not an empty column. */
const ELSEWHERE = new Set([
  'trace',
  'srcline',
  'flags',
  'bpf-output',
  'insn',
  'insnlen',
  'callindent',
  'synth',
  'srccode',
  'ipc',
  'metric',
  'ins_lat',
  'tod',
  'machine_pid',
  'vcpu',
  'cgroup',
  'retire_lat',
]);

/** sample_type bit that a field needs; a default field without its bit is left out. */
const NEEDS: Partial<Record<ScriptField, number>> = {
  tid: PERF_SAMPLE.TID,
  pid: PERF_SAMPLE.TID,
  cpu: PERF_SAMPLE.CPU,
  time: PERF_SAMPLE.TIME,
  addr: PERF_SAMPLE.ADDR,
  data_src: PERF_SAMPLE.DATA_SRC,
  weight: PERF_SAMPLE.WEIGHT | PERF_SAMPLE.WEIGHT_STRUCT,
  ip: PERF_SAMPLE.IP,
  iregs: PERF_SAMPLE.REGS_INTR,
  uregs: PERF_SAMPLE.REGS_USER,
  brstack: PERF_SAMPLE.BRANCH_STACK,
  brstacksym: PERF_SAMPLE.BRANCH_STACK,
  brstackoff: PERF_SAMPLE.BRANCH_STACK,
  phys_addr: PERF_SAMPLE.PHYS_ADDR,
  data_page_size: PERF_SAMPLE.DATA_PAGE_SIZE,
  code_page_size: PERF_SAMPLE.CODE_PAGE_SIZE,
};

const BASE: readonly ScriptField[] = ['comm', 'tid', 'cpu', 'time', 'event', 'ip', 'sym', 'symoff', 'dso', 'period'];
const RAW: readonly ScriptField[] = [...BASE, 'addr', 'data_src', 'weight', 'phys_addr', 'data_page_size', 'code_page_size'];

function defaults(attr: PerfEventAttr): readonly ScriptField[] {
  if (attr.type === PERF_TYPE.TRACEPOINT) return ['comm', 'tid', 'cpu', 'time', 'event'];
  return attr.type === PERF_TYPE.RAW ? RAW : BASE;
}

/** What -F asks for: a whole list, or changes to the defaults. */
export interface FieldChoice {
  readonly set?: readonly ScriptField[];
  readonly add: readonly ScriptField[];
  readonly remove: readonly ScriptField[];
}

/** Parses `comm,tid,ip` or `+addr,-period`. The error names the field; it is the user's, not ours. */
export function parseFields(text: string): FieldChoice | { error: string } {
  const set: ScriptField[] = [];
  const add: ScriptField[] = [];
  const remove: ScriptField[] = [];
  for (const raw of text.split(',')) {
    const sign = raw.startsWith('+') || raw.startsWith('-') ? raw[0] : '';
    const name = raw.slice(sign === '' ? 0 : 1).trim();
    if (name === '') continue;
    if (name.includes(':')) return { error: `-F ${name}: fields for one event type only are not supported, name the fields for all types` };
    if (ELSEWHERE.has(name)) return { error: `-F ${name}: perf has this field, perfglass script does not print it` };
    if (!(SCRIPT_FIELDS as readonly string[]).includes(name))
      return { error: `-F ${name}: no such field; known are ${SCRIPT_FIELDS.join(', ')}` };
    (sign === '+' ? add : sign === '-' ? remove : set).push(name as ScriptField);
  }
  if (set.length > 0 && (add.length > 0 || remove.length > 0)) return { error: '-F: either a list, or changes with + and -, not both' };
  return set.length > 0 ? { set, add, remove } : { add, remove };
}

export type FieldSet = Readonly<Record<ScriptField, boolean>>;

export function fieldsOf(attr: PerfEventAttr, choice: FieldChoice | undefined): FieldSet {
  const chosen = new Set<ScriptField>(choice?.set ?? defaults(attr));
  for (const f of choice?.add ?? []) chosen.add(f);
  for (const f of choice?.remove ?? []) chosen.delete(f);
  if (chosen.has('symoff') && !chosen.has('sym')) chosen.delete('symoff');
  const out = {} as Record<ScriptField, boolean>;
  for (const f of SCRIPT_FIELDS) {
    const bit = NEEDS[f];
    out[f] = chosen.has(f) && (bit === undefined || (attr.sample_type & bit) !== 0);
  }
  return out;
}

/** Fields that -F names and no event can give: perf refuses them, and so do we. */
export function missingFields(attrs: readonly PerfEventAttr[], choice: FieldChoice | undefined): ScriptField[] {
  const asked = [...(choice?.set ?? []), ...(choice?.add ?? [])];
  return asked.filter((f) => attrs.length > 0 && attrs.every((a) => (a.sample_type & (NEEDS[f] ?? -1)) === 0));
}
