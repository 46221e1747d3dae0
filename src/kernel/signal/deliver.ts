/** Sending signals, and delivering them on the way back to user mode. */
import { ERESTART_RESTARTBLOCK, ERESTARTNOHAND, ERESTARTNOINTR, ERESTARTSYS, ERRNO } from '#abi/errno.ts';
import { CLD, SA, SI, SIG, SIG_DFL, SIG_IGN } from '#abi/signals.ts';
import { SYS } from '#abi/syscall-numbers.ts';
import type { Kernel } from '../kernel.ts';
import { exitEvent } from '../ptrace/events.ts';
import { groupContinue, groupStop, jobControlStop } from '../ptrace/job-control.ts';
import { stopAtHandler, stopForSignal } from '../ptrace/signal-stop.ts';
import { disableStep } from '../ptrace/step.ts';
import { wakeKilled } from '../ptrace/stop.ts';
import { abortCriticalSection } from '../sched/rseq.ts';
import { endOthers, exitTask } from '../task/exit.ts';
import type { Task } from '../task/task.ts';
import { pushFrame } from './frame.ts';
import { DEFAULT_ACTION, defaultAction, has, maskOf, type SignalAction, type SignalInfo } from './task-signals.ts';

const SYSCALL_LENGTH = 2n; // 0F 05

/** Posts a signal to one thread and wakes what it concerns. Permission is the caller's matter. */
export function sendSignal(k: Kernel, to: Task, info: SignalInfo): void {
  if (!to.alive) return;
  wakeFor(k, to, info.signal);
  to.signals.post(info);
  if (to === k.current) k.needWork();
}

/** Posts a signal to a whole process: one of its threads takes it. */
export function signalProcess(k: Kernel, to: Task, info: SignalInfo): void {
  if (!to.process.alive) return;
  wakeFor(k, to, info.signal);
  to.leader.signals.postShared(info);
  if (k.current?.process === to.process) k.needWork();
}

/** What SIGCONT and SIGKILL do before they are delivered. */
function wakeFor(k: Kernel, to: Task, signal: number): void {
  if (signal === SIG.SIGCONT) groupContinue(to);
  if (signal === SIG.SIGKILL) wakeKilled(to);
  if (signal === SIG.SIGCONT || signal === SIG.SIGKILL) resume(k, to, signal === SIG.SIGCONT);
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
    if (result === ERESTART_RESTARTBLOCK && task.trace !== undefined) {
      // A tracer sees restart_syscall; nobody else can tell it from the call itself, which costs what it always costs.
      const number = regs.number('orig_ax');
      if (number !== SYS.restart_syscall) task.restarts = number;
      regs.set('ax', SYS.restart_syscall);
    } else regs.set('ax', regs.get('orig_ax'));
    regs.set('ip', regs.get('ip') - SYSCALL_LENGTH);
  } else {
    regs.set('ax', -BigInt(ERRNO.EINTR));
    task.sleepUntil = undefined;
  }
}

/**
 * The signal part of exit_to_user_mode_loop: delivers one handler, or acts by default until nothing is left. The task may have ended or
 * stopped afterwards (look at its state).
 */
export function deliverSignals(k: Kernel, task: Task): void {
  for (;;) {
    if (task.process.exiting !== undefined) {
      die(k, task, task.process.exiting);
      return;
    }
    if (jobControlStop(k, task)) return;
    const { injected } = task;
    task.injected = undefined;
    const info = injected ?? task.signals.take();
    if (info === undefined) break;
    if (task.trace !== undefined && injected === undefined && info.signal !== SIG.SIGKILL) {
      if (stopForSignal(k, task, info)) return;
      continue; // SIGKILL came first
    }
    const action = task.signals.actions.get(info.signal);
    if (action.handler === BigInt(SIG_IGN) && info.forced !== true) continue;
    if (action.handler === BigInt(SIG_DFL) || info.signal === SIG.SIGKILL || info.signal === SIG.SIGSTOP) {
      if (byDefault(k, task, info)) return;
      continue;
    }
    handle(k, task, info, action);
    return; // further ones are delivered on the next exit, before the handler's first instruction: the work flag stays set
  }
  finishInterrupted(task, false, false);
  if (task.signals.savedMask !== undefined) {
    task.signals.setBlocked(task.signals.savedMask);
    task.signals.savedMask = undefined;
  }
}

/** Goes into the handler of a signal. */
function handle(k: Kernel, task: Task, info: SignalInfo, action: SignalAction): void {
  finishInterrupted(task, true, has(action, SA.RESTART));
  const mask = task.signals.savedMask ?? task.signals.blocked;
  task.signals.savedMask = undefined;
  const stepping = task.trace?.stepping === true;
  if (stepping) disableStep(task); // the frame holds the program's own trap flag
  abortCriticalSection(k, task);
  if (!pushFrame(task, k.cpu, info, action, mask, k.trapState(task))) {
    task.signals.actions.set(SIG.SIGSEGV, DEFAULT_ACTION);
    k.report(`${task.comm}[${task.pid}]: no room for a signal frame at 0x${task.regs.get('sp').toString(16)}`);
    die(k, task, SIG.SIGSEGV);
    return;
  }
  if (has(action, SA.RESETHAND)) task.signals.actions.set(info.signal, DEFAULT_ACTION);
  const self = has(action, SA.NODEFER) ? 0n : maskOf(info.signal);
  task.signals.setBlocked(task.signals.blocked | action.mask | self);
  if (stepping) stopAtHandler(k, task);
}

/** The end of a process by a signal, or of a thread with its process; a tracer may have asked for a look. */
function die(k: Kernel, task: Task, wanted: number): void {
  const status = endOthers(k, task, wanted);
  if (!exitEvent(k, task, status, () => exitTask(k, task, status))) exitTask(k, task, status);
}

/** true: the task does not go on. */
function byDefault(k: Kernel, task: Task, info: SignalInfo): boolean {
  switch (defaultAction(info.signal)) {
    case 'ignore':
    case 'continue':
      return false;
    case 'stop':
      return groupStop(k, task, info.signal);
    case 'core':
    case 'terminate':
      k.died(task, info);
      die(k, task, info.signal);
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
