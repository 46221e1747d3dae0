/** Scheduling policies, membarrier, rseq: what concerns the one CPU and who runs on it. */
import { ERRNO } from '#abi/errno.ts';
import type { Kernel } from '../kernel.ts';
import type { AddressSpace } from '../mm/address-space.ts';
import { setRseq } from '../sched/rseq.ts';
import type { Task } from '../task/task.ts';
import { full, partial } from './row.ts';
import type { SyscallArgs, SyscallResult, SyscallRow } from './types.ts';

const SCHED = { OTHER: 0, FIFO: 1, RR: 2, BATCH: 3, IDLE: 5, RESET_ON_FORK: 0x4000_0000 } as const;

const target = (k: Kernel, t: Task, pid: number): Task | undefined => (pid === 0 ? t : k.tasks.get(pid));

/** Only time sharing: SCHED_BATCH and SCHED_IDLE are accepted as such, real-time policies need a privilege that nobody has here. */
function setPolicy(k: Kernel, t: Task, pid: number, policy: number, priority: number | undefined): SyscallResult {
  if (pid < 0 || priority === undefined) return priority === undefined ? -ERRNO.EFAULT : -ERRNO.EINVAL;
  const of = target(k, t, pid);
  if (of === undefined) return -ERRNO.ESRCH;
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

function getattr(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const of = target(k, t, a.i32(0));
  if (of === undefined) return -ERRNO.ESRCH;
  if (a.u32(2) < 48) return -ERRNO.EINVAL;
  const v = new DataView(new ArrayBuffer(48));
  v.setUint32(0, 48, true);
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
    (k, t, a) => setPolicy(k, t, a.i32(0), target(k, t, a.i32(0))?.policy ?? 0, t.memory.readI32(a.n(1))),
    'priority 0 only',
  ),
  full('sched_rr_get_interval', rrInterval),
  partial('sched_getattr', getattr, 'OTHER, BATCH and IDLE'),
  full('membarrier', membarrier),
  full('rseq', (k, t, a) => setRseq(k, t, a.n(0), a.u32(1), a.i32(2), a.u32(3))),
];
