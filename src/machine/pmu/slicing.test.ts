/** Nothing may depend on how execution is cut into slices: counters, overflow points, cycle conditions, PMI points. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CORE2 } from '#arch/cpu-models/core2.ts';
import { ICELAKE } from '#arch/cpu-models/icelake.ts';
import type { CpuModel } from '#arch/cpu-models/model.ts';
import { SKYLAKE } from '#arch/cpu-models/skylake.ts';
import { MSR } from '#arch/msr.ts';
import { Rng } from '#base/rng.ts';
import { EV, MODE } from '../retire.ts';
import { type Tick, TickMachine } from '../testing/tick-machine.ts';
import { unmaskLvtpc } from '../testing/tiny-driver.ts';

/** A program of `n` random instructions: both rings, loads, stores, branches of every kind, long ones, REPs. */
function program(seed: number, n: number): readonly Tick[] {
  const rng = new Rng(seed);
  let kernel = false;
  return Array.from({ length: n }, () => {
    if (rng.between(0, 40) === 0) kernel = !kernel;
    const mode = kernel ? MODE.KERNEL : MODE.USER;
    const kind = rng.between(0, 20);
    if (kind === 0) return { mode, slots: 3, rep: rng.between(0, 300) };
    if (kind === 1) return { mode, slots: rng.between(40, 90) };
    if (kind < 5) return { mode, slots: 3, events: [EV.LOADS, EV.LOADS, EV.STORES] };
    if (kind < 8) return { mode, slots: 3, events: kind === 5 ? [EV.COND] : [EV.COND, EV.COND_TAKEN] };
    if (kind < 10) return { mode, slots: 3, events: [[EV.CALL, EV.STORES] as const, [EV.RET, EV.LOADS] as const][kind - 8] ?? [] };
    return { mode, slots: rng.between(1, 2) };
  });
}

/** Four counters with their overflows logged at (tick, retired instructions, retired slots, loads) and the final values. */
function observe(
  model: CpuModel,
  ticks: readonly Tick[],
  selects: readonly bigint[],
  periods: readonly number[],
  slice: () => number,
): unknown {
  const m = new TickMachine(model, (t) => ticks[t] ?? {}, { slice, pmiLatency: { unit: 'cycles', min: 3, max: 90 }, seed: 5 });
  const reload = (i: number): void => m.wrmsr(MSR.IA32_PMC0 + i, BigInt(-(periods[i] as number)) & 0xffff_ffffn);
  for (const [i, s] of selects.entries()) {
    reload(i);
    m.wrmsr(MSR.IA32_PERFEVTSEL0 + i, s | 0x50_0000n);
  }
  unmaskLvtpc(m.msrs);
  m.wrmsr(MSR.IA32_PERF_GLOBAL_CTRL, (1n << BigInt(selects.length)) - 1n);
  const log: unknown[] = [];
  m.onInterrupt = () => {
    const status = m.rdmsr(MSR.IA32_PERF_GLOBAL_STATUS);
    const values = selects.map((_, i) => m.rdmsr(MSR.IA32_PMC0 + i));
    log.push([m.ticks, status, ...values, m.retire.sum(EV.SLOTS), m.retire.sum(EV.LOADS)]);
    m.wrmsr(MSR.IA32_PERF_GLOBAL_OVF_CTRL, status);
    for (let i = 0; i < selects.length; i++) if (((status >> BigInt(i)) & 1n) !== 0n) reload(i);
    unmaskLvtpc(m.msrs);
  };
  m.run(ticks.length);
  return { log, final: selects.map((_, i) => m.rdmsr(MSR.IA32_PMC0 + i)), totals: [...m.retire.totals] };
}

const USR = 1n << 16n;
const OS = 1n << 17n;
const SETS: readonly {
  readonly name: string;
  readonly model: CpuModel;
  readonly selects: readonly bigint[];
  readonly periods: number[];
}[] = [
  { name: 'plain', model: SKYLAKE, selects: [0xc0n | USR, 0xc4n | USR | OS, 0x20c4n | OS, 0x10c4n | USR], periods: [100, 37, 23, 11] },
  { name: 'accesses', model: SKYLAKE, selects: [0x81d0n | USR, 0x82d0n | USR | OS, 0x83d0n | OS, 0xc0n], periods: [500, 333, 90, 50] },
  { name: 'clocks', model: SKYLAKE, selects: [0x3cn | USR, 0x3cn | USR | OS, 0x13cn | USR | OS, 0x3cn | OS], periods: [211, 500, 3, 77] },
  { name: 'slots', model: ICELAKE, selects: [0x1a4n | USR, 0x1a4n | USR | OS, 0x80c4n | USR, 0xc0n | OS], periods: [300, 999, 50, 12] },
];

test('the same overflows, PMIs, values and totals for every slicing', () => {
  for (const set of SETS) {
    for (const seed of [1, 2, 3]) {
      const ticks = program(seed, 3000);
      const reference = observe(set.model, ticks, set.selects, set.periods, () => 1);
      assert.ok((reference as { log: unknown[] }).log.length > 10, `${set.name}: too few PMIs to mean anything`);
      const rng = new Rng(seed);
      assert.deepEqual(
        observe(set.model, ticks, set.selects, set.periods, () => Number.POSITIVE_INFINITY),
        reference,
        set.name,
      );
      assert.deepEqual(
        observe(set.model, ticks, set.selects, set.periods, () => rng.between(1, 50)),
        reference,
        set.name,
      );
    }
  }
});

test('a counter of accesses overflows at its iteration of a REP', () => {
  const reps: readonly Tick[] = Array.from({ length: 300 }, (_, i) => ({ slots: 3, rep: (i * 37) % 500 }));
  const selects = [0x81d0n | USR, 0x82d0n | USR];
  const reference = observe(SKYLAKE, reps, selects, [1000, 77], () => 1);
  assert.deepEqual(
    observe(SKYLAKE, reps, selects, [1000, 77], () => Number.POSITIVE_INFINITY),
    reference,
  );
});

test('totals equal an independent count of the script', () => {
  const ticks = program(9, 5000);
  const m = new TickMachine(SKYLAKE, (t) => ticks[t] ?? {});
  m.run(ticks.length);
  const count = (mode: number, of: (t: Tick) => number): number => ticks.filter((t) => t.mode === mode).reduce((n, t) => n + of(t), 0);
  const has = (t: Tick, ev: number): number => (t.events ?? []).filter((e) => e === ev).length;
  for (const [select, of] of [
    [0xc0n, () => 1],
    [0x81d0n, (t: Tick) => has(t, EV.LOADS) + (t.rep ?? 0)],
    [0x10c4n, (t: Tick) => has(t, EV.COND) - has(t, EV.COND_TAKEN)],
    [0x02c4n, (t: Tick) => has(t, EV.CALL)],
  ] as const) {
    assert.deepEqual(m.pmu.total(select), { user: count(MODE.USER, of), kernel: count(MODE.KERNEL, of), overhead: 0 });
  }
  const slots = (t: Tick): number => (t.slots ?? 1) + (t.rep ?? 0) * SKYLAKE.costs.repIteration;
  assert.equal(m.pmu.total(0x3cn)?.user, Math.floor(count(MODE.USER, slots) / SKYLAKE.costs.slotsPerCycle));
});

/** Per ring: cycle → events that retired in it, straight from docs/cycles.md. */
function cycles(ticks: readonly Tick[], mode: number, width: number, event: (t: Tick) => number): number[] {
  const out: number[] = [];
  let slots = 0;
  for (const t of ticks.filter((x) => x.mode === mode)) {
    slots += t.slots ?? 1;
    const cycle = Math.floor((slots - 1) / width);
    while (out.length <= cycle) out.push(0);
    out[cycle] = (out[cycle] as number) + event(t);
  }
  return slots % width === 0 ? out : out.slice(0, -1);
}

test('CMASK, INV and EDGE agree with a list of cycles', () => {
  const ticks = program(4, 2500).map((t) => (t.rep === undefined ? t : { ...t, rep: 0 }));
  for (const model of [SKYLAKE, CORE2]) {
    for (const [cmask, inv, edge] of [
      [1, 0, 0],
      [2, 0, 0],
      [1, 1, 0],
      [2, 1, 1],
      [1, 0, 1],
      [0, 0, 1],
      [0, 1, 0],
    ] as const) {
      const select = 0xc0n | USR | (BigInt(cmask) << 24n) | (BigInt(inv) << 23n) | (BigInt(edge) << 18n) | (1n << 22n);
      const m = new TickMachine(model, (t) => ticks[t] ?? {});
      m.wrmsr(MSR.IA32_PERFEVTSEL0, select);
      m.run(ticks.length);
      const list = cycles(ticks, MODE.USER, model.costs.slotsPerCycle, () => 1);
      const holds = list.map((n) => (cmask === 0 && edge === 0 ? n > 0 : n >= Math.max(cmask, 1) !== (inv === 1 && cmask > 0)));
      const rising = holds.filter((h, i) => h && !(holds[i - 1] ?? false)).length;
      const plain = ticks.filter((t) => t.mode === MODE.USER).length;
      const expected = edge === 1 ? rising : cmask === 0 ? plain : holds.filter((h) => h).length;
      assert.equal(m.rdmsr(MSR.IA32_PMC0), BigInt(expected), `${model.name} cmask=${cmask} inv=${inv} edge=${edge}`);
    }
  }
});

test('a cycle condition overflows at its instruction', () => {
  const ticks = program(6, 2000).map((t) => (t.rep === undefined ? t : { ...t, rep: 0 }));
  const select = [0xc0n | USR | (2n << 24n), 0xc4n | USR | OS | (1n << 24n) | (1n << 18n)];
  const reference = observe(SKYLAKE, ticks, select, [100, 40], () => 1);
  assert.deepEqual(
    observe(SKYLAKE, ticks, select, [100, 40], () => Number.POSITIVE_INFINITY),
    reference,
  );
});

test('a counting session runs in long slices', () => {
  const m = new TickMachine(SKYLAKE, () => ({ slots: 1, events: [EV.LOADS] }));
  m.wrmsr(MSR.IA32_PERFEVTSEL0, 0x41_00c0n);
  m.wrmsr(MSR.IA32_PERFEVTSEL0 + 1, 0x41_81d0n);
  m.wrmsr(MSR.IA32_PERF_GLOBAL_CTRL, 3n);
  m.run(300_000);
  assert.equal(m.slices, 5);
});
