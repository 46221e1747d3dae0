/** What the three kinds of System V IPC share (ipc/util.c): keys, identifiers, owners and rights. */
import { ERRNO } from '#abi/errno.ts';
import { IPC, IPC_LIMIT, IPC_PERM } from '#abi/ipc.ts';
import type { Task } from '../task/task.ts';

export interface IpcObject {
  readonly id: number;
  /** 0 once it is private or removed. */
  key: number;
  mode: number;
  uid: number;
  gid: number;
  readonly creatorUid: number;
  readonly creatorGid: number;
  readonly sequence: number;
  /** Removed: who sleeps on it gets EIDRM. */
  removed: boolean;
}

/** ipc_min_cycle */
const MIN_CYCLE = 64;

type Birth = Omit<IpcObject, 'removed'>;

export class IpcRegistry<T extends IpcObject> {
  private readonly slots: (T | undefined)[] = [];
  private sequence = 0;
  private last = -1;
  private readonly most: number;

  constructor(most: number) {
    this.most = most;
  }

  /** The first free one behind the last that was given, round the first 64 at least: ipc/util.c ipc_idr_alloc. */
  private freeSlot(): number | undefined {
    const end = Math.min(this.most, Math.max(Math.floor((this.all.length * 3) / 2), MIN_CYCLE));
    for (let i = 1; i <= end; i++) {
      const slot = (this.last + i) % end;
      if (this.slots[slot] === undefined) return slot;
    }
    return undefined;
  }

  /** *get(2): the id, or -errno. `fits`: 0 or -errno for an object that is there already. */
  get(t: Task, key: number, flags: number, make: (birth: Birth) => T | number, fits: (found: T) => number): number {
    const found = key === IPC.PRIVATE ? undefined : this.slots.find((o) => o?.key === key);
    if (found !== undefined) {
      if ((flags & (IPC.CREAT | IPC.EXCL)) === (IPC.CREAT | IPC.EXCL)) return -ERRNO.EEXIST;
      const unfit = fits(found);
      if (unfit < 0) return unfit;
      return allowed(t, found, flags & 0o777) ? found.id : -ERRNO.EACCES;
    }
    if (key !== IPC.PRIVATE && (flags & IPC.CREAT) === 0) return -ERRNO.ENOENT;
    const slot = this.freeSlot();
    if (slot === undefined) return -ERRNO.ENOSPC;
    const { euid, egid } = t.credentials;
    if (slot <= this.last) this.sequence = (this.sequence + 1) % 65536; // an old id does not name a new object
    const made = make({
      id: this.sequence * IPC_LIMIT.IDS + slot,
      key,
      mode: flags & 0o777,
      uid: euid,
      gid: egid,
      creatorUid: euid,
      creatorGid: egid,
      sequence: this.sequence,
    });
    if (typeof made === 'number') return made;
    this.slots[slot] = made;
    this.last = slot;
    return made.id;
  }
  find(id: number): T | undefined {
    const o = id < 0 ? undefined : this.slots[id % IPC_LIMIT.IDS];
    return o?.id === id ? o : undefined;
  }
  at(index: number): T | undefined {
    return this.slots[index];
  }
  /** Index of the last one in use, as IPC_INFO and the like return it. */
  get highest(): number {
    return this.slots.findLastIndex((o) => o !== undefined);
  }
  get all(): readonly T[] {
    return this.slots.filter((o) => o !== undefined);
  }
  remove(o: T): void {
    o.removed = true;
    o.key = IPC.PRIVATE;
    this.slots[o.id % IPC_LIMIT.IDS] = undefined;
    if (this.slots.every((x) => x === undefined)) this.slots.length = 0;
  }
}

/** ipcperms: `wanted` has rights in any of its three places. */
export function allowed(t: Task, o: IpcObject, wanted: number): boolean {
  const { euid, egid, groups } = t.credentials;
  const asked = (wanted >> 6) | (wanted >> 3) | wanted;
  let granted = o.mode;
  if (euid === o.uid || euid === o.creatorUid) granted >>= 6;
  else if ([egid, ...groups].some((g) => g === o.gid || g === o.creatorGid)) granted >>= 3;
  return euid === 0 || (asked & ~granted & 7) === 0;
}
/** IPC_SET and IPC_RMID are the owner's. */
export const owns = (t: Task, o: IpcObject): boolean => [0, o.uid, o.creatorUid].includes(t.credentials.euid);

/** struct ipc64_perm at the start of `v`. */
export function writePermissions(v: DataView, o: IpcObject): void {
  for (const [i, n] of [o.key, o.uid, o.gid, o.creatorUid, o.creatorGid, o.mode].entries()) v.setInt32(i * 4, n, true);
  v.setUint16(24, o.sequence, true);
}
/** What IPC_SET takes of it. */
export function readPermissions(bytes: Uint8Array, o: IpcObject): void {
  const v = new DataView(bytes.buffer, bytes.byteOffset, IPC_PERM);
  o.uid = v.getUint32(4, true);
  o.gid = v.getUint32(8, true);
  o.mode = (o.mode & ~0o777) | (v.getUint32(20, true) & 0o777);
}
