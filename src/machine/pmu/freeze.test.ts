/** Spec §10.1 and §8A, the hardware's half, from the pins: WRMSR, ticks, RDMSR, interrupts. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BROADWELL } from '#arch/cpu-models/broadwell.ts';
import { CORE2 } from '#arch/cpu-models/core2.ts';
import type { CpuModel } from '#arch/cpu-models/model.ts';
import { SKYLAKE } from '#arch/cpu-models/skylake.ts';
import { MSR } from '#arch/msr.ts';
import { EV, MODE } from '../retire.ts';
import { FREEZE_LBRS, FREEZE_PERFMON, type Handler, Rig } from '../testing/rig.ts';
import { TickMachine } from '../testing/tick-machine.ts';
import { setPeriod, unmaskLvtpc } from '../testing/tiny-driver.ts';

const SKID = { unit: 'instructions', min: 20, max: 20 } as const;
const one = (): { slots: number } => ({ slots: 1 });
const E1_E2 = [
  { event: 0xc0, period: 1000 },
  { event: 0xc0, period: 0 },
];
const FREEZING: readonly CpuModel[] = [SKYLAKE, BROADWELL, CORE2];

const INT_EN_USR = 0x51_0000n;
const CTR_FRZ = 1n << 59n;
const LBR_FRZ = 1n << 58n;

/** A machine with PMC0 (INT) and PMC1 on user instructions, PMC0 `left` before overflow, everything enabled. */
function armed(model: CpuModel, left: number, debugctl: bigint, options = {}): TickMachine {
  const m = new TickMachine(model, one, { pmiLatency: SKID, ...options });
  m.onInterrupt = () => {};
  m.wrmsr(MSR.IA32_PMC0, BigInt(-left) & 0xffff_ffffn);
  m.wrmsr(MSR.IA32_PMC0 + 1, 0n);
  m.wrmsr(MSR.IA32_PERFEVTSEL0, INT_EN_USR | 0xc0n);
  m.wrmsr(MSR.IA32_PERFEVTSEL0 + 1, (INT_EN_USR & ~(1n << 20n)) | 0xc0n);
  m.wrmsr(MSR.IA32_DEBUGCTL, debugctl);
  unmaskLvtpc(m.msrs);
  m.wrmsr(MSR.IA32_PERF_GLOBAL_CTRL, 3n);
  return m;
}

test('§10.1: freeze arithmetic over 10000 ticks, period 1000, skid 20', () => {
  const row = (handler: Handler): { totals: number[]; samples: number; overflows: number[] } => {
    const rig = new Rig(SKYLAKE, handler, E1_E2, one, { pmiLatency: SKID }).run(10_000);
    const totals = rig.totals();
    rig.run(20);
    return { totals, samples: rig.events[0]?.samples.length ?? 0, overflows: rig.pmis.map((p) => p.tick - 20) };
  };
  const carried = Array.from({ length: 10 }, (_, i) => 1000 * (i + 1));
  assert.deepEqual(row('stop-in-handler'), { totals: [10_000, 10_000], samples: 10, overflows: carried });
  assert.deepEqual(row('freeze-on-overflow'), {
    totals: [9820, 9820],
    samples: 9,
    overflows: Array.from({ length: 9 }, (_, i) => 1000 * (i + 1) + 20 * i),
  });
  assert.deepEqual(row('freeze-on-delivery'), { totals: [10_000, 10_000], samples: 10, overflows: carried });
});

test('§10.1: a second counter that overflows inside the window', () => {
  const events = [...E1_E2, { event: 0xc0, period: 1010 }];
  const free = new Rig(SKYLAKE, 'stop-in-handler', events, one, { pmiLatency: SKID }).run(1100);
  assert.deepEqual(free.pmis, [{ tick: 1020, status: 0b101n, counts: [1020, 1020, 1020] }]);
  const frozen = new Rig(SKYLAKE, 'freeze-on-overflow', events, one, { pmiLatency: SKID }).run(1100);
  assert.deepEqual(frozen.pmis, [
    { tick: 1020, status: CTR_FRZ | 0b001n, counts: [1000, 1000, 1000] },
    { tick: 1050, status: CTR_FRZ | 0b100n, counts: [1010, 1010, 1010] },
  ]);
});

test('A1: sampling does not change the count, whatever the skid', () => {
  for (const skid of [0, 1, 7, 20, 333]) {
    const latency = { unit: 'instructions', min: skid, max: skid } as const;
    const sampled = new Rig(SKYLAKE, 'stop-in-handler', E1_E2, one, { pmiLatency: latency }).run(12_345).totals();
    assert.deepEqual(sampled, [12_345, 12_345], `skid ${skid}`);
  }
});

test('A2: with freezing a counting event loses its events of [overflow, delivery), and nothing else', () => {
  for (const model of FREEZING) {
    const script = (t: number): { events: number[] } => ({ events: t % 3 === 0 ? [EV.COND, EV.COND_TAKEN] : [] });
    const events = [
      { event: 0xc0, period: 700 },
      { event: 0xc4, period: 0 },
    ];
    const rig = new Rig(model, 'freeze-on-overflow', events, script, { pmiLatency: SKID }).run(9000);
    let lost = 0;
    for (const p of rig.pmis) for (let t = p.tick - 20; t < p.tick; t++) lost += t % 3 === 0 ? 1 : 0;
    const branches = rig.totals()[1] as number;
    assert.equal(branches + lost, 3000, model.name);
    assert.ok(lost > 0);
    assert.equal(rig.machine.pmu.frozen(0xc4n)?.user, lost, 'the truth says the same');
    assert.equal(rig.machine.pmu.total(0xc4n)?.user, 3000);
  }
});

test('A3: with freezing even a single sampling event loses its own skid', () => {
  const rig = new Rig(SKYLAKE, 'freeze-on-overflow', [{ event: 0xc0, period: 1000 }], one, { pmiLatency: SKID }).run(5000);
  assert.deepEqual(rig.totals(), [5000 - 20 * rig.pmis.length]);
  assert.ok(rig.pmis.length >= 4);
});

test('A4: without freezing the others move between overflow and PMI, and GLOBAL_CTRL stays', () => {
  const m = armed(SKYLAKE, 100, 0n);
  m.run(100);
  assert.equal(m.rdmsr(MSR.IA32_PERF_GLOBAL_STATUS), 1n);
  assert.equal(m.rdmsr(MSR.IA32_PERF_GLOBAL_CTRL), 3n);
  m.run(15);
  assert.equal(m.rdmsr(MSR.IA32_PMC0 + 1), 115n);
  assert.equal(m.rdmsr(MSR.IA32_PMC0), 15n);
  m.wrmsr(MSR.IA32_PERF_GLOBAL_CTRL, 0n);
  m.run(50);
  assert.equal(m.rdmsr(MSR.IA32_PMC0 + 1), 115n);
});

test('A5: freezing is decided at the overflow; a later delivery loses more; freezing on delivery loses nothing', () => {
  const at = (skid: number, freezeOnDelivery: boolean): bigint => {
    const m = armed(SKYLAKE, 100, FREEZE_PERFMON, { pmiLatency: { unit: 'instructions', min: skid, max: skid }, freezeOnDelivery });
    let seen = -1n;
    m.onInterrupt = () => {
      seen = m.rdmsr(MSR.IA32_PMC0 + 1);
    };
    m.run(400);
    return seen;
  };
  assert.equal(at(20, false), 100n);
  assert.equal(at(200, false), 100n);
  assert.equal(at(20, true), 120n);
  assert.equal(at(200, true), 300n);
});

test('A5: an NMI that waits for the end of another enlarges the loss', () => {
  const m = armed(SKYLAKE, 100, FREEZE_PERFMON);
  let delivered = 0;
  m.onInterrupt = () => {
    delivered++;
    if (delivered === 1) m.overhead(500);
    else m.wrmsr(MSR.IA32_PERF_GLOBAL_OVF_CTRL, m.rdmsr(MSR.IA32_PERF_GLOBAL_STATUS));
  };
  m.run(90);
  m.wrmsr(MSR.IA32_X2APIC_ICR, (1n << 18n) | 0x400n); // an NMI to oneself, whose handler runs 500 instructions
  m.run(200);
  assert.equal(delivered, 2);
  assert.equal(m.pmu.frozen(0xc0n)?.user, 20);
});

test('A2: the frozen window ends at the delivery; what the handler itself retires is overhead, not loss', () => {
  for (const model of FREEZING) {
    const m = armed(model, 100, FREEZE_PERFMON);
    m.onInterrupt = () => {
      m.overhead(50);
      m.wrmsr(MSR.IA32_PERF_GLOBAL_OVF_CTRL, m.rdmsr(MSR.IA32_PERF_GLOBAL_STATUS));
      m.wrmsr(MSR.IA32_PERF_GLOBAL_CTRL, 3n);
    };
    m.run(200);
    assert.deepEqual(m.pmu.frozen(0xc0n), { user: 20, kernel: 0, overhead: 0 }, model.name);
    assert.equal(m.rdmsr(MSR.IA32_PMC0 + 1), 180n);
  }
});

test('a freeze that software ends before the delivery loses no more than until then', () => {
  for (const model of FREEZING) {
    const m = armed(model, 100, FREEZE_PERFMON);
    m.run(107);
    m.wrmsr(MSR.IA32_PERF_GLOBAL_OVF_CTRL, m.rdmsr(MSR.IA32_PERF_GLOBAL_STATUS));
    m.wrmsr(MSR.IA32_PERF_GLOBAL_CTRL, 3n);
    m.run(93);
    assert.equal(m.pmu.frozen(0xc0n)?.user, 7, model.name);
    assert.equal(m.rdmsr(MSR.IA32_PMC0 + 1), 193n);
  }
});

test('A6: freezing gives a coherent group snapshot, and wrong totals', () => {
  const snapshot = (handler: Handler): readonly number[] | undefined =>
    new Rig(SKYLAKE, handler, E1_E2, one, { pmiLatency: SKID }).run(1100).pmis[0]?.counts;
  assert.deepEqual(snapshot('stop-in-handler'), [1020, 1020]);
  assert.deepEqual(snapshot('freeze-on-overflow'), [1000, 1000]);
});

test('A7: legacy freeze clears GLOBAL_CTRL, has no status bit, and only WRMSR GLOBAL_CTRL resumes', () => {
  for (const model of [CORE2, BROADWELL]) {
    const m = armed(model, 100, FREEZE_PERFMON);
    m.run(110);
    assert.equal(m.rdmsr(MSR.IA32_PERF_GLOBAL_CTRL), 0n);
    assert.equal(m.rdmsr(MSR.IA32_PERF_GLOBAL_STATUS), 1n);
    m.wrmsr(MSR.IA32_PERF_GLOBAL_OVF_CTRL, 1n);
    m.run(40);
    assert.equal(m.rdmsr(MSR.IA32_PMC0 + 1), 100n);
    m.wrmsr(MSR.IA32_PERF_GLOBAL_CTRL, 3n);
    m.run(5);
    assert.equal(m.rdmsr(MSR.IA32_PMC0 + 1), 105n);
  }
});

test('A7: streamlined freeze keeps GLOBAL_CTRL, sets CTR_FRZ, and its acknowledgement resumes at once', () => {
  const m = armed(SKYLAKE, 100, FREEZE_PERFMON);
  m.run(110);
  assert.equal(m.rdmsr(MSR.IA32_PERF_GLOBAL_CTRL), 3n);
  assert.equal(m.rdmsr(MSR.IA32_PERF_GLOBAL_STATUS), CTR_FRZ | 1n);
  m.wrmsr(MSR.IA32_PERF_GLOBAL_OVF_CTRL, CTR_FRZ);
  m.run(5);
  assert.equal(m.rdmsr(MSR.IA32_PMC0 + 1), 105n);
});

test('A8: acknowledging the overflow bits without CTR_FRZ leaves everything frozen', () => {
  const m = armed(SKYLAKE, 100, FREEZE_PERFMON);
  m.run(110);
  m.wrmsr(MSR.IA32_PERF_GLOBAL_OVF_CTRL, 1n);
  m.run(30);
  assert.equal(m.rdmsr(MSR.IA32_PERF_GLOBAL_STATUS), CTR_FRZ);
  assert.equal(m.rdmsr(MSR.IA32_PMC0 + 1), 100n);
});

test('A9: RDMSR 38EH, WRMSR 390H with that value is the complete resume sequence', () => {
  const m = armed(SKYLAKE, 100, FREEZE_PERFMON | FREEZE_LBRS | 1n);
  m.onInterrupt = () => m.wrmsr(MSR.IA32_PERF_GLOBAL_OVF_CTRL, m.rdmsr(MSR.IA32_PERF_GLOBAL_STATUS));
  m.run(150);
  assert.equal(m.rdmsr(MSR.IA32_PERF_GLOBAL_STATUS), 0n);
  assert.equal(m.rdmsr(MSR.IA32_PMC0 + 1), 130n);
});

test('A9: a PMI that arrives before LVTPC is unmasked is gone, so the v4 handler unmasks first and acknowledges last', () => {
  const ackFirst = (first: boolean): number => {
    const m = armed(SKYLAKE, 100, FREEZE_PERFMON, { pmiLatency: { unit: 'instructions', min: 0, max: 0 } });
    m.wrmsr(MSR.IA32_PERFEVTSEL0, 0x53_00c0n); // user and kernel, so that the handler's own instructions overflow it
    let n = 0;
    m.onInterrupt = () => {
      n++;
      m.wrmsr(MSR.IA32_PMC0, 0xffff_fffdn);
      const ack = (): void => m.wrmsr(MSR.IA32_PERF_GLOBAL_OVF_CTRL, m.rdmsr(MSR.IA32_PERF_GLOBAL_STATUS));
      if (n > 3) return;
      if (!first) unmaskLvtpc(m.msrs);
      ack();
      m.overhead(10);
      if (first) unmaskLvtpc(m.msrs);
    };
    m.run(101);
    return n;
  };
  assert.equal(ackFirst(true), 1);
  assert.equal(ackFirst(false), 4);
});

test('A10: delivery sets the LVTPC mask; a handler that does not unmask gets no second PMI, though STATUS collects', () => {
  const m = armed(SKYLAKE, 100, 0n);
  let n = 0;
  m.onInterrupt = () => {
    n++;
    m.wrmsr(MSR.IA32_PERF_GLOBAL_OVF_CTRL, 1n);
    m.wrmsr(MSR.IA32_PMC0, 0xffff_ff9cn);
  };
  m.run(1000);
  assert.equal(n, 1);
  assert.equal(m.rdmsr(MSR.IA32_X2APIC_LVT_PMI), 0x1_0400n);
  assert.equal(m.rdmsr(MSR.IA32_PERF_GLOBAL_STATUS), 1n);
  assert.equal(m.apic.pmiStatistics().dropped, 1);
});

test('A11: an overflow without INT sets STATUS, raises no PMI and freezes nothing', () => {
  for (const model of FREEZING) {
    const m = armed(model, 100, FREEZE_PERFMON);
    m.onInterrupt = () => assert.fail('a PMI');
    m.wrmsr(MSR.IA32_PERFEVTSEL0, (INT_EN_USR & ~(1n << 20n)) | 0xc0n);
    m.run(200);
    assert.equal(m.rdmsr(MSR.IA32_PERF_GLOBAL_STATUS), 1n);
    assert.equal(m.rdmsr(MSR.IA32_PERF_GLOBAL_CTRL), 3n);
    assert.equal(m.rdmsr(MSR.IA32_PMC0), 100n);
  }
});

test('A12: two overflows inside the skid window: one PMI, two STATUS bits', () => {
  const m = armed(SKYLAKE, 100, 0n);
  m.wrmsr(MSR.IA32_PERFEVTSEL0 + 1, INT_EN_USR | 0xc0n);
  m.wrmsr(MSR.IA32_PMC0 + 1, 0xffff_ff92n); // 110 before overflow
  const seen: bigint[] = [];
  m.onInterrupt = () => {
    seen.push(m.rdmsr(MSR.IA32_PERF_GLOBAL_STATUS));
    m.wrmsr(MSR.IA32_PERF_GLOBAL_OVF_CTRL, 3n);
    unmaskLvtpc(m.msrs);
  };
  m.run(500);
  assert.deepEqual(seen, [3n]);
  assert.equal(m.apic.pmiStatistics().merged, 1);
});

test('A12: a PMI that was queued behind another finds STATUS 0', () => {
  const m = armed(SKYLAKE, 100, 0n);
  m.wrmsr(MSR.IA32_PERFEVTSEL0 + 1, 0x53_00c0n);
  const seen: bigint[] = [];
  m.onInterrupt = () => {
    if (seen.length === 0) {
      m.wrmsr(MSR.IA32_PMC0 + 1, 0xffff_fffbn); // overflows in the handler, which has unmasked LVTPC early
      unmaskLvtpc(m.msrs);
      m.overhead(30);
    }
    seen.push(m.rdmsr(MSR.IA32_PERF_GLOBAL_STATUS));
    m.wrmsr(MSR.IA32_PERF_GLOBAL_OVF_CTRL, 3n);
  };
  m.run(500);
  assert.deepEqual(seen, [3n, 0n]);
});

test('A13: FREEZE_LBRS_ON_PMI clears DEBUGCTL.LBR (legacy) or sets LBR_FRZ with DEBUGCTL intact (streamlined), at the overflow', () => {
  const legacy = armed(BROADWELL, 100, FREEZE_LBRS | 1n);
  legacy.run(99);
  assert.equal(legacy.rdmsr(MSR.IA32_DEBUGCTL), FREEZE_LBRS | 1n);
  legacy.run(1);
  assert.equal(legacy.rdmsr(MSR.IA32_DEBUGCTL), FREEZE_LBRS);
  const v4 = armed(SKYLAKE, 100, FREEZE_LBRS | 1n);
  v4.run(100);
  assert.equal(v4.rdmsr(MSR.IA32_DEBUGCTL), FREEZE_LBRS | 1n);
  assert.equal(v4.rdmsr(MSR.IA32_PERF_GLOBAL_STATUS), LBR_FRZ | 1n);
  v4.run(10);
  assert.equal(v4.rdmsr(MSR.IA32_PMC0 + 1), 110n, 'counters are not frozen by it');
  v4.wrmsr(MSR.IA32_PERF_GLOBAL_OVF_CTRL, LBR_FRZ);
  assert.equal(v4.rdmsr(MSR.IA32_PERF_GLOBAL_STATUS), 1n);
});

test('A16: the overshoot is carried, so the number of samples is floor(total / period) for any skid below the period', () => {
  for (const skid of [0, 1, 99, 400]) {
    const latency = { unit: 'instructions', min: skid, max: skid } as const;
    const rig = new Rig(SKYLAKE, 'stop-in-handler', E1_E2, one, { pmiLatency: latency }).run(10_000 + skid);
    assert.equal(rig.events[0]?.samples.length, 10, `skid ${skid}`);
  }
});

test('A17, §10.2: set_period, and a counter overflows after exactly what it was set to', () => {
  const table = [
    [400, 400, false],
    [0, 1000, true],
    [-20, 980, true],
    [-1000, 1000, true],
    [-2500, 1000, true],
    [1, 2, false],
  ] as const;
  for (const [before, programmed, sample] of table) {
    assert.deepEqual(setPeriod(before, 1000), { left: programmed, elapsed: sample }, `left ${before}`);
    const m = armed(SKYLAKE, programmed, 0n);
    m.run(programmed - 1);
    assert.equal(m.rdmsr(MSR.IA32_PERF_GLOBAL_STATUS), 0n);
    m.run(1);
    assert.equal(m.rdmsr(MSR.IA32_PERF_GLOBAL_STATUS), 1n);
  }
});

test('A18: a counting event takes a PMI at the greatest period and loses nothing', () => {
  const events = [{ event: 0xc0, period: 0 }];
  const rig = new Rig(CORE2, 'stop-in-handler', events, one, { pmiLatency: SKID });
  rig.run(100);
  rig.machine.wrmsr(MSR.IA32_PMC0, 0xffff_ff38n); // as if the 2^31-1 were nearly over: 200 left
  rig.run(400);
  assert.equal(rig.pmis.length, 1);
  assert.equal(rig.machine.rdmsr(MSR.IA32_PERF_GLOBAL_STATUS), 0n);
});

test('A23: a kernel counter sees the NMI entry and exit, not what lies between GLOBAL_CTRL=0 and its restore', () => {
  const m = armed(SKYLAKE, 100, 0n);
  m.wrmsr(MSR.IA32_PERFEVTSEL0 + 1, 0x42_00c0n); // PMC1: kernel
  m.onInterrupt = () => {
    m.overhead(7);
    m.wrmsr(MSR.IA32_PERF_GLOBAL_CTRL, 0n);
    m.overhead(1000);
    m.wrmsr(MSR.IA32_PERF_GLOBAL_CTRL, 3n);
    m.overhead(5);
  };
  m.run(300);
  assert.equal(m.rdmsr(MSR.IA32_PMC0 + 1), 12n);
  assert.deepEqual(m.pmu.total(0xc0n), { user: 300, kernel: 0, overhead: 1012 });
});

test('A24: on version 1 nothing stops the counters, so a kernel counter counts the handler', async () => {
  const { YONAH } = await import('#arch/cpu-models/yonah.ts');
  const m = new TickMachine(YONAH, one, { pmiLatency: SKID });
  m.wrmsr(MSR.IA32_PMC0, 0xffff_ff9cn);
  m.wrmsr(MSR.IA32_PERFEVTSEL0, INT_EN_USR | 0xc0n);
  m.wrmsr(MSR.IA32_PERFEVTSEL0 + 1, 0x42_00c0n);
  unmaskLvtpc(m.msrs);
  m.onInterrupt = () => m.overhead(250);
  m.run(200);
  assert.equal(m.rdmsr(MSR.IA32_PMC0 + 1), 250n);
  assert.equal(m.pmu.total(0xc0n)?.overhead, 250);
});

test('measuring never steers: TSC leaves out what overhead retires, counters do not', () => {
  const m = new TickMachine(SKYLAKE, () => ({ slots: 4 }));
  m.run(100);
  assert.equal(m.clock.tsc(), 100);
  for (let i = 0; i < 50; i++) m.retireTick({ mode: MODE.OVERHEAD, slots: 4 });
  assert.equal(m.clock.tsc(), 100);
  assert.deepEqual(m.pmu.total(0x3cn), { user: 100, kernel: 0, overhead: 50 });
});
