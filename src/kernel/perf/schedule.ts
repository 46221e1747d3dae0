/**
 * Which groups are on the PMU. Linux: ctx_resched, ctx_sched_in, merge_sched_in, group_sched_in, perf_rotate_context (kernel/events/core.c; spec
 * §2.5). Pinned before flexible, each time the CPU's before the task's; a group goes on as a whole or not at all; after the first failure no
 * further hardware group of the pass is tried.
 */
import { attrFlag } from './attr.ts';
import type { EventContext, Pass } from './context.ts';
import type { CpuPerf } from './cpu.ts';
import type { PerfEvent } from './event.ts';

/** The task of `ctx` starts to run on `cpu`. */
export function taskSchedIn(cpu: CpuPerf, ctx: EventContext): void {
  ctx.enterCpu(cpu);
  cpu.context = ctx;
  if (ctx.empty && cpu.own.empty) return;
  changing(cpu, () => {
    // Pinned events of the task go before flexible ones of the CPU.
    if (ctx.pinned.length > 0) allOut(cpu, cpu.own, 'flexible');
    allIn(cpu);
    cpu.core.lbr.restore(ctx);
  });
}

/** The task of `ctx` leaves the CPU. What waits of the CPU's own events waits for the next mux interval or task. */
export function taskSchedOut(cpu: CpuPerf, ctx: EventContext): void {
  changing(cpu, () => {
    cpu.core.lbr.save(ctx);
    allOut(cpu, ctx, 'flexible');
    allOut(cpu, ctx, 'pinned');
  });
  ctx.leaveCpu();
  ctx.restand();
  cpu.context = undefined;
}

/** Takes off what has to go and puts on what fits, after events of `ctx` came or were enabled. `pinned`: a pinned one is among them. */
export function resched(cpu: CpuPerf, ctx: EventContext, pinned: boolean): void {
  const { own, context } = cpu;
  changing(cpu, () => {
    if (context !== undefined) {
      allOut(cpu, context, 'flexible');
      if (pinned) allOut(cpu, context, 'pinned');
    }
    if (ctx === own || pinned) allOut(cpu, own, 'flexible');
    if (ctx === own && pinned) allOut(cpu, own, 'pinned');
    allIn(cpu);
  });
}

/** The mux interval has passed: where a flexible group waits, the first one goes to the end of its queue. */
export function rotate(cpu: CpuPerf): void {
  const { own, context: task } = cpu;
  const ofCpu = own.rotateNecessary;
  const ofTask = task?.rotateNecessary === true;
  if (!ofCpu && !ofTask) return;
  changing(cpu, () => {
    const taskEvent = ofTask && task !== undefined ? toRotate(task) : undefined;
    const cpuEvent = ofCpu ? toRotate(own) : undefined;
    // The task's leave first, for the CPU's go before them.
    if (task !== undefined) hardwareOut(cpu, task);
    if (cpuEvent !== undefined) {
      hardwareOut(cpu, own);
      toEnd(own, cpuEvent);
      pass(cpu, own, 'flexible');
    }
    if (task === undefined) return;
    if (taskEvent !== undefined) toEnd(task, taskEvent);
    pass(cpu, task, 'flexible');
  });
}

/** An event alone, or a leader with its group, leaves its counters. */
export function takeOff(cpu: CpuPerf, event: PerfEvent): void {
  changing(cpu, () => {
    if (event.leader === event) groupOut(cpu, event);
    else eventOut(cpu, event);
  });
}

/** `fn` with the core PMU stopped if any event uses it, then the ledger is told how everything stands. */
export function changing(cpu: CpuPerf, fn: () => void): void {
  const hardware = cpu.contexts.some((c) => c.events.some((e) => e.kind === 'core'));
  if (hardware) cpu.core.disable();
  fn();
  if (hardware) cpu.core.enable();
  for (const c of cpu.contexts) c.restand();
}

function allOut(cpu: CpuPerf, ctx: EventContext, which: Pass): void {
  for (const leader of ctx[which]) groupOut(cpu, leader);
}

function allIn(cpu: CpuPerf): void {
  const { own, context } = cpu;
  for (const which of ['pinned', 'flexible'] as const) {
    pass(cpu, own, which);
    if (context !== undefined) pass(cpu, context, which);
  }
}

function toRotate(ctx: EventContext): PerfEvent | undefined {
  ctx.rotateNecessary = false;
  const queue = ctx.flexible.filter(hasHardware);
  return queue.find((l) => l.state === 'active') ?? queue[0];
}
function hardwareOut(cpu: CpuPerf, ctx: EventContext): void {
  for (const leader of ctx.flexible) if (hasHardware(leader)) groupOut(cpu, leader);
}
function toEnd(ctx: EventContext, leader: PerfEvent): void {
  ctx.flexible.splice(ctx.flexible.indexOf(leader), 1);
  ctx.flexible.push(leader);
}

function pass(cpu: CpuPerf, ctx: EventContext, which: Pass): void {
  let canAddHardware = true;
  for (const leader of ctx[which]) {
    if (leader.state !== 'inactive') continue;
    if (leader.cpu !== -1 && leader.cpu !== cpu.index) continue;
    if (groupCanGoOn(cpu, ctx[which], leader, canAddHardware) && groupIn(cpu, ctx, leader)) continue;
    canAddHardware = false;
    if (which === 'pinned') ctx.setState(leader, 'error');
    else ctx.rotateNecessary = true;
  }
}

/** group_can_go_on: software groups always; an exclusive one only where none of its own queue is on, and no hardware group beside it. */
function groupCanGoOn(cpu: CpuPerf, queue: readonly PerfEvent[], leader: PerfEvent, canAddHardware: boolean): boolean {
  if (!hasHardware(leader)) return true;
  if (cpu.exclusive) return false;
  if (attrFlag(leader.attr, 'exclusive') && queue.some((l) => l.state === 'active' && hasHardware(l))) return false;
  return canAddHardware;
}

const hasHardware = (leader: PerfEvent): boolean => leader.group.some((e) => e.kind === 'core');

/** All or nothing: the core PMU decides at the commit whether the whole group fits. */
function groupIn(cpu: CpuPerf, ctx: EventContext, leader: PerfEvent): boolean {
  const members = leader.group.filter((e) => e === leader || e.state === 'inactive');
  const hardware = members.some((e) => e.kind === 'core');
  if (hardware) cpu.core.startTransaction();
  const added: PerfEvent[] = [];
  const fits = members.every((event) => {
    ctx.setState(event, 'active');
    added.push(event);
    return cpu.pmu(event).add(event);
  });
  if (fits && (!hardware || cpu.core.commitTransaction())) {
    if (hardware && attrFlag(leader.attr, 'exclusive')) cpu.exclusive = true;
    for (const event of members) cpu.unthrottle(event);
    return true;
  }
  for (const event of added) {
    if (event.kind !== 'core') cpu.pmu(event).remove(event);
    ctx.setState(event, 'inactive');
  }
  cpu.core.cancelTransaction();
  return false;
}

function groupOut(cpu: CpuPerf, leader: PerfEvent): void {
  for (const event of leader.group) eventOut(cpu, event);
}
export function eventOut(cpu: CpuPerf, event: PerfEvent): void {
  if (event.state !== 'active') return;
  cpu.pmu(event).remove(event);
  event.context?.setState(event, 'inactive');
  if (event.kind === 'core' && attrFlag(event.leader.attr, 'exclusive')) cpu.exclusive = false;
}
