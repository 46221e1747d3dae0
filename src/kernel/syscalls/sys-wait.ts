/** wait4 and waitid: news of children, and of those that the caller traces. kernel/exit.c wait_consider_task and what it calls. */
import { ERRNO } from '#abi/errno.ts';
import { P_ID, WAIT } from '#abi/process.ts';
import { WAIT_CLONE } from '#abi/ptrace.ts';
import { CLD, SIG } from '#abi/signals.ts';
import type { Kernel } from '../kernel.ts';
import { isReparented, stopComplete } from '../ptrace/stop.ts';
import { SIGINFO_BYTES, siginfoBytes } from '../signal/frame.ts';
import { endOf, reapWaited } from '../task/exit.ts';
import type { Task } from '../task/task.ts';
import { PidFd } from '../vfs/pid-fd.ts';
import { full } from './row.ts';
import { writeRusage } from './rusage.ts';
import type { SyscallArgs, SyscallResult, SyscallRow, Wait } from './types.ts';

const CLONE_FLAGS = WAIT_CLONE.NOTHREAD + WAIT_CLONE.WALL + WAIT_CLONE.WCLONE;

/** What the caller waits for. */
interface Wish {
  readonly kind: number;
  readonly id: number;
  /** WAIT's flags, as an unsigned number with those of clone. */
  readonly options: number;
}
const has = ({ options }: Wish, flag: number): boolean => (options & flag) !== 0;

/** Does `child` belong to what wait4's or waitid's id selects? */
function selected(parent: Task, child: Task, { kind, id }: Wish): boolean {
  if (kind === P_ID.PID) return child.pid === id;
  if (kind === P_ID.PGID) return child.pgid === (id === 0 ? parent.pgid : id);
  return true;
}

/** __WCLONE chooses children that end without SIGCHLD, __WALL takes all; a tracer's are always its. eligible_child */
const eligible = (child: Task, traced: boolean, wish: Wish): boolean =>
  traced || has(wish, WAIT_CLONE.WALL) || (child.exitSignal !== SIG.SIGCHLD) === has(wish, WAIT_CLONE.WCLONE);

interface Found {
  readonly child: Task;
  readonly status: number;
  readonly code: number;
  readonly value: number;
  /** What telling it changes. */
  consume(k: Kernel): void;
}
/** `later`: it may have news some day. */
type News = Found | 'later' | undefined;

/** The end of a process, or of a traced thread; a leader's is held back until its threads are gone. */
const isOver = (child: Task): boolean =>
  child === child.leader ? !child.process.alive && child.process.tracedZombies.size === 0 : child.state === 'zombie';

function newsOf(child: Task, asTracer: boolean, wish: Wish): News {
  const { process, trace } = child;
  const traced = asTracer || (trace !== undefined && !isReparented(child));
  if (isOver(child)) {
    // A traced zombie is its tracer's alone until that has waited for it.
    if (!traced && trace !== undefined) return has(wish, WAIT.CONTINUED | WAIT.EXITED) ? 'later' : undefined;
    if (!has(wish, WAIT.EXITED)) return undefined;
    return { child, status: child.exitStatus, ...endOf(child.exitStatus), consume: (k) => reapWaited(k, child) };
  }
  if (traced) {
    if (trace !== undefined && child.state === 'traced' && !trace.listening && trace.untold !== 0) {
      const { untold } = trace;
      const told = (): void => {
        trace.untold = 0;
      };
      return { child, status: (untold << 8) | 0x7f, code: CLD.TRAPPED, value: untold, consume: told };
    }
  } else if (process.stopSignal !== 0 && !process.stopReported && has(wish, WAIT.UNTRACED) && stopComplete(child)) {
    const told = (): void => {
      process.stopReported = true;
    };
    return { child, status: (process.stopSignal << 8) | 0x7f, code: CLD.STOPPED, value: process.stopSignal, consume: told };
  }
  if (process.continued && has(wish, WAIT.CONTINUED)) {
    const told = (): void => {
      process.continued = false;
    };
    return { child, status: 0xffff, code: CLD.CONTINUED, value: SIG.SIGCONT, consume: told };
  }
  return 'later';
}

/** The first news; 'later': there are such children; undefined: there are none. */
function look(t: Task, wish: Wish): News {
  let result: News;
  const consider = (child: Task, traced: boolean): Found | undefined => {
    if (!selected(t, child, wish) || !eligible(child, traced, wish)) return undefined;
    const news = newsOf(child, traced, wish);
    if (news === 'later') result = 'later';
    return typeof news === 'object' ? news : undefined;
  };
  for (const child of t.children) {
    const found = consider(child, false);
    if (found !== undefined) return found;
  }
  for (const thread of has(wish, WAIT_CLONE.NOTHREAD) ? [t] : t.process.threads) {
    for (const tracee of thread.tracees) {
      const found = consider(tracee, true);
      if (found !== undefined) return found;
    }
  }
  return result;
}

/** The common part of wait4 and waitid: what was found, 0 for WNOHANG without news, a Wait, or -errno. */
function waitFor(t: Task, wish: Wish, what: string): Found | Wait | number {
  const news = look(t, wish);
  if (news === undefined) return -ERRNO.ECHILD;
  if (news !== 'later') return news;
  if (has(wish, WAIT.NOHANG)) return 0;
  return { kind: 'wait', what, ready: () => look(t, wish) !== 'later' };
}

function wait4(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const pid = a.i32(0);
  const options = a.u32(2);
  if ((options & ~(WAIT.NOHANG | WAIT.UNTRACED | WAIT.CONTINUED | CLONE_FLAGS)) !== 0) return -ERRNO.EINVAL;
  const [kind, id] = pid > 0 ? [P_ID.PID, pid] : pid === -1 ? [P_ID.ALL, 0] : [P_ID.PGID, -pid];
  const found = waitFor(t, { kind, id, options: options | WAIT.EXITED }, 'wait4');
  if (typeof found === 'number' || 'kind' in found) return found;
  const { child } = found;
  const { pid: childPid } = child;
  if (a.n(1) !== 0 && !t.memory.writeU32(a.n(1), found.status)) return -ERRNO.EFAULT;
  if (a.n(3) !== 0 && !writeRusage(t, a.n(3), child.process.times(), child.process.childTimes)) return -ERRNO.EFAULT;
  found.consume(k);
  return childPid;
}

function waitid(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const kind = a.i32(0);
  const options = a.u32(3);
  if (kind === P_ID.PIDFD) {
    const file = t.files.get(a.i32(1));
    return file instanceof PidFd ? waitidOf(k, t, a, { kind: P_ID.PID, id: file.process.pid, options }, file.nonBlocking) : -ERRNO.EBADF;
  }
  return waitidOf(k, t, a, { kind, id: a.i32(1), options }, false);
}
function waitidOf(k: Kernel, t: Task, a: SyscallArgs, wish: Wish, never: boolean): SyscallResult {
  const { kind } = wish;
  if (kind < 0 || kind > P_ID.PGID || !has(wish, WAIT.EXITED | WAIT.STOPPED | WAIT.CONTINUED)) return -ERRNO.EINVAL;
  const found = waitFor(t, wish, 'waitid');
  if (typeof found === 'object' && 'kind' in found) return never ? -ERRNO.EAGAIN : found;
  if (typeof found === 'number' && found !== 0) return found;
  if (a.n(2) !== 0) {
    const info =
      typeof found === 'number'
        ? new Uint8Array(SIGINFO_BYTES)
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
    if (!has(wish, WAIT.NOWAIT)) found.consume(k);
  }
  return 0;
}

export const WAIT_ROWS: readonly SyscallRow[] = [full('wait4', wait4), full('waitid', waitid)];
