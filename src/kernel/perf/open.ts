/** What perf_event_open checks and decides before an event exists (spec §6.8, in its order, as far as it concerns issue 2). */
import { ERRNO } from '#abi/errno.ts';
import { ATTR_FLAGS, PERF_TYPE } from '#abi/perf-event/attr.ts';
import { PERF_SAMPLE, PERF_SAMPLE_KNOWN } from '#abi/perf-event/sample.ts';
import type { CpuModel } from '#arch/cpu-models/model.ts';
import { eventMeaning } from '#arch/pmu/event-select.ts';
import { PERFEVTSEL } from '#arch/pmu/perfevtsel.ts';
import { attrFlag, type PerfEventAttr } from './attr.ts';
import { type HwState, newHwState, type PerfEvent, type PmuKind } from './event.ts';
import { branchSelect } from './intel/branch-select.ts';
import { assignCounters, eventConstraint } from './intel/constraints.ts';
import { cacheSelect, hardwareSelect, type SelectOrError } from './intel/generic-events.ts';
import { startPeriod } from './frequency.ts';
import { MAX_STACK } from './callchain.ts';
import { validRegisterMask } from './sample-registers.ts';
import { isClock, isSoftwareModelled, softwareName } from './software.ts';

/** An event that cannot be opened: Linux's errno (positive) and the reason in words. */
export interface Refusal {
  readonly errno: number;
  readonly reason: string;
}
export const isRefusal = (x: object): x is Refusal => 'errno' in x;

const refuse = (errno: number, reason: string): Refusal => ({ errno, reason });
const LATER = 'not there yet (issue 5)';

/** Fields that would have to come from PEBS, memory sampling, tracepoints or cgroups. */
const NOT_SAMPLED = [
  'RAW',
  'WEIGHT',
  'WEIGHT_STRUCT',
  'DATA_SRC',
  'TRANSACTION',
  'PHYS_ADDR',
  'CGROUP',
  'DATA_PAGE_SIZE',
  'CODE_PAGE_SIZE',
] as const;

/** The attr's own consistency, before any PMU looks at it. */
export function checkAttr(attr: PerfEventAttr): Refusal | undefined {
  const { EINVAL, EOPNOTSUPP } = ERRNO;
  const has = (bit: number): boolean => (attr.sample_type & bit) !== 0;
  if ((attr.flags & ATTR_FLAGS.reserved) !== 0n) return refuse(EINVAL, 'unknown flag bits in attr');
  if ((attr.sample_type & ~PERF_SAMPLE_KNOWN) !== 0) return refuse(EINVAL, 'unknown sample_type bits');
  if ((attr.read_format & ~0x1f) !== 0) return refuse(EINVAL, 'unknown read_format bits');
  if (has(PERF_SAMPLE.WEIGHT) && has(PERF_SAMPLE.WEIGHT_STRUCT)) return refuse(EINVAL, 'WEIGHT and WEIGHT_STRUCT exclude each other');
  if (attrFlag(attr, 'inherit_thread') && !attrFlag(attr, 'inherit')) return refuse(EINVAL, 'inherit_thread without inherit');
  if (attrFlag(attr, 'remove_on_exec') && attrFlag(attr, 'enable_on_exec')) return refuse(EINVAL, 'remove_on_exec with enable_on_exec');
  if (!attrFlag(attr, 'freq') && attr.sample_period >> 63n !== 0n) return refuse(EINVAL, 'sample_period has bit 63 set');
  if (attrFlag(attr, 'inherit') && has(PERF_SAMPLE.READ)) return refuse(EINVAL, 'inherit with PERF_SAMPLE_READ');
  if (has(PERF_SAMPLE.REGS_USER) && !validRegisterMask(attr.sample_regs_user))
    return refuse(EINVAL, 'sample_regs_user names no register, or one that 64-bit samples cannot hold');
  if (has(PERF_SAMPLE.REGS_INTR) && !validRegisterMask(attr.sample_regs_intr))
    return refuse(EINVAL, 'sample_regs_intr names no register, or one that 64-bit samples cannot hold');
  if (has(PERF_SAMPLE.STACK_USER) && (attr.sample_stack_user >= 0xffff || attr.sample_stack_user % 8 !== 0 || attr.sample_stack_user < 0))
    return refuse(EINVAL, 'sample_stack_user is no multiple of 8 below 65535');
  if (attr.sample_max_stack > MAX_STACK)
    return refuse(ERRNO.EOVERFLOW, `sample_max_stack is more than kernel.perf_event_max_stack, ${MAX_STACK}`);
  for (const name of NOT_SAMPLED) if (has(PERF_SAMPLE[name])) return refuse(EOPNOTSUPP, `PERF_SAMPLE_${name} is ${LATER}`);
  if (has(PERF_SAMPLE.AUX) || attrFlag(attr, 'aux_output')) return refuse(EOPNOTSUPP, `AUX is ${LATER}`);
  return undefined;
}

/** An event joins a group: leader a leader, same task, same inherit, sibling neither pinned nor exclusive. */
export function checkGroup(attr: PerfEventAttr, leader: PerfEvent, sameTask: boolean): Refusal | undefined {
  const { EINVAL } = ERRNO;
  if (leader.leader !== leader) return refuse(EINVAL, 'the group leader is itself a sibling');
  if (!sameTask) return refuse(EINVAL, "the group leader watches another task's events");
  if (attrFlag(attr, 'inherit') !== attrFlag(leader.attr, 'inherit')) return refuse(EINVAL, 'group members differ in inherit');
  if (attrFlag(attr, 'pinned') || attrFlag(attr, 'exclusive')) return refuse(EINVAL, 'only a group leader can be pinned or exclusive');
  return undefined;
}

export interface EventInit {
  readonly kind: PmuKind;
  readonly hw: HwState;
  /** As the PMU changed it. */
  readonly attr?: PerfEventAttr;
}

/** attr.type and config as PMU and hardware state; `maxPeriod` stands in for the period of an event that does not sample. */
export function initEvent(attr: PerfEventAttr, model: CpuModel, maxPeriod: bigint): EventInit | Refusal {
  switch (attr.type) {
    case PERF_TYPE.SOFTWARE:
      return initSoftware(attr);
    case PERF_TYPE.HARDWARE:
      return initCore(attr, model, maxPeriod, hardwareSelect(attr.config));
    case PERF_TYPE.HW_CACHE:
      return initCore(attr, model, maxPeriod, cacheSelect(model, attr.config));
    case PERF_TYPE.RAW:
      return initCore(attr, model, maxPeriod, { select: attr.config & RAW_EVENT_MASK });
    case PERF_TYPE.TRACEPOINT:
      return refuse(ERRNO.ENOENT, `tracepoints are ${LATER}`);
    case PERF_TYPE.BREAKPOINT:
      return refuse(ERRNO.ENOENT, `breakpoints are ${LATER}`);
    default:
      return refuse(ERRNO.ENOENT, `no PMU has type ${attr.type}`);
  }
}

/** X86_RAW_EVENT_MASK and AnyThread. */
const RAW_EVENT_MASK = (['event', 'umask', 'edge', 'anyThread', 'inv', 'cmask'] as const).reduce((m, f) => m | PERFEVTSEL.mask(f), 0n);

function initSoftware(attr: PerfEventAttr): EventInit | Refusal {
  const name = softwareName(attr.config);
  if (name === undefined) return refuse(ERRNO.ENOENT, 'no such software event');
  if ((attr.sample_type & PERF_SAMPLE.BRANCH_STACK) !== 0) return refuse(ERRNO.EOPNOTSUPP, 'software events have no branch stacks');
  if (!isSoftwareModelled(name)) return refuse(ERRNO.ENOENT, `${name} is not modelled yet`);
  const config = attr.config & 0xffff_ffffn;
  if (isClock(config) && attrFlag(attr, 'freq') && attr.sample_period > 0n) {
    // perf_swevent_init_hrtimer: a timer's frequency is a period.
    const period = 1_000_000_000n / attr.sample_period;
    const fixed = { ...attr, sample_period: period, flags: attr.flags & ~ATTR_FLAGS.mask('freq') };
    return { kind: 'software', hw: newHwState(config, 0n, 0n, period), attr: fixed };
  }
  return { kind: 'software', hw: newHwState(config, 0n, 0n, attrFlag(attr, 'freq') ? 1n : attr.sample_period) };
}

function initCore(attr: PerfEventAttr, model: CpuModel, maxPeriod: bigint, found: SelectOrError): EventInit | Refusal {
  if ('errno' in found) return found;
  const { select } = found;
  const precise = Number(ATTR_FLAGS.get(attr.flags, 'precise_ip'));
  if (precise > 0) return refuse(ERRNO.EOPNOTSUPP, 'precise_ip: no model has PEBS yet');
  const meaning = eventMeaning(model, select);
  if (meaning.kind === 'not modelled') return refuse(ERRNO.ENOENT, `not modelled yet: ${meaning.reason}`);
  if (meaning.kind === 'unknown') return refuse(ERRNO.ENOENT, `${model.name} has no event 0x${select.toString(16)} that perfglass knows`);
  const counters = eventConstraint(model, select);
  if (counters === 0n) return refuse(ERRNO.EINVAL, `no counter of ${model.name} can count it`);
  const usr = !attrFlag(attr, 'exclude_user');
  const os = !attrFlag(attr, 'exclude_kernel');
  const config = select | PERFEVTSEL.pack({ usr, os, int: true });
  const period = attr.sample_period === 0n ? maxPeriod : attrFlag(attr, 'freq') ? startPeriod(attr) : attr.sample_period;
  const branch = (attr.sample_type & PERF_SAMPLE.BRANCH_STACK) === 0 ? undefined : branchSelect(attr, model);
  if (branch !== undefined && 'errno' in branch) return branch;
  return { kind: 'core', hw: newHwState(config, select, counters, period, branch) };
}

/** validate_group: leader, siblings and the new one on an empty PMU. */
export function groupFits(leader: PerfEvent, hw: HwState): boolean {
  const requests = leader.group.filter((e) => e.kind === 'core').map((e) => ({ counters: e.hw.counters, idx: -1 }));
  return assignCounters([...requests, { counters: hw.counters, idx: -1 }]) !== undefined;
}
