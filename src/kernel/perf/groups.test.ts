/** Groups, pinned and flexible, rotation, inherit, read formats, errno: what the core does without sampling. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ERRNO } from '#abi/errno.ts';
import { PERF_FORMAT, PERF_SAMPLE } from '#abi/perf-event/sample.ts';
import { YONAH } from '#arch/cpu-models/yonah.ts';
import { hardware, TickBench } from '#system/testing/tick-bench.ts';
import { type AttrValues, makeAttr, type PerfEventAttr } from './attr.ts';
import type { Task } from '../task/task.ts';
import type { PerfEvent } from './event.ts';
import { isRefusal } from './attr-checks.ts';
import { encodeRead } from './read.ts';

/** An event that only general-purpose counters can count: branches. */
const gp = (values: AttrValues = {}): PerfEventAttr => hardware('branches', values);

function openGroup(bench: TickBench, task: ReturnType<TickBench['task']>, attrs: readonly PerfEventAttr[]): PerfEvent[] {
  const events: PerfEvent[] = [];
  for (const attr of attrs) events.push(bench.open(task, attr, events[0]));
  return events;
}

test('A20: a group of five general-purpose events on four counters fails at open with EINVAL', () => {
  const bench = new TickBench();
  const task = bench.task();
  const group = openGroup(bench, task, [gp(), gp(), gp(), gp()]);
  const fifth = bench.tryOpen(task, gp(), group[0]);
  assert.ok(isRefusal(fifth));
  assert.equal(fifth.errno, ERRNO.EINVAL);
});

test('A20: two groups of three take turns, each running half of the time, and the ledger has the rest as not scheduled', () => {
  const bench = new TickBench({ script: () => ({ events: [4] }) });
  const task = bench.task();
  const groups = [openGroup(bench, task, [gp(), gp(), gp()]), openGroup(bench, task, [gp(), gp(), gp()])];
  bench.switchTo(task);
  for (let i = 0; i < 40; i++) {
    bench.machine.run(1200); // 125 ns
    bench.perf.tick(bench.cpu);
  }
  bench.switchTo(undefined);
  for (const event of groups.flat()) {
    const read = bench.read(event);
    assert.equal(read.timeRunningNs * 2, read.timeEnabledNs);
    assert.equal(Number(event.totalCount), 24_000);
    const account = bench.perf.account(event);
    assert.equal(account.true, 48_000);
    assert.equal(account.lost['not scheduled'], 24_000);
    assert.equal(account.imbalance, 0);
  }
});

test('a pinned group that does not fit goes to ERROR: read gives no bytes, the ledger says failed', () => {
  const bench = new TickBench({ script: () => ({ events: [4] }) });
  const task = bench.task();
  const pinned = { flags: { pinned: true } } as const;
  const first = openGroup(bench, task, [gp(pinned), gp(), gp()]);
  const second = openGroup(bench, task, [gp(pinned), gp(), gp()]);
  bench.runTask(task, 500);
  assert.equal(bench.count(first[0] as PerfEvent), 500);
  const failed = second[0] as PerfEvent;
  assert.equal(failed.state, 'error');
  assert.deepEqual(encodeRead(failed, bench.read(failed), 64), new Uint8Array(0));
  assert.equal(bench.perf.account(failed).lost.failed, 500);
});

test('an exclusive group has the PMU to itself', () => {
  const bench = new TickBench();
  const task = bench.task();
  const alone = bench.open(task, hardware('instructions', { flags: { exclusive: true } }));
  const other = bench.open(task, hardware('instructions'));
  bench.runTask(task, 100);
  assert.equal(bench.count(alone), 100);
  assert.equal(bench.count(other), 0);
  assert.equal(bench.perf.account(other).lost['not scheduled'], 100);
});

test('fixed counters first; one instruction event more than fixed counters goes to a general-purpose one', () => {
  const bench = new TickBench();
  const task = bench.task();
  const events = Array.from({ length: 5 }, () => bench.open(task, hardware('instructions')));
  bench.switchTo(task);
  assert.deepEqual(
    events.map((e) => e.hw.idx),
    [32, 0, 1, 2, 3],
  );
  bench.machine.run(10);
  bench.switchTo(undefined);
  for (const e of events) assert.equal(bench.count(e), 10);
});

test('A21: the version 1 driver touches no GLOBAL_* register and no fixed counter', () => {
  const bench = new TickBench({ model: YONAH });
  const task = bench.task();
  // A read or write of a register that version 1 lacks raises #GP, and the driver asserts that none does.
  const event = bench.open(task, hardware('instructions', { sample_period: 50n }));
  bench.switchTo(task);
  assert.equal(event.hw.idx, 0);
  bench.machine.run(1000);
  bench.switchTo(undefined);
  assert.equal(bench.count(event), 1000);
  assert.equal(bench.samples(event).length, 19);
});

test('inherit: what children count folds into the parent, with their accounts; a grandchild folds into the first', () => {
  const bench = new TickBench();
  const [parent, child, grandchild] = [bench.task(), bench.task(), bench.task()];
  const [leader, sibling] = openGroup(bench, parent, [
    hardware('instructions', { flags: { inherit: true }, sample_period: 100n }),
    hardware('instructions', { flags: { inherit: true } }),
  ]) as [PerfEvent, PerfEvent];
  bench.runTask(parent, 1000);
  bench.perf.forked(parent, child);
  bench.runTask(child, 500);
  assert.equal(bench.count(sibling), 1500); // of a living child too
  bench.perf.forked(child, grandchild);
  bench.runTask(grandchild, 70);
  bench.switchTo(grandchild);
  bench.perf.exited(grandchild);
  bench.runTask(child, 30);
  bench.perf.exited(child);
  for (const event of [leader, sibling]) {
    assert.equal(bench.count(event), 1600);
    assert.equal(bench.perf.account(event).true, 1600);
    assert.equal(bench.perf.account(event).imbalance, 0);
  }
  bench.perf.closeBooks();
  assert.equal(bench.perf.account(leader).samples.imbalance, 0);
  const tids = new Set(bench.samples(leader).map((s) => s.tid));
  assert.deepEqual([...tids], [parent.pid, child.pid]);
});

test('enable_on_exec: nothing before the exec is asked for, all after it is', () => {
  const bench = new TickBench();
  const task = bench.task();
  const event = bench.open(task, hardware('instructions', { flags: { disabled: true, enable_on_exec: true } }));
  bench.switchTo(task);
  bench.machine.run(100);
  bench.perf.execed(task);
  bench.machine.run(40);
  bench.switchTo(undefined);
  assert.equal(bench.count(event), 40);
  assert.equal(bench.perf.account(event).true, 40);
});

test('software events: clock, faults by ring, switches in the kernel; multiplexed out with their hardware group', () => {
  const bench = new TickBench();
  const task = bench.task();
  const software = (config: bigint, flags = {}): PerfEventAttr => makeAttr({ type: 1, config, flags });
  const clock = bench.open(task, software(1n));
  const faults = bench.open(task, software(2n));
  const userFaults = bench.open(task, software(5n, { exclude_kernel: true }));
  const switches = bench.open(task, software(3n));
  const userSwitches = bench.open(task, software(3n, { exclude_kernel: true }));
  const frame = { rip: 0n, rflags: 0n, rsp: 0n };
  bench.switchTo(task);
  bench.machine.run(24_000);
  bench.perf.pageFault(task, 0, false, { ...frame, cpl: 3 });
  bench.perf.pageFault(task, 0, false, { ...frame, cpl: 0 });
  bench.switchTo(undefined);
  assert.equal(bench.count(clock), 2500); // 24000 slots of a quarter of 1/2.4 ns
  assert.deepEqual(
    [faults, userFaults, switches, userSwitches].map((e) => bench.count(e)),
    [2, 1, 1, 0],
  );
  for (const e of [clock, faults, userFaults, switches, userSwitches]) assert.equal(bench.perf.account(e).imbalance, 0);
});

test('read formats: group and single, ids, times, lost; too little room is ENOSPC', () => {
  const bench = new TickBench();
  const task = bench.task();
  const all = PERF_FORMAT.TOTAL_TIME_ENABLED | PERF_FORMAT.TOTAL_TIME_RUNNING | PERF_FORMAT.ID | PERF_FORMAT.LOST;
  const [leader, sibling] = openGroup(bench, task, [
    hardware('instructions', { read_format: all | PERF_FORMAT.GROUP }),
    hardware('cycles', { read_format: all }),
  ]) as [PerfEvent, PerfEvent];
  bench.runTask(task, 96);
  const words = (event: PerfEvent): number[] => {
    const bytes = encodeRead(event, bench.read(event), 4096);
    assert.ok(bytes instanceof Uint8Array);
    return Array.from(new BigUint64Array(bytes.buffer), Number);
  };
  assert.deepEqual(words(leader), [2, 10, 10, 96, 1, 0, 24, 2, 0]);
  assert.deepEqual(words(sibling), [24, 10, 10, 2, 0]);
  assert.equal(encodeRead(leader, bench.read(leader), 71), -ERRNO.ENOSPC);
});

test('§6.8: errno of attrs that cannot be', () => {
  const bench = new TickBench();
  const task = bench.task();
  const leader = bench.open(task, hardware('instructions'));
  const sibling = bench.open(task, hardware('cycles'), leader);
  const rows: readonly (readonly [PerfEventAttr, keyof typeof ERRNO, (PerfEvent | undefined)?])[] = [
    [makeAttr({ sample_type: 1 << 25 }), 'EINVAL'],
    [makeAttr({ read_format: 32 }), 'EINVAL'],
    [makeAttr({ flags: 1n << 63n }), 'EINVAL'],
    [makeAttr({ sample_type: PERF_SAMPLE.WEIGHT | PERF_SAMPLE.WEIGHT_STRUCT }), 'EINVAL'],
    [makeAttr({ flags: { inherit_thread: true } }), 'EINVAL'],
    [makeAttr({ sample_period: 1n << 63n }), 'EINVAL'],
    [makeAttr({ flags: { inherit: true }, sample_type: PERF_SAMPLE.READ }), 'EINVAL'],
    [makeAttr({ config: 10n }), 'EINVAL'], // HARDWARE id too large
    [makeAttr({ config: 7n }), 'ENOENT'], // stalled-cycles-frontend has no mapping
    [makeAttr({ type: 3, config: 0x200n }), 'ENOENT'], // L1-dcache-prefetches
    [makeAttr({ type: 3, config: 0x205n }), 'EINVAL'], // branch-prefetches
    [makeAttr({ type: 4, config: 0xffn }), 'ENOENT'],
    [makeAttr({ type: 3, config: 0xffn }), 'EINVAL'],
    [makeAttr({ type: 1, config: 12n }), 'ENOENT'],
    [makeAttr({ type: 77 }), 'ENOENT'],
    [makeAttr({ flags: { freq: true }, sample_period: 100_001n }), 'EINVAL'],
    [makeAttr({ sample_type: PERF_SAMPLE.REGS_USER, sample_regs_user: 1n << 12n }), 'EINVAL'], // DS
    [makeAttr({ sample_type: PERF_SAMPLE.STACK_USER, sample_stack_user: 12 }), 'EINVAL'],
    [makeAttr({ sample_max_stack: 128 }), 'EOVERFLOW'],
    [makeAttr({ sample_type: PERF_SAMPLE.AUX }), 'EOPNOTSUPP'],
    [makeAttr({ sample_type: PERF_SAMPLE.CGROUP }), 'EINVAL'],
    [makeAttr({ flags: { sigtrap: true } }), 'EINVAL'],
    [makeAttr({ flags: { remove_on_exec: true, enable_on_exec: true } }), 'EINVAL'],
    [makeAttr({ flags: { use_clockid: true }, clockid: 0 }), 'EINVAL'], // CLOCK_REALTIME in an NMI
    [makeAttr({ flags: { use_clockid: true }, clockid: 3 }), 'EINVAL'],
    [hardware('cycles', { flags: { use_clockid: true }, clockid: 1 }), 'EINVAL', leader],
    [makeAttr({ type: 1, config: 10n }), 'ENOENT'], // bpf-output
    [makeAttr({ type: 4, config: 0x20_00c0n, sample_type: PERF_SAMPLE.CODE_PAGE_SIZE }), 'EOPNOTSUPP'],
    [makeAttr({ flags: { precise_ip: 1 }, sample_period: 99n }), 'EOPNOTSUPP'],
    [makeAttr({ sample_type: PERF_SAMPLE.BRANCH_STACK }), 'EINVAL'], // no branch kind
    [makeAttr({ sample_type: PERF_SAMPLE.BRANCH_STACK, branch_sample_type: 0x808n }), 'EINVAL'], // a call stack of any branch
    [makeAttr({ sample_type: PERF_SAMPLE.BRANCH_STACK, branch_sample_type: 0x8_0008n }), 'EINVAL'], // branch counters
    [makeAttr({ type: 1, config: 2n, sample_type: PERF_SAMPLE.BRANCH_STACK, branch_sample_type: 8n }), 'EOPNOTSUPP'],
    [hardware('cycles'), 'EINVAL', sibling], // leader is a sibling
    [hardware('cycles', { flags: { pinned: true } }), 'EINVAL', leader],
    [hardware('cycles', { flags: { inherit: true } }), 'EINVAL', leader],
  ];
  for (const [attr, errno, group] of rows) {
    const got = bench.tryOpen(task, attr, group);
    assert.ok(isRefusal(got), `${errno} for ${JSON.stringify(attr, (_, v) => (typeof v === 'bigint' ? `${v}` : v))}`);
    assert.equal(got.errno, ERRNO[errno], got.reason);
  }
});

test('an event without a truth (CMASK) counts and says that it has no ledger', () => {
  const bench = new TickBench();
  const task = bench.task();
  const event = bench.open(task, makeAttr({ type: 4, config: 0x01_0000_c0n | 0x0100_0000n, flags: { exclude_kernel: true } }));
  bench.runTask(task, 400);
  assert.equal(bench.count(event), 100);
  assert.equal(bench.perf.account(event).audited, false);
});

test('§6.7: who may watch what; another CPU, neither task nor CPU', () => {
  const bench = new TickBench();
  const user = (uid: number): Task =>
    Object.assign(bench.task(), { credentials: { uid, euid: uid, suid: uid, gid: 1, egid: 1, sgid: 1, groups: [] } });
  const [root, alice, bob] = [user(0), user(1000), user(1001)];
  const attr = hardware('instructions');
  const errno = (task: Task | undefined, cpu: number, by?: Task): number => {
    const got = bench.perf.open(attr, { task, cpu, ...(by === undefined ? {} : { by }) });
    return isRefusal(got) ? got.errno : 0;
  };
  bench.perf.settings.paranoid = 1;
  assert.equal(errno(undefined, 0, alice), ERRNO.EACCES);
  assert.equal(errno(alice, -1, bob), ERRNO.EACCES);
  assert.deepEqual([errno(alice, 0, alice), errno(undefined, 0, root), errno(bob, -1, root)], [0, 0, 0]);
  bench.perf.settings.paranoid = 0;
  assert.equal(errno(undefined, 0, alice), 0);
  assert.deepEqual([errno(alice, 1), errno(undefined, -1)], [ERRNO.EINVAL, ERRNO.EINVAL]);
});
