/**
 * Extended attributes (xattr(7), fs/xattr.c) of the files of a session: by device and inode number, and never on the host, whose own are not shown.
 */
import { ERRNO } from '#abi/errno.ts';
import { S, XATTR } from '#abi/fs.ts';
import { encodeUtf8 } from '#base/utf8.ts';
import type { FileStat } from './node.ts';

/** What ext4 keeps in one block: its header and end mark, an entry of 16 bytes and the name without its prefix, and the value. */
const BLOCK_ROOM = 4096 - 32 - 4;
const ENTRY = 16;
const round = (n: number): number => (n + 3) & ~3;

export class Xattrs {
  private readonly files = new Map<string, Map<string, Uint8Array>>();

  private of(file: FileStat): Map<string, Uint8Array> | undefined {
    return this.files.get(`${file.dev}:${file.ino}`);
  }

  get(file: FileStat, name: string): Uint8Array | number {
    return this.of(file)?.get(name) ?? -ERRNO.ENODATA;
  }

  /** Names in order of their making, as bytes, each with its NUL. `trusted`: those are shown, too. */
  list(file: FileStat, trusted: boolean): Uint8Array {
    const names = [...(this.of(file)?.keys() ?? [])].filter((n) => trusted || !n.startsWith('trusted.'));
    return encodeUtf8(names.map((n) => `${n}\0`).join(''));
  }

  set(file: FileStat, name: string, value: Uint8Array, flags: number): number {
    const own = this.of(file) ?? new Map<string, Uint8Array>();
    if (own.has(name) && (flags & XATTR.CREATE) !== 0) return -ERRNO.EEXIST;
    if (!own.has(name) && (flags & XATTR.REPLACE) !== 0) return -ERRNO.ENODATA;
    const size = (n: string, v: Uint8Array): number => ENTRY + round(n.length - n.indexOf('.') - 1) + round(v.length);
    const others = [...own].reduce((sum, [n, v]) => (n === name ? sum : sum + size(n, v)), 0);
    if (others + size(name, value) > BLOCK_ROOM) return -ERRNO.ENOSPC;
    own.set(name, value);
    this.files.set(`${file.dev}:${file.ino}`, own);
    return 0;
  }

  remove(file: FileStat, name: string): number {
    return this.of(file)?.delete(name) === true ? 0 : -ERRNO.ENODATA;
  }
}

/** What the name's class lets one do: fs/xattr.c xattr_permission, xattr_resolve_name. 0, or -errno. `admin`: CAP_SYS_ADMIN. */
export function refusesXattr(file: FileStat, name: string, write: boolean, admin: boolean, owner: boolean): number {
  const [space, rest] = [name.slice(0, name.indexOf('.')), name.slice(name.indexOf('.') + 1)];
  if (!name.includes('.') || !['user', 'trusted', 'security'].includes(space)) return -ERRNO.EOPNOTSUPP;
  if (name === 'security.capability') return write ? -ERRNO.EOPNOTSUPP : -ERRNO.ENODATA; // file capabilities have no effect here
  if (rest === '') return -ERRNO.EINVAL;
  if (space === 'trusted' && !admin) return write ? -ERRNO.EPERM : -ERRNO.ENODATA;
  if (space === 'security' && write && !admin) return -ERRNO.EPERM;
  const type = file.mode & S.IFMT;
  if (space === 'user' && type !== S.IFREG && type !== S.IFDIR) return write ? -ERRNO.EPERM : -ERRNO.ENODATA;
  if (space === 'user' && type === S.IFDIR && (file.mode & S.ISVTX) !== 0 && write && !owner) return -ERRNO.EPERM;
  return 0;
}
