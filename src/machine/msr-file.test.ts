import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CPU_MODELS } from '#arch/cpu-models/index-of-models.ts';
import { CORE2 } from '#arch/cpu-models/core2.ts';
import { SKYLAKE } from '#arch/cpu-models/skylake.ts';
import { MSR, MSR_TABLE } from '#arch/msr.ts';
import { MsrFile } from './msr-file.ts';
import { TickMachine } from './testing/tick-machine.ts';

test('every register of the table exists on the newest model, with its access and its value after RESET', () => {
  const model = CPU_MODELS.at(-1) ?? SKYLAKE;
  const m = new TickMachine(model, () => ({}));
  for (const row of MSR_TABLE) {
    if (row.block === 'system' || row.block === 'lbr') continue; // lbr: machine/lbr/*.test.ts
    const n = typeof row.count === 'number' ? row.count : row.count === 'gp' ? model.pmu.gpCounters : model.pmu.fixedCounters;
    for (let i = 0; i < n; i++) {
      const value = m.msrs.read(row.address + i);
      assert.equal(value !== undefined, row.access !== 'WO', `${row.name}+${i}`);
      if (row.reset !== 'model' && row.access !== 'WO') assert.equal(value, row.reset, `${row.name}+${i}`);
      if (row.access === 'RO') assert.equal(m.msrs.write(row.address + i, value ?? 0n), false, `${row.name} is read-only`);
    }
  }
});

test('nothing outside the table answers', () => {
  const known = new Set<number>();
  for (const row of MSR_TABLE) for (let i = 0; i < (typeof row.count === 'number' ? row.count : 8); i++) known.add(row.address + i);
  for (const model of CPU_MODELS) {
    const m = new TickMachine(model, () => ({}));
    for (let a = 0; a < 0x2000; a++) {
      if (known.has(a)) continue;
      assert.equal(m.msrs.read(a), undefined, `${model.name} ${a.toString(16)}`);
      assert.equal(m.msrs.write(a, 0n), false, `${model.name} ${a.toString(16)}`);
    }
  }
});

test('the system registers go to the core', () => {
  const seen: string[] = [];
  const m = new TickMachine(SKYLAKE, () => ({}));
  const file = new MsrFile(SKYLAKE, [], {
    pmu: m.pmu,
    apic: m.apic,
    clock: m.clock,
    system: {
      readSystem: (a) => (seen.push(`r${a.toString(16)}`), 5n),
      writeSystem: (a, v) => (seen.push(`w${a.toString(16)}=${v}`), a !== MSR.IA32_EFER),
    },
  });
  assert.equal(file.read(MSR.IA32_LSTAR), 5n);
  assert.equal(file.write(MSR.IA32_STAR, 1n), true);
  assert.equal(file.write(MSR.IA32_EFER, 2n), false);
  assert.deepEqual(seen, ['rc0000082', 'wc0000081=1', 'wc0000080=2']);
});

test('PLATFORM_INFO tells the ratio, MISC_ENABLE that BTS and PEBS are not there', () => {
  const m = new TickMachine(SKYLAKE, () => ({}));
  assert.equal((m.rdmsr(MSR.MSR_PLATFORM_INFO) >> 8n) & 0xffn, 24n);
  m.wrmsr(MSR.IA32_MISC_ENABLE, 0n);
  assert.equal(m.rdmsr(MSR.IA32_MISC_ENABLE), 0x1880n);
  assert.equal((new TickMachine(CORE2, () => ({})).rdmsr(MSR.MSR_PLATFORM_INFO) >> 8n) & 0xffn, 9n);
});

test('PAT takes memory types only', () => {
  const m = new TickMachine(SKYLAKE, () => ({}));
  m.wrmsr(MSR.IA32_PAT, 0x0606_0606_0606_0607n);
  assert.equal(m.msrs.write(MSR.IA32_PAT, 2n), false);
});
