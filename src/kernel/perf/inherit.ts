/** What a fork copies and an exit hands back. kernel/events/core.c: inherit_group, perf_event_exit_event, sync_child_event. */
import type { Task } from '../task/task.ts';
import { attrFlag } from './attr.ts';
import type { EventBreakpoint } from './breakpoint.ts';
import type { EventContext } from './context.ts';
import { newHwState, PerfEvent } from './event.ts';
import type { Account } from './ledger.ts';
import { closeSampleBook } from './period-book.ts';
import { readRecord, sideBandRecord } from './records.ts';
import { output } from './side-band.ts';
import type { Moment } from './records.ts';

/** The leaders of `ctx` whose groups a child of `parent` gets. */
export const inheritedLeaders = (ctx: EventContext, parent: Task, child: Task): PerfEvent[] =>
  ctx.leaders.filter((l) => attrFlag(l.attr, 'inherit') && (!attrFlag(l.attr, 'inherit_thread') || parent.tgid === child.tgid));

/** inherit_event: a copy that counts into the event that user space opened, however deep the tree of tasks. */
export function inheritEvent(
  from: PerfEvent,
  leader: PerfEvent | undefined,
  into: EventContext,
  id: bigint,
  account: Account,
  breakpoint?: EventBreakpoint,
): PerfEvent {
  const { root } = from;
  const hw = newHwState(from.hw.config, from.hw.select, from.hw.counters, from.hw.samplePeriod, from.hw.branch);
  const event = new PerfEvent({
    id,
    attr: from.attr,
    kind: from.kind,
    cpu: from.cpu,
    clockOffsetNs: from.clockOffsetNs,
    hw,
    breakpoint,
    account,
    ring: root.ring,
    output: root.output,
    parent: root,
    leader,
  });
  event.state = from.state === 'active' || from.state === 'inactive' ? 'inactive' : 'off';
  event.enableOnExec = from.enableOnExec;
  into.attach(event);
  root.children.add(event);
  return event;
}

/** The event's task is gone, or execs away from it: what it counted goes to the event that user space opened. */
export function exitEvent(ctx: EventContext, event: PerfEvent, moment: Moment): void {
  closeSampleBook(event);
  ctx.setState(event, 'exit');
  const { parent } = event;
  if (parent === undefined) {
    event.watcher?.wakeup(event);
    return;
  }
  event.breakpoint?.release();
  if (attrFlag(event.attr, 'inherit_stat')) output(event, sideBandRecord(readRecord(event, moment), event, moment), moment);
  parent.childCount += event.count;
  parent.childTimeEnabledNs += event.timeEnabledNs;
  parent.childTimeRunningNs += event.timeRunningNs;
  parent.account.merge(event.account);
  parent.children.delete(event);
  parent.watcher?.wakeup(parent);
}
