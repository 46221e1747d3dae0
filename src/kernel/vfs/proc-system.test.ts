import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CPU_MODELS } from '#arch/cpu-models/index-of-models.ts';
import { cpuinfo } from './proc-system.ts';

test('/proc/cpuinfo says what the model is, in the order of show_cpuinfo', () => {
  for (const model of CPU_MODELS) {
    const text = cpuinfo(model, 2);
    assert.equal(text.split('\n\n').length, 3, 'two processors, and an end');
    const rows = new Map(text.split('\n').map((line) => line.split(/\t*: ?/, 2) as [string, string]));
    assert.equal(rows.get('model name'), model.brand);
    assert.equal(rows.get('address sizes'), `${model.physicalAddressBits} bits physical, 48 bits virtual`);
    assert.equal(rows.get('cpuid level'), `${model.maxLeaf}`);
    assert.equal(rows.get('cache size'), `${model.caches.at(-1)?.sizeKib} KB`);
  }
  const names = cpuinfo(CPU_MODELS[0] as (typeof CPU_MODELS)[number], 1)
    .split('\n')
    .map((line) => line.split(/\t*:/)[0]);
  assert.deepEqual(names.slice(5, 9), ['stepping', 'cpu MHz', 'cache size', 'physical id']);
  assert.deepEqual(names.slice(-8), ['bugs', 'bogomips', 'clflush size', 'cache_alignment', 'address sizes', 'power management', '', '']);
});
