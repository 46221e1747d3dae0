import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ENGINE_FEATURES, type Feature, hasFeature } from '../cpuid-features.ts';
import { SWITCHABLE, switchFeatures } from './feature-switches.ts';
import { NEHALEM } from './nehalem.ts';
import { SKYLAKE } from './skylake.ts';

function switched(model: typeof SKYLAKE, ...switches: string[]): (f: Feature) => boolean {
  const m = switchFeatures(model, switches);
  assert.ok(typeof m !== 'string', `${m}`);
  return (f) => hasFeature(m.features, f);
}

test('a feature takes along what needs it, and brings what it needs', () => {
  const without = switched(SKYLAKE, '-avx');
  for (const f of ['AVX', 'AVX2', 'FMA', 'F16C'] as const) assert.equal(without(f), false, f);
  for (const f of ['XSAVE', 'BMI2', 'SSE42'] as const) assert.equal(without(f), true, f);
  const withAvx2 = switched(NEHALEM, '+avx2');
  for (const f of ['AVX', 'AVX2', 'XSAVE', 'SSE42'] as const) assert.equal(withAvx2(f), true, f);
  assert.equal(withAvx2('FMA'), false);
  assert.equal(switched(SKYLAKE, '-xsave', '+avx2')('AVX2'), true);
  assert.equal(switched(SKYLAKE, '-sse4.1')('AVX'), false);
});

test('what cannot be switched is refused by name', () => {
  assert.match(switchFeatures(SKYLAKE, ['avx2']) as string, /with \+ or -, as in skylake,-avx2/);
  assert.match(switchFeatures(SKYLAKE, ['+avx3']) as string, /no instruction set 'avx3'.*nearest: avx/);
  assert.match(switchFeatures(SKYLAKE, ['-fpu']) as string, /no instruction set 'fpu'/);
  for (const f of SWITCHABLE) assert.ok(ENGINE_FEATURES.includes(f), `${f} can be switched on but not executed`);
});

test('a switched model says so in its name', () => {
  assert.equal((switchFeatures(SKYLAKE, ['-avx2']) as typeof SKYLAKE).name, 'skylake,-avx2');
  assert.equal(switchFeatures(SKYLAKE, []), SKYLAKE);
});
