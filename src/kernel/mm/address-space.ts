/** An address space: mappings over page tables. Demand paging is in fault.ts, system calls in syscalls/sys-mm.ts. */
import { ERRNO } from '#abi/errno.ts';
import { MAP, PROT } from '#abi/mman.ts';
import { type FrameAllocator, PAGE } from './frames.ts';
import type { PageCache } from './page-cache.ts';
import type { PageSource } from './page-source.ts';
import { ENTRY, PageTables, USER_END } from './page-tables.ts';
import { isShared, type SharedPages, type Vma, VmaList } from './vma.ts';

export type { Vma } from './vma.ts';

/** Linux's layout without address randomisation. Documentation/arch/x86/x86_64/mm.rst; arch/x86/mm/mmap.c. */
export const LAYOUT = {
  STACK_TOP: 0x7fff_ffff_f000,
  MMAP_BASE: 0x7fff_f7ff_f000,
  PIE_BASE: 0x5555_5555_4000,
  /** vm.mmap_min_addr */
  MMAP_MIN: 0x1_0000,
  STACK_LIMIT: 8 * 1024 * 1024,
} as const;

/** What all address spaces share. */
export interface MmContext {
  readonly frames: FrameAllocator;
  readonly cache: PageCache;
  /** PML4 whose upper half every address space gets. */
  readonly kernelRoot: number;
  /** Drops a translation, or all, of the address space if it is loaded. */
  invalidate(root: number, va: number | undefined): void;
  /** A page fault by the kernel's own access to user memory, or by the program: counted by the owner. */
  faulted(va: number, major: boolean, byKernel: boolean): void;
}

export const pageDown = (n: number): number => n - (n % PAGE);
export const pageUp = (n: number): number => Math.ceil(n / PAGE) * PAGE;

/** Arguments of a mapping request. */
export interface MapRequest {
  readonly length: number;
  readonly prot: number;
  readonly flags: number;
  readonly source: PageSource | undefined;
  readonly offset: number;
  readonly name: string;
}

const canWrite = (source: PageSource): boolean => source.writePage !== undefined || source.frames !== undefined;

export class AddressSpace {
  readonly context: MmContext;
  readonly tables: PageTables;
  readonly maps: VmaList;
  /** Tasks that use it. */
  users = 1;
  brkStart = 0;
  brk = 0;
  /** Program arguments on the stack, for /proc/PID/cmdline and environ. */
  argStart = 0;
  argEnd = 0;
  envStart = 0;
  envEnd = 0;
  /** The auxiliary vector, for /proc/PID/auxv. */
  auxv: Uint8Array = new Uint8Array(0);
  /** Mappings of perf events that RDPMC may read (context.perf_rdpmc_allowed), and pages of their rings beyond the user's share (pinned_vm). */
  rdpmcMappings = 0;
  pinnedPages = 0;

  /** mlockall(MCL_FUTURE): what is mapped from now on is locked, and its pages are there or come at a fault. */
  locksFuture: 'present' | 'on fault' | undefined;

  /** RLIMIT_AS of the process. */
  limitBytes = Infinity;

  private constructor(context: MmContext, tables: PageTables, maps: VmaList) {
    this.context = context;
    this.tables = tables;
    this.maps = maps;
  }

  /** An empty one; undefined: no memory. */
  static create(context: MmContext): AddressSpace | undefined {
    const root = context.frames.allocate();
    if (root === undefined) return undefined;
    const memory = context.frames.memory;
    memory.bytes.copyWithin(root + 2048, context.kernelRoot + 2048, context.kernelRoot + 4096);
    return new AddressSpace(context, new PageTables(context.frames, root), new VmaList());
  }

  /** Sorted by address. */
  get vmas(): readonly Vma[] {
    return this.maps.list;
  }
  get root(): number {
    return this.tables.root;
  }

  /** Places and adds a mapping. `hint` 0: anywhere. The address, or -errno. */
  map(hint: number, request: MapRequest): number {
    const length = pageUp(request.length);
    if (length <= 0 || length > USER_END) return request.length === 0 ? -ERRNO.EINVAL : -ERRNO.ENOMEM;
    if (!this.mayGrow(length)) return -ERRNO.ENOMEM;
    const fixed = (request.flags & (MAP.FIXED | MAP.FIXED_NOREPLACE)) !== 0;
    let start: number | undefined;
    if (fixed) {
      if (hint % PAGE !== 0) return -ERRNO.EINVAL;
      if (hint + length > USER_END) return -ERRNO.ENOMEM;
      if (hint < LAYOUT.MMAP_MIN) return -ERRNO.EPERM;
      const taken = this.maps.overlapping(hint, hint + length).length > 0;
      if (taken && (request.flags & MAP.FIXED_NOREPLACE) !== 0) return -ERRNO.EEXIST;
      if (taken) this.unmap(hint, length);
      start = hint;
    } else {
      const wish = pageUp(hint);
      if (wish >= LAYOUT.MMAP_MIN && wish + length <= USER_END && this.maps.overlapping(wish, wish + length).length === 0) start = wish;
      else start = this.maps.findGap(length, LAYOUT.MMAP_MIN, LAYOUT.MMAP_BASE);
      if (start === undefined) return -ERRNO.ENOMEM;
    }
    request.source?.retain();
    const sharedAnonymous = request.source === undefined && (request.flags & MAP.TYPE) !== MAP.PRIVATE;
    this.maps.insert({
      start,
      end: start + length,
      prot: request.prot,
      flags: request.flags & ~MAP.LOCKED,
      source: request.source,
      shared: sharedAnonymous ? { users: 1, frames: new Map() } : undefined,
      offset: request.offset,
      name: request.name,
      own: false,
      locked: (request.flags & MAP.LOCKED) !== 0,
    });
    return start;
  }

  /** RLIMIT_AS lets `bytes` more in. */
  private mayGrow(bytes: number): boolean {
    if (this.limitBytes === Infinity) return true;
    return this.maps.list.reduce((sum, v) => sum + (v.end - v.start), bytes) <= this.limitBytes;
  }

  /** munmap: pieces that are not mapped are skipped, as Linux does. */
  unmap(start: number, length: number): void {
    const end = start + pageUp(length);
    for (const v of this.maps.remove(start, end)) {
      this.dropPages(v, v.start, v.end);
      this.releaseVma(v);
    }
  }

  /** mprotect over a range that must be mapped without holes; 0 or -errno. */
  protect(start: number, length: number, prot: number): number {
    const end = start + pageUp(length);
    let at = start;
    for (const v of this.maps.overlapping(start, end)) {
      if (v.start > at) return -ERRNO.ENOMEM;
      if (isShared(v) && v.source !== undefined && !canWrite(v.source) && (prot & PROT.WRITE) !== 0) return -ERRNO.EACCES;
      at = v.end;
    }
    if (at < end) return -ERRNO.ENOMEM;
    for (const v of this.maps.remove(start, end)) {
      v.prot = prot & (PROT.READ | PROT.WRITE | PROT.EXEC);
      this.maps.insert(v);
    }
    const none = (prot & (PROT.READ | PROT.WRITE | PROT.EXEC)) === 0;
    const noExecute = (prot & PROT.EXEC) === 0;
    this.tables.forEach(start, end, (_va, entry, leaf) => {
      let flags = leaf.flags & ~(ENTRY.P | ENTRY.HIDDEN);
      flags |= none ? ENTRY.HIDDEN : ENTRY.P;
      if ((prot & PROT.WRITE) === 0) flags &= ~ENTRY.W; // gaining W waits for the fault, which knows about copies
      this.tables.write(entry, leaf.frame, flags, noExecute);
    });
    this.context.invalidate(this.root, undefined);
    return 0;
  }

  /** Moves the end of the heap; the end that holds now (unchanged where that fails). */
  setBrk(to: number): number {
    if (to < this.brkStart || to > USER_END) return this.brk;
    const oldEnd = pageUp(this.brk);
    const newEnd = pageUp(to);
    if (newEnd < oldEnd) this.unmap(newEnd, oldEnd - newEnd);
    else if (newEnd > oldEnd) {
      if ((newEnd - oldEnd) / PAGE > this.context.frames.totalFrames || !this.mayGrow(newEnd - oldEnd)) return this.brk;
      // A page stays free above the heap (the stack's guard gap is its own matter).
      if (this.maps.overlapping(oldEnd, newEnd + PAGE).length > 0) return this.brk;
      this.maps.insert({
        start: oldEnd,
        end: newEnd,
        prot: PROT.READ | PROT.WRITE,
        flags: MAP.PRIVATE | MAP.ANONYMOUS,
        source: undefined,
        shared: undefined,
        offset: 0,
        name: '[heap]',
        own: false,
        locked: this.locksFuture !== undefined,
      });
    }
    this.brk = to;
    return to;
  }

  /** mremap; `fixed`: the new place (MREMAP_FIXED), whatever is there. The address or -errno. */
  remap(start: number, oldLength: number, newLength: number, mayMove: boolean, fixed?: number): number {
    let oldEnd = start + pageUp(oldLength);
    const newEnd = start + pageUp(newLength);
    const v = this.maps.find(start);
    if (v === undefined) return -ERRNO.EFAULT;
    if (fixed !== undefined) {
      if (fixed % PAGE !== 0 || (fixed < oldEnd && start < fixed + (newEnd - start))) return -ERRNO.EINVAL;
      if (fixed + (newEnd - start) > USER_END || fixed < LAYOUT.MMAP_MIN) return -ERRNO.EINVAL;
    }
    if (newEnd < oldEnd) {
      this.unmap(newEnd, oldEnd - newEnd);
      oldEnd = newEnd;
    }
    if (fixed === undefined && newEnd === oldEnd) return start;
    if (!this.mayGrow(newEnd - oldEnd)) return -ERRNO.ENOMEM;
    if (oldEnd > v.end || (newEnd > oldEnd && v.source?.frames !== undefined)) return -ERRNO.EFAULT;
    if (fixed === undefined && v.end === oldEnd && newEnd <= USER_END && this.maps.overlapping(oldEnd, newEnd).length === 0) {
      v.end = newEnd;
      this.maps.grew(newEnd - oldEnd);
      return start;
    }
    if (!mayMove) return -ERRNO.ENOMEM;
    if (fixed !== undefined) this.unmap(fixed, newEnd - start);
    const to = fixed ?? this.maps.findGap(newEnd - start, LAYOUT.MMAP_MIN, LAYOUT.MMAP_BASE);
    return to === undefined ? -ERRNO.ENOMEM : this.move(start, oldEnd, to, newEnd - start);
  }

  /** Moves [start, end), a piece of one mapping, to free ground at `to`, where it has `length` bytes. */
  private move(start: number, end: number, to: number, length: number): number {
    const [piece] = this.maps.remove(start, end);
    if (piece === undefined) return -ERRNO.EFAULT;
    const moves: (readonly [number, number, number, boolean])[] = [];
    this.tables.forEach(start, end, (va, entry, leaf) => {
      moves.push([to + (va - start), leaf.frame, leaf.flags, leaf.noExecute]);
      this.tables.clear(entry);
    });
    let failed = false;
    for (const [va, frame, flags, nx] of moves) {
      const entry = this.tables.makeEntry(va);
      if (entry === undefined) {
        this.context.frames.release(frame);
        failed = true;
      } else this.tables.write(entry, frame, flags, nx);
    }
    this.maps.insert({ ...piece, start: to, end: to + length });
    this.context.invalidate(this.root, undefined);
    return failed ? -ERRNO.ENOMEM : to;
  }

  /** MADV_DONTNEED: pages go, the mapping stays. */
  discard(start: number, end: number): void {
    for (const v of this.maps.overlapping(start, end)) this.dropPages(v, Math.max(start, v.start), Math.min(end, v.end));
  }

  /** msync and the end of shared file mappings: writes dirty pages back. */
  sync(start: number, end: number): number {
    let result = 0;
    let mapped = 0;
    for (const v of this.maps.overlapping(start, end)) {
      const [from, to] = [Math.max(start, v.start), Math.min(end, v.end)];
      mapped += to - from;
      result = this.writeBack(v, from, to) || result;
    }
    return result < 0 || mapped === end - start ? result : -ERRNO.ENOMEM; // a hole: what is mapped has been written all the same
  }

  /** fork: private pages become copy-on-write in both. undefined: no memory. */
  fork(): AddressSpace | undefined {
    const child = AddressSpace.create(this.context);
    if (child === undefined) return undefined;
    child.limitBytes = this.limitBytes;
    child.brkStart = this.brkStart;
    child.brk = this.brk;
    child.argStart = this.argStart;
    child.argEnd = this.argEnd;
    child.envStart = this.envStart;
    child.envEnd = this.envEnd;
    child.auxv = this.auxv;
    let complete = true;
    for (const v of this.maps.list) {
      if (v.source?.frames !== undefined) continue;
      v.source?.retain();
      if (v.shared !== undefined) v.shared.users++;
      child.maps.list.push({ ...v, locked: false }); // locks are not inherited
      child.maps.grew(v.end - v.start);
      if (isShared(v) || !v.own) continue; // can be faulted in again
      this.tables.forEach(v.start, v.end, (va, entry, leaf) => {
        const to = complete ? child.tables.makeEntry(va) : undefined;
        if (to === undefined) {
          complete = false;
          return;
        }
        const flags = leaf.flags & ~ENTRY.W;
        this.context.frames.share(leaf.frame);
        child.tables.write(to, leaf.frame, flags, leaf.noExecute);
        if (flags !== leaf.flags) this.tables.write(entry, leaf.frame, flags, leaf.noExecute);
      });
    }
    this.context.invalidate(this.root, undefined);
    if (complete) return child;
    child.release();
    return undefined;
  }

  /** One user less; the last one's leaving frees everything. */
  release(): void {
    this.users--;
    if (this.users > 0) return;
    for (const v of this.maps.list.splice(0)) {
      this.dropPages(v, v.start, v.end);
      this.releaseVma(v);
    }
    this.tables.destroy();
  }

  /** Bytes of present pages; counted on demand, for /proc and getrusage. */
  residentBytes(): number {
    let pages = 0;
    for (const v of this.maps.list) this.tables.forEach(v.start, v.end, () => pages++);
    return pages * PAGE;
  }

  private dropPages(v: Vma, start: number, end: number): void {
    if (isShared(v) && v.source !== undefined) this.writeBack(v, start, end);
    let first: number | undefined;
    let count = 0;
    this.tables.forEach(start, end, (va, entry, leaf) => {
      this.tables.clear(entry);
      this.context.frames.release(leaf.frame);
      first ??= va;
      count++;
    });
    if (count > 0) this.context.invalidate(this.root, count === 1 ? first : undefined);
  }

  private writeBack(v: Vma, start: number, end: number): number {
    const source = v.source;
    if (!isShared(v) || source?.writePage === undefined || (v.prot & PROT.WRITE) === 0) return 0;
    let result = 0;
    const bytes = this.context.frames.memory.bytes;
    this.tables.forEach(start, end, (va, _entry, leaf) => {
      if ((leaf.flags & ENTRY.W) === 0) return;
      const offset = v.offset + (va - v.start);
      const length = Math.min(PAGE, source.sizeBytes() - offset);
      if (length > 0) result = source.writePage?.(offset / PAGE, bytes.subarray(leaf.frame, leaf.frame + length)) || result;
    });
    return result;
  }

  private releaseVma(v: Vma): void {
    v.source?.release();
    const shared: SharedPages | undefined = v.shared;
    if (shared === undefined) return;
    shared.users--;
    if (shared.users > 0) return;
    for (const frame of shared.frames.values()) this.context.frames.release(frame);
    shared.frames.clear();
  }
}
