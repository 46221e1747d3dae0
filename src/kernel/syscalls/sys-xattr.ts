/** Extended attributes: the modelled file systems have none and say so, as Linux's file systems without them do. */
import { ERRNO } from '#abi/errno.ts';
import { AT } from '#abi/fs.ts';
import type { SyscallName } from '#abi/syscall-numbers.ts';
import { partial } from './row.ts';
import { targetOf } from './sys-file-common.ts';
import type { SyscallHandler, SyscallRow } from './types.ts';

/** The file must be there; then: not supported. A list is empty. */
const onPath =
  (flags: number, result: number): SyscallHandler =>
  (k, t, a) => {
    const target = targetOf(k, t, AT.FDCWD, a.n(0), flags);
    return typeof target === 'number' ? target : result;
  };
const onDescriptor =
  (result: number): SyscallHandler =>
  (_k, t, a) =>
    t.files.get(a.i32(0)) === undefined ? -ERRNO.EBADF : result;

const NOTE = 'no file has any: EOPNOTSUPP, an empty list';
const three = (verb: 'get' | 'set' | 'remove' | 'list', result: number): SyscallRow[] =>
  (['', 'l', 'f'] as const).map((prefix) =>
    partial(
      `${prefix}${verb}xattr` as SyscallName,
      prefix === 'f' ? onDescriptor(result) : onPath(prefix === 'l' ? AT.SYMLINK_NOFOLLOW : 0, result),
      NOTE,
    ),
  );

export const XATTR_ROWS: readonly SyscallRow[] = [
  ...three('get', -ERRNO.EOPNOTSUPP),
  ...three('set', -ERRNO.EOPNOTSUPP),
  ...three('remove', -ERRNO.EOPNOTSUPP),
  ...three('list', 0),
];
