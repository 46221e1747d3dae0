/** Side-band records: to each event of a context that asked for them, into its ring. kernel/events/core.c perf_iterate_sb. */
import type { Task } from '../task/task.ts';
import { type AttrFlagName, attrFlag } from './attr.ts';
import type { EventContext } from './context.ts';
import { effectiveState, type PerfEvent } from './event.ts';
import { lostRecord, type Moment, type RecordBody, sideBandRecord } from './records.ts';

/** Puts a record into the event's ring, before it what had been lost. false: no room. */
export function output(event: PerfEvent, record: Uint8Array, moment: Moment, sample = false): boolean {
  const { root } = event;
  const ring = root.output;
  if (ring === undefined) return false;
  const { wakeups } = ring;
  const good = ring.write(record, (lost) => sideBandRecord(lostRecord(root, lost), root, moment));
  if (!good) root.lostRecords++;
  else if (sample && !attrFlag(root.attr, 'watermark')) ring.countSample(root.attr.wakeup_events);
  if (ring.wakeups !== wakeups) root.watcher?.wakeup(root);
  return good;
}

/** `flags`: one of them must be set in attr. `all`: events that are off, too (perf_event_task at the exit). */
export function tell(ctx: EventContext | undefined, flags: readonly AttrFlagName[], body: RecordBody, moment: Moment, all = false): void {
  if (ctx === undefined) return;
  for (const event of ctx.events) {
    if (event.root.output === undefined || !flags.some((f) => attrFlag(event.attr, f))) continue;
    const state = effectiveState(event);
    if (!all && state !== 'active' && state !== 'inactive') continue;
    output(event, sideBandRecord(body, event, moment), moment);
  }
}

export const momentOf = (task: Task | undefined, timeNs: number, cpu: number): Moment => ({
  pid: task?.tgid ?? 0,
  tid: task?.pid ?? 0,
  timeNs,
  cpu,
});
