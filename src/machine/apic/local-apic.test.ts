/** The local APIC from its pins: LVTPC, latency, NMI blocking, timer, priorities. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SKYLAKE } from '#arch/cpu-models/skylake.ts';
import { MSR } from '#arch/msr.ts';
import { MODE } from '../retire.ts';
import { TickMachine, type TickOptions } from '../testing/tick-machine.ts';
import { parsePmiLatency } from './pmi-latency.ts';

const one = (): { slots: number } => ({ slots: 4 });

/** PMC0 overflows after `left` user instructions; a PMI by NMI. */
function sampling(left: number, options: TickOptions): TickMachine {
  const m = new TickMachine(SKYLAKE, one, options);
  m.wrmsr(MSR.IA32_PMC0, BigInt(-left) & 0xffff_ffffn);
  m.wrmsr(MSR.IA32_PERFEVTSEL0, 0x51_00c0n);
  m.wrmsr(MSR.IA32_X2APIC_LVT_PMI, 0x400n);
  return m;
}

test('the PMI comes exactly its latency after the overflow, in instructions or cycles of everything', () => {
  for (const [text, expected] of [
    ['0i', 100],
    ['20i', 120],
    ['300c', 400],
  ] as const) {
    const pmiLatency = parsePmiLatency(text);
    assert.ok(typeof pmiLatency === 'object');
    const m = sampling(100, { pmiLatency });
    let at = -1;
    m.onInterrupt = () => {
      at = m.ticks;
    };
    m.run(1000);
    assert.equal(at, expected, text);
  }
});

test('overhead counts towards the latency', () => {
  const m = sampling(100, { pmiLatency: { unit: 'instructions', min: 20, max: 20 } });
  let at = -1;
  m.onInterrupt = () => {
    at = m.ticks;
  };
  m.run(105);
  m.overhead(10);
  m.run(50);
  assert.equal(at, 110);
});

test('a latency range is drawn from the seed: the same seed, the same points', () => {
  const points = (seed: number): number[] => {
    const m = sampling(100, { pmiLatency: { unit: 'instructions', min: 5, max: 60 }, seed });
    const at: number[] = [];
    m.onInterrupt = () => {
      at.push(m.ticks);
      m.wrmsr(MSR.IA32_PMC0, 0xffff_ff9cn);
      m.wrmsr(MSR.IA32_PERF_GLOBAL_OVF_CTRL, 1n);
      m.wrmsr(MSR.IA32_X2APIC_LVT_PMI, 0x400n);
    };
    m.run(3000);
    return at;
  };
  assert.deepEqual(points(1), points(1));
  assert.notDeepEqual(points(1), points(2));
  assert.ok(new Set(points(1).map((p, i, a) => p - (a[i - 1] ?? 0))).size > 5);
});

test('parsePmiLatency says what is wrong', () => {
  assert.deepEqual(parsePmiLatency('10..40c'), { unit: 'cycles', min: 10, max: 40 });
  assert.deepEqual(parsePmiLatency('7'), { unit: 'instructions', min: 7, max: 7 });
  for (const bad of ['', 'x', '20s', '40..10i', '10i..20c', '-1', '9999999']) assert.equal(typeof parsePmiLatency(bad), 'string', bad);
});

test('one NMI is latched while NMIs are blocked, and comes after the IRET', () => {
  const m = new TickMachine(SKYLAKE, one);
  const nmi = (1n << 18n) | 0x400n;
  for (let i = 0; i < 2; i++) m.wrmsr(MSR.IA32_X2APIC_ICR, nmi);
  const first = m.apic.pending(false);
  assert.deepEqual(first, { kind: 'nmi', vector: 2 });
  if (first !== undefined) m.apic.accept(first);
  assert.equal(m.apic.pending(true), undefined);
  for (let i = 0; i < 3; i++) m.wrmsr(MSR.IA32_X2APIC_ICR, nmi);
  assert.equal(m.apic.pending(true), undefined);
  m.apic.iret();
  const second = m.apic.pending(true);
  assert.deepEqual(second, { kind: 'nmi', vector: 2 });
  if (second !== undefined) m.apic.accept(second);
  m.apic.iret();
  assert.equal(m.apic.pending(true), undefined);
});

test('the TSC deadline fires at its tick, waits for IF, and is a single shot', () => {
  const m = new TickMachine(SKYLAKE, one);
  m.wrmsr(MSR.IA32_X2APIC_LVT_TIMER, 0x4_0000n | 0xecn);
  m.wrmsr(MSR.IA32_TSC_DEADLINE, 250n);
  const at: number[] = [];
  m.onInterrupt = (i) => {
    at.push(i.vector, m.clock.tsc());
    m.wrmsr(MSR.IA32_X2APIC_EOI, 0n);
  };
  m.run(249);
  assert.equal(m.apic.pending(true), undefined);
  assert.equal(m.apic.nextTimerSlots(), 4);
  m.run(1000);
  assert.deepEqual(at, [0xec, 250]);
  assert.equal(m.rdmsr(MSR.IA32_TSC_DEADLINE), 0n);
  m.wrmsr(MSR.IA32_TSC_DEADLINE, 1n);
  m.apic.attend();
  assert.equal(m.apic.pending(false), undefined);
  assert.deepEqual(m.apic.pending(true), { kind: 'fixed', vector: 0xec });
});

test('HLT: time goes to the deadline; a PMI under way arrives', () => {
  const m = sampling(100, { pmiLatency: { unit: 'instructions', min: 50, max: 50 } });
  m.wrmsr(MSR.IA32_X2APIC_LVT_TIMER, 0x4_00ecn);
  m.wrmsr(MSR.IA32_TSC_DEADLINE, 1000n);
  m.run(110);
  m.apic.halted();
  assert.equal(m.apic.pending(false)?.kind, 'nmi');
  m.clock.idle(m.apic.nextTimerSlots() ?? 0);
  m.apic.attend();
  assert.equal(m.clock.tsc(), 1000);
  assert.equal(m.rdmsr(MSR.IA32_X2APIC_IRR0 + 7), 1n << 12n);
  assert.equal(m.apic.nextTimerSlots(), undefined);
});

test('overhead moves no timer', () => {
  const m = new TickMachine(SKYLAKE, one);
  m.wrmsr(MSR.IA32_X2APIC_LVT_TIMER, 0x4_00ecn);
  m.wrmsr(MSR.IA32_TSC_DEADLINE, 10n);
  for (let i = 0; i < 100; i++) m.retireTick({ mode: MODE.OVERHEAD, slots: 4 });
  m.apic.attend();
  assert.equal(m.apic.pending(true), undefined);
});

test('priorities: a higher class interrupts, TPR holds back, EOI ends the highest', () => {
  const m = new TickMachine(SKYLAKE, one);
  const take = (): number | undefined => {
    const i = m.apic.pending(true);
    if (i !== undefined) m.apic.accept(i);
    return i?.vector;
  };
  m.wrmsr(MSR.IA32_X2APIC_SELF_IPI, 0x31n);
  m.wrmsr(MSR.IA32_X2APIC_SELF_IPI, 0x55n);
  assert.equal(take(), 0x55);
  assert.equal(take(), undefined, '0x31 is of a lower class than the one in service');
  m.wrmsr(MSR.IA32_X2APIC_SELF_IPI, 0x66n);
  assert.equal(take(), 0x66);
  assert.equal(m.rdmsr(MSR.IA32_X2APIC_PPR), 0x60n);
  m.wrmsr(MSR.IA32_X2APIC_EOI, 0n);
  m.wrmsr(MSR.IA32_X2APIC_EOI, 0n);
  m.wrmsr(MSR.IA32_X2APIC_TPR, 0x30n);
  assert.equal(take(), undefined);
  m.wrmsr(MSR.IA32_X2APIC_TPR, 0n);
  assert.equal(take(), 0x31);
});

test('a fixed-mode PMI uses its vector and masks LVTPC too', () => {
  const m = sampling(100, { pmiLatency: { unit: 'instructions', min: 0, max: 0 } });
  m.wrmsr(MSR.IA32_X2APIC_LVT_PMI, 0xfen);
  const seen: number[] = [];
  m.onInterrupt = (i) => seen.push(i.vector);
  m.run(200);
  assert.deepEqual(seen, [0xfe]);
  assert.equal(m.rdmsr(MSR.IA32_X2APIC_LVT_PMI), 0x1_00fen);
});

test('what is not modelled is refused, not ignored', () => {
  const m = new TickMachine(SKYLAKE, one);
  const no = (a: number, v: bigint): void => assert.equal(m.msrs.write(a, v), false, `${a.toString(16)} ${v.toString(16)}`);
  no(MSR.IA32_X2APIC_LVT_TIMER, 0x2_00ecn); // periodic
  no(MSR.IA32_X2APIC_INIT_COUNT, 1n);
  no(MSR.IA32_X2APIC_LVT_PMI, 0x200n); // SMI
  no(MSR.IA32_X2APIC_ICR, (5n << 32n) | 0x55n); // another processor
  no(MSR.IA32_X2APIC_APICID, 0n);
  no(MSR.IA32_X2APIC_EOI, 1n);
  assert.equal(m.msrs.read(MSR.IA32_X2APIC_EOI), undefined);
  assert.equal(m.msrs.read(0x8ff), undefined);
});
