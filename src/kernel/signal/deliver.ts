/** Sending signals, and delivering them on the way back to user mode. */
import { ERESTART_RESTARTBLOCK, ERESTARTNOHAND, ERESTARTNOINTR, ERESTARTSYS, ERRNO } from '#abi/errno.ts';
import { CLD, SA, SI, SIG, SIG_DFL, SIG_IGN } from '#abi/signals.ts';
import type { Kernel } from '../kernel.ts';
import { exitGroup } from '../task/exit.ts';
import type { Task } from '../task/task.ts';
import { pushFrame } from './frame.ts';
import { DEFAULT_ACTION, defaultAction, has, maskOf, type SignalInfo } from './task-signals.ts';

const SYSCALL_LENGTH = 2n; // 0F 05

/** Posts a signal to one thread and wakes what it concerns. Permission is the caller's matter. */
export function sendSignal(k: Kernel, to: Task, info: SignalInfo): void {
  if (!to.alive) return;
  if (info.signal === SIG.SIGCONT || info.signal === SIG.SIGKILL) resume(k, to, info.signal === SIG.SIGCONT);
  to.signals.post(info);
  if (to === k.current) k.needWork();
}

/** Posts a signal to a whole process: one of its threads takes it. */
export function signalProcess(k: Kernel, to: Task, info: SignalInfo): void {
  if (!to.process.alive) return;
  if (info.signal === SIG.SIGCONT || info.signal === SIG.SIGKILL) resume(k, to, info.signal === SIG.SIGCONT);
  to.leader.signals.postShared(info);
  if (k.current?.process === to.process) k.needWork();
}

function resume(k: Kernel, task: Task, tellParent: boolean): void {
  const { process } = task;
  if (process.stopSignal === 0) return;
  for (const t of process.threads) if (t.state === 'stopped') t.state = t.waiting === undefined ? 'runnable' : 'waiting';
  process.stopSignal = 0;
  k.expireAlarms();
  if (!tellParent) return;
  process.continued = true;
  notifyParent(k, task, CLD.CONTINUED, SIG.SIGCONT);
}

/** SIGCHLD about a stop or continuation. */
function notifyParent(k: Kernel, task: Task, code: number, status: number): void {
  const parent = task.parent;
  if (parent === undefined || has(parent.signals.actions.get(SIG.SIGCHLD), SA.NOCLDSTOP)) return;
  signalProcess(k, parent, { signal: SIG.SIGCHLD, code, pid: task.tgid, uid: task.credentials.uid, status });
}

/** A signal that the task's own instruction made. A blocked or ignored one kills. */
export function forceSignal(k: Kernel, task: Task, info: SignalInfo): void {
  const action = task.signals.actions.get(info.signal);
  const blocked = (task.signals.blocked & maskOf(info.signal)) !== 0n;
  if (blocked || action.handler === BigInt(SIG_IGN)) {
    task.signals.actions.set(info.signal, DEFAULT_ACTION);
    task.signals.setBlocked(task.signals.blocked & ~maskOf(info.signal));
  }
  task.signals.post({ ...info, forced: true });
  k.needWork();
}

/** What a system call that a signal interrupted comes to. `handler`: one is about to run. */
function finishInterrupted(task: Task, handler: boolean, restart: boolean): void {
  const { regs } = task;
  if (BigInt.asIntN(64, regs.get('orig_ax')) < 0n) return;
  const result = -Number(BigInt.asIntN(64, regs.get('ax')));
  if (result !== ERESTARTSYS && result !== ERESTARTNOINTR && result !== ERESTARTNOHAND && result !== ERESTART_RESTARTBLOCK) return;
  const again = result === ERESTARTNOINTR || !handler || (result === ERESTARTSYS && restart);
  if (again) {
    regs.set('ax', regs.get('orig_ax'));
    regs.set('ip', regs.get('ip') - SYSCALL_LENGTH);
  } else {
    regs.set('ax', -BigInt(ERRNO.EINTR));
    task.sleepUntil = undefined;
  }
  regs.set('orig_ax', -1n);
}

/**
 * The signal part of exit_to_user_mode_loop: delivers one handler, or acts by default until nothing is left. The task may have ended or
 * stopped afterwards (look at its state).
 */
export function deliverSignals(k: Kernel, task: Task): void {
  for (;;) {
    const info = task.signals.take();
    if (info === undefined) break;
    const action = task.signals.actions.get(info.signal);
    if (action.handler === BigInt(SIG_IGN) && info.forced !== true) continue;
    if (action.handler === BigInt(SIG_DFL) || info.signal === SIG.SIGKILL || info.signal === SIG.SIGSTOP) {
      if (byDefault(k, task, info)) return;
      continue;
    }
    finishInterrupted(task, true, has(action, SA.RESTART));
    const mask = task.signals.savedMask ?? task.signals.blocked;
    task.signals.savedMask = undefined;
    if (!pushFrame(task, k.cpu, info, action, mask, k.trapState(task))) {
      task.signals.actions.set(SIG.SIGSEGV, DEFAULT_ACTION);
      k.report(`${task.comm}[${task.pid}]: no room for a signal frame at 0x${task.regs.get('sp').toString(16)}`);
      exitGroup(k, task, SIG.SIGSEGV);
      return;
    }
    if (has(action, SA.RESETHAND)) task.signals.actions.set(info.signal, DEFAULT_ACTION);
    const self = has(action, SA.NODEFER) ? 0n : maskOf(info.signal);
    task.signals.setBlocked(task.signals.blocked | action.mask | self);
    return; // further ones are delivered on the next exit, before the handler's first instruction: the work flag stays set
  }
  finishInterrupted(task, false, false);
  if (task.signals.savedMask !== undefined) {
    task.signals.setBlocked(task.signals.savedMask);
    task.signals.savedMask = undefined;
  }
}

/** true: the task does not go on. */
function byDefault(k: Kernel, task: Task, info: SignalInfo): boolean {
  switch (defaultAction(info.signal)) {
    case 'ignore':
    case 'continue':
      return false;
    case 'stop':
      for (const t of task.process.threads) t.state = 'stopped';
      task.process.stopSignal = info.signal;
      task.process.stopReported = false;
      notifyParent(k, task, CLD.STOPPED, info.signal);
      return true;
    case 'core':
    case 'terminate':
      k.died(task, info);
      exitGroup(k, task, info.signal);
      return true;
  }
}

/** kill(2)'s information. */
export const fromTask = (sender: Task, signal: number, code: number = SI.USER): SignalInfo => ({
  signal,
  code,
  pid: sender.tgid,
  uid: sender.credentials.uid,
});
