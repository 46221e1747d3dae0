import assert from 'node:assert/strict';
import { test } from 'node:test';
import { editDistance, nearest } from './nearest.ts';

test('editDistance: a missing, wrong or transposed letter is one step', () => {
  assert.equal(editDistance('instrctions', 'instructions'), 1);
  assert.equal(editDistance('cylces', 'cycles'), 1);
  assert.equal(editDistance('', 'abc'), 3);
});

test('nearest: what was probably meant, and nothing far-fetched', () => {
  const names = ['cycles', 'instructions', 'branches', 'branch-misses'];
  assert.deepEqual(nearest('brnaches', names), ['branches']);
  assert.deepEqual(nearest('INSTRCTIONS', names), ['instructions']);
  assert.deepEqual(nearest('quux', names), []);
});
