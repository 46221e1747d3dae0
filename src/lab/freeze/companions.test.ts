/** A13, A14 and A25 as lab freeze shows them, on the whole modelled computer. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SAPPHIRERAPIDS } from '#arch/cpu-models/sapphirerapids.ts';
import { SKYLAKE } from '#arch/cpu-models/skylake.ts';
import { YONAH } from '#arch/cpu-models/yonah.ts';
import { lbrRows, throttleRows } from './companions.ts';
import { builtInWorkload } from './workload.ts';

const options = { workload: builtInWorkload(), period: 1009, skids: ['20i'], seed: 0 };

test('A13: frozen, the newest record is the branch that overflowed; running on, as many are younger as the skid had', () => {
  for (const model of [SKYLAKE, SAPPHIRERAPIDS]) {
    const rows = lbrRows({ ...options, model }) ?? [];
    const [frozen, open] = ['frozen', 'running on'].map((m) => rows.find((r) => r.mode === m));
    assert.deepEqual([frozen?.freezeBit, frozen?.younger?.greatest, open?.freezeBit], [true, 0, false]);
    assert.ok((open?.younger?.mean ?? 0) > 3);
    for (const r of [frozen, open]) assert.deepEqual(r?.agree, { good: r?.samples, of: r?.samples });
  }
});

test('A14: in call-stack mode FREEZE_LBRS_ON_PMI stays clear', () => {
  const stack = lbrRows({ ...options, model: SKYLAKE })?.find((r) => r.mode === 'call stack');
  assert.deepEqual([stack?.freezeBit, (stack?.samples ?? 0) > 10], [false, true]);
  assert.equal(lbrRows({ ...options, model: YONAH }), undefined);
});

test('A25: the siblings of a throttled leader run on; stopping the group keeps them together', () => {
  const [leader, sibling, groupLeader, groupSibling] = throttleRows({ ...options, model: SKYLAKE });
  assert.ok(leader && sibling && groupLeader && groupSibling);
  assert.ok(leader.throttled > 0.9 * leader.true);
  assert.deepEqual([sibling.counted, sibling.throttled], [sibling.true, 0]);
  assert.ok(groupSibling.throttled > 0.9 * groupSibling.true);
  const rate = sibling.true / leader.true;
  assert.ok(Math.abs(groupSibling.counted / groupLeader.counted - rate) < 0.02);
  assert.ok(sibling.counted / leader.counted > 10 * rate);
});
