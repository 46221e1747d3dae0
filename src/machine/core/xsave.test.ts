/** XCR0 and CR4.OSXSAVE from the pins; the instructions themselves run in test/kernel (vectors), natively and here. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Feature } from '#arch/cpuid-features.ts';
import { NEHALEM } from '#arch/cpu-models/nehalem.ts';
import { SKYLAKE } from '#arch/cpu-models/skylake.ts';
import { MSR } from '#arch/msr.ts';
import { CR4 } from '#arch/registers.ts';
import { createMachine } from '../machine.ts';
import { plainInterpreter } from '../testing/pins.ts';

const OSXSAVE = 1 << 27;
const machine = (model: typeof SKYLAKE) => createMachine(model, plainInterpreter(), { memoryBytes: 1 << 20 }).core;

test('XCR0 is written under CR4.OSXSAVE only, and only with what hangs together', () => {
  const core = machine(SKYLAKE);
  assert.equal(core.setXcr0(7n), false);
  core.cr4 |= CR4.OSXSAVE;
  for (const bad of [0n, 2n, 5n, 8n, 1n << 63n]) assert.equal(core.setXcr0(bad), false, `${bad}`);
  for (const good of [1n, 3n, 7n]) assert.equal(core.setXcr0(good), true, `${good}`);
  assert.notEqual(core.cpuid(1, 0).ecx & OSXSAVE, 0);
  assert.equal(core.cpuid(0x0d, 0).ebx, 832);
  assert.equal(core.fpuImage().length, 832);
});

test('the image goes round, and a header with unknown components is refused', () => {
  const core = machine(SKYLAKE);
  core.cr4 |= CR4.OSXSAVE;
  core.setXcr0(7n);
  core.xmm.fill(0x5a);
  const image = core.fpuImage();
  core.resetFpu();
  assert.equal(core.xmm[0], 0);
  assert.equal(core.loadFpuImage(image, 7), true);
  assert.equal(core.xmm[255], 0x5a);
  image[519] = 0x80;
  assert.equal(core.loadFpuImage(image, 7), false);
});

test('a processor without XSAVE has neither', () => {
  const core = machine(NEHALEM);
  const missing: Feature = 'XSAVE';
  assert.equal(core.has(missing), false);
  assert.equal(core.mayHaveCr4(CR4.OSXSAVE), false);
  assert.equal(core.fpuImage().length, 512);
  assert.equal(core.msrs.read(MSR.IA32_XSS), undefined);
});
