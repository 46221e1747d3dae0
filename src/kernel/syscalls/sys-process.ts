/** System calls of processes: clone, execve, exit, wait, groups, sessions, scheduling. */
import { ERRNO } from '#abi/errno.ts';
import { CLD, NSIG, SIG } from '#abi/signals.ts';
import { ARCH_PRCTL, CLONE, CLONE_HIGH, P_ID, WAIT } from '#abi/process.ts';
import type { Kernel } from '../kernel.ts';
import { LAYOUT } from '../mm/address-space.ts';
import { USER_END } from '../mm/page-tables.ts';
import { siginfoBytes } from '../signal/frame.ts';
import { exec } from '../task/exec.ts';
import { exitedWith, exitGroup, exitTask, reap } from '../task/exit.ts';
import { type CloneRequest, clone } from '../task/fork.ts';
import type { Task } from '../task/task.ts';
import { PidFd } from '../vfs/pid-fd.ts';
import { full, partial } from './row.ts';
import { writeRusage } from './rusage.ts';
import type { SyscallArgs, SyscallResult, SyscallRow, Wait } from './types.ts';

interface VforkWait extends Wait {
  readonly child: number;
}

function doClone(k: Kernel, t: Task, request: CloneRequest): SyscallResult {
  if (t.resumed !== undefined) {
    t.vforkWait = false;
    return (t.resumed as VforkWait).child;
  }
  const child = clone(k, t, request);
  if (typeof child === 'number') return child;
  if ((request.flags & CLONE.PIDFD) !== 0) {
    const fd = t.files.install(new PidFd(child.process, 0), true);
    t.memory.writeU32(request.pidfdAt, fd);
  }
  if ((request.flags & CLONE.VFORK) === 0) return child.pid;
  t.vforkWait = true;
  const wait: VforkWait = {
    kind: 'wait',
    what: `vfork until task ${child.pid} execs or exits`,
    child: child.pid,
    ready: () => child.vforkParent === undefined,
  };
  return wait;
}

const request = (flags: number, stack = 0n, parentTid = 0, childTid = 0, tls = 0n): CloneRequest => ({
  flags: flags & ~CLONE.CSIGNAL,
  clearHandlers: false,
  exitSignal: flags & CLONE.CSIGNAL,
  stack,
  pidfdAt: parentTid,
  parentTid,
  childTid,
  tls,
});

function clone3(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const size = a.n(1);
  if (size < 64) return -ERRNO.EINVAL;
  if (size > 4096) return -ERRNO.E2BIG;
  const bytes = t.memory.read(a.n(0), size);
  if (bytes === undefined) return -ERRNO.EFAULT;
  const v = new DataView(bytes.buffer);
  const u = (at: number): bigint => v.getBigUint64(at, true);
  const high = Number(u(0) >> 32n);
  const flags = Number(u(0) & 0xffff_ffffn);
  const foreign = (high & ~CLONE_HIGH.CLEAR_SIGHAND) !== 0;
  const setTid = size >= 80 && (u(64) !== 0n || u(72) !== 0n);
  if (foreign || setTid) {
    k.unsupported(foreign ? `clone3 with flags 0x${u(0).toString(16)}` : 'clone3 with set_tid');
    return -ERRNO.EINVAL;
  }
  const stack = u(40);
  if ((flags & (CLONE.CSIGNAL | CLONE.DETACHED)) !== 0 || (stack === 0n) !== (u(48) === 0n)) return -ERRNO.EINVAL;
  if ((flags & (CLONE.THREAD | CLONE.PARENT)) !== 0 && u(32) !== 0n) return -ERRNO.EINVAL;
  if (u(32) > BigInt(NSIG)) return -ERRNO.EINVAL;
  return doClone(k, t, {
    flags,
    clearHandlers: (high & CLONE_HIGH.CLEAR_SIGHAND) !== 0,
    exitSignal: Number(u(32)),
    stack: stack + u(48),
    pidfdAt: Number(u(8)),
    parentTid: Number(u(24)),
    childTid: Number(u(16)),
    tls: u(56),
  });
}

function execve(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const path = t.memory.readString(a.n(0), 4095);
  if (path === undefined) return -ERRNO.EFAULT;
  if (path === 'too long') return -ERRNO.ENAMETOOLONG;
  const argv = readStrings(t, a.n(1));
  const envp = readStrings(t, a.n(2));
  if (typeof argv === 'number') return argv;
  if (typeof envp === 'number') return envp;
  // Linux gives a program without arguments an empty argv[0] since 5.18.
  const refusal = exec(k, t, { path, argv: argv.length === 0 ? [''] : argv, envp });
  if (refusal === undefined) return 0;
  if (refusal.errno !== ERRNO.ENOENT && refusal.errno !== ERRNO.EACCES) k.unsupported(`execve of ${path}: ${refusal.reason}`);
  return -refusal.errno;
}

function readStrings(t: Task, va: number): string[] | number {
  const out: string[] = [];
  if (va === 0) return out;
  let total = 0;
  for (let at = va; ; at += 8) {
    const pointer = t.memory.readNumber(at);
    if (pointer === undefined) return -ERRNO.EFAULT;
    if (pointer === 0) return out;
    const s = t.memory.readString(pointer, 128 * 1024);
    if (s === undefined) return -ERRNO.EFAULT;
    total += s.length + 9;
    if (s === 'too long' || total > LAYOUT.STACK_LIMIT / 4) return -ERRNO.E2BIG;
    out.push(s);
  }
}

function exitAll(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  exitGroup(k, t, exitedWith(a.i32(0)));
  return 0;
}

function exit(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  exitTask(k, t, exitedWith(a.i32(0)));
  return 0;
}

/** Does `child` belong to what wait4's or waitid's id selects? */
function selected(parent: Task, child: Task, kind: number, id: number): boolean {
  if (kind === P_ID.PID) return child.pid === id;
  if (kind === P_ID.PGID) return child.pgid === (id === 0 ? parent.pgid : id);
  return true;
}

interface Found {
  readonly child: Task;
  readonly status: number;
  readonly code: number;
  readonly value: number;
}

/** A child with news. */
function news(children: readonly Task[], options: number): Found | undefined {
  for (const child of children) {
    const { process } = child;
    if (!process.alive && (options & WAIT.EXITED) !== 0) {
      const s = child.exitStatus;
      const signal = s & 0x7f;
      return {
        child,
        status: s,
        code: signal === 0 ? CLD.EXITED : (s & 0x80) !== 0 ? CLD.DUMPED : CLD.KILLED,
        value: signal === 0 ? s >> 8 : signal,
      };
    }
    if (process.stopSignal !== 0 && !process.stopReported && (options & WAIT.UNTRACED) !== 0) {
      return { child, status: (process.stopSignal << 8) | 0x7f, code: CLD.STOPPED, value: process.stopSignal };
    }
    if (process.continued && (options & WAIT.CONTINUED) !== 0) return { child, status: 0xffff, code: CLD.CONTINUED, value: SIG.SIGCONT };
  }
  return undefined;
}

function consume(k: Kernel, found: Found, options: number): void {
  if ((options & WAIT.NOWAIT) !== 0) return;
  if (found.code === CLD.STOPPED) found.child.process.stopReported = true;
  else if (found.code === CLD.CONTINUED) found.child.process.continued = false;
  else reap(k, found.child);
}

/** The common part of wait4 and waitid: what was found, 0 for WNOHANG without news, a Wait, or -errno. */
function waitFor(t: Task, kind: number, id: number, options: number, what: string): Found | Wait | number {
  const mine = (): Task[] => [...t.children].filter((c) => selected(t, c, kind, id));
  const children = mine();
  if (children.length === 0) return -ERRNO.ECHILD;
  const found = news(children, options);
  if (found !== undefined) return found;
  if ((options & WAIT.NOHANG) !== 0) return 0;
  return {
    kind: 'wait',
    what,
    ready: () => {
      const now = mine();
      return now.length === 0 || news(now, options) !== undefined;
    },
  };
}

function wait4(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const pid = a.i32(0);
  const options = a.u32(2);
  if ((options & ~(WAIT.NOHANG | WAIT.UNTRACED | WAIT.CONTINUED | 0xe000_0000)) !== 0) return -ERRNO.EINVAL;
  const [kind, id] = pid > 0 ? [P_ID.PID, pid] : pid === -1 ? [P_ID.ALL, 0] : [P_ID.PGID, -pid];
  const found = waitFor(t, kind, id, options | WAIT.EXITED, 'wait4');
  if (typeof found === 'number' || 'kind' in found) return found;
  const { child } = found;
  if (a.n(1) !== 0 && !t.memory.writeU32(a.n(1), found.status)) return -ERRNO.EFAULT;
  if (a.n(3) !== 0 && !writeRusage(t, a.n(3), child.process.times(), child.process.childTimes)) return -ERRNO.EFAULT;
  consume(k, found, options);
  return child.pid;
}

function waitid(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const kind = a.i32(0);
  const options = a.u32(3);
  if (kind === P_ID.PIDFD) {
    const file = t.files.get(a.i32(1));
    return file instanceof PidFd ? waitidOf(k, t, a, P_ID.PID, file.process.pid, options, file.nonBlocking) : -ERRNO.EBADF;
  }
  return waitidOf(k, t, a, kind, a.i32(1), options, false);
}
function waitidOf(k: Kernel, t: Task, a: SyscallArgs, kind: number, id: number, options: number, never: boolean): SyscallResult {
  if (kind < 0 || kind > P_ID.PGID || (options & (WAIT.EXITED | WAIT.STOPPED | WAIT.CONTINUED)) === 0) return -ERRNO.EINVAL;
  const found = waitFor(t, kind, id, options, 'waitid');
  if (typeof found === 'object' && 'kind' in found) return never ? -ERRNO.EAGAIN : found;
  if (typeof found === 'number' && found !== 0) return found;
  if (a.n(2) !== 0) {
    const info =
      typeof found === 'number'
        ? new Uint8Array(128)
        : siginfoBytes({
            signal: SIG.SIGCHLD,
            code: found.code,
            pid: found.child.pid,
            uid: found.child.credentials.uid,
            status: found.value,
          });
    if (!t.memory.write(a.n(2), info)) return -ERRNO.EFAULT;
  }
  if (typeof found === 'object') {
    if (a.n(4) !== 0 && !writeRusage(t, a.n(4), found.child.process.times(), found.child.process.childTimes)) return -ERRNO.EFAULT;
    consume(k, found, options);
  }
  return 0;
}

/** The task that pid 0 or a pid names. */
const byPid = (k: Kernel, t: Task, pid: number): Task | undefined => (pid === 0 ? t : k.tasks.get(pid));

function setpgid(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const target = a.i32(0) === 0 ? t.leader : k.tasks.get(a.i32(0));
  const pgid = a.i32(1) === 0 ? target?.pid : a.i32(1);
  if (a.i32(1) < 0) return -ERRNO.EINVAL;
  if (
    target === undefined ||
    pgid === undefined ||
    target !== target.leader ||
    (target.process !== t.process && target.process.parent !== t.process)
  )
    return -ERRNO.ESRCH;
  if (target.sid !== t.sid || target.sid === target.pid) return -ERRNO.EPERM;
  if (pgid !== target.pid && ![...k.tasks.values()].some((x) => x.pgid === pgid && x.sid === t.sid)) return -ERRNO.EPERM;
  target.process.pgid = pgid;
  return 0;
}

function setsid(k: Kernel, t: Task): SyscallResult {
  if (k.processes().some((x) => x.pgid === t.tgid)) return -ERRNO.EPERM;
  t.process.pgid = t.tgid;
  t.process.sid = t.tgid;
  t.process.terminal = 'none';
  return t.tgid;
}

function archPrctl(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const value = a.u(1);
  switch (a.i32(0)) {
    case ARCH_PRCTL.SET_FS:
    case ARCH_PRCTL.SET_GS:
      if (value >= BigInt(USER_END)) return -ERRNO.EPERM;
      if (a.i32(0) === ARCH_PRCTL.SET_FS) k.cpu.fsBase = value;
      else k.cpu.kernelGsBase = value; // the user's, while the kernel runs
      return 0;
    case ARCH_PRCTL.GET_FS:
      return t.memory.writeU64(a.n(1), k.cpu.fsBase) ? 0 : -ERRNO.EFAULT;
    case ARCH_PRCTL.GET_GS:
      return t.memory.writeU64(a.n(1), k.cpu.kernelGsBase) ? 0 : -ERRNO.EFAULT;
    default:
      return -ERRNO.EINVAL;
  }
}

/** One CPU: a set without it is empty. */
function schedSetaffinity(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  if (byPid(k, t, a.i32(0)) === undefined) return -ERRNO.ESRCH;
  const cpus = a.n(1) === 0 ? 0 : t.memory.readU8(a.n(2));
  if (cpus === undefined) return -ERRNO.EFAULT;
  return (cpus & 1) === 0 ? -ERRNO.EINVAL : 0;
}

function schedGetaffinity(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  if (byPid(k, t, a.i32(0)) === undefined) return -ERRNO.ESRCH;
  if (a.n(1) < 8 || a.n(1) % 8 !== 0) return -ERRNO.EINVAL;
  return t.memory.writeU64(a.n(2), (1n << BigInt(k.port.cpus.length)) - 1n) ? 8 : -ERRNO.EFAULT;
}

export const PROCESS_ROWS: readonly SyscallRow[] = [
  full('fork', (k, t) => doClone(k, t, request(SIG.SIGCHLD))),
  full('vfork', (k, t) => doClone(k, t, request(CLONE.VM | CLONE.VFORK | SIG.SIGCHLD))),
  partial('clone', (k, t, a) => doClone(k, t, request(a.u32(0), a.u(1), a.n(2), a.n(3), a.u(4))), 'no name spaces'),
  partial('clone3', clone3, 'no name spaces, cgroups, set_tid'),
  partial('execve', execve, 'ELF-64 programs, static and through their interpreter, and scripts; no 32-bit programs'),
  full('exit', exit),
  full('exit_group', exitAll),
  full('wait4', wait4),
  full('waitid', waitid),
  full('getpid', (_k, t) => t.tgid),
  full('gettid', (_k, t) => t.pid),
  full('getppid', (_k, t) => t.parent?.tgid ?? 1),
  full('getpgrp', (_k, t) => t.pgid),
  full('getpgid', (k, t, a) => byPid(k, t, a.i32(0))?.pgid ?? -ERRNO.ESRCH),
  full('getsid', (k, t, a) => byPid(k, t, a.i32(0))?.sid ?? -ERRNO.ESRCH),
  full('setpgid', setpgid),
  full('setsid', setsid),
  partial('arch_prctl', archPrctl, 'FS and GS bases'),
  full('set_tid_address', (_k, t, a) => {
    t.clearChildTid = a.n(0);
    return t.pid;
  }),
  full('set_robust_list', (_k, t, a) => {
    if (a.n(1) !== 24) return -ERRNO.EINVAL;
    t.robustList = a.n(0);
    return 0;
  }),
  full('get_robust_list', (k, t, a) => {
    const of = byPid(k, t, a.i32(0));
    if (of === undefined) return -ERRNO.ESRCH;
    return t.memory.writeU64(a.n(1), of.robustList) && t.memory.writeU64(a.n(2), 24) ? 0 : -ERRNO.EFAULT;
  }),
  full('sched_yield', (k) => {
    k.scheduler.needResched = true;
    return 0;
  }),
  full('sched_getaffinity', schedGetaffinity),
  full('sched_setaffinity', schedSetaffinity),
  partial(
    'sched_getscheduler',
    (k, t, a) => byPid(k, t, a.i32(0))?.policy ?? -ERRNO.ESRCH,
    'as it was set; SCHED_OTHER, BATCH and IDLE are all the same',
  ),
  partial('sched_getparam', (_k, t, a) => (t.memory.writeU32(a.n(1), 0) ? 0 : -ERRNO.EFAULT), 'priority 0 always'),
  full('sched_get_priority_max', (_k, _t, a) =>
    a.i32(0) === 1 || a.i32(0) === 2 ? 99 : a.i32(0) >= 0 && a.i32(0) <= 6 ? 0 : -ERRNO.EINVAL,
  ),
  full('sched_get_priority_min', (_k, _t, a) =>
    a.i32(0) === 1 || a.i32(0) === 2 ? 1 : a.i32(0) >= 0 && a.i32(0) <= 6 ? 0 : -ERRNO.EINVAL,
  ),
  full('getcpu', (k, t, a) => {
    if (a.n(0) !== 0 && !t.memory.writeU32(a.n(0), k.cpu.index)) return -ERRNO.EFAULT;
    return a.n(1) === 0 || t.memory.writeU32(a.n(1), 0) ? 0 : -ERRNO.EFAULT;
  }),
];
