/** A task's events: struct perf_event_context. Contexts of CPUs, and of more PMUs than core and software, are issue 5. */
import type { Task } from '../task/task.ts';
import { type PerfEvent, type EventState, effectiveState, updateTimes } from './event.ts';
import type { Standing } from './ledger.ts';
import type { CpuPerf } from './cpu.ts';

export class TaskContext {
  readonly task: Task;
  /** Leaders in scheduling order. Rotation moves the first of `flexible` to the end. */
  readonly pinned: PerfEvent[] = [];
  readonly flexible: PerfEvent[] = [];
  /** Where its task runs now. */
  cpu: CpuPerf | undefined;
  /** A flexible group did not fit: rotate at the next mux interval. */
  rotateNecessary = false;

  private timeNs = 0;
  private sinceNs = 0;

  constructor(task: Task) {
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

  /** Context time: modelled ns during which the task ran. */
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
    if (event.leader === event) (event.isPinned ? this.pinned : this.flexible).push(event);
  }
  /** perf_group_detach: a leader's siblings become leaders of groups of one. */
  detach(event: PerfEvent): void {
    if (event.leader !== event) {
      const { siblings } = event.leader;
      siblings.splice(siblings.indexOf(event), 1);
      return;
    }
    for (const list of [this.pinned, this.flexible]) {
      const at = list.indexOf(event);
      if (at < 0) continue;
      list.splice(at, 1, ...event.siblings);
    }
    for (const sibling of event.siblings.splice(0)) sibling.leader = sibling;
  }

  setState(event: PerfEvent, state: EventState): void {
    const now = this.nowNs();
    for (const e of event.leader === event ? event.group : [event]) updateTimes(e, now);
    event.state = state;
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
