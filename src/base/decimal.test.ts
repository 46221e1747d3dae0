import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fixed } from './decimal.ts';

test('fixed rounds as printf does: exact ties to even, all else to the nearest', () => {
  assert.deepEqual(
    [3.125, 3.375, 0.125, -3.125, 2.5, 3.5, 1.005, 21.24, 0, 1e9 + 0.125].map((v, i) => fixed(v, i === 4 || i === 5 ? 0 : 2)),
    ['3.12', '3.38', '0.12', '-3.12', '2', '4', '1.00', '21.24', '0.00', '1000000000.12'],
  );
});
