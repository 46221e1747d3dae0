/** fork, vfork, clone: new processes and new threads. */
import { ERRNO } from '#abi/errno.ts';
import { CLONE, RLIM_INFINITY, RLIMIT } from '#abi/process.ts';
import { GPR, RFLAGS } from '#arch/registers.ts';
import { directMap } from '../boot/boot.ts';
import type { Kernel } from '../kernel.ts';
import { PagedMemory } from '../mm/user-memory.ts';
import { traceChild } from '../ptrace/events.ts';
import { limitOf } from '../syscalls/sys-limits.ts';
import { KERNEL_STACK_SIZE } from '../text/layout.ts';
import { PT_SIZE, PtRegs } from './pt-regs.ts';
import { Process } from './process.ts';
import { Task } from './task.ts';

export interface CloneRequest {
  /** CLONE_* bits without the exit signal. */
  readonly flags: number;
  /** CLONE_CLEAR_SIGHAND: handlers become default, as by execve. */
  readonly clearHandlers: boolean;
  readonly exitSignal: number;
  /** New stack pointer; 0: the parent's. */
  readonly stack: bigint;
  /** Where CLONE_PIDFD's descriptor goes. */
  readonly pidfdAt: number;
  readonly parentTid: number;
  readonly childTid: number;
  readonly tls: bigint;
}

/** What of clone(2) the model lacks; a program that asks gets -EINVAL and the name is kept. */
const UNSUPPORTED: readonly (keyof typeof CLONE)[] = ['NEWNS', 'NEWCGROUP', 'NEWUTS', 'NEWIPC', 'NEWUSER', 'NEWPID', 'NEWNET'];

/** RLIMIT_NPROC, which root does not have. */
function tooMany(k: Kernel, t: Task): boolean {
  const limit = limitOf(k, t, RLIMIT.NPROC)[0];
  if (t.credentials.uid === 0 || limit === RLIM_INFINITY) return false;
  let own = 0n;
  for (const other of k.tasks.values()) if (other.credentials.uid === t.credentials.uid) own++;
  return own >= limit;
}

/** Makes a child of the current task, or a thread beside it. The task, or -errno. */
export function clone(k: Kernel, parent: Task, request: CloneRequest): Task | number {
  const { flags } = request;
  for (const name of UNSUPPORTED) {
    if ((flags & CLONE[name]) !== 0) {
      k.unsupported(`clone with CLONE_${name}`);
      return -ERRNO.EINVAL;
    }
  }
  const thread = (flags & CLONE.THREAD) !== 0;
  if ((flags & CLONE.PIDFD) !== 0 && (thread || (flags & CLONE.DETACHED) !== 0)) return -ERRNO.EINVAL;
  if ((flags & CLONE.SIGHAND) !== 0 && ((flags & CLONE.VM) === 0 || request.clearHandlers)) return -ERRNO.EINVAL;
  if (thread && (flags & CLONE.SIGHAND) === 0) return -ERRNO.EINVAL;
  if (k.tasks.size >= k.maxTasks || tooMany(k, parent)) return -ERRNO.EAGAIN;
  const stack = k.frames.allocate();
  if (stack === undefined) return -ERRNO.ENOMEM;
  const shareMm = (flags & CLONE.VM) !== 0;
  const mm = shareMm ? parent.mm : parent.mm.fork();
  if (mm === undefined) {
    k.frames.release(stack);
    return -ERRNO.ENOMEM;
  }
  if (shareMm) mm.users++;
  const pid = k.newPid();
  const regs = new PtRegs(k.port.memory, stack + KERNEL_STACK_SIZE - PT_SIZE);
  regs.copyFrom(parent.regs);
  regs.set('ax', 0n);
  if (request.stack !== 0n) regs.set('sp', request.stack);
  const process = thread ? parent.process : newProcess(pid, parent, (flags & CLONE.PARENT) !== 0);
  const child = new Task({
    pid,
    process,
    comm: parent.comm,
    mm,
    memory: shareMm ? parent.memory : new PagedMemory(mm),
    files: (flags & CLONE.FILES) !== 0 ? parent.files : parent.files.clone(),
    fs: (flags & CLONE.FS) !== 0 ? parent.fs : parent.fs.clone(),
    signals: thread ? parent.signals.thread() : parent.signals.clone((flags & CLONE.SIGHAND) !== 0),
    credentials: { ...parent.credentials },
    regs,
    context: k.cpu.newContext(),
    kernelStack: stack,
    startNs: k.monotonicNs(),
  });
  if (shareMm && (flags & CLONE.VFORK) === 0) child.signals.altStack = { sp: 0n, size: 0n, flags: 0 };
  if (request.clearHandlers) child.signals.actions.resetHandlers();
  child.exitSignal = thread ? 0 : (flags & CLONE.PARENT) !== 0 ? parent.leader.exitSignal : request.exitSignal;
  child.nice = parent.nice;
  child.policy = parent.policy;
  if (!shareMm) child.rseq = parent.rseq;
  child.inheritCapabilities(parent);
  startContext(k, child, (flags & CLONE.SETTLS) !== 0 ? request.tls : undefined);
  if ((flags & CLONE.PARENT_SETTID) !== 0) parent.memory.writeU32(request.parentTid, pid);
  if ((flags & CLONE.CHILD_SETTID) !== 0) child.memory.writeU32(request.childTid, pid);
  if ((flags & CLONE.CHILD_CLEARTID) !== 0) child.clearChildTid = request.childTid;
  if ((flags & CLONE.VFORK) !== 0) child.vforkParent = parent;
  k.add(child);
  if (!thread) process.parent?.children.add(child);
  traceChild(parent, child, flags, request.exitSignal);
  k.perf.forked(parent, child);
  return child;
}

/** What a new process takes over from its maker's. CLONE_PARENT makes it a sibling. */
function newProcess(pid: number, maker: Task, sibling: boolean): Process {
  const from = maker.process;
  const process = new Process(pid, sibling ? from.parent : from);
  process.maker = sibling ? from.maker : maker;
  process.pgid = from.pgid;
  process.sid = from.sid;
  process.terminal = from.terminal;
  process.dumpable = from.dumpable;
  process.noNewPrivileges = from.noNewPrivileges;
  process.argv = from.argv;
  process.executable = from.executable;
  process.limits = new Map(from.limits);
  process.keepCapabilities = from.keepCapabilities;
  process.secureBits = from.secureBits;
  process.personality = from.personality;
  process.oomScoreAdjust = from.oomScoreAdjust;
  return process;
}

/** The CPU state with which a new task starts: the current one's registers, but in ret_from_fork on its own kernel stack. */
export function startContext(k: Kernel, child: Task, fsBase: bigint | undefined): void {
  const { cpu } = k;
  const mine = cpu.newContext();
  cpu.saveContext(mine);
  cpu.rip = k.image.address('ret_from_fork_asm');
  cpu.rflags = BigInt(RFLAGS.FIXED1);
  cpu.gpr[GPR.RSP] = directMap(child.regs.base);
  if (fsBase !== undefined) cpu.fsBase = fsBase;
  cpu.saveContext(child.context);
  cpu.loadContext(mine);
}
