/** The end of a task: what it held, its children, its parent. And wait4's side of it. */
import { CLD, SA, SIG, SIG_IGN } from '#abi/signals.ts';
import type { Kernel } from '../kernel.ts';
import { sendSignal } from '../signal/deliver.ts';
import { has, isSignal } from '../signal/task-signals.ts';
import { futexWake } from '../syscalls/futex.ts';
import type { Accounting, Task, WaitStatus } from './task.ts';

/** status word of exit(2) with a code. */
export const exitedWith = (code: number): WaitStatus => (code & 255) << 8;

/** Ends a task. Its kernel stack stays until the scheduler has left it; the caller reschedules if it was the current one. */
export function exitTask(k: Kernel, task: Task, status: WaitStatus): void {
  if (!task.alive) return;
  if (task === k.current) k.scheduler.account();
  k.perf.exited(task);
  task.exitStatus = status;
  task.waiting = undefined;
  task.alarm = undefined;
  if (task.clearChildTid !== 0 && task.mm.users > 1) {
    task.memory.writeU32(task.clearChildTid, 0);
    futexWake(k, task, task.clearChildTid, 1, 0xffff_ffff);
  }
  task.state = 'zombie';
  if (![...k.tasks.values()].some((t) => t !== task && t.alive && t.files === task.files)) task.files.closeAll();
  k.releaseMm(task);
  releaseVfork(task);
  for (const child of task.children) adopt(k, child);
  task.children.clear();
  tellParent(k, task);
}

/** The suspended parent goes on: the child has its own program now, or none. */
export function releaseVfork(task: Task): void {
  task.vforkParent = undefined;
}

/** A child whose parent has gone belongs to init, which is not a task of the model: it is reaped at once when it ends. */
function adopt(k: Kernel, child: Task): void {
  child.parent = undefined;
  if (child.state === 'zombie') reap(k, child);
}

function tellParent(k: Kernel, task: Task): void {
  const { parent } = task;
  if (parent === undefined) {
    reap(k, task);
    return;
  }
  if (!isSignal(task.exitSignal)) return; // clone(2) lets any number through; only signals are sent
  const action = parent.signals.actions.get(SIG.SIGCHLD);
  const ignored = task.exitSignal === SIG.SIGCHLD && (action.handler === BigInt(SIG_IGN) || has(action, SA.NOCLDWAIT));
  const signal = task.exitStatus & 0x7f;
  sendSignal(k, parent, {
    signal: task.exitSignal,
    code: signal === 0 ? CLD.EXITED : (task.exitStatus & 0x80) !== 0 ? CLD.DUMPED : CLD.KILLED,
    pid: task.pid,
    uid: task.credentials.uid,
    status: signal === 0 ? task.exitStatus >> 8 : signal,
  });
  if (ignored) reap(k, task);
}

function addTimes(to: Accounting, from: Accounting): void {
  to.userNs += from.userNs;
  to.systemNs += from.systemNs;
  to.minorFaults += from.minorFaults;
  to.majorFaults += from.majorFaults;
  to.voluntarySwitches += from.voluntarySwitches;
  to.involuntarySwitches += from.involuntarySwitches;
}

/** A zombie's last trace goes; its times are its parent's children's. */
export function reap(k: Kernel, task: Task): void {
  task.state = 'dead';
  const { parent } = task;
  if (parent !== undefined) {
    parent.children.delete(task);
    addTimes(parent.childTimes, task.times);
    addTimes(parent.childTimes, task.childTimes);
  }
  k.forget(task);
}
