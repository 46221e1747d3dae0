import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ERRNO } from '#abi/errno.ts';
import { MAP, PROT } from '#abi/mman.ts';
import { type FakeMm, fakeMm, fakeSource } from '../testing/fake-memory.ts';
import { AddressSpace, LAYOUT } from './address-space.ts';
import { handleFault } from './fault.ts';
import { PAGE } from './frames.ts';
import { ENTRY } from './page-tables.ts';
import { PagedMemory } from './user-memory.ts';

const RW = PROT.READ | PROT.WRITE;
const anonymous = (length: number, prot = RW, flags: number = MAP.PRIVATE) => ({
  length,
  prot,
  flags: flags | MAP.ANONYMOUS,
  source: undefined,
  offset: 0,
  name: '',
});
const space = (mm: FakeMm): AddressSpace => AddressSpace.create(mm) as AddressSpace;
const ranges = (a: AddressSpace): string => a.vmas.map((v) => `${v.start.toString(16)}-${v.end.toString(16)}:${v.prot}`).join(' ');

test('mappings are placed downwards from the mmap base, like Linux without randomisation', () => {
  const a = space(fakeMm(64));
  assert.equal(a.map(0, anonymous(PAGE)), LAYOUT.MMAP_BASE - PAGE);
  assert.equal(a.map(0, anonymous(2 * PAGE, PROT.READ)), LAYOUT.MMAP_BASE - 3 * PAGE);
  assert.equal(a.map(0x40_0000, anonymous(PAGE)), 0x40_0000, 'a free hint is taken');
  assert.equal(a.map(0x40_0000, anonymous(PAGE)), LAYOUT.MMAP_BASE - 4 * PAGE, 'a taken hint is not');
});

test('a hole is used again, and the smallest sufficient gap from the top', () => {
  const a = space(fakeMm(64));
  const top = a.map(0, anonymous(8 * PAGE));
  a.unmap(top + 2 * PAGE, 2 * PAGE);
  assert.equal(a.map(0, anonymous(4 * PAGE, PROT.READ)), top - 4 * PAGE);
  assert.equal(a.map(0, anonymous(2 * PAGE, PROT.READ)), top + 2 * PAGE);
});

test('munmap and mprotect cut and join', () => {
  const a = space(fakeMm(64));
  a.map(0x10_0000, anonymous(4 * PAGE));
  a.protect(0x10_1000, PAGE, PROT.READ);
  assert.equal(ranges(a), '100000-101000:3 101000-102000:1 102000-104000:3');
  a.protect(0x10_1000, PAGE, RW);
  assert.equal(ranges(a), '100000-104000:3');
  a.unmap(0x10_1000, PAGE);
  assert.equal(ranges(a), '100000-101000:3 102000-104000:3');
  assert.equal(a.protect(0x10_0000, 4 * PAGE, PROT.READ), -ERRNO.ENOMEM);
});

test('rights are judged at the fault, and entries carry W and NX', () => {
  const a = space(fakeMm(64));
  a.map(0x10_0000, anonymous(PAGE, PROT.READ));
  a.map(0x20_0000, anonymous(PAGE, PROT.NONE));
  a.map(0x30_0000, anonymous(PAGE, PROT.READ | PROT.EXEC));
  assert.deepEqual(handleFault(a, 0x10_0004, 'write'), { kind: 'signal', signal: 11, code: 2 });
  assert.deepEqual(handleFault(a, 0x20_0004, 'read'), { kind: 'signal', signal: 11, code: 2 });
  assert.deepEqual(handleFault(a, 0x40_0000, 'read'), { kind: 'signal', signal: 11, code: 1 });
  assert.deepEqual(handleFault(a, 0x10_0004, 'execute'), { kind: 'signal', signal: 11, code: 2 });
  assert.equal(handleFault(a, 0x10_0004, 'read').kind, 'ok');
  assert.equal(handleFault(a, 0x30_0004, 'execute').kind, 'ok');
  const read = a.tables.leaf(0x10_0000);
  const execute = a.tables.leaf(0x30_0000);
  assert.ok(read && execute);
  assert.equal(read.flags & (ENTRY.P | ENTRY.W | ENTRY.U), ENTRY.P | ENTRY.U);
  assert.equal(read.noExecute, true);
  assert.equal(execute.noExecute, false);
});

test('fork shares frames until a write; every frame comes back', () => {
  const mm = fakeMm(64);
  const before = mm.frames.freeFrames;
  const parent = space(mm);
  parent.map(0x10_0000, anonymous(4 * PAGE));
  const p = new PagedMemory(parent);
  p.writeU32(0x10_0000, 1);
  p.writeU32(0x10_1000, 2);
  const child = parent.fork() as AddressSpace;
  const c = new PagedMemory(child);
  assert.equal(parent.tables.leaf(0x10_0000)?.frame, child.tables.leaf(0x10_0000)?.frame);
  assert.equal((parent.tables.leaf(0x10_0000)?.flags ?? 0) & ENTRY.W, 0);
  c.writeU32(0x10_0000, 77);
  assert.equal(p.readU32(0x10_0000), 1);
  assert.equal(c.readU32(0x10_0000), 77);
  const frame = parent.tables.leaf(0x10_0000)?.frame;
  p.writeU32(0x10_0000, 5);
  assert.equal(parent.tables.leaf(0x10_0000)?.frame, frame, 'the last user writes in place');
  child.release();
  parent.release();
  assert.equal(mm.frames.freeFrames, before);
});

test('shared anonymous pages are one for parent and child, touched before or after the fork', () => {
  const mm = fakeMm(64);
  const before = mm.frames.freeFrames;
  const parent = space(mm);
  parent.map(0x10_0000, anonymous(2 * PAGE, RW, MAP.SHARED));
  const p = new PagedMemory(parent);
  p.writeU32(0x10_0000, 1);
  const child = parent.fork() as AddressSpace;
  const c = new PagedMemory(child);
  c.writeU32(0x10_0000, 8);
  c.writeU32(0x10_1000, 9);
  assert.equal(p.readU32(0x10_0000), 8);
  assert.equal(p.readU32(0x10_1000), 9);
  parent.release();
  assert.equal(c.readU32(0x10_1000), 9);
  child.release();
  assert.equal(mm.frames.freeFrames, before);
});

test('a private file page is the cache’s until written; beyond the end is SIGBUS', () => {
  const mm = fakeMm(64);
  const source = fakeSource(Uint8Array.from({ length: 5000 }, (_, i) => i));
  const a = space(mm);
  a.map(0x10_0000, { length: 3 * PAGE, prot: RW, flags: MAP.PRIVATE, source, offset: 0, name: '/fake' });
  const m = new PagedMemory(a);
  assert.equal(m.readU8(0x10_0000 + 4999), 4999 & 255);
  assert.equal(m.readU8(0x10_0000 + 5000), 0);
  assert.equal(m.readU8(0x10_2000), undefined);
  assert.deepEqual(handleFault(a, 0x10_2000, 'read'), { kind: 'signal', signal: 7, code: 2 });
  assert.equal(a.tables.leaf(0x10_0000)?.frame, mm.cache.peek(source.key, 0));
  m.writeU8(0x10_0000, 99);
  assert.notEqual(a.tables.leaf(0x10_0000)?.frame, mm.cache.peek(source.key, 0));
  const b = space(mm);
  b.map(0x10_0000, { length: 3 * PAGE, prot: PROT.READ, flags: MAP.PRIVATE, source, offset: 0, name: '/fake' });
  assert.equal(new PagedMemory(b).readU8(0x10_0000), 0, 'another process sees the file');
  a.release();
  b.release();
  assert.equal(source.users, 0);
});

test('a shared file mapping is written back when it goes, cut to the file’s size', () => {
  const content = new Uint8Array(5000);
  const mm = fakeMm(64);
  const a = space(mm);
  a.map(0x10_0000, { length: 2 * PAGE, prot: RW, flags: MAP.SHARED, source: fakeSource(content, true), offset: 0, name: '/fake' });
  const m = new PagedMemory(a);
  m.writeU8(0x10_1000, 42);
  m.writeU8(0x10_1000 + 3000, 43);
  a.unmap(0x10_0000, 2 * PAGE);
  assert.equal(content[4096], 42);
  assert.equal(content.length, 5000);
});

test('the heap grows page by page and shrinks to zeroed memory', () => {
  const a = space(fakeMm(64));
  a.brkStart = 0x60_0000;
  a.brk = 0x60_0000;
  assert.equal(a.setBrk(0x60_1800), 0x60_1800);
  const m = new PagedMemory(a);
  m.writeU8(0x60_1700, 1);
  assert.equal(a.setBrk(0x60_0010), 0x60_0010);
  assert.equal(m.readU8(0x60_1700), undefined);
  a.setBrk(0x60_1800);
  assert.equal(m.readU8(0x60_1700), 0);
  assert.equal(a.setBrk(0x5f_0000), 0x60_1800, 'never below its start');
});

test('the stack grows on a touch below it, to its limit', () => {
  const a = space(fakeMm(64));
  a.map(LAYOUT.STACK_TOP - 2 * PAGE, { ...anonymous(2 * PAGE, RW, MAP.PRIVATE | MAP.GROWSDOWN | MAP.FIXED), name: '[stack]' });
  const m = new PagedMemory(a);
  assert.equal(m.writeU8(LAYOUT.STACK_TOP - 10 * PAGE, 1), true);
  assert.equal(a.vmas[0]?.start, LAYOUT.STACK_TOP - 10 * PAGE);
  assert.equal(m.writeU8(LAYOUT.STACK_TOP - LAYOUT.STACK_LIMIT - 1, 1), false);
});

test('no memory left is told, not invented; caches give way first', () => {
  const mm = fakeMm(12);
  const a = space(mm);
  const source = fakeSource(new Uint8Array(4 * PAGE).fill(1));
  a.map(0x10_0000, { length: 4 * PAGE, prot: PROT.READ, flags: MAP.PRIVATE, source, offset: 0, name: '' });
  assert.equal(handleFault(a, 0x10_0000, 'read').kind, 'ok');
  a.unmap(0x10_0000, 4 * PAGE);
  a.map(0x10_0000, anonymous(64 * PAGE));
  let pages = 0;
  while (handleFault(a, 0x10_0000 + pages * PAGE, 'write').kind === 'ok') pages++;
  assert.ok(pages >= 7, `${pages} pages of 12 frames, less tables`);
  assert.equal(handleFault(a, 0x10_0000 + pages * PAGE, 'write').kind, 'oom');
});

test('the kernel half is the same in every address space, and fork keeps heap and argument places', () => {
  const mm = fakeMm(64);
  const a = space(mm);
  a.brkStart = 1;
  a.argStart = 2;
  const b = a.fork() as AddressSpace;
  assert.equal(mm.frames.memory.view.getBigUint64(b.root + 511 * 8, true), 0xabc003n);
  assert.deepEqual([b.brkStart, b.argStart], [1, 2]);
});

test('strings: too long, torn, and across pages', () => {
  const a = space(fakeMm(64));
  a.map(0x10_0000, anonymous(2 * PAGE));
  const m = new PagedMemory(a);
  m.write(0x10_0ffd, Uint8Array.of(0x61, 0xff, 0x62, 0x63, 0));
  assert.equal(m.readString(0x10_0ffd, 100), 'a\udcffbc');
  assert.equal(m.readString(0x10_0ffd, 3), 'too long');
  assert.equal(m.readString(0x10_0ffd, 4), 'a\udcffbc');
  m.write(0x10_1ffe, Uint8Array.of(0x61, 0x62));
  assert.equal(m.readString(0x10_1ffe, 100), undefined);
  assert.equal(m.readU64(0x10_0ffd), 0x6362ff61n);
});
