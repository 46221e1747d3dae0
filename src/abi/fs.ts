/**
 * Files: flags and numbers. Defined in include/uapi/asm-generic/fcntl.h, include/uapi/linux/{fcntl,stat,fs,magic,close_range}.h,
 * include/linux/fs.h (DT_*), limits.h.
 */

/** open(2) flags, x86-64. */
export const O = {
  RDONLY: 0o0,
  WRONLY: 0o1,
  RDWR: 0o2,
  ACCMODE: 0o3,
  CREAT: 0o100,
  EXCL: 0o200,
  NOCTTY: 0o400,
  TRUNC: 0o1000,
  APPEND: 0o2000,
  NONBLOCK: 0o4000,
  DSYNC: 0o10000,
  ASYNC: 0o20000,
  DIRECT: 0o40000,
  LARGEFILE: 0o100000,
  DIRECTORY: 0o200000,
  NOFOLLOW: 0o400000,
  NOATIME: 0o1000000,
  CLOEXEC: 0o2000000,
  SYNC: 0o4010000,
  PATH: 0o10000000,
  TMPFILE: 0o20200000,
  /** The bit that O_TMPFILE adds to O_DIRECTORY. */
  TMPFILE_BIT: 0o20000000,
} as const;

/** File type and permission bits of st_mode. */
export const S = {
  IFMT: 0o170000,
  IFSOCK: 0o140000,
  IFLNK: 0o120000,
  IFREG: 0o100000,
  IFBLK: 0o060000,
  IFDIR: 0o040000,
  IFCHR: 0o020000,
  IFIFO: 0o010000,
  ISUID: 0o4000,
  ISGID: 0o2000,
  ISVTX: 0o1000,
  /** All that chmod can set. */
  PERMISSIONS: 0o7777,
} as const;

/** d_type of a directory entry is the file type shifted down. */
export const directoryType = (mode: number): number => (mode & S.IFMT) >> 12;

export const AT = {
  FDCWD: -100,
  SYMLINK_NOFOLLOW: 0x100,
  REMOVEDIR: 0x200,
  EACCESS: 0x200,
  SYMLINK_FOLLOW: 0x400,
  NO_AUTOMOUNT: 0x800,
  EMPTY_PATH: 0x1000,
  STATX_SYNC_TYPE: 0x6000,
} as const;

export const SEEK = { SET: 0, CUR: 1, END: 2, DATA: 3, HOLE: 4 } as const;

/** include/uapi/linux/xattr.h, limits.h: flags of setxattr, longest name and value in bytes. */
export const XATTR = { CREATE: 1, REPLACE: 2, NAME_MAX: 255, SIZE_MAX: 65536 } as const;
/** access(2) modes. */
export const ACCESS = { F: 0, X: 1, W: 2, R: 4 } as const;

/** fcntl(2) commands. */
export const F = {
  DUPFD: 0,
  GETFD: 1,
  SETFD: 2,
  GETFL: 3,
  SETFL: 4,
  GETLK: 5,
  SETLK: 6,
  SETLKW: 7,
  SETOWN: 8,
  GETOWN: 9,
  SETSIG: 10,
  GETSIG: 11,
  SETOWN_EX: 15,
  GETOWN_EX: 16,
  OFD_GETLK: 36,
  OFD_SETLK: 37,
  OFD_SETLKW: 38,
  SETLEASE: 1024,
  GETLEASE: 1025,
  NOTIFY: 1026,
  DUPFD_CLOEXEC: 1030,
  SETPIPE_SZ: 1031,
  GETPIPE_SZ: 1032,
  ADD_SEALS: 1033,
  GET_SEALS: 1034,
} as const;

export const FD_CLOEXEC = 1;

/** What F_SETFL may change. fs/fcntl.c SETFL_MASK. */
export const SETFL_MASK = O.APPEND | O.NONBLOCK | O.ASYNC | O.DIRECT | O.NOATIME;

/** l_type of struct flock. */
export const LOCK_TYPE = { RDLCK: 0, WRLCK: 1, UNLCK: 2 } as const;
/** flock(2) operations. */
export const LOCK = { SH: 1, EX: 2, NB: 4, UN: 8 } as const;

export const RENAME = { NOREPLACE: 1, EXCHANGE: 2, WHITEOUT: 4 } as const;
export const FALLOC = { KEEP_SIZE: 1, PUNCH_HOLE: 2, COLLAPSE_RANGE: 8, ZERO_RANGE: 0x10, INSERT_RANGE: 0x20 } as const;
export const CLOSE_RANGE = { UNSHARE: 2, CLOEXEC: 4 } as const;
export const UTIME = { NOW: 0x3fff_ffff, OMIT: 0x3fff_fffe } as const;
export const MFD = { CLOEXEC: 1, ALLOW_SEALING: 2, HUGETLB: 4, NOEXEC_SEAL: 8, EXEC: 0x10 } as const;
export const EFD = { SEMAPHORE: 1 } as const;
export const F_SEAL = { SEAL: 1, SHRINK: 2, GROW: 4, WRITE: 8, FUTURE_WRITE: 0x10 } as const;
export const POSIX_FADV = { NORMAL: 0, RANDOM: 1, SEQUENTIAL: 2, WILLNEED: 3, DONTNEED: 4, NOREUSE: 5 } as const;

/** statfs f_type. include/uapi/linux/magic.h. */
export const FS_MAGIC = {
  EXT4: 0xef53,
  PROC: 0x9fa0,
  SYSFS: 0x62656572,
  TMPFS: 0x0102_1994,
  PIPEFS: 0x5049_5045,
  ANON_INODE: 0x0904_1934,
} as const;
/** f_flags: mount options as statfs reports them. */
export const ST = { RDONLY: 1, NOSUID: 2, NODEV: 4, NOEXEC: 8, VALID: 0x20, RELATIME: 0x1000 } as const;

/** Longest path with its NUL, longest component, most symbolic links on a walk, largest transfer (MAX_RW_COUNT), longest iovec array. */
export const PATH_MAX = 4096;
export const NAME_MAX = 255;
export const MAX_SYMLINKS = 40;
export const MAX_RW_COUNT = 0x7fff_f000;
export const IOV_MAX = 1024;
export const PIPE_BUF = 4096;

/** dev_t of user space: the split encoding of include/linux/kdev_t.h new_encode_dev. */
export const makeDevice = (major: number, minor: number): number => (minor & 0xff) | ((major & 0xfff) << 8) | ((minor & ~0xff) << 12);
export const majorOf = (device: number): number => (device >>> 8) & 0xfff;
export const minorOf = (device: number): number => (device & 0xff) | ((device >>> 12) & 0xfff00);
