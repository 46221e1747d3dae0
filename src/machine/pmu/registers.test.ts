/** The PMU's registers: what exists by version, reserved bits, counter writes, RDPMC, status registers, INUSE. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CPU_MODELS } from '#arch/cpu-models/index-of-models.ts';
import { CORE2 } from '#arch/cpu-models/core2.ts';
import { ICELAKE } from '#arch/cpu-models/icelake.ts';
import type { CpuModel } from '#arch/cpu-models/model.ts';
import { NEHALEM } from '#arch/cpu-models/nehalem.ts';
import { SKYLAKE } from '#arch/cpu-models/skylake.ts';
import { YONAH } from '#arch/cpu-models/yonah.ts';
import { MSR } from '#arch/msr.ts';
import { EV } from '../retire.ts';
import { TickMachine } from '../testing/tick-machine.ts';

const machine = (model: CpuModel): TickMachine => new TickMachine(model, () => ({}));
const COUNT_USER = 0x41_00c0n;

test('A15: a 32-bit counter write is sign-extended to the width', () => {
  for (const model of [CORE2, SKYLAKE]) {
    const m = machine(model);
    const ones = (1n << BigInt(model.pmu.gpWidth)) - 1n;
    m.wrmsr(MSR.IA32_PMC0, 0x8000_0000n);
    assert.equal(m.rdmsr(MSR.IA32_PMC0), ones - 0x7fff_ffffn);
    m.wrmsr(MSR.IA32_PMC0, 0xabcd_7fff_ffffn);
    assert.equal(m.rdmsr(MSR.IA32_PMC0), 0x7fff_ffffn);
  }
});

test('full-width writes go through the alias where PERF_CAPABILITIES[13] says so, and fault above the width', () => {
  const m = machine(SKYLAKE);
  assert.equal((m.rdmsr(MSR.IA32_PERF_CAPABILITIES) >> 13n) & 1n, 1n);
  m.wrmsr(MSR.IA32_A_PMC0 + 3, 0x1234_5678_9abcn);
  assert.equal(m.rdmsr(MSR.IA32_PMC0 + 3), 0x1234_5678_9abcn);
  assert.equal(m.msrs.write(MSR.IA32_A_PMC0, 1n << 48n), false);
  assert.equal(machine(NEHALEM).msrs.write(MSR.IA32_A_PMC0, 0n), false);
  assert.equal(machine(NEHALEM).rdmsr(MSR.IA32_PERF_CAPABILITIES) >> 13n, 0n);
});

test('A21: version 1 has neither fixed counters nor GLOBAL_* nor PERF_CAPABILITIES, and counts by EN alone', () => {
  const m = machine(YONAH);
  for (let a = 0x38d; a <= 0x392; a++) {
    assert.equal(m.msrs.read(a), undefined, a.toString(16));
    assert.equal(m.msrs.write(a, 0n), false, a.toString(16));
  }
  for (const a of [MSR.IA32_FIXED_CTR0, MSR.IA32_PERF_CAPABILITIES, MSR.IA32_PMC0 + 2]) assert.equal(m.msrs.read(a), undefined);
  assert.equal(m.msrs.write(MSR.IA32_DEBUGCTL, 1n << 12n), false, 'freezing came with version 2');
  m.wrmsr(MSR.IA32_PERFEVTSEL0, COUNT_USER);
  m.run(10);
  assert.equal(m.rdmsr(MSR.IA32_PMC0), 10n);
});

test('registers by version: STATUS_SET and INUSE from 4, AnyThread in 3 and 4 only', () => {
  for (const model of CPU_MODELS) {
    const m = machine(model);
    const v = model.pmu.version;
    assert.equal(m.msrs.write(MSR.IA32_PERF_GLOBAL_STATUS_SET, 0n), v >= 4, model.name);
    assert.equal(m.msrs.read(MSR.IA32_PERF_GLOBAL_INUSE) !== undefined, v >= 4, model.name);
    assert.equal(m.msrs.write(MSR.IA32_PERFEVTSEL0, 1n << 21n), v === 3 || v === 4, model.name);
    assert.equal(m.msrs.write(MSR.IA32_PERF_GLOBAL_OVF_CTRL, 1n << 59n), v >= 4, model.name);
    assert.equal(m.msrs.write(MSR.IA32_FIXED_CTR_CTRL, 4n), v === 3 || v === 4, model.name);
    assert.equal(m.msrs.write(MSR.IA32_DEBUGCTL, 1n << 12n), v >= 2, model.name);
  }
});

test('reserved bits and read-only registers raise #GP', () => {
  const m = machine(SKYLAKE);
  const faults: [number, bigint][] = [
    [MSR.IA32_PERFEVTSEL0, 1n << 32n],
    [MSR.IA32_PERF_GLOBAL_CTRL, 1n << 4n],
    [MSR.IA32_PERF_GLOBAL_CTRL, 1n << 35n],
    [MSR.IA32_PERF_GLOBAL_CTRL, 1n << 48n],
    [MSR.IA32_FIXED_CTR_CTRL, 1n << 12n],
    [MSR.IA32_PERF_GLOBAL_STATUS, 0n],
    [MSR.IA32_PERF_GLOBAL_INUSE, 0n],
    [MSR.IA32_PERF_CAPABILITIES, 0n],
    [MSR.IA32_PERF_GLOBAL_OVF_CTRL, 1n << 57n],
    [MSR.IA32_PERF_GLOBAL_STATUS_SET, 1n << 63n],
    [MSR.IA32_FIXED_CTR0, 1n << 48n],
    [MSR.IA32_DEBUGCTL, 1n << 7n],
    [0x3f1, 0n],
    [0x1234_5678, 0n],
  ];
  for (const [address, value] of faults) assert.equal(m.msrs.write(address, value), false, `${address.toString(16)} ${value.toString(16)}`);
  assert.equal(m.msrs.read(0x3f1), undefined);
});

test('after RESET all general-purpose counters are enabled in GLOBAL_CTRL', () => {
  assert.equal(machine(SKYLAKE).rdmsr(MSR.IA32_PERF_GLOBAL_CTRL), 0xfn);
  assert.equal(machine(ICELAKE).rdmsr(MSR.IA32_PERF_GLOBAL_CTRL), 0xffn);
});

test('fixed counters count by their nibble and GLOBAL_CTRL[32+i]', () => {
  const m = new TickMachine(ICELAKE, () => ({ slots: 5 }));
  m.wrmsr(MSR.IA32_FIXED_CTR_CTRL, 0x2222n);
  m.run(3);
  assert.equal(m.rdmsr(MSR.IA32_FIXED_CTR0), 0n);
  m.wrmsr(MSR.IA32_PERF_GLOBAL_CTRL, 0xf_0000_0000n);
  m.run(7);
  const values = [0, 1, 2, 3].map((i) => m.rdmsr(MSR.IA32_FIXED_CTR0 + i));
  assert.deepEqual(values, [7n, 7n, 7n, 35n]);
  m.wrmsr(MSR.IA32_FIXED_CTR_CTRL, 0x1111n);
  m.run(4);
  assert.equal(m.rdmsr(MSR.IA32_FIXED_CTR0), 7n, 'ring 0 only');
});

test('RDPMC: fixed counters by type 4000H, #GP at CPL 3 without CR4.PCE, for fast reads and for what is not there', () => {
  const m = machine(SKYLAKE);
  m.wrmsr(MSR.IA32_PMC0 + 1, 77n);
  m.wrmsr(MSR.IA32_FIXED_CTR0 + 2, 99n);
  assert.equal(m.pmu.rdpmc(1, 0, false), 77n);
  assert.equal(m.pmu.rdpmc(1, 3, false), undefined);
  assert.equal(m.pmu.rdpmc(1, 3, true), 77n);
  assert.equal(m.pmu.rdpmc(0x4000_0002, 3, true), 99n);
  for (const ecx of [4, 0x4000_0003, 0x8000_0001, 0x2000_0000]) assert.equal(m.pmu.rdpmc(ecx, 0, true), undefined);
});

test('STATUS_SET sets what STATUS_RESET clears; CTR_FRZ set by software freezes', () => {
  const m = machine(SKYLAKE);
  m.wrmsr(MSR.IA32_PERFEVTSEL0, COUNT_USER);
  m.run(5);
  m.wrmsr(MSR.IA32_PERF_GLOBAL_STATUS_SET, (1n << 59n) | 2n);
  m.run(5);
  assert.equal(m.rdmsr(MSR.IA32_PMC0), 5n);
  assert.equal(m.rdmsr(MSR.IA32_PERF_GLOBAL_STATUS), (1n << 59n) | 2n);
  m.wrmsr(MSR.IA32_PERF_GLOBAL_OVF_CTRL, (1n << 59n) | 2n);
  m.run(5);
  assert.equal(m.rdmsr(MSR.IA32_PMC0), 10n);
});

test('INUSE mirrors event selects, fixed controls and the PMI bits', () => {
  const m = machine(SKYLAKE);
  m.wrmsr(MSR.IA32_PERFEVTSEL0 + 2, 0xc4n);
  m.wrmsr(MSR.IA32_FIXED_CTR_CTRL, 0x30n);
  assert.equal(m.rdmsr(MSR.IA32_PERF_GLOBAL_INUSE), (1n << 2n) | (1n << 33n));
  m.wrmsr(MSR.IA32_FIXED_CTR_CTRL, 0xb0n);
  assert.equal(m.rdmsr(MSR.IA32_PERF_GLOBAL_INUSE), (1n << 2n) | (1n << 33n) | (1n << 63n));
});

test('an event of models that the machine has not stands still and says why; nothing is silently zero', () => {
  const m = new TickMachine(SKYLAKE, () => ({ events: [EV.COND] }));
  m.wrmsr(MSR.IA32_PERFEVTSEL0, 0x41_00c5n);
  m.run(100);
  assert.equal(m.pmu.total(0xc5n), undefined);
  assert.match(m.pmu.refused().get(0xc5n) ?? '', /BR_MISP_RETIRED.ALL_BRANCHES: this machine was made without cache and predictor models/);
});

test('DEBUGCTL of a model without LBR keeps no LBR bit; PERF_CAPABILITIES tells the LBR format only where there is a block', () => {
  assert.equal(machine(SKYLAKE).rdmsr(MSR.IA32_PERF_CAPABILITIES) & 0x3fn, 0n);
  const withLbr = new TickMachine(SKYLAKE, () => ({}), { lbr: true });
  assert.equal(withLbr.rdmsr(MSR.IA32_PERF_CAPABILITIES) & 0x3fn, 5n);
  const none: CpuModel = { ...SKYLAKE, lbr: undefined };
  assert.equal(machine(none).msrs.write(MSR.IA32_DEBUGCTL, 1n), false);
});
