/** Descriptors of processes (pidfd_open(2)), and what unshare can take apart. */
import { ERRNO } from '#abi/errno.ts';
import { O } from '#abi/fs.ts';
import { CLONE } from '#abi/process.ts';
import { SI } from '#abi/signals.ts';
import type { Kernel } from '../kernel.ts';
import { signalProcess } from '../signal/deliver.ts';
import { isSignal } from '../signal/task-signals.ts';
import type { Task } from '../task/task.ts';
import { PidFd } from '../vfs/pid-fd.ts';
import { full, partial } from './row.ts';
import { unshareFiles } from '../task/exec.ts';
import { maySignal } from './sys-signal.ts';
import type { SyscallArgs, SyscallResult, SyscallRow } from './types.ts';

function pidfdOpen(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const of = k.tasks.get(a.i32(0));
  if ((a.u32(1) & ~O.NONBLOCK) !== 0 || a.i32(0) <= 0) return -ERRNO.EINVAL;
  if (of === undefined) return -ERRNO.ESRCH;
  return of === of.leader ? t.files.install(new PidFd(of.process, a.u32(1)), true) : -ERRNO.EINVAL;
}

/** The process of a descriptor, or -errno. */
function leaderOf(t: Task, fd: number): Task | number {
  const file = t.files.get(fd);
  if (!(file instanceof PidFd)) return -ERRNO.EBADF;
  const { leader } = file.process;
  return leader === undefined || leader.state === 'dead' ? -ERRNO.ESRCH : leader;
}

function pidfdSendSignal(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  if (a.u32(3) !== 0) return -ERRNO.EINVAL;
  const to = leaderOf(t, a.i32(0));
  if (typeof to === 'number') return to;
  const signal = a.i32(1);
  if (signal !== 0 && !isSignal(signal)) return -ERRNO.EINVAL;
  if (!maySignal(t, to, signal)) return -ERRNO.EPERM;
  const own = { signal, code: SI.USER, pid: t.tgid, uid: t.credentials.uid };
  if (a.n(2) === 0) {
    if (signal !== 0) signalProcess(k, to, own);
    return 0;
  }
  const bytes = t.memory.read(a.n(2), 32);
  if (bytes === undefined) return -ERRNO.EFAULT;
  const v = new DataView(bytes.buffer, bytes.byteOffset);
  const code = v.getInt32(8, true);
  if (v.getInt32(0, true) !== signal) return -ERRNO.EINVAL;
  if ((code >= 0 || code === SI.TKILL) && to.process !== t.process) return -ERRNO.EPERM;
  if (signal !== 0) signalProcess(k, to, { ...own, code, value: v.getBigUint64(24, true) });
  return 0;
}

function pidfdGetfd(_k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  if (a.u32(2) !== 0) return -ERRNO.EINVAL;
  const of = leaderOf(t, a.i32(0));
  if (typeof of === 'number') return of;
  if (t.credentials.euid !== 0 && t.credentials.euid !== of.credentials.uid) return -ERRNO.EPERM;
  const file = of.files.get(a.i32(1));
  return file === undefined ? -ERRNO.EBADF : t.files.install(file.retain(), true);
}

const NAME_SPACES = ['NEWNS', 'NEWCGROUP', 'NEWUTS', 'NEWIPC', 'NEWUSER', 'NEWPID', 'NEWNET'] as const;

/** Descriptors and directories of the caller's own. There is one name space of each kind, as in a kernel that is built without them. */
function unshare(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const flags = a.u32(0);
  for (const name of NAME_SPACES) {
    if ((flags & CLONE[name]) === 0) continue;
    k.unsupported(`unshare with CLONE_${name}`);
    return -ERRNO.EINVAL;
  }
  const rest = CLONE.FILES | CLONE.FS | CLONE.SYSVSEM | CLONE.THREAD | CLONE.SIGHAND | CLONE.VM;
  if ((flags & ~rest) !== 0) return -ERRNO.EINVAL;
  if ((flags & (CLONE.THREAD | CLONE.SIGHAND | CLONE.VM)) !== 0 && t.process.threads.size > 1) return -ERRNO.EINVAL;
  if ((flags & CLONE.FILES) !== 0) unshareFiles(k, t);
  if ((flags & CLONE.FS) !== 0) t.fs = t.fs.clone();
  return 0;
}

export const PIDFD_ROWS: readonly SyscallRow[] = [
  partial('pidfd_open', pidfdOpen, 'processes, not threads'),
  full('pidfd_send_signal', pidfdSendSignal),
  full('pidfd_getfd', pidfdGetfd),
  partial('unshare', unshare, 'descriptors and directories; name spaces: EINVAL'),
];
