import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CPU_MODELS } from '#arch/cpu-models/index-of-models.ts';
import { SKYLAKE } from '#arch/cpu-models/skylake.ts';
import { CACHE_NAMES, cacheComplaint, geometryOf } from './geometry.ts';
import { ROOM } from './memory.ts';

test('every processor has a geometry that fits its room, in whole sets and powers of two where sets are masked', () => {
  const power = (n: number): boolean => Number.isInteger(Math.log2(n));
  for (const model of CPU_MODELS) {
    const { caches, tlb, predictor, costs } = geometryOf(model, {}, false);
    for (const name of CACHE_NAMES) {
      const c = caches[name];
      if (c !== undefined) assert.equal(cacheComplaint(name, c), undefined, `${model.name} ${name}`);
    }
    for (const t of [tlb.data, tlb.code, tlb.second]) if (t !== undefined) assert.ok(power(t.entries / t.ways), `${model.name} TLB`);
    assert.ok(tlb.data.entries <= ROOM.tlb && tlb.code.entries <= ROOM.tlb && (tlb.second?.entries ?? 0) <= ROOM.stlb, model.name);
    assert.ok(2 ** predictor.bimodalBits <= ROOM.bimodal && 2 ** predictor.gshareBits <= ROOM.gshare, model.name);
    assert.ok(2 ** predictor.pathBits <= ROOM.paths && 2 ** predictor.btbBits <= ROOM.btb, model.name);
    assert.ok(power(predictor.returns) && predictor.returns <= ROOM.returns, model.name);
    assert.ok(
      Object.values(costs).every((c) => c === 0),
      'misses cost nothing unless asked for',
    );
  }
});

test('a processor with two levels has its L2 as the last one; a user may take the L2 away', () => {
  const yonah = CPU_MODELS.find((m) => m.name === 'yonah') ?? SKYLAKE;
  assert.deepEqual(geometryOf(yonah, {}, false).caches.LLC, { bytes: 2048 * 1024, ways: 8 });
  assert.equal(geometryOf(yonah, {}, false).caches.L2, undefined);
  assert.equal(geometryOf(SKYLAKE, { L2: null }, false).caches.L2, undefined);
  assert.equal(geometryOf(SKYLAKE, {}, true).costs.memory, SKYLAKE.observed.costs.memory * SKYLAKE.costs.slotsPerCycle);
});

test('what is no cache is said', () => {
  assert.match(cacheComplaint('L1D', { bytes: 1000, ways: 1 }) ?? '', /whole number of sets/);
  assert.match(cacheComplaint('L1I', { bytes: 12288, ways: 4 }) ?? '', /power of two/);
  assert.match(cacheComplaint('L1D', { bytes: 2 << 20, ways: 8 }) ?? '', /more than 1024 KiB/);
  assert.equal(cacheComplaint('LLC', { bytes: 12288, ways: 4 }), undefined);
});
