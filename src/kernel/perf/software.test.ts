/** Software events that sample: clocks by perf's timer, happenings by count. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PERF_SAMPLE } from '#abi/perf-event/sample.ts';
import { MODE } from '#machine/retire.ts';
import { TickBench } from '#system/testing/tick-bench.ts';
import { type AttrValues, makeAttr } from './attr.ts';
import type { PerfEvent } from './event.ts';

const CPU_CLOCK = 0n;
const TASK_CLOCK = 1n;
const PAGE_FAULTS = 2n;
const software = (config: bigint, values: AttrValues = {}) => makeAttr({ ...values, type: 1, config });
/** Ticks of 2000 slots: 500 cycles. */
const SLOW = { slots: 2000 } as const;
const times = (bench: TickBench, event: PerfEvent): number[] => bench.samples(event).map((s) => s.timeNs);

test('a clock samples every so many ns of its task, to the instruction, and moves no clock itself', () => {
  const bench = new TickBench({ script: () => SLOW, entry: [50, 50] });
  const quiet = new TickBench({ script: () => SLOW });
  for (const b of [bench, quiet]) b.switchTo(b.task());
  const task = bench.task();
  const event = bench.open(task, software(TASK_CLOCK, { sample_period: 20_000n }));
  bench.switchTo(task);
  const start = bench.read(event).timeEnabledNs;
  for (const b of [bench, quiet]) b.machine.run(1000);
  const at = times(bench, event);
  assert.ok(at.length >= 5);
  for (const [i, t] of at.entries()) assert.ok(t - start >= 20_000 * (i + 1) && t - start < 20_000 * (i + 1) + 200, `sample ${i} at ${t}`);
  assert.equal(bench.machine.clock.tsc(), quiet.machine.clock.tsc());
  assert.equal(bench.perf.account(event).samples.imbalance, 0);
});

test('a frequency is a period; below 10 µs the timer does not go', () => {
  const bench = new TickBench({ script: () => SLOW });
  const task = bench.task();
  const byFrequency = bench.open(task, software(CPU_CLOCK, { sample_period: 50_000n, flags: { freq: true } }));
  const tooFast = bench.open(task, software(CPU_CLOCK, { sample_period: 100n }));
  assert.equal(byFrequency.hw.samplePeriod, 20_000n);
  bench.switchTo(task);
  bench.machine.run(1000);
  const [slow, fast] = [times(bench, byFrequency), times(bench, tooFast)];
  assert.ok(Math.abs(fast.length - 2 * slow.length) <= 1, `${fast.length} and ${slow.length}`);
  assert.ok((fast[2] as number) - (fast[1] as number) >= 9_800);
});

test('what was left of a period when the task left is what it has to wait when it comes back', () => {
  const bench = new TickBench({ script: () => SLOW });
  const [task, other] = [bench.task(), bench.task()];
  const event = bench.open(task, software(TASK_CLOCK, { sample_period: 50_000n }));
  const half = Math.ceil((0.8 * 50_000 * bench.machine.clock.tscHz) / 1e9 / 500);
  bench.runTask(task, half);
  bench.runTask(other, 10 * half);
  assert.equal(bench.samples(event).length, 0);
  bench.runTask(task, half);
  assert.equal(bench.samples(event).length, 1);
});

test('a clock of user mode takes no sample in the kernel, and counts all the same', () => {
  const bench = new TickBench({ script: () => ({ ...SLOW, mode: MODE.KERNEL }) });
  const task = bench.task();
  const event = bench.open(task, software(TASK_CLOCK, { sample_period: 20_000n, flags: { exclude_kernel: true } }));
  bench.runTask(task, 1000);
  assert.equal(bench.samples(event).length, 0);
  assert.equal(bench.count(event), bench.read(event).timeRunningNs);
});

test('a throttled clock stands still until the tick; the ledger has the stretch', () => {
  const bench = new TickBench({ script: () => SLOW, maxSampleRate: 1000 }); // 4 a tick
  const task = bench.task();
  const event = bench.open(task, software(CPU_CLOCK, { sample_period: 10_000n }));
  bench.switchTo(task);
  bench.machine.run(1000);
  assert.equal(bench.samples(event).length, 4);
  bench.perf.tick(bench.cpu);
  bench.machine.run(300);
  assert.ok(bench.samples(event).length > 0);
  bench.read(event);
  const account = bench.perf.account(event);
  assert.ok(account.lost.throttled > 0);
  assert.equal(account.imbalance, 0);
});

test('page faults: every n-th, or with PERIOD every one of them, each of the period 1', () => {
  const bench = new TickBench();
  const task = bench.task();
  const third = bench.open(task, software(PAGE_FAULTS, { sample_period: 3n }));
  const each = bench.open(task, software(PAGE_FAULTS, { sample_period: 3n, sample_type: PERF_SAMPLE.PERIOD }));
  bench.switchTo(task);
  for (let i = 0; i < 10; i++) bench.perf.pageFault(task, 0x1000, false, { rip: 1n, cpl: 3, rflags: 0n, rsp: 0n });
  assert.equal(bench.samples(third).length, 3);
  assert.deepEqual(
    bench.samples(each).map((s) => s.period),
    Array.from({ length: 10 }, () => 1n),
  );
});
