import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ERRNO } from '#abi/errno.ts';
import { encodeUtf8 } from '#base/utf8.ts';
import { AddressSpace, LAYOUT } from '../mm/address-space.ts';
import { PagedMemory } from '../mm/user-memory.ts';
import { fakeExecutable, fakeMm } from '../testing/fake-memory.ts';
import { type ElfProgram, examine, mapProgram } from './elf-loader.ts';

const MIB = 1 << 20;
const PHDRS = 64;

/** A static program: text at 0x401000 (file page 1), data with bss at 0x402f00 (file offset 0x1f00). */
function elf(edit: (v: DataView) => void = () => {}, length = 0x2100): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0x1000; i < length; i++) bytes[i] = i & 255;
  const v = new DataView(bytes.buffer);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  v.setUint16(16, 2, true);
  v.setUint16(18, 62, true);
  v.setBigUint64(24, 0x40_1000n, true);
  v.setBigUint64(32, BigInt(PHDRS), true);
  v.setUint16(54, 56, true);
  v.setUint16(56, 2, true);
  const load = (i: number, flags: number, offset: bigint, va: bigint, filesz: bigint, memsz: bigint): void => {
    const at = PHDRS + i * 56;
    v.setUint32(at, 1, true);
    v.setUint32(at + 4, flags, true);
    for (const [k, x] of [offset, va, va, filesz, memsz, 0x1000n].entries()) v.setBigUint64(at + 8 + k * 8, x, true);
  };
  load(0, 5, 0x1000n, 0x40_1000n, 0x800n, 0x800n);
  load(1, 6, 0x1f00n, 0x40_2f00n, 0x200n, 0x3000n);
  edit(v);
  return bytes;
}
const PH = (i: number, field: 'type' | 'offset' | 'vaddr' | 'filesz' | 'memsz'): number =>
  PHDRS + i * 56 + { type: 0, offset: 8, vaddr: 16, filesz: 32, memsz: 40 }[field];

test('a good program is mapped with bss, and its heap starts behind', () => {
  const file = fakeExecutable(elf());
  const program = examine(file, 64 * MIB) as ElfProgram;
  const mm = fakeMm(64);
  const a = AddressSpace.create(mm) as AddressSpace;
  const loaded = mapProgram(a, program, file);
  assert.ok('entry' in loaded);
  assert.equal(loaded.entry, 0x40_1000);
  const m = new PagedMemory(a);
  assert.equal(m.readU8(0x40_1001), 1);
  assert.equal(m.readU8(0x40_30ff), 0xff);
  assert.equal(m.readU8(0x40_3100), 0, 'the rest of the last file page');
  assert.equal(m.readU8(0x40_5eff), 0);
  assert.equal(m.writeU8(0x40_1000, 1), false);
  assert.equal(a.brk, 0x40_6000);
});

test('a position-independent program goes to Linux’s place', () => {
  const file = fakeExecutable(
    elf((v) => {
      v.setUint16(16, 3, true);
      v.setBigUint64(24, 0x1000n, true);
      v.setBigUint64(PH(0, 'vaddr'), 0x1000n, true);
      v.setBigUint64(PH(1, 'vaddr'), 0x2f00n, true);
    }),
  );
  const a = AddressSpace.create(fakeMm(64)) as AddressSpace;
  const loaded = mapProgram(a, examine(file, 64 * MIB) as ElfProgram, file);
  assert.ok('entry' in loaded);
  assert.equal(loaded.entry, LAYOUT.PIE_BASE);
});

test('the interpreter of a dynamic program is read from its header', () => {
  const bytes = elf((v) => {
    v.setUint32(PH(0, 'type'), 3, true);
    v.setBigUint64(PH(0, 'filesz'), 12n, true);
  });
  bytes.set(encodeUtf8('/lib64/ld.so'), 0x1000);
  assert.match((examine(fakeExecutable(bytes), 64 * MIB) as { reason: string }).reason, /names no interpreter/, 'no NUL within the size');
  new DataView(bytes.buffer).setBigUint64(PH(0, 'filesz'), 13n, true);
  bytes[0x100c] = 0;
  assert.equal((examine(fakeExecutable(bytes), 64 * MIB) as ElfProgram).interpreter, '/lib64/ld.so');
});

const BAD: readonly (readonly [name: string, bytes: Uint8Array, errno: number, reason: RegExp])[] = [
  ['empty', new Uint8Array(0), ERRNO.ENOEXEC, /is empty/],
  [
    'text',
    encodeUtf8('hello world, this is no program at all, just some text, sixty-four and more bytes'),
    ERRNO.ENOEXEC,
    /neither an ELF/,
  ],
  ['truncated header', elf().subarray(0, 40), ERRNO.ENOEXEC, /truncated: an ELF header/],
  ['32-bit', elf((v) => v.setUint8(4, 1)), ERRNO.ENOEXEC, /32-bit/],
  ['class', elf((v) => v.setUint8(4, 9)), ERRNO.ENOEXEC, /class 9/],
  ['arm', elf((v) => v.setUint16(18, 183, true)), ERRNO.ENOEXEC, /AArch64/],
  [
    'big-endian',
    elf((v) => {
      v.setUint8(5, 2);
      v.setUint16(18, 22, false);
    }),
    ERRNO.ENOEXEC,
    /big-endian S\/390/,
  ],
  ['object', elf((v) => v.setUint16(16, 1, true)), ERRNO.ENOEXEC, /object file/],
  ['core', elf((v) => v.setUint16(16, 4, true)), ERRNO.ENOEXEC, /core dump/],
  ['phentsize', elf((v) => v.setUint16(54, 32, true)), ERRNO.ENOEXEC, /32 bytes/],
  ['no headers', elf((v) => v.setUint16(56, 0, true)), ERRNO.ENOEXEC, /no program headers/],
  ['too many', elf((v) => v.setUint16(56, 0xffff, true)), ERRNO.ENOEXEC, /65535 program headers/],
  ['headers beyond the end', elf((v) => v.setBigUint64(32, 0x7fff_ffff_ffff_fff0n, true)), ERRNO.ENOEXEC, /truncated: its program headers/],
  ['headers at 2^64-1', elf((v) => v.setBigUint64(32, 0xffff_ffff_ffff_ffffn, true)), ERRNO.ENOEXEC, /truncated: its program headers/],
  ['dynamic', elf((v) => v.setUint32(PH(0, 'type'), 3, true)), ERRNO.ENOEXEC, /names no interpreter/],
  ['no load', elf((v) => [0, 1].forEach((i) => v.setUint32(PH(i, 'type'), 4, true))), ERRNO.ENOEXEC, /no loadable segment/],
  ['file size above memory size', elf((v) => v.setBigUint64(PH(0, 'memsz'), 1n, true)), ERRNO.ENOEXEC, /more bytes in the file/],
  ['offset beyond the end', elf((v) => v.setBigUint64(PH(0, 'offset'), 0x10_1000n, true)), ERRNO.ENOEXEC, /truncated: its segment/],
  ['offset near 2^64', elf((v) => v.setBigUint64(PH(0, 'offset'), 0xffff_ffff_ffff_f000n, true)), ERRNO.ENOEXEC, /truncated/],
  ['kernel address', elf((v) => v.setBigUint64(PH(0, 'vaddr'), 0xffff_ffff_8100_1000n, true)), ERRNO.ENOEXEC, /does not fit/],
  ['address wraps', elf((v) => v.setBigUint64(PH(1, 'memsz'), 0xffff_ffff_ffff_0000n, true)), ERRNO.ENOEXEC, /does not fit/],
  ['entry in the kernel', elf((v) => v.setBigUint64(24, 0xffff_ffff_8100_0000n, true)), ERRNO.EINVAL, /no user address/],
  ['entry not canonical', elf((v) => v.setBigUint64(24, 0x8000_0000_0000n, true)), ERRNO.EINVAL, /no user address/],
  ['page zero', elf((v) => v.setBigUint64(PH(0, 'vaddr'), 0x1000n, true)), ERRNO.EPERM, /mmap_min_addr/],
  ['offset and address differ', elf((v) => v.setBigUint64(PH(0, 'vaddr'), 0x40_1010n, true)), ERRNO.ENOEXEC, /differ within the page/],
  ['huge bss', elf((v) => v.setBigUint64(PH(1, 'memsz'), 0x40_0000_0000n, true)), ERRNO.ENOMEM, /262144 MiB .*64 MiB \(--memory\)/],
  ['overlap', elf((v) => v.setBigUint64(PH(1, 'vaddr'), 0x40_0f00n, true)), ERRNO.ENOEXEC, /overlap/],
];

test('every hostile header is refused with its reason', () => {
  for (const [name, bytes, errno, reason] of BAD) {
    const result = examine(fakeExecutable(bytes), 64 * MIB);
    assert.ok('errno' in result, name);
    assert.equal(result.errno, errno, name);
    assert.match(result.reason, reason, name);
  }
});

test('no header makes the check throw: every byte of header and program headers set to every edge value', () => {
  const good = elf();
  for (let at = 4; at < PHDRS + 2 * 56; at++) {
    for (const value of [0, 1, 0x7f, 0x80, 0xff]) {
      const bytes = good.slice();
      bytes[at] = value;
      const result = examine(fakeExecutable(bytes), 64 * MIB);
      if ('errno' in result) continue;
      const a = AddressSpace.create(fakeMm(256)) as AddressSpace;
      mapProgram(a, result, fakeExecutable(bytes));
    }
  }
});
