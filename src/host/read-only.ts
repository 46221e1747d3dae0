/**
 * `--read-only`: nothing that a guest does changes a file of the host; what would answers EROFS, as a file system mounted `ro` does. The
 * standard streams were given for writing and stay so.
 */
import { ERRNO } from '#abi/errno.ts';
import { ACCESS, O, S } from '#abi/fs.ts';
import { HostFilter } from './filter.ts';

const REFUSED = -ERRNO.EROFS;

export class ReadOnlyHost extends HostFilter {
  override open(path: string, flags: number, mode: number): number {
    if ((flags & O.PATH) !== 0) return this.lower.open(path, flags, mode);
    if ((flags & O.CREAT) !== 0 && typeof this.lower.stat(path, false) === 'number') return REFUSED;
    if ((flags & O.ACCMODE) !== O.RDONLY || (flags & O.TRUNC) !== 0) return REFUSED;
    return this.lower.open(path, flags & ~O.CREAT, mode);
  }
  /** sb_permission: files, directories and links of a read-only file system cannot be written; a FIFO or device can. */
  override access(path: string, mode: number): number {
    if ((mode & ACCESS.W) !== 0) {
      const stat = this.lower.stat(path, false);
      if (typeof stat === 'number') return stat;
      const type = stat.mode & S.IFMT;
      if (type === S.IFREG || type === S.IFDIR || type === S.IFLNK) return REFUSED;
    }
    return this.lower.access(path, mode);
  }
  /** Standard input may be a file that was opened for reading only: opening it anew gives no more than that. */
  override reopen(fd: number, flags: number): number {
    const given = this.lower.position(fd);
    const mayWrite = typeof given !== 'number' && (given.flags & O.ACCMODE) !== O.RDONLY;
    const wants = (flags & O.ACCMODE) !== O.RDONLY || (flags & O.TRUNC) !== 0;
    return wants && !mayWrite ? REFUSED : this.lower.reopen(fd, flags);
  }
  override mkdir(): number {
    return REFUSED;
  }
  override rmdir(): number {
    return REFUSED;
  }
  override unlink(): number {
    return REFUSED;
  }
  override rename(): number {
    return REFUSED;
  }
  override link(): number {
    return REFUSED;
  }
  override symlink(): number {
    return REFUSED;
  }
  override chmod(): number {
    return REFUSED;
  }
  override chown(): number {
    return REFUSED;
  }
  override fchmod(): number {
    return REFUSED;
  }
  override fchown(): number {
    return REFUSED;
  }
  override utimes(): number {
    return REFUSED;
  }
  override futimes(): number {
    return REFUSED;
  }
  override truncate(): number {
    return REFUSED;
  }
}
