/**
 * The perf core: the parts list, the hooks that the kernel calls, and what a session calls. Not here yet, each by its name in issue 5: CPU
 * contexts, AUX, breakpoints, tracepoints, the mmap page, ioctls.
 */
import { ERRNO } from '#abi/errno.ts';
import { PERF_RECORD_MISC } from '#abi/perf-event/record.ts';
import { PERF_SAMPLE } from '#abi/perf-event/sample.ts';
import type { CpuModel } from '#arch/cpu-models/model.ts';
import type { Clock } from '#port/clock.ts';
import type { Cpu } from '#port/cpu.ts';
import type { Msrs } from '#port/msrs.ts';
import type { Truth } from '#port/truth.ts';
import type { InterruptFrame, MappingEvent, PerfHooks } from '../perf-hooks.ts';
import type { Task } from '../task/task.ts';
import { attrFlag, type PerfEventAttr } from './attr.ts';
import { PROT } from '#abi/mman.ts';
import { TaskContext } from './context.ts';
import { CpuPerf } from './cpu.ts';
import { type HwState, newHwState, PerfEvent, updateTimes } from './event.ts';
import { branchStack } from './branch-stack.ts';
import { CorePmu } from './intel/core-pmu.ts';
import type { PmiHandler } from './intel/pmi/handler.ts';
import { adjustAtOverflow, adjustPeriod, isFrequency, tooManySamples } from './frequency.ts';
import { callchain, type KernelUnwinder, MAX_STACK, userBytes, userRegisters } from './callchain.ts';
import { Account, type TruthSource } from './ledger.ts';
import { checkAttr, checkGroup, groupFits, initEvent, isRefusal, type Refusal } from './open.ts';
import { type ReadValues, readValues } from './read.ts';
import type { RecordRing } from './record-ring.ts';
import {
  commRecord,
  mmap2Record,
  type RecordBody,
  sampleRecord,
  sideBandRecord,
  switchRecord,
  taskRecord,
  throttleRecord,
} from './records.ts';
import { SampleRing } from './ring.ts';
import { PerfSettings } from './settings.ts';
import { registerValues } from './sample-registers.ts';
import { momentOf, output, tell } from './side-band.ts';
import { CPUMODE, type PerfSample } from './sample.ts';
import { contextResched, contextSchedIn, contextSchedOut, rotateContext } from './schedule.ts';
import { isClock, type SoftwareName, SoftwarePmu, SoftwareTotals } from './software.ts';

export interface PerfParts {
  readonly model: CpuModel;
  readonly truth: Truth;
  readonly clock: Clock;
  /** RDMSR and WRMSR as the kernel executes them. */
  readonly msrs: Msrs;
  readonly handler: PmiHandler;
  /** Samples that a ring holds; default 65536. */
  readonly ringSamples?: number;
  /** kernel.perf_event_max_sample_rate, samples a second and event: more are throttled. undefined: nothing is. */
  readonly maxSampleRate?: number;
  /** Timer ticks a second; default 250. */
  readonly hz?: number;
  /** What an administrator may set; default: PerfSettings' own values, nothing throttled. */
  readonly settings?: PerfSettings;
  readonly unwindKernel?: KernelUnwinder;
  /** For the kinds of its branches. */
  readonly kernelText?: { readonly base: bigint; readonly bytes: Uint8Array };
}

/** The part of a Cpu that perf needs. */
export type OverheadBracket = Pick<Cpu, 'enterOverhead' | 'leaveOverhead' | 'index'>;

const DEFAULT_RING_SAMPLES = 65536;
const DEFAULT_HZ = 250;
const MAX_INSTRUCTION = 15;

export class Perf implements PerfHooks {
  /** PMIs served, and those of them that found nothing (spec §1.9, 7). */
  readonly pmis = { served: 0, spurious: 0 };
  private readonly parts: PerfParts;
  private readonly cpu: CpuPerf;
  private readonly totals: SoftwareTotals;
  private readonly contexts = new Map<Task, TaskContext>();
  private nextId = 1n;
  private readonly tickNs: number;
  readonly settings: PerfSettings;
  private ticks = 0;

  constructor(parts: PerfParts) {
    this.parts = parts;
    const nowNs = (): number => clockNs(parts.clock);
    const overflow = (event: PerfEvent, frame: InterruptFrame): boolean => this.overflow(event, frame);
    const unthrottle = (event: PerfEvent): void => this.unthrottled(event);
    this.tickNs = 1_000_000_000 / (parts.hz ?? DEFAULT_HZ);
    this.settings = parts.settings ?? new PerfSettings();
    if (parts.maxSampleRate !== undefined) this.settings.maxSampleRate = parts.maxSampleRate;
    this.totals = new SoftwareTotals(nowNs);
    this.cpu = new CpuPerf(0, new CorePmu({ ...parts, overflow }), new SoftwarePmu(nowNs, this.totals, overflow), nowNs, unthrottle);
  }

  /** Programs the PMU's resting state; to be called once the kernel can execute MSR accesses. */
  boot(cpu: OverheadBracket): void {
    this.asOverhead(cpu, () => this.cpu.core.boot());
  }

  // ---- what a session, and later perf_event_open, calls

  /** Opens an event on a task, any CPU. A group member gives its leader. `output`: its records go there instead of to a queue of samples; 'file': to what is mapped, if anything. */
  open(attr: PerfEventAttr, task: Task, leader?: PerfEvent, output?: RecordRing | 'file', cpu = -1): PerfEvent | Refusal {
    const wrong = checkAttr(attr) ?? (leader === undefined ? undefined : checkGroup(attr, leader, leader.context?.task === task));
    if (wrong !== undefined) return wrong;
    const rate = this.settings.sampleRate;
    if (attrFlag(attr, 'freq') && attr.sample_period > BigInt(rate))
      return { errno: ERRNO.EINVAL, reason: `sample_freq is more than kernel.perf_event_max_sample_rate, ${rate}` };
    const found = initEvent(attr, this.parts.model, this.cpu.core.maxPeriod);
    if (isRefusal(found)) return found;
    if (leader !== undefined && found.kind === 'core' && !groupFits(leader, found.hw)) {
      return { errno: ERRNO.EINVAL, reason: `the group needs more counters than ${this.parts.model.name} has` };
    }
    const event = new PerfEvent({
      id: this.nextId++,
      attr,
      ...found,
      account: this.newAccount(attr, found.hw, found.kind === 'core'),
      cpu,
      output: output === 'file' ? undefined : output,
      ring: attr.sample_period === 0n || output !== undefined ? undefined : new SampleRing(this.parts.ringSamples ?? DEFAULT_RING_SAMPLES),
      parent: undefined,
      leader,
    });
    this.contextOf(task).attach(event);
    return event;
  }

  /** Puts events that were opened, enabled or disabled while their task runs on or off the PMU. */
  reschedule(task: Task, cpu: OverheadBracket): void {
    const ctx = this.contexts.get(task);
    if (ctx?.cpu !== undefined) this.asOverhead(cpu, () => contextResched(this.cpu, ctx));
  }

  enable(event: PerfEvent): void {
    if (event.state === 'off' || event.state === 'error') event.context?.setState(event, 'inactive');
  }

  /** Count, times and account brought up to this moment, inherited events included. */
  read(event: PerfEvent, cpu: OverheadBracket): ReadValues {
    this.asOverhead(cpu, () => {
      for (const e of [event, ...event.children]) {
        if (e.context === undefined || e.state === 'exit') continue;
        if (e.state === 'active') this.cpu.pmu(e).read(e);
        updateTimes(e, e.context.nowNs());
        e.account.settle();
      }
    });
    return readValues(event);
  }

  /** The event's account with its living children's. */
  account(event: PerfEvent): Account {
    const sum = this.newAccount(event.attr, event.hw, event.kind === 'core');
    for (const e of [event, ...event.children]) sum.merge(e.account);
    return sum;
  }

  /** perf_event_enable and _disable of an event that user space has open, with what was inherited from it. */
  enableNow(event: PerfEvent, cpu: OverheadBracket): void {
    this.change(event, cpu, (e) => {
      if (e.state === 'off' || e.state === 'error') e.context?.setState(e, 'inactive');
    });
  }
  disableNow(event: PerfEvent, cpu: OverheadBracket): void {
    this.change(event, cpu, (e) => {
      if (e.state === 'inactive') e.context?.setState(e, 'off');
    });
  }
  reset(event: PerfEvent, cpu: OverheadBracket): void {
    this.read(event, cpu);
    event.count = 0n;
    event.watcher?.changed(event);
  }
  /** PERF_EVENT_IOC_REFRESH: so many overflows more. */
  refresh(event: PerfEvent, times: number, cpu: OverheadBracket): number {
    if (attrFlag(event.attr, 'inherit') || !event.isSampling) return -ERRNO.EINVAL;
    event.limit += times;
    this.enableNow(event, cpu);
    return 0;
  }
  setPeriod(event: PerfEvent, period: bigint, cpu: OverheadBracket): number {
    if (!event.isSampling || period === 0n || period >> 63n !== 0n) return -ERRNO.EINVAL;
    this.change(event, cpu, (e) => {
      e.hw.samplePeriod = period;
      e.hw.periodLeft = 0n;
    });
    return 0;
  }
  /** The last descriptor and mapping of it are gone: the event and what was inherited from it vanish; its group falls apart. */
  remove(event: PerfEvent, cpu: OverheadBracket): void {
    this.change(event, cpu, (e) => {
      closeSampleBook(e);
      e.context?.detach(e);
      e.context = undefined;
      e.state = 'exit';
    });
    event.children.clear();
  }
  private change(event: PerfEvent, cpu: OverheadBracket, change: (e: PerfEvent) => void): void {
    for (const e of [event, ...event.children]) {
      const ctx = e.context;
      if (ctx?.cpu === undefined) change(e);
      else this.asOverhead(cpu, () => contextResched(this.cpu, ctx, () => change(e)));
    }
    event.watcher?.changed(event);
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
    return { rdpmc: idx < 32 ? idx : 0x4000_0000 + idx - 32, start: BigInt.asIntN(this.counterWidth, prevCount) };
  }

  /** The session ends: periods that ran out and found no PMI any more are booked, for `account`'s sake. */
  closeBooks(): void {
    for (const ctx of this.contexts.values()) for (const event of ctx.events) closeSampleBook(event);
  }

  // ---- hooks

  scheduledIn(task: Task, cpu: OverheadBracket): void {
    const ctx = this.contexts.get(task);
    this.cpu.context = ctx;
    if (ctx === undefined) return;
    this.asOverhead(cpu, () => contextSchedIn(this.cpu, ctx));
    this.tell(task, ['context_switch'], switchRecord(0));
  }

  scheduledOut(task: Task, cpu: OverheadBracket, preempted = false): void {
    const ctx = this.contexts.get(task);
    if (ctx === undefined || ctx.cpu === undefined) return;
    const { SWITCH_OUT, SWITCH_OUT_PREEMPT } = PERF_RECORD_MISC;
    this.tell(task, ['context_switch'], switchRecord(SWITCH_OUT | (preempted ? SWITCH_OUT_PREEMPT : 0)));
    // Linux counts the switch before the context leaves, in the kernel (perf_event_task_sched_out).
    this.cpu.software.occurred(['context-switches'], KERNEL_FRAME);
    this.asOverhead(cpu, () => contextSchedOut(this.cpu, ctx));
    this.cpu.context = undefined;
  }

  forked(parent: Task, child: Task): void {
    const ctx = this.contexts.get(parent);
    if (ctx === undefined) return;
    const leaders = ctx.leaders.filter((l) => attrFlag(l.attr, 'inherit'));
    this.tell(parent, TASK_FLAGS, this.taskRecord('FORK', child, parent));
    if (leaders.length === 0) return;
    const into = this.contextOf(child);
    for (const leader of leaders) {
      const copy = this.inherit(leader, undefined, into);
      for (const sibling of leader.siblings) this.inherit(sibling, copy, into);
    }
  }

  execed(task: Task): void {
    const ctx = this.contexts.get(task);
    if (ctx === undefined) return;
    const waiting = ctx.events.filter((e) => e.enableOnExec);
    for (const event of waiting) {
      event.enableOnExec = false;
      this.enable(event);
    }
    if (waiting.length > 0 && ctx.cpu !== undefined) this.withBracket(() => contextResched(this.cpu, ctx));
    this.tell(task, ['comm'], commRecord(task.tgid, task.pid, task.comm, true));
  }

  renamed(task: Task): void {
    this.tell(task, ['comm'], commRecord(task.tgid, task.pid, task.comm, false));
  }

  /** perf_event_exit_task: what the task counted goes to the events that user space opened. */
  exited(task: Task): void {
    const ctx = this.contexts.get(task);
    if (ctx === undefined) return;
    if (ctx.cpu !== undefined) this.withBracket(() => contextSchedOut(this.cpu, ctx));
    if (this.cpu.context === ctx) this.cpu.context = undefined;
    for (const event of ctx.events) {
      closeSampleBook(event);
      ctx.setState(event, 'exit');
      if (event.parent === undefined) continue;
      event.parent.childCount += event.count;
      event.parent.childTimeEnabledNs += event.timeEnabledNs;
      event.parent.childTimeRunningNs += event.timeRunningNs;
      event.parent.account.merge(event.account);
      event.parent.children.delete(event);
    }
    const moment = momentOf(task, this.cpu.nowNs(), this.cpu.index);
    tell(ctx, TASK_FLAGS, this.taskRecord('EXIT', task, task.parent), moment, true);
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
  }

  /** The tick is the mux timer: both have 1000/HZ ms. Linux's hrtimer starts at the first group that does not fit; only the phase differs. */
  tick(cpu: OverheadBracket): void {
    this.ticks++;
    const ctx = this.cpu.context;
    if (ctx !== undefined) this.adjustAtTick(ctx, cpu);
    if (ctx?.rotateNecessary === true) this.asOverhead(cpu, () => rotateContext(this.cpu, ctx));
  }

  pageFault(_task: Task, _address: number, major: boolean, frame: InterruptFrame): void {
    const kind: SoftwareName = major ? 'major-faults' : 'minor-faults';
    this.cpu.software.occurred(['page-faults', kind], frame);
  }

  contextSwitch(_from: Task | undefined, _to: Task | undefined, cpu: OverheadBracket): void {
    this.lastBracket = cpu;
  }

  // ---- inside

  private lastBracket: OverheadBracket | undefined;

  private asOverhead(cpu: OverheadBracket, fn: () => void): void {
    this.lastBracket = cpu;
    cpu.enterOverhead();
    fn();
    cpu.leaveOverhead();
  }

  /** For hooks that get no Cpu: with one CPU it is the one that perf was last called on. */
  private withBracket(fn: () => void): void {
    if (this.lastBracket === undefined) fn();
    else this.asOverhead(this.lastBracket, fn);
  }

  private contextOf(task: Task): TaskContext {
    let ctx = this.contexts.get(task);
    if (ctx === undefined) {
      ctx = new TaskContext(task);
      this.contexts.set(task, ctx);
    }
    return ctx;
  }

  private newAccount(attr: PerfEventAttr, hw: HwState, core: boolean): Account {
    if (!core && isClock(hw.config)) return new Account(this.totals.source(hw.config), true, true);
    const source = core ? this.truthSource(hw.select) : this.totals.source(hw.config);
    return new Account(source, !attrFlag(attr, 'exclude_user'), !attrFlag(attr, 'exclude_kernel'));
  }

  private truthSource(select: bigint): TruthSource | undefined {
    const { truth } = this.parts;
    if (truth.total(select) === undefined) return undefined;
    return { total: () => truth.total(select) ?? NOTHING, frozen: () => truth.frozen(select) ?? NOTHING };
  }

  /** inherit_event. */
  private inherit(from: PerfEvent, leader: PerfEvent | undefined, into: TaskContext): PerfEvent {
    const root = from.root;
    const hw = newHwState(from.hw.config, from.hw.select, from.hw.counters, from.hw.samplePeriod, from.hw.branch);
    const event = new PerfEvent({
      id: this.nextId++,
      attr: from.attr,
      kind: from.kind,
      hw,
      account: this.newAccount(from.attr, hw, from.kind === 'core'),
      ring: root.ring,
      output: root.output,
      parent: root,
      leader,
    });
    event.state = from.state === 'off' || from.state === 'error' || from.state === 'exit' ? 'off' : 'inactive';
    event.enableOnExec = from.enableOnExec;
    into.attach(event);
    root.children.add(event);
    return event;
  }

  private tell(task: Task, flags: Parameters<typeof tell>[1], body: RecordBody): void {
    tell(this.contexts.get(task), flags, body, momentOf(task, this.cpu.nowNs(), this.cpu.index));
  }

  /** A first task's parent is init, as getppid tells it. */
  private taskRecord(type: 'FORK' | 'EXIT', task: Task, parent: Task | undefined): RecordBody {
    return taskRecord(type, task.tgid, task.pid, [parent?.tgid ?? 1, parent?.pid ?? 1], this.cpu.nowNs());
  }

  /** perf_adjust_freq_unthr_context. */
  private adjustAtTick(ctx: TaskContext, cpu: OverheadBracket): void {
    const todo = ctx.events.filter((e) => e.kind === 'core' && e.state === 'active' && (e.hw.throttled || isFrequency(e)));
    if (todo.length === 0) return;
    this.asOverhead(cpu, () => {
      this.cpu.core.disable();
      for (const event of todo) {
        this.unthrottled(event);
        this.cpu.core.tick(event, (count) => adjustPeriod(event, this.tickNs, count));
      }
      this.cpu.core.enable();
      ctx.restand();
    });
  }

  private unthrottled(event: PerfEvent): void {
    if (!event.hw.throttled) return;
    event.hw.throttled = false;
    event.hw.interrupts = 0;
    this.logThrottle('UNTHROTTLE', event);
  }

  /** perf_log_throttle. */
  private logThrottle(type: 'THROTTLE' | 'UNTHROTTLE', event: PerfEvent): void {
    const moment = momentOf(event.context?.task, this.cpu.nowNs(), this.cpu.index);
    output(event, sideBandRecord(throttleRecord(type, event, moment.timeNs), event, moment), moment);
  }

  /** __perf_event_account_interrupt: true: too many for this tick. Software events are not throttled (perf_swevent_overflow). */
  private accountInterrupt(event: PerfEvent): boolean {
    const maxPerTick = Math.ceil((this.settings.maxSampleRate * this.tickNs) / 1e9);
    const stop = event.kind === 'core' && tooManySamples(event, this.ticks, maxPerTick);
    if (stop) {
      event.hw.throttled = true;
      this.logThrottle('THROTTLE', event);
    }
    if (isFrequency(event) && adjustAtOverflow(event, this.cpu.nowNs(), this.tickNs) && !stop) {
      if (event.kind === 'core') this.cpu.core.cut(event);
      else event.hw.periodLeft = event.hw.samplePeriod;
    }
    return stop;
  }

  /** perf_event_overflow: the sample. true: stop the event. */
  private overflow(event: PerfEvent, frame: InterruptFrame): boolean {
    const book = event.account.samples;
    const { root } = event;
    const last = event.limit > 0 && --event.limit === 0;
    const stop = this.accountInterrupt(event) || last;
    if (root.output !== undefined) {
      const record = sampleRecord(event, this.sample(event, frame));
      if (output(event, record, momentOf(event.context?.task, this.cpu.nowNs(), this.cpu.index), true)) book.delivered++;
      else book.lost['ring full']++;
    } else if (event.ring === undefined) book.lost['no record']++;
    else if (event.ring.push(this.sample(event, frame))) book.delivered++;
    else book.lost['ring full']++;
    root.watcher?.overflowed(event, last);
    return stop;
  }

  private sample(event: PerfEvent, frame: InterruptFrame): PerfSample {
    const task = event.context?.task;
    return {
      id: event.root.id,
      streamId: event.id,
      cpumode: frame.cpl === 3 ? CPUMODE.USER : CPUMODE.KERNEL,
      ip: frame.rip,
      pid: task?.tgid ?? 0,
      tid: task?.pid ?? 0,
      timeNs: this.cpu.nowNs(),
      cpu: this.cpu.index,
      period: event.hw.lastPeriod,
      read: (event.attr.sample_type & PERF_SAMPLE.READ) === 0 ? undefined : this.readInSample(event),
      ...this.payload(event, frame, task),
    };
  }

  /** The large fields, as far as sample_type asks for them. perf_prepare_sample. */
  private payload(event: PerfEvent, frame: InterruptFrame, task: Task | undefined): Partial<PerfSample> {
    const { attr } = event;
    const has = (bit: number): boolean => (attr.sample_type & bit) !== 0;
    const out: { -readonly [K in keyof PerfSample]?: PerfSample[K] } = {};
    if (has(PERF_SAMPLE.CALLCHAIN)) {
      const kernel = !attrFlag(attr, 'exclude_callchain_kernel');
      const user = !attrFlag(attr, 'exclude_callchain_user');
      const maxStack = attr.sample_max_stack === 0 ? MAX_STACK : attr.sample_max_stack;
      out.callchain = callchain(frame, task, { kernel, user, maxStack }, this.parts.unwindKernel ?? (() => []));
    }
    if (event.hw.branch !== undefined) {
      out.branches = branchStack(this.cpu.core.lbr.branches, event.hw.branch, attr, (va) => this.codeAt(va, task));
      out.branchHwIndex = this.cpu.core.lbr.hwIndex;
    }
    const regs = userRegisters(frame, task);
    if (has(PERF_SAMPLE.REGS_USER) && regs !== undefined) out.regsUser = registerValues(regs, attr.sample_regs_user);
    if (has(PERF_SAMPLE.STACK_USER) && regs !== undefined && task !== undefined)
      out.stackUser = userBytes(task, regs.get('sp'), attr.sample_stack_user);
    if (has(PERF_SAMPLE.REGS_INTR) && frame.regs !== undefined) out.regsIntr = registerValues(frame.regs, attr.sample_regs_intr);
    return out;
  }

  /** Up to the length of an instruction. */
  private codeAt(va: bigint, task: Task | undefined): Uint8Array {
    const text = this.parts.kernelText;
    if (va >> 63n === 0n) return task === undefined ? new Uint8Array(0) : userBytes(task, va, MAX_INSTRUCTION);
    const at = text === undefined ? -1 : Number(va - text.base);
    return text === undefined || at < 0 ? new Uint8Array(0) : text.bytes.subarray(at, at + MAX_INSTRUCTION);
  }

  /** perf_output_read: the group's other members are read as they are now; the event itself was folded just before. */
  private readInSample(event: PerfEvent): ReadValues {
    for (const e of event.group) {
      if (e.context === undefined) continue;
      if (e !== event && e.state === 'active') this.cpu.pmu(e).read(e);
      updateTimes(e, e.context.nowNs());
    }
    return readValues(event);
  }
}

/** perf_event_task: who maps or tells comms wants to know of tasks, too. */
const TASK_FLAGS = ['comm', 'mmap', 'mmap2', 'mmap_data', 'task'] as const;
const NOTHING = { user: 0, kernel: 0, overhead: 0 } as const;
const KERNEL_FRAME: InterruptFrame = { rip: 0n, cpl: 0, rflags: 0n, rsp: 0n };

/** A period that ran out in the last skid window and was never programmed again. */
function closeSampleBook(event: PerfEvent): void {
  if (event.kind !== 'core' || !event.isSampling || event.hw.periodLeft > 0n) return;
  const skipped = Number(-event.hw.periodLeft / event.hw.samplePeriod);
  event.account.samples.due += 1 + skipped;
  event.account.samples.lost['sched-out']++;
  event.account.samples.lost['skipped period'] += skipped;
  event.hw.periodLeft = event.hw.samplePeriod;
}

/** Modelled ns since power-on. */
export function clockNs(clock: Clock): number {
  const tsc = clock.tsc();
  const seconds = Math.floor(tsc / clock.tscHz);
  return seconds * 1_000_000_000 + Math.floor(((tsc - seconds * clock.tscHz) * 1_000_000_000) / clock.tscHz);
}
