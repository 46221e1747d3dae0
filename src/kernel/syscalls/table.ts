/** The system call table: at the same time the support matrix. A number without a row is -ENOSYS and remembered by name. */
import { FILE_ROWS } from './sys-file.ts';
import { MEMORY_ROWS } from './sys-mm.ts';
import { IDENTITY_ROWS } from './sys-identity.ts';
import { PROCESS_ROWS } from './sys-process.ts';
import { SIGNAL_ROWS } from './sys-signal.ts';
import { TIME_ROWS } from './sys-time.ts';
import type { SyscallRow } from './types.ts';

export const SYSCALL_ROWS: readonly SyscallRow[] = [
  ...PROCESS_ROWS,
  ...MEMORY_ROWS,
  ...SIGNAL_ROWS,
  ...TIME_ROWS,
  ...IDENTITY_ROWS,
  ...FILE_ROWS,
].toSorted((a, b) => a.number - b.number);
