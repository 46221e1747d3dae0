/** The LBR registers: which exist, what they refuse, what they keep. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BROADWELL } from '#arch/cpu-models/broadwell.ts';
import { CORE2 } from '#arch/cpu-models/core2.ts';
import { GOLDMONT } from '#arch/cpu-models/goldmont.ts';
import { CPU_MODELS } from '#arch/cpu-models/index-of-models.ts';
import type { CpuModel } from '#arch/cpu-models/model.ts';
import { NEHALEM } from '#arch/cpu-models/nehalem.ts';
import { SAPPHIRERAPIDS } from '#arch/cpu-models/sapphirerapids.ts';
import { SKYLAKE } from '#arch/cpu-models/skylake.ts';
import { YONAH } from '#arch/cpu-models/yonah.ts';
import { LBR_CTL, LBR_INFO, lbrDepths, lbrLayout } from '#arch/lbr.ts';
import { MSR, MSR_TABLE } from '#arch/msr.ts';
import { DEBUGCTL } from '#arch/pmu/debugctl.ts';
import { PERF_CAPABILITIES } from '#arch/pmu/perf-capabilities.ts';
import { createMachine } from '../machine.ts';
import { BRANCHY } from '../testing/branchy.ts';
import { KERNEL_CODE, Pins, plainInterpreter } from '../testing/pins.ts';

const KERNEL = KERNEL_CODE + 0x123n;
const NOT_CANONICAL = 0x8000_0000_0000n;
const pins = (model: CpuModel): Pins => new Pins(model, BRANCHY);

test('each model has exactly its registers, in the table, zero after RESET', () => {
  const rows = MSR_TABLE.filter((r) => r.block === 'lbr');
  const want: Record<string, readonly string[]> = {
    yonah: ['MSR_LASTBRANCH_0', 'MSR_LASTBRANCH_TOS'],
    core2: ['MSR_LASTBRANCH_0', 'MSR_LASTBRANCH_0_TO', 'MSR_LASTBRANCH_TOS'],
    sapphirerapids: ['IA32_LER_INFO', 'IA32_LBR_0_INFO', 'IA32_LBR_CTL', 'IA32_LBR_DEPTH', 'IA32_LBR_0_FROM_IP', 'IA32_LBR_0_TO_IP'],
  };
  const modern = ['MSR_LBR_SELECT', 'MSR_LASTBRANCH_TOS', 'MSR_LASTBRANCH_0_FROM_IP', 'MSR_LASTBRANCH_0_TO_IP'];
  for (const model of CPU_MODELS) {
    const p = pins(model);
    const info = model.lbr?.format === 5 ? ['MSR_LBR_INFO_0'] : [];
    const names = new Set(['MSR_LER_FROM_LIP', 'MSR_LER_TO_LIP', ...(want[model.name] ?? [...modern, ...info])]);
    for (const row of rows) {
      const count = row.count === 1 ? 1 : (model.lbr?.depth ?? 0);
      for (let i = 0; i < 32; i++) {
        const value = p.machine.core.msrs.read(row.address + i);
        const there = names.has(row.name) && i < count;
        if (i >= count && rows.some((r) => r !== row && row.address + i >= r.address && row.address + i < r.address + 32)) continue;
        if (row.count === 1 && i > 0) break;
        const expected = row.reset === 'model' ? BigInt(model.lbr?.depth ?? 0) : row.reset;
        assert.equal(value, there ? expected : undefined, `${model.name} ${row.name}+${i}`);
      }
    }
  }
});

test('IA32_PERF_CAPABILITIES tells the format, and 0 where there is no block', () => {
  for (const model of CPU_MODELS) {
    if (model.pmu.version < 2) continue;
    const format = PERF_CAPABILITIES.get(pins(model).rdmsr(MSR.IA32_PERF_CAPABILITIES), 'LBR_FMT');
    assert.equal(format, model.lbr?.format === 'arch' ? 0x3fn : BigInt(model.lbr?.format ?? 0), model.name);
  }
  const without = createMachine(SKYLAKE, plainInterpreter(), { memoryBytes: 1 << 16 });
  assert.equal(PERF_CAPABILITIES.get(without.core.msrs.read(MSR.IA32_PERF_CAPABILITIES) ?? 1n, 'LBR_FMT'), 0n);
  assert.equal(without.core.msrs.read(MSR.MSR_LBR_SELECT), undefined);
});

test('CPUID.1CH: depths, filters, call stack; no misprediction bit while there is no predictor', () => {
  const leaf = pins(SAPPHIRERAPIDS).machine.core.parts.cpuid(0x1c, 0);
  assert.equal(leaf.eax & 0xff, 0b1011); // 8, 16, 32
  assert.deepEqual([leaf.ebx, leaf.ecx, leaf.edx], [7, 6, 0]);
  assert.equal(lbrDepths(16), 0b11);
  const without = createMachine(SAPPHIRERAPIDS, plainInterpreter(), { memoryBytes: 1 << 16 });
  assert.equal(without.core.parts.cpuid(0x1c, 0).eax, 0);
  assert.equal(without.core.parts.cpuid(7, 0).edx & (1 << 19), 0);
});

test('filters and TOS refuse reserved bits; EN_CALLSTACK exists from Haswell on', () => {
  const skl = pins(SKYLAKE);
  assert.equal(skl.tryWrmsr(MSR.MSR_LBR_SELECT, 1n << 10n), false);
  skl.wrmsr(MSR.MSR_LBR_SELECT, 0x3ffn);
  assert.equal(skl.rdmsr(MSR.MSR_LBR_SELECT), 0x3ffn);
  assert.equal(pins(NEHALEM).tryWrmsr(MSR.MSR_LBR_SELECT, 1n << 9n), false);
  assert.equal(pins(BROADWELL).tryWrmsr(MSR.MSR_LBR_SELECT, 1n << 9n), true);
  assert.equal(pins(CORE2).tryWrmsr(MSR.MSR_LASTBRANCH_TOS, 4n), false);
});

test('IA32_LBR_CTL: reserved bits; DEBUGCTL.LBR is not architectural LBR’s', () => {
  const p = pins(SAPPHIRERAPIDS);
  for (const bit of [4n, 15n, 23n, 63n]) assert.equal(p.tryWrmsr(MSR.IA32_LBR_CTL, 1n << bit), false, `${bit}`);
  p.wrmsr(MSR.IA32_LBR_CTL, 0x7f_000fn);
  assert.equal(p.rdmsr(MSR.IA32_LBR_CTL), 0x7f_000fn);
  p.wrmsr(MSR.IA32_LBR_CTL, 0n);
  p.wrmsr(MSR.IA32_DEBUGCTL, DEBUGCTL.mask('LBR') | DEBUGCTL.mask('FREEZE_LBRS_ON_PMI'));
  assert.equal(p.rdmsr(MSR.IA32_DEBUGCTL), DEBUGCTL.mask('FREEZE_LBRS_ON_PMI'));
  p.run(50);
  assert.equal(p.rdmsr(MSR.IA32_LBR_0_FROM_IP), 0n);
});

test('a write of IA32_LBR_DEPTH clears all records, whatever it writes; unknown depths raise #GP', () => {
  const p = pins(SAPPHIRERAPIDS);
  p.wrmsr(MSR.IA32_LBR_CTL, LBR_CTL.pack({ LBREn: 1, USR: 1, JCC: 1, NEAR_REL_CALL: 1 }));
  p.run(200);
  assert.notEqual(p.rdmsr(MSR.IA32_LBR_0_FROM_IP + 20), 0n);
  for (const bad of [0n, 4n, 12n, 24n, 33n, 64n, 1n << 40n]) assert.equal(p.tryWrmsr(MSR.IA32_LBR_DEPTH, bad), false, `${bad}`);
  assert.notEqual(p.rdmsr(MSR.IA32_LBR_0_FROM_IP + 20), 0n);
  p.wrmsr(MSR.IA32_LBR_DEPTH, 32n);
  for (let i = 0; i < 32; i++) {
    for (const first of [MSR.IA32_LBR_0_FROM_IP, MSR.IA32_LBR_0_TO_IP, MSR.IA32_LBR_0_INFO]) assert.equal(p.rdmsr(first + i), 0n);
  }
  p.wrmsr(MSR.IA32_LBR_DEPTH, 8n);
  p.run(200);
  assert.notEqual(p.rdmsr(MSR.IA32_LBR_0_FROM_IP + 7), 0n);
  assert.equal(p.rdmsr(MSR.IA32_LBR_0_FROM_IP + 8), 0n);
  p.wrmsr(MSR.IA32_LBR_0_FROM_IP + 8, KERNEL);
  assert.equal(p.rdmsr(MSR.IA32_LBR_0_FROM_IP + 8), 0n);
});

test('formats: where the flags stand, and what a kernel address looks like', () => {
  // A kernel branch as the processor records it: format 3 keeps the sign in 62:48, format 4 in 60:48 with the TSX flags off.
  const recorded = (model: CpuModel): bigint => {
    const p = pins(model);
    p.wrmsr(MSR.MSR_LBR_SELECT, 2n); // ring 0 only
    p.wrmsr(MSR.IA32_DEBUGCTL, 1n);
    p.run(200);
    return p.rdmsr(MSR.MSR_LASTBRANCH_0_FROM_IP + Number(p.rdmsr(MSR.MSR_LASTBRANCH_TOS))) >> 48n;
  };
  assert.equal(recorded(NEHALEM), 0x7fffn);
  assert.equal(recorded(BROADWELL), 0x1fffn);
  assert.equal(recorded(GOLDMONT), 0x7fffn);
  assert.equal(recorded(SKYLAKE), 0xffffn);
});

test('records can be written and read back: what a call-stack switch does', () => {
  const FROM = MSR.MSR_LASTBRANCH_0_FROM_IP;
  const TO = MSR.MSR_LASTBRANCH_0_TO_IP;
  const skl = pins(SKYLAKE);
  skl.wrmsr(FROM + 3, KERNEL);
  skl.wrmsr(TO + 3, 0x1234n);
  skl.wrmsr(MSR.MSR_LBR_INFO_0 + 3, LBR_INFO.pack({ MISPRED: 1, CYC_CNT: 77 }));
  assert.deepEqual(
    [FROM, TO, MSR.MSR_LBR_INFO_0].map((a) => skl.rdmsr(a + 3)),
    [KERNEL, 0x1234n, (1n << 63n) | 77n],
  );
  assert.equal(skl.rdmsr(FROM + 2), 0n);
  for (const a of [FROM, TO]) assert.equal(skl.tryWrmsr(a, NOT_CANONICAL), false);
  assert.equal(skl.tryWrmsr(MSR.MSR_LBR_INFO_0, 1n << 60n), false);

  const nhm = pins(NEHALEM);
  nhm.wrmsr(FROM, KERNEL & ~(1n << 63n));
  assert.equal(nhm.rdmsr(FROM), KERNEL & ~(1n << 63n));
  nhm.wrmsr(FROM, 0x1234n | (1n << 63n));
  assert.equal(nhm.rdmsr(FROM), 0x1234n | (1n << 63n));
  assert.equal(nhm.tryWrmsr(FROM, 1n << 62n), false);

  // Format 4 without TSX: bits 62:61 belong to the sign in a WRMSR (Linux's quirk), so what was read does not go back as it is.
  const bdw = pins(BROADWELL);
  assert.equal(bdw.tryWrmsr(FROM, KERNEL & ~(7n << 61n)), false);
  assert.equal(bdw.tryWrmsr(FROM, KERNEL), true);
  assert.equal(bdw.tryWrmsr(FROM, 0x1234n | (1n << 62n)), false);

  const glm = pins(GOLDMONT);
  glm.wrmsr(TO, 0x1234n | (55n << 48n));
  assert.equal(glm.rdmsr(TO), 0x1234n | (55n << 48n));

  const core = pins(YONAH);
  core.wrmsr(MSR.MSR_LASTBRANCH_0 + 1, 0x8765_4321_1234_5678n);
  assert.equal(core.rdmsr(MSR.MSR_LASTBRANCH_0 + 1), 0x8765_4321_1234_5678n);

  const arch = pins(SAPPHIRERAPIDS);
  arch.wrmsr(MSR.IA32_LBR_0_INFO + 5, 0xffff_ffff_ffff_ffffn);
  assert.equal(arch.rdmsr(MSR.IA32_LBR_0_INFO + 5), 0xff00_0000_0000_ffffn);
  assert.equal(arch.tryWrmsr(MSR.IA32_LBR_0_TO_IP, NOT_CANONICAL), false);
});

test('the layout has a place for every format', () => {
  for (const format of [0, 1, 2, 3, 4, 5, 6, 7] as const) {
    const l = lbrLayout({ depth: 16, format });
    assert.equal(l.to === undefined, format === 0);
    assert.equal(l.info !== undefined, format === 5 || format === 7);
    assert.equal(l.hasSelect, format >= 3);
  }
});
