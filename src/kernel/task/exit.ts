/** The end of a task: what it held, its children, its parent. And wait4's side of it. */
import { CLD, SA, SI, SIG, SIG_IGN } from '#abi/signals.ts';
import type { Kernel } from '../kernel.ts';
import { endTracer, unlink } from '../ptrace/attach.ts';
import { isReparented, leaveStop } from '../ptrace/stop.ts';
import { signalProcess } from '../signal/deliver.ts';
import { has, isSignal } from '../signal/task-signals.ts';
import { futexCancel, futexWake, releaseRobustList } from '../syscalls/futex.ts';
import type { Process } from './process.ts';
import { addTimes, type Task, type WaitStatus } from './task.ts';

/** status word of exit(2) with a code. */
export const exitedWith = (code: number): WaitStatus => (code & 255) << 8;

/**
 * Ends a thread; with the last one the process ends. Its kernel stack stays until the scheduler has left it; the caller reschedules if it was
 * the current one.
 */
export function exitTask(k: Kernel, task: Task, status: WaitStatus): void {
  if (!task.alive) return;
  const { process } = task;
  if (task === k.current) k.scheduler.account();
  k.perf.exited(task);
  k.debug.forget(task);
  k.perfFiles?.exited(task);
  task.exitStatus = status;
  futexCancel(k, task);
  task.waiting = undefined;
  if (task.robustList !== 0) releaseRobustList(k, task);
  if (task.clearChildTid !== 0 && task.mm.users > 1) {
    task.memory.writeU32(task.clearChildTid, 0);
    futexWake(k, task, task.clearChildTid, 1, 0xffff_ffff, true);
  }
  task.state = 'zombie';
  process.threads.delete(task);
  task.signals.leave();
  addTimes(process.endedTimes, task.times);
  if (![...k.tasks.values()].some((t) => t !== task && t.alive && t.files === task.files)) task.files.closeAll();
  k.releaseMm(task);
  releaseVfork(task);
  endTracer(k, task);
  if (task !== process.leader) {
    if (task.trace === undefined) bury(k, task);
    else {
      process.tracedZombies.add(task);
      tellOfEnd(k, task.trace.tracer, task, SIG.SIGCHLD);
    }
  }
  if (!process.alive && process.tracedZombies.size === 0) endProcess(k, task.leader);
}

/** A thread's last trace goes. */
function bury(k: Kernel, thread: Task): void {
  thread.state = 'dead';
  k.forget(thread);
}

/** Somebody has waited for its end. A process that another one than its parent traced is its parent's now. wait_task_zombie */
export function reapWaited(k: Kernel, task: Task): void {
  const parentHasTold = !isReparented(task);
  unlink(task);
  if (task === task.leader && parentHasTold) reap(k, task);
  else releaseTraced(k, task);
}

/** A dead task that its tracer lets go: a thread is gone, a process is its parent's. */
export function releaseTraced(k: Kernel, task: Task): void {
  const { process } = task;
  if (task === process.leader) {
    if (!process.alive && process.tracedZombies.size === 0) tellParent(k, task);
    return;
  }
  process.tracedZombies.delete(task);
  bury(k, task);
  if (!process.alive && process.tracedZombies.size === 0) endProcess(k, task.leader);
}

/** exit_group and fatal signals: the other threads end first (none of them is running: there is one CPU). */
export function exitGroup(k: Kernel, task: Task, status: WaitStatus): void {
  if (!task.alive) return;
  exitTask(k, task, endOthers(k, task, status));
}

/**
 * All threads of a process but one end. One whose tracer wants to see it end is killed, and ends on its own way. The status that the process ends
 * with: the first that anybody gave.
 */
export function endOthers(k: Kernel, task: Task, status: WaitStatus): WaitStatus {
  const { process } = task;
  const first = process.exiting === undefined;
  process.exiting ??= status;
  const { exiting } = process;
  for (const t of [...process.threads]) {
    if (t === task) continue;
    if (t.trace?.wants('EXIT') !== true) exitTask(k, t, exiting);
    else if (first) killThread(t);
  }
  return exiting;
}
function killThread(t: Task): void {
  t.signals.post({ signal: SIG.SIGKILL, code: SI.KERNEL });
  leaveStop(t, 0);
  if (t.state === 'stopped') t.state = t.waiting === undefined ? 'runnable' : 'waiting';
}

/** timer_create's timers end with the program. */
export function dropTimers(k: Kernel, process: Process): void {
  for (const { timer } of process.posixTimers.values()) k.dropTimer(timer);
  process.posixTimers.clear();
}

function endProcess(k: Kernel, leader: Task): void {
  const { process } = leader;
  leader.exitStatus = process.exiting ?? leader.exitStatus;
  process.alarm = undefined;
  for (const timer of [process.virtualTimer, process.profTimer]) if (timer !== undefined) k.dropTimer(timer);
  dropTimers(k, process);
  k.ipc.ended(process);
  for (const child of process.children) adopt(k, child);
  process.children.clear();
  tellParent(k, leader);
}

/** execve in a process with threads: the others end, and the caller is the leader from now on, whatever it was. fs/exec.c de_thread. */
export function leaveOtherThreads(k: Kernel, task: Task): void {
  const { process } = task;
  for (const t of [...process.threads]) if (t !== task) exitTask(k, t, SIG.SIGKILL);
  const old = task.leader;
  if (old === task) return;
  unlink(old); // its tracer cannot trace it any longer; fs/exec.c de_thread
  process.parent?.children.delete(old);
  process.leader = task;
  old.state = 'dead';
  k.replaceLeader(old, task);
  task.exitSignal = old.exitSignal;
  process.parent?.children.add(task);
}

/** The suspended parent goes on: the child has its own program now, or none. */
export function releaseVfork(task: Task): void {
  task.vforkParent = undefined;
}

/**
 * A child whose parent has gone belongs to the nearest ancestor that asked for such (PR_SET_CHILD_SUBREAPER), else to init, which is not a task
 * of the model: it is reaped at once when it ends.
 */
function adopt(k: Kernel, child: Task): void {
  const { process } = child;
  const signal = process.parentDeathSignal;
  let to = process.parent?.parent;
  while (to !== undefined && !(to.subreaper && to.alive)) to = to.parent;
  process.parent = to;
  to?.children.add(child);
  if (signal !== 0) signalProcess(k, child, { signal, code: SI.USER, pid: 0, uid: 0 });
  if (process.alive) return;
  if (to === undefined) reap(k, child);
  else tellParent(k, child);
}

function tellParent(k: Kernel, task: Task): void {
  const { parent } = task;
  if (task.trace !== undefined) {
    // A traced zombie is its tracer's first, whatever that does with SIGCHLD.
    tellOfEnd(k, task.trace.tracer, task, isReparented(task) ? SIG.SIGCHLD : task.exitSignal);
    return;
  }
  if (parent === undefined) {
    reap(k, task);
    return;
  }
  if (!isSignal(task.exitSignal)) return; // clone(2) lets any number through; only signals are sent
  const action = parent.signals.actions.get(SIG.SIGCHLD);
  const ignored = task.exitSignal === SIG.SIGCHLD && (action.handler === BigInt(SIG_IGN) || has(action, SA.NOCLDWAIT));
  tellOfEnd(k, parent, task, task.exitSignal);
  if (ignored) reap(k, task);
}

/** si_code and si_status of a status that a task ended with. */
export function endOf(status: WaitStatus): { readonly code: number; readonly value: number } {
  const signal = status & 0x7f;
  if (signal === 0) return { code: CLD.EXITED, value: status >> 8 };
  return { code: (status & 0x80) !== 0 ? CLD.DUMPED : CLD.KILLED, value: signal };
}

function tellOfEnd(k: Kernel, whom: Task, task: Task, signal: number): void {
  if (!isSignal(signal)) return;
  const { code, value } = endOf(task.exitStatus);
  signalProcess(k, whom, { signal, code, pid: task.pid, uid: task.credentials.uid, status: value });
}

/** A zombie's last trace goes; its times are its parent's children's. */
export function reap(k: Kernel, task: Task): void {
  task.state = 'dead';
  const { parent } = task.process;
  if (parent !== undefined) {
    parent.children.delete(task);
    addTimes(parent.childTimes, task.process.times());
    addTimes(parent.childTimes, task.process.childTimes);
  }
  k.forget(task);
}
