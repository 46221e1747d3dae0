/** What an overlay knows of a file: the entry of a name that was changed, or planted, and the names that have none. */
import { S } from '#abi/fs.ts';
import { encodeUtf8 } from '#base/utf8.ts';
import type { HostStat, HostStatfs } from '#port/host.ts';
import { Content } from './content.ts';
import type { Owner } from './permissions.ts';

/** What is known of a changed (or planted) file. */
export interface Entry {
  readonly identity: string;
  mode: number;
  nlink: number;
  uid: number;
  gid: number;
  atimeNs: bigint;
  mtimeNs: bigint;
  ctimeNs: bigint;
  readonly rdevMajor: number;
  readonly rdevMinor: number;
  /** Of a directory: its own size on the lower tree; of a link: the target's length. */
  readonly size: number;
  /** Directory: the lower directory whose names show through. File: where its bytes are until the first write. */
  readonly lowerPath: string | undefined;
  content: Content | undefined;
  readonly target: string | undefined;
  /** Changed names of a directory; null hides the lower one. */
  readonly children: Map<string, Entry | null>;
  /** Something differs from the lower file of its own. */
  changed: boolean;
}

/** A name that has no entry yet. */
export interface Untouched {
  readonly lowerPath: string;
  readonly stat: HostStat;
}
export type Found = { readonly entry: Entry } | Untouched;

/** A file that is not below: planted, or made by the guest. */
export function newEntry(
  mode: number,
  identity: string,
  owner: Owner,
  timeNs: bigint,
  more: Partial<Pick<Entry, 'target' | 'content'>> = {},
): Entry {
  const directory = (mode & S.IFMT) === S.IFDIR;
  return {
    identity,
    mode,
    nlink: directory ? 2 : 1,
    uid: owner.uid,
    gid: owner.gid,
    atimeNs: timeNs,
    mtimeNs: timeNs,
    ctimeNs: timeNs,
    rdevMajor: 0,
    rdevMinor: 0,
    size: directory ? 4096 : more.target === undefined ? 0 : encodeUtf8(more.target).length,
    lowerPath: undefined,
    content: (mode & S.IFMT) === S.IFREG ? (more.content ?? new Content()) : undefined,
    target: more.target,
    children: new Map(),
    changed: true,
  };
}

/** The entry of a lower file as it is. */
export function entryOf(stat: HostStat, lowerPath: string | undefined, target?: string): Entry {
  const { identity, mode, nlink, uid, gid, atimeNs, mtimeNs, ctimeNs, rdevMajor, rdevMinor, size } = stat;
  const rest = { content: undefined, target, children: new Map<string, Entry | null>(), changed: false };
  return { identity, mode, nlink, uid, gid, atimeNs, mtimeNs, ctimeNs, rdevMajor, rdevMinor, size, lowerPath, ...rest };
}

/** What a file system in memory says of its room: 4 GiB of 4 KiB blocks, half of them free. The same on every host. */
export const ROOM: HostStatfs = {
  blockSize: 4096,
  blocks: 1_048_576,
  blocksFree: 524_288,
  blocksAvailable: 524_288,
  files: 1_048_576,
  filesFree: 524_288,
};
