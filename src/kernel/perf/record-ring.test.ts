import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DrainedRing } from './record-ring.ts';

const record = (length: number, mark: number): Uint8Array => new Uint8Array(length).fill(mark);

test('what finds no room is lost, counted, and told once before the next that finds room', () => {
  const ring = new DrainedRing(64);
  const told: number[] = [];
  const write = (length: number, mark: number): boolean =>
    ring.write(record(length, mark), (lost) => {
      told.push(lost);
      return record(16, 0xff);
    });
  assert.ok(write(32, 1));
  assert.equal(ring.wantsReader, true);
  assert.equal(write(32, 2), false); // one byte of the ring stays free
  assert.ok(!write(40, 3));
  assert.equal(ring.lost, 2);
  assert.deepEqual([...ring.drain()], [...record(32, 1)]);
  assert.equal(ring.used, 0);
  assert.ok(!write(56, 4)); // it alone would fit, not with the LOST record
  assert.ok(write(24, 5));
  assert.ok(write(16, 6));
  assert.deepEqual(told.slice(-2), [2, 3]);
  assert.deepEqual([...ring.drain()], [...record(16, 0xff), ...record(24, 5), ...record(16, 6)]);
  assert.equal(ring.head, 32 + 16 + 24 + 16);
});
