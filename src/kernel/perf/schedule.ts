/**
 * Which groups are on the PMU. Linux: ctx_sched_in, merge_sched_in, group_sched_in, perf_rotate_context (kernel/events/core.c; spec §2.5).
 * Pinned before flexible; a group goes on as a whole or not at all; after the first failure no further hardware group of the pass is tried.
 */
import { attrFlag } from './attr.ts';
import type { TaskContext } from './context.ts';
import type { CpuPerf } from './cpu.ts';
import type { PerfEvent } from './event.ts';

/** The task of `ctx` starts to run on `cpu`. */
export function contextSchedIn(cpu: CpuPerf, ctx: TaskContext): void {
  ctx.enterCpu(cpu);
  if (ctx.empty) return;
  withPmusDisabled(cpu, ctx, () => {
    schedPass(cpu, ctx, ctx.pinned);
    schedPass(cpu, ctx, ctx.flexible);
  });
  ctx.restand();
}

/** The task of `ctx` leaves the CPU. */
export function contextSchedOut(cpu: CpuPerf, ctx: TaskContext): void {
  withPmusDisabled(cpu, ctx, () => {
    for (const leader of ctx.leaders) groupSchedOut(cpu, ctx, leader);
  });
  ctx.leaveCpu();
  ctx.restand();
}

/** Takes everything off and on again, after events came, went, or changed state; `change`: what is done between. */
export function contextResched(cpu: CpuPerf, ctx: TaskContext, change?: () => void): void {
  withPmusDisabled(cpu, ctx, () => {
    for (const leader of ctx.leaders) groupSchedOut(cpu, ctx, leader);
    change?.();
    schedPass(cpu, ctx, ctx.pinned);
    schedPass(cpu, ctx, ctx.flexible);
  });
  ctx.restand();
}

/** The mux interval has passed: the first flexible group goes to the end of the queue. */
export function rotateContext(cpu: CpuPerf, ctx: TaskContext): void {
  if (!ctx.rotateNecessary) return;
  ctx.rotateNecessary = false;
  withPmusDisabled(cpu, ctx, () => {
    const moved = ctx.flexible.find((l) => l.state === 'active') ?? ctx.flexible[0];
    for (const leader of ctx.flexible) groupSchedOut(cpu, ctx, leader);
    if (moved !== undefined) {
      ctx.flexible.splice(ctx.flexible.indexOf(moved), 1);
      ctx.flexible.push(moved);
    }
    schedPass(cpu, ctx, ctx.flexible);
  });
  ctx.restand();
}

/** `fn` with the PMUs stopped that the context's events use. */
export function withPmusDisabled(cpu: CpuPerf, ctx: TaskContext, fn: () => void): void {
  const hardware = ctx.events.some((e) => e.kind === 'core');
  if (hardware) cpu.core.disable();
  fn();
  if (hardware) cpu.core.enable();
}

function schedPass(cpu: CpuPerf, ctx: TaskContext, leaders: readonly PerfEvent[]): void {
  let canAddHardware = true;
  for (const leader of leaders) {
    if (leader.state !== 'inactive') continue;
    if (groupCanGoOn(cpu, leader, canAddHardware) && groupSchedIn(cpu, ctx, leader)) continue;
    canAddHardware = false;
    if (leader.isPinned) ctx.setState(leader, 'error');
    else ctx.rotateNecessary = true;
  }
}

/** group_can_go_on: software groups always; an exclusive group only on an empty PMU, and nothing beside one. */
function groupCanGoOn(cpu: CpuPerf, leader: PerfEvent, canAddHardware: boolean): boolean {
  if (leader.group.every((e) => e.kind === 'software')) return true;
  if (cpu.exclusive) return false;
  if (attrFlag(leader.attr, 'exclusive') && cpu.activeGroups.size > 0) return false;
  return canAddHardware;
}

/** All or nothing: the core PMU decides at the commit whether the whole group fits. */
function groupSchedIn(cpu: CpuPerf, ctx: TaskContext, leader: PerfEvent): boolean {
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
    if (hardware) cpu.activeGroups.add(leader);
    for (const event of members) cpu.unthrottle(event);
    return true;
  }
  for (const event of added) {
    if (event.kind === 'software') cpu.software.remove(event);
    ctx.setState(event, 'inactive');
  }
  cpu.core.cancelTransaction();
  return false;
}

function groupSchedOut(cpu: CpuPerf, ctx: TaskContext, leader: PerfEvent): void {
  for (const event of leader.group) {
    if (event.state !== 'active') continue;
    cpu.pmu(event).remove(event);
    ctx.setState(event, 'inactive');
  }
  cpu.activeGroups.delete(leader);
}
