/** kcmp(2): do two tasks share a thing of the kernel's? kernel/kcmp.c. */
import { ERRNO } from '#abi/errno.ts';
import type { Kernel } from '../kernel.ts';
import { mayAccess } from '../ptrace/access.ts';
import type { Task } from '../task/task.ts';
import { partial } from './row.ts';
import type { SyscallArgs, SyscallResult, SyscallRow } from './types.ts';

/** include/uapi/linux/kcmp.h */
const KCMP = { FILE: 0, VM: 1, FILES: 2, FS: 3, SIGHAND: 4, IO: 5, SYSVSEM: 6 } as const;

/** An order of a kernel's things that tells nothing of them: that in which they were first asked for. */
const ORDERS = new WeakMap<Kernel, { readonly places: WeakMap<object, number>; next: number }>();
function place(k: Kernel, of: object): number {
  const order = ORDERS.get(k) ?? { places: new WeakMap<object, number>(), next: 0 };
  ORDERS.set(k, order);
  const known = order.places.get(of) ?? order.next++;
  order.places.set(of, known);
  return known;
}

/** What a task has of that kind; undefined: no such kind, null: nothing (and nothing is like nothing). */
function thing(t: Task, kind: number): object | null | undefined {
  switch (kind) {
    case KCMP.VM:
      return t.mm;
    case KCMP.FILES:
      return t.files;
    case KCMP.FS:
      return t.fs;
    case KCMP.SIGHAND:
      return t.signals.actions;
    case KCMP.IO:
    case KCMP.SYSVSEM:
      return null;
    default:
      return undefined;
  }
}

function kcmp(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const [one, other] = [k.tasks.get(a.i32(0)), k.tasks.get(a.i32(1))];
  if (one === undefined || other === undefined) return -ERRNO.ESRCH;
  if (!mayAccess(t, one) || !mayAccess(t, other)) return -ERRNO.EPERM;
  const kind = a.i32(2);
  const [x, y] = kind === KCMP.FILE ? [one.files.get(a.n(3)), other.files.get(a.n(4))] : [thing(one, kind), thing(other, kind)];
  if (x === undefined || y === undefined) return kind === KCMP.FILE ? -ERRNO.EBADF : -ERRNO.EINVAL;
  if (x === y || x === null || y === null) return 0;
  return place(k, x) < place(k, y) ? 1 : 2;
}

export const KCMP_ROWS: readonly SyscallRow[] = [partial('kcmp', kcmp, 'no KCMP_EPOLL_TFD; IO contexts and undo lists are told as equal')];
