/** Which attr perf record would open for which options. tools/perf/util/evsel.c evsel__config; util/record.c evlist__config (6.1). */
import { PERF_SAMPLE_BRANCH } from '#abi/perf-event/branch.ts';
import { PERF_FORMAT, PERF_REG_X86, PERF_SAMPLE } from '#abi/perf-event/sample.ts';
import { type AttrValues, makeAttr, type PerfEventAttr } from '#kernel/perf/attr.ts';
import { MAX_STACK } from '#kernel/perf/callchain.ts';
import { attrTerms, type EventGroup, type EventSpec } from '#system/events/parse.ts';
import type { Watched } from '../target.ts';

export type CallGraph = { readonly mode: 'fp' } | { readonly mode: 'dwarf'; readonly stackBytes: number } | { readonly mode: 'lbr' };

export interface Wanted {
  /** -c; undefined: frequency mode. */
  readonly period: bigint | undefined;
  /** -F, samples a second. */
  readonly frequency: number;
  /** -F was given; without it and -c breakpoints have the period 1. */
  readonly ownFrequency: boolean;
  readonly callGraph: CallGraph | undefined;
  /** attr.branch_sample_type; undefined: no branch stacks. */
  readonly branches: bigint | undefined;
  readonly inherit: boolean;
  readonly target: Watched;
  readonly inheritStat: boolean;
  /** Samples go into a ring that overwrites, everything else into an ordinary one. */
  readonly overwrite: boolean;
  readonly switchEvents: boolean;
  /** attr.clockid; undefined: the perf clock. */
  readonly clock: number | undefined;
  readonly address: boolean;
  readonly sampleCpu: boolean;
  readonly samplePeriod: boolean;
  readonly userRegisters: bigint | undefined;
  readonly interruptRegisters: bigint | undefined;
  readonly maxStack: number | undefined;
  readonly identifier: boolean;
  readonly timestamps: boolean;
}

/** PERF_REGS_MASK: everything that 64-bit samples can hold. */
export const ALL_REGISTERS = PERF_REG_X86.reduce((m, name, i) => (/^[DEFG]S$/.test(name) ? m : m | (1n << BigInt(i))), 0n);

const B = PERF_SAMPLE_BRANCH;
/** record -j. tools/perf/util/parse-branch-options.c. */
const BRANCH_FILTERS: Readonly<Record<string, number>> = {
  u: B.USER,
  k: B.KERNEL,
  hv: B.HV,
  any: B.ANY,
  any_call: B.ANY_CALL,
  any_ret: B.ANY_RETURN,
  ind_call: B.IND_CALL,
  abort_tx: B.ABORT_TX,
  in_tx: B.IN_TX,
  no_tx: B.NO_TX,
  cond: B.COND,
  ind_jmp: B.IND_JUMP,
  call: B.CALL,
  stack: B.CALL_STACK,
  no_flags: B.NO_FLAGS,
  no_cycles: B.NO_CYCLES,
  save_type: B.TYPE_SAVE,
  hw_index: B.HW_INDEX,
  priv: B.PRIV_SAVE,
};
const LEVELS = B.USER | B.KERNEL | B.HV;

/** The word for a -j list, or what is wrong with it. */
export function branchFilter(list: string): bigint | { readonly error: string } {
  let word = 0;
  for (const name of list.split(',')) {
    const bit = BRANCH_FILTERS[name];
    if (bit === undefined) return { error: `unknown branch filter '${name}'; there are: ${Object.keys(BRANCH_FILTERS).join(', ')}` };
    word |= bit;
  }
  if ((word & ~LEVELS) === 0) word |= B.ANY;
  return BigInt(word);
}

/** One event as it is to be opened: its attr, and whether it goes into the group of the one before. */
export interface Planned {
  readonly spec: EventSpec;
  readonly attr: PerfEventAttr;
  readonly inGroup: boolean;
  readonly group: EventGroup;
}

/** With `overwrite` a first event, `tracking`, has the side-band records, which must not be lost. */
export function planEvents(asked: readonly EventGroup[], wanted: Wanted, tracking?: EventGroup): Planned[] {
  const groups = wanted.overwrite && tracking !== undefined ? [tracking, ...asked] : asked;
  const count = groups.reduce((n, g) => n + g.events.length, 0);
  const out: Planned[] = [];
  for (const group of groups) {
    const read = group.events.some((e) => e.sampleRead === true);
    for (const [i, spec] of group.events.entries()) {
      const member = group.explicit && i > 0;
      const attr = attrOf(spec, wanted, {
        first: out.length === 0,
        member,
        read,
        readGroup: read && group.explicit && group.events.length > 1,
        several: count > 1,
      });
      out.push({ spec, attr, inGroup: member, group });
    }
  }
  return out;
}

interface Place {
  readonly first: boolean;
  readonly member: boolean;
  readonly read: boolean;
  readonly readGroup: boolean;
  readonly several: boolean;
}

function attrOf(spec: EventSpec, wanted: Wanted, place: Place): PerfEventAttr {
  const S = PERF_SAMPLE;
  const period = wanted.period ?? (spec.breakpointType !== undefined && !wanted.ownFrequency ? 1n : undefined);
  const freq = period === undefined;
  let type = S.IP | S.TID;
  if (wanted.timestamps) type |= S.TIME;
  if (wanted.address) type |= S.ADDR;
  if (wanted.identifier) type |= S.IDENTIFIER;
  else if (place.several || place.read) type |= S.ID;
  if (wanted.sampleCpu || wanted.target.kind === 'cpu') type |= S.CPU;
  if (freq || wanted.samplePeriod) type |= S.PERIOD;
  const values: { -readonly [K in keyof AttrValues]: AttrValues[K] } = {
    ...attrTerms(spec),
    // perf reads READ records (-s) as a structure with both times in it.
    read_format:
      PERF_FORMAT.ID | PERF_FORMAT.LOST | (wanted.inheritStat ? PERF_FORMAT.TOTAL_TIME_ENABLED | PERF_FORMAT.TOTAL_TIME_RUNNING : 0),
    sample_period: period ?? BigInt(wanted.frequency),
  };
  const flags: Record<string, boolean | number> = {
    ...spec.flags,
    disabled: !place.member,
    enable_on_exec: !place.member && wanted.target.kind === 'command',
    inherit: wanted.inherit && !place.read,
    inherit_stat: wanted.inheritStat && wanted.inherit && !place.read,
    write_backward: wanted.overwrite && !place.first,
    freq,
    use_clockid: wanted.clock !== undefined,
    sample_id_all: true,
    exclude_guest: spec.flags.exclude_host !== true,
  };
  if (place.first) for (const f of ['mmap', 'mmap2', 'comm', 'comm_exec', 'task'] as const) flags[f] = true;
  if (place.first && wanted.address) flags['mmap_data'] = true;
  if (place.first && wanted.switchEvents) flags['context_switch'] = true;
  if (place.read) {
    type |= S.READ;
    if (place.readGroup) values.read_format = PERF_FORMAT.ID | PERF_FORMAT.LOST | PERF_FORMAT.GROUP;
    if (place.member) {
      values.sample_period = 0n; // evsel__config_leader_sampling: the leader samples, the others are read
      flags['freq'] = false;
    }
  }
  if (wanted.callGraph !== undefined) {
    type |= S.CALLCHAIN;
    values.sample_max_stack = wanted.maxStack ?? MAX_STACK;
    if (wanted.callGraph.mode === 'dwarf') {
      type |= S.REGS_USER | S.STACK_USER;
      values.sample_regs_user = ALL_REGISTERS;
      values.sample_stack_user = wanted.callGraph.stackBytes;
      flags['exclude_callchain_user'] = true;
    }
    if (wanted.callGraph.mode === 'lbr' && wanted.branches === undefined) {
      type |= S.BRANCH_STACK;
      values.branch_sample_type = BigInt(B.USER | B.CALL_STACK | B.NO_CYCLES | B.NO_FLAGS | B.HW_INDEX);
    }
  }
  if (wanted.branches !== undefined) {
    type |= S.BRANCH_STACK;
    values.branch_sample_type = wanted.branches;
  }
  if (wanted.userRegisters !== undefined) {
    type |= S.REGS_USER;
    values.sample_regs_user = wanted.userRegisters;
  }
  if (wanted.interruptRegisters !== undefined) {
    type |= S.REGS_INTR;
    values.sample_regs_intr = wanted.interruptRegisters;
  }
  if (wanted.clock !== undefined) values.clockid = wanted.clock;
  return makeAttr({ ...values, size: 128, sample_type: type, flags } as AttrValues);
}
