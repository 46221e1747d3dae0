/** The events of a task, or of a CPU: struct perf_event_context. */
import type { Task } from '../task/task.ts';
import type { CpuPerf } from './cpu.ts';
import { type EventState, effectiveState, type PerfEvent, updateTimes } from './event.ts';
import type { Standing } from './ledger.ts';

export type Pass = 'pinned' | 'flexible';

export class EventContext {
  /** undefined: the events count on a CPU, whoever runs there, or wait for their task to be born. */
  task: Task | undefined;
  /** Leaders in scheduling order. Rotation moves the first of `flexible` to the end. */
  readonly pinned: PerfEvent[] = [];
  readonly flexible: PerfEvent[] = [];
  /** Where it is in force now. */
  cpu: CpuPerf | undefined;
  /** A flexible group did not fit: rotate at the next mux interval. */
  rotateNecessary = false;

  private timeNs = 0;
  private sinceNs = 0;

  constructor(task: Task | undefined) {
    this.task = task;
  }

  get leaders(): readonly PerfEvent[] {
    return [...this.pinned, ...this.flexible];
  }
  get events(): readonly PerfEvent[] {
    return this.leaders.flatMap((l) => l.group);
  }
  get empty(): boolean {
    return this.pinned.length + this.flexible.length === 0;
  }

  /** Context time: modelled ns during which it was in force. */
  nowNs(): number {
    return this.cpu === undefined ? this.timeNs : this.timeNs + (this.cpu.nowNs() - this.sinceNs);
  }
  enterCpu(cpu: CpuPerf): void {
    this.cpu = cpu;
    this.sinceNs = cpu.nowNs();
  }
  leaveCpu(): void {
    this.timeNs = this.nowNs();
    this.cpu = undefined;
  }

  attach(event: PerfEvent): void {
    event.context = this;
    event.stampNs = this.nowNs();
    if (event.leader === event) this[event.isPinned ? 'pinned' : 'flexible'].push(event);
  }

  /** perf_group_detach: a sibling leaves its group; a leader leaves its siblings as events of their own, on if they were on. */
  detach(event: PerfEvent): void {
    const now = this.nowNs();
    for (const e of event.group) updateTimes(e, now);
    const { siblings } = event.leader;
    if (event.leader !== event) {
      siblings.splice(siblings.indexOf(event), 1);
      event.leader = event;
      return;
    }
    const list = this[event.isPinned ? 'pinned' : 'flexible'];
    list.splice(list.indexOf(event), 1);
    for (const sibling of siblings.splice(0)) {
      sibling.leader = sibling;
      this[sibling.isPinned ? 'pinned' : 'flexible'].push(sibling);
    }
  }

  setState(event: PerfEvent, state: EventState): void {
    const now = this.nowNs();
    for (const e of event.leader === event ? event.group : [event]) updateTimes(e, now);
    event.state = state;
    event.watcher?.changed(event);
  }

  /** Tells the ledger how each event stands from here on. Called at the end of every operation that moves events. */
  restand(): void {
    for (const event of this.events) event.account.enter(this.standing(event));
  }

  private standing(event: PerfEvent): Standing | undefined {
    if (this.cpu === undefined) return undefined;
    switch (effectiveState(event)) {
      case 'active':
        return event.hw.throttled ? 'throttled' : 'counting';
      case 'inactive':
        return 'not scheduled';
      case 'error':
        return 'failed';
      case 'off':
      case 'exit':
        return undefined;
    }
  }
}
