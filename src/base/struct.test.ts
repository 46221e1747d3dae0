import assert from 'node:assert/strict';
import { test } from 'node:test';
import { s32, struct, u8, u64 } from './struct.ts';

const T = struct(16, { a: s32(0), b: u8(4), c: u64(8) });

test('struct: encode and decode are inverse, gaps are zero', () => {
  const bytes = T.encode({ a: -2, b: 0x1ff, c: 0x1_0000_0001n });
  assert.deepEqual([...bytes], [0xfe, 255, 255, 255, 255, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0]);
  assert.deepEqual(T.decode(bytes), { a: -2, b: 255, c: 0x1_0000_0001 });
});

test('struct: a 64-bit field is exact as a bigint', () => {
  assert.equal(T.getBig(T.encode({ c: 0xffff_ffff_ffff_fffen }), 'c'), 0xffff_ffff_ffff_fffen);
});

test('struct: a field outside the structure is our bug', () => {
  assert.throws(() => struct(4, { a: u64(0) }), /field a lies outside/);
});
