/** What the file calls share: paths and descriptors from arguments, transfers in bounded pieces, the umask. */
import { ERRNO } from '#abi/errno.ts';
import { AT, PATH_MAX, S } from '#abi/fs.ts';
import { SIG } from '#abi/signals.ts';
import type { Kernel } from '../kernel.ts';
import { CAP, type Task } from '../task/task.ts';
import { type FileDescription, type Transfer, isWait } from '../vfs/file-description.ts';
import type { FileStat, Node, Owner } from '../vfs/node.ts';
import { type Caller, callerOf, setIdsOf } from '../vfs/permission.ts';
import { type WalkFrom, find } from '../vfs/walk.ts';
import type { SyscallResult, Wait } from './types.ts';

/** A path argument (getname): -EFAULT, -ENAMETOOLONG. The empty path is the walk's business. */
export function pathArgument(t: Task, va: number): string | number {
  const path = t.memory.readString(va, PATH_MAX - 1);
  if (path === undefined) return -ERRNO.EFAULT;
  return path === 'too long' ? -ERRNO.ENAMETOOLONG : path;
}

/** Where a walk starts: the directory of `dirfd` counts for relative paths only. `who`: on whose behalf; the task's own as a rule. */
export function startOf(k: Kernel, t: Task, dirfd: number, path: string, who: Caller = callerOf(t)): WalkFrom | number {
  k.vfs.inodes.generation++;
  if (path === '') return -ERRNO.ENOENT; // before the descriptor is looked at
  if (dirfd === AT.FDCWD || path.startsWith('/')) return { ...k.vfs.from(t), who };
  const description = t.files.get(dirfd);
  if (description === undefined) return -ERRNO.EBADF;
  return { root: t.fs.root, start: description.node, who };
}

/** Path argument and its start, for the *at calls. */
export function placeOf(k: Kernel, t: Task, dirfd: number, va: number): { readonly from: WalkFrom; readonly path: string } | number {
  const path = pathArgument(t, va);
  if (typeof path === 'number') return path;
  const from = startOf(k, t, dirfd, path);
  return typeof from === 'number' ? from : { from, path };
}

/** What an *at call with AT_EMPTY_PATH is about: an open file, or the node of a path. */
export type Target = { readonly file: FileDescription } | { readonly node: Node };

export const nodeOf = (target: Target): Node => ('file' in target ? target.file.node : target.node);
export const statOf = (target: Target): FileStat | number => ('file' in target ? target.file.stat() : target.node.stat());

/** `flags`: AT_EMPTY_PATH and AT_SYMLINK_NOFOLLOW count. A NULL path with AT_EMPTY_PATH is the empty path (since 6.11). */
export function targetOf(k: Kernel, t: Task, dirfd: number, va: number, flags: number, who?: Caller): Target | number {
  const empty = (flags & AT.EMPTY_PATH) !== 0;
  const path = empty && va === 0 ? '' : pathArgument(t, va);
  if (typeof path === 'number') return path;
  if (path === '' && empty) {
    if (dirfd === AT.FDCWD) return { node: t.fs.cwd };
    const file = t.files.get(dirfd);
    return file === undefined ? -ERRNO.EBADF : { file };
  }
  const from = startOf(k, t, dirfd, path, who);
  if (typeof from === 'number') return from;
  const node = find(from, path, (flags & AT.SYMLINK_NOFOLLOW) === 0 ? 'follow' : 'nofollow');
  return typeof node === 'number' ? node : { node };
}

/** Largest piece that goes through our own memory at once. */
const PIECE = 1 << 20;
let scratch = new Uint8Array(1 << 16);
/** A buffer that is valid until the next call. */
function buffer(length: number): Uint8Array {
  if (scratch.length < length) scratch = new Uint8Array(Math.min(PIECE, Math.max(length, scratch.length * 2)));
  return scratch.subarray(0, length);
}

/** One contiguous piece of user memory. */
export interface Segment {
  readonly va: number;
  readonly length: number;
}

/** Moves bytes from `source` to user memory, segment by segment, until one comes up short. `once`: one read of the source is all. */
export function readInto(
  t: Task,
  segments: readonly Segment[],
  once: boolean,
  source: (into: Uint8Array) => Transfer,
  unread: (n: number) => void,
): Transfer {
  let total = 0;
  for (const segment of segments) {
    for (let at = 0; at < segment.length; ) {
      const piece = buffer(Math.min(PIECE, segment.length - at));
      const n = source(piece);
      if (isWait(n) || n < 0) return total > 0 ? total : n;
      if (n > 0 && !t.memory.write(segment.va + at, piece.subarray(0, n))) {
        unread(n);
        return total > 0 ? total : -ERRNO.EFAULT;
      }
      total += n;
      at += n;
      if (n < piece.length || (once && total > 0)) return total;
    }
  }
  return total;
}

/** `length` bytes of the segments from `at` on (fewer where they end); undefined when nothing of it can be read. */
export function gather(t: Task, segments: readonly Segment[], at: number, length: number): Uint8Array | undefined {
  const parts: Uint8Array[] = [];
  let total = 0;
  let skip = at;
  for (const segment of segments) {
    if (total === length) break;
    if (skip >= segment.length) {
      skip -= segment.length;
      continue;
    }
    const part = t.memory.read(segment.va + skip, Math.min(segment.length - skip, length - total));
    if (part === undefined) {
      if (total === 0) return undefined;
      break; // Linux writes what lies before a bad page
    }
    skip = 0;
    parts.push(part);
    total += part.length;
  }
  const [only] = parts;
  if (only !== undefined && parts.length === 1) return only;
  const out = new Uint8Array(total);
  let put = 0;
  for (const part of parts) {
    out.set(part, put);
    put += part.length;
  }
  return out;
}

/** Moves bytes from user memory to `target`, at most PIECE at once, until one comes up short. `at` counts what went before. */
export function writeFrom(t: Task, segments: readonly Segment[], target: (from: Uint8Array, at: number) => Transfer): Transfer {
  const length = segments.reduce((sum, s) => sum + s.length, 0);
  let total = 0;
  do {
    const wanted = Math.min(PIECE, length - total);
    const bytes = gather(t, segments, total, wanted);
    if (bytes === undefined) return total > 0 ? total : -ERRNO.EFAULT;
    const n = target(bytes, total);
    if (isWait(n) || n < 0) return total > 0 ? total : n;
    total += n;
    if (n < wanted) return total;
  } while (total < length);
  return total;
}

/** A wait on a file that has a time limit of its own (SO_RCVTIMEO, SO_SNDTIMEO): -EAGAIN when it is over. */
export function withTimeout<R extends SyscallResult>(
  k: Kernel,
  t: Task,
  file: FileDescription,
  writing: boolean,
  call: () => R,
): R | number | Wait {
  const result = call();
  const limit = file.timeoutNs(writing);
  if (limit === 0n || typeof result !== 'object') return result;
  const deadlineNs = t.resumed?.deadlineNs ?? k.monotonicNs() + limit;
  if (k.monotonicNs() >= deadlineNs) return -ERRNO.EAGAIN;
  return { ...result, deadlineNs, interrupted: () => -ERRNO.EINTR };
}

/**
 * Set-ID bits of a regular file that is about to be written or cut by somebody else go (fs/inode.c file_remove_privs). For the session's own user
 * the host does it.
 */
export function dropSetIds(k: Kernel, t: Task, file: Pick<Node, 'stat' | 'chmod'>): void {
  if (t.credentials.euid === k.options.uid || t.can(CAP.FSETID)) return;
  const stat = file.stat();
  if (typeof stat === 'number' || (stat.mode & S.IFMT) !== S.IFREG) return;
  const drop = setIdsOf(callerOf(t), stat);
  if (drop !== 0) file.chmod(stat.mode & S.PERMISSIONS & ~drop);
}

/** The result of a write: a broken pipe also raises SIGPIPE. */
export function written(k: Kernel, t: Task, result: Transfer): Transfer {
  if (result === -ERRNO.EPIPE) k.signalTask(t, SIG.SIGPIPE);
  return result;
}

/** stat's owner of what the guest makes without the host. */
export const ownerOf = (t: Task): Owner => callerOf(t);
