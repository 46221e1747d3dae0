/** Who may look into whom. kernel/ptrace.c __ptrace_may_access; there is no Yama. */
import { CAP, type Task } from '../task/task.ts';

/**
 * The user and group ids of the one must be all of the other's, and the other
 * must be dumpable, unless CAP_SYS_PTRACE says otherwise; threads of one process always may.
 */
export function mayAccess(by: Task, task: Task): boolean {
  if (by.process === task.process || by.can(CAP.SYS_PTRACE)) return true;
  const { uid, gid } = by.credentials;
  const other = task.credentials;
  const same = [other.uid, other.euid, other.suid].every((u) => u === uid) && [other.gid, other.egid, other.sgid].every((g) => g === gid);
  return same && task.process.dumpable;
}
