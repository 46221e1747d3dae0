import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CPU_MODELS } from '#arch/cpu-models/index-of-models.ts';
import type { CpuModel } from '#arch/cpu-models/model.ts';
import { visibleFeatures } from '#arch/cpuid.ts';
import { ENGINE_FEATURES, type Feature, hasFeature } from '#arch/cpuid-features.ts';
import { GPR } from '#arch/registers.ts';
import { MODE } from '../../retire.ts';
import { Bare } from '../../testing/bare.ts';
import { allForms } from '../semantics/forms.ts';
import { SYSTEM_OP } from '../system-ops.ts';
import { generateInterpreter } from '../tier0/generate.ts';

const CODE = 0x40_0000n;
const DATA = 0x50_0000n;
const generated = generateInterpreter(allForms(), new Set());
const machines = new Map<string, Bare>();
function machineOf(model: CpuModel): Bare {
  const made = machines.get(model.name) ?? new Bare(generated, 1 << 20, model.features);
  machines.set(model.name, made);
  return made;
}

/** One instruction, then HLT; RDI and RAX point at data. */
function execute(model: CpuModel, bytes: readonly number[]): { undefinedInstruction: boolean; rcx: bigint; lacks: Feature | undefined } {
  const bare = machineOf(model);
  bare.load(CODE, new Uint8Array([...bytes, 0xf4]));
  bare.load(DATA, new Uint8Array(4096));
  bare.start(CODE, 1);
  bare.engine.gpr[GPR.RDI] = DATA;
  bare.engine.gpr[GPR.RAX] = DATA;
  bare.engine.gpr[GPR.RBX] = 0x8000n;
  const end = bare.engine.slice(100, 1_000_000, 100, MODE.USER);
  assert.equal(end, 'system');
  return {
    undefinedInstruction: bare.engine.systemOp === SYSTEM_OP.UNDEFINED,
    rcx: bare.engine.gpr[GPR.RCX] as bigint,
    lacks: bare.engine.blocks.describe(new Uint8Array(bytes), CODE).lacks,
  };
}

const SAMPLES: readonly (readonly [Feature, string, readonly number[]])[] = [
  ['SSSE3', 'pshufb xmm0,xmm1', [0x66, 0x0f, 0x38, 0x00, 0xc1]],
  ['SSE41', 'pmulld xmm0,xmm1', [0x66, 0x0f, 0x38, 0x40, 0xc1]],
  ['SSE42', 'crc32 ecx,ebx', [0xf2, 0x0f, 0x38, 0xf1, 0xcb]],
  ['POPCNT', 'popcnt ecx,ebx', [0xf3, 0x0f, 0xb8, 0xcb]],
  ['MOVBE', 'movbe ecx,[rdi]', [0x0f, 0x38, 0xf0, 0x0f]],
  ['AES', 'aesenc xmm0,xmm1', [0x66, 0x0f, 0x38, 0xdc, 0xc1]],
  ['PCLMULQDQ', 'pclmulqdq xmm0,xmm1,0', [0x66, 0x0f, 0x3a, 0x44, 0xc1, 0x00]],
  ['BMI1', 'andn ecx,ebx,ebx', [0xc4, 0xe2, 0x60, 0xf2, 0xcb]],
  ['BMI2', 'pdep ecx,ebx,ebx', [0xc4, 0xe2, 0x63, 0xf5, 0xcb]],
  ['ADX', 'adcx ecx,ebx', [0x66, 0x0f, 0x38, 0xf6, 0xcb]],
  ['SHA', 'sha1msg1 xmm0,xmm1', [0x0f, 0x38, 0xc9, 0xc1]],
  ['GFNI', 'gf2p8mulb xmm0,xmm1', [0x66, 0x0f, 0x38, 0xcf, 0xc1]],
  ['CLFLUSHOPT', 'clflushopt [rdi]', [0x66, 0x0f, 0xae, 0x3f]],
  ['CLWB', 'clwb [rdi]', [0x66, 0x0f, 0xae, 0x37]],
  ['MOVDIRI', 'movdiri [rdi],ebx', [0x0f, 0x38, 0xf9, 0x1f]],
  ['MOVDIR64B', 'movdir64b rax,[rdi]', [0x66, 0x0f, 0x38, 0xf8, 0x07]],
  ['SERIALIZE', 'serialize', [0x0f, 0x01, 0xe8]],
  ['WAITPKG', 'umonitor rdi', [0xf3, 0x0f, 0xae, 0xf7]],
  ['FSGSBASE', 'rdfsbase rcx', [0xf3, 0x48, 0x0f, 0xae, 0xc1]],
];

test('an instruction is there exactly on the models that have its CPUID bit, else it is #UD and the bit is named', () => {
  for (const model of CPU_MODELS) {
    const words = visibleFeatures(model, ENGINE_FEATURES);
    for (const [feature, text, bytes] of SAMPLES) {
      const has = hasFeature(words, feature);
      const seen = execute(model, bytes);
      assert.equal(seen.undefinedInstruction, !has, `${model.name}: ${text}`);
      assert.equal(seen.lacks, has ? undefined : feature, `${model.name}: ${text}`);
    }
  }
});

test('RDRAND, RDSEED and RDPID leave to TypeScript where they are, to #UD where not', () => {
  for (const [feature, bytes] of [
    ['RDRAND', [0x0f, 0xc7, 0xf1]],
    ['RDSEED', [0x0f, 0xc7, 0xf9]],
    ['RDPID', [0xf3, 0x0f, 0xc7, 0xf9]],
  ] as const)
    for (const model of CPU_MODELS)
      assert.equal(execute(model, bytes).undefinedInstruction, !hasFeature(model.features, feature), `${model.name}: ${feature}`);
});

test('an instruction across two pages is fetched from what the second page is now', () => {
  const bare = new Bare(generated, 1 << 20);
  const [from, second] = [CODE + 0xffcn, CODE + 0x1000n];
  const mov = (n: number): Uint8Array => new Uint8Array([0x48, 0xc7, 0xc1, n, 0, 0, 0, 0xf4]); // mov rcx,n; hlt
  bare.load(from, mov(0x11), 4100);
  const run = (): string => {
    bare.start(from, 1);
    bare.engine.flushTlb();
    return bare.engine.slice(10, 1_000_000, 10, MODE.USER);
  };
  assert.equal(run(), 'system');
  assert.equal(bare.engine.gpr[GPR.RCX], 0x11n);
  bare.map(second, 7n, true); // no longer executable
  assert.equal(run(), 'fault');
  assert.equal(bare.engine.faultAddress, second);
  bare.map(second, 7n);
  assert.equal(run(), 'system');
});

test('TZCNT and LZCNT without their bit are BSF and BSR; hints without theirs are NOPs', () => {
  const [broadwell, nehalem] = ['broadwell', 'nehalem'].map((n) => CPU_MODELS.find((m) => m.name === n) as CpuModel) as [
    CpuModel,
    CpuModel,
  ];
  const lzcnt = [0xf3, 0x0f, 0xbd, 0xcb]; // lzcnt ecx,ebx: EBX = 8000H
  assert.equal(execute(broadwell, lzcnt).rcx, 16n);
  assert.equal(execute(nehalem, lzcnt).rcx, 15n);
  const tzcntOfZero = [0x31, 0xdb, 0xb9, 0x07, 0, 0, 0, 0xf3, 0x0f, 0xbc, 0xcb]; // xor ebx,ebx; mov ecx,7; tzcnt ecx,ebx
  assert.equal(execute(broadwell, tzcntOfZero).rcx, 32n);
  assert.equal(execute(nehalem, tzcntOfZero).rcx, 7n);
  for (const hint of [
    [0x0f, 0x0d, 0x0f], // prefetchw
    [0x0f, 0x0d, 0x17], // prefetchwt1
    [0x0f, 0x1c, 0x07], // cldemote
  ])
    assert.equal(execute(nehalem, hint).undefinedInstruction, false);
});
