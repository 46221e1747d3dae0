/**
 * `--inputs`: what a run looked at, noted below everything that the guest itself can change. A file counts with the bytes that it had when it
 * was first opened: it is hashed in the end, or just before its first change. What the guest has made is no input.
 */
import { ERRNO } from '#abi/errno.ts';
import { O, S } from '#abi/fs.ts';
import { compareNames, encodeUtf8 } from '#base/utf8.ts';
import type { Host, HostStat } from '#port/host.ts';
import { HostFilter } from './filter.ts';

export interface Hash {
  update(bytes: Uint8Array): void;
  /** In hexadecimal. */
  digest(): string;
}

/** One name that the run depends on. */
export type Input =
  | {
      readonly path: string;
      readonly kind: 'read';
      readonly size: number;
      readonly sha256: string;
      readonly mtime: string;
      readonly changed?: true;
    }
  /** Only asked for: its type, size and time. */
  | { readonly path: string; readonly kind: 'seen'; readonly mode: string; readonly size: number; readonly mtime: string }
  | { readonly path: string; readonly kind: 'link'; readonly target: string }
  | { readonly path: string; readonly kind: 'listed'; readonly entries: number; readonly sha256: string }
  | { readonly path: string; readonly kind: 'missing' }
  /** There, and the host would not give it. */
  | { readonly path: string; readonly kind: 'refused'; readonly errno: number };

/** What came in by standard input. */
export interface StreamInput {
  readonly bytes: number;
  readonly sha256: string;
}

interface Note {
  kind: Input['kind'];
  stat: HostStat | undefined;
  target: string;
  entries: number;
  sha256: string | undefined;
  size: number;
  errno: number;
  /** The host's file is not what was opened, and it was not the guest that changed it. */
  changed: boolean;
}

const HASH_CHUNK = 262_144;
/** The stronger dependence wins. */
const STRENGTH: Readonly<Record<Input['kind'], number>> = { missing: 0, seen: 1, refused: 2, link: 3, listed: 3, read: 4 };

export class InputsHost extends HostFilter {
  private readonly newHash: () => Hash;
  /** A host path as the guest names it; undefined: none of the guest's. */
  private readonly guestPath: (path: string) => string | undefined;
  private readonly notes = new Map<string, Note>();
  /** Names that the guest made, moved or removed. */
  private readonly own = new Set<string>();
  private readonly stdin: { readonly hash: Hash; bytes: number };
  private readonly buffer = new Uint8Array(HASH_CHUNK);

  constructor(lower: Host, newHash: () => Hash, guestPath: (path: string) => string | undefined) {
    super(lower);
    this.newHash = newHash;
    this.guestPath = guestPath;
    this.stdin = { hash: newHash(), bytes: 0 };
  }

  private isOwn(path: string): boolean {
    if (this.own.size === 0) return false;
    for (let at = path; at !== ''; at = at.slice(0, at.lastIndexOf('/'))) if (this.own.has(at)) return true;
    return false;
  }
  private note(path: string, kind: Input['kind'], more: Partial<Note> = {}): Note | undefined {
    if (this.isOwn(path)) return undefined;
    const known = this.notes.get(path);
    if (known !== undefined && STRENGTH[known.kind] >= STRENGTH[kind]) return known;
    const note: Note = { kind, stat: undefined, target: '', entries: 0, sha256: undefined, size: 0, errno: 0, changed: false, ...more };
    this.notes.set(path, note);
    return note;
  }

  /** Hashes what has been opened of the file of that identity, before it changes. */
  private settle(identity: string): void {
    for (const [path, note] of this.notes) if (note.kind === 'read' && note.stat?.identity === identity) this.digest(path, note);
  }
  private settlePath(path: string): void {
    const stat = this.lower.stat(path, false);
    if (typeof stat === 'number') return;
    if ((stat.mode & S.IFMT) !== S.IFDIR) this.settle(stat.identity);
    else for (const [inside, note] of this.notes) if (note.kind === 'read' && inside.startsWith(`${path}/`)) this.digest(inside, note);
  }
  private digest(path: string, note: Note): void {
    if (note.sha256 !== undefined) return;
    const fd = this.lower.open(path, O.RDONLY | O.NOFOLLOW, 0);
    const hash = this.newHash();
    let at = 0;
    if (fd >= 0) {
      const now = this.lower.fstat(fd);
      note.changed = typeof now === 'number' || !sameFile(now, note.stat);
      for (;;) {
        const n = this.lower.read(fd, this.buffer, at);
        if (n <= 0) break;
        hash.update(this.buffer.subarray(0, n));
        at += n;
      }
      this.lower.close(fd);
    } else {
      note.changed = true;
    }
    note.size = at;
    note.sha256 = hash.digest();
  }
  /** `path` is the guest's from now on. */
  private take(path: string): void {
    this.own.add(path);
  }

  override open(path: string, flags: number, mode: number): number {
    if ((flags & O.PATH) !== 0) return this.lower.open(path, flags, mode);
    const writes = (flags & O.ACCMODE) !== O.RDONLY || (flags & O.TRUNC) !== 0;
    const before = writes || (flags & O.CREAT) !== 0 ? this.lower.stat(path, false) : undefined;
    const existed = typeof before === 'object';
    if (existed) {
      // Opened for reading too, or only in part overwritten: what is there is an input.
      if ((flags & O.TRUNC) === 0 && !this.isOwn(path)) this.note(path, 'read', { stat: before });
      if (writes) this.settle(before.identity);
    }
    const fd = this.lower.open(path, flags, mode);
    if (fd < 0) {
      if (fd === -ERRNO.ENOENT) this.note(path, 'missing');
      else this.note(path, 'refused', { errno: -fd });
      return fd;
    }
    if (before !== undefined && !existed) this.take(path);
    if (writes) this.take(path);
    else if (!this.isOwn(path) && this.notes.get(path)?.kind !== 'read') {
      const stat = this.lower.fstat(fd);
      if (typeof stat !== 'number') this.note(path, 'read', { stat });
    }
    return fd;
  }
  override read(fd: number, into: Uint8Array, position: number): number {
    const n = this.lower.read(fd, into, position);
    if (fd === 0 && n > 0) {
      this.stdin.hash.update(into.subarray(0, n));
      this.stdin.bytes += n;
    }
    return n;
  }
  override stat(path: string, followLinks: boolean): HostStat | number {
    const stat = this.lower.stat(path, followLinks);
    if (typeof stat === 'number') {
      if (stat === -ERRNO.ENOENT || stat === -ERRNO.ENOTDIR) this.note(path, 'missing');
      else this.note(path, 'refused', { errno: -stat });
    } else if ((stat.mode & S.IFMT) !== S.IFDIR && (stat.mode & S.IFMT) !== S.IFLNK) {
      this.note(path, 'seen', { stat });
    }
    return stat;
  }
  override readdir(path: string): string[] | number {
    const names = this.lower.readdir(path);
    if (typeof names === 'number') return names;
    const known = this.notes.get(path);
    if (known?.kind !== 'listed') {
      const hash = this.newHash();
      const foreign = names.filter((name) => !this.own.has(`${path === '/' ? '' : path}/${name}`));
      for (const name of foreign) hash.update(encodeUtf8(`${name}\0`));
      this.note(path, 'listed', { entries: foreign.length, sha256: hash.digest() });
    }
    return names;
  }
  override readlink(path: string): string | number {
    const target = this.lower.readlink(path);
    if (typeof target !== 'number') this.note(path, 'link', { target });
    return target;
  }

  override mkdir(path: string, mode: number): number {
    const result = this.lower.mkdir(path, mode);
    if (result >= 0) this.take(path);
    return result;
  }
  override symlink(target: string, path: string): number {
    const result = this.lower.symlink(target, path);
    if (result >= 0) this.take(path);
    return result;
  }
  override link(from: string, to: string): number {
    const result = this.lower.link(from, to);
    if (result >= 0) this.take(to);
    return result;
  }
  override unlink(path: string): number {
    this.settlePath(path);
    const result = this.lower.unlink(path);
    if (result >= 0) this.take(path);
    return result;
  }
  override rmdir(path: string): number {
    const result = this.lower.rmdir(path);
    if (result >= 0) this.take(path);
    return result;
  }
  override rename(from: string, to: string): number {
    this.settlePath(from);
    this.settlePath(to);
    const result = this.lower.rename(from, to);
    if (result >= 0) {
      this.take(from);
      this.take(to);
    }
    return result;
  }
  override truncate(path: string, size: number): number {
    this.settlePath(path);
    const result = this.lower.truncate(path, size);
    if (result >= 0) this.take(path);
    return result;
  }

  /** Everything that the run depended on, sorted by path; hashes what has not been hashed. */
  inputs(): Input[] {
    const out: Input[] = [];
    for (const [path, note] of this.notes) {
      const guest = this.guestPath(path);
      if (guest === undefined) continue;
      if (note.kind === 'read') this.digest(path, note);
      out.push(inputOf(guest, note));
    }
    return out.sort((a, b) => compareNames(a.path, b.path));
  }
  standardInput(): StreamInput {
    return { bytes: this.stdin.bytes, sha256: this.stdin.hash.digest() };
  }
}

function inputOf(path: string, note: Note): Input {
  const mtime = seconds(note.stat?.mtimeNs ?? 0n);
  const sha256 = note.sha256 ?? '';
  switch (note.kind) {
    case 'read':
      return { path, kind: 'read', size: note.size, sha256, mtime, ...(note.changed ? { changed: true as const } : {}) };
    case 'seen':
      return { path, kind: 'seen', mode: (note.stat?.mode ?? 0).toString(8), size: note.stat?.size ?? 0, mtime };
    case 'link':
      return { path, kind: 'link', target: note.target };
    case 'listed':
      return { path, kind: 'listed', entries: note.entries, sha256 };
    case 'missing':
      return { path, kind: 'missing' };
    default:
      return { path, kind: 'refused', errno: note.errno };
  }
}

const seconds = (ns: bigint): string => {
  const whole = ns / 1_000_000_000n;
  return `${whole}.${(ns - whole * 1_000_000_000n).toString().padStart(9, '0')}`;
};

const sameFile = (a: HostStat, b: HostStat | undefined): boolean =>
  b !== undefined && a.identity === b.identity && a.size === b.size && a.mtimeNs === b.mtimeNs;
