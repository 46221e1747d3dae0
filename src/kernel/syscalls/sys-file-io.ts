/** read, write and their families, lseek, sendfile, sync. */
import { ERRNO } from '#abi/errno.ts';
import { FALLOC, IOV_MAX, MAX_RW_COUNT, O, POSIX_FADV, S } from '#abi/fs.ts';
import { POLL } from '#abi/poll.ts';
import { RLIMIT } from '#abi/process.ts';
import { IOVEC } from '#abi/stat.ts';
import type { Kernel } from '../kernel.ts';
import type { Task } from '../task/task.ts';
import { DirectoryDescription } from '../vfs/directory.ts';
import { type FileDescription, isWait } from '../vfs/file-description.ts';
import { PipeEnd } from '../vfs/pipe.ts';
import { waitFor } from '../vfs/wait.ts';
import { full, partial } from './row.ts';
import { type Segment, dropSetIds, gather, readInto, withTimeout, writeFrom, written } from './sys-file-common.ts';
import { mayGrow, withinFileSize } from './sys-limits.ts';
import type { SyscallArgs, SyscallResult, SyscallRow } from './types.ts';

const readable = (t: Task, fd: number): FileDescription | number => {
  const file = t.files.get(fd);
  return file?.readable === true ? file : -ERRNO.EBADF;
};
const writable = (t: Task, fd: number): FileDescription | number => {
  const file = t.files.get(fd);
  return file?.writable === true ? file : -ERRNO.EBADF;
};

/** What pread and pwrite ask first: a position makes no sense here, whichever way the file was opened. fs/read_write.c FMODE_PREAD. */
function placed(t: Task, fd: number): number {
  const file = t.files.get(fd);
  if (file === undefined || (file.flags & O.PATH) !== 0) return -ERRNO.EBADF;
  return file.seekable ? 0 : -ERRNO.ESPIPE;
}

/** A count argument: at most MAX_RW_COUNT at once. One that is negative as ssize_t reaches beyond user memory: access_ok fails first. */
function countOf(a: SyscallArgs, i: number): number {
  const count = a.s(i);
  return count < 0 ? -ERRNO.EFAULT : Math.min(count, MAX_RW_COUNT);
}

/** The iovec array of a vector call. */
function segmentsOf(t: Task, va: number, count: number): Segment[] | number {
  if (count < 0 || count > IOV_MAX) return -ERRNO.EINVAL;
  if (count === 0) return [];
  const bytes = t.memory.read(va, count * IOVEC.size);
  if (bytes === undefined) return -ERRNO.EFAULT;
  const out: Segment[] = [];
  let room = MAX_RW_COUNT;
  for (let i = 0; i < count; i++) {
    const length = Number(BigInt.asIntN(64, IOVEC.getBig(bytes, 'iov_len', i * IOVEC.size)));
    if (length < 0) return -ERRNO.EINVAL;
    out.push({ va: IOVEC.get(bytes, 'iov_base', i * IOVEC.size), length: Math.min(length, room) });
    room -= Math.min(length, room);
  }
  return out;
}

function readSegments(k: Kernel, t: Task, fd: number, segments: readonly Segment[], position?: number): SyscallResult {
  if (position !== undefined && position < 0) return -ERRNO.EINVAL;
  const unplaced = position === undefined ? 0 : placed(t, fd);
  if (unplaced < 0) return unplaced;
  const file = readable(t, fd);
  if (typeof file === 'number') return file;
  if (position === undefined)
    return withTimeout(k, t, file, false, () =>
      readInto(
        t,
        segments,
        file.readsOnce,
        (into) => file.read(into),
        (n) => file.unread(n),
      ),
    );
  let at = position;
  return readInto(
    t,
    segments,
    false,
    (into) => {
      const n = file.pread(into, at);
      if (n > 0) at += n;
      return n;
    },
    () => {},
  );
}

/** What RLIMIT_FSIZE leaves of a write at `position` (-1: the file's own), or -EFBIG. */
function withinLimit(k: Kernel, t: Task, file: FileDescription, position: number, from: Uint8Array): Uint8Array | number {
  const stat = file.stat();
  if (typeof stat === 'number' || (stat.mode & S.IFMT) !== S.IFREG) return from;
  const at = position >= 0 ? position : (file.flags & O.APPEND) === 0 ? file.offset : stat.size;
  const length = withinFileSize(k, t, at, from.length);
  return length < 0 ? length : from.subarray(0, length);
}

function writeSegments(k: Kernel, t: Task, fd: number, segments: readonly Segment[], position?: number): SyscallResult {
  if (position !== undefined && position < 0) return -ERRNO.EINVAL;
  const unplaced = position === undefined ? 0 : placed(t, fd);
  if (unplaced < 0) return unplaced;
  const file = writable(t, fd);
  if (typeof file === 'number') return file;
  dropSetIds(k, t, file);
  if (file instanceof PipeEnd && position === undefined) {
    const length = segments.reduce((sum, x) => sum + x.length, 0);
    return written(
      k,
      t,
      file.writeFrom(length, (at, n) => gather(t, segments, at, n), t.resumed),
    );
  }
  return written(
    k,
    t,
    withTimeout(k, t, file, true, () =>
      writeFrom(t, segments, (from, at) => {
        const limited = t.process.limits.has(RLIMIT.FSIZE)
          ? withinLimit(k, t, file, position === undefined ? -1 : position + at, from)
          : from;
        if (typeof limited === 'number') return limited;
        return position === undefined ? file.write(limited) : file.pwrite(limited, position + at);
      }),
    ),
  );
}

function read(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const count = countOf(a, 2);
  if (count < 0) return typeof readable(t, a.i32(0)) === 'number' ? -ERRNO.EBADF : count;
  return readSegments(k, t, a.i32(0), [{ va: a.n(1), length: count }]);
}
function write(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const count = countOf(a, 2);
  if (count < 0) return typeof writable(t, a.i32(0)) === 'number' ? -ERRNO.EBADF : count;
  return writeSegments(k, t, a.i32(0), [{ va: a.n(1), length: count }]);
}
function pread64(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const count = countOf(a, 2);
  return count < 0 ? count : readSegments(k, t, a.i32(0), [{ va: a.n(1), length: count }], a.s(3));
}
function pwrite64(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const count = countOf(a, 2);
  return count < 0 ? count : writeSegments(k, t, a.i32(0), [{ va: a.n(1), length: count }], a.s(3));
}

/** `positioned`: preadv and its like, whose fourth argument is the position; -1 for the v2 calls means the file's own. */
const vectorRead =
  (positioned: 'own' | 'given' | 'either') =>
  (k: Kernel, t: Task, a: SyscallArgs): SyscallResult => {
    const position = positionOf(positioned, a);
    const unplaced = typeof position === 'number' ? placed(t, a.i32(0)) : 0;
    if (unplaced < 0) return unplaced;
    const file = readable(t, a.i32(0));
    if (typeof file === 'number') return file;
    const segments = segmentsOf(t, a.n(1), a.i32(2));
    if (typeof segments === 'number') return segments;
    return typeof position === 'object' ? position.refused : readSegments(k, t, a.i32(0), segments, position);
  };
const vectorWrite =
  (positioned: 'own' | 'given' | 'either') =>
  (k: Kernel, t: Task, a: SyscallArgs): SyscallResult => {
    const position = positionOf(positioned, a);
    const unplaced = typeof position === 'number' ? placed(t, a.i32(0)) : 0;
    if (unplaced < 0) return unplaced;
    const file = writable(t, a.i32(0));
    if (typeof file === 'number') return file;
    const segments = segmentsOf(t, a.n(1), a.i32(2));
    if (typeof segments === 'number') return segments;
    return typeof position === 'object' ? position.refused : writeSegments(k, t, a.i32(0), segments, position);
  };
function positionOf(positioned: 'own' | 'given' | 'either', a: SyscallArgs): number | undefined | { readonly refused: number } {
  if (positioned === 'own') return undefined;
  if (positioned === 'either' && a.u32(5) !== 0) return { refused: -ERRNO.EOPNOTSUPP }; // RWF_*
  const position = a.s(3);
  return positioned === 'either' && position === -1 ? undefined : position;
}

function lseek(_k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const file = t.files.get(a.i32(0));
  if (file === undefined || (file.flags & O.PATH) !== 0) return -ERRNO.EBADF;
  return file.seek(a.s(1), a.u32(2));
}

/** Writes what goes without waiting: a large write that waited half-way would lose its place in the copy. */
function writeNow(to: FileDescription, from: Uint8Array): number {
  const { flags } = to;
  to.flags |= O.NONBLOCK;
  const n = to.write(from);
  to.flags = flags;
  return isWait(n) ? -ERRNO.EAGAIN : n;
}

/** Copies inside the kernel; a piece at a time, so that a pipe that fills up ends it with what went through. */
function copy(
  k: Kernel,
  t: Task,
  from: FileDescription,
  fromPosition: number | undefined,
  to: FileDescription,
  toPosition: number | undefined,
  count: number,
): SyscallResult {
  dropSetIds(k, t, to);
  const piece = new Uint8Array(Math.min(count, 65536));
  let total = 0;
  while (total < count) {
    const wanted = piece.subarray(0, Math.min(piece.length, count - total));
    // Read at a position always, so that what the target does not take has not been read.
    const n = from.pread(wanted, (fromPosition ?? from.offset) + (fromPosition === undefined ? 0 : total));
    if (n <= 0) return total > 0 ? total : n;
    const part = wanted.subarray(0, n);
    const m = toPosition === undefined ? writeNow(to, part) : to.pwrite(part, toPosition + total);
    if (m === -ERRNO.EAGAIN && total === 0 && !to.nonBlocking) return waitFor('sendfile', () => (to.poll() & (POLL.OUT | POLL.ERR)) !== 0);
    if (m < 0) return total > 0 ? total : written(k, t, m);
    if (fromPosition === undefined) from.offset += m;
    total += m;
    if (m < n) return total;
  }
  return total;
}

function sendfile(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const va = a.n(2);
  const position = va === 0 ? undefined : t.memory.readNumber(va);
  if (va !== 0 && position === undefined) return -ERRNO.EFAULT;
  const from = readable(t, a.i32(1));
  if (typeof from === 'number') return from;
  if (position !== undefined && !from.seekable) return -ERRNO.ESPIPE;
  const count = countOf(a, 3);
  if (count < 0) return -ERRNO.EINVAL;
  const to = writable(t, a.i32(0));
  if (typeof to === 'number') return to;
  if (to instanceof PipeEnd && to.pipe.readers === 0) return written(k, t, -ERRNO.EPIPE); // before the source is looked at
  if (!from.seekable || from instanceof DirectoryDescription || (to.flags & O.APPEND) !== 0) return -ERRNO.EINVAL;
  const n = copy(k, t, from, position, to, undefined, count);
  if (position !== undefined && typeof n === 'number' && n >= 0 && !t.memory.writeU64(va, position + n)) return -ERRNO.EFAULT;
  return n;
}

function copyFileRange(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const from = readable(t, a.i32(0));
  const to = writable(t, a.i32(2));
  if (typeof from === 'number') return from;
  if (typeof to === 'number' || (to.flags & O.APPEND) !== 0) return -ERRNO.EBADF;
  if (a.u32(5) !== 0) return -ERRNO.EINVAL;
  if (from.node.type() === S.IFDIR || to.node.type() === S.IFDIR) return -ERRNO.EISDIR;
  if (from.node.type() !== S.IFREG || to.node.type() !== S.IFREG) return -ERRNO.EINVAL;
  if (from.node.kind !== to.node.kind) return -ERRNO.EXDEV;
  const fromVa = a.n(1);
  const toVa = a.n(3);
  const fromAt = fromVa === 0 ? undefined : t.memory.readNumber(fromVa);
  const toAt = toVa === 0 ? undefined : t.memory.readNumber(toVa);
  if ((fromVa !== 0 && fromAt === undefined) || (toVa !== 0 && toAt === undefined)) return -ERRNO.EFAULT;
  const n = copy(k, t, from, fromAt, to, toAt, Math.min(a.n(4), MAX_RW_COUNT));
  if (typeof n !== 'number' || n <= 0) return n;
  if (fromAt !== undefined && !t.memory.writeU64(fromVa, fromAt + n)) return -ERRNO.EFAULT;
  if (toAt !== undefined && !t.memory.writeU64(toVa, toAt + n)) return -ERRNO.EFAULT;
  return n;
}

function fsync(_k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const file = t.files.get(a.i32(0));
  return file === undefined || (file.flags & O.PATH) !== 0 ? -ERRNO.EBADF : file.sync();
}

function ftruncate(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const file = t.files.get(a.i32(0));
  if (file === undefined || (file.flags & O.PATH) !== 0) return -ERRNO.EBADF;
  const size = a.s(1);
  if (size < 0 || !file.writable) return -ERRNO.EINVAL;
  const denied = mayGrow(k, t, file, size);
  if (denied < 0) return denied;
  dropSetIds(k, t, file);
  return file.truncate(size);
}

/** s_maxbytes of ext4 with blocks of 4 KiB: 2^32 - 1 of them. */
const MAX_FILE_BYTES = (2 ** 32 - 1) * 4096;

/** A hole as its readers see it: zeros, which take the room that they took. Larger ones than this are refused, since they are written. */
const MAX_HOLE = 2 ** 30;
const ZEROS = new Uint8Array(65536);

function punchHole(file: FileDescription, offset: number, length: number): SyscallResult {
  const stat = file.stat();
  if (typeof stat === 'number') return stat;
  const end = Math.min(offset + length, stat.size);
  // An appending descriptor writes at the end only.
  if (end - offset > MAX_HOLE || (file.flags & O.APPEND) !== 0) return -ERRNO.EOPNOTSUPP;
  for (let at = offset; at < end; ) {
    const n = file.pwrite(ZEROS.subarray(0, end - at), at);
    if (typeof n !== 'number') return -ERRNO.EIO;
    if (n <= 0) return n < 0 ? n : -ERRNO.EIO;
    at += n;
  }
  return 0;
}

function fallocate(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const file = writable(t, a.i32(0));
  const [mode, offset, length] = [a.i32(1), a.s(2), a.s(3)];
  if (offset < 0 || length <= 0) return -ERRNO.EINVAL;
  if (typeof file === 'number') return file;
  if (!file.seekable) return -ERRNO.ESPIPE;
  if (file.node.type() !== S.IFREG) return -ERRNO.ENODEV;
  const hole = mode === (FALLOC.PUNCH_HOLE | FALLOC.KEEP_SIZE);
  if (!hole && (mode & ~FALLOC.KEEP_SIZE) !== 0) return -ERRNO.EOPNOTSUPP;
  if (offset + length > MAX_FILE_BYTES) return -ERRNO.EFBIG;
  if (hole) return punchHole(file, offset, length);
  const stat = file.stat();
  if (typeof stat === 'number') return stat;
  if (mode !== 0 || offset + length <= stat.size) return 0;
  return mayGrow(k, t, file, offset + length) || file.truncate(offset + length);
}

/** Advice: checked, and needs nothing. */
function fadvise64(_k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const file = t.files.get(a.i32(0));
  if (file === undefined || (file.flags & O.PATH) !== 0) return -ERRNO.EBADF;
  if (file.node.type() === S.IFIFO) return -ERRNO.ESPIPE;
  return a.s(2) < 0 || a.i32(3) < 0 || a.i32(3) > POSIX_FADV.NOREUSE ? -ERRNO.EINVAL : 0;
}
function readahead(_k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const file = readable(t, a.i32(0));
  if (typeof file === 'number') return file;
  return file.node.type() === S.IFREG ? 0 : -ERRNO.EINVAL;
}

const refused = (errno: number) => (): SyscallResult => -errno;

export const FILE_IO_ROWS: readonly SyscallRow[] = [
  full('read', read),
  full('write', write),
  full('pread64', pread64),
  full('pwrite64', pwrite64),
  full('readv', vectorRead('own')),
  full('writev', vectorWrite('own')),
  full('preadv', vectorRead('given')),
  full('pwritev', vectorWrite('given')),
  partial('preadv2', vectorRead('either'), 'no RWF_ flags: EOPNOTSUPP'),
  partial('pwritev2', vectorWrite('either'), 'no RWF_ flags: EOPNOTSUPP'),
  partial('lseek', lseek, 'SEEK_DATA and SEEK_HOLE see no holes'),
  partial('sendfile', sendfile, 'copies: what is written to the file later does not show in a pipe'),
  partial('copy_file_range', copyFileRange, 'copies; nothing is shared on disk'),
  partial('splice', refused(ERRNO.EINVAL), 'EINVAL: programs fall back to read and write'),
  partial('tee', refused(ERRNO.EINVAL), 'EINVAL'),
  partial('vmsplice', refused(ERRNO.EINVAL), 'EINVAL'),
  full('fsync', fsync),
  full('fdatasync', fsync),
  full('syncfs', fsync),
  partial('sync', () => 0, 'the host writes back by itself'),
  full('ftruncate', ftruncate),
  partial(
    'fallocate',
    fallocate,
    'extends, KEEP_SIZE, PUNCH_HOLE (as zeros that keep their room, up to 1 GiB, not by appending descriptors); other modes EOPNOTSUPP',
  ),
  full('fadvise64', fadvise64),
  full('readahead', readahead),
];
