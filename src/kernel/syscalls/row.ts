/** How rows of the support matrix are written. */
import { ERRNO } from '#abi/errno.ts';
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
/** Refused on purpose: -ENOSYS, and the note says why. */
export const none = (name: SyscallName, note: string): SyscallRow => ({
  number: SYS[name],
  name,
  handler: () => -ERRNO.ENOSYS,
  support: 'none',
  note,
});
