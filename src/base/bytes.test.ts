import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ByteReader, ByteWriter } from './bytes.ts';
import { FormatError } from './format-error.ts';

test('ByteReader: both byte orders', () => {
  const bytes = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
  assert.equal(new ByteReader(bytes).u64(), 0x0807060504030201n);
  assert.equal(new ByteReader(bytes, { littleEndian: false }).u64(), 0x0102030405060708n);
  assert.equal(new ByteReader(bytes, { littleEndian: false }).u16(), 0x0102);
  assert.equal(new ByteReader(Uint8Array.of(0, 0, 0, 0, 0, 0, 1, 2), { littleEndian: false }).size64(), 0x102);
});

test('ByteReader: what lies outside is a FormatError with its offset in the file', () => {
  const r = new ByteReader(Uint8Array.of(1, 2, 3), { base: 0x100 });
  r.u8();
  assert.throws(() => r.u32('pid'), new FormatError(0x101, 'pid of 4 bytes does not fit: 2 bytes left'));
  assert.throws(() => r.take(2 ** 60), FormatError);
  assert.throws(() => new ByteReader(new Uint8Array(8).fill(0xff)).size64('data size'), /absurd data size 0xffffffffffffffff/);
  assert.equal(r.sub(2).base, 0x101);
});

test('ByteReader: strings end at NUL or field, and broken UTF-8 does not throw', () => {
  const r = new ByteReader(Uint8Array.of(0x61, 0x62, 0, 0x63, 0xc3, 0xa9, 0xff, 0xe2, 0x82, 0xac));
  assert.equal(r.cstring(4), 'ab');
  assert.equal(r.cstring(), 'é\udcff€');
});

test('ByteWriter: grows, aligns, patches; strings in fixed fields are cut and padded', () => {
  const w = new ByteWriter(1);
  w.u16(0x0201).cstring('héllo', 4).align(8).u64(-1n).u32(7);
  w.patchU16(0, 0x0403);
  assert.deepEqual([...w.bytes], [3, 4, 0x68, 0xc3, 0xa9, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255, 7, 0, 0, 0]);
  const b = new ByteWriter(16, false);
  assert.deepEqual([...b.u32(1).toBytes()], [0, 0, 0, 1]);
});
