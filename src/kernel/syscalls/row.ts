/** How rows of the support matrix are written. */
import { SYS, type SyscallName } from '#abi/syscall-numbers.ts';
import type { SyscallHandler, SyscallRow } from './types.ts';

export const full = (name: SyscallName, handler: SyscallHandler): SyscallRow => ({
  number: SYS[name],
  name,
  handler,
  support: 'full',
  note: '',
});
export const partial = (name: SyscallName, handler: SyscallHandler, note: string): SyscallRow => ({
  number: SYS[name],
  name,
  handler,
  support: 'partial',
  note,
});
