/** Files that are made without a name: pipes, eventfd, memfd. */
import { ERRNO } from '#abi/errno.ts';
import { EFD, F_SEAL, MFD, O } from '#abi/fs.ts';
import { utf8Length } from '#base/utf8.ts';
import type { Kernel } from '../kernel.ts';
import type { Task } from '../task/task.ts';
import { EventFd } from '../vfs/event-fd.ts';
import { MemoryFile, MemoryFileNode } from '../vfs/memory-file.ts';
import { makePipe } from '../vfs/pipe.ts';
import { full, partial } from './row.ts';
import { ownerOf, pathArgument } from './sys-file-common.ts';
import type { SyscallArgs, SyscallResult, SyscallRow } from './types.ts';

function doPipe(k: Kernel, t: Task, va: number, flags: number): SyscallResult {
  if ((flags & ~(O.CLOEXEC | O.NONBLOCK | O.DIRECT)) !== 0) return -ERRNO.EINVAL;
  const [reader, writer] = makePipe(k.vfs.inodes, flags & O.NONBLOCK, ownerOf(t));
  const cloexec = (flags & O.CLOEXEC) !== 0;
  const first = t.files.install(reader, cloexec);
  if (first < 0) {
    writer.release();
    return first;
  }
  const second = t.files.install(writer, cloexec);
  if (second < 0) {
    t.files.close(first);
    return second;
  }
  if (t.memory.writeU32(va, first) && t.memory.writeU32(va + 4, second)) return 0;
  t.files.close(first);
  t.files.close(second);
  return -ERRNO.EFAULT;
}
const pipe = (k: Kernel, t: Task, a: SyscallArgs): SyscallResult => doPipe(k, t, a.n(0), 0);
const pipe2 = (k: Kernel, t: Task, a: SyscallArgs): SyscallResult => doPipe(k, t, a.n(0), a.i32(1));

function doEventfd(t: Task, initial: number, flags: number): SyscallResult {
  if ((flags & ~(EFD.SEMAPHORE | O.CLOEXEC | O.NONBLOCK)) !== 0) return -ERRNO.EINVAL;
  return t.files.install(new EventFd(initial, flags), (flags & O.CLOEXEC) !== 0);
}
const eventfd = (_k: Kernel, t: Task, a: SyscallArgs): SyscallResult => doEventfd(t, a.u32(0), 0);
const eventfd2 = (_k: Kernel, t: Task, a: SyscallArgs): SyscallResult => doEventfd(t, a.u32(0), a.i32(1));

/** `memfd:` and the name must fit NAME_MAX. */
const MEMFD_NAME_MAX = 249;

function memfdCreate(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const flags = a.u32(1);
  if ((flags & ~(MFD.CLOEXEC | MFD.ALLOW_SEALING | MFD.NOEXEC_SEAL | MFD.EXEC)) !== 0) return -ERRNO.EINVAL;
  const name = pathArgument(t, a.n(0));
  if (typeof name === 'number') return name === -ERRNO.ENAMETOOLONG ? -ERRNO.EINVAL : name;
  if (utf8Length(name) > MEMFD_NAME_MAX) return -ERRNO.EINVAL;
  const seals = (flags & (MFD.ALLOW_SEALING | MFD.NOEXEC_SEAL)) === 0 ? F_SEAL.SEAL : 0;
  const node = new MemoryFileNode(k.vfs.inodes, k.vfs.pages, name, seals, ownerOf(t));
  return t.files.install(new MemoryFile(node, O.RDWR | O.LARGEFILE), (flags & MFD.CLOEXEC) !== 0);
}

export const FILE_SPECIAL_ROWS: readonly SyscallRow[] = [
  partial('pipe', pipe, 'capacity counts bytes, not pages'),
  partial('pipe2', pipe2, 'capacity counts bytes, not pages; O_DIRECT (packets) is ignored'),
  full('eventfd', eventfd),
  full('eventfd2', eventfd2),
  partial('memfd_create', memfdCreate, 'at most 2 GiB; no huge pages'),
];
