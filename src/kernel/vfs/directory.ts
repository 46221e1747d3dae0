/** An open directory. Entries are read at the first getdents and again after a rewind: deleting while reading skips nothing. */
import { ERRNO } from '#abi/errno.ts';
import { S, SEEK, directoryType } from '#abi/fs.ts';
import { compareNames } from '#base/utf8.ts';
import { FileDescription } from './file-description.ts';
import type { DirectoryEntry, Node } from './node.ts';

export class DirectoryDescription extends FileDescription {
  private entries: readonly DirectoryEntry[] | undefined;

  override get seekable(): boolean {
    return true;
  }
  override read(): number {
    return -ERRNO.EISDIR;
  }
  override pread(): number {
    return -ERRNO.EISDIR;
  }
  override sync(): number {
    return 0;
  }
  /** Offsets count entries. */
  override seek(offset: number, whence: number): number {
    if (whence !== SEEK.SET && whence !== SEEK.CUR) return -ERRNO.EINVAL;
    const at = this.seekTo(offset, whence, 0);
    if (at === 0) this.entries = undefined;
    return at;
  }

  /** Entries from the offset on, `.` and `..` first. The caller moves `offset` by what it took. */
  remaining(): readonly DirectoryEntry[] | number {
    if (this.node.unlinked) return -ERRNO.ENOENT;
    if (this.entries === undefined) {
      const listed = this.node.list();
      if (typeof listed === 'number') return listed;
      const shadowed = this.node.overlay;
      const own = shadowed === undefined ? listed : listed.filter((e) => !shadowed.has(e.name));
      const added = shadowed === undefined ? [] : [...shadowed.values()].map(entryOf);
      this.entries = [dot('.', this.node), dot('..', this.node.parent ?? this.node), ...sorted([...own, ...added])];
    }
    return this.entries.slice(this.offset);
  }
}

function sorted(entries: DirectoryEntry[]): DirectoryEntry[] {
  return entries.sort((a, b) => compareNames(a.name, b.name));
}

const dot = (name: string, node: Node): DirectoryEntry => ({ ...entryOf(node), name });

function entryOf(node: Node): DirectoryEntry {
  const stat = node.stat();
  return typeof stat === 'number'
    ? { name: node.name, ino: 1, type: directoryType(S.IFDIR) }
    : { name: node.name, ino: stat.ino, type: directoryType(stat.mode) };
}
