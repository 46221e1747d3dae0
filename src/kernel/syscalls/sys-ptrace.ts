/** ptrace, process_vm_readv, process_vm_writev, restart_syscall. */
import { ERRNO } from '#abi/errno.ts';
import { PTRACE } from '#abi/ptrace.ts';
import type { Kernel } from '../kernel.ts';
import { mayAccess } from '../ptrace/access.ts';
import { attach, traceme } from '../ptrace/attach.ts';
import { readForeign, writeForeign } from '../ptrace/memory.ts';
import { serveRequest } from '../ptrace/requests.ts';
import type { Task } from '../task/task.ts';
import { full, partial } from './row.ts';
import type { SyscallArgs, SyscallResult, SyscallRow } from './types.ts';

function ptrace(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const request = a.u(0) > 0xffffn ? -1 : a.n(0);
  if (request === PTRACE.TRACEME) return traceme(k, t);
  const task = k.tasks.get(a.i32(1));
  if (task === undefined || task.state === 'dead') return -ERRNO.ESRCH;
  if (request === PTRACE.ATTACH || request === PTRACE.SEIZE)
    return attach(k, t, task, request === PTRACE.SEIZE, a.u(2), a.u(3) > 0xffff_ffffn ? -1 : a.u32(3));
  return serveRequest(k, t, task, request, a.u(2), a.u(3));
}

interface Vector {
  readonly at: number;
  readonly length: number;
}
const MAX_VECTORS = 1024; // UIO_MAXIOV
const MAX_BYTES = 0x7fff_f000; // MAX_RW_COUNT

function vectors(t: Task, at: number, count: bigint): readonly Vector[] | number {
  if (count > BigInt(MAX_VECTORS)) return -ERRNO.EINVAL;
  const out: Vector[] = [];
  for (let i = 0; i < Number(count); i++) {
    const [base, length] = [t.memory.readU64(at + i * 16), t.memory.readU64(at + i * 16 + 8)];
    if (base === undefined || length === undefined) return -ERRNO.EFAULT;
    if (length >= 1n << 63n) return -ERRNO.EINVAL;
    out.push({ at: Number(base), length: Number(length) });
  }
  return out;
}

/** Moves bytes between the caller and another process, as far as both sides go. mm/process_vm_access.c */
function processVm(k: Kernel, t: Task, a: SyscallArgs, write: boolean): SyscallResult {
  if (a.u(5) !== 0n) return -ERRNO.EINVAL;
  const local = vectors(t, a.n(1), a.u(2));
  if (typeof local === 'number') return local;
  const room = Math.min(
    local.reduce((n, v) => n + v.length, 0),
    MAX_BYTES,
  );
  const remote = vectors(t, a.n(3), a.u(4));
  if (typeof remote === 'number') return remote;
  if (room === 0 || remote.length === 0) return 0;
  const task = k.tasks.get(a.i32(0));
  if (task === undefined || !task.alive) return -ERRNO.ESRCH;
  if (!mayAccess(t, task)) return -ERRNO.EPERM;
  let [done, which, offset] = [0, 0, 0];
  for (const far of remote) {
    for (let from = 0; from < far.length && done < room; ) {
      let near = local[which];
      while (near !== undefined && offset === near.length) {
        near = local[++which];
        offset = 0;
      }
      if (near === undefined) return done;
      const n = Math.min(far.length - from, near.length - offset, room - done, 1 << 20);
      const source = write ? readForeign(t.mm, near.at + offset, n, false) : readForeign(task.mm, far.at + from, n, false);
      const moved = write ? writeForeign(task.mm, far.at + from, source, false) : writeForeign(t.mm, near.at + offset, source, false);
      done += moved;
      if (moved < n) return done > 0 ? done : -ERRNO.EFAULT;
      from += n;
      offset += n;
    }
  }
  return done;
}

export const PTRACE_ROWS: readonly SyscallRow[] = [
  partial(
    'ptrace',
    ptrace,
    'stops, signals, registers (general, x87, SSE, XSAVE, debug), memory, single steps, system calls, SYSEMU, events, SEIZE; no SINGLEBLOCK, seccomp, thread areas, system call user dispatch; no Yama',
  ),
  full('process_vm_readv', (k, t, a) => processVm(k, t, a, false)),
  full('process_vm_writev', (k, t, a) => processVm(k, t, a, true)),
  full('restart_syscall', () => -ERRNO.EINTR), // nothing to restart; gate-server.ts makes the call that there is
];
