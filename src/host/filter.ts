/** A `Host` that hands every call on to another one: what stands between the kernel and the files overrides what it changes. */
import type { Host, HostStat, HostStatfs } from '#port/host.ts';

export class HostFilter implements Host {
  protected readonly lower: Host;

  constructor(lower: Host) {
    this.lower = lower;
  }

  open(path: string, flags: number, mode: number): number {
    return this.lower.open(path, flags, mode);
  }
  close(fd: number): number {
    return this.lower.close(fd);
  }
  read(fd: number, into: Uint8Array, position: number): number {
    return this.lower.read(fd, into, position);
  }
  write(fd: number, from: Uint8Array, position: number): number {
    return this.lower.write(fd, from, position);
  }
  stat(path: string, followLinks: boolean): HostStat | number {
    return this.lower.stat(path, followLinks);
  }
  fstat(fd: number): HostStat | number {
    return this.lower.fstat(fd);
  }
  access(path: string, mode: number): number {
    return this.lower.access(path, mode);
  }
  readdir(path: string): string[] | number {
    return this.lower.readdir(path);
  }
  readlink(path: string): string | number {
    return this.lower.readlink(path);
  }
  mkdir(path: string, mode: number): number {
    return this.lower.mkdir(path, mode);
  }
  rmdir(path: string): number {
    return this.lower.rmdir(path);
  }
  unlink(path: string): number {
    return this.lower.unlink(path);
  }
  rename(from: string, to: string): number {
    return this.lower.rename(from, to);
  }
  link(from: string, to: string): number {
    return this.lower.link(from, to);
  }
  symlink(target: string, path: string): number {
    return this.lower.symlink(target, path);
  }
  chmod(path: string, mode: number): number {
    return this.lower.chmod(path, mode);
  }
  chown(path: string, uid: number, gid: number, followLinks: boolean): number {
    return this.lower.chown(path, uid, gid, followLinks);
  }
  fchmod(fd: number, mode: number): number {
    return this.lower.fchmod(fd, mode);
  }
  fchown(fd: number, uid: number, gid: number): number {
    return this.lower.fchown(fd, uid, gid);
  }
  utimes(path: string, atimeNs: bigint | undefined, mtimeNs: bigint | undefined, followLinks: boolean): number {
    return this.lower.utimes(path, atimeNs, mtimeNs, followLinks);
  }
  futimes(fd: number, atimeNs: bigint | undefined, mtimeNs: bigint | undefined): number {
    return this.lower.futimes(fd, atimeNs, mtimeNs);
  }
  truncate(path: string, size: number): number {
    return this.lower.truncate(path, size);
  }
  ftruncate(fd: number, size: number): number {
    return this.lower.ftruncate(fd, size);
  }
  fsync(fd: number): number {
    return this.lower.fsync(fd);
  }
  statfs(path: string): HostStatfs | number {
    return this.lower.statfs(path);
  }
  position(fd: number): { readonly offset: number; readonly flags: number } | number {
    return this.lower.position(fd);
  }
  reopen(fd: number, flags: number): number {
    return this.lower.reopen(fd, flags);
  }
  pathOf(fd: number): string | number {
    return this.lower.pathOf(fd);
  }
  terminal(fd: number): { readonly rows: number; readonly columns: number } | undefined {
    return this.lower.terminal(fd);
  }
}
