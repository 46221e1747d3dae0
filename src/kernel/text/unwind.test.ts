import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SYSCALL_ROWS } from '../syscalls/table.ts';
import { NR_SYSCALLS } from '#abi/syscall-numbers.ts';
import { buildImage } from './image.ts';
import { DIRECT_MAP, SELECTOR } from './layout.ts';
import { unwindKernel } from './unwind.ts';

const image = buildImage(SYSCALL_ROWS, NR_SYSCALLS);
const view = new DataView(new ArrayBuffer(4096));
const memory = { sizeBytes: 4096, bytes: new Uint8Array(view.buffer), view, written() {} };
const put = (at: number, ...words: bigint[]): void => words.forEach((w, i) => view.setBigUint64(at + 8 * i, w, true));

test('a system call with an interrupt in it: through the interrupt to the entry', () => {
  const write = image.address('__x64_sys_write');
  const caller = image.address('syscall_called');
  const entry = image.address('syscall_return');
  // Stack from the bottom: entry_SYSCALL_64 called do_syscall_64, which pushed RBX and called the handler, which has pushed RBP (1 byte of code).
  put(1000, entry);
  put(992, 0xb8n);
  put(984, caller);
  put(976, 0xb9n);
  const interrupted = [write + 1n, BigInt(SELECTOR.KERNEL_CS), 0n, DIRECT_MAP + 976n, 0n];
  put(800, ...interrupted);
  const timer = image.address('asm_sysvec_apic_timer_interrupt');
  const chain = unwindKernel(image, memory, timer, DIRECT_MAP + 800n);
  assert.deepEqual(chain, [write + 1n, caller, entry]);
});

test('at every instruction of every function the stack is known, and returns to depth 0', () => {
  for (const s of image.symbols) {
    if (s.name === 'sys_call_table' || s.size === 0) continue;
    const row = image.stackAt(s.address);
    assert.ok(row !== undefined, s.name);
    if (row.kind === 'call') assert.equal(row.depth, 0, s.name);
  }
  assert.equal(image.stackAt(image.address('iretq_user'))?.depth, 0);
  assert.equal(image.stackAt(image.base - 1n), undefined);
});

test('a stack that is none ends the chain', () => {
  assert.deepEqual(unwindKernel(image, memory, image.address('__x64_sys_write'), 0x1234n), []);
  assert.deepEqual(unwindKernel(image, memory, 0x40_1000n, DIRECT_MAP), []);
});
