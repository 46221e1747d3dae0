/** System calls of memory. What mmap maps of files comes from the descriptor (kernel/vfs). */
import { ERRNO } from '#abi/errno.ts';
import { O } from '#abi/fs.ts';
import { MADV, MAP, MREMAP, MS, PROT } from '#abi/mman.ts';
import { RLIM_INFINITY, RLIMIT } from '#abi/process.ts';
import type { Kernel } from '../kernel.ts';
import { pageUp } from '../mm/address-space.ts';
import { PAGE } from '../mm/frames.ts';
import type { PageSource } from '../mm/page-source.ts';
import { lockedIn, populate } from '../mm/lock.ts';
import { USER_END } from '../mm/page-tables.ts';
import { physicalOf } from '../mm/user-memory.ts';
import type { Task } from '../task/task.ts';
import { full, partial } from './row.ts';
import { limitOf } from './sys-limits.ts';
import { LOCK_ROWS, refusesLocked } from './sys-mlock.ts';
import type { SyscallArgs, SyscallResult, SyscallRow } from './types.ts';

const RWX = PROT.READ | PROT.WRITE | PROT.EXEC;

/** What mmap maps of a descriptor, after mmap(2)'s checks of its access mode. */
function sourceOf(t: Task, fd: number, prot: number, shared: boolean, length: number, offset: number): PageSource | number {
  const description = t.files.get(fd);
  if (description === undefined) return -ERRNO.EBADF;
  if (!description.readable) return -ERRNO.EACCES;
  if (shared && (prot & PROT.WRITE) !== 0 && !description.writable) return -ERRNO.EACCES;
  return description.pageSource({ task: t, prot, shared, length: pageUp(length), offset });
}

/** MAP_HUGE_2MB | MAP_HUGE_1GB: sizes as powers of two. */
const MAP_HUGE_SIZES = (21 | 30) << 26;
/** What MAP_SHARED_VALIDATE knows: LEGACY_MAP_MASK of include/linux/mman.h. The file systems here add nothing to it (MAP_SYNC is for DAX). */
const MAP_VALID =
  MAP.TYPE |
  MAP.FIXED |
  MAP.ANONYMOUS |
  MAP.DENYWRITE |
  MAP.EXECUTABLE |
  MAP.GROWSDOWN |
  MAP.LOCKED |
  MAP.NORESERVE |
  MAP.POPULATE |
  MAP.NONBLOCK |
  MAP.STACK |
  MAP.HUGETLB |
  MAP_HUGE_SIZES;

function isPlaceOrClosed(t: Task, fd: number): boolean {
  const description = t.files.get(fd);
  return description === undefined || (description.flags & O.PATH) !== 0;
}

function mmap(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const [hint, length, prot, flags, fd, offset] = [a.n(0), a.n(1), a.u32(2) & RWX, a.u32(3), a.i32(4), a.n(5)];
  if (offset % PAGE !== 0) return -ERRNO.EINVAL;
  // ksys_mmap_pgoff looks at the descriptor before do_mmap looks at the rest.
  const ofFile = (flags & MAP.ANONYMOUS) === 0;
  if (ofFile && isPlaceOrClosed(t, fd)) return -ERRNO.EBADF;
  if (length === 0) return -ERRNO.EINVAL;
  const type = flags & MAP.TYPE;
  if (ofFile && type === MAP.SHARED_VALIDATE && (flags & ~MAP_VALID) !== 0) return -ERRNO.EOPNOTSUPP;
  if (type !== MAP.PRIVATE && type !== MAP.SHARED && (type !== MAP.SHARED_VALIDATE || !ofFile)) return -ERRNO.EINVAL;
  if (length > USER_END || hint >= USER_END + PAGE) return -ERRNO.ENOMEM;
  if ((flags & MAP.HUGETLB) !== 0) return -ERRNO.ENOMEM; // no huge pages are reserved
  let source: PageSource | undefined;
  if (ofFile) {
    const got = sourceOf(t, fd, prot, type !== MAP.PRIVATE, length, offset);
    if (typeof got === 'number') return got;
    source = got;
  } else if (type === MAP.PRIVATE && (prot & PROT.WRITE) !== 0 && (flags & MAP.NORESERVE) === 0 && length / PAGE > k.frames.totalFrames) {
    return -ERRNO.ENOMEM; // more than the machine has: what Linux's heuristic overcommit refuses too
  }
  const asked = (flags & MAP.LOCKED) !== 0;
  const locks = asked || t.mm.locksFuture !== undefined;
  const refused = locks ? refusesLocked(k, t, length, asked) : 0;
  if (refused < 0) return refused;
  const keep = MAP.TYPE | MAP.ANONYMOUS | MAP.FIXED | MAP.FIXED_NOREPLACE | MAP.NORESERVE | MAP.GROWSDOWN;
  const aligned = (flags & MAP.FIXED) !== 0 ? hint : hint - (hint % PAGE);
  const at = t.mm.map(aligned, {
    length,
    prot,
    flags: (flags & keep) | (locks ? MAP.LOCKED : 0),
    source,
    offset: source === undefined ? 0 : offset,
    name: source?.name ?? '',
  });
  if (at < 0) return at;
  if (locks && (asked || t.mm.locksFuture === 'present')) populate(t.mm, at, at + pageUp(length));
  if ((flags & MAP.POPULATE) !== 0) {
    for (let va = at; va < at + pageUp(length); va += PAGE) if (physicalOf(t.mm, va, (prot & PROT.WRITE) !== 0) < 0) break;
  }
  const vma = t.mm.maps.find(at);
  if (vma !== undefined) k.mapped(t, { ...vma, start: at, end: at + pageUp(length) });
  return at;
}

function munmap(_k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const start = a.n(0);
  const length = a.n(1);
  if (start % PAGE !== 0 || length === 0 || start + length > USER_END) return -ERRNO.EINVAL;
  t.mm.unmap(start, length);
  return 0;
}

function mprotect(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const start = a.n(0);
  const length = a.n(1);
  if (start % PAGE !== 0 || (a.u32(2) & ~(RWX | PROT.GROWSDOWN | PROT.GROWSUP)) !== 0) return -ERRNO.EINVAL;
  if (length === 0) return 0;
  if (start + length > USER_END) return -ERRNO.ENOMEM;
  const result = t.mm.protect(start, length, a.u32(2) & RWX);
  if (result === 0 && (a.u32(2) & PROT.EXEC) !== 0) for (const v of t.mm.maps.overlapping(start, start + length)) k.mapped(t, v);
  return result;
}

function mremap(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const flags = a.u32(3);
  if (a.n(0) % PAGE !== 0 || a.n(1) === 0 || a.n(2) === 0 || a.n(2) > USER_END || a.n(1) > USER_END) return -ERRNO.EINVAL;
  if ((flags & ~(MREMAP.MAYMOVE | MREMAP.FIXED)) !== 0) {
    if ((flags & MREMAP.DONTUNMAP) !== 0) k.unsupported('mremap with MREMAP_DONTUNMAP');
    return -ERRNO.EINVAL;
  }
  if ((flags & MREMAP.FIXED) !== 0 && (flags & MREMAP.MAYMOVE) === 0) return -ERRNO.EINVAL;
  return t.mm.remap(a.n(0), a.n(1), a.n(2), (flags & MREMAP.MAYMOVE) !== 0, (flags & MREMAP.FIXED) !== 0 ? a.n(4) : undefined);
}

function madvise(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const start = a.n(0);
  const end = start + pageUp(a.n(1));
  if (start % PAGE !== 0) return -ERRNO.EINVAL;
  switch (a.i32(2)) {
    case MADV.DONTNEED:
    case MADV.FREE:
      if (lockedIn(t.mm, start, end) > 0) return -ERRNO.EINVAL;
      t.mm.discard(start, end);
      return 0;
    case MADV.NORMAL:
    case MADV.RANDOM:
    case MADV.SEQUENTIAL:
    case MADV.WILLNEED:
      return 0;
    default:
      if (a.i32(2) >= 9 && a.i32(2) <= 25) return 0; // hints about merging, huge pages, dumping, fork
      k.unsupported(`madvise ${a.i32(2)}`);
      return -ERRNO.EINVAL;
  }
}

function msync(_k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const flags = a.u32(2);
  if ((flags & ~(MS.ASYNC | MS.SYNC | MS.INVALIDATE)) !== 0 || a.n(0) % PAGE !== 0) return -ERRNO.EINVAL;
  if ((flags & MS.ASYNC) !== 0 && (flags & MS.SYNC) !== 0) return -ERRNO.EINVAL;
  const end = a.n(0) + pageUp(a.n(1));
  if ((flags & MS.INVALIDATE) !== 0 && lockedIn(t.mm, a.n(0), end) > 0) return -ERRNO.EBUSY;
  return t.mm.sync(a.n(0), end);
}

function brk(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const to = a.n(0);
  const limit = limitOf(k, t, RLIMIT.DATA)[0];
  if (limit !== RLIM_INFINITY && BigInt(Math.max(0, to - t.mm.brkStart)) > limit) return t.mm.brk;
  const before = t.mm.brk;
  const now = t.mm.setBrk(to);
  if (t.mm.locksFuture === 'present' && now > before) populate(t.mm, before, now);
  return now;
}

export const MEMORY_ROWS: readonly SyscallRow[] = [
  partial('mmap', mmap, 'no huge pages; shared file mappings are written back at msync, munmap and exit'),
  full('munmap', munmap),
  full('mprotect', mprotect),
  full('brk', brk),
  ...LOCK_ROWS,
  partial('mremap', mremap, 'no MREMAP_DONTUNMAP'),
  partial('madvise', madvise, 'DONTNEED and FREE act; hints are accepted'),
  full('msync', msync),
  partial(
    'mincore',
    (_k, t, a) => {
      const start = a.n(0);
      const end = start + pageUp(a.n(1));
      if (start % PAGE !== 0) return -ERRNO.EINVAL;
      if (end > USER_END) return -ERRNO.ENOMEM;
      for (let va = start; va < end; va += PAGE) {
        if (t.mm.maps.find(va) === undefined) return -ERRNO.ENOMEM;
        if (!t.memory.writeU8(a.n(2) + (va - start) / PAGE, t.mm.tables.leaf(va) === undefined ? 0 : 1)) return -ERRNO.EFAULT;
      }
      return 0;
    },
    'pages mapped by this process; cached but unmapped file pages count as absent',
  ),
];
