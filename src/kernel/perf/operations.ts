/**
 * What an event's file asks for: the ioctls and close. kernel/events/core.c: perf_ioctl, _perf_event_{enable,disable,refresh,reset,period},
 * perf_event_set_output, perf_event_release_kernel; spec §6.3. Results are 0 or -errno.
 */
import { ERRNO } from '#abi/errno.ts';
import { attrFlag } from './attr.ts';
import type { CpuPerf } from './cpu.ts';
import type { PerfEvent } from './event.ts';
import { isFrequency } from './frequency.ts';
import { closeSampleBook, restartPeriod } from './period-book.ts';
import type { Sampler } from './sampling.ts';
import { changing, eventOut, resched, takeOff } from './schedule.ts';

export interface OperationsParts {
  readonly cpu: CpuPerf;
  readonly sampler: Sampler;
  /** kernel.perf_event_max_sample_rate. */
  readonly maxFrequency: () => number;
  /** Runs it as perf's own work. */
  readonly asOverhead: (fn: () => void) => void;
}

export class Operations {
  private readonly parts: OperationsParts;

  constructor(parts: OperationsParts) {
    this.parts = parts;
  }

  /** `group`: PERF_IOC_FLAG_GROUP, the whole group of the event. */
  enable(event: PerfEvent, group = false): void {
    this.eachOf(event, group, (e) => this.enableAlone(e));
  }
  disable(event: PerfEvent, group = false): void {
    this.eachOf(event, group, (e) => this.disableAlone(e));
  }
  /** Zeroes the count, not the times. What children that have exited had counted stays, as on Linux. */
  reset(event: PerfEvent, group = false): void {
    this.eachOf(event, group, (e) => {
      if (e.state === 'active') this.parts.asOverhead(() => this.parts.cpu.pmu(e).read(e));
      e.count = 0n;
      e.watcher?.changed(e);
    });
  }

  /** Allows `n` overflows more and enables; after the last one it is disabled and its file tells POLL_HUP. */
  refresh(event: PerfEvent, n: number): number {
    if (attrFlag(event.attr, 'inherit') || !event.isSampling) return -ERRNO.EINVAL;
    event.eventLimit += n;
    this.enableAlone(event);
    return 0;
  }

  /** A new period, or frequency: at once, with a whole period before the next overflow. */
  setPeriod(event: PerfEvent, value: bigint): number {
    if (!event.isSampling || value === 0n || value >> 63n !== 0n) return -ERRNO.EINVAL;
    if (isFrequency(event) && value > BigInt(this.parts.maxFrequency())) return -ERRNO.EINVAL;
    event.attr = { ...event.attr, sample_period: value };
    if (!isFrequency(event)) event.hw.samplePeriod = value;
    if (event.state !== 'active') {
      closeSampleBook(event);
      restartPeriod(event);
      return 0;
    }
    const { asOverhead, cpu, sampler } = this.parts;
    asOverhead(() => {
      changing(cpu, () => {
        sampler.unthrottle(event);
        cpu.pmu(event).reload(event);
      });
    });
    return 0;
  }

  /** Sends the event's records into the ring of `target`; undefined: into none. `mapped`: the event has a ring of its own in use. */
  setOutput(event: PerfEvent, target: PerfEvent | undefined, mapped: boolean): number {
    if (target === event) return -ERRNO.EINVAL;
    if (target !== undefined) {
      if (target.cpu !== event.cpu) return -ERRNO.EINVAL;
      if (target.cpu === -1 && target.context?.task !== event.context?.task) return -ERRNO.EINVAL;
      const clocks = [event, target].map((e) => (attrFlag(e.attr, 'use_clockid') ? e.attr.clockid : undefined));
      if (clocks[0] !== clocks[1]) return -ERRNO.EINVAL;
      if (attrFlag(target.attr, 'write_backward') !== attrFlag(event.attr, 'write_backward')) return -ERRNO.EINVAL;
    }
    if (mapped || (target !== undefined && target.output === undefined)) return -ERRNO.EINVAL;
    event.output = target?.output;
    return 0;
  }

  pauseOutput(event: PerfEvent, paused: boolean): number {
    const ring = event.output;
    if (ring === undefined || ring.sizeBytes === 0) return -ERRNO.EINVAL;
    ring.paused = paused;
    return 0;
  }

  /** close: the event and what was inherited from it are gone; a leader's siblings live on by themselves. perf_event_release_kernel. */
  release(event: PerfEvent): void {
    for (const child of [...event.children]) this.remove(child);
    event.children.clear();
    this.remove(event);
  }

  /** perf_remove_from_context with DETACH_GROUP. The count stays readable for who still holds the event. */
  remove(event: PerfEvent): void {
    const { context } = event;
    if (context === undefined || event.state === 'exit') return;
    this.takeOffAlone(event);
    closeSampleBook(event);
    context.setState(event, 'exit');
    event.account.enter(undefined);
    context.detach(event);
    context.restand();
  }

  /** The overflows whose last one was the last allowed: off, now that their interrupt is over. perf_pending_disable. */
  runPending(): void {
    for (const ctx of this.parts.cpu.contexts)
      for (const event of ctx.events) {
        if (!event.pendingDisable) continue;
        event.pendingDisable = false;
        this.disableAlone(event);
      }
  }

  /** Off its counter if it is on one; a leader leaves its siblings where they are. */
  takeOffAlone(event: PerfEvent): void {
    if (event.state === 'active') this.parts.asOverhead(() => changing(this.parts.cpu, () => eventOut(this.parts.cpu, event)));
  }

  /** Without its group, without what was inherited from it. */
  enableAlone(event: PerfEvent): void {
    const { context, leader } = event;
    if (context === undefined || (event.state !== 'off' && event.state !== 'error')) return;
    context.setState(event, 'inactive');
    if (context.cpu === undefined || (leader !== event && leader.state !== 'active')) return context.restand();
    this.parts.asOverhead(() => resched(this.parts.cpu, context, event.isPinned));
  }

  disableAlone(event: PerfEvent): void {
    const { context } = event;
    if (context === undefined || (event.state !== 'inactive' && event.state !== 'active')) return;
    if (event.state === 'active') this.parts.asOverhead(() => takeOff(this.parts.cpu, event));
    context.setState(event, 'off');
    context.restand();
  }

  /** perf_event_for_each: the event, or its group, each with what was inherited from it. */
  private eachOf(event: PerfEvent, group: boolean, fn: (event: PerfEvent) => void): void {
    for (const e of group ? [...event.group] : [event]) for (const one of [e, ...e.children]) fn(one);
  }
}
