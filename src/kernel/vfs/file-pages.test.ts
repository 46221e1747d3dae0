/** read, write and mappings of one file show one content (mmap(2), MAP_SHARED). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { O, SEEK } from '#abi/fs.ts';
import type { PageSource } from '../mm/page-source.ts';
import { FileBench } from '../testing/file-bench.ts';
import { MemoryHost } from '../testing/memory-host.ts';

function mapped(text: string, flags: number): { b: FileBench; fd: number; source: PageSource } {
  const b = new FileBench(new MemoryHost({ '/f': text }));
  const fd = b.open('/f', flags);
  const source = b.task.files.get(fd)?.pageSource();
  if (source === undefined || typeof source === 'number') throw new Error('no page source');
  return { b, fd, source };
}
const text = (page: Uint8Array, n: number): string => String.fromCharCode(...page.subarray(0, n));

test('a write shows in a live mapping, a store to a shared mapping shows in a read', () => {
  const { b, fd, source } = mapped('hello world', O.RDWR);
  source.retain();
  const page = b.fault(source, 0);
  b.call('pwrite64', fd, 'J', 1, 0);
  assert.equal(text(page, 5), 'Jello');
  page.set([0x57], 6);
  b.call('lseek', fd, 0, SEEK.SET);
  assert.equal(b.readText(fd), 'Jello World');
  b.write(b.open('/f', O.WRONLY | O.APPEND), '!!');
  assert.equal(text(page, 13), 'Jello World!!');
  b.call('ftruncate', fd, 5);
  assert.equal(text(page, 8), 'Jello\0\0\0');
  const again = b.task.files.get(fd)?.pageSource();
  assert.equal(typeof again === 'object' && again.key, source.key, 'a second mapping shares the frames');
});

test('a write while nothing is mapped gives new mappings new pages', () => {
  const { b, source } = mapped('old', O.RDONLY);
  assert.equal(text(b.fault(source, 0), 3), 'old');
  b.write(b.open('/f', O.WRONLY | O.TRUNC), 'new');
  const next = b.task.files.get(b.open('/f', O.RDONLY))?.pageSource();
  if (next === undefined || typeof next === 'number') throw new Error('no page source');
  assert.notEqual(next.key, source.key);
  assert.equal(text(b.fault(next, 0), 3), 'new');
});

test('a mapping keeps the file open beyond close and unlink; write-back does not make the file longer', () => {
  const { b, fd, source } = mapped('abc', O.RDWR);
  source.retain();
  b.call('close', fd);
  assert.equal(b.host.openCount(), 1);
  const page = b.fault(source, 0);
  page.set([0x58, 0x59, 0x5a, 0x5a]);
  assert.equal(source.writePage?.(0, page), 0);
  assert.equal(b.host.text('/f'), 'XYZ');
  source.release();
  assert.equal(b.host.openCount(), 0);
});
