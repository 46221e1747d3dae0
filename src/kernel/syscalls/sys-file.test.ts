/** The file calls end to end, on a host in memory. What Linux does was run natively first (Python's os, fcntl, select). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ERRNO } from '#abi/errno.ts';
import { AT, F, FS_MAGIC, O, S, SEEK } from '#abi/fs.ts';
import { POLL, POLLFD } from '#abi/poll.ts';
import { DIRENT64, FLOCK, IOVEC, STAT, STATFS, STATX } from '#abi/stat.ts';
import { SYS, type SyscallName } from '#abi/syscall-numbers.ts';
import { IOCTL, TERMIOS, WINSIZE } from '#abi/termios.ts';
import { decodeUtf8 } from '#base/utf8.ts';
import { FileBench } from '../testing/file-bench.ts';
import { MemoryHost } from '../testing/memory-host.ts';
import { FILE_ROWS } from './sys-file.ts';

const bench = (tree: Readonly<Record<string, string>> = {}, stdin = ''): FileBench => new FileBench(new MemoryHost(tree, stdin));

function statOf(b: FileBench, name: 'stat' | 'lstat' | 'fstat', what: string | number): Record<keyof typeof STAT.fields, number> {
  const at = b.memory.place(STAT.size);
  assert.equal(b.call(name, what, at), 0);
  return STAT.decode(b.memory.read(at, STAT.size) as Uint8Array);
}

function names(b: FileBench, path: string, size = 32768): string[] {
  const fd = b.open(path, O.DIRECTORY);
  const at = b.memory.place(size);
  const out: string[] = [];
  for (;;) {
    const n = b.call('getdents64', fd, at, size) as number;
    assert.ok(n >= 0, `getdents64 ${n}`);
    if (n === 0) break;
    const bytes = b.memory.read(at, n) as Uint8Array;
    for (let p = 0; p < n; p += DIRENT64.get(bytes, 'd_reclen', p)) {
      const end = bytes.indexOf(0, p + 19);
      out.push(decodeUtf8(bytes.subarray(p + 19, end)));
    }
  }
  b.call('close', fd);
  return out;
}

test('the rows: every number once, numbers belong to the names, notes say what a partial row lacks', () => {
  assert.equal(new Set(FILE_ROWS.map((r) => r.number)).size, FILE_ROWS.length);
  for (const row of FILE_ROWS) {
    assert.equal(SYS[row.name as SyscallName], row.number);
    assert.equal(row.note !== '', row.support === 'partial', row.name);
  }
});

test('read, write, lseek: one offset for dup and fork, O_APPEND writes at the end, F_GETFL shows O_LARGEFILE', () => {
  const b = bench({ '/f': 'hello world' });
  const fd = b.open('/f', O.RDWR);
  assert.equal(b.readText(fd, 5), 'hello');
  const copy = b.call('dup', fd) as number;
  assert.equal(b.readText(copy, 3), ' wo');
  const child = b.fork(2);
  assert.equal(b.callAs(child, 'lseek', copy, 0, SEEK.CUR), 8);
  assert.equal(b.call('lseek', fd, -2, SEEK.END), 9);
  assert.equal(b.call('lseek', fd, -1, SEEK.SET), -ERRNO.EINVAL);
  assert.equal(b.call('lseek', fd, 2, SEEK.DATA), 2);
  assert.equal(b.call('lseek', fd, 2, SEEK.HOLE), 11);
  assert.equal(b.call('lseek', fd, 11, SEEK.DATA), -ERRNO.ENXIO);
  assert.equal(b.call('fcntl', fd, F.GETFL), 0x8002);
  const append = b.open('/f', O.WRONLY | O.APPEND);
  b.write(append, '!');
  assert.equal(b.call('lseek', append, 0, SEEK.CUR), 12);
  b.call('fcntl', fd, F.SETFL, O.APPEND);
  b.call('lseek', fd, 0, SEEK.SET);
  b.write(fd, '?');
  assert.equal(b.host.text('/f'), 'hello world!?');
  assert.equal(b.call('pread64', fd, b.memory.place(4), 1, -1), -ERRNO.EINVAL);
  assert.equal(b.call('read', b.open('/f', O.WRONLY), b.memory.place(4), 1), -ERRNO.EBADF);
  assert.equal(b.call('read', fd, 1, 4), 0); // at the end nothing is copied: no EFAULT
  b.call('lseek', fd, 0, SEEK.SET);
  assert.equal(b.call('read', fd, 1, 4), -ERRNO.EFAULT);
  assert.equal(b.call('lseek', fd, 0, SEEK.CUR), 0, 'a failed read does not move the offset');
});

test('readv and writev go over their segments; a bad iovec is refused', () => {
  const b = bench({ '/f': 'abcdef' });
  const fd = b.open('/f', O.RDONLY);
  const [x, y] = [b.memory.place(2), b.memory.place(10)];
  const iov = b.memory.place(32);
  b.memory.write(iov, IOVEC.encode({ iov_base: x, iov_len: 2 }));
  b.memory.write(iov + 16, IOVEC.encode({ iov_base: y, iov_len: 10 }));
  assert.equal(b.call('readv', fd, iov, 2), 6);
  assert.equal(decodeUtf8(b.memory.read(y, 4) as Uint8Array), 'cdef');
  assert.equal(b.call('readv', fd, iov, 1025), -ERRNO.EINVAL);
  b.memory.write(iov, IOVEC.encode({ iov_base: x, iov_len: -1 }));
  assert.equal(b.call('writev', b.open('/g', O.CREAT | O.WRONLY, 0o644), iov, 1), -ERRNO.EINVAL);
});

test('descriptors: lowest free first, dup2 closes, dup3 refuses equals, close-on-exec goes at exec, files are closed once', () => {
  const b = bench({ '/f': 'x' });
  const a = b.open('/f', 0);
  const c = b.open('/f', O.CLOEXEC);
  assert.deepEqual([a, c], [3, 4]);
  b.call('close', a);
  assert.equal(b.open('/f', 0), 3);
  assert.equal(b.call('dup2', 3, 9), 9);
  assert.equal(b.call('dup2', 99, 5), -ERRNO.EBADF);
  assert.equal(b.call('dup2', 3, -1), -ERRNO.EBADF);
  assert.equal(b.call('dup3', 3, 3, 0), -ERRNO.EINVAL);
  assert.equal(b.call('fcntl', 3, F.DUPFD, 0x7fff_ffff), -ERRNO.EINVAL);
  assert.equal(b.call('fcntl', 3, F.DUPFD_CLOEXEC, 20), 20);
  assert.equal(b.call('fcntl', 20, F.GETFD), 1);
  b.task.files.closeOnExec();
  assert.deepEqual(b.task.files.numbers(), [0, 1, 2, 3, 9]);
  const child = b.fork(2);
  b.task.files.closeAll();
  assert.equal(b.host.openCount(), 1, 'the child holds the file');
  child.files.closeAll();
  assert.equal(b.host.openCount(), 0);
  b.task.files.limit = 3;
  for (let i = 0; i < 3; i++) b.open('/f', 0);
  assert.equal(b.call('open', '/f', 0), -ERRNO.EMFILE);
});

test('close_range closes, or marks, a range; CLOSE_RANGE_UNSHARE leaves the other table alone', () => {
  const b = bench({ '/f': 'x' });
  for (let i = 0; i < 4; i++) b.open('/f', 0);
  assert.equal(b.call('close_range', 4, 5, 0), 0);
  assert.deepEqual(b.task.files.numbers(), [0, 1, 2, 3, 6]);
  const shared = b.task.files;
  assert.equal(b.call('close_range', 3, 0xffff_ffff, 2), 0);
  assert.deepEqual(b.task.files.numbers(), [0, 1, 2]);
  assert.deepEqual(shared.numbers(), [0, 1, 2, 3, 6]);
  assert.equal(b.call('close_range', 5, 4, 0), -ERRNO.EINVAL);
});

test('inode numbers come in order of first sight, the root is 2; what the guest makes has modelled times', () => {
  const b = bench({ '/b': 'x', '/a': 'y' });
  assert.deepEqual(
    ['/', '/b', '/a', '/b'].map((p) => statOf(b, 'stat', p).st_ino),
    [2, 3, 4, 3],
  );
  assert.equal(statOf(b, 'stat', '/a').st_dev, 0x801);
  assert.equal(statOf(b, 'stat', '/a').st_mtime < 1_600_000_000, true, 'the host’s time for a file of the host');
  b.now = 5_000_000_000n;
  const fd = b.open('/new', O.CREAT | O.WRONLY, 0o644);
  assert.equal(statOf(b, 'fstat', fd).st_mtime, 1_700_000_005);
  b.now = 7_500_000_000n;
  b.write(fd, 'z');
  const after = statOf(b, 'stat', '/new');
  assert.deepEqual([after.st_mtime, after.st_mtime_nsec, after.st_size], [1_700_000_007, 500_000_000, 1]);
  const ino = after.st_ino;
  b.call('unlink', '/new');
  assert.equal(statOf(b, 'fstat', fd).st_nlink, 0);
  b.open('/new', O.CREAT | O.WRONLY, 0o644);
  assert.notEqual(statOf(b, 'stat', '/new').st_ino, ino);
});

test('getdents64: . and .. first, the rest by bytes, mounts among them; small buffers continue, tiny ones are refused', () => {
  const b = bench({ '/z/': '', '/Z': '', '/ä': '', '/a': '', '/n/y': '' });
  assert.deepEqual(names(b, '/'), ['.', '..', 'Z', 'a', 'dev', 'n', 'proc', 'sys', 'z', 'ä']);
  assert.deepEqual(names(b, '/', 64), ['.', '..', 'Z', 'a', 'dev', 'n', 'proc', 'sys', 'z', 'ä']);
  const fd = b.open('/', 0);
  assert.equal(b.call('getdents64', fd, b.memory.place(8), 8), -ERRNO.EINVAL);
  assert.equal(b.call('getdents64', b.open('/a', 0), b.memory.place(64), 64), -ERRNO.ENOTDIR);
  assert.equal(b.call('read', fd, b.memory.place(8), 8), -ERRNO.EISDIR);
});

test('deleting while reading a directory skips nothing; rewinding reads it anew', () => {
  const b = bench({ '/d/a': '', '/d/b': '', '/d/c': '' });
  const fd = b.open('/d', 0);
  const at = b.memory.place(48);
  b.call('getdents64', fd, at, 48); // . and ..
  b.call('unlink', '/d/a');
  let seen = 0;
  while ((b.call('getdents64', fd, at, 24) as number) > 0) seen++;
  assert.equal(seen, 3);
  b.call('lseek', fd, 0, SEEK.SET);
  assert.equal(b.call('getdents64', fd, b.memory.place(1000), 1000), 4 * 24);
});

test('statx and statfs give the same file in their own words', () => {
  const b = bench({ '/f': 'four' });
  const at = b.memory.place(STATX.size);
  assert.equal(b.call('statx', AT.FDCWD, '/f', 0, 0x7ff, at), 0);
  const x = STATX.decode(b.memory.read(at, STATX.size) as Uint8Array);
  const s = statOf(b, 'stat', '/f');
  assert.deepEqual([x.stx_ino, x.stx_size, x.stx_mode, x.stx_dev_major, x.stx_dev_minor], [s.st_ino, 4, s.st_mode, 8, 1]);
  assert.equal(b.call('statx', AT.FDCWD, '/f', 0, 0x8000_0000, at), -ERRNO.EINVAL);
  const fs = b.memory.place(STATFS.size);
  b.call('statfs', '/proc', fs);
  assert.equal(STATFS.get(b.memory.read(fs, STATFS.size) as Uint8Array, 'f_type'), FS_MAGIC.PROC);
});

test('AT_EMPTY_PATH, dirfd and its errors', () => {
  const b = bench({ '/d/f': 'x' });
  const dir = b.open('/d', O.PATH);
  const file = b.open('/d/f', 0);
  const at = b.memory.place(STAT.size);
  assert.equal(b.call('newfstatat', dir, 'f', at, 0), 0);
  assert.equal(b.call('newfstatat', file, '', at, AT.EMPTY_PATH), 0);
  assert.equal(b.call('newfstatat', file, '', at, 0), -ERRNO.ENOENT);
  assert.equal(b.call('newfstatat', file, 'f', at, 0), -ERRNO.ENOTDIR);
  assert.equal(b.call('newfstatat', 99, 'f', at, 0), -ERRNO.EBADF);
  assert.equal(b.call('newfstatat', 99, '/d/f', at, 0), 0, 'an absolute path does not look at dirfd');
  assert.equal(b.call('read', dir, at, 1), -ERRNO.EBADF);
  assert.equal(b.call('fchmod', dir, 0o700), -ERRNO.EBADF);
  assert.equal(b.call('fcntl', dir, F.GETFL), O.PATH);
});

test('utimensat: now is modelled time, OMIT leaves, a session reads back exact nanoseconds', () => {
  const b = bench({ '/f': 'x' });
  const at = b.memory.place(32);
  b.memory.writeU64(at, 1_000_000_000);
  b.memory.writeU64(at + 8, 123_456_789);
  b.memory.writeU64(at + 16, 0);
  b.memory.writeU64(at + 24, 0x3fff_fffe);
  const before = statOf(b, 'stat', '/f').st_mtime;
  assert.equal(b.call('utimensat', AT.FDCWD, '/f', at, 0), 0);
  const s = statOf(b, 'stat', '/f');
  assert.deepEqual([s.st_atime, s.st_atime_nsec, s.st_mtime], [1_000_000_000, 123_456_789, before]);
  assert.equal(b.call('utimensat', AT.FDCWD, '/f', 0, 0), 0);
  assert.equal(statOf(b, 'stat', '/f').st_mtime, 1_700_000_000);
  b.memory.writeU64(at + 8, 1_000_000_000);
  assert.equal(b.call('utimensat', AT.FDCWD, '/f', at, 0), -ERRNO.EINVAL);
});

test('/dev: null, zero, full, random by seed', () => {
  const b = bench();
  const at = b.memory.place(16);
  assert.equal(b.cat('/dev/null'), '');
  assert.equal(b.call('read', b.open('/dev/zero', 0), at, 16), 16);
  assert.equal(b.write(b.open('/dev/full', O.RDWR), 'x'), -ERRNO.ENOSPC);
  b.call('read', b.open('/dev/urandom', 0), at, 3);
  assert.deepEqual([...(b.memory.read(at, 3) as Uint8Array)], [1, 8, 15]);
  assert.equal(b.call('lseek', b.open('/dev/null', 0), 5, SEEK.SET), 0);
  assert.equal(statOf(b, 'stat', '/dev/null').st_rdev, 0x103);
  assert.equal(b.call('open', '/dev/tty', O.RDWR), -ERRNO.ENXIO);
});

test('standard streams: bytes go through, a pipe is a pipe, /dev/stdin opens what 0 is', () => {
  const b = bench({}, 'input text');
  assert.equal(b.readText(0, 5), 'input');
  assert.equal(b.cat('/dev/stdin'), ' text');
  b.write(1, 'out');
  b.write(b.open('/dev/stderr', O.WRONLY), 'err');
  assert.deepEqual([b.host.output(1), b.host.output(2)], ['out', 'err']);
  assert.equal(statOf(b, 'fstat', 0).st_mode & S.IFMT, S.IFIFO);
  assert.equal(b.call('lseek', 0, 0, SEEK.CUR), -ERRNO.ESPIPE);
  assert.equal(b.call('ioctl', 1, IOCTL.TCGETS, b.memory.place(64)), -ERRNO.ENOTTY);
  assert.equal(b.write(0, 'x'), -ERRNO.EBADF);
});

test('input that has not come yet: the whole model waits; O_NONBLOCK gets EAGAIN', () => {
  const b = bench({}, 'late');
  b.host.silence = 2;
  assert.equal(b.readText(0), 'waits');
  assert.equal(b.waiting?.host, true);
  b.call('fcntl', 0, F.SETFL, O.NONBLOCK);
  assert.equal(b.readText(0), -ERRNO.EAGAIN);
  assert.equal(b.readText(0), 'late');
});

test('a terminal is /dev/pts/0 with a size and settings that are remembered', () => {
  const host = new MemoryHost();
  host.terminalSize = { rows: 50, columns: 132 };
  const b = new FileBench(host);
  const at = b.memory.place(64);
  assert.equal(b.call('ioctl', 1, IOCTL.TIOCGWINSZ, at), 0);
  assert.equal(WINSIZE.get(b.memory.read(at, 8) as Uint8Array, 'ws_col'), 132);
  assert.equal(b.call('ioctl', 0, IOCTL.TCGETS, at), 0);
  assert.equal(b.memory.readU32(at + 12), 0o105073);
  b.memory.writeU32(at + 12, 0);
  b.call('ioctl', 0, IOCTL.TCSETS, at);
  b.memory.clear(at, TERMIOS.size);
  b.call('ioctl', 2, IOCTL.TCGETS, at);
  assert.equal(b.memory.readU32(at + 12), 0);
  assert.equal(b.call('readlink', '/proc/self/fd/0', at, 64), 10);
  assert.equal(decodeUtf8(b.memory.read(at, 10) as Uint8Array), '/dev/pts/0');
  assert.equal(statOf(b, 'fstat', 0).st_rdev, statOf(b, 'stat', '/dev/pts/0').st_rdev);
  assert.equal(statOf(b, 'fstat', 0).st_ino, statOf(b, 'stat', '/dev/pts/0').st_ino);
});

test('/proc/self: what is open, where it stands, what it is called', () => {
  const b = bench({ '/d/f': 'x' });
  const fd = b.open('/d/f', O.RDONLY);
  b.call('chdir', '/d');
  const at = b.memory.place(100);
  const link = (path: string): string => decodeUtf8(b.memory.read(at, b.call('readlink', path, at, 100) as number) as Uint8Array);
  assert.equal(link('/proc/self'), '1');
  assert.equal(link(`/proc/self/fd/${fd}`), '/d/f');
  assert.equal(link('/proc/self/cwd'), '/d');
  b.call('unlink', '/d/f');
  assert.equal(link(`/proc/self/fd/${fd}`), '/d/f (deleted)');
  assert.equal(b.cat('/proc/self/comm'), 'bench\n');
  assert.equal(b.cat('/proc/1/cmdline'), 'bench\0-x\0');
  assert.deepEqual(names(b, '/proc/self/fd'), ['.', '..', '0', '1', '2', '3', '4']);
  assert.equal(b.call('open', '/proc/77', 0), -ERRNO.ENOENT);
  assert.match(b.cat('/proc/mounts') as string, /^\/dev\/sda1 \/ ext4 rw,relatime 0 0\nudev \/dev devtmpfs/);
  assert.equal(b.cat('/proc/sys/kernel/osrelease'), '6.12.0-perfglass\n');
  b.now = 12_340_000_000n;
  assert.ok(names(b, '/proc').includes('1'));
});

test('record locks: conflict between processes, merge and split within one, gone at close', () => {
  const b = bench({ '/f': 'x'.repeat(100) });
  const fd = b.open('/f', O.RDWR);
  const child = b.fork(2);
  const at = b.memory.place(FLOCK.size);
  const lock = (task: typeof child, command: number, l_type: number, l_start: number, l_len: number): number | 'waits' => {
    b.memory.write(at, FLOCK.encode({ l_type, l_whence: SEEK.SET, l_start, l_len }));
    return b.callAs(task, 'fcntl', fd, command, at);
  };
  assert.equal(lock(b.task, F.SETLK, 1, 0, 50), 0);
  assert.equal(lock(child, F.SETLK, 0, 40, 20), -ERRNO.EAGAIN);
  assert.equal(lock(b.task, F.SETLK, 2, 20, 10), 0);
  assert.equal(lock(child, F.SETLK, 1, 20, 10), 0, 'the hole is free');
  assert.equal(lock(child, F.GETLK, 1, 30, 0), 0);
  const found = FLOCK.decode(b.memory.read(at, FLOCK.size) as Uint8Array);
  assert.deepEqual([found.l_type, found.l_start, found.l_len, found.l_pid], [1, 30, 20, 1]);
  assert.equal(lock(child, F.SETLKW, 1, 0, 5), 'waits');
  const wait = b.waiting;
  assert.equal(wait?.ready(), false);
  b.call('close', fd);
  assert.equal(wait?.ready(), true);
});

test('flock is per description: dup shares it, another open waits', () => {
  const b = bench({ '/f': 'x' });
  const one = b.open('/f', 0);
  const two = b.open('/f', 0);
  assert.equal(b.call('flock', one, 2), 0);
  assert.equal(b.call('flock', b.call('dup', one) as number, 1), 0);
  assert.equal(b.call('flock', two, 1 | 4), 0, 'shared beside shared');
  assert.equal(b.call('flock', two, 2 | 4), -ERRNO.EAGAIN);
  assert.equal(b.call('flock', two, 2), 'waits');
  assert.equal(b.call('flock', two, 3), -ERRNO.EINVAL);
});

test('sendfile and copy_file_range move bytes and offsets', () => {
  const b = bench({ '/f': 'abcdefgh' });
  const from = b.open('/f', 0);
  const to = b.open('/g', O.CREAT | O.RDWR, 0o644);
  assert.equal(b.call('sendfile', to, from, 0, 3), 3);
  assert.equal(b.readText(from, 2), 'de');
  const at = b.memory.place(8);
  b.memory.writeU64(at, 6);
  assert.equal(b.call('copy_file_range', from, at, to, 0, 10, 0), 2);
  assert.equal(b.memory.readNumber(at), 8);
  assert.equal(b.host.text('/g'), 'abcgh');
  assert.equal(b.call('copy_file_range', from, 0, 1, 0, 10, 0), -ERRNO.EINVAL);
});

test('memfd: grows, seeks, cuts, is not sealed until asked', () => {
  const b = bench();
  const fd = b.call('memfd_create', 'm', 2) as number;
  b.write(fd, 'hello');
  b.call('ftruncate', fd, 3);
  b.call('lseek', fd, 0, SEEK.SET);
  assert.equal(b.readText(fd), 'hel');
  assert.equal(b.call('fcntl', fd, F.ADD_SEALS, 2), 0);
  assert.equal(b.call('ftruncate', fd, 1), -ERRNO.EPERM);
  assert.equal(statOf(b, 'fstat', fd).st_size, 3);
});

test('poll: numbers that are not open are NVAL, negative ones are left out, a timeout is kept over the Wait', () => {
  const b = bench();
  const fds = b.memory.place(16);
  b.call('pipe', fds);
  const r = b.memory.readI32(fds) as number;
  const at = b.memory.place(32);
  const put = (i: number, fd: number, events: number): void => {
    b.memory.write(at + i * 8, POLLFD.encode({ fd, events }));
  };
  put(0, r, POLL.IN);
  put(1, -1, POLL.IN);
  assert.equal(b.call('poll', at, 2, 0), 0);
  put(1, 99, POLL.IN);
  assert.equal(b.call('poll', at, 2, 0), 1);
  assert.equal(POLLFD.get(b.memory.read(at, 32) as Uint8Array, 'revents', 8), POLL.NVAL);
  assert.equal(b.call('poll', at, 1, 100), 'waits');
  const wait = b.waiting;
  assert.equal(wait?.deadlineNs, 100_000_000n);
  b.now = 60_000_000n;
  b.task.resumed = wait;
  assert.equal(b.call('poll', at, 1, 100), 'waits');
  assert.equal(b.waiting?.deadlineNs, 100_000_000n);
  b.now = 100_000_000n;
  assert.equal(b.call('poll', at, 1, 100), 0);
  b.task.resumed = undefined;
  b.call('close', b.memory.readI32(fds + 4) as number);
  assert.equal(b.call('poll', at, 1, -1), 1);
  assert.equal(POLLFD.get(b.memory.read(at, 8) as Uint8Array, 'revents'), POLL.HUP);
});

test('select: sets are read and written as bits, a number that is not open is EBADF, the time left is given back', () => {
  const b = bench();
  const fds = b.memory.place(16);
  b.call('pipe', fds);
  const [r, w] = [b.memory.readI32(fds) as number, b.memory.readI32(fds + 4) as number];
  const [reads, writes, time] = [b.memory.place(128), b.memory.place(128), b.memory.place(16)];
  b.memory.writeU64(reads, 1n << BigInt(r));
  b.memory.writeU64(writes, 1n << BigInt(w));
  assert.equal(b.call('select', 10, reads, writes, 0, 0), 1);
  assert.deepEqual([b.memory.readU64(reads), b.memory.readU64(writes)], [0n, 1n << BigInt(w)]);
  b.memory.writeU64(reads, 1n << BigInt(r));
  b.memory.writeU64(time, 1);
  assert.equal(b.call('select', 10, reads, 0, 0, time), 'waits');
  b.task.resumed = b.waiting;
  b.now = 400_000_000n;
  b.write(w, 'x');
  assert.equal(b.call('select', 10, reads, 0, 0, time), 1);
  assert.deepEqual([b.memory.readNumber(time), b.memory.readNumber(time + 8)], [0, 600_000]);
  b.memory.writeU64(reads, 1n << 9n);
  assert.equal(b.call('select', 10, reads, 0, 0, 0), -ERRNO.EBADF);
});

test('extended attributes: kept with the file, no ACLs, errors of the path first', () => {
  const b = bench({ '/f': 'x' });
  assert.equal(b.call('lgetxattr', '/f', 'system.posix_acl_access', 0, 0), -ERRNO.EOPNOTSUPP);
  assert.equal(b.call('setxattr', '/f', 'user.a', 'value', 5, 0), 0);
  assert.equal(b.call('rename', '/f', '/g'), 0);
  assert.equal(b.call('getxattr', '/g', 'user.a', 0, 0), 5);
  assert.equal(b.call('listxattr', '/g', 0, 0), 7);
  assert.equal(b.call('removexattr', '/g', 'user.a'), 0);
  assert.equal(b.call('getxattr', '/g', 'user.a', 0, 0), -ERRNO.ENODATA);
  assert.equal(b.call('getxattr', '/dev/null', 'user.a', 0, 0), -ERRNO.EOPNOTSUPP);
  assert.equal(b.call('getxattr', '/none', 'user.x', 0, 0), -ERRNO.ENOENT);
  assert.equal(b.call('flistxattr', 77, 0, 0), -ERRNO.EBADF);
});
