/** Extended attributes: the file systems here have none, and say so as those without do (ls and cp -a look for ACLs and go on). */
import { ERRNO } from '#abi/errno.ts';
import { AT, O } from '#abi/fs.ts';
import type { SyscallName } from '#abi/syscall-numbers.ts';
import type { Kernel } from '../kernel.ts';
import type { Task } from '../task/task.ts';
import { partial } from './row.ts';
import { targetOf } from './sys-file-common.ts';
import type { SyscallArgs, SyscallResult, SyscallRow } from './types.ts';

/** A list without entries can be given; everything else is not supported (fs/xattr.c vfs_listxattr). */
const answer = (verb: string): number => (verb === 'listxattr' ? 0 : -ERRNO.EOPNOTSUPP);

const onPath =
  (verb: string, flags: number) =>
  (k: Kernel, t: Task, a: SyscallArgs): SyscallResult => {
    const target = targetOf(k, t, AT.FDCWD, a.n(0), flags);
    return typeof target === 'number' ? target : answer(verb);
  };
const onFile =
  (verb: string) =>
  (_k: Kernel, t: Task, a: SyscallArgs): SyscallResult => {
    const file = t.files.get(a.i32(0));
    return file === undefined || (file.flags & O.PATH) !== 0 ? -ERRNO.EBADF : answer(verb);
  };

const noteOf = (verb: string): string =>
  verb === 'listxattr'
    ? 'always empty: the host’s are not shown'
    : 'EOPNOTSUPP, as file systems without extended attributes; the host’s are not shown';
const verbs = ['setxattr', 'getxattr', 'listxattr', 'removexattr'] as const;

export const FILE_XATTR_ROWS: readonly SyscallRow[] = verbs.flatMap((verb): SyscallRow[] => [
  partial(verb, onPath(verb, 0), noteOf(verb)),
  partial(`l${verb}` satisfies SyscallName, onPath(verb, AT.SYMLINK_NOFOLLOW), noteOf(verb)),
  partial(`f${verb}` satisfies SyscallName, onFile(verb), noteOf(verb)),
]);
