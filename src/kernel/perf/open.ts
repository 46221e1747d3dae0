/** Which PMU takes an event, and as what: perf_init_event and the event_init of the PMUs. Checks of the attr alone: attr-checks.ts. */
import { ERRNO } from '#abi/errno.ts';
import { ATTR_FLAGS, PERF_TYPE } from '#abi/perf-event/attr.ts';
import { PERF_SAMPLE } from '#abi/perf-event/sample.ts';
import type { CpuModel } from '#arch/cpu-models/model.ts';
import { eventMeaning } from '#arch/pmu/event-select.ts';
import { offcoreIndex } from '#arch/pmu/offcore.ts';
import { PERFEVTSEL } from '#arch/pmu/perfevtsel.ts';
import { attrFlag, type PerfEventAttr } from './attr.ts';
import { type Refusal, refuse } from './attr-checks.ts';
import type { EventBreakpoint } from './breakpoint.ts';
import { type HwState, newHwState, type PerfEvent, type PmuKind } from './event.ts';
import { branchSelect } from './intel/branch-select.ts';
import { assignCounters, eventConstraint } from './intel/constraints.ts';
import { cacheSelect, hardwareSelect, type SelectOrError } from './intel/generic-events.ts';
import { startPeriod } from './frequency.ts';
import { isClock, isSoftwareModelled, softwareName } from './software.ts';

const LATER = 'not there yet (issue 5)';

export interface EventInit {
  readonly kind: PmuKind;
  readonly hw: HwState;
  readonly breakpoint?: EventBreakpoint;
  /** As the PMU changed it. */
  readonly attr?: PerfEventAttr;
}

/**
 * attr.type and config as PMU and hardware state; `maxPeriod` stands in for the period of an event that does not sample. `breakpoint` makes one, and
 * with it the promise of a debug register.
 */
export function initEvent(
  attr: PerfEventAttr,
  model: CpuModel,
  maxPeriod: bigint,
  breakpoint: () => EventInit | Refusal = () => refuse(ERRNO.ENOENT, 'no debug registers here'),
): EventInit | Refusal {
  switch (attr.type) {
    case PERF_TYPE.SOFTWARE:
      return initSoftware(attr);
    case PERF_TYPE.HARDWARE:
      return initCore(attr, model, maxPeriod, hardwareSelect(model, attr.config));
    case PERF_TYPE.HW_CACHE:
      return initCore(attr, model, maxPeriod, cacheSelect(model, attr.config));
    case PERF_TYPE.RAW:
      return initCore(attr, model, maxPeriod, rawSelect(attr, model));
    case PERF_TYPE.TRACEPOINT:
      return refuse(ERRNO.ENOENT, `tracepoints are ${LATER}`);
    case PERF_TYPE.BREAKPOINT:
      return breakpoint();
    default:
      return refuse(ERRNO.ENOENT, `no PMU has type ${attr.type}`);
  }
}

/** X86_RAW_EVENT_MASK and AnyThread. */
const RAW_EVENT_MASK = (['event', 'umask', 'edge', 'anyThread', 'inv', 'cmask'] as const).reduce((m, f) => m | PERFEVTSEL.mask(f), 0n);

/** x86_setup_perfctr; the off-core request word is config1 (intel_pmu_hw_config, the extra registers). */
function rawSelect(attr: PerfEventAttr, model: CpuModel): SelectOrError {
  const select = attr.config & RAW_EVENT_MASK;
  const register = offcoreIndex(model.offcore, select);
  if (register < 0) return { select };
  if ((attr.config1 & ~(model.offcore?.valid[register] ?? 0n)) !== 0n)
    return refuse(ERRNO.EINVAL, 'off-core request word with reserved bits');
  return { select: select | (attr.config1 << 32n) };
}

function initSoftware(attr: PerfEventAttr): EventInit | Refusal {
  const name = softwareName(attr.config);
  if (name === undefined || attr.config >> 32n !== 0n) return refuse(ERRNO.ENOENT, 'no such software event');
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
  if (ATTR_FLAGS.get(attr.flags, 'precise_ip') > 0n) return refuse(ERRNO.EOPNOTSUPP, 'precise_ip: no model has PEBS yet');
  const meaning = eventMeaning(model, select);
  if (meaning.kind === 'not modelled') return refuse(ERRNO.ENOENT, `not modelled yet: ${meaning.reason}`);
  if (meaning.kind === 'unknown') return refuse(ERRNO.ENOENT, `${model.name} has no event 0x${select.toString(16)} that perfglass knows`);
  if (PERFEVTSEL.get(select, 'anyThread') !== 0n && model.pmu.version < 3) return refuse(ERRNO.EINVAL, 'AnyThread needs PerfMon version 3');
  const counters = eventConstraint(model, select);
  if (counters === 0n) return refuse(ERRNO.EINVAL, `no counter of ${model.name} can count it`);
  const usr = !attrFlag(attr, 'exclude_user');
  const os = !attrFlag(attr, 'exclude_kernel');
  const config = BigInt.asUintN(32, select) | PERFEVTSEL.pack({ usr, os, int: true });
  const period = attr.sample_period === 0n ? maxPeriod : attrFlag(attr, 'freq') ? startPeriod(attr) : attr.sample_period;
  const branch = (attr.sample_type & PERF_SAMPLE.BRANCH_STACK) === 0 ? undefined : branchSelect(attr, model);
  if (branch !== undefined && 'errno' in branch) return branch;
  return { kind: 'core', hw: newHwState(config, select, counters, period, branch) };
}

/** validate_group: leader, siblings and the new one on an empty PMU. */
export function groupFits(leader: PerfEvent, hw: HwState, model: CpuModel): boolean {
  const requests = leader.group.filter((e) => e.kind === 'core').map((e) => ({ counters: e.hw.counters, idx: -1 }));
  const words = new Set([...leader.group.map((e) => e.hw), hw].flatMap((h) => (h.offcore === undefined ? [] : [h.offcore])));
  return (
    words.size <= (model.offcore?.events.length ?? 0) && assignCounters([...requests, { counters: hw.counters, idx: -1 }]) !== undefined
  );
}
