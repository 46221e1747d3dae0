/** Page faults: demand paging, copy-on-write, stack growth; what cannot be helped becomes a signal. */
import { MAP, PROT } from '#abi/mman.ts';
import { BUS, SEGV, SIG } from '#abi/signals.ts';
import { type AddressSpace, LAYOUT, pageDown } from './address-space.ts';
import { PAGE } from './frames.ts';
import { ENTRY, type Leaf, USER_END } from './page-tables.ts';
import { isShared, type Vma } from './vma.ts';

export type Access = 'read' | 'write' | 'execute';

/** What came of a fault. `oom`: no frame is left. */
export type FaultResult =
  | { readonly kind: 'ok'; readonly major: boolean }
  | { readonly kind: 'signal'; readonly signal: number; readonly code: number }
  | { readonly kind: 'oom' };

const OK: FaultResult = { kind: 'ok', major: false };
const OK_MAJOR: FaultResult = { kind: 'ok', major: true };
const OOM: FaultResult = { kind: 'oom' };
const MAPERR: FaultResult = { kind: 'signal', signal: SIG.SIGSEGV, code: SEGV.MAPERR };
const ACCERR: FaultResult = { kind: 'signal', signal: SIG.SIGSEGV, code: SEGV.ACCERR };
const BEYOND_END: FaultResult = { kind: 'signal', signal: SIG.SIGBUS, code: BUS.ADRERR };

/** Pages mapped around a read fault on a file, aligned: Linux's fault_around_bytes (64 KiB). */
const FAULT_AROUND = 16;

/** Serves a fault at `va`. Afterwards the access can be made, unless the result says otherwise. */
export function handleFault(mm: AddressSpace, va: number, access: Access): FaultResult {
  if (va < 0 || va >= USER_END) return MAPERR;
  const vma = mm.maps.find(va) ?? growStack(mm, va);
  if (vma === undefined) return MAPERR;
  if (!allows(vma.prot, access)) return ACCERR;
  const page = pageDown(va);
  const own = vma.source?.frames;
  if (own !== undefined && access === 'write' && !own.writable((vma.offset + (page - vma.start)) / PAGE)) return BEYOND_END;
  const entry = mm.tables.makeEntry(page);
  if (entry === undefined) return OOM;
  const leaf = mm.tables.leafAt(entry);
  const result = leaf === undefined ? mapPage(mm, vma, page, entry, access) : upgrade(mm, vma, entry, leaf, access);
  if (result.kind === 'ok') mm.context.invalidate(mm.root, page);
  return result;
}

/**
 * A page for somebody who looks past the mapping's rights (FOLL_FORCE: a debugger): physical address behind `va`, or -1. Writing to a page that
 * the program may not write makes a private copy, which the program still may not write; a shared one is refused. mm/gup.c
 */
export function forcePage(mm: AddressSpace, va: number, write: boolean): number {
  if (!(va >= 0 && va < USER_END)) return -1;
  const v = mm.maps.find(va);
  if (v === undefined) return -1;
  const right = write ? 'write' : 'read';
  const allowed = allows(v.prot, right);
  if (write && ((!allowed && isShared(v)) || v.source?.frames !== undefined)) return -1;
  const page = pageDown(va);
  const entry = mm.tables.makeEntry(page);
  if (entry === undefined) return -1;
  const leaf = mm.tables.leafAt(entry);
  if (leaf === undefined || (write && (leaf.flags & ENTRY.W) === 0)) {
    const result = leaf === undefined ? mapPage(mm, v, page, entry, right) : upgrade(mm, v, entry, leaf, right);
    if (result.kind !== 'ok') return -1;
    const now = mm.tables.leafAt(entry);
    if (now === undefined) return -1;
    if (!allowed) {
      const none = !allows(v.prot, 'read');
      const flags = now.flags & ~(ENTRY.W | ENTRY.P | ENTRY.HIDDEN);
      mm.tables.write(entry, now.frame, flags | (none ? ENTRY.HIDDEN : ENTRY.P), (v.prot & PROT.EXEC) === 0);
    }
    mm.context.invalidate(mm.root, page);
    mm.context.faulted(va, result.major, true);
  }
  return (mm.tables.leafAt(entry)?.frame ?? -1) + (va % PAGE);
}

/** On x86 a page that can be written or executed can be read. */
function allows(prot: number, access: Access): boolean {
  if (access === 'write') return (prot & PROT.WRITE) !== 0;
  if (access === 'execute') return (prot & PROT.EXEC) !== 0;
  return (prot & (PROT.READ | PROT.WRITE | PROT.EXEC)) !== 0;
}

function growStack(mm: AddressSpace, va: number): Vma | undefined {
  const above = mm.maps.list[mm.maps.indexAbove(va)];
  if (above === undefined || (above.flags & MAP.GROWSDOWN) === 0) return undefined;
  const start = pageDown(va);
  if (above.end - start > LAYOUT.STACK_LIMIT) return undefined;
  const below = mm.maps.list[mm.maps.indexAbove(va) - 1];
  if (below !== undefined && start - below.end < 256 * PAGE && (below.flags & MAP.GROWSDOWN) === 0) return undefined; // stack_guard_gap
  mm.maps.grew(above.start - start);
  above.start = start;
  return above;
}

function flagsOf(writable: boolean): number {
  return ENTRY.P | ENTRY.U | ENTRY.A | (writable ? ENTRY.W | ENTRY.D : 0);
}

/** First touch of a page. */
function mapPage(mm: AddressSpace, v: Vma, page: number, entry: number, access: Access): FaultResult {
  const frames = mm.context.frames;
  const noExecute = (v.prot & PROT.EXEC) === 0;
  const offset = v.offset + (page - v.start);
  if (v.source !== undefined) {
    const size = v.source.sizeBytes();
    if (offset >= size) return BEYOND_END;
    if (v.source.frames !== undefined) {
      const frame = v.source.frames.at(offset / PAGE);
      frames.share(frame);
      mm.tables.write(entry, frame, flagsOf(access === 'write'), noExecute);
      return OK;
    }
    const got = mm.context.cache.get(v.source, offset / PAGE);
    if (got === 'oom') return OOM;
    if (typeof got === 'number') return BEYOND_END;
    const result = got.fresh ? OK_MAJOR : OK;
    if (isShared(v)) {
      mm.tables.write(entry, got.frame, flagsOf(access === 'write'), noExecute);
      return result;
    }
    if (access === 'write') {
      const copied = copy(mm, v, entry, got.frame, noExecute);
      return copied.kind === 'ok' ? result : copied;
    }
    mm.tables.write(entry, got.frame, flagsOf(false), noExecute);
    faultAround(mm, v, page, size, noExecute);
    return result;
  }
  if (v.shared !== undefined) {
    const index = offset / PAGE;
    let frame = v.shared.frames.get(index);
    if (frame === undefined) {
      frame = frames.allocate();
      if (frame === undefined) return OOM;
      v.shared.frames.set(index, frame);
    }
    frames.share(frame);
    mm.tables.write(entry, frame, flagsOf(allows(v.prot, 'write')), noExecute);
    return OK;
  }
  const frame = frames.allocate();
  if (frame === undefined) return OOM;
  v.own = true;
  mm.tables.write(entry, frame, flagsOf(allows(v.prot, 'write')), noExecute);
  return OK;
}

/** The page is there, but not for this access: a write to a shared frame, or a right that mprotect gave since. */
function upgrade(mm: AddressSpace, v: Vma, entry: number, leaf: Leaf, access: Access): FaultResult {
  const noExecute = (v.prot & PROT.EXEC) === 0;
  if (access !== 'write' || (leaf.flags & (ENTRY.W | ENTRY.P)) === (ENTRY.W | ENTRY.P)) {
    mm.tables.write(entry, leaf.frame, (leaf.flags & ~ENTRY.HIDDEN) | ENTRY.P, noExecute);
    return OK;
  }
  if (isShared(v) || mm.context.frames.users(leaf.frame) === 1) {
    if (!isShared(v)) v.own = true;
    mm.tables.write(entry, leaf.frame, flagsOf(true), noExecute);
    return OK;
  }
  return copy(mm, v, entry, leaf.frame, noExecute);
}

/** The process's own copy of a frame, whose use by this entry ends. */
function copy(mm: AddressSpace, v: Vma, entry: number, from: number, noExecute: boolean): FaultResult {
  const frames = mm.context.frames;
  const frame = frames.allocate();
  if (frame === undefined) {
    mm.tables.clear(entry);
    frames.release(from);
    return OOM;
  }
  frames.memory.bytes.copyWithin(frame, from, from + PAGE);
  frames.memory.written(frame, PAGE);
  frames.release(from);
  v.own = true;
  mm.tables.write(entry, frame, flagsOf(true), noExecute);
  return OK;
}

/** Maps the neighbours of a file page that a program is likely to touch next, read-only. */
function faultAround(mm: AddressSpace, v: Vma, page: number, size: number, noExecute: boolean): void {
  const source = v.source;
  if (source === undefined) return;
  const window = FAULT_AROUND * PAGE;
  const first = Math.max(v.start, page - (page % window));
  const last = Math.min(v.end, page - (page % window) + window);
  for (let va = first; va < last; va += PAGE) {
    const offset = v.offset + (va - v.start);
    if (va === page || offset >= size) continue;
    const entry = mm.tables.makeEntry(va);
    if (entry === undefined) return;
    if (mm.tables.leafAt(entry) !== undefined) continue;
    const got = mm.context.cache.get(source, offset / PAGE);
    if (typeof got !== 'object') return;
    mm.tables.write(entry, got.frame, flagsOf(false), noExecute);
  }
}
