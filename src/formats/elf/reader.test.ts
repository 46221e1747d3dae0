import assert from 'node:assert/strict';
import { test } from 'node:test';
import { machineName } from '#abi/elf.ts';
import { FormatError } from '#base/format-error.ts';
import { symbolsOfElf } from '../symbols/table.ts';
import { readEhdr } from './headers.ts';
import { buildId, debugLink, loadSegments, readElf, readSymbols } from './reader.ts';

/** A small ELF by hand: one segment, .text, .symtab, .strtab, .note.gnu.build-id, .gnu_debuglink, .shstrtab. */
export function smallElf(bits: 32 | 64 = 64, little = true): Uint8Array {
  const bytes = new Uint8Array(0x600);
  const v = new DataView(bytes.buffer);
  const is64 = bits === 64;
  const u16 = (at: number, x: number): void => v.setUint16(at, x, little);
  const u32 = (at: number, x: number): void => v.setUint32(at, x, little);
  const word = (at: number, x: number): void => (is64 ? v.setBigUint64(at, BigInt(x), little) : u32(at, x));
  const text = (at: number, s: string): void => bytes.set(new TextEncoder().encode(s), at);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, is64 ? 2 : 1, little ? 1 : 2, 1]);
  u16(16, 2);
  u16(18, is64 ? 62 : 40);
  u32(20, 1);
  const w = is64 ? 8 : 4;
  word(24, 0x401000);
  word(24 + w, 0x80); // e_phoff
  word(24 + 2 * w, 0x200); // e_shoff
  const tail = 24 + 3 * w + 4;
  u16(tail, is64 ? 64 : 52);
  u16(tail + 2, is64 ? 56 : 32);
  u16(tail + 4, 1);
  u16(tail + 6, is64 ? 64 : 40);
  u16(tail + 8, 7);
  u16(tail + 10, 6);
  if (is64) {
    u32(0x80, 1);
    u32(0x84, 5);
    [0x100, 0x401000, 0x401000, 0x20, 0x20, 0x1000].forEach((x, i) => word(0x88 + 8 * i, x));
  } else [1, 0x100, 0x401000, 0x401000, 0x20, 0x20, 5, 0x1000].forEach((x, i) => u32(0x80 + 4 * i, x));
  const names = '\0.text\0.symtab\0.strtab\0.note\0.gnu_debuglink\0.shstrtab\0';
  const section = (
    i: number,
    name: string,
    type: number,
    flags: number,
    addr: number,
    offset: number,
    size: number,
    link = 0,
    entsize = 0,
  ): void => {
    const at = 0x200 + i * (is64 ? 64 : 40);
    u32(at, names.indexOf(`\0${name}\0`) + 1);
    u32(at + 4, type);
    [flags, addr, offset, size].forEach((x, k) => word(at + 8 + w * k, x));
    u32(at + 8 + 4 * w, link);
    word(at + 16 + 5 * w, entsize);
  };
  section(1, '.text', 1, 6, 0x401000, 0x100, 0x20);
  section(2, '.symtab', 2, 0, 0, 0x400, 3 * (is64 ? 24 : 16), 3, is64 ? 24 : 16);
  section(3, '.strtab', 3, 0, 0, 0x480, 16);
  section(4, '.note', 7, 0, 0, 0x4a0, 20);
  section(5, '.gnu_debuglink', 1, 0, 0, 0x4c0, 16);
  section(6, '.shstrtab', 3, 0, 0, 0x500, names.length);
  text(0x480, '\0main\0helper\0');
  const symbol = (i: number, name: number, value: number, size: number): void => {
    const at = 0x400 + i * (is64 ? 24 : 16);
    u32(at, name);
    if (is64) {
      bytes[at + 4] = 0x12;
      u16(at + 6, 1);
      word(at + 8, value);
      word(at + 16, size);
    } else {
      u32(at + 4, value);
      u32(at + 8, size);
      bytes[at + 12] = 0x12;
      u16(at + 14, 1);
    }
  };
  symbol(1, 1, 0x401000, 0x10);
  symbol(2, 6, 0x401010, 0);
  [4, 4, 3].forEach((x, i) => u32(0x4a0 + 4 * i, x));
  text(0x4ac, 'GNU\0');
  bytes.set([0xde, 0xad, 0xbe, 0xef], 0x4b0);
  text(0x4c0, 'a.debug\0');
  u32(0x4cc, 0x12345678);
  text(0x500, names);
  return bytes;
}

test('headers, segments, symbols, build id and debug link of any class and byte order', () => {
  for (const [bits, little] of [
    [64, true],
    [64, false],
    [32, true],
    [32, false],
  ] as const) {
    const elf = readElf(smallElf(bits, little));
    assert.equal(elf.ehdr.bits, bits);
    assert.equal(elf.ehdr.littleEndian, little);
    assert.equal(machineName(elf.ehdr.e_machine), bits === 64 ? 'x86-64' : 'ARM');
    assert.deepEqual(loadSegments(elf), [{ vaddr: 0x401000n, fileOffset: 0x100, fileSize: 0x20, executable: true }]);
    assert.deepEqual(
      readSymbols(elf, 'symtab').map((s) => [s.name, s.value, s.size]),
      [
        ['main', 0x401000n, 0x10n],
        ['helper', 0x401010n, 0n],
      ],
    );
    assert.equal(buildId(elf), 'deadbeef');
    assert.deepEqual(debugLink(elf), { name: 'a.debug', crc: 0x12345678 });
    assert.equal(symbolsOfElf(elf).find(0x40100fn)?.name, 'main');
    assert.equal(symbolsOfElf(elf, 'offset').find(0x111n)?.name, 'helper');
  }
});

test('hostile files give a FormatError with an offset, whatever byte is wrong', () => {
  assert.throws(() => readEhdr(new Uint8Array(0)), /empty file/);
  assert.throws(() => readEhdr(Uint8Array.of(0x4d, 0x5a)), FormatError);
  const good = smallElf();
  for (let at = 0; at < 0x3c0; at++) {
    for (const value of [0, 0x7f, 0xff]) {
      const bytes = good.slice();
      bytes[at] = value;
      try {
        const elf = readElf(bytes);
        symbolsOfElf(elf, 'offset');
        buildId(elf);
        debugLink(elf);
        loadSegments(elf);
      } catch (error) {
        assert.ok(error instanceof FormatError, `byte ${at} = ${value}: ${String(error)}`);
        assert.ok(Number.isSafeInteger(error.offset));
      }
    }
  }
  for (let size = 0; size < 0x600; size += 7) {
    try {
      symbolsOfElf(readElf(good.subarray(0, size)));
    } catch (error) {
      assert.ok(error instanceof FormatError, `cut at ${size}: ${String(error)}`);
    }
  }
});
