/** System calls of signals and of the timers that make them. */
import { ERESTARTNOHAND, ERRNO } from '#abi/errno.ts';
import { ITIMER } from '#abi/process.ts';
import { SI, SIG, SIG_DFL, SIG_HOW, SIG_IGN, SS } from '#abi/signals.ts';
import type { Kernel } from '../kernel.ts';
import { cpuItimer } from '../time/cpu-time.ts';
import { fromTask, sendSignal, signalProcess } from '../signal/deliver.ts';
import { popFrame, siginfoBytes } from '../signal/frame.ts';
import { defaultAction, isSignal, maskOf, UNBLOCKABLE } from '../signal/task-signals.ts';
import { exitGroup } from '../task/exit.ts';
import type { Task } from '../task/task.ts';
import { readTimespec } from './futex.ts';
import { full, partial } from './row.ts';
import type { SyscallArgs, SyscallResult, SyscallRow } from './types.ts';

const SIGSET_SIZE = 8;

function rtSigaction(_k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const signal = a.i32(0);
  if (a.n(3) !== SIGSET_SIZE || !isSignal(signal)) return -ERRNO.EINVAL;
  const old = t.signals.actions.get(signal);
  if (a.n(1) !== 0) {
    if (signal === SIG.SIGKILL || signal === SIG.SIGSTOP) return -ERRNO.EINVAL;
    const bytes = t.memory.read(a.n(1), 32);
    if (bytes === undefined) return -ERRNO.EFAULT;
    const v = new DataView(bytes.buffer);
    t.signals.actions.set(signal, {
      handler: v.getBigUint64(0, true),
      flags: v.getUint32(8, true),
      restorer: v.getBigUint64(16, true),
      mask: v.getBigUint64(24, true) & ~UNBLOCKABLE,
    });
    // A signal that is now ignored is forgotten if it was pending. POSIX 2.4.3
    const { handler } = t.signals.actions.get(signal);
    if (handler === BigInt(SIG_IGN) || (handler === BigInt(SIG_DFL) && defaultAction(signal) === 'ignore')) t.signals.flush(maskOf(signal));
  }
  if (a.n(2) !== 0) {
    const v = new DataView(new ArrayBuffer(32));
    v.setBigUint64(0, old.handler, true);
    v.setBigUint64(8, BigInt(old.flags >>> 0), true);
    v.setBigUint64(16, old.restorer, true);
    v.setBigUint64(24, old.mask, true);
    if (!t.memory.write(a.n(2), new Uint8Array(v.buffer))) return -ERRNO.EFAULT;
  }
  return 0;
}

function rtSigprocmask(_k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  if (a.n(3) !== SIGSET_SIZE) return -ERRNO.EINVAL;
  const old = t.signals.blocked;
  if (a.n(1) !== 0) {
    const set = t.memory.readU64(a.n(1));
    if (set === undefined) return -ERRNO.EFAULT;
    switch (a.i32(0)) {
      case SIG_HOW.BLOCK:
        t.signals.setBlocked(old | set);
        break;
      case SIG_HOW.UNBLOCK:
        t.signals.setBlocked(old & ~set);
        break;
      case SIG_HOW.SETMASK:
        t.signals.setBlocked(set);
        break;
      default:
        return -ERRNO.EINVAL;
    }
  }
  return a.n(2) === 0 || t.memory.writeU64(a.n(2), old) ? 0 : -ERRNO.EFAULT;
}

function rtSigreturn(k: Kernel, t: Task): SyscallResult {
  const ax = popFrame(t, k.cpu);
  if (ax !== undefined) return ax;
  k.report(`${t.comm}[${t.pid}]: bad signal frame at 0x${t.regs.get('sp').toString(16)}`);
  exitGroup(k, t, SIG.SIGSEGV);
  return 0;
}

/** kill(2)'s rule. */
export const maySignal = (t: Task, to: Task, signal: number): boolean => {
  const { uid, euid } = t.credentials;
  if (euid === 0 || [to.credentials.uid, to.credentials.suid].some((u) => u === uid || u === euid)) return true;
  return signal === SIG.SIGCONT && t.sid === to.sid;
};

function kill(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const pid = a.i32(0);
  const signal = a.i32(1);
  if (signal !== 0 && !isSignal(signal)) return -ERRNO.EINVAL;
  const all = k.processes();
  const chosen =
    pid > 0
      ? all.filter((x) => x === k.tasks.get(pid)?.leader)
      : pid === -1
        ? all.filter((x) => x !== t.leader)
        : all.filter((x) => x.pgid === (pid === 0 ? t.pgid : -pid));
  if (chosen.length === 0) return -ERRNO.ESRCH;
  const allowed = chosen.filter((x) => maySignal(t, x, signal));
  if (allowed.length === 0) return -ERRNO.EPERM;
  if (signal !== 0) for (const x of allowed) signalProcess(k, x, fromTask(t, signal));
  return 0;
}

/** rt_sigqueueinfo and rt_tgsigqueueinfo: a program cannot pretend to be the kernel or kill(2) towards others. */
function queueInfo(k: Kernel, t: Task, to: Task | undefined, signal: number, va: number, thread: boolean): SyscallResult {
  const bytes = t.memory.read(va, 128);
  if (bytes === undefined) return -ERRNO.EFAULT;
  if (signal !== 0 && !isSignal(signal)) return -ERRNO.EINVAL;
  const v = new DataView(bytes.buffer);
  const code = v.getInt32(8, true);
  if (to === undefined) return -ERRNO.ESRCH;
  if ((code >= 0 || code === SI.TKILL) && to.process !== t.process) return -ERRNO.EPERM;
  if (!maySignal(t, to, signal)) return -ERRNO.EPERM;
  if (signal === 0) return 0;
  const info = { signal, code, pid: v.getInt32(16, true), uid: v.getUint32(20, true), value: v.getBigUint64(24, true) };
  if (thread) sendSignal(k, to, info);
  else signalProcess(k, to, info);
  return 0;
}

function tkill(k: Kernel, t: Task, tgid: number, tid: number, signal: number): SyscallResult {
  if (tid <= 0 || tgid === 0 || (signal !== 0 && !isSignal(signal))) return -ERRNO.EINVAL;
  const to = k.tasks.get(tid);
  if (to === undefined || !to.alive || (tgid > 0 && to.tgid !== tgid)) return -ERRNO.ESRCH;
  if (!maySignal(t, to, signal)) return -ERRNO.EPERM;
  if (signal !== 0) sendSignal(k, to, fromTask(t, signal, SI.TKILL));
  return 0;
}

function rtSigsuspend(_k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  if (a.n(1) !== SIGSET_SIZE) return -ERRNO.EINVAL;
  if (t.resumed === undefined) {
    const set = t.memory.readU64(a.n(0));
    if (set === undefined) return -ERRNO.EFAULT;
    t.signals.savedMask = t.signals.blocked;
    t.signals.setBlocked(set);
  }
  return { kind: 'wait', what: 'sigsuspend', ready: () => false, interrupted: () => -ERESTARTNOHAND };
}

const pause = (): SyscallResult => ({ kind: 'wait', what: 'pause', ready: () => false, interrupted: () => -ERESTARTNOHAND });

function rtSigtimedwait(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  if (a.n(3) !== SIGSET_SIZE) return -ERRNO.EINVAL;
  const set = t.memory.readU64(a.n(0));
  const timeout = readTimespec(t, a.n(2));
  if (set === undefined || timeout === 'bad') return -ERRNO.EFAULT;
  if (timeout === 'invalid') return -ERRNO.EINVAL;
  const info = t.signals.take(set & ~UNBLOCKABLE);
  if (info !== undefined) {
    if (a.n(1) !== 0 && !t.memory.write(a.n(1), siginfoBytes(info))) return -ERRNO.EFAULT;
    return info.signal;
  }
  const deadline = t.resumed !== undefined ? t.resumed.deadlineNs : timeout === undefined ? undefined : k.monotonicNs() + timeout;
  if (deadline !== undefined && k.monotonicNs() >= deadline) return -ERRNO.EAGAIN;
  return {
    kind: 'wait',
    what: 'sigtimedwait',
    ready: () => (t.signals.pending & set) !== 0n,
    ...(deadline === undefined ? {} : { deadlineNs: deadline }),
    interrupted: () => -ERRNO.EINTR,
  };
}

function sigaltstack(_k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const { altStack } = t.signals;
  const sp = t.regs.get('sp');
  const on = altStack.size > 0n && sp >= altStack.sp && sp - altStack.sp < altStack.size;
  const old = new DataView(new ArrayBuffer(24));
  old.setBigUint64(0, altStack.sp, true);
  old.setInt32(8, altStack.size === 0n ? SS.DISABLE : on ? SS.ONSTACK : 0, true);
  old.setBigUint64(16, altStack.size, true);
  if (a.n(0) !== 0) {
    const bytes = t.memory.read(a.n(0), 24);
    if (bytes === undefined) return -ERRNO.EFAULT;
    if (on) return -ERRNO.EPERM;
    const v = new DataView(bytes.buffer);
    const flags = v.getInt32(8, true);
    if ((flags & ~(SS.DISABLE | SS.ONSTACK)) !== 0) return -ERRNO.EINVAL;
    if ((flags & SS.DISABLE) !== 0) t.signals.altStack = { sp: 0n, size: 0n, flags: 0 };
    else {
      if (v.getBigUint64(16, true) < 2048n) return -ERRNO.ENOMEM;
      t.signals.altStack = { sp: v.getBigUint64(0, true), size: v.getBigUint64(16, true), flags };
    }
  }
  return a.n(1) === 0 || t.memory.write(a.n(1), new Uint8Array(old.buffer)) ? 0 : -ERRNO.EFAULT;
}

const US = 1000n;

/** Remaining time and interval of ITIMER_REAL, both ns. */
function alarmState(k: Kernel, t: Task): readonly [bigint, bigint] {
  const { alarm } = t.process;
  if (alarm === undefined) return [0n, 0n];
  const left = alarm.atNs - k.monotonicNs();
  return [left > 0n ? left : US, alarm.intervalNs];
}

function setAlarm(k: Kernel, t: Task, valueNs: bigint, intervalNs: bigint): void {
  t.process.alarm = valueNs === 0n ? undefined : { atNs: k.monotonicNs() + valueNs, intervalNs };
  k.scheduler.arm();
}

function writeItimer(t: Task, va: number, state: readonly [bigint, bigint]): number {
  const [left, interval] = state;
  const v = new BigInt64Array([interval / 1_000_000_000n, (interval / US) % 1_000_000n, left / 1_000_000_000n, (left / US) % 1_000_000n]);
  return t.memory.write(va, new Uint8Array(v.buffer)) ? 0 : -ERRNO.EFAULT;
}

function setitimer(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const which = a.i32(0);
  if (which < ITIMER.REAL || which > ITIMER.PROF) return -ERRNO.EINVAL;
  const bytes = a.n(1) === 0 ? new Uint8Array(32) : t.memory.read(a.n(1), 32);
  if (bytes === undefined) return -ERRNO.EFAULT;
  const v = new DataView(bytes.buffer);
  const [is, ius, vs, vus] = [0, 8, 16, 24].map((at) => v.getBigInt64(at, true)) as [bigint, bigint, bigint, bigint];
  if (is < 0n || vs < 0n || ius < 0n || vus < 0n || ius > 999_999n || vus > 999_999n) return -ERRNO.EINVAL;
  const old = itimerState(k, t, which);
  const value = vs * 1_000_000_000n + vus * US;
  const interval = is * 1_000_000_000n + ius * US;
  if (which === ITIMER.REAL) setAlarm(k, t, value, interval);
  else {
    const timer = cpuItimer(k, t, which === ITIMER.VIRTUAL ? 'virtual' : 'prof');
    timer.set(value === 0n ? undefined : timer.now() + value, interval);
  }
  return a.n(2) === 0 ? 0 : writeItimer(t, a.n(2), old);
}

/** Remaining time and interval, both ns. */
function itimerState(k: Kernel, t: Task, which: number): readonly [bigint, bigint] {
  if (which === ITIMER.REAL) return alarmState(k, t);
  const timer = which === ITIMER.VIRTUAL ? t.process.virtualTimer : t.process.profTimer;
  return timer === undefined ? [0n, 0n] : [timer.leftNs(), timer.intervalNs];
}

function getitimer(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const which = a.i32(0);
  return which < ITIMER.REAL || which > ITIMER.PROF ? -ERRNO.EINVAL : writeItimer(t, a.n(1), itimerState(k, t, which));
}

function alarm(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const [left] = alarmState(k, t);
  setAlarm(k, t, BigInt(a.u32(0)) * 1_000_000_000n, 0n);
  return Number((left + 999_999_999n) / 1_000_000_000n);
}

export const SIGNAL_ROWS: readonly SyscallRow[] = [
  full('rt_sigaction', rtSigaction),
  full('rt_sigprocmask', rtSigprocmask),
  partial('rt_sigreturn', (k, t) => rtSigreturn(k, t), 'x87, SSE and AVX state; there is no other'),
  full('rt_sigpending', (_k, t, a) => (t.memory.writeU64(a.n(0), t.signals.pending & t.signals.blocked) ? 0 : -ERRNO.EFAULT)),
  full('rt_sigsuspend', rtSigsuspend),
  full('rt_sigtimedwait', rtSigtimedwait),
  full('pause', pause),
  full('kill', kill),
  full('tkill', (k, t, a) => tkill(k, t, -1, a.i32(0), a.i32(1))),
  full('tgkill', (k, t, a) => tkill(k, t, a.i32(0), a.i32(1), a.i32(2))),
  full('rt_sigqueueinfo', (k, t, a) => queueInfo(k, t, k.tasks.get(a.i32(0)), a.i32(1), a.n(2), false)),
  full('rt_tgsigqueueinfo', (k, t, a) => {
    const to = k.tasks.get(a.i32(1));
    return queueInfo(k, t, to?.tgid === a.i32(0) ? to : undefined, a.i32(2), a.n(3), true);
  }),
  full('sigaltstack', sigaltstack),
  full('setitimer', setitimer),
  full('getitimer', getitimer),
  full('alarm', alarm),
];
