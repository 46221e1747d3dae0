/**
 * `--hermetic`: what a host says of files that has nothing to do with their names and bytes, made the same everywhere. docs/guest.md lists it.
 */
import { ERRNO } from '#abi/errno.ts';
import { O, S } from '#abi/fs.ts';
import type { Host, HostStat, HostStatfs } from '#port/host.ts';
import { ROOM } from './entry.ts';
import { HostFilter } from './filter.ts';
import { mayAccess } from './permissions.ts';

const BLOCK = 4096;
const ROOT = { uid: 0, gid: 0 };
/** A directory's times tell its history, which a copy does not have: 2026-01-01, when a session begins. */
const DIRECTORY_NS = 1_767_225_600_000_000_000n;

export class HermeticHost extends HostFilter {
  private readonly ofImage: boolean;

  /** `ofImage`: the files are an archive's, whose owners and times are the same everywhere; a folder's depend on who made it. */
  constructor(lower: Host, ofImage: boolean) {
    super(lower);
    this.ofImage = ofImage;
  }

  override stat(path: string, followLinks: boolean): HostStat | number {
    return this.same(this.lower.stat(path, followLinks));
  }
  /** The standard streams are pipes, whatever they are. */
  override fstat(fd: number): HostStat | number {
    const stat = this.lower.fstat(fd);
    if (typeof stat === 'number' || fd > 2) return this.same(stat);
    return { ...stat, ...ROOT, mode: S.IFIFO | 0o600, nlink: 1, size: 0, blocks: 0, rdevMajor: 0, rdevMinor: 0, identity: `stream:${fd}` };
  }
  private same(stat: HostStat | number): HostStat | number {
    if (typeof stat === 'number') return stat;
    const directory = (stat.mode & S.IFMT) === S.IFDIR;
    const size = directory ? BLOCK : stat.size;
    const timeNs = directory && !this.ofImage ? DIRECTORY_NS : stat.mtimeNs;
    return {
      ...stat,
      ...(this.ofImage ? {} : ROOT),
      nlink: directory ? 2 : stat.nlink,
      size,
      blocks: Math.ceil(size / BLOCK) * (BLOCK / 512),
      atimeNs: timeNs,
      mtimeNs: timeNs,
      ctimeNs: timeNs,
      identity: `0:${stat.identity}`, // one file system
    };
  }
  /** As user 0 sees the mode; what the host itself forbids shows when it is opened. */
  override access(path: string, mode: number): number {
    const stat = this.stat(path, false);
    if (typeof stat === 'number') return stat;
    const denied = mayAccess(ROOT, stat, mode);
    if (denied < 0) return denied;
    const lower = this.lower.access(path, mode);
    return lower === -ERRNO.EROFS ? lower : 0;
  }
  override statfs(path: string): HostStatfs | number {
    const stat = this.lower.stat(path, false);
    return typeof stat === 'number' ? stat : ROOM;
  }
  override terminal(): undefined {
    return undefined;
  }
  override position(fd: number): { readonly offset: number; readonly flags: number } | number {
    return fd > 2 ? this.lower.position(fd) : { offset: 0, flags: fd === 0 ? O.RDONLY : O.WRONLY };
  }
  override pathOf(): number {
    return -ERRNO.ENOENT;
  }
  override reopen(): number {
    return -ERRNO.ENXIO;
  }
}
