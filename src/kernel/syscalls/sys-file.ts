/** All file calls, for the system call table. */
import { FILE_DIRECTORY_ROWS } from './sys-file-dir.ts';
import { FILE_IO_ROWS } from './sys-file-io.ts';
import { FILE_IOCTL_ROWS } from './sys-file-ioctl.ts';
import { FILE_OPEN_ROWS } from './sys-file-open.ts';
import { FILE_POLL_ROWS } from './sys-file-poll.ts';
import { FILE_SPECIAL_ROWS } from './sys-file-special.ts';
import { FILE_STAT_ROWS } from './sys-file-stat.ts';
import { FILE_TREE_ROWS } from './sys-file-tree.ts';
import { FILE_XATTR_ROWS } from './sys-file-xattr.ts';
import type { SyscallRow } from './types.ts';

/** Sockets, epoll and their like have files of their own. */
export const FILE_ROWS: readonly SyscallRow[] = [
  ...FILE_IO_ROWS,
  ...FILE_OPEN_ROWS,
  ...FILE_STAT_ROWS,
  ...FILE_TREE_ROWS,
  ...FILE_DIRECTORY_ROWS,
  ...FILE_POLL_ROWS,
  ...FILE_SPECIAL_ROWS,
  ...FILE_IOCTL_ROWS,
  ...FILE_XATTR_ROWS,
];
