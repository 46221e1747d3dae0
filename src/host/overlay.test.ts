/** An overlay shows what a plain file system would after the same calls, and never changes what lies below. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ERRNO } from '#abi/errno.ts';
import { O, S } from '#abi/fs.ts';
import { Rng } from '#base/rng.ts';
import { decodeUtf8, encodeUtf8 } from '#base/utf8.ts';
import { MemoryHost } from '#kernel/testing/memory-host.ts';
import type { Host } from '#port/host.ts';
import { OverlayHost } from './overlay.ts';
import { ReadOnlyHost } from './read-only.ts';

const TREE = { '/a': 'alpha', '/b': 'beta', '/d/x': 'in d', '/d/e/y': 'deep', '/empty/': '', '/l': '-> a' };
const NAMES = ['/a', '/b', '/c', '/d', '/d/x', '/d/e', '/d/e/y', '/d/n', '/empty', '/empty/z', '/l', '/m'];
const user = { uid: 0, gid: 0 };

const overlayOn = (lower: Host, who = user): OverlayHost => new OverlayHost(lower, { lower: '', user: who, nowNs: () => 7n });

function content(host: Host, path: string): string {
  const fd = host.open(path, O.RDONLY, 0);
  if (fd < 0) return `error ${fd}`;
  const into = new Uint8Array(1000);
  const n = host.read(fd, into, 0);
  host.close(fd);
  return decodeUtf8(into.subarray(0, n));
}
/** Everything that a walk finds: types, modes, links, content. */
function dump(host: Host, path = ''): string {
  const names = host.readdir(path || '/');
  if (typeof names === 'number') return `${path}: error ${names}\n`;
  let out = '';
  for (const name of names) {
    const at = `${path}/${name}`;
    const stat = host.stat(at, false);
    if (typeof stat === 'number') return `${at}: error ${stat}\n`;
    const type = stat.mode & S.IFMT;
    out += `${at} ${stat.mode.toString(8)} ${stat.nlink} ${stat.uid} `;
    if (type === S.IFDIR) out += `\n${dump(host, at)}`;
    else if (type === S.IFLNK) out += `-> ${host.readlink(at)}\n`;
    else out += `${JSON.stringify(content(host, at))}\n`;
  }
  return out;
}

function act(host: Host, kind: number, a: string, b: string, n: number): number | string {
  switch (kind) {
    case 0:
      return host.mkdir(a, 0o750);
    case 1:
      return host.unlink(a);
    case 2:
      return host.rmdir(a);
    case 3:
      return host.rename(a, b);
    case 4:
      return host.link(a, b);
    case 5:
      return host.symlink('a', a);
    case 6:
      return host.chmod(a, 0o600 + (n % 8));
    case 7:
      return host.chown(a, n % 5, -1, false);
    case 8:
      return content(host, a);
    default: {
      const flags = [O.RDWR | O.CREAT, O.WRONLY | O.TRUNC, O.RDWR, O.WRONLY | O.APPEND | O.CREAT][n % 4] ?? 0;
      const fd = host.open(a, flags, 0o644);
      if (fd < 0) return fd;
      const written = host.write(fd, encodeUtf8(`<${n}>`), n % 7);
      if (n % 3 === 0) host.ftruncate(fd, n % 11);
      host.close(fd);
      return written;
    }
  }
}

/** What a plain tree would not be asked by the kernel, which walks first: the reference host takes more on trust. */
function sensible(host: Host, kind: number, a: string, b: string): boolean {
  const type = (path: string): number => {
    const stat = host.stat(path, false);
    return typeof stat === 'number' ? 0 : stat.mode & S.IFMT;
  };
  if (kind === 1 || kind === 4) return type(a) !== S.IFDIR;
  if (kind === 3)
    return !b.startsWith(`${a}/`) && !a.startsWith(`${b}/`) && (type(b) === 0 || (type(a) === S.IFDIR) === (type(b) === S.IFDIR));
  return kind < 8 || type(a) === S.IFREG || type(a) === 0;
}

test('random changes: the same results and the same tree as without an overlay, and nothing below is touched', () => {
  for (let seed = 1; seed <= 30; seed++) {
    const lower = new MemoryHost(TREE);
    const before = dump(lower);
    const plain = new MemoryHost(TREE);
    const overlay = overlayOn(lower);
    const rng = new Rng(seed);
    const pick = (n: number): number => rng.next() % n;
    for (let i = 0; i < 120; i++) {
      const [kind, a, b, n] = [pick(12), NAMES[pick(NAMES.length)] ?? '', NAMES[pick(NAMES.length)] ?? '', pick(1000)];
      if (!sensible(plain, kind, a, b)) continue;
      const want = act(plain, kind, a, b, n);
      assert.equal(act(overlay, kind, a, b, n), want, `seed ${seed} step ${i}: ${kind} ${a} ${b} ${n}`);
      if (i % 4 === 3) assert.equal(dump(overlay), dump(plain), `seed ${seed} step ${i}: ${kind} ${a} ${b} ${n}`);
    }
    assert.equal(dump(lower), before, `seed ${seed}: the lower tree`);
  }
});

test('a file that is open stays itself: through its first change, under its other name, without a name', () => {
  const lower = new MemoryHost(TREE);
  lower.link('/a', '/hard');
  const o = overlayOn(lower);
  const reader = o.open('/a', O.RDONLY, 0);
  const before = o.fstat(reader);
  const writer = o.open('/hard', O.RDWR, 0);
  assert.equal(o.write(writer, encodeUtf8('ALPHA and more'), 0), 14);
  const into = new Uint8Array(20);
  assert.equal(decodeUtf8(into.subarray(0, o.read(reader, into, 0))), 'ALPHA and more');
  const after = o.fstat(reader);
  assert.ok(typeof before === 'object' && typeof after === 'object');
  assert.equal(after.identity, before.identity);
  assert.equal(o.unlink('/a'), 0);
  assert.equal(o.unlink('/hard'), 0);
  const gone = o.fstat(reader);
  assert.equal(typeof gone === 'object' ? gone.nlink : gone, 0);
  assert.equal(lower.text('/a'), 'alpha');
});

test('users other than 0 are held to modes, owners and the sticky bit', () => {
  const lower = new MemoryHost({ '/open/f': 'x', '/shut/f': 'x', '/tmp/theirs': 'x' });
  lower.chmod('/open', 0o777);
  lower.chmod('/shut', 0o700);
  lower.chmod('/tmp', 0o1777);
  lower.chmod('/open/f', 0o600);
  const o = overlayOn(lower, { uid: 1000, gid: 1000 });
  assert.equal(o.open('/open/f', O.RDONLY, 0), -ERRNO.EACCES);
  assert.equal(o.open('/shut/f', O.RDONLY, 0), -ERRNO.EACCES);
  assert.equal(o.chmod('/open/f', 0o666), -ERRNO.EPERM);
  assert.equal(o.chown('/open/f', 1000, 1000), -ERRNO.EPERM);
  assert.equal(o.unlink('/tmp/theirs'), -ERRNO.EPERM);
  assert.equal(o.unlink('/open/f'), 0);
  assert.equal(o.mkdir('/mine', 0o755), -ERRNO.EACCES);
  assert.equal(o.mkdir('/open/mine', 0o755), 0);
  assert.equal(o.chmod('/open/mine', 0o700), 0);
  const stat = o.stat('/open/mine');
  assert.equal(typeof stat === 'object' ? stat.uid : stat, 1000);
});

test('a large file: holes are zeroes, a cut hides what was below for good', () => {
  const lower = new MemoryHost({ '/big': 'x'.repeat(200_000) });
  const o = overlayOn(lower);
  const fd = o.open('/big', O.RDWR, 0);
  assert.equal(o.write(fd, encodeUtf8('Y'), 70_000), 1);
  assert.equal(o.ftruncate(fd, 70_002), 0);
  assert.equal(o.ftruncate(fd, 300_000), 0);
  assert.equal(o.write(fd, encodeUtf8('Z'), 10_000_000_000), 1);
  const into = new Uint8Array(6);
  assert.equal(o.read(fd, into, 69_998), 6);
  assert.equal(decodeUtf8(into), 'xxYx\0\0');
  assert.equal(o.read(fd, into, 199_990), 6);
  assert.equal(decodeUtf8(into), '\0'.repeat(6));
  assert.equal(o.read(fd, into, 10_000_000_000), 1);
});

test('read-only: every change is EROFS and reaches nothing', () => {
  const lower = new MemoryHost(TREE);
  const before = dump(lower);
  const host = new ReadOnlyHost(lower);
  for (const kind of [0, 1, 2, 3, 4, 5, 6, 7, 9]) assert.equal(act(host, kind, '/a', '/m', 4), -ERRNO.EROFS, String(kind));
  assert.equal(host.open('/a', O.RDONLY | O.CREAT, 0) > 0, true);
  assert.equal(host.open('/a', O.RDONLY | O.TRUNC, 0), -ERRNO.EROFS);
  assert.equal(host.access('/a', 2), -ERRNO.EROFS);
  assert.equal(host.access('/a', 4), 0);
  assert.equal(content(host, '/a'), 'alpha');
  assert.equal(dump(lower), before);
});
