/** A perf event: struct perf_event and struct hw_perf_event. Functions over it live in the files beside. */
import { type PerfEventAttr, attrFlag } from './attr.ts';
import type { EventBreakpoint } from './breakpoint.ts';
import type { EventContext } from './context.ts';
import type { BranchSelect } from './intel/branch-select.ts';
import type { Account } from './ledger.ts';
import type { RecordRing } from './record-ring.ts';
import type { SampleRing } from './ring.ts';

/** PERF_EVENT_STATE_{ERROR, OFF, INACTIVE, ACTIVE}. 'exit': its task is gone; count and times stay readable. */
export type EventState = 'exit' | 'error' | 'off' | 'inactive' | 'active';

/** Which PMU of a CPU serves it. */
export type PmuKind = 'core' | 'software' | 'breakpoint';

/** struct hw_perf_event. */
export interface HwState {
  /** Core PMU: IA32_PERFEVTSEL without EN. Software: the PERF_COUNT_SW id. */
  readonly config: bigint;
  /** Core PMU: event select as port/truth.ts takes it. */
  readonly select: bigint;
  /** Constraint: counters that may count it, bit i general-purpose, bit 32+i fixed. */
  readonly counters: bigint;
  /** Of an event with branch stacks. */
  readonly branch: BranchSelect | undefined;
  /** Of an off-core response event: its request word. */
  readonly offcore: bigint | undefined;
  /** Assigned counter, -1 none. */
  idx: number;
  prevCount: bigint;
  samplePeriod: bigint;
  periodLeft: bigint;
  lastPeriod: bigint;
  /** PERF_HES_STOPPED: the counter does not count it. */
  stopped: boolean;
  /** PERF_HES_UPTODATE: the count holds everything that the counter saw. */
  upToDate: boolean;
  /** PERF_HES_ARCH: not to be started by the PMU's enable. */
  keepStopped: boolean;
  /** Overflows in the tick numbered `interruptsTick`; throttling's measure. */
  interrupts: number;
  interruptsTick: number;
  /** MAX_INTERRUPTS: stopped until the next tick. */
  throttled: boolean;
  /** Frequency mode: time of the last overflow, count at the last tick. */
  freqStampNs: number;
  freqCount: bigint;
  /** How often the counter was folded into the count. */
  foldings: number;
}

export const newHwState = (config: bigint, select: bigint, counters: bigint, samplePeriod: bigint, branch?: BranchSelect): HwState => ({
  config,
  select,
  counters,
  branch,
  offcore: select >> 32n === 0n ? undefined : select >> 32n,
  idx: -1,
  prevCount: 0n,
  samplePeriod,
  periodLeft: samplePeriod,
  lastPeriod: samplePeriod,
  stopped: true,
  upToDate: true,
  keepStopped: false,
  interrupts: 0,
  interruptsTick: -1,
  throttled: false,
  freqStampNs: 0,
  freqCount: 0n,
  foldings: 0,
});

/** What `open` decides about an event before it exists. */
export interface EventParts {
  readonly id: bigint;
  readonly attr: PerfEventAttr;
  readonly kind: PmuKind;
  readonly hw: HwState;
  readonly breakpoint?: EventBreakpoint | undefined;
  readonly account: Account;
  readonly ring: SampleRing | undefined;
  readonly output: RecordRing | undefined;
  readonly parent: PerfEvent | undefined;
  readonly leader: PerfEvent | undefined;
  /** -1: any. */
  readonly cpu?: number;
  readonly clockOffsetNs?: bigint;
}

/** The file of an event (file/event-file.ts), as the core tells it what happens. */
export interface EventWatcher {
  /** Count, times or counter are other ones now: perf_event_update_userpage. */
  changed(event: PerfEvent): void;
  /** The ring's reader is to be woken. */
  wakeup(event: PerfEvent): void;
  /** An overflow: who asked for a signal gets it. `last`: the events that PERF_EVENT_IOC_REFRESH allowed are used up. */
  overflowed(event: PerfEvent, last: boolean): void;
}

export class PerfEvent {
  readonly id: bigint;
  /** Replaced as a whole when PERF_EVENT_IOC_PERIOD changes it. */
  attr: PerfEventAttr;
  readonly kind: PmuKind;
  /** The only CPU on which it counts; -1 any. */
  readonly cpu: number;
  readonly hw: HwState;
  /** What attr.clockid's clock shows beyond the perf clock. */
  readonly clockOffsetNs: bigint;
  /** Of an event of kind 'breakpoint'. */
  readonly breakpoint: EventBreakpoint | undefined;
  readonly account: Account;
  /** Where samples go; inherited events share their parent's. */
  readonly ring: SampleRing | undefined;
  /** Where records go in the ABI's layout; several events may share one (perf's SET_OUTPUT). Instead of `ring`. Inherited events use their root's. */
  output: RecordRing | undefined;
  /** The event that this one was inherited from; never itself inherited. */
  readonly parent: PerfEvent | undefined;
  /** A sibling whose leader is closed leads itself from then on. */
  leader: PerfEvent;
  /** Of a leader: the others of its group. */
  readonly siblings: PerfEvent[] = [];
  /** Inherited events that are still alive. */
  readonly children = new Set<PerfEvent>();

  /** Who has it open as a file; of the root. */
  watcher: EventWatcher | undefined;

  context: EventContext | undefined;
  state: EventState;
  /** Overflows that PERF_EVENT_IOC_REFRESH still allows; 0: no limit. */
  eventLimit = 0;
  /** The last allowed overflow has come: off as soon as its interrupt is over. */
  pendingDisable = false;
  /** attr.enable_on_exec until the first exec has used it up. */
  enableOnExec: boolean;
  count = 0n;
  /** Records that found no room in `output` (read_format LOST); of the root. */
  lostRecords = 0;
  /** Of inherited events whose task has exited. */
  childCount = 0n;
  timeEnabledNs = 0;
  timeRunningNs = 0;
  childTimeEnabledNs = 0;
  childTimeRunningNs = 0;
  /** Context time at which the times were last brought up to date. */
  stampNs = 0;

  constructor(parts: EventParts) {
    this.id = parts.id;
    this.attr = parts.attr;
    this.kind = parts.kind;
    this.hw = parts.hw;
    this.clockOffsetNs = parts.clockOffsetNs ?? 0n;
    this.breakpoint = parts.breakpoint;
    this.account = parts.account;
    this.ring = parts.ring;
    this.output = parts.output;
    this.parent = parts.parent;
    this.cpu = parts.cpu ?? -1;
    this.leader = parts.leader ?? this;
    this.state = attrFlag(parts.attr, 'disabled') ? 'off' : 'inactive';
    this.enableOnExec = attrFlag(parts.attr, 'enable_on_exec');
    if (parts.leader !== undefined) parts.leader.siblings.push(this);
  }

  get isSampling(): boolean {
    return this.attr.sample_period !== 0n;
  }
  /** attr.exclude_user and exclude_kernel, turned round. */
  get wantsUser(): boolean {
    return !attrFlag(this.attr, 'exclude_user');
  }
  get wantsKernel(): boolean {
    return !attrFlag(this.attr, 'exclude_kernel');
  }
  /** PERF_EVENT_FLAG_USER_READ_CNT: RDPMC may read its counter where it is mapped. */
  get userRdpmc(): boolean {
    return this.kind === 'core';
  }
  get isPinned(): boolean {
    return attrFlag(this.leader.attr, 'pinned');
  }
  /** Leader first. */
  get group(): readonly PerfEvent[] {
    return [this.leader, ...this.leader.siblings];
  }
  /** The event that user space opened. */
  get root(): PerfEvent {
    return this.parent ?? this;
  }
  /** With inherited counts, without what is still in counters of running children. */
  get totalCount(): bigint {
    let sum = this.count + this.childCount;
    for (const child of this.children) sum += child.count;
    return sum;
  }
}

/** __perf_effective_state: a member of a group whose leader is off is off. */
export function effectiveState(event: PerfEvent): EventState {
  const leader = event.leader.state;
  return event !== event.leader && (leader === 'error' || leader === 'off' || leader === 'exit') ? leader : event.state;
}

/** Brings total_time_enabled and total_time_running up to context time `nowNs`. perf_event_update_time, kernel/events/core.c. */
export function updateTimes(event: PerfEvent, nowNs: number): void {
  const passed = nowNs - event.stampNs;
  const state = effectiveState(event);
  if (state === 'inactive' || state === 'active') event.timeEnabledNs += passed;
  if (state === 'active') event.timeRunningNs += passed;
  event.stampNs = nowNs;
}
