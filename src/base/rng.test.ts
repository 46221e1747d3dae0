import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Rng } from './rng.ts';

test('rng: the same seed gives the same sequence, another seed another', () => {
  const draw = (seed: number): number[] => {
    const r = new Rng(seed);
    return Array.from({ length: 20 }, () => r.between(0, 999));
  };
  assert.deepEqual(draw(1), draw(1));
  assert.notDeepEqual(draw(1), draw(2));
});

test('rng: between reaches both ends and nothing beyond', () => {
  const r = new Rng(7);
  const seen = new Set(Array.from({ length: 500 }, () => r.between(3, 6)));
  assert.deepEqual([...seen].sort(), [3, 4, 5, 6]);
});
