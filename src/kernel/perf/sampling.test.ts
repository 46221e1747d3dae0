/** Rows of spec §8A that fall to software, and §10.1, through the perf core on the real PMU block. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PERF_FORMAT, PERF_SAMPLE } from '#abi/perf-event/sample.ts';
import { NEHALEM } from '#arch/cpu-models/nehalem.ts';
import { YONAH } from '#arch/cpu-models/yonah.ts';
import { MODE } from '#machine/retire.ts';
import { hardware, TickBench } from '#system/testing/tick-bench.ts';
import { makeAttr } from './attr.ts';
import type { PerfEvent } from './event.ts';

const HANDLERS = ['stop-in-handler', 'freeze-on-overflow', 'freeze-on-delivery'] as const;

/** Both sides of the equation, for events and samples. */
function assertBalanced(bench: TickBench, ...events: PerfEvent[]): void {
  bench.perf.closeBooks();
  for (const event of events) {
    bench.read(event);
    const account = bench.perf.account(event);
    assert.equal(account.imbalance, 0, `ledger of event ${event.id}`);
    assert.equal(account.samples.imbalance, 0, `sample book of event ${event.id}`);
    assert.equal(BigInt(account.counted), event.totalCount);
  }
}

for (const [handler, samples, total] of [
  ['stop-in-handler', 10, 10000],
  ['freeze-on-overflow', 9, 9820],
  ['freeze-on-delivery', 10, 10000],
] as const) {
  test(`§10.1: freeze arithmetic, ${handler}`, () => {
    const bench = new TickBench({ handler, skid: 20 });
    const task = bench.task();
    const e1 = bench.open(task, hardware('instructions', { sample_period: 1000n }));
    const e2 = bench.open(task, hardware('instructions'));
    bench.switchTo(task);
    bench.machine.run(10_000);
    assert.equal(bench.count(e1), total);
    assert.equal(bench.count(e2), total);
    bench.machine.run(20); // the event stays enabled for the last skid
    assert.equal(bench.samples(e1).length, samples);
    bench.switchTo(undefined);
    assertBalanced(bench, e1, e2);
    assert.equal(bench.perf.account(e2).lost.frozen, 10_020 - bench.count(e2));
  });
}

test('A1, A2: sampling changes neither its own count nor that of an event beside it, whatever the skid', () => {
  for (const skid of [0, 7, 100, 1500, 5000]) {
    const bench = new TickBench({ skid });
    const task = bench.task();
    const sampling = bench.open(task, hardware('instructions', { sample_period: 1000n }));
    const counting = bench.open(task, hardware('instructions'));
    bench.runTask(task, 20_000);
    assert.equal(bench.count(sampling), 20_000, `skid ${skid}`);
    assert.equal(bench.count(counting), 20_000, `skid ${skid}`);
    assertBalanced(bench, sampling, counting);
  }
});

test('A2, A3: with freezing the loss is the ledger’s, on streamlined and on legacy hardware', () => {
  for (const model of [undefined, NEHALEM]) {
    const bench = new TickBench({ handler: 'freeze-on-overflow', skid: 33, ...(model === undefined ? {} : { model }) });
    const task = bench.task();
    const sampling = bench.open(task, hardware('instructions', { sample_period: 777n }));
    const counting = bench.open(task, hardware('instructions'));
    bench.runTask(task, 20_000);
    for (const event of [sampling, counting]) {
      assert.equal(bench.perf.account(event).true, 20_000);
      assert.equal(bench.perf.account(event).lost.frozen, 20_000 - bench.count(event));
      assert.ok(bench.count(event) < 20_000);
    }
    assertBalanced(bench, sampling, counting);
  }
});

test('A16: the overshoot is carried; a sched-out inside the skid window eats a sample', () => {
  const bench = new TickBench({ skid: 20 });
  const task = bench.task();
  const event = bench.open(task, hardware('instructions', { sample_period: 1000n }));
  bench.runTask(task, 10_000); // the tenth PMI finds the counter inactive
  assert.equal(bench.samples(event).length, 9);
  bench.perf.closeBooks();
  const book = bench.perf.account(event).samples;
  assert.deepEqual([book.due, book.delivered, book.lost['sched-out']], [10, 9, 1]);
  assert.equal(bench.count(event), 10_000);
});

test('A16: a task that goes and comes back in the skid window loses the sample, not the count', () => {
  const bench = new TickBench({ skid: 20 });
  const [task, other] = [bench.task(), bench.task()];
  const event = bench.open(task, hardware('instructions', { sample_period: 1000n }));
  for (let i = 0; i < 5; i++) {
    bench.switchTo(task);
    bench.machine.run(1005);
    bench.switchTo(other);
    bench.machine.run(100);
  }
  bench.switchTo(undefined);
  assert.equal(bench.count(event), 5025);
  assertBalanced(bench, event);
  assert.ok(bench.perf.account(event).samples.lost['sched-out'] > 0);
});

test('A17: a period overshot by more than one period is dropped, never multiplied; the count stays right', () => {
  const bench = new TickBench({ skid: 450 });
  const task = bench.task();
  const event = bench.open(task, hardware('instructions', { sample_period: 100n }));
  bench.switchTo(task);
  bench.machine.run(10_000);
  bench.switchTo(undefined);
  assert.equal(bench.count(event), 10_000);
  assertBalanced(bench, event);
  const book = bench.perf.account(event).samples;
  assert.ok(book.lost['skipped period'] >= 3 * book.delivered);
  assert.ok(book.delivered > 10);
});

test('A18: a counting event takes PMIs at the largest period and emits no sample', () => {
  // 32-bit writes: the largest period is 2^31-1 slots here, reached by few expensive instructions.
  const bench = new TickBench({ model: YONAH, script: () => ({ slots: 3_000_000 }) });
  const task = bench.task();
  const event = bench.open(task, hardware('cycles'));
  bench.runTask(task, 5000);
  assert.equal(bench.count(event), 5_000_000_000);
  assert.ok(bench.perf.pmis.served >= 2);
  assert.equal(event.ring, undefined);
  assertBalanced(bench, event);
});

test('A19: time_running equals time_enabled without multiplexing', () => {
  const bench = new TickBench();
  const task = bench.task();
  const event = bench.open(task, hardware('instructions', { sample_period: 100n }));
  bench.runTask(task, 50_000);
  const read = bench.read(event);
  assert.ok(read.timeEnabledNs > 0);
  assert.equal(read.timeRunningNs, read.timeEnabledNs);
});

test('A6: siblings in a sample: freezing shows the overflow instant, running on shows the skid too', () => {
  const seen = (handler: string): (bigint | undefined)[] => {
    const bench = new TickBench({ handler, skid: 20 });
    const task = bench.task();
    const leader = bench.open(
      task,
      hardware('instructions', { sample_period: 1000n, sample_type: PERF_SAMPLE.READ, read_format: PERF_FORMAT.GROUP }),
    );
    bench.open(task, hardware('instructions'), leader);
    bench.runTask(task, 1500);
    return bench.samples(leader)[0]?.read?.values.map((v) => v.value) ?? [];
  };
  assert.deepEqual(seen('stop-in-handler'), [1020n, 1020n]);
  assert.deepEqual(seen('freeze-on-overflow'), [1000n, 1000n]);
});

test('A12: two overflows in one skid window are both handled by the first PMI', () => {
  const bench = new TickBench({ skid: 20 });
  const task = bench.task();
  const e1 = bench.open(task, hardware('instructions', { sample_period: 1000n }));
  const e3 = bench.open(task, hardware('instructions', { sample_period: 1010n }));
  bench.switchTo(task);
  bench.machine.run(1100);
  assert.equal(bench.samples(e1).length, 1);
  assert.equal(bench.samples(e3).length, 1);
  assert.equal(bench.perf.pmis.served - bench.perf.pmis.spurious, 1);
});

test('A23: a kernel event counts the NMI up to GLOBAL_CTRL=0 and from its restore, and nothing between', () => {
  const kernel = { flags: { exclude_kernel: false } } as const;
  const residue = (accessBefore: number): number => {
    const bench = new TickBench({ skid: 20, entry: [30, 11], access: [accessBefore, 3] });
    const task = bench.task();
    const sampling = bench.open(task, hardware('instructions', { sample_period: 1000n }));
    const counting = bench.open(task, hardware('instructions', kernel));
    bench.switchTo(task);
    bench.machine.run(1500);
    bench.switchTo(undefined);
    assertBalanced(bench, sampling, counting);
    const account = bench.perf.account(counting);
    assert.equal(account.counted - account.over, 1500);
    assert.ok(account.overhead > account.over, 'most of the handler is not counted');
    return account.over;
  };
  // Entry and the way to the first register access, the restoring write's way out and the late ack, exit; two accesses more at the switches.
  assert.ok(residue(5) > 30 + 11);
  assert.ok(residue(6) > residue(5));
});

test('A24: on version 1 nothing stops the counters: the handler is counted, and what it overwrites is lost in it', () => {
  const kernel = { flags: { exclude_kernel: false } } as const;
  const bench = new TickBench({ model: YONAH, skid: 20, entry: [30, 11], access: [2, 3] });
  const task = bench.task();
  const sampling = bench.open(task, hardware('instructions', { ...kernel, sample_period: 1000n }));
  const counting = bench.open(task, hardware('instructions', kernel));
  bench.runTask(task, 5500);
  assertBalanced(bench, sampling, counting);
  const account = bench.perf.account(counting);
  assert.ok(account.over > 5 * (30 + 11), 'NMI entry, handler and exit are in the count');
  assert.ok(bench.perf.account(sampling).lost.handler > 0, 'what retired between reading and reloading the counter');
});

test('A26: a :u sampling event whose PMI lands in the kernel has a kernel IP', () => {
  // 990 user instructions, then kernel code: the overflow at 1000 user instructions is behind a system call.
  const script = (tick: number) => ({ mode: tick >= 1005 && tick < 1200 ? MODE.KERNEL : MODE.USER });
  const bench = new TickBench({ skid: 20, script });
  const task = bench.task();
  const event = bench.open(task, hardware('instructions', { sample_period: 1000n }));
  bench.runTask(task, 2000);
  const first = bench.samples(event)[0];
  assert.equal(first?.cpumode, 1);
  assert.ok((first?.ip ?? 0n) >= 0xffff_ffff_8100_0000n);
});

test('a full ring loses samples by name, and the book still closes', () => {
  const bench = new TickBench({ ringSamples: 3 });
  const task = bench.task();
  const event = bench.open(task, hardware('instructions', { sample_period: 100n }));
  bench.runTask(task, 1050);
  assertBalanced(bench, event);
  assert.equal(bench.perf.account(event).samples.lost['ring full'], 7);
  assert.equal(bench.read(event).values[0]?.lost, 7);
});

test('a PMI at every register access of the driver breaks neither count nor ledger', () => {
  for (const handler of HANDLERS) {
    for (let skid = 0; skid < 60; skid++) {
      const bench = new TickBench({ handler, skid, access: [1, 1], entry: [1, 1] });
      const [a, b] = [bench.task(), bench.task()];
      const events = [a, b].flatMap((t) => [
        bench.open(t, hardware('instructions', { sample_period: 50n })),
        bench.open(t, hardware('instructions', { flags: { exclude_kernel: false } })),
        bench.open(t, makeAttr({ type: 4, config: 0xc0n, sample_period: 64n, flags: { exclude_kernel: true } })),
      ]);
      for (let i = 0; i < 12; i++) {
        bench.switchTo(i % 2 === 0 ? a : b);
        bench.machine.run(90 + i);
      }
      bench.switchTo(undefined);
      assertBalanced(bench, ...events);
    }
  }
});

test('a PMI inside the reading of a counter, that programs what was programmed before, is seen', () => {
  for (let at = 1500; at < 2100; at++) {
    const bench = new TickBench({ skid: 0, access: [1, 3] });
    const task = bench.task();
    const event = bench.open(task, hardware('instructions', { sample_period: 1000n, flags: { exclude_kernel: false } }));
    bench.switchTo(task);
    bench.machine.run(at);
    for (let i = 0; i < 6; i++) bench.read(event); // its own instructions bring the overflow about
    bench.switchTo(undefined);
    assertBalanced(bench, event);
  }
});
