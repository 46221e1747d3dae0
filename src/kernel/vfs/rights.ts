/**
 * Rights of a task whose user is another than the one perfglass runs as (setuid, setpriv, su): the host would decide as for itself, so the
 * kernel decides first, from mode and owner (path_resolution(7); fs/namei.c generic_permission, fs/attr.c setattr_prepare). Access control lists are not asked for.
 */
import { ERRNO } from '#abi/errno.ts';
import { ACCESS, S } from '#abi/fs.ts';
import { CAP, type Task } from '../task/task.ts';

interface Owned {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/** Whose rights count, and whose the files are that it makes. */
export interface Subject {
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
  can(capability: number): boolean;
}

/** Undefined: the host's own user, whom the host judges. */
export function subjectOf(task: Task | undefined, host: { readonly uid: number; readonly gid: number }): Subject | undefined {
  if (task === undefined) return undefined;
  const { euid: uid, egid: gid, groups } = task.credentials;
  if (uid === host.uid && gid === host.gid) return undefined;
  return { uid, gid, groups, can: (capability) => task.can(capability) };
}

const isMember = (who: Subject, gid: number): boolean => who.gid === gid || who.groups.includes(gid);

/** 0 or -EACCES. `wanted` R 4, W 2, X 1. */
export function mayAccess(who: Subject, file: Owned, wanted: number): number {
  const bits = who.uid === file.uid ? file.mode >> 6 : isMember(who, file.gid) ? file.mode >> 3 : file.mode;
  if ((wanted & ~bits & 7) === 0) return 0;
  const directory = (file.mode & S.IFMT) === S.IFDIR;
  const nobodyExecutes = !directory && (wanted & ACCESS.X) !== 0 && (file.mode & 0o111) === 0;
  if (who.can(CAP.DAC_OVERRIDE) && !nobodyExecutes) return 0;
  const reads = directory ? (wanted & ACCESS.W) === 0 : wanted === ACCESS.R;
  return reads && who.can(CAP.DAC_READ_SEARCH) ? 0 : -ERRNO.EACCES;
}

/** chmod, times: the owner's right. */
export const mayChange = (who: Subject, file: Owned): boolean => who.uid === file.uid || who.can(CAP.FOWNER);

/** chown, with -1 for what stays: owners may give a file to a group that they are in. */
export function mayGive(who: Subject, file: Owned, uid: number, gid: number): boolean {
  if (who.can(CAP.CHOWN)) return true;
  const keepsUser = uid === -1 || (who.uid === file.uid && uid === file.uid);
  const keepsGroup = gid === -1 || (who.uid === file.uid && (gid === file.gid || isMember(who, gid)));
  return keepsUser && keepsGroup;
}

/** A name goes from a directory with the sticky bit by the owner of the file or of the directory only. */
export const stickyForbids = (who: Subject, directory: Owned, file: Owned): boolean =>
  (directory.mode & S.ISVTX) !== 0 && who.uid !== file.uid && who.uid !== directory.uid && !who.can(CAP.FOWNER);
