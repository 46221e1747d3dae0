/** Throttling and frequency mode (spec §2.6) on the real PMU block. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hardware, TickBench } from '#system/testing/tick-bench.ts';
import { makeAttr } from './attr.ts';
import { startPeriod } from './frequency.ts';

/** A tick's instructions at one a cycle would take too long here: the bench ticks when it is told. */
const tick = (bench: TickBench): void => bench.perf.tick(bench.cpu);

test('more samples than the rate allows in a tick: stopped, the loss booked, on again at the next', () => {
  for (const handler of ['stop-in-handler', 'freeze-on-overflow']) {
    const bench = new TickBench({ handler, maxSampleRate: 2500 }); // 10 a tick
    const task = bench.task();
    const event = bench.open(task, hardware('instructions', { sample_period: 100n }));
    const beside = bench.open(task, hardware('instructions'));
    bench.switchTo(task);
    bench.machine.run(5000);
    assert.equal(bench.samples(event).length, 10, handler);
    assert.equal(event.hw.throttled, true);
    tick(bench);
    assert.equal(event.hw.throttled, false);
    bench.machine.run(300);
    assert.ok(bench.samples(event).length >= 2);
    bench.switchTo(undefined);
    bench.perf.closeBooks();
    for (const e of [event, beside]) {
      bench.read(e);
      const account = bench.perf.account(e);
      assert.equal(account.imbalance, 0);
      assert.equal(account.samples.imbalance, 0);
      assert.equal(account.lost.throttled > 3000, e === event);
    }
  }
});

test('coming back after a switch unthrottles', () => {
  const bench = new TickBench({ maxSampleRate: 1000 });
  const task = bench.task();
  const event = bench.open(task, hardware('instructions', { sample_period: 100n }));
  bench.runTask(task, 2000);
  assert.equal(event.hw.throttled, true);
  bench.runTask(task, 150);
  assert.equal(event.hw.throttled, false);
});

test('the period moves an eighth of the way to what would have given the frequency', () => {
  const bench = new TickBench();
  const task = bench.task();
  const event = bench.open(task, hardware('instructions', { sample_period: 1000n, flags: { freq: true } }));
  assert.equal(event.hw.samplePeriod, 499_999n);
  bench.switchTo(task);
  bench.machine.run(8000);
  tick(bench);
  // 8000 instructions in 4 ms are 2,000,000 a second: 2000 would be right; (2000 - 499999 - 7) / 8 = -62250.
  assert.equal(event.hw.samplePeriod, 499_999n - 62_250n);
  bench.switchTo(undefined);
});

test('first periods', () => {
  const period = (config: bigint, hz: bigint): bigint => startPeriod(makeAttr({ config, sample_period: hz, flags: { freq: true } }));
  assert.equal(period(0n, 4000n), 124_999n);
  assert.equal(period(4n, 4000n), 24_999n);
  assert.equal(period(5n, 4000n), 124n);
  assert.equal(period(5n, 1_000_000n), 1n);
});
