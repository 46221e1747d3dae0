/**
 * Who may do what with a file: path_resolution(7), capabilities(7), fs/namei.c (inode_permission, may_delete), fs/attr.c (setattr_prepare). The
 * host checks as the user that perfglass runs as; a guest that changed its ids is held by these checks before the host is asked. A caller with
 * CAP_DAC_OVERRIDE, which user 0 has, is left to the host alone.
 */
import { ERRNO } from '#abi/errno.ts';
import { ACCESS, O, S } from '#abi/fs.ts';
import { CAP, type Task } from '../task/task.ts';
import type { FileStat, Node } from './node.ts';

/** On whose behalf files are looked at. */
export interface Caller {
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
  /** CAP_DAC_OVERRIDE: modes of files and directories do not hold it. */
  readonly override: boolean;
  /** CAP_FOWNER: counts as every file's owner. */
  readonly fowner: boolean;
  /** CAP_CHOWN. */
  readonly chown: boolean;
}

/** By the file system ids; a setfsuid away from user 0 takes the capabilities about files (cap_task_fix_setuid). */
export function callerOf(t: Task): Caller {
  const { euid, egid, fsuid = euid, fsgid = egid, groups } = t.credentials;
  const can = (capability: number): boolean => (fsuid === euid || fsuid === 0) && t.can(capability);
  return { uid: fsuid, gid: fsgid, groups, override: can(CAP.DAC_OVERRIDE), fowner: can(CAP.FOWNER), chown: can(CAP.CHOWN) };
}

/** access(2) asks for the real ids; capabilities count for user 0 only (fs/open.c access_override_creds). */
export const realCallerOf = (t: Task): Caller => {
  const { uid, gid, groups } = t.credentials;
  return { uid, gid, groups, override: uid === 0, fowner: uid === 0, chown: uid === 0 };
};

const inGroup = (who: Caller, gid: number): boolean => who.gid === gid || who.groups.includes(gid);

function classBits(who: Caller, stat: FileStat): number {
  return who.uid === stat.uid ? stat.mode >> 6 : inGroup(who, stat.gid) ? stat.mode >> 3 : stat.mode;
}

/** 0 or -EACCES; -errno where the file cannot be asked. `wanted` R 4, W 2, X 1. No caller: the kernel itself. */
export function permission(who: Caller | undefined, node: Node, wanted: number): number {
  if (who === undefined || who.override) return 0;
  const stat = node.stat();
  if (typeof stat === 'number') return stat;
  return (wanted & ~classBits(who, stat)) === 0 ? 0 : -ERRNO.EACCES;
}

/** A name is made in, or goes from, a directory. */
export const mayChange = (who: Caller | undefined, directory: Node): number => permission(who, directory, ACCESS.W | ACCESS.X);

/** may_delete: with the sticky bit a name goes only by the owner of the file or of the directory. */
export function mayDelete(who: Caller | undefined, directory: Node, child: Node): number {
  const denied = mayChange(who, directory);
  if (denied < 0 || who === undefined || who.fowner) return denied;
  const above = directory.stat();
  if (typeof above === 'number' || (above.mode & S.ISVTX) === 0 || above.uid === who.uid) return 0;
  const stat = child.stat();
  return typeof stat === 'number' || stat.uid === who.uid ? 0 : -ERRNO.EPERM;
}

/** The set-ID bits of a file that a change by `who` clears. fs/attr.c setattr_should_drop_suidgid. */
export function setIdsOf(who: Caller, stat: FileStat): number {
  const group = (stat.mode & 0o010) !== 0 || (!who.fowner && !inGroup(who, stat.gid)) ? S.ISGID : 0;
  return stat.mode & (S.ISUID | group);
}

/** fs.protected_hardlinks: others' files get no further name, unless they are plain ones that one may read and write. may_linkat. */
export function mayLink(who: Caller | undefined, target: Node): number {
  if (who === undefined) return 0;
  const stat = target.stat();
  if (typeof stat === 'number' || isOwner(who, stat)) return 0;
  const sets = (stat.mode & S.ISUID) !== 0 || (stat.mode & (S.ISGID | 0o010)) === (S.ISGID | 0o010);
  const plain = (stat.mode & S.IFMT) === S.IFREG && !sets;
  return plain && permission(who, target, ACCESS.R | ACCESS.W) === 0 ? 0 : -ERRNO.EPERM;
}

export const isOwner = (who: Caller, stat: FileStat): boolean => who.fowner || who.uid === stat.uid;

/** chmod: -EPERM for others than the owner; the set-group-ID bit stays only with a group of the caller's. `mode`: what is to be set. */
export function modeFor(who: Caller, stat: FileStat, mode: number): number {
  if (!isOwner(who, stat)) return -ERRNO.EPERM;
  return who.fowner || inGroup(who, stat.gid) ? mode : mode & ~S.ISGID;
}

/**
 * chown without CAP_CHOWN: the owner may give the file to a group of its own, and nothing else. -1 leaves an id; even so the set-ID bits go, which
 * is for the owner.
 */
export function mayChown(who: Caller, stat: FileStat, uid: number, gid: number): number {
  if (who.chown) return 0;
  const sameUser = uid === -1 || (uid === stat.uid && who.uid === stat.uid);
  const sameGroup = gid === -1 || (who.uid === stat.uid && (gid === stat.gid || inGroup(who, gid)));
  const clears = (stat.mode & S.IFMT) !== S.IFDIR && setIdsOf(who, stat) !== 0;
  return sameUser && sameGroup && (!clears || isOwner(who, stat)) ? 0 : -ERRNO.EPERM;
}

/** utimensat: `present`: both times are to be the present, which who may write the file may set, too. */
export function maySetTimes(who: Caller, stat: FileStat, present: boolean): number {
  if (isOwner(who, stat)) return 0;
  if (!present) return -ERRNO.EPERM;
  return who.override || (classBits(who, stat) & ACCESS.W) !== 0 ? 0 : -ERRNO.EACCES;
}

/** O_NOATIME is for the owner. fs/namei.c may_open. */
export function refusesNoAtime(who: Caller | undefined, node: Node, flags: number): number {
  if ((flags & O.NOATIME) === 0 || who === undefined || who.fowner) return 0;
  const stat = node.stat();
  return typeof stat === 'number' || isOwner(who, stat) ? 0 : -ERRNO.EPERM;
}
