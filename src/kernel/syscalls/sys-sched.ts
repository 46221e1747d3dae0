/** Scheduling policies, membarrier, rseq: what concerns the one CPU and who runs on it. */
import { ERRNO } from '#abi/errno.ts';
import type { Kernel } from '../kernel.ts';
import { PAGE } from '../mm/frames.ts';
import type { AddressSpace } from '../mm/address-space.ts';
import { setRseq } from '../sched/rseq.ts';
import type { Task } from '../task/task.ts';
import { full, partial } from './row.ts';
import { maySchedule } from './sys-limits.ts';
import type { SyscallArgs, SyscallResult, SyscallRow } from './types.ts';

const SCHED = { OTHER: 0, FIFO: 1, RR: 2, BATCH: 3, IDLE: 5, RESET_ON_FORK: 0x4000_0000 } as const;

const target = (k: Kernel, t: Task, pid: number): Task | undefined => (pid === 0 ? t : k.tasks.get(pid));

/** Only time sharing: SCHED_BATCH and SCHED_IDLE are accepted as such, real-time policies need a privilege that nobody has here. */
function setPolicy(k: Kernel, t: Task, pid: number, policy: number, priority: number | undefined): SyscallResult {
  if (pid < 0 || priority === undefined) return priority === undefined ? -ERRNO.EFAULT : -ERRNO.EINVAL;
  const of = target(k, t, pid);
  if (of === undefined) return -ERRNO.ESRCH;
  if (!maySchedule(t, of)) return -ERRNO.EPERM;
  const kind = policy & ~SCHED.RESET_ON_FORK;
  if (kind === SCHED.FIFO || kind === SCHED.RR) {
    k.unsupported('real-time scheduling');
    return priority < 1 || priority > 99 ? -ERRNO.EINVAL : -ERRNO.EPERM;
  }
  if (kind !== SCHED.OTHER && kind !== SCHED.BATCH && kind !== SCHED.IDLE) return -ERRNO.EINVAL;
  if (priority !== 0) return -ERRNO.EINVAL;
  of.policy = kind;
  return 0;
}

function rrInterval(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  if (target(k, t, a.i32(0)) === undefined) return -ERRNO.ESRCH;
  const ns = 1_000_000_000n / BigInt(k.options.hz);
  return t.memory.write(a.n(1), new Uint8Array(new BigInt64Array([0n, ns]).buffer)) ? 0 : -ERRNO.EFAULT;
}

/** struct sched_attr, include/uapi/linux/sched/types.h: bytes, and those of its first version. */
const ATTR = { SIZE: 56, SIZE_VER0: 48, RESET_ON_FORK: 1n, ALL_FLAGS: 0x7fn, DEADLINE: 6 } as const;

/** sched_setattr: policy and nice value; utilisation clamps are beyond a kernel without UCLAMP_TASK. kernel/sched/syscalls.c. */
function setattr(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  if (a.n(1) === 0 || a.i32(0) < 0 || a.u32(2) !== 0) return -ERRNO.EINVAL;
  const size = t.memory.readU32(a.n(1));
  if (size === undefined) return -ERRNO.EFAULT;
  const bytes = size === 0 || (size >= ATTR.SIZE_VER0 && size <= PAGE) ? t.memory.read(a.n(1), size || ATTR.SIZE_VER0) : undefined;
  if (bytes === undefined || bytes.subarray(ATTR.SIZE).some((b) => b !== 0)) {
    t.memory.writeU32(a.n(1), ATTR.SIZE);
    return -ERRNO.E2BIG;
  }
  const v = new DataView(bytes.buffer, bytes.byteOffset);
  const [policy, flags, nice, priority] = [v.getInt32(4, true), v.getBigUint64(8, true), v.getInt32(16, true), v.getInt32(20, true)];
  if ((flags & ~ATTR.ALL_FLAGS) !== 0n || policy < 0) return -ERRNO.EINVAL;
  if (policy === ATTR.DEADLINE) return -ERRNO.EPERM;
  const of = target(k, t, a.i32(0));
  if (of === undefined) return -ERRNO.ESRCH;
  const wanted = Math.min(19, Math.max(-20, nice));
  const shared = policy === SCHED.OTHER || policy === SCHED.BATCH;
  if (shared && wanted < of.nice && t.credentials.euid !== 0) return -ERRNO.EPERM;
  const result = setPolicy(k, t, a.i32(0), policy, priority);
  if (result === 0 && shared) of.nice = wanted;
  return result;
}

function getattr(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  if (a.n(1) === 0 || a.i32(0) < 0 || a.u32(2) < ATTR.SIZE_VER0 || a.u32(2) > PAGE || a.u32(3) !== 0) return -ERRNO.EINVAL;
  const of = target(k, t, a.i32(0));
  if (of === undefined) return -ERRNO.ESRCH;
  const size = Math.min(a.u32(2), ATTR.SIZE);
  const v = new DataView(new ArrayBuffer(size));
  v.setUint32(0, size, true);
  v.setUint32(4, of.policy, true);
  v.setInt32(16, of.nice, true);
  return t.memory.write(a.n(1), new Uint8Array(v.buffer)) ? 0 : -ERRNO.EFAULT;
}

const MEMBARRIER = {
  GLOBAL: 1,
  GLOBAL_EXPEDITED: 2,
  REGISTER_GLOBAL_EXPEDITED: 4,
  PRIVATE_EXPEDITED: 8,
  REGISTER_PRIVATE_EXPEDITED: 16,
  PRIVATE_EXPEDITED_SYNC_CORE: 32,
  REGISTER_PRIVATE_EXPEDITED_SYNC_CORE: 64,
} as const;
const ALL_BARRIERS = 127;
/** Registrations by address space. */
const REGISTERED = new WeakMap<AddressSpace, number>();

/** On one CPU that switches at instruction boundaries every thread is ordered already; what is left is the registrations' rule. */
function membarrier(_k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const command = a.i32(0);
  if (a.u32(1) !== 0) return -ERRNO.EINVAL;
  const registered = REGISTERED.get(t.mm) ?? 0;
  switch (command) {
    case 0:
      return ALL_BARRIERS;
    case MEMBARRIER.REGISTER_GLOBAL_EXPEDITED:
    case MEMBARRIER.REGISTER_PRIVATE_EXPEDITED:
    case MEMBARRIER.REGISTER_PRIVATE_EXPEDITED_SYNC_CORE:
      REGISTERED.set(t.mm, registered | command);
      return 0;
    case MEMBARRIER.GLOBAL:
    case MEMBARRIER.GLOBAL_EXPEDITED:
      return 0;
    case MEMBARRIER.PRIVATE_EXPEDITED:
    case MEMBARRIER.PRIVATE_EXPEDITED_SYNC_CORE:
      return (registered & (command * 2)) === 0 ? -ERRNO.EPERM : 0;
    default:
      return -ERRNO.EINVAL;
  }
}

export const SCHED_ROWS: readonly SyscallRow[] = [
  partial(
    'sched_setscheduler',
    (k, t, a) => setPolicy(k, t, a.i32(0), a.i32(1), t.memory.readI32(a.n(2))),
    'OTHER, BATCH and IDLE, all the same; real-time policies: EPERM',
  ),
  partial(
    'sched_setparam',
    (k, t, a) => (a.n(1) === 0 ? -ERRNO.EINVAL : setPolicy(k, t, a.i32(0), target(k, t, a.i32(0))?.policy ?? 0, t.memory.readI32(a.n(1)))),
    'priority 0 only',
  ),
  full('sched_rr_get_interval', rrInterval),
  partial('sched_setattr', setattr, 'as sched_setscheduler; SCHED_DEADLINE: EPERM; no utilisation clamps'),
  partial('sched_getattr', getattr, 'OTHER, BATCH and IDLE'),
  full('membarrier', membarrier),
  full('rseq', (k, t, a) => setRseq(k, t, a.n(0), a.u32(1), a.i32(2), a.u32(3))),
];
