import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NR_SYSCALLS, SYS } from '#abi/syscall-numbers.ts';
import { SYSCALL_ROWS } from './table.ts';

test('each number has one row, and its own name', () => {
  const seen = new Set<number>();
  for (const row of SYSCALL_ROWS) {
    assert.ok(!seen.has(row.number), row.name);
    seen.add(row.number);
    assert.equal((SYS as Record<string, number>)[row.name], row.number);
    assert.ok(row.number < NR_SYSCALLS);
    assert.equal(row.support !== 'full', row.note !== '', `${row.name}: a note says what is lacking`);
  }
});
