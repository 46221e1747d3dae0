/** Reading directories; the working directory. */
import { ERRNO } from '#abi/errno.ts';
import { ACCESS, AT, O } from '#abi/fs.ts';
import { DIRENT64, DIRENT64_NAME, DIRENT64_TYPE, DIRENT_NAME } from '#abi/stat.ts';
import { encodeUtf8 } from '#base/utf8.ts';
import type { Kernel } from '../kernel.ts';
import type { Task } from '../task/task.ts';
import { DirectoryDescription } from '../vfs/directory.ts';
import type { DirectoryEntry, Node } from '../vfs/node.ts';
import { callerOf, permission } from '../vfs/permission.ts';
import { full } from './row.ts';
import { nodeOf, targetOf } from './sys-file-common.ts';
import type { SyscallArgs, SyscallResult, SyscallRow } from './types.ts';

/** Records are padded to 8 bytes. */
const align = (n: number): number => (n + 7) & ~7;

/** One struct linux_dirent64. `next`: the offset behind the entry. */
export function encodeEntry64(entry: DirectoryEntry, next: number): Uint8Array {
  const name = encodeUtf8(entry.name);
  const record = new Uint8Array(align(DIRENT64_NAME + name.length + 1));
  DIRENT64.encodeInto(record, 0, { d_ino: entry.ino, d_off: next, d_reclen: record.length });
  record[DIRENT64_TYPE] = entry.type;
  record.set(name, DIRENT64_NAME);
  return record;
}
/** One struct linux_dirent: the name before, the type as the last byte. */
function encodeEntry(entry: DirectoryEntry, next: number): Uint8Array {
  const name = encodeUtf8(entry.name);
  const record = new Uint8Array(align(DIRENT_NAME + name.length + 2));
  DIRENT64.encodeInto(record, 0, { d_ino: entry.ino, d_off: next, d_reclen: record.length });
  record.fill(0, DIRENT_NAME);
  record.set(name, DIRENT_NAME);
  record[record.length - 1] = entry.type;
  return record;
}

const readEntries =
  (encode: (entry: DirectoryEntry, next: number) => Uint8Array) =>
  (_k: Kernel, t: Task, a: SyscallArgs): SyscallResult => {
    const file = t.files.get(a.i32(0));
    if (file === undefined || (file.flags & O.PATH) !== 0) return -ERRNO.EBADF;
    if (!(file instanceof DirectoryDescription)) return -ERRNO.ENOTDIR;
    const entries = file.remaining();
    if (typeof entries === 'number') return entries;
    const out = new Uint8Array(Math.min(a.u32(2), 1 << 20));
    let length = 0;
    let taken = 0;
    for (const entry of entries) {
      const record = encode(entry, file.offset + taken + 1);
      if (length + record.length > out.length) {
        if (taken === 0) return -ERRNO.EINVAL;
        break;
      }
      out.set(record, length);
      length += record.length;
      taken++;
    }
    if (!t.memory.write(a.n(1), out.subarray(0, length))) return -ERRNO.EFAULT;
    file.offset += taken;
    return length;
  };

function getcwd(_k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const { cwd, root } = t.fs;
  if (cwd.unlinked) return -ERRNO.ENOENT;
  const path = cwd.path(root);
  const bytes = encodeUtf8(`${path ?? `(unreachable)${cwd.name}`}\0`);
  if (bytes.length > a.n(1)) return -ERRNO.ERANGE;
  return t.memory.write(a.n(0), bytes) ? bytes.length : -ERRNO.EFAULT;
}

function enter(t: Task, node: Node): SyscallResult {
  if (!node.isDirectory) return -ERRNO.ENOTDIR;
  const denied = permission(callerOf(t), node, ACCESS.X) || node.access(ACCESS.X);
  if (denied < 0) return denied;
  t.fs.cwd = node;
  return 0;
}
function chdir(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const target = targetOf(k, t, AT.FDCWD, a.n(0), 0);
  return typeof target === 'number' ? target : enter(t, nodeOf(target));
}
function fchdir(_k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const file = t.files.get(a.i32(0));
  return file === undefined ? -ERRNO.EBADF : enter(t, file.node);
}

export const FILE_DIRECTORY_ROWS: readonly SyscallRow[] = [
  full('getdents', readEntries(encodeEntry)),
  full('getdents64', readEntries(encodeEntry64)),
  full('getcwd', getcwd),
  full('chdir', chdir),
  full('fchdir', fchdir),
];
