/**
 * The PMU of type PERF_TYPE_BREAKPOINT: an event is a debug register, its count the debug exceptions. kernel/events/hw_breakpoint.c
 * (hw_breakpoint_event_init, hw_breakpoint_add), kernel/events/core.c (perf_bp_event, perf_event_modify_breakpoint).
 */
import { ERRNO } from '#abi/errno.ts';
import { ATTR_FLAGS } from '#abi/perf-event/attr.ts';
import { PERF_SAMPLE } from '#abi/perf-event/sample.ts';
import type { RingTotals } from '#port/truth.ts';
import { type BreakpointSpec, inKernelSpace, parseBreakpoint } from '../debug/breakpoint.ts';
import type { CpuDebug, HwBreakpoint } from '../debug/cpu-debug.ts';
import type { BreakpointSlots } from '../debug/slots.ts';
import type { InterruptFrame } from '../perf-hooks.ts';
import { attrFlag, type PerfEventAttr } from './attr.ts';
import { type Refusal, refuse } from './attr-checks.ts';
import { newHwState, type PerfEvent } from './event.ts';
import type { TruthSource } from './ledger.ts';
import type { EventInit } from './open.ts';
import { countsDown, restartPeriod } from './period-book.ts';
import type { Pmu } from './pmu.ts';

export interface BreakpointParts {
  readonly slots: BreakpointSlots;
  readonly cpu: CpuDebug;
  /** Addresses that nobody may watch: kernel/debug/kernel-debug.ts. */
  readonly forbidden: (first: bigint, last: bigint) => boolean;
}

type Overflow = (event: PerfEvent, frame: InterruptFrame, address: bigint) => void;

const NOTHING: RingTotals = { user: 0, kernel: 0, overhead: 0 };

/** An event's breakpoint, and what the processor reports of it: the ledger's truth. */
export class EventBreakpoint implements HwBreakpoint, TruthSource {
  readonly byPerf = true;
  spec: BreakpointSpec;
  private readonly parts: BreakpointParts;
  /** Whose promise of a debug register it has: a task, or what stands for one; undefined: the CPU's. */
  private owner: object | undefined;
  private released = false;
  private event: PerfEvent | undefined;
  private sum = NOTHING;
  private atInstall = NOTHING;
  private overflow: Overflow | undefined;

  constructor(spec: BreakpointSpec, parts: BreakpointParts, owner: object | undefined) {
    this.spec = spec;
    this.parts = parts;
    this.owner = owner;
  }
  private get cpu(): CpuDebug {
    return this.parts.cpu;
  }

  /** Gives the promise back. */
  release(): void {
    if (!this.released) this.parts.slots.release(this.owner);
    this.released = true;
  }
  /** The task that it waited for is born. */
  moveTo(task: object, type: number): void {
    this.parts.slots.release(this.owner);
    this.owner = task;
    this.parts.slots.reserve(type, task);
  }

  install(event: PerfEvent, overflow: Overflow): boolean {
    this.event = event;
    this.overflow = overflow;
    if (!this.cpu.install(this)) return false;
    this.atInstall = this.cpu.hits(this);
    return true;
  }
  uninstall(): void {
    this.sum = this.total();
    this.cpu.uninstall(this);
  }

  total(): RingTotals {
    const { sum, atInstall } = this;
    const now = this.cpu.indexOf(this) < 0 ? atInstall : this.cpu.hits(this);
    return {
      user: sum.user + now.user - atInstall.user,
      kernel: sum.kernel + now.kernel - atInstall.kernel,
      overhead: sum.overhead + now.overhead - atInstall.overhead,
    };
  }
  frozen(): RingTotals {
    return NOTHING;
  }

  /** perf_bp_event and perf_swevent_event. */
  triggered(frame: InterruptFrame, overhead: boolean): void {
    const { event, overflow } = this;
    if (event === undefined || overflow === undefined || event.hw.stopped) return;
    if (!(frame.cpl === 3 ? event.wantsUser : event.wantsKernel)) return;
    event.count += 1n;
    event.account.counted++;
    if (overhead) event.account.over++;
    if (countsDown(event)) overflow(event, frame, event.attr.config1);
  }
}

export class BreakpointPmu implements Pmu {
  private readonly overflow: Overflow;

  constructor(overflow: Overflow) {
    this.overflow = overflow;
  }
  add(event: PerfEvent): boolean {
    event.hw.stopped = false;
    event.hw.lastPeriod = event.hw.samplePeriod;
    return event.breakpoint?.install(event, this.overflow) === true;
  }
  remove(event: PerfEvent): void {
    event.breakpoint?.uninstall();
    event.hw.stopped = true;
  }
  /** The count is always complete. */
  read(): void {}
  reload(event: PerfEvent): void {
    restartPeriod(event);
  }
}

/** hw_breakpoint_parse. `watchesKernel`: who opens it has CAP_SYS_ADMIN. */
function parse(attr: PerfEventAttr, parts: BreakpointParts, watchesKernel: boolean): BreakpointSpec | Refusal {
  const spec = parseBreakpoint(attr.bp_type, attr.config1, attr.config2, parts.forbidden);
  if (typeof spec === 'number') return refuse(-spec, 'no such breakpoint: its type, length, alignment or address');
  if (!inKernelSpace(spec)) return spec;
  if (attrFlag(attr, 'exclude_kernel')) return refuse(ERRNO.EINVAL, "a breakpoint on the kernel's addresses that excludes the kernel");
  return watchesKernel ? spec : refuse(ERRNO.EPERM, "a breakpoint on the kernel's addresses needs CAP_SYS_ADMIN");
}

/** `owner`: the task (or what will be one) that it is for; undefined: the CPU. */
export function initBreakpoint(
  attr: PerfEventAttr,
  parts: BreakpointParts | undefined,
  owner: object | undefined,
  watchesKernel: boolean,
): EventInit | Refusal {
  if (parts === undefined) return refuse(ERRNO.ENOENT, 'no debug registers here');
  if ((attr.sample_type & PERF_SAMPLE.BRANCH_STACK) !== 0) return refuse(ERRNO.EOPNOTSUPP, 'breakpoints have no branch stacks');
  const full = parts.slots.reserve(attr.bp_type, owner);
  if (full < 0) return refuse(-full, 'all four breakpoints are taken, or it is of no type');
  const spec = parse(attr, parts, watchesKernel);
  if ('errno' in spec) {
    parts.slots.release(owner);
    return spec;
  }
  const period = attrFlag(attr, 'freq') ? 1n : attr.sample_period;
  return { kind: 'breakpoint', hw: newHwState(0n, 0n, 0n, period), breakpoint: new EventBreakpoint(spec, parts, owner) };
}

/** An inherited event's own. */
export function copyBreakpoint(from: PerfEvent, parts: BreakpointParts | undefined, owner: object): EventBreakpoint | undefined {
  if (from.breakpoint === undefined || parts === undefined) return undefined;
  parts.slots.reserve(from.attr.bp_type, owner);
  return new EventBreakpoint(from.breakpoint.spec, parts, owner);
}

/** PERF_EVENT_IOC_MODIFY_ATTRIBUTES on one event, which is off meanwhile: modify_user_hw_breakpoint_check. 0 or -errno. */
export function modifyBreakpoint(event: PerfEvent, attr: PerfEventAttr, parts: BreakpointParts, watchesKernel: boolean): number {
  const { breakpoint } = event;
  if (breakpoint === undefined) return -ERRNO.EOPNOTSUPP;
  const spec = parse(attr, parts, watchesKernel);
  if ('errno' in spec) return -spec.errno;
  // Nothing else may differ but sig_data, which is taken over before (perf_event_modify_copy_attr).
  const { bp_type, config1, config2, sig_data } = attr;
  const off = attr.flags & DISABLED;
  event.attr = { ...event.attr, sig_data };
  const merged: PerfEventAttr = { ...event.attr, bp_type, config1, config2, flags: (event.attr.flags & ~DISABLED) | off };
  if (!(Object.keys(merged) as (keyof PerfEventAttr)[]).every((k) => merged[k] === attr[k])) return -ERRNO.EINVAL;
  event.attr = merged;
  breakpoint.spec = spec;
  return 0;
}
const DISABLED = ATTR_FLAGS.mask('disabled');
