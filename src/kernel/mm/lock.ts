/** Locked memory (mlock(2), mm/mlock.c): nothing is ever swapped here, so a lock is its books, its limits, and pages that are there at once. */
import { ERRNO } from '#abi/errno.ts';
import { PROT } from '#abi/mman.ts';
import type { AddressSpace } from './address-space.ts';
import { PAGE } from './frames.ts';
import { physicalOf } from './user-memory.ts';
import { isShared, type Vma } from './vma.ts';

export const lockedBytes = (mm: AddressSpace): number => mm.maps.list.reduce((sum, v) => sum + (v.locked ? v.end - v.start : 0), 0);

/** Of [start, end), bytes that are locked. */
export const lockedIn = (mm: AddressSpace, start: number, end: number): number =>
  mm.maps.overlapping(start, end).reduce((sum, v) => sum + (v.locked ? Math.min(end, v.end) - Math.max(start, v.start) : 0), 0);

/** Locks [start, end), or unlocks it: -ENOMEM at the first hole, behind what is done already. */
export function setLocked(mm: AddressSpace, start: number, end: number, locked: boolean): number {
  let at = start;
  for (const v of mm.maps.overlapping(start, end).slice()) {
    if (v.start > at) break;
    at = Math.min(v.end, end);
    if (v.locked === locked) continue;
    for (const piece of mm.maps.remove(Math.max(v.start, start), at)) mm.maps.insert({ ...piece, locked });
  }
  return at < end ? -ERRNO.ENOMEM : 0;
}

/** Makes the pages of locked mappings present; -ENOMEM where one may not be touched or has nothing behind it. */
export function populate(mm: AddressSpace, start: number, end: number): number {
  for (const v of mm.maps.overlapping(start, end)) {
    if (!v.locked) continue;
    if ((v.prot & (PROT.READ | PROT.WRITE | PROT.EXEC)) === 0) return -ERRNO.ENOMEM;
    for (let va = Math.max(start, v.start); va < Math.min(end, v.end); va += PAGE)
      if (physicalOf(mm, va, writes(v)) < 0) return -ERRNO.ENOMEM;
  }
  return 0;
}
/** A private page that can be written is copied at once. */
const writes = (v: Vma): boolean => (v.prot & PROT.WRITE) !== 0 && !isShared(v);
