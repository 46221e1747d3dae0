import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ENGINE_FEATURES } from './cpuid-features.ts';
import { cpuid } from './cpuid.ts';
import { CPU_MODELS } from './cpu-models/index-of-models.ts';
import type { CpuModel } from './cpu-models/model.ts';

const context = { engine: ENGINE_FEATURES, apicId: 0, cpus: 1 };

/** SDM Vol. 2A, "Encoding of CPUID Leaf 2 Descriptors": those that speak of 4 KiB pages, of caches, or of other leaves. */
const TLBS: Readonly<Record<number, readonly ['code' | 'data' | 'second', entries: number, ways: number]>> = {
  0x03: ['data', 64, 4],
  0x61: ['code', 48, 48],
  0x64: ['second', 512, 4],
  0xa0: ['data', 32, 32],
  0xb0: ['code', 128, 4],
  0xb2: ['code', 64, 4],
  0xb3: ['data', 128, 4],
  0xb4: ['data', 256, 4],
  0xb5: ['code', 64, 8],
  0xc3: ['second', 1536, 6],
  0xca: ['second', 512, 4],
};
const CACHES: Readonly<Record<number, readonly [level: number, type: string, kib: number, ways: number]>> = {
  0x09: [1, 'instruction', 32, 4],
  0x21: [2, 'unified', 256, 8],
  0x2c: [1, 'data', 32, 8],
  0x30: [1, 'instruction', 32, 8],
  0x4e: [2, 'unified', 6144, 24],
  0x7d: [2, 'unified', 2048, 8],
  0xe4: [3, 'unified', 8192, 16],
};
const LEAF_4 = 0xff;
const LEAF_18 = 0xfe;
/** Large pages, the loads' own small TLB of Core 2, prefetch: nothing here has them. */
const NOT_MODELLED = new Set([0x01, 0x02, 0x04, 0x05, 0x55, 0x56, 0x57, 0x5a, 0x63, 0x76, 0xb1, 0xc4, 0xf0]);

/** Intel's optimization manual gives these; the descriptors say B5H (64 entries) and C3H (6 ways). docs/machine/cpuid.md. */
const OTHERWISE: Readonly<Record<string, readonly string[]>> = { broadwell: ['code'], skylake: ['code', 'second'] };

function descriptors(model: CpuModel): number[] {
  const r = cpuid(model, context, 2, 0);
  assert.equal(r.eax & 0xff, 1);
  const words = [r.eax & ~0xff, r.ebx, r.ecx, r.edx].filter((w) => w >>> 31 === 0);
  return words.flatMap((w) => [0, 8, 16, 24].map((s) => (w >>> s) & 0xff)).filter((b) => b !== 0);
}

test('leaf 2 decodes to the caches and TLBs that the models are', () => {
  for (const model of CPU_MODELS) {
    const found = descriptors(model);
    const said = new Set<string>();
    for (const byte of found) {
      const cache = CACHES[byte];
      const tlb = TLBS[byte];
      if (cache !== undefined) {
        const [level, type, sizeKib, ways] = cache;
        assert.deepEqual(
          model.caches.find((c) => c.level === level && c.type === type),
          { level, type, sizeKib, ways },
          `${model.name} ${byte.toString(16)}`,
        );
      } else if (tlb !== undefined) {
        const [which, entries, ways] = tlb;
        const same = JSON.stringify(model.observed.tlb[which]) === JSON.stringify({ entries, ways });
        assert.equal(same, OTHERWISE[model.name]?.includes(which) !== true, `${model.name} ${byte.toString(16)}`);
        said.add(which);
      } else assert.ok(byte === LEAF_4 || byte === LEAF_18 || NOT_MODELLED.has(byte), `${model.name} ${byte.toString(16)}`);
    }
    if (found.includes(LEAF_18)) continue;
    assert.deepEqual([...said].sort(), Object.keys(JSON.parse(JSON.stringify(model.observed.tlb))).sort(), model.name);
    assert.ok(found.includes(LEAF_4) || found.filter((b) => CACHES[b] !== undefined).length === model.caches.length, model.name);
  }
});

test('leaf 18H decodes to the TLBs that the models are', () => {
  for (const model of CPU_MODELS.filter((m) => descriptors(m).includes(LEAF_18))) {
    const { data, code, second } = model.observed.tlb;
    const last = cpuid(model, context, 0x18, 0).eax;
    const rows = Array.from({ length: last }, (_, i) => cpuid(model, context, 0x18, i + 1)).map((r) => ({
      type: r.edx & 31,
      level: (r.edx >>> 5) & 7,
      pages: r.ebx & 15,
      tlb: { entries: (r.ebx >>> 16) * r.ecx, ways: r.ebx >>> 16 },
    }));
    assert.deepEqual(rows, [
      { type: 2, level: 1, pages: 1, tlb: code },
      { type: 1, level: 1, pages: 1, tlb: data },
      { type: 3, level: 2, pages: 1, tlb: second },
    ]);
    assert.equal(cpuid(model, context, 0x18, last + 1).edx & 31, 0);
  }
});

test('leaf 4 tells inclusion; 80000006H is what real processors say, 8 ways for Skylake’s four', () => {
  const word = (name: string): number => cpuid(CPU_MODELS.find((m) => m.name === name) as CpuModel, context, 0x8000_0006, 0).ecx;
  const inclusive = CPU_MODELS.filter((m) => (cpuid(m, context, 4, 3).edx & 2) !== 0).map((m) => m.name);
  assert.deepEqual(inclusive, ['nehalem', 'broadwell', 'skylake']);
  // InstLatx64 dumps 6E4, 10676, 106A4, 306D4, 406E3, 506C9, 606A6, 806F8.
  const real: Readonly<Record<string, number>> = {
    yonah: 0x0800_6040,
    core2: 0x1800_8040,
    nehalem: 0x0100_6040,
    broadwell: 0x0100_6040,
    skylake: 0x0100_6040,
    goldmont: 0x0400_8040,
    icelake: 0x0100_6040,
    sapphirerapids: 0x0800_7040,
  };
  for (const [name, ecx] of Object.entries(real)) assert.equal(word(name), ecx, name);
});
