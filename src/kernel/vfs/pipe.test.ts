/** Pipes, FIFOs and eventfd as programs meet them (pipe(7), fifo(7), eventfd(2)). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ERRNO } from '#abi/errno.ts';
import { F, O, S } from '#abi/fs.ts';
import { SIG } from '#abi/signals.ts';
import { IOCTL } from '#abi/termios.ts';
import { FileBench } from '../testing/file-bench.ts';
import { MemoryHost } from '../testing/memory-host.ts';

function withPipe(flags = 0): { b: FileBench; r: number; w: number } {
  const b = new FileBench(new MemoryHost({ '/d/': '' }));
  const at = b.memory.place(8);
  assert.equal(b.call('pipe2', at, flags), 0);
  return { b, r: b.memory.readI32(at) as number, w: b.memory.readI32(at + 4) as number };
}

test('an empty pipe waits while somebody can write, and ends when nobody can', () => {
  const { b, r, w } = withPipe();
  assert.equal(b.readText(r), 'waits');
  const wait = b.waiting;
  assert.equal(wait?.ready(), false);
  b.write(w, 'abc');
  assert.equal(wait?.ready(), true);
  const count = b.memory.place(4);
  b.call('ioctl', r, IOCTL.FIONREAD, count);
  assert.equal(b.memory.readI32(count), 3);
  assert.equal(b.readText(r, 2), 'ab');
  b.call('close', w);
  assert.equal(b.readText(r), 'c');
  assert.equal(b.readText(r), '');
});

test('a fork keeps the writing end open', () => {
  const { b, r, w } = withPipe();
  const child = b.fork(2);
  b.call('close', w);
  assert.equal(b.readText(r), 'waits');
  child.files.closeAll();
  assert.equal(b.waiting?.ready(), true);
  assert.equal(b.readText(r), '');
});

test('a pipe nobody reads: EPIPE and SIGPIPE', () => {
  const { b, r, w } = withPipe();
  b.call('close', r);
  assert.equal(b.write(w, 'x'), -ERRNO.EPIPE);
  assert.deepEqual(b.signals, [SIG.SIGPIPE]);
});

test('O_NONBLOCK: EAGAIN on empty and on full, up to PIPE_BUF all or nothing, more in part', () => {
  const { b, r, w } = withPipe(O.NONBLOCK);
  assert.equal(b.readText(r), -ERRNO.EAGAIN);
  assert.equal(b.write(w, 'a'.repeat(70000)), 65536);
  assert.equal(b.write(w, 'a'), -ERRNO.EAGAIN);
  b.readText(r, 4095);
  assert.equal(b.write(w, 'a'.repeat(4096)), -ERRNO.EAGAIN);
  b.readText(r, 1);
  assert.equal(b.write(w, 'a'.repeat(4096)), 4096);
});

test('a large write goes on where it waited, and a signal in between gives what went through', () => {
  const { b, r, w } = withPipe();
  const text = 'x'.repeat(65536) + 'y'.repeat(1000);
  assert.equal(b.write(w, text), 'waits');
  const wait = b.waiting;
  assert.equal(wait?.interrupted?.(), 65536);
  b.readText(r, 65536);
  assert.equal(wait?.ready(), true);
  b.task.resumed = wait;
  assert.equal(b.write(w, text), 66536);
  b.task.resumed = undefined;
  assert.equal(b.readText(r), 'y'.repeat(1000));
});

test('F_SETPIPE_SZ rounds up to a power of two of pages and refuses to lose bytes', () => {
  const { b, r, w } = withPipe();
  assert.equal(b.call('fcntl', r, F.GETPIPE_SZ), 65536);
  b.write(w, 'z'.repeat(5000));
  assert.equal(b.call('fcntl', w, F.SETPIPE_SZ, 1), -ERRNO.EBUSY);
  assert.equal(b.call('fcntl', w, F.SETPIPE_SZ, 5000), 8192);
  assert.equal(b.readText(r), 'z'.repeat(5000));
});

test('a FIFO: openers wait for each other, the name lists, renames and goes', () => {
  const b = new FileBench(new MemoryHost({ '/d/': '' }));
  assert.equal(b.call('mknod', '/d/p', S.IFIFO | 0o644), 0);
  assert.equal(b.call('mknod', '/d/p', S.IFIFO | 0o644), -ERRNO.EEXIST);
  assert.equal(b.call('open', '/d/p', O.WRONLY | O.NONBLOCK), -ERRNO.ENXIO);
  const child = b.fork(2);
  assert.equal(b.call('open', '/d/p', O.RDONLY), 'waits');
  const wait = b.waiting;
  assert.equal(wait?.ready(), false);
  const w = b.callAs(child, 'open', '/d/p', O.WRONLY) as number;
  assert.equal(w, 3, 'a reader waits already');
  assert.equal(wait?.ready(), true);
  b.task.resumed = wait;
  const r = b.call('open', '/d/p', O.RDONLY) as number;
  b.task.resumed = undefined;
  b.callAs(child, 'write', w, 'hi', 2);
  b.callAs(child, 'close', w);
  assert.equal(b.readText(r), 'hi');
  assert.equal(b.readText(r), '');
  assert.equal(b.call('rename', '/d/p', '/d/q'), 0);
  assert.equal(b.call('unlink', '/d/p'), -ERRNO.ENOENT);
  assert.equal(b.call('unlink', '/d/q'), 0);
});

test('an opener of a FIFO that a signal interrupts leaves no reader behind', () => {
  const b = new FileBench(new MemoryHost({ '/d/': '' }));
  b.call('mknod', '/d/p', S.IFIFO | 0o644);
  b.call('open', '/d/p', O.RDONLY);
  assert.equal(b.waiting?.interrupted?.(), -ERRNO.EINTR);
  assert.equal(b.call('open', '/d/p', O.WRONLY | O.NONBLOCK), -ERRNO.ENXIO);
});

test('eventfd: a counter that is taken whole, or one by one', () => {
  const b = new FileBench(new MemoryHost());
  const at = b.memory.place(8);
  const fd = b.call('eventfd2', 3, 0) as number;
  assert.equal(b.call('read', fd, at, 8), 8);
  assert.equal(b.memory.readU64(at), 3n);
  assert.equal(b.call('read', fd, at, 8), 'waits');
  b.memory.writeU64(at, 5n);
  b.call('write', fd, at, 8);
  assert.equal(b.waiting, undefined);
  assert.equal(b.call('read', fd, at, 4), -ERRNO.EINVAL);
  const semaphore = b.call('eventfd2', 2, 1 | O.NONBLOCK) as number;
  assert.deepEqual(
    [0, 1, 2].map(() => b.call('read', semaphore, at, 8)),
    [8, 8, -ERRNO.EAGAIN],
  );
});
