/**
 * File locks among the guest's processes: fcntl's record locks (owner: the descriptor table), open-file-description locks and flock
 * (owner: the description). Locks of processes outside are not seen.
 */
import { LOCK_TYPE } from '#abi/fs.ts';
import type { FileDescription } from './file-description.ts';
import type { Node } from './node.ts';

export interface RecordLock {
  /** LOCK_TYPE.RDLCK or WRLCK. */
  readonly type: number;
  readonly start: number;
  /** Exclusive; Infinity = to the end of the file. */
  readonly end: number;
  /** FdTable, or the FileDescription of an OFD lock. */
  readonly owner: object;
  /** -1 for OFD locks, as F_GETLK says. */
  readonly pid: number;
}

/** MAX_DEADLK_ITERATIONS. */
const MAX_DEADLOCK_STEPS = 10;

interface FileLocks {
  records: RecordLock[];
  readonly whole: Map<FileDescription, 'shared' | 'exclusive'>;
}

const conflict = (held: RecordLock, wanted: RecordLock): boolean =>
  held.owner !== wanted.owner &&
  held.start < wanted.end &&
  wanted.start < held.end &&
  (held.type === LOCK_TYPE.WRLCK || wanted.type === LOCK_TYPE.WRLCK);

/** The file behind a description, whichever name it was opened by. */
function keyOf(description: FileDescription): string | Node {
  const stat = description.stat();
  return typeof stat === 'number' ? description.node : `${stat.dev}:${stat.ino}`;
}

export class LockTable {
  private readonly files = new Map<string | Node, FileLocks>();
  /** Owners of record locks that sleep for another one. */
  private readonly sleepers = new WeakMap<object, { readonly description: FileDescription; readonly wanted: RecordLock }>();

  private of(description: FileDescription): FileLocks {
    const key = keyOf(description);
    const known = this.files.get(key);
    if (known !== undefined) return known;
    const made: FileLocks = { records: [], whole: new Map() };
    this.files.set(key, made);
    return made;
  }

  /** The lock that stands in the way of `wanted`. */
  blocking(description: FileDescription, wanted: RecordLock): RecordLock | undefined {
    return this.of(description).records.find((held) => conflict(held, wanted));
  }
  /** The owner of `wanted` goes to sleep for it, unless who has it sleeps, over whatever others, for that owner: false. fs/locks.c posix_locks_deadlock. */
  sleeps(description: FileDescription, wanted: RecordLock): boolean {
    let ahead = this.blocking(description, wanted)?.owner;
    for (let i = 0; ahead !== undefined && i < MAX_DEADLOCK_STEPS; i++) {
      if (ahead === wanted.owner) return false;
      const next = this.sleepers.get(ahead);
      ahead = next === undefined ? undefined : this.blocking(next.description, next.wanted)?.owner;
    }
    this.sleepers.set(wanted.owner, { description, wanted });
    return true;
  }
  wakes(owner: object): void {
    this.sleepers.delete(owner);
  }

  /** Sets (or, with UNLCK, removes) what `wanted` covers; nothing may be blocking. Neighbours of the same kind merge. */
  set(description: FileDescription, wanted: RecordLock): void {
    const locks = this.of(description);
    const out: RecordLock[] = [];
    let { start, end } = wanted;
    for (const held of locks.records) {
      if (held.owner !== wanted.owner || held.end < start || held.start > end) {
        out.push(held);
      } else if (held.type === wanted.type) {
        start = Math.min(start, held.start);
        end = Math.max(end, held.end);
      } else {
        if (held.start < start) out.push({ ...held, end: Math.min(held.end, start) });
        if (held.end > end) out.push({ ...held, start: Math.max(held.start, end) });
      }
    }
    if (wanted.type !== LOCK_TYPE.UNLCK) out.push({ ...wanted, start, end });
    locks.records = out.sort((a, b) => a.start - b.start);
  }

  /** True when `description` may have the whole file so. */
  flockFree(description: FileDescription, exclusive: boolean): boolean {
    for (const [holder, mode] of this.of(description).whole) {
      if (holder !== description && (exclusive || mode === 'exclusive')) return false;
    }
    return true;
  }
  flock(description: FileDescription, mode: 'shared' | 'exclusive' | undefined): void {
    const { whole } = this.of(description);
    if (mode === undefined) whole.delete(description);
    else whole.set(description, mode);
  }

  releaseRecords(description: FileDescription, owner: object): void {
    if (this.files.size === 0) return; // the common case costs no stat
    const locks = this.files.get(keyOf(description));
    if (locks !== undefined) locks.records = locks.records.filter((l) => l.owner !== owner);
  }
  /** The description is closed for good. */
  releaseDescription(description: FileDescription): void {
    for (const locks of this.files.values()) {
      locks.whole.delete(description);
      if (locks.records.some((l) => l.owner === description)) locks.records = locks.records.filter((l) => l.owner !== description);
    }
  }
}
