import assert from 'node:assert/strict';
import { test } from 'node:test';
import { counterDelta, maxPeriod, setPeriod } from './period.ts';

test('§10.2: the set_period table (width 48, period 1000)', () => {
  const max = maxPeriod(48, true);
  const rows: readonly (readonly [bigint, bigint, boolean, bigint])[] = [
    // period_left before, programmed, sample?, periods skipped
    [400n, 400n, false, 0n],
    [0n, 1000n, true, 0n],
    [-20n, 980n, true, 0n],
    [-1000n, 1000n, true, 1n],
    [-2500n, 1000n, true, 2n],
    [1n, 2n, false, 0n],
  ];
  for (const [left, programmed, elapsed, skipped] of rows) {
    const step = setPeriod(left, 1000n, max);
    assert.deepEqual([step.programmed, step.elapsed, step.skipped], [programmed, elapsed, skipped], `period_left ${left}`);
  }
  // The clamp is the counter's, not the event's: period_left stays 1.
  assert.equal(setPeriod(1n, 1000n, max).left, 1n);
});

test('A15: the largest period is 2^31-1 with 32-bit writes and half the counter with full-width ones', () => {
  assert.equal(maxPeriod(48, true), 0x7fff_ffff_ffffn);
  assert.equal(maxPeriod(40, false), 0x7fff_ffffn);
  assert.equal(setPeriod(1n << 40n, 1n << 40n, maxPeriod(40, false)).programmed, 0x7fff_ffffn);
});

test('update: the delta survives the wrap', () => {
  assert.equal(counterDelta(0xffff_ffff_fc18n, 20n, 48), 1020n);
  assert.equal(counterDelta(5n, 5n, 48), 0n);
});
