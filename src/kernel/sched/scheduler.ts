/**
 * The scheduler: round-robin over the tasks in order of birth, one tick a slice, and the timer that drives it. One CPU for now; what is
 * per CPU is in this object.
 */
import type { Cpu, CpuContext } from '#port/cpu.ts';
import { MSR } from '#arch/msr.ts';
import type { Kernel } from '../kernel.ts';
import type { Task } from '../task/task.ts';
import { abortCriticalSection } from './rseq.ts';

export class Scheduler {
  private readonly k: Kernel;
  private readonly cpu: Cpu;
  private readonly idleContext: CpuContext;
  current: Task | undefined;
  /** The running task's slice is over. */
  needResched = false;
  private readonly tickTsc: number;
  /** TSC value that the deadline MSR holds; undefined: disarmed. */
  private armed: number | undefined;
  /** Next tick of the running task; none in idle. */
  private tickAt: number | undefined;
  /** When the running task was switched to. */
  sinceNs = 0n;
  /** Modelled time in which nothing ran. */
  idleNs = 0n;
  /** Where accounting stands: time, and the ring split of the cycles. */
  private accountedNs = 0n;
  private accountedUser = 0;
  private accountedKernel = 0;

  constructor(k: Kernel, cpu: Cpu, hz: number) {
    this.k = k;
    this.cpu = cpu;
    this.idleContext = cpu.newContext();
    this.tickTsc = Math.floor(k.port.clock.tscHz / hz);
  }

  /** Chooses who runs next and switches to it. Called at a gate when the current task cannot or need not go on. */
  reschedule(): void {
    const previous = this.current;
    this.needResched = false;
    const next = this.pick();
    if (next !== previous) this.switch(previous, next);
    this.k.updateWork();
    this.arm();
  }

  /** A task other than the current one could run. */
  othersWait(): boolean {
    for (const t of this.k.tasks.values()) if (t !== this.current && this.wake(t)) return true;
    return false;
  }

  /** In the timer interrupt: whether a tick of the running task is due (and not just somebody's alarm). */
  tick(): boolean {
    this.armed = undefined;
    if (this.current === undefined || this.tickAt === undefined || this.k.port.clock.tsc() < this.tickAt) return false;
    this.tickAt = undefined;
    this.account();
    if (this.othersWait()) this.needResched = true;
    return true;
  }

  /** Programs the TSC deadline for the next tick or the first thing that is due. Returns whether there is any. */
  arm(): boolean {
    const now = this.k.port.clock.tsc();
    if (this.current === undefined) this.tickAt = undefined;
    else if (this.tickAt === undefined || this.tickAt <= now) this.tickAt = (Math.floor(now / this.tickTsc) + 1) * this.tickTsc;
    let wanted = this.tickAt;
    const due = this.k.nextDeadlineNs();
    if (due !== undefined) {
      const tsc = Math.max(now + 1, this.k.tscOf(due));
      if (wanted === undefined || tsc < wanted) wanted = tsc;
    }
    if (wanted !== this.armed) {
      this.armed = wanted;
      if (!this.k.msrs.write(MSR.IA32_TSC_DEADLINE, BigInt(wanted ?? 0))) throw new Error('the machine refuses IA32_TSC_DEADLINE');
    }
    return wanted !== undefined;
  }

  /** Charges the time since the last call to the current task, split between rings as the processor's cycles were. */
  account(): void {
    const now = this.k.monotonicNs();
    const cycles = this.k.port.truth.total(0x3cn);
    const user = (cycles?.user ?? 1) - this.accountedUser;
    const kernel = (cycles?.kernel ?? 0) - this.accountedKernel;
    const ns = Number(now - this.accountedNs);
    if (this.current !== undefined) {
      const share = user + kernel > 0 ? Math.round((ns * kernel) / (user + kernel)) : 0;
      this.current.times.systemNs += share;
      this.current.times.userNs += ns - share;
    } else this.idleNs += now - this.accountedNs;
    this.accountedNs = now;
    this.accountedUser += user;
    this.accountedKernel += kernel;
  }

  /** Makes a waiting task runnable if it need not wait any longer; whether it can run. */
  private wake(t: Task): boolean {
    if (t.state === 'runnable') return true;
    if (t.state !== 'waiting' || t.waiting === undefined) return false;
    const wait = t.waiting;
    const due = wait.deadlineNs !== undefined && this.k.monotonicNs() >= wait.deadlineNs;
    if (!due && !wait.ready()) {
      const fatalOnly = t.vforkWait;
      if (fatalOnly ? !t.signals.killed : !t.signals.deliverable) return false;
      t.interrupted = wait.interrupted?.() ?? -512;
    }
    t.resumed = wait;
    t.waiting = undefined;
    t.state = 'runnable';
    return true;
  }

  /** The next task in the circle behind the current one; the current one itself last. */
  private pick(): Task | undefined {
    const all = [...this.k.tasks.values()];
    let from = this.current === undefined ? -1 : all.indexOf(this.current);
    if (from < 0) from = this.lastIndex(all, this.current?.pid ?? this.lastPid); // idle, or a thread that has ended
    for (let i = 1; i <= all.length; i++) {
      const t = all[(from + i) % all.length] as Task;
      if (this.wake(t)) return t;
    }
    return undefined;
  }
  private lastPid = 0;
  private lastIndex(all: readonly Task[], pid: number): number {
    let index = all.length - 1;
    for (const [i, t] of all.entries()) if (t.pid <= pid) index = i;
    return index;
  }

  private switch(previous: Task | undefined, next: Task | undefined): void {
    const { cpu, k } = this;
    this.account();
    const preempted = previous?.state === 'runnable';
    if (previous !== undefined) {
      if (preempted) previous.times.involuntarySwitches++;
      else previous.times.voluntarySwitches++;
    }
    k.stubs.schedule(() => {
      if (previous !== undefined) k.perf.scheduledOut(previous, cpu, preempted, next);
    });
    if (previous === undefined) cpu.saveContext(this.idleContext);
    else {
      this.lastPid = previous.pid;
      if (previous.alive) cpu.saveContext(previous.context);
    }
    cpu.loadContext(next === undefined ? this.idleContext : next.context);
    this.current = next;
    this.sinceNs = k.monotonicNs();
    k.loadTask(next);
    k.perf.contextSwitch(previous, next, cpu);
    if (next === undefined) return;
    if (next.rseq !== undefined) abortCriticalSection(k, next);
    k.perf.scheduledIn(next, cpu, previous);
  }
}
