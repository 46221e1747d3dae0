/** What an overflow does: throttling, the next frequency, the sample, who is told. perf_event_overflow and perf_prepare_sample. */
import { PERF_SAMPLE } from '#abi/perf-event/sample.ts';
import type { InterruptFrame } from '../perf-hooks.ts';
import type { Task } from '../task/task.ts';
import { attrFlag } from './attr.ts';
import { branchStack } from './branch-stack.ts';
import { callchain, type KernelUnwinder, MAX_STACK, userBytes, userRegisters } from './callchain.ts';
import type { CpuPerf } from './cpu.ts';
import { type PerfEvent, updateTimes } from './event.ts';
import { adjustAtOverflow, isFrequency, tooManySamples } from './frequency.ts';
import { type ReadValues, readValues } from './read.ts';
import { type Moment, sampleRecord, sideBandRecord, throttleRecord } from './records.ts';
import { CPUMODE, type PerfSample } from './sample.ts';
import { registerValues } from './sample-registers.ts';
import { momentOf, output } from './side-band.ts';
import { isClock } from './software.ts';

export interface SamplerParts {
  readonly tickNs: number;
  /** Samples of one event in one tick; more are throttled. */
  readonly maxPerTick: () => number;
  readonly unwindKernel: KernelUnwinder;
  /** attr.sigtrap: the event's task is to get SIGTRAP on its way to user mode. */
  readonly sigtrap: (event: PerfEvent, address: bigint) => void;
  readonly kernelText: { readonly base: bigint; readonly bytes: Uint8Array } | undefined;
}

const MAX_INSTRUCTION = 15;

export class Sampler {
  /** Set once the CPU's parts, which call `overflow`, are there. */
  cpu!: CpuPerf;
  /** Timer ticks since boot. */
  ticks = 0;
  private readonly parts: SamplerParts;

  constructor(parts: SamplerParts) {
    this.parts = parts;
  }

  get now(): Moment {
    return momentOf(this.cpu.current, this.cpu.nowNs(), this.cpu.index);
  }

  /** perf_event_overflow. true: stop the event. */
  overflow(event: PerfEvent, frame: InterruptFrame, address?: bigint): boolean {
    const { root } = event;
    const book = event.account.samples;
    let stop = this.accountInterrupt(event);
    const last = event.eventLimit > 0 && --event.eventLimit === 0;
    if (last) {
      stop = true;
      event.pendingDisable = true;
    }
    if (attrFlag(event.attr, 'sigtrap')) this.parts.sigtrap(event, address ?? 0n);
    if (root.output !== undefined) {
      const record = sampleRecord(event, this.sample(event, frame, address));
      if (output(event, record, this.now, true)) book.delivered++;
      else book.lost['ring full']++;
    } else if (event.ring === undefined) book.lost['no record']++;
    else if (event.ring.push(this.sample(event, frame, address))) book.delivered++;
    else book.lost['ring full']++;
    root.watcher?.overflowed(event, last);
    return stop;
  }

  unthrottle(event: PerfEvent): void {
    if (!event.hw.throttled) return;
    event.hw.throttled = false;
    event.hw.interrupts = 0;
    this.logThrottle('UNTHROTTLE', event);
  }

  /** perf_log_throttle. */
  private logThrottle(type: 'THROTTLE' | 'UNTHROTTLE', event: PerfEvent): void {
    const moment = this.now;
    output(event, sideBandRecord(throttleRecord(type, event, moment.timeNs), event, moment), moment);
  }

  /** __perf_event_account_interrupt: true: too many for this tick. What happens in software is not throttled (perf_swevent_overflow), clocks are. */
  private accountInterrupt(event: PerfEvent): boolean {
    const interrupts = event.kind === 'core' || (event.kind === 'software' && isClock(event.hw.config));
    const stop = interrupts && tooManySamples(event, this.ticks, this.parts.maxPerTick());
    if (stop) {
      event.hw.throttled = true;
      this.logThrottle('THROTTLE', event);
    }
    if (isFrequency(event) && adjustAtOverflow(event, this.cpu.nowNs(), this.parts.tickNs) && !stop) {
      if (event.kind === 'core') this.cpu.core.cut(event);
      else event.hw.periodLeft = event.hw.samplePeriod;
    }
    return stop;
  }

  private sample(event: PerfEvent, frame: InterruptFrame, address: bigint | undefined): PerfSample {
    const { current } = this.cpu;
    return {
      id: event.root.id,
      streamId: event.id,
      cpumode: frame.cpl === 3 ? CPUMODE.USER : CPUMODE.KERNEL,
      ip: frame.rip,
      ...(address === undefined ? {} : { addr: address }),
      pid: current?.tgid ?? 0,
      tid: current?.pid ?? 0,
      timeNs: this.cpu.nowNs(),
      cpu: this.cpu.index,
      period: event.hw.lastPeriod,
      read: (event.attr.sample_type & PERF_SAMPLE.READ) === 0 ? undefined : this.readInSample(event),
      ...this.payload(event, frame, current),
    };
  }

  /** The large fields, as far as sample_type asks for them. */
  private payload(event: PerfEvent, frame: InterruptFrame, task: Task | undefined): Partial<PerfSample> {
    const { attr } = event;
    const has = (bit: number): boolean => (attr.sample_type & bit) !== 0;
    const out: { -readonly [K in keyof PerfSample]?: PerfSample[K] } = {};
    if (has(PERF_SAMPLE.CALLCHAIN)) {
      const kernel = !attrFlag(attr, 'exclude_callchain_kernel');
      const user = !attrFlag(attr, 'exclude_callchain_user');
      const maxStack = attr.sample_max_stack === 0 ? MAX_STACK : attr.sample_max_stack;
      out.callchain = callchain(frame, task, { kernel, user, maxStack }, this.parts.unwindKernel);
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
