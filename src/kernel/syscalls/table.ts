/** The system call table: at the same time the support matrix. A number without a row is -ENOSYS and remembered by name. */
import { EPOLL_ROWS } from './sys-epoll.ts';
import { FILE_ROWS } from './sys-file.ts';
import { KCMP_ROWS } from './sys-kcmp.ts';
import { LIMIT_ROWS } from './sys-limits.ts';
import { MEMORY_ROWS } from './sys-mm.ts';
import { IDENTITY_ROWS } from './sys-identity.ts';
import { PERF_ROWS } from './sys-perf.ts';
import { PROCESS_ROWS } from './sys-process.ts';
import { MSG_ROWS } from './sys-msg.ts';
import { PIDFD_ROWS } from './sys-pidfd.ts';
import { PTRACE_ROWS } from './sys-ptrace.ts';
import { PRCTL_ROWS } from './sys-prctl.ts';
import { SCHED_ROWS } from './sys-sched.ts';
import { SEM_ROWS } from './sys-sem.ts';
import { SHM_ROWS } from './sys-shm.ts';
import { SIGNAL_ROWS } from './sys-signal.ts';
import { SOCKET_ROWS } from './sys-socket.ts';
import { TIME_ROWS } from './sys-time.ts';
import { TIMER_ROWS } from './sys-timer.ts';
import { WAIT_ROWS } from './sys-wait.ts';
import type { SyscallRow } from './types.ts';

export const SYSCALL_ROWS: readonly SyscallRow[] = [
  ...PROCESS_ROWS,
  ...WAIT_ROWS,
  ...PTRACE_ROWS,
  ...MEMORY_ROWS,
  ...LIMIT_ROWS,
  ...PRCTL_ROWS,
  ...PIDFD_ROWS,
  ...KCMP_ROWS,
  ...SHM_ROWS,
  ...SEM_ROWS,
  ...MSG_ROWS,
  ...SIGNAL_ROWS,
  ...TIME_ROWS,
  ...IDENTITY_ROWS,
  ...FILE_ROWS,
  ...EPOLL_ROWS,
  ...SOCKET_ROWS,
  ...TIMER_ROWS,
  ...SCHED_ROWS,
  ...PERF_ROWS,
].toSorted((a, b) => a.number - b.number);
