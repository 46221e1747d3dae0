/** What may be set, who is promised a register, and a task's own debug registers. The processor's side: machine/core/debug.test.ts. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ERRNO } from '#abi/errno.ts';
import { BREAKPOINT_TYPE } from '#abi/perf-event/breakpoint.ts';
import { DR7 } from '#arch/registers.ts';
import type { DebugPort } from '#port/debug.ts';
import type { Task } from '../task/task.ts';
import { inKernelSpace, parseBreakpoint } from './breakpoint.ts';
import { CpuDebug } from './cpu-debug.ts';
import { BreakpointSlots } from './slots.ts';
import { TaskDebugRegisters } from './task-debug.ts';

const { W, RW, X, R } = BREAKPOINT_TYPE;
const FRAME = { rip: 0n, cpl: 3, rflags: 0n, rsp: 0n } as const;

/** Registers and nothing behind them. */
class FakePort implements DebugPort {
  ownedByPerf = 0;
  readonly values = new Map<number, bigint>([[6, 0xffff_0ff0n]]);
  read(n: number): bigint {
    return this.values.get(n) ?? 0n;
  }
  write(n: number, value: bigint): boolean {
    this.values.set(n, value);
    return true;
  }
  hits(): { user: number; kernel: number; overhead: number } {
    return { user: 0, kernel: 0, overhead: 0 };
  }
}
const setUp = (): { port: FakePort; cpu: CpuDebug; slots: BreakpointSlots; registers: TaskDebugRegisters } => {
  const port = new FakePort();
  const cpu = new CpuDebug(port);
  const slots = new BreakpointSlots();
  const parts = { slots, cpu, isCurrent: () => true, mayWatchKernel: () => false };
  return { port, cpu, slots, registers: new TaskDebugRegisters({} as Task, parts) };
};

test('types, lengths, alignment, ends of the address space', () => {
  assert.deepEqual(parseBreakpoint(W, 0x1000n, 4n), { address: 0x1000n, bytes: 4, access: 1 });
  assert.deepEqual(parseBreakpoint(X, 0x1001n, 8n), { address: 0x1001n, bytes: 1, access: 0 });
  const refused: readonly (readonly [number, bigint, bigint])[] = [
    [R, 0x1000n, 4n],
    [X, 0x1000n, 1n],
    [W | X, 0x1000n, 8n],
    [W, 0x1000n, 3n],
    [W, 0x1000n, 0n],
    [RW, 0x1002n, 4n],
    [W, 0xffff_ffff_ffff_ffffn, 2n],
  ];
  for (const [type, address, length] of refused) assert.equal(parseBreakpoint(type, address, length), -ERRNO.EINVAL, `${type} ${length}`);
  assert.equal(parseBreakpoint(W, 0x1000n, 16n), -ERRNO.EOPNOTSUPP);
  assert.equal(inKernelSpace({ address: 0x7fff_ffff_effcn, bytes: 4, access: 1 }), false);
  assert.equal(inKernelSpace({ address: 0x7fff_ffff_f000n, bytes: 1, access: 1 }), true);
});

test('four for a task and its CPU together', () => {
  const slots = new BreakpointSlots();
  const [a, b] = [{}, {}];
  for (let i = 0; i < 3; i++) assert.equal(slots.reserve(W, a), 0);
  assert.equal(slots.reserve(W, undefined), 0);
  assert.equal(slots.reserve(X, a), -ERRNO.ENOSPC);
  assert.equal(slots.reserve(X, undefined), -ERRNO.ENOSPC);
  for (let i = 0; i < 3; i++) assert.equal(slots.reserve(X, b), 0);
  slots.release(undefined);
  assert.equal(slots.reserve(X, b), 0);
  assert.equal(slots.reserve(BREAKPOINT_TYPE.EMPTY, {}), -ERRNO.EINVAL);
});

test("a task's registers: an address alone arms nothing, DR7 does; what met it is in the task's DR6", () => {
  const { port, cpu, registers } = setUp();
  assert.equal(registers.write(2, 0x1000n), 0);
  assert.equal(port.read(7), 0n);
  const control = (0xdn << BigInt(DR7.CONTROL_SHIFT + 8)) | (1n << 4n) | BigInt(DR7.LE); // breakpoint 2: 4 bytes, written
  assert.equal(registers.write(7, control), 0);
  assert.equal(registers.read(7), control);
  // It sits in the first register that is free.
  assert.deepEqual([port.read(0), port.read(7)], [0x1000n, (0xdn << 16n) | 2n]);
  port.write(6, 0xffff_0ff1n);
  const served = cpu.serve(FRAME);
  assert.deepEqual([served.status, served.rest, served.perfOnly], [1, 0, false]);
  assert.equal(registers.read(6), 0xffff_0ff4n);
  registers.switchOut();
  assert.equal(port.read(7), 0n);
  registers.switchIn();
  assert.equal(port.read(7), (0xdn << 16n) | 2n);
  registers.clear();
  assert.deepEqual([port.read(7), registers.read(7), registers.read(2)], [0n, 0n, 0n]);
});

test('DR7 is set as a whole or not at all', () => {
  const { registers } = setUp();
  assert.equal(registers.write(0, 0x1000n), 0);
  assert.equal(registers.write(7, 0x1_0001n), 0); // breakpoint 0: one byte, written
  assert.equal(registers.write(1, 0x1001n), 0);
  const unaligned = 0x1_0001n | (0xdn << 20n) | (1n << 2n); // breakpoint 1: four bytes at an odd address
  assert.equal(registers.write(7, unaligned), -ERRNO.EINVAL);
  assert.equal(registers.read(7), 0x1_0001n);
  assert.equal(registers.write(7, 0x2_0001n), -ERRNO.EINVAL); // I/O
  assert.equal(registers.write(3, 0xffff_ffff_8100_0000n), -ERRNO.EPERM);
  assert.equal(registers.write(4, 0n), -ERRNO.EIO);
});
