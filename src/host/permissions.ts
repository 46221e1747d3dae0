/** Who may do what with a file, where no host kernel is asked (path_resolution(7), inode permissions; fs/namei.c generic_permission). */
import { ERRNO } from '#abi/errno.ts';
import { ACCESS, S } from '#abi/fs.ts';

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** 0 or -EACCES. `wanted` R 4, W 2, X 1. User 0 may all but execute what nobody may. */
export function mayAccess(user: Owner, file: Owner & { readonly mode: number }, wanted: number): number {
  const bits = file.mode & 0o777;
  if (user.uid === 0) {
    const executable = (bits & 0o111) !== 0 || (file.mode & S.IFMT) === S.IFDIR;
    return (wanted & ACCESS.X) === 0 || executable ? 0 : -ERRNO.EACCES;
  }
  const granted = user.uid === file.uid ? bits >> 6 : user.gid === file.gid ? bits >> 3 : bits;
  return (wanted & ~granted & 7) === 0 ? 0 : -ERRNO.EACCES;
}

/** Only the owner (and user 0) changes mode and times. */
export const isOwner = (user: Owner, file: Owner): boolean => user.uid === 0 || user.uid === file.uid;

/** A name in a directory with the sticky bit goes only by the owner of the file or of the directory. */
export const stickyForbids = (user: Owner, directory: Owner & { readonly mode: number }, file: Owner): boolean =>
  (directory.mode & S.ISVTX) !== 0 && user.uid !== 0 && user.uid !== file.uid && user.uid !== directory.uid;
