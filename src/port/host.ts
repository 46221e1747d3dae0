/**
 * What the kernel may use of the host: files and standard streams. Implemented in `cli` over node:fs, elsewhere over an image.
 * Every call returns a value or a negative errno (abi/errno.ts numbers); nothing throws.
 * Names are strings as base/utf8.ts makes them: a byte that is no UTF-8 is a lone surrogate.
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
  /** Identity of the file on the host, `DEVICE:INODE`; the kernel gives out virtual device and inode numbers, never these. */
  readonly identity: string;
}

/** Room on the file system that holds a path. */
export interface HostStatfs {
  readonly blockSize: number;
  readonly blocks: number;
  readonly blocksFree: number;
  readonly blocksAvailable: number;
  readonly files: number;
  readonly filesFree: number;
}

export interface Host {
  /** Host file descriptor ≥ 0, or -errno. `flags` and `mode` as Linux open(2); the mode is used as it is, without the host's umask. */
  open(path: string, flags: number, mode: number): number;
  close(fd: number): number;
  /**
   * Bytes read (0 = end), or -errno. `position` < 0: at the descriptor's own position (streams). A stream that has nothing yet may wait a
   * short while (some 20 ms) and then says -EAGAIN, so that the caller can look at Ctrl-C.
   */
  read(fd: number, into: Uint8Array, position: number): number;
  write(fd: number, from: Uint8Array, position: number): number;
  stat(path: string, followLinks: boolean): HostStat | number;
  fstat(fd: number): HostStat | number;
  /** Checks R 4, W 2, X 1 (0: existence) as the host's user; 0 or -errno. */
  access(path: string, mode: number): number;
  /** Names without . and .., sorted by their bytes. */
  readdir(path: string): string[] | number;
  readlink(path: string): string | number;
  /** `mode` as it is, without the host's umask. */
  mkdir(path: string, mode: number): number;
  rmdir(path: string): number;
  unlink(path: string): number;
  rename(from: string, to: string): number;
  link(from: string, to: string): number;
  symlink(target: string, path: string): number;
  chmod(path: string, mode: number): number;
  chown(path: string, uid: number, gid: number, followLinks: boolean): number;
  fchmod(fd: number, mode: number): number;
  fchown(fd: number, uid: number, gid: number): number;
  /** `undefined`: the host's present time. A host may keep less than nanoseconds. */
  utimes(path: string, atimeNs: bigint | undefined, mtimeNs: bigint | undefined, followLinks: boolean): number;
  futimes(fd: number, atimeNs: bigint | undefined, mtimeNs: bigint | undefined): number;
  truncate(path: string, size: number): number;
  ftruncate(fd: number, size: number): number;
  fsync(fd: number): number;
  statfs(path: string): HostStatfs | number;
  /** File offset of an inherited descriptor and its O_* status flags; -errno where the host cannot tell. */
  position(fd: number): { readonly offset: number; readonly flags: number } | number;
  /** The file behind an inherited descriptor, opened anew (as /dev/stdin opens it natively); -errno where that cannot be. */
  reopen(fd: number, flags: number): number;
  /** The path of the file behind an inherited descriptor, as the host names it now. */
  pathOf(fd: number): string | number;
  /** The terminal behind a standard stream, or undefined. */
  terminal(fd: number): { readonly rows: number; readonly columns: number } | undefined;
}
