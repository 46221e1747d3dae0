/** Structures of the file calls. Defined in arch/x86/include/uapi/asm/{stat,statfs}.h, include/uapi/linux/{stat,uio,fcntl,time_types}.h. */
import { s16, s32, s64, struct, u16, u32, u64 } from '#base/struct.ts';

export const STAT = struct(144, {
  st_dev: u64(0),
  st_ino: u64(8),
  st_nlink: u64(16),
  st_mode: u32(24),
  st_uid: u32(28),
  st_gid: u32(32),
  st_rdev: u64(40),
  st_size: s64(48),
  st_blksize: s64(56),
  st_blocks: s64(64),
  st_atime: u64(72),
  st_atime_nsec: u64(80),
  st_mtime: u64(88),
  st_mtime_nsec: u64(96),
  st_ctime: u64(104),
  st_ctime_nsec: u64(112),
});

export const STATX = struct(256, {
  stx_mask: u32(0),
  stx_blksize: u32(4),
  stx_attributes: u64(8),
  stx_nlink: u32(16),
  stx_uid: u32(20),
  stx_gid: u32(24),
  stx_mode: u16(28),
  stx_ino: u64(32),
  stx_size: u64(40),
  stx_blocks: u64(48),
  stx_attributes_mask: u64(56),
  stx_atime_sec: s64(64),
  stx_atime_nsec: u32(72),
  stx_btime_sec: s64(80),
  stx_btime_nsec: u32(88),
  stx_ctime_sec: s64(96),
  stx_ctime_nsec: u32(104),
  stx_mtime_sec: s64(112),
  stx_mtime_nsec: u32(120),
  stx_rdev_major: u32(128),
  stx_rdev_minor: u32(132),
  stx_dev_major: u32(136),
  stx_dev_minor: u32(140),
  stx_mnt_id: u64(144),
});
export const STATX_BASIC_STATS = 0x7ff;
export const STATX_MNT_ID = 0x1000;
export const STATX_RESERVED = 0x8000_0000;

export const STATFS = struct(120, {
  f_type: s64(0),
  f_bsize: s64(8),
  f_blocks: u64(16),
  f_bfree: u64(24),
  f_bavail: u64(32),
  f_files: u64(40),
  f_ffree: u64(48),
  f_fsid: u64(56),
  f_namelen: s64(64),
  f_frsize: s64(72),
  f_flags: s64(80),
});

/** struct linux_dirent64: the name follows at 19, NUL-terminated, the record padded to 8. */
export const DIRENT64 = struct(19, { d_ino: u64(0), d_off: s64(8), d_reclen: u16(16) });
export const DIRENT64_TYPE = 18;
export const DIRENT64_NAME = 19;
/** struct linux_dirent (getdents): the name at 18, d_type in the record's last byte. */
export const DIRENT_NAME = 18;

export const IOVEC = struct(16, { iov_base: u64(0), iov_len: u64(8) });
export const TIMESPEC = struct(16, { tv_sec: s64(0), tv_nsec: s64(8) });
export const TIMEVAL = struct(16, { tv_sec: s64(0), tv_usec: s64(8) });
/** struct f_owner_ex of F_SETOWN_EX. */
export const F_OWNER_EX = struct(8, { type: s32(0), pid: s32(4) });
export const FLOCK = struct(32, { l_type: s16(0), l_whence: s16(2), l_start: s64(8), l_len: s64(16), l_pid: s32(24) });
export const UTIMBUF = struct(16, { actime: s64(0), modtime: s64(8) });
