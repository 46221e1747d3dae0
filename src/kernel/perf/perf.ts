/** The perf core: the parts list, the hooks that the kernel calls, and what a session and the files of events call. */
import { ERRNO } from '#abi/errno.ts';
import { PERF_RECORD_MISC } from '#abi/perf-event/record.ts';
import type { CpuModel } from '#arch/cpu-models/model.ts';
import { GPR } from '#arch/registers.ts';
import type { Clock } from '#port/clock.ts';
import type { Cpu } from '#port/cpu.ts';
import type { Msrs } from '#port/msrs.ts';
import type { Truth } from '#port/truth.ts';
import type { InterruptFrame, MappingEvent, PerfHooks } from '../perf-hooks.ts';
import { CAP, type Task } from '../task/task.ts';
import { BreakpointPmu, type BreakpointParts, copyBreakpoint, initBreakpoint, modifyBreakpoint } from './breakpoint.ts';
import { attrFlag, type PerfEventAttr } from './attr.ts';
import { PROT } from '#abi/mman.ts';
import { EventContext } from './context.ts';
import { CpuPerf } from './cpu.ts';
import { type EventParts, PerfEvent, updateTimes } from './event.ts';
import { exitEvent, inheritedLeaders, inheritEvent } from './inherit.ts';
import { CorePmu, type DriverChoices } from './intel/core-pmu.ts';
import { FIXED } from './intel/constraints.ts';
import type { PmiHandler } from './intel/pmi/handler.ts';
import { adjustPeriod, isFrequency } from './frequency.ts';
import type { KernelUnwinder } from './callchain.ts';
import { Account, type TruthSource } from './ledger.ts';
import {
  checkAttr,
  checkClock,
  checkGroup,
  checkRights,
  checkTaken,
  checkTarget,
  countsFromEpoch,
  isRefusal,
  type Refusal,
} from './attr-checks.ts';
import { type EventInit, groupFits, initEvent } from './open.ts';
import { Operations } from './operations.ts';
import { closeSampleBook } from './period-book.ts';
import { type ReadValues, readValues } from './read.ts';
import type { RecordRing } from './record-ring.ts';
import { commRecord, mmap2Record, type RecordBody, switchCpuWideRecord, switchRecord, taskRecord } from './records.ts';
import { SampleRing } from './ring.ts';
import { Sampler } from './sampling.ts';
import { momentOf, tell } from './side-band.ts';
import { changing, resched, rotate, taskSchedIn, taskSchedOut } from './schedule.ts';
import { PerfSettings } from './settings.ts';
import { isClock, type SoftwareName, SoftwarePmu, SoftwareTotals } from './software.ts';

export interface PerfParts {
  readonly model: CpuModel;
  readonly truth: Truth;
  readonly clock: Clock;
  /** RDMSR and WRMSR as the kernel executes them. */
  readonly msrs: Msrs;
  readonly handler: PmiHandler;
  readonly choices?: DriverChoices;
  /** Samples that a ring holds; default 65536. */
  readonly ringSamples?: number;
  /** kernel.perf_event_max_sample_rate, samples a second and event: more are throttled. undefined: nothing is. */
  readonly maxSampleRate?: number;
  /** The wall clock at the start of the perf clock, ns since 1970; default 0. */
  readonly epochNs?: bigint;
  /** Timer ticks a second; default 250. */
  readonly hz?: number;
  /** What an administrator may set; default: PerfSettings' own values, nothing throttled. */
  readonly settings?: PerfSettings;
  /** Sets perf's timer to that TSC value; undefined: off. Without it clocks do not sample. */
  readonly setTimer?: (tsc: number | undefined) => void;
  /** Tells the mappings of a task that events are attached to. */
  readonly announce?: (task: Task) => void;
  readonly unwindKernel?: KernelUnwinder;
  /** attr.sigtrap: to whom the signal goes before the next instruction of user mode. */
  readonly sigtrap?: (event: PerfEvent, address: bigint) => void;
  /** Debug registers; without them there are no breakpoints. */
  readonly breakpoints?: BreakpointParts;
  /** For the kinds of its branches. */
  readonly kernelText?: { readonly base: bigint; readonly bytes: Uint8Array };
}

/** The part of a Cpu that perf needs. */
export type OverheadBracket = Pick<Cpu, 'enterOverhead' | 'leaveOverhead' | 'index'> & Partial<Pick<Cpu, 'rip' | 'rflags' | 'gpr'>>;

/** What an event watches: pid and cpu of perf_event_open. */
export interface Target {
  /** undefined: whoever runs on `cpu`. */
  readonly task: Task | undefined;
  /** -1: any. */
  readonly cpu: number;
  /** Instead of `task`: the one that will be born with this pid. For the modelled system's own recorder, as pids are known beforehand. */
  readonly future?: number;
  /** Whose rights decide; undefined: the modelled system's own. */
  readonly by?: Task;
}
export const onTask = (task: Task): Target => ({ task, cpu: -1 });

const DEFAULT_RING_SAMPLES = 65536;
const DEFAULT_HZ = 250;

export class Perf implements PerfHooks {
  /** PMIs served, and those of them that found nothing (spec §1.9, 7). */
  readonly pmis = { served: 0, spurious: 0 };
  readonly operations: Operations;
  readonly settings: PerfSettings;
  private readonly parts: PerfParts;
  private readonly cpu: CpuPerf;
  private readonly sampler: Sampler;
  private readonly totals: SoftwareTotals;
  private readonly contexts = new Map<Task, EventContext>();
  /** Events of tasks that are not born yet, by pid. */
  readonly futures = new Map<number, EventContext>();
  private readonly byId = new Map<bigint, PerfEvent>();
  private nextId = 1n;
  private readonly tickNs: number;
  private bracket: OverheadBracket | undefined;

  constructor(parts: PerfParts) {
    this.parts = parts;
    const nowNs = (): number => clockNs(parts.clock);
    const hz = parts.hz ?? DEFAULT_HZ;
    this.tickNs = 1_000_000_000 / hz;
    this.settings = parts.settings ?? new PerfSettings();
    if (parts.maxSampleRate !== undefined) this.settings.maxSampleRate = parts.maxSampleRate;
    this.totals = new SoftwareTotals(nowNs);
    const sampler = new Sampler({
      tickNs: this.tickNs,
      maxPerTick: () => Math.ceil(this.settings.maxSampleRate / hz),
      unwindKernel: parts.unwindKernel ?? (() => []),
      kernelText: parts.kernelText,
      sigtrap: (event, address) => parts.sigtrap?.(event, address),
    });
    const overflow = (event: PerfEvent, frame: InterruptFrame): boolean => sampler.overflow(event, frame);
    this.sampler = sampler;
    this.cpu = new CpuPerf({
      index: 0,
      core: new CorePmu({ ...parts, overflow }),
      software: new SoftwarePmu({
        nowNs,
        totals: this.totals,
        overflow,
        setTimer: (ns) => parts.setTimer?.(ns === undefined ? undefined : tscOf(parts.clock, ns)),
      }),
      breakpoints: new BreakpointPmu((event, frame, address) => void sampler.overflow(event, frame, address)),
      clock: nowNs,
      unthrottle: (event) => sampler.unthrottle(event),
    });
    sampler.cpu = this.cpu;
    this.operations = new Operations({
      cpu: this.cpu,
      sampler,
      maxFrequency: () => this.settings.sampleRate,
      asOverhead: (fn) => this.asOverhead(fn),
    });
  }

  /** Programs the PMU's resting state; to be called once the kernel can execute MSR accesses. */
  boot(cpu: OverheadBracket): void {
    this.bracket = cpu;
    this.asOverhead(() => this.cpu.core.boot());
  }

  // ---- what a session and perf_event_open call

  /**
   * Opens an event; it counts from the next `reschedule` on, or when its task is switched to. A group member gives its leader. `output`: its
   * records go there instead of to a queue of samples; 'file': to the ring that its file will have, if any.
   */
  open(attr: PerfEventAttr, target: Target, leader?: PerfEvent, output?: RecordRing | 'file'): PerfEvent | Refusal {
    const { task, cpu } = target;
    const early = checkAttr(attr) ?? checkTarget(attr, task, leader, this.settings.sampleRate);
    if (early !== undefined) return early;
    if (cpu > this.cpu.index || cpu < -1) return { errno: ERRNO.EINVAL, reason: `there is no CPU ${cpu}` };
    if (task === undefined && cpu === -1 && target.future === undefined)
      return { errno: ERRNO.EINVAL, reason: 'neither a task nor a CPU is given' };
    const found = initEvent(attr, this.parts.model, this.cpu.core.maxPeriod, () => {
      const owner = target.future === undefined ? task : this.futureOf(target.future);
      return initBreakpoint(attr, this.parts.breakpoints, owner, target.by === undefined || target.by.can(CAP.SYS_ADMIN));
    });
    if (isRefusal(found)) return found;
    const event = this.openTaken(attr, target, found, leader, output);
    if (isRefusal(event)) found.breakpoint?.release();
    return event;
  }

  /** The PMU has taken it. */
  private openTaken(
    attr: PerfEventAttr,
    target: Target,
    found: EventInit,
    leader: PerfEvent | undefined,
    output: RecordRing | 'file' | undefined,
  ): PerfEvent | Refusal {
    const { task, cpu } = target;
    const late = checkTaken(attr) ?? checkClock(attr, found.kind === 'core') ?? checkRights(target.by, task, this.settings.paranoid);
    if (late !== undefined) return late;
    const context = target.future !== undefined ? this.futureOf(target.future) : task === undefined ? this.cpu.own : this.contextOf(task);
    const wrong = leader === undefined ? undefined : checkGroup(attr, leader, context, cpu);
    if (wrong !== undefined) return wrong;
    if (leader !== undefined && found.kind === 'core' && !groupFits(leader, found.hw, this.parts.model)) {
      return { errno: ERRNO.EINVAL, reason: `the group needs more counters than ${this.parts.model.name} has` };
    }
    const event = new PerfEvent({
      id: this.nextId++,
      attr,
      ...found,
      cpu: target.cpu,
      clockOffsetNs: countsFromEpoch(attr) ? (this.parts.epochNs ?? 0n) : 0n,
      account: this.newAccount({ attr, ...found }),
      output: output === 'file' ? undefined : output,
      ring: attr.sample_period === 0n || output !== undefined ? undefined : new SampleRing(this.parts.ringSamples ?? DEFAULT_RING_SAMPLES),
      parent: undefined,
      leader,
    });
    context.attach(event);
    this.byId.set(event.id, event);
    return event;
  }

  /** By PERF_EVENT_IOC_ID's number: events that user space opened and has not closed. */
  find(id: bigint): PerfEvent | undefined {
    return this.byId.get(id);
  }

  /** perf_install_in_context's end: puts an event that was opened on the PMU if its context is in force. */
  install(event: PerfEvent): void {
    const { context } = event;
    if (context?.cpu !== undefined) this.asOverhead(() => resched(this.cpu, context, event.isPinned));
  }

  /** The same for all events of a task that runs. */
  reschedule(task: Task, _cpu: OverheadBracket): void {
    const ctx = this.contexts.get(task);
    if (ctx?.cpu !== undefined) this.asOverhead(() => resched(this.cpu, ctx, true));
  }

  /** PERF_EVENT_IOC_MODIFY_ATTRIBUTES, of an event and what was inherited from it. 0 or -errno. */
  modify(event: PerfEvent, attr: PerfEventAttr, by: Task): number {
    const { breakpoints } = this.parts;
    if (event.kind !== 'breakpoint' || breakpoints === undefined) return -ERRNO.EOPNOTSUPP;
    for (const e of [event, ...event.children]) {
      this.operations.disableAlone(e);
      const failed = modifyBreakpoint(e, attr, breakpoints, by.can(CAP.SYS_ADMIN));
      if (!attrFlag(e.attr, 'disabled')) this.operations.enableAlone(e);
      if (failed < 0) return failed;
    }
    return 0;
  }

  enable(event: PerfEvent): void {
    this.operations.enable(event);
  }

  /** close: the event is gone, its group dissolves if it led it. */
  release(event: PerfEvent): void {
    this.byId.delete(event.id);
    for (const e of [event, ...event.children]) e.breakpoint?.release();
    this.operations.release(event);
  }

  /** Count, times and account brought up to this moment, inherited events included. */
  read(event: PerfEvent, _cpu?: OverheadBracket): ReadValues {
    this.asOverhead(() => {
      for (const e of [event, ...event.children]) {
        if (e.context === undefined || e.state === 'exit') continue;
        if (e.state === 'active') this.cpu.pmu(e).read(e);
        updateTimes(e, e.context.nowNs());
        e.account.settle();
        e.watcher?.changed(e);
      }
    });
    return readValues(event);
  }

  nowNs(): number {
    return this.cpu.nowNs();
  }
  get counterWidth(): number {
    return this.cpu.core.registers.width;
  }
  /** The counter that counts the event now: RDPMC's ECX, and what it held when the event's count was last brought up to date. */
  counterOf(event: PerfEvent): { readonly rdpmc: number; readonly start: bigint } | undefined {
    const { idx, stopped, prevCount } = event.hw;
    if (event.kind !== 'core' || event.state !== 'active' || stopped || idx < 0) return undefined;
    return { rdpmc: idx < FIXED ? idx : 0x4000_0000 + idx - FIXED, start: BigInt.asIntN(this.counterWidth, prevCount) };
  }

  /** The event's account with its living children's. */
  account(event: PerfEvent): Account {
    const sum = this.newAccount(event);
    for (const e of [event, ...event.children]) sum.merge(e.account);
    return sum;
  }

  /** The session ends: periods that ran out and found no PMI any more are booked, for `account`'s sake. */
  closeBooks(): void {
    for (const ctx of [this.cpu.own, ...this.contexts.values()]) for (const event of ctx.events) closeSampleBook(event);
  }

  // ---- hooks

  scheduledIn(task: Task, _cpu: OverheadBracket, previous?: Task): void {
    this.cpu.current = task;
    const ctx = this.contexts.get(task);
    if (ctx !== undefined) this.asOverhead(() => taskSchedIn(this.cpu, ctx));
    // Branches of another address space mean nothing here, to events of the CPU either.
    else if (!this.cpu.own.empty) this.asOverhead(() => changing(this.cpu, () => this.cpu.core.lbr.restore(undefined)));
    this.tellSwitch(task, 0, previous);
  }

  scheduledOut(task: Task, cpu: OverheadBracket, preempted = false, next?: Task): void {
    const ctx = this.contexts.get(task);
    const { SWITCH_OUT, SWITCH_OUT_PREEMPT } = PERF_RECORD_MISC;
    this.tellSwitch(task, SWITCH_OUT | (preempted ? SWITCH_OUT_PREEMPT : 0), next);
    // Linux counts the switch before the context leaves, in the kernel (perf_event_task_sched_out).
    this.happened(['context-switches'], kernelFrame(cpu));
    if (ctx?.cpu !== undefined) this.asOverhead(() => taskSchedOut(this.cpu, ctx));
    this.cpu.context = undefined;
    this.cpu.current = undefined;
  }

  forked(parent: Task, child: Task): void {
    this.tell(parent, TASK_FLAGS, this.taskRecord('FORK', child, parent));
    this.adopt(child);
    const ctx = this.contexts.get(parent);
    const leaders = ctx === undefined ? [] : inheritedLeaders(ctx, parent, child);
    if (leaders.length === 0) return;
    const into = this.contextOf(child);
    const copy = (from: PerfEvent, leader: PerfEvent | undefined): PerfEvent => this.inherit(from, leader, into, child);
    for (const leader of leaders) {
      const copied = copy(leader, undefined);
      for (const sibling of leader.siblings) copy(sibling, copied);
    }
  }

  execed(task: Task): void {
    const ctx = this.contexts.get(task);
    if (ctx !== undefined) {
      const waiting = ctx.events.filter((e) => e.enableOnExec);
      for (const event of waiting) {
        event.enableOnExec = false;
        if (event.state === 'off' || event.state === 'error') ctx.setState(event, 'inactive');
      }
      if (waiting.length > 0 && ctx.cpu !== undefined) this.asOverhead(() => resched(this.cpu, ctx, true));
      for (const event of ctx.events) if (attrFlag(event.attr, 'remove_on_exec')) this.leaveTask(ctx, event, task);
    }
    this.tell(task, ['comm'], commRecord(task.tgid, task.pid, task.comm, true));
  }

  renamed(task: Task): void {
    this.tell(task, ['comm'], commRecord(task.tgid, task.pid, task.comm, false));
  }

  /** perf_event_exit_task: what the task counted goes to the events that user space opened. */
  exited(task: Task): void {
    const ctx = this.contexts.get(task);
    const moment = momentOf(task, this.cpu.nowNs(), this.cpu.index);
    const body = this.taskRecord('EXIT', task, task.parent);
    tell(this.cpu.own, TASK_FLAGS, body, moment);
    if (ctx === undefined) return;
    if (ctx.cpu !== undefined) this.asOverhead(() => taskSchedOut(this.cpu, ctx));
    for (const event of ctx.events) exitEvent(ctx, event, moment);
    tell(ctx, TASK_FLAGS, body, moment, true);
    this.contexts.delete(task);
  }

  mapped(task: Task, mapping: MappingEvent): void {
    const executable = (mapping.prot & PROT.EXEC) !== 0;
    this.tell(task, executable ? ['mmap', 'mmap2'] : ['mmap_data'], mmap2Record(task.tgid, task.pid, mapping));
  }

  /** The machine is in overhead mode from the PMI's delivery to its IRET. */
  pmi(_cpu: OverheadBracket, frame: InterruptFrame): void {
    this.pmis.served++;
    if (this.cpu.core.handlePmi(frame) === 0) this.pmis.spurious++;
    this.operations.runPending();
  }

  /** A debug exception has told its breakpoints. */
  debugged(): void {
    this.operations.runPending();
  }

  hrtimer(_cpu: OverheadBracket, frame: InterruptFrame): void {
    this.cpu.software.expired(frame);
    this.operations.runPending();
  }

  /** The tick is the mux timer: both have 1000/HZ ms. Linux's hrtimer starts at the first group that does not fit; only the phase differs. */
  tick(_cpu: OverheadBracket): void {
    this.sampler.ticks++;
    for (const ctx of this.cpu.contexts) this.adjustAtTick(ctx);
    if (this.cpu.contexts.some((c) => c.rotateNecessary)) this.asOverhead(() => rotate(this.cpu));
  }

  pageFault(_task: Task, _address: number, major: boolean, frame: InterruptFrame): void {
    this.happened(['page-faults', major ? 'major-faults' : 'minor-faults'], frame);
  }

  contextSwitch(from: Task | undefined, _to: Task | undefined, cpu: OverheadBracket): void {
    if (from === undefined) this.happened(['context-switches'], kernelFrame(cpu));
  }

  // ---- inside

  private asOverhead(fn: () => void): void {
    this.bracket?.enterOverhead();
    fn();
    this.bracket?.leaveOverhead();
  }

  private happened(names: readonly SoftwareName[], frame: InterruptFrame): void {
    this.cpu.software.occurred(names, frame);
    this.operations.runPending();
  }

  private contextOf(task: Task): EventContext {
    let ctx = this.contexts.get(task);
    if (ctx === undefined) {
      ctx = new EventContext(task);
      this.contexts.set(task, ctx);
      if (this.cpu.current === task) {
        ctx.enterCpu(this.cpu);
        this.cpu.context = ctx;
      }
    }
    return ctx;
  }

  private futureOf(pid: number): EventContext {
    const ctx = this.futures.get(pid) ?? new EventContext(undefined);
    this.futures.set(pid, ctx);
    return ctx;
  }
  /** Events that waited for the task are its from here on; what perf would have read of it in /proc is told. */
  private adopt(child: Task): void {
    const ctx = this.futures.get(child.pid);
    if (ctx === undefined) return;
    this.futures.delete(child.pid);
    ctx.task = child;
    for (const event of ctx.events) event.breakpoint?.moveTo(child, event.attr.bp_type);
    this.contexts.set(child, ctx);
    this.renamed(child);
    this.parts.announce?.(child);
  }

  /** An event leaves a task that lives on: remove_on_exec. */
  private leaveTask(ctx: EventContext, event: PerfEvent, task: Task): void {
    this.operations.takeOffAlone(event);
    exitEvent(ctx, event, momentOf(task, this.cpu.nowNs(), this.cpu.index));
    ctx.detach(event);
    ctx.restand();
  }

  private inherit(from: PerfEvent, leader: PerfEvent | undefined, into: EventContext, child: Task): PerfEvent {
    const breakpoint = copyBreakpoint(from, this.parts.breakpoints, child);
    const { attr, kind, hw } = from;
    return inheritEvent(from, leader, into, this.nextId++, this.newAccount({ attr, kind, hw, breakpoint }), breakpoint);
  }

  private newAccount({ attr, kind, hw, breakpoint }: Pick<PerfEvent, 'attr' | 'kind' | 'hw'> & Pick<EventParts, 'breakpoint'>): Account {
    if (kind === 'software' && isClock(hw.config)) return new Account(this.totals.source(hw.config), true, true);
    const source = kind === 'core' ? this.truthSource(hw.select) : (breakpoint ?? this.totals.source(hw.config));
    return new Account(source, !attrFlag(attr, 'exclude_user'), !attrFlag(attr, 'exclude_kernel'));
  }

  private truthSource(select: bigint): TruthSource | undefined {
    const { truth } = this.parts;
    if (truth.total(select) === undefined) return undefined;
    return { total: () => truth.total(select) ?? NOTHING, frozen: () => truth.frozen(select) ?? NOTHING };
  }

  /** To the events of the CPU that the task runs on, and to the task's. */
  private tell(task: Task, flags: Parameters<typeof tell>[1], body: RecordBody): void {
    const moment = momentOf(task, this.cpu.nowNs(), this.cpu.index);
    tell(this.cpu.own, flags, body, moment);
    tell(this.contexts.get(task), flags, body, moment);
  }

  private tellSwitch(task: Task, misc: number, other: Task | undefined): void {
    const moment = momentOf(task, this.cpu.nowNs(), this.cpu.index);
    tell(this.cpu.own, ['context_switch'], switchCpuWideRecord(misc, [other?.tgid ?? 0, other?.pid ?? 0]), moment);
    tell(this.contexts.get(task), ['context_switch'], switchRecord(misc), moment);
  }

  /** A first task's parent is init, as getppid tells it. */
  private taskRecord(type: 'FORK' | 'EXIT', task: Task, parent: Task | undefined): RecordBody {
    return taskRecord(type, task.tgid, task.pid, [parent?.tgid ?? 1, parent?.pid ?? 1], this.cpu.nowNs());
  }

  /** perf_adjust_freq_unthr_context. */
  private adjustAtTick(ctx: EventContext): void {
    const todo = ctx.events.filter((e) => e.state === 'active' && (e.hw.throttled || (e.kind === 'core' && isFrequency(e))));
    if (todo.length === 0) return;
    this.asOverhead(() =>
      changing(this.cpu, () => {
        for (const event of todo) {
          this.sampler.unthrottle(event);
          if (event.kind === 'software') this.cpu.software.resume(event);
          else this.cpu.core.tick(event, (count) => adjustPeriod(event, this.tickNs, count));
        }
      }),
    );
  }
}

/** perf_event_task: who maps or tells comms wants to know of tasks, too. */
const TASK_FLAGS = ['comm', 'mmap', 'mmap2', 'mmap_data', 'task'] as const;
const NOTHING = { user: 0, kernel: 0, overhead: 0 } as const;

/** perf_fetch_caller_regs: where the kernel is. */
const kernelFrame = (cpu: OverheadBracket): InterruptFrame => ({
  rip: cpu.rip ?? 0n,
  cpl: 0,
  rflags: cpu.rflags ?? 0n,
  rsp: cpu.gpr?.[GPR.RSP] ?? 0n,
});

/** Modelled ns since power-on. */
export function clockNs(clock: Clock): number {
  const tsc = clock.tsc();
  const seconds = Math.floor(tsc / clock.tscHz);
  return seconds * 1_000_000_000 + Math.floor(((tsc - seconds * clock.tscHz) * 1_000_000_000) / clock.tscHz);
}

/** The first TSC value at which clockNs is at least `ns`. */
function tscOf(clock: Clock, ns: number): number {
  const seconds = Math.floor(ns / 1_000_000_000);
  const part = Math.ceil(((ns - seconds * 1_000_000_000) * clock.tscHz) / 1_000_000_000);
  return seconds * clock.tscHz + part;
}
