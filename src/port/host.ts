/**
 * What the kernel may use of the host: files and standard streams. Implemented in `cli` over node:fs, elsewhere over an image.
 * Every call returns a value or a negative errno (abi/errno.ts numbers); nothing throws.
 */

export interface HostStat {
  readonly mode: number;
  readonly nlink: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly blocks: number;
  /** Nanoseconds since the epoch. */
  readonly atimeNs: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
  readonly rdevMajor: number;
  readonly rdevMinor: number;
  /** Identity of the file on the host; the kernel gives out virtual inode numbers, never these. */
  readonly identity: string;
}

export interface Host {
  /** Host file descriptor ≥ 0, or -errno. `flags` and `mode` as Linux open(2). */
  open(path: string, flags: number, mode: number): number;
  close(fd: number): number;
  /** Bytes read (0 = end), or -errno. `position` < 0: at the descriptor's own position (streams). */
  read(fd: number, into: Uint8Array, position: number): number;
  write(fd: number, from: Uint8Array, position: number): number;
  stat(path: string, followLinks: boolean): HostStat | number;
  fstat(fd: number): HostStat | number;
  /** Names without . and .., sorted by code unit. */
  readdir(path: string): string[] | number;
  readlink(path: string): string | number;
  mkdir(path: string, mode: number): number;
  rmdir(path: string): number;
  unlink(path: string): number;
  rename(from: string, to: string): number;
  link(from: string, to: string): number;
  symlink(target: string, path: string): number;
  chmod(path: string, mode: number): number;
  chown(path: string, uid: number, gid: number, followLinks: boolean): number;
  utimes(path: string, atimeNs: bigint, mtimeNs: bigint, followLinks: boolean): number;
  truncate(path: string, size: number): number;
  ftruncate(fd: number, size: number): number;
  fsync(fd: number): number;
  /** The terminal behind a standard stream, or undefined. */
  terminal(fd: number): { readonly rows: number; readonly columns: number } | undefined;
}
