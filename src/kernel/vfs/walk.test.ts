/** What each call answers to awkward paths: every row was run natively on Linux 6 with Python's os module. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errnoName } from '#abi/errno.ts';
import { O, S } from '#abi/fs.ts';
import type { SyscallName } from '#abi/syscall-numbers.ts';
import { STAT } from '#abi/stat.ts';
import { FileBench } from '../testing/file-bench.ts';
import { MemoryHost } from '../testing/memory-host.ts';

const tree = (): FileBench =>
  new FileBench(
    new MemoryHost({
      '/w/d/': '',
      '/w/f': 'hello',
      '/w/l': '-> f',
      '/w/dang': '-> nowhere',
      '/w/loop': '-> loop',
      '/w/ld': '-> d',
      '/w/dangnew': '-> new',
    }),
    '/w',
  );

const CREATE = O.CREAT | O.RDWR;
/** name, arguments, the errno; 'ok' for success. */
const ROWS: readonly (readonly [SyscallName, readonly (string | number)[], string])[] = [
  ['open', ['f/', 0], 'ENOTDIR'],
  ['open', ['l/', 0], 'ENOTDIR'],
  ['open', ['ld/', 0], 'ok'],
  ['open', ['x/', CREATE], 'EISDIR'],
  ['open', ['d', O.CREAT], 'EISDIR'],
  ['open', ['d', O.CREAT | O.EXCL], 'EEXIST'],
  ['open', ['d', O.RDWR], 'EISDIR'],
  ['open', ['l', O.NOFOLLOW], 'ELOOP'],
  ['open', ['loop', 0], 'ELOOP'],
  ['open', ['dang', CREATE | O.EXCL], 'EEXIST'],
  ['open', ['dang/', CREATE], 'EISDIR'],
  ['open', ['f', O.DIRECTORY], 'ENOTDIR'],
  ['open', ['z', O.DIRECTORY | O.CREAT], 'EINVAL'],
  ['open', ['', 0], 'ENOENT'],
  ['open', ['f/x', 0], 'ENOTDIR'],
  ['open', ['a'.repeat(256), 0], 'ENAMETOOLONG'],
  ['open', ['ä'.repeat(128), 0], 'ENAMETOOLONG'],
  ['open', ['./'.repeat(2048), 0], 'ENAMETOOLONG'],
  ['mkdir', ['d', 0o777], 'EEXIST'],
  ['mkdir', ['f/', 0o777], 'EEXIST'],
  ['mkdir', ['dang', 0o777], 'EEXIST'],
  ['mkdir', ['dang/', 0o777], 'EEXIST'],
  ['mkdir', ['.', 0o777], 'EEXIST'],
  ['mkdir', ['/', 0o777], 'EEXIST'],
  ['mkdir', ['q/', 0o777], 'ok'],
  ['mkdir', ['no/q', 0o777], 'ENOENT'],
  ['rmdir', ['f'], 'ENOTDIR'],
  ['rmdir', ['.'], 'EINVAL'],
  ['rmdir', ['d/..'], 'ENOTEMPTY'],
  ['rmdir', ['ld'], 'ENOTDIR'],
  ['rmdir', ['ld/'], 'ENOTDIR'],
  ['rmdir', ['d/'], 'ok'],
  ['rmdir', ['/'], 'EBUSY'],
  ['rmdir', ['/proc'], 'EBUSY'],
  ['unlink', ['d'], 'EISDIR'],
  ['unlink', ['f/'], 'ENOTDIR'],
  ['unlink', ['.'], 'EISDIR'],
  ['unlink', ['ld/'], 'ENOTDIR'],
  ['unlink', ['none'], 'ENOENT'],
  ['unlink', ['l/'], 'ENOTDIR'],
  ['unlink', ['/proc/self/status'], 'EPERM'],
  ['symlink', ['', 's'], 'ENOENT'],
  ['symlink', ['a', 's/'], 'ENOENT'],
  ['symlink', ['a', 'f'], 'EEXIST'],
  ['link', ['d', 'h'], 'EPERM'],
  ['link', ['f', 'h/'], 'ENOENT'],
  ['link', ['f', '.'], 'EEXIST'],
  ['rename', ['f', 'g/'], 'ENOTDIR'],
  ['rename', ['f/', 'g'], 'ENOTDIR'],
  ['rename', ['.', 'g'], 'EBUSY'],
  ['rename', ['ld/', 'g'], 'ENOTDIR'],
  ['rename', ['d', 'g/'], 'ok'],
  ['rename', ['/proc', 'g'], 'EBUSY'],
  ['readlink', ['f', 0x10000, 10], 'EINVAL'],
  ['readlink', ['', 0x10000, 10], 'ENOENT'],
  ['readlink', ['ld/', 0x10000, 10], 'EINVAL'],
  ['readlink', ['l/', 0x10000, 10], 'ENOTDIR'],
  ['truncate', ['d', 0], 'EISDIR'],
  ['truncate', ['f', -1], 'EINVAL'],
  ['chdir', ['f'], 'ENOTDIR'],
  ['access', ['f', 8], 'EINVAL'],
  ['lstat', ['l/', 0x10000], 'ENOTDIR'],
  ['lstat', ['ld/', 0x10000], 'ok'],
  ['open', ['/proc/xyz', O.CREAT | O.WRONLY], 'ENOENT'],
  ['mkdir', ['/proc/xyz', 0o777], 'ENOENT'],
];

for (const [name, args, expected] of ROWS) {
  test(`${name}(${args.map((a) => (typeof a === 'string' ? `'${a.slice(0, 20)}'` : a)).join(', ')}) → ${expected}`, () => {
    const result = tree().call(name, ...args);
    assert.ok(typeof result === 'number');
    assert.equal(result >= 0 ? 'ok' : errnoName(result), expected);
  });
}

test('O_CREAT through a dangling link makes the file it names', () => {
  const bench = tree();
  bench.open('dangnew', CREATE, 0o666);
  assert.equal(bench.host.text('/w/new'), '');
});

test('a mkdir and a create apply the umask once', () => {
  const bench = tree();
  bench.call('umask', 0o027);
  bench.call('mkdir', 'm', 0o777);
  bench.open('n', CREATE, 0o666);
  const at = bench.memory.place(STAT.size);
  bench.call('stat', 'm', at);
  assert.equal(STAT.get(bench.memory.bytes, 'st_mode', at - 0x10000), S.IFDIR | 0o750);
  bench.call('stat', 'n', at);
  assert.equal(STAT.get(bench.memory.bytes, 'st_mode', at - 0x10000), S.IFREG | 0o640);
});

test('a directory that is removed under a process: getcwd ENOENT, stat(".") works, nothing can be made, .. leads out', () => {
  const bench = tree();
  bench.call('mkdir', 'gone', 0o755);
  bench.call('chdir', 'gone');
  bench.call('rmdir', '../gone');
  const at = bench.memory.place(STAT.size);
  assert.equal(bench.call('getcwd', at, 100), -2);
  assert.equal(bench.call('stat', '.', at), 0);
  assert.equal(bench.call('open', 'x', CREATE, 0o666), -2);
  assert.equal(bench.call('stat', '..', at), 0);
  const fd = bench.open('.', O.DIRECTORY);
  assert.equal(bench.call('getdents64', fd, bench.memory.place(200), 200), -2);
});

test('a renamed directory takes its standers with it', () => {
  const bench = tree();
  bench.call('chdir', 'd');
  bench.call('rename', '../d', '../e');
  const at = bench.memory.place(100);
  bench.call('getcwd', at, 100);
  assert.equal(bench.memory.readString(at, 100), '/w/e');
  bench.open('in', CREATE, 0o666);
  assert.equal(bench.host.text('/w/e/in'), '');
});

test('with a prefix neither .. nor links nor absolute paths lead outside', () => {
  const host = new MemoryHost({
    '/secret': 'no',
    '/jail/abs': '-> /secret',
    '/jail/up': '-> ../../../../secret',
    '/jail/secret': 'inside',
    '/jail/d/': '',
  });
  const bench = new FileBench(host, '/d', { prefix: '/jail' });
  for (const path of ['/abs', '/up', '../../secret', '/../secret', '/d/../../secret']) assert.equal(bench.cat(path), 'inside', path);
  assert.ok(
    host.asked.every((path) => path === '' || path.startsWith('/jail')),
    'every host path lies inside',
  );
});
