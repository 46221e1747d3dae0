/** System calls of processes: clone, execve, exit, groups, sessions, scheduling. */
import { ERRNO } from '#abi/errno.ts';
import { NSIG, SIG } from '#abi/signals.ts';
import { ARCH_PRCTL, CLONE, CLONE_HIGH } from '#abi/process.ts';
import type { Kernel } from '../kernel.ts';
import { LAYOUT } from '../mm/address-space.ts';
import { USER_END } from '../mm/page-tables.ts';
import { cloneEvent, event, execEvent } from '../ptrace/events.ts';
import { exec } from '../task/exec.ts';
import { endOthers, exitedWith, exitTask } from '../task/exit.ts';
import { type CloneRequest, clone } from '../task/fork.ts';
import type { Task } from '../task/task.ts';
import { PidFd } from '../vfs/pid-fd.ts';
import { full, partial } from './row.ts';
import { maySchedule } from './sys-limits.ts';
import type { SyscallArgs, SyscallResult, SyscallRow, Wait } from './types.ts';

/** A wait of a call that has made its child: for the tracer or, in vfork, for the child. */
interface ChildWait extends Wait {
  readonly child: Task;
  readonly pid: number;
  readonly stage: 'made' | 'vfork' | 'done';
}

function doClone(k: Kernel, t: Task, request: CloneRequest): SyscallResult {
  if (t.resumed !== undefined) return afterClone(k, t, request, t.resumed as ChildWait);
  const child = clone(k, t, request);
  if (typeof child === 'number') return child;
  const { pid } = child;
  if ((request.flags & CLONE.PIDFD) !== 0) {
    const fd = t.files.install(new PidFd(child.process, 0), true);
    t.memory.writeU32(request.pidfdAt, fd);
  }
  const untraced = (request.flags & CLONE.UNTRACED) !== 0;
  const stop = untraced ? undefined : event(k, t, cloneEvent(request.flags, request.exitSignal), pid);
  const made = { child, pid, stage: 'made' } as const;
  const wait: ChildWait | undefined = stop && { ...stop, ...made };
  return wait ?? afterClone(k, t, request, made);
}

function afterClone(k: Kernel, t: Task, request: CloneRequest, at: Pick<ChildWait, 'child' | 'pid' | 'stage'>): SyscallResult {
  const { child, pid, stage } = at;
  t.vforkWait = false;
  if ((request.flags & CLONE.VFORK) === 0 || stage === 'done') return pid;
  const ready = (): boolean => child.vforkParent === undefined;
  if (!ready()) {
    t.vforkWait = true;
    const wait: ChildWait = { kind: 'wait', what: `vfork until task ${pid} execs or exits`, child, pid, stage: 'vfork', ready };
    return wait;
  }
  const stop = event(k, t, 'VFORK_DONE', pid);
  const wait: ChildWait | undefined = stop && { ...stop, child, pid, stage: 'done' };
  return wait ?? pid;
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
  if (t.resumed !== undefined) return 0; // the tracer has seen it
  const path = t.memory.readString(a.n(0), 4095);
  if (path === undefined) return -ERRNO.EFAULT;
  if (path === 'too long') return -ERRNO.ENAMETOOLONG;
  const argv = readStrings(t, a.n(1));
  const envp = readStrings(t, a.n(2));
  if (typeof argv === 'number') return argv;
  if (typeof envp === 'number') return envp;
  // Linux gives a program without arguments an empty argv[0] since 5.18.
  const { pid } = t;
  const refusal = exec(k, t, { path, argv: argv.length === 0 ? [''] : argv, envp });
  if (refusal === undefined) return execEvent(k, t, pid) ?? 0;
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
  const status = endOthers(k, t, exitedWith(a.i32(0)));
  const stop = t.resumed === undefined ? event(k, t, 'EXIT', status) : undefined;
  if (stop !== undefined) return stop;
  exitTask(k, t, status);
  return 0;
}

function exit(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const status = exitedWith(a.i32(0));
  const stop = t.resumed === undefined ? event(k, t, 'EXIT', status) : undefined;
  if (stop !== undefined) return stop;
  exitTask(k, t, status);
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
  const cpus = a.n(1) === 0 ? 0 : t.memory.readU8(a.n(2));
  if (cpus === undefined) return -ERRNO.EFAULT;
  const of = byPid(k, t, a.i32(0));
  if (of === undefined) return -ERRNO.ESRCH;
  if (!maySchedule(t, of)) return -ERRNO.EPERM;
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
  partial(
    'sched_getparam',
    (k, t, a) => {
      if (a.n(1) === 0 || a.i32(0) < 0) return -ERRNO.EINVAL;
      if (byPid(k, t, a.i32(0)) === undefined) return -ERRNO.ESRCH;
      return t.memory.writeU32(a.n(1), 0) ? 0 : -ERRNO.EFAULT;
    },
    'priority 0 always',
  ),
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
