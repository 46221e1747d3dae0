/** Events of a CPU beside those of tasks: who goes first, rotation, side-band records, READ records of inherited events. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PERF_RECORD } from '#abi/perf-event/record.ts';
import { PERF_FORMAT, PERF_SAMPLE } from '#abi/perf-event/sample.ts';
import { hardware, TickBench } from '#system/testing/tick-bench.ts';
import { type AttrValues, makeAttr, type PerfEventAttr } from './attr.ts';
import type { PerfEvent } from './event.ts';
import { DrainedRing } from './record-ring.ts';

/** Only general-purpose counters count branches: four of them. */
const gp = (values: AttrValues = {}): PerfEventAttr => hardware('branches', values);
const three = (open: (attr: PerfEventAttr, leader?: PerfEvent) => PerfEvent, values: AttrValues = {}): PerfEvent[] => {
  const leader = open(gp(values));
  return [leader, open(gp(), leader), open(gp(), leader)];
};
const EVERY = { script: () => ({ events: [4] }) } as const;

test('a CPU event counts whoever runs, idle too; a task event its task', () => {
  const bench = new TickBench(EVERY);
  const [a, b] = [bench.task(), bench.task()];
  const onCpu = bench.openOnCpu(hardware('instructions'));
  const onTask = bench.open(a, hardware('instructions'));
  bench.runTask(a, 100);
  bench.runTask(b, 30);
  bench.machine.run(7);
  assert.deepEqual([bench.count(onCpu), bench.count(onTask)], [137, 100]);
  assert.equal(bench.perf.account(onCpu).imbalance, 0);
});

test('CPU pinned, task pinned, CPU flexible, task flexible', () => {
  const bench = new TickBench(EVERY);
  const task = bench.task();
  const open = (attr: PerfEventAttr, leader?: PerfEvent): PerfEvent => bench.open(task, attr, leader);
  const onCpu = (attr: PerfEventAttr, leader?: PerfEvent): PerfEvent => bench.openOnCpu(attr, leader);
  const taskFlexible = three(open);
  const cpuFlexible = three(onCpu);
  assert.equal(cpuFlexible[0]?.state, 'active');
  const taskPinned = three(open, { flags: { pinned: true } });
  bench.switchTo(task);
  assert.deepEqual(
    [taskPinned, cpuFlexible, taskFlexible].map((g) => g[0]?.state),
    ['active', 'inactive', 'inactive'],
  );
  const cpuPinned = three(onCpu, { flags: { pinned: true } });
  // The newcomer of the CPU goes before the task's pinned group, for which there is no room any more.
  assert.deepEqual(
    [cpuPinned, taskPinned].map((g) => g[0]?.state),
    ['active', 'error'],
  );
});

test('where both wait, both queues rotate, the CPU first', () => {
  const bench = new TickBench(EVERY);
  const task = bench.task();
  const mine = [0, 1].map(() => three((a, l) => bench.open(task, a, l)));
  const cpus = [0, 1].map(() => three((a, l) => bench.openOnCpu(a, l)));
  bench.switchTo(task);
  for (let i = 0; i < 20; i++) {
    bench.machine.run(120);
    bench.perf.tick(bench.cpu);
  }
  bench.switchTo(undefined);
  const counts = (groups: PerfEvent[][]): number[] => groups.map((g) => bench.count(g[0] as PerfEvent));
  // Linux puts the CPU's flexible groups on first each time, so a task's never find room beside them.
  assert.deepEqual(counts(cpus), [1200, 1200]);
  assert.deepEqual(counts(mine), [0, 0]);
  for (const e of [...mine, ...cpus].flat()) assert.equal(bench.perf.account(e).imbalance, 0);
});

test('a CPU event is told of every task, and of switches with both sides', () => {
  const bench = new TickBench();
  const ring = new DrainedRing(8192);
  const attr = makeAttr({
    type: 1,
    config: 9n,
    sample_type: PERF_SAMPLE.TID,
    flags: { context_switch: true, task: true, sample_id_all: true },
  });
  const dummy = bench.perf.open(attr, { task: undefined, cpu: 0 }, undefined, ring);
  assert.ok('id' in dummy);
  bench.perf.install(dummy);
  const [a, b] = [bench.task(), bench.task()];
  bench.switchTo(a);
  bench.perf.forked(a, b);
  bench.perf.scheduledOut(a, bench.cpu, true, b);
  bench.perf.scheduledIn(b, bench.cpu, a);
  const types: string[] = [];
  const bytes = ring.drain();
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const name = new Map<number, string>(Object.entries(PERF_RECORD).map(([k, v]) => [v, k]));
  for (let at = 0; at < bytes.length; at += view.getUint16(at + 6, true)) {
    const type = name.get(view.getUint32(at, true)) ?? '?';
    types.push(type.startsWith('SWITCH') ? `${type} ${view.getUint16(at + 4, true).toString(16)} ${view.getUint32(at + 8, true)}` : type);
  }
  assert.deepEqual(types, ['SWITCH_CPU_WIDE 0 0', 'FORK', 'SWITCH_CPU_WIDE 6000 2', 'SWITCH_CPU_WIDE 0 1']);
});

test('inherit_stat: an ended child says what it counted, in a READ record', () => {
  const bench = new TickBench(EVERY);
  const ring = new DrainedRing(8192);
  const task = bench.task();
  const attr = hardware('instructions', { read_format: PERF_FORMAT.ID, flags: { inherit: true, inherit_stat: true } });
  const event = bench.perf.open(attr, { task, cpu: -1 }, undefined, ring);
  assert.ok('id' in event);
  bench.runTask(task, 10);
  const child = bench.task();
  bench.perf.forked(task, child);
  bench.switchTo(child);
  bench.machine.run(25);
  bench.perf.exited(child);
  const bytes = ring.drain();
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  assert.equal(view.getUint32(0, true), PERF_RECORD.READ);
  assert.deepEqual([view.getUint32(8, true), view.getUint32(12, true)], [child.pid, child.pid]);
  assert.deepEqual([view.getBigUint64(16, true), view.getBigUint64(24, true)], [25n, event.id]);
  assert.equal(bench.count(event), 35);
});

test('inherit_thread: threads have it, processes do not; remove_on_exec takes it away', () => {
  const bench = new TickBench(EVERY);
  const task = bench.task();
  const threads = bench.open(task, hardware('instructions', { flags: { inherit: true, inherit_thread: true } }));
  const gone = bench.open(task, hardware('instructions', { flags: { remove_on_exec: true } }));
  const [thread, process] = [{ ...bench.task(), tgid: task.tgid } as typeof task, bench.task()];
  for (const child of [thread, process]) bench.perf.forked(task, child);
  for (const child of [thread, process]) bench.runTask(child, 10);
  assert.equal(bench.count(threads), 10);
  bench.switchTo(task);
  bench.machine.run(5);
  bench.perf.execed(task);
  bench.machine.run(5);
  assert.deepEqual([bench.count(threads), gone.state, Number(gone.count)], [20, 'exit', 5]);
  assert.equal(bench.perf.account(gone).imbalance, 0);
});

test('an exclusive group of the CPU keeps the hardware events of a task off', () => {
  const bench = new TickBench(EVERY);
  const task = bench.task();
  const alone = bench.openOnCpu(hardware('instructions', { flags: { exclusive: true } }));
  const other = bench.open(task, hardware('instructions'));
  bench.runTask(task, 40);
  assert.deepEqual([bench.count(alone), bench.count(other)], [40, 0]);
  bench.perf.release(alone);
  bench.runTask(task, 40);
  assert.equal(bench.count(other), 40);
});
