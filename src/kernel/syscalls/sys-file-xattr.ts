/** Extended attributes: the file systems here have none, and say so as those without do (ls and cp -a look for ACLs and go on). */
import { ERRNO } from '#abi/errno.ts';
import { AT, O } from '#abi/fs.ts';
import type { SyscallName } from '#abi/syscall-numbers.ts';
import type { Kernel } from '../kernel.ts';
import type { Task } from '../task/task.ts';
import { partial } from './row.ts';
import { targetOf } from './sys-file-common.ts';
import type { SyscallArgs, SyscallResult, SyscallRow } from './types.ts';

const onPath =
  (flags: number) =>
  (k: Kernel, t: Task, a: SyscallArgs): SyscallResult => {
    const target = targetOf(k, t, AT.FDCWD, a.n(0), flags);
    return typeof target === 'number' ? target : -ERRNO.EOPNOTSUPP;
  };
function onFile(_k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const file = t.files.get(a.i32(0));
  return file === undefined || (file.flags & O.PATH) !== 0 ? -ERRNO.EBADF : -ERRNO.EOPNOTSUPP;
}

const NOTE = 'EOPNOTSUPP, as file systems without extended attributes; the host’s are not shown';
const verbs = ['setxattr', 'getxattr', 'listxattr', 'removexattr'] as const;

export const FILE_XATTR_ROWS: readonly SyscallRow[] = verbs.flatMap((verb): SyscallRow[] => [
  partial(verb, onPath(0), NOTE),
  partial(`l${verb}` satisfies SyscallName, onPath(AT.SYMLINK_NOFOLLOW), NOTE),
  partial(`f${verb}` satisfies SyscallName, onFile, NOTE),
]);
