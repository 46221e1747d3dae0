/** What an event's file can ask for, on the real PMU block. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ERRNO } from '#abi/errno.ts';
import { hardware, TickBench } from '#system/testing/tick-bench.ts';
import type { Task } from '../task/task.ts';
import type { PerfEvent } from './event.ts';
import { DrainedRing } from './record-ring.ts';

const sampling = (period: bigint, flags: Record<string, boolean> = {}) => hardware('instructions', { sample_period: period, flags });

function running(...attrs: Parameters<TickBench['open']>[1][]): { bench: TickBench; task: Task; events: PerfEvent[] } {
  const bench = new TickBench({ script: () => ({ events: [4] }) });
  const task = bench.task();
  const events = attrs.map((a) => bench.open(task, a));
  bench.switchTo(task);
  return { bench, task, events };
}

test('disable and enable take effect at once; times and ledger stop with the count', () => {
  const { bench, events } = running(hardware('instructions'), hardware('instructions'));
  const [a, b] = events as [PerfEvent, PerfEvent];
  bench.machine.run(100);
  bench.perf.operations.disable(a);
  bench.machine.run(1000);
  bench.perf.operations.enable(a);
  bench.machine.run(10);
  assert.equal(bench.count(a), 110);
  assert.equal(bench.count(b), 1110);
  assert.ok(bench.read(a).timeEnabledNs < bench.read(b).timeEnabledNs);
  assert.equal(bench.perf.account(a).true, 110);
  assert.equal(bench.perf.account(a).imbalance, 0);
});

test('the group flag reaches every member; without it a member stays as it was', () => {
  const bench = new TickBench();
  const task = bench.task();
  const off = { flags: { disabled: true } } as const;
  const leader = bench.open(task, hardware('instructions', off));
  const member = bench.open(task, hardware('cycles', off), leader);
  bench.switchTo(task);
  bench.perf.operations.enable(leader);
  bench.machine.run(50);
  assert.deepEqual([leader.state, member.state], ['active', 'off']);
  bench.perf.operations.disable(leader);
  bench.perf.operations.enable(leader, true);
  bench.machine.run(50);
  assert.deepEqual([bench.count(leader), leader.state, member.state], [100, 'active', 'active']);
  bench.perf.operations.disable(member, true);
  assert.deepEqual([leader.state, member.state], ['off', 'off']);
});

test('a member whose leader is off is off, whatever it is told', () => {
  const { bench, task, events } = running(hardware('instructions', { flags: { disabled: true } }));
  const member = bench.open(task, hardware('cycles', { flags: { disabled: true } }), events[0]);
  bench.perf.operations.enable(member);
  bench.machine.run(50);
  assert.equal(bench.count(member), 0);
  assert.equal(bench.read(member).timeEnabledNs, 0);
});

test('refresh: so many overflows, then off, POLL_HUP with the last; EINVAL where Linux says so', () => {
  const { bench, task, events } = running(sampling(100n, { disabled: true }), hardware('instructions'));
  const [event, counting] = events as [PerfEvent, PerfEvent];
  const told: boolean[] = [];
  event.watcher = { changed() {}, wakeup() {}, overflowed: (_, last) => told.push(last) };
  assert.equal(bench.perf.operations.refresh(event, 3), 0);
  bench.machine.run(5000);
  assert.deepEqual(told, [false, false, true]);
  assert.equal(event.state, 'off');
  assert.equal(bench.count(event), 320); // it counted on through the last skid window
  assert.equal(bench.count(counting), 5000);
  const account = bench.perf.account(event);
  assert.equal(account.imbalance, 0);
  assert.equal(account.samples.imbalance, 0);
  assert.equal(bench.perf.operations.refresh(counting, 1), -ERRNO.EINVAL);
  assert.equal(bench.perf.operations.refresh(bench.open(task, sampling(9n, { inherit: true })), 1), -ERRNO.EINVAL);
});

test('reset zeroes the count, not the times, and leaves the period alone', () => {
  const { bench, events } = running(sampling(1000n));
  const event = events[0] as PerfEvent;
  bench.machine.run(600);
  const { timeEnabledNs } = bench.read(event);
  bench.perf.operations.reset(event);
  assert.equal(bench.count(event), 0);
  assert.equal(bench.read(event).timeEnabledNs, timeEnabledNs);
  bench.machine.run(420);
  assert.equal(bench.samples(event).length, 1);
  assert.equal(bench.count(event), 420);
  assert.equal(bench.perf.account(event).imbalance, 0);
});

test('period: a whole new one from now on, a running throttled event goes on; EINVAL for 0, bit 63, counting events', () => {
  const { bench, events } = running(sampling(1000n), hardware('instructions'));
  const [event, counting] = events as [PerfEvent, PerfEvent];
  bench.machine.run(990);
  assert.equal(bench.perf.operations.setPeriod(event, 200n), 0);
  bench.machine.run(195);
  assert.equal(bench.samples(event).length, 0);
  bench.machine.run(30);
  assert.equal(bench.samples(event).length, 1);
  assert.equal(bench.count(event), 1215);
  for (const bad of [0n, 1n << 63n]) assert.equal(bench.perf.operations.setPeriod(event, bad), -ERRNO.EINVAL);
  assert.equal(bench.perf.operations.setPeriod(counting, 5n), -ERRNO.EINVAL);
  bench.switchTo(undefined);
  bench.perf.closeBooks();
  assert.equal(bench.perf.account(event).samples.imbalance, 0);
});

test('a period set in the skid window eats the sample that was on its way, and the book says so', () => {
  const { bench, events } = running(sampling(1000n));
  const event = events[0] as PerfEvent;
  bench.machine.run(1010); // overflow at 1000, its PMI at 1020
  bench.perf.operations.setPeriod(event, 500n);
  bench.machine.run(400);
  const { samples } = bench.perf.account(event);
  assert.deepEqual([bench.samples(event).length, samples.due, samples.lost['sched-out']], [0, 1, 1]);
});

test('a leader that is closed leaves its siblings counting, each for itself', () => {
  const { bench, task, events } = running(hardware('instructions'));
  const leader = events[0] as PerfEvent;
  const sibling = bench.open(task, hardware('branches'), leader);
  bench.perf.install(sibling);
  bench.machine.run(100);
  bench.perf.release(leader);
  assert.equal(leader.state, 'exit');
  assert.deepEqual([sibling.leader === sibling, sibling.state], [true, 'active']);
  bench.machine.run(100);
  bench.switchTo(undefined);
  bench.runTask(task, 100);
  assert.equal(bench.count(sibling), 300);
  assert.equal(Number(leader.count), 100);
  assert.equal(bench.perf.find(leader.id), undefined);
  assert.equal(bench.perf.account(sibling).imbalance, 0);
});

test('closing takes inherited events with it', () => {
  const { bench, task, events } = running(hardware('instructions', { flags: { inherit: true } }));
  const event = events[0] as PerfEvent;
  const child = bench.task();
  bench.perf.forked(task, child);
  bench.switchTo(child);
  bench.machine.run(50);
  assert.equal(bench.count(event), 50);
  bench.perf.release(event);
  assert.equal(event.children.size, 0);
  bench.machine.run(50);
  assert.equal(Number(event.totalCount), 0); // as Linux: what the child had counted is gone with it
});

test('output: into another ring of the same task and clock, paused on request, EINVAL otherwise', () => {
  const { bench, task, events } = running(sampling(100n), sampling(150n));
  const [a, b] = events as [PerfEvent, PerfEvent];
  const { operations } = bench.perf;
  const ring = new DrainedRing(4096);
  assert.equal(operations.setOutput(b, a, false), -ERRNO.EINVAL); // a has none
  assert.equal(operations.pauseOutput(a, true), -ERRNO.EINVAL);
  a.output = ring;
  assert.equal(operations.setOutput(a, a, false), -ERRNO.EINVAL);
  assert.equal(operations.setOutput(b, a, true), -ERRNO.EINVAL);
  assert.equal(operations.setOutput(bench.open(bench.task(), sampling(1n)), a, false), -ERRNO.EINVAL);
  assert.equal(operations.setOutput(bench.open(task, sampling(1n, { write_backward: true })), a, false), -ERRNO.EINVAL);
  assert.equal(operations.setOutput(b, a, false), 0);
  bench.machine.run(200);
  const one = ring.used;
  assert.ok(one > 0);
  assert.equal(operations.pauseOutput(b, true), 0);
  bench.machine.run(500);
  assert.equal(ring.used, one);
  assert.equal(a.lostRecords + b.lostRecords, 8);
  assert.equal(bench.perf.account(a).samples.lost['ring full'] + bench.perf.account(b).samples.lost['ring full'], 8);
});
