import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ENGINE_FEATURES, featureWords, hasFeature } from './cpuid-features.ts';
import { type CpuidContext, cpuid, signature } from './cpuid.ts';
import { BROADWELL } from './cpu-models/broadwell.ts';
import { CPU_MODELS, findCpuModel } from './cpu-models/index-of-models.ts';
import { ICELAKE } from './cpu-models/icelake.ts';
import { SKYLAKE } from './cpu-models/skylake.ts';
import { YONAH } from './cpu-models/yonah.ts';

const context: CpuidContext = { engine: ENGINE_FEATURES, apicId: 0, cpus: 1 };

test('feature names land on their bits (spot checks against the SDM)', () => {
  assert.equal(featureWords(['SSE2']).leaf1Edx, 1 << 26);
  assert.equal(featureWords(['PDCM']).leaf1Ecx, 1 << 15);
  assert.equal(featureWords(['RDRAND']).leaf1Ecx, 1 << 30);
  assert.equal(featureWords(['PT']).leaf7Ebx, 1 << 25);
  assert.equal(featureWords(['AVX512VL']).leaf7Ebx, 0x8000_0000);
  assert.equal(featureWords(['ARCH_LBR']).leaf7Edx, 1 << 19);
  assert.equal(featureWords(['RDPID']).leaf7Ecx, 1 << 22);
  assert.equal(featureWords(['LM']).ext1Edx, 1 << 29);
  assert.equal(featureWords(['RDTSCP']).ext1Edx, 1 << 27);
  assert.equal(featureWords(['LZCNT']).ext1Ecx, 1 << 5);
});

test('a guest sees model ∩ engine: no AVX-512 on Ice Lake while the engine has none, no POPCNT on Core Duo although it has', () => {
  const AVX512F = 1 << 16;
  assert.equal(cpuid(ICELAKE, context, 7, 0).ebx & AVX512F, 0);
  assert.notEqual(cpuid(SKYLAKE, context, 1, 0).ecx & (1 << 23), 0);
  assert.equal(cpuid(YONAH, context, 1, 0).ecx & (1 << 23), 0);
  const wide = cpuid(ICELAKE, { ...context, engine: [...ENGINE_FEATURES, 'AVX512F'] }, 7, 0);
  assert.notEqual(wide.ebx & AVX512F, 0);
});

test('XSAVE: OSXSAVE follows CR4, sizes follow XCR0, AVX state is there where AVX is', () => {
  const OSXSAVE = 1 << 27;
  assert.equal(cpuid(SKYLAKE, context, 1, 0).ecx & OSXSAVE, 0);
  assert.notEqual(cpuid(SKYLAKE, { ...context, xcr0: 1 }, 1, 0).ecx & OSXSAVE, 0);
  assert.deepEqual(cpuid(SKYLAKE, { ...context, xcr0: 3 }, 0x0d, 0), { eax: 7, ebx: 576, ecx: 832, edx: 0 });
  assert.deepEqual(cpuid(SKYLAKE, { ...context, xcr0: 7 }, 0x0d, 2), { eax: 256, ebx: 576, ecx: 0, edx: 0 });
  assert.equal(cpuid(BROADWELL, context, 0x0d, 1).eax, 1);
  assert.equal(cpuid(YONAH, context, 1, 0).ecx & (1 << 26), 0);
});

test('every model has what an x86-64 program needs', () => {
  for (const model of CPU_MODELS) {
    for (const f of ['FPU', 'CX8', 'CMOV', 'FXSR', 'SSE', 'SSE2', 'LM', 'SYSCALL', 'NX'] as const) {
      assert.ok(hasFeature(model.features, f), `${model.name} ${f}`);
    }
  }
});

test('leaf 0AH by model: version, counters, widths, ECX bitmap and AnyThread from version 5', () => {
  assert.deepEqual(cpuid(YONAH, context, 0x0a, 0), { eax: 0x0728_0201, ebx: 0, ecx: 0, edx: 0 });
  assert.deepEqual(cpuid(SKYLAKE, context, 0x0a, 0), { eax: 0x0730_0404, ebx: 0, ecx: 0, edx: 0x603 });
  assert.deepEqual(cpuid(ICELAKE, context, 0x0a, 0), { eax: 0x0830_0805, ebx: 0, ecx: 0xf, edx: 0x8604 });
});

test('signatures are those of the event lists', () => {
  assert.deepEqual(
    CPU_MODELS.map((m) => (signature(m) >>> 4).toString(16)),
    ['6e', '1067', '106a', '306d', '406e', '506c', '606a', '806f'],
  );
});

test('vendor, brand, TSC leaf, invariant TSC, clamping above the highest leaf', () => {
  const text = (...words: number[]): string =>
    words.flatMap((w) => [0, 8, 16, 24].map((s) => String.fromCharCode((w >>> s) & 255))).join('');
  const v = cpuid(SKYLAKE, context, 0, 0);
  assert.equal(text(v.ebx, v.edx, v.ecx), 'GenuineIntel');
  const brand = [2, 3, 4].flatMap((i) => Object.values(cpuid(SKYLAKE, context, 0x8000_0000 + i, 0)));
  assert.equal(text(...brand).replace(/\0+$/, ''), SKYLAKE.brand);
  for (const model of CPU_MODELS.filter((m) => m.crystalHz !== undefined)) {
    const tsc = cpuid(model, context, 0x15, 0);
    assert.equal(((model.crystalHz as number) * tsc.ebx) / tsc.eax, model.tscHz);
    // Client Skylake and Ice Lake server do not tell their crystal (dumps 406E3, 606A6).
    assert.equal(tsc.ecx, ['skylake', 'icelake'].includes(model.name) ? 0 : model.crystalHz);
  }
  assert.equal(cpuid(SKYLAKE, context, 0x8000_0007, 0).edx, 0x100);
  assert.deepEqual(cpuid(SKYLAKE, context, 0x4000_0000, 0), cpuid(SKYLAKE, context, SKYLAKE.maxLeaf, 0));
});

test('leaf 4 gives each cache back as the model says it', () => {
  for (const model of CPU_MODELS) {
    for (const [i, c] of model.caches.entries()) {
      const r = cpuid(model, context, 4, i);
      const bytes = ((r.ebx >>> 22) + 1) * (((r.ebx >>> 12) & 0x3ff) + 1) * ((r.ebx & 0xfff) + 1) * (r.ecx + 1);
      assert.equal(bytes, c.sizeKib * 1024, `${model.name} L${c.level}`);
      assert.ok(Number.isInteger(Math.log2(r.ecx + 1)) || c.level === 3, `${model.name} L${c.level}: ${r.ecx + 1} sets`);
    }
    assert.equal(cpuid(model, context, 4, model.caches.length).eax & 31, 0);
  }
});

test('PT and architectural LBR leaves appear with their features only', () => {
  assert.equal(cpuid(SKYLAKE, context, 0x14, 0).ebx, 0);
  const pt: CpuidContext = { ...context, engine: [...ENGINE_FEATURES, 'PT'] };
  assert.equal(cpuid(SKYLAKE, pt, 0x14, 0).ebx, 0b1111);
  assert.equal(cpuid(SKYLAKE, pt, 0x14, 1).eax & 7, 2);
  assert.equal(cpuid(BROADWELL, pt, 0x14, 0).ecx, 1);
});

test('findCpuModel: exact names, letter case aside, else the nearest', () => {
  const found = findCpuModel('SkyLake');
  assert.equal(found.kind === 'found' && found.model.name, 'skylake');
  for (const [typed, nearest] of [
    ['skylak', 'skylake'],
    ['icelak', 'icelake'],
    ['nehelam', 'nehalem'],
    ['sapphire', 'sapphirerapids'],
    ['core-2', 'core2'],
  ] as const) {
    assert.deepEqual(findCpuModel(typed), { kind: 'unknown', nearest });
  }
});
