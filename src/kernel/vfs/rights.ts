/**
 * Rights to files of a process that is no longer the user that the host knows: the host would let it do anything, so the kernel itself decides
 * (path_resolution(7); fs/namei.c generic_permission, may_delete; fs/attr.c setattr_prepare). Who never changed ids is left to the host.
 */
import { ERRNO } from '#abi/errno.ts';
import { ACCESS, O, S } from '#abi/fs.ts';
import type { Credentials } from '../task/task.ts';
import type { FileDescription } from './file-description.ts';
import type { FileStat, NewTimes, Node } from './node.ts';

/** Who asks, by the ids of the file system. */
export interface Actor {
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
}

/** `real`: access(2) asks for the real ids. */
export function actorOf(c: Credentials, real: boolean): Actor {
  const uid = real ? c.uid : (c.fsuid ?? c.euid);
  const gid = real ? c.gid : (c.fsgid ?? c.egid);
  return { uid, gid, groups: c.groups };
}

const isMember = (as: Actor, gid: number): boolean => as.gid === gid || as.groups.includes(gid);

/** 0 or -EACCES: `wanted` R 4, W 2, X 1. Nobody asking: the host will. User 0 may all; execution is the host's to refuse. */
export function refused(as: Actor | undefined, node: Node, wanted: number): number {
  if (as === undefined || as.uid === 0 || wanted === 0) return 0;
  const stat = node.stat();
  if (typeof stat === 'number') return stat;
  const granted = as.uid === stat.uid ? stat.mode >> 6 : isMember(as, stat.gid) ? stat.mode >> 3 : stat.mode;
  return (wanted & ~granted & 7) === 0 ? 0 : -ERRNO.EACCES;
}

/** What open(2) with these flags asks of a file that is there. */
export function refusedOpen(as: Actor | undefined, node: Node, flags: number): number {
  const mode = flags & O.ACCMODE;
  const write = mode !== O.RDONLY || (flags & O.TRUNC) !== 0 ? ACCESS.W : 0;
  const denied = refused(as, node, write | (mode === O.WRONLY ? 0 : ACCESS.R));
  if (denied < 0) return denied;
  return (flags & O.NOATIME) !== 0 && !owns(as, node) ? -ERRNO.EPERM : 0;
}

/** May a name be put into the directory? */
export const refusedEntry = (as: Actor | undefined, directory: Node): number => refused(as, directory, ACCESS.W | ACCESS.X);

/** May the name of `child` go from its directory? With the sticky bit only by the owner of either. */
export function refusedRemoval(as: Actor | undefined, directory: Node, child: Node): number {
  const denied = refusedEntry(as, directory);
  if (denied < 0 || as === undefined || as.uid === 0) return denied;
  const stat = directory.stat();
  if (typeof stat === 'number') return stat;
  return (stat.mode & S.ISVTX) !== 0 && stat.uid !== as.uid && !owns(as, child) ? -ERRNO.EPERM : 0;
}

function owns(as: Actor | undefined, node: Node): boolean {
  if (as === undefined || as.uid === 0) return true;
  const stat = node.stat();
  return typeof stat !== 'number' && stat.uid === as.uid;
}

/** What chmod by `as` comes to: the mode to set (without set-gid where the group is not the caller's), or -EPERM. */
export function modeFor(as: Actor | undefined, stat: FileStat | number, mode: number): number {
  if (as === undefined || as.uid === 0 || typeof stat === 'number') return mode;
  if (stat.uid !== as.uid) return -ERRNO.EPERM;
  return isMember(as, stat.gid) ? mode : mode & ~S.ISGID;
}

/** chown by `as`: an owner may give the file to a group of his, and to nobody else. -1 leaves an id. */
export function refusedChown(as: Actor | undefined, stat: FileStat | number, uid: number, gid: number): number {
  if (as === undefined || as.uid === 0 || typeof stat === 'number') return 0;
  if (stat.uid !== as.uid && (uid !== -1 || gid !== -1)) return -ERRNO.EPERM;
  if (uid !== -1 && uid >>> 0 !== as.uid) return -ERRNO.EPERM;
  return gid === -1 || gid >>> 0 === stat.gid || isMember(as, gid >>> 0) ? 0 : -ERRNO.EPERM;
}

/** Times of one's choice are the owner's to set; who may write may say that it is now. */
export function refusedTimes(as: Actor | undefined, node: Node, times: NewTimes): number {
  if (owns(as, node)) return 0;
  const now = times.atimeNs === 'now' && times.mtimeNs === 'now';
  return now ? refused(as, node, ACCESS.W) : -ERRNO.EPERM;
}

/** What `as` has made is its own; in a directory with set-gid the group is the directory's. */
export function give(as: Actor | undefined, directory: Node, made: Node | FileDescription): void {
  if (as === undefined) return;
  const above = directory.stat();
  const gid = typeof above !== 'number' && (above.mode & S.ISGID) !== 0 ? above.gid : as.gid;
  const before = made.stat();
  if (typeof before === 'number' || (before.uid === as.uid && before.gid === gid)) return;
  made.chown(as.uid, gid);
  if ((before.mode & (S.ISUID | S.ISGID)) !== 0) made.chmod(before.mode & S.PERMISSIONS); // chown takes them away
}
/** The same of a name. */
export function giveName(as: Actor | undefined, directory: Node, name: string): void {
  const made = as === undefined ? undefined : directory.lookup(name);
  if (typeof made === 'object') give(as, directory, made);
}
