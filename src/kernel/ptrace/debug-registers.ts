/** u_debugreg of struct user. There is no debug register yet: they read as after a reset, and setting them to anything else is refused by name. */
import { ERRNO } from '#abi/errno.ts';
import type { Kernel } from '../kernel.ts';
import type { Task } from '../task/task.ts';

/** DR6_RESERVED: what DR6 reads as while nothing has happened. */
const DR6_RESET = 0xffff_0ff0n;

export const peekDebug = (_k: Kernel, _task: Task, n: number): bigint => (n === 6 ? DR6_RESET : 0n);

export function pokeDebug(k: Kernel, _task: Task, n: number, value: bigint): number {
  if (n === 4 || n === 5) return -ERRNO.EIO;
  if (n === 6 || value === 0n) return 0;
  k.unsupported('ptrace: debug registers');
  return -ERRNO.EIO;
}
