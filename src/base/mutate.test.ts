import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mutate } from './mutate.ts';

test('mutate: the same seed gives the same bytes, other seeds other bytes, the input stays', () => {
  const bytes = Uint8Array.from({ length: 5000 }, (_, i) => i & 0xff);
  assert.deepEqual(mutate(bytes, 7), mutate(bytes, 7));
  const kinds = new Set(Array.from({ length: 50 }, (_, s) => mutate(bytes, s).join()));
  assert.ok(kinds.size > 45);
  assert.equal(bytes[4999], 4999 & 0xff);
});
