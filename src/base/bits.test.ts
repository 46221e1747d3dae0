import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bit, bits, packed } from './bits.ts';

const W = packed({ event: bits(7, 0), umask: bits(15, 8), usr: bit(16), top: bits(63, 62) });

test('packed: pack and unpack are inverse on non-reserved bits', () => {
  const word = W.pack({ event: 0xc0, umask: 1, usr: true, top: 2 });
  assert.equal(word, 0x8000_0000_0001_01c0n);
  assert.deepEqual(W.unpack(word), { event: 0xc0n, umask: 1n, usr: 1n, top: 2n });
});

test('packed: reserved bits are those that no field covers, and format names them', () => {
  assert.equal(W.reserved, 0x3fff_ffff_fffe_0000n);
  assert.equal(W.format(0x2_00c0n), 'event=0xc0 reserved=0x20000');
});

test('packed: set drops excess bits', () => {
  assert.equal(W.set(0n, 'event', 0x1ff), 0xffn);
});
