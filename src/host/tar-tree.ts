/** `--root TAR`: an archive's members as a tree of files. Nothing in it is ever changed: an overlay or read-only lies above. */
import { FormatError } from '#base/format-error.ts';
import { S } from '#abi/fs.ts';
import type { Host } from '#port/host.ts';
import { type Bytes, Content } from './content.ts';
import { type Entry, newEntry } from './entry.ts';
import { OverlayHost } from './overlay.ts';
import { type TarKind, type TarMember, tarMembers } from './tar.ts';

const TYPE: Readonly<Record<Exclude<TarKind, 'hardlink'>, number>> = {
  file: S.IFREG,
  symlink: S.IFLNK,
  chardev: S.IFCHR,
  blockdev: S.IFBLK,
  directory: S.IFDIR,
  fifo: S.IFIFO,
};

/** `host` serves the standard streams. Throws FormatError. */
export function tarTree(host: Host, archive: Bytes): OverlayHost {
  // Whoever may read what is asked above; the tree itself hides nothing.
  const tree = new OverlayHost(host, { lower: undefined, user: { uid: 0, gid: 0 }, nowNs: () => 0n });
  let number = 0;
  for (const member of tarMembers(archive)) {
    if (member.path === '') {
      if (member.kind !== 'directory') throw new FormatError(member.at, 'a member without a name');
      describe(tree.root, member);
      continue;
    }
    const parent = entryAt(tree, member.path.slice(0, Math.max(0, member.path.lastIndexOf('/'))), member);
    if (parent !== undefined && (parent.mode & S.IFMT) !== S.IFDIR)
      throw new FormatError(member.at, `the member '${member.path}' lies beneath something that is no directory`);
    const before = entryAt(tree, member.path, undefined);
    if (member.kind === 'hardlink') {
      const target = entryAt(tree, member.target, undefined);
      if (target === undefined || (target.mode & S.IFMT) === S.IFDIR)
        throw new FormatError(member.at, `the hard link '${member.path}' names '${member.target}', which is no file before it`);
      if (before === target) continue;
      if (before !== undefined) before.nlink--;
      target.nlink++;
      tree.plant(member.path, target);
      continue;
    }
    if (member.kind === 'directory' && before !== undefined && (before.mode & S.IFMT) === S.IFDIR) {
      describe(before, member);
      continue;
    }
    if (before !== undefined) before.nlink--;
    tree.plant(member.path, entryFor(archive, member, ++number));
  }
  return tree;
}

/** Metadata of a directory that is there already. */
function describe(entry: Entry, member: TarMember): void {
  entry.mode = S.IFDIR | member.mode;
  entry.uid = member.uid;
  entry.gid = member.gid;
  entry.atimeNs = entry.mtimeNs = entry.ctimeNs = member.mtimeNs;
}

function entryAt(tree: OverlayHost, path: string, strict: TarMember | undefined): Entry | undefined {
  let at = tree.root;
  for (const name of path.split('/').filter((n) => n !== '')) {
    if ((at.mode & S.IFMT) !== S.IFDIR) {
      if (strict !== undefined) throw new FormatError(strict.at, `the member '${strict.path}' lies beneath something that is no directory`);
      return undefined;
    }
    const next = at.children.get(name);
    if (next === undefined || next === null) return undefined;
    at = next;
  }
  return at;
}

function entryFor(archive: Bytes, member: TarMember, number: number): Entry {
  const { kind, offset, size } = member;
  const type = TYPE[kind as Exclude<TarKind, 'hardlink'>];
  const bytes: Bytes = {
    size,
    read: (into, position) => {
      const length = Math.min(into.length, Math.max(0, size - position));
      return length === 0 ? 0 : archive.read(into.subarray(0, length), offset + position);
    },
  };
  const entry = newEntry(
    type | (kind === 'symlink' ? 0o777 : member.mode),
    `image:${number}`,
    member,
    member.mtimeNs,
    kind === 'file' ? { content: new Content(bytes) } : kind === 'symlink' ? { target: member.target } : {},
  );
  return kind === 'chardev' || kind === 'blockdev' ? { ...entry, rdevMajor: member.major, rdevMinor: member.minor } : entry;
}
