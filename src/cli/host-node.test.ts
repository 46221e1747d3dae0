import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { ERRNO } from '#abi/errno.ts';
import { O, S } from '#abi/fs.ts';
import { decodeUtf8 } from '#base/utf8.ts';
import type { HostStat } from '#port/host.ts';
import { NodeHost } from './host-node.ts';

const host = new NodeHost();
const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'perfglass-host-'));
after(() => fs.rmSync(dir, { recursive: true }));
const at = (name: string): string => path.join(dir, name);
const statOf = (name: string): HostStat => {
  const stat = host.stat(at(name), false);
  if (typeof stat === 'number') throw new Error(`stat ${name}: ${stat}`);
  return stat;
};

test('files are made with the mode as given, whatever the host’s umask', () => {
  const fd = host.open(at('made'), O.CREAT | O.RDWR, 0o666);
  assert.ok(fd > 2);
  assert.equal(statOf('made').mode, S.IFREG | 0o666);
  assert.equal(host.mkdir(at('dir'), 0o777), 0);
  assert.equal(statOf('dir').mode, S.IFDIR | 0o777);
  assert.equal(host.write(fd, Uint8Array.of(1, 2, 3), 5), 3);
  const into = new Uint8Array(10);
  assert.equal(host.read(fd, into, 4), 4);
  assert.deepEqual([...into.subarray(0, 4)], [0, 1, 2, 3]);
  assert.equal(host.read(fd, into, 100), 0);
  assert.equal(host.ftruncate(fd, 2 ** 33 + 7), 0, 'sizes beyond 32 bits');
  assert.equal(statOf('made').size, 2 ** 33 + 7);
  assert.equal(host.write(fd, Uint8Array.of(9), 2 ** 33), 1);
  assert.equal(host.read(fd, into, 2 ** 33), 7);
  assert.equal(host.close(fd), 0);
  assert.equal(host.close(fd), -ERRNO.EBADF);
  host.unlink(at('made'));
});

test('failures are Linux’s numbers', () => {
  fs.writeFileSync(at('file'), '');
  assert.equal(host.open(at('none'), 0, 0), -ERRNO.ENOENT);
  assert.equal(host.stat(at('none'), false), -ERRNO.ENOENT);
  assert.equal(host.stat(at('file/x'), false), -ERRNO.ENOTDIR);
  assert.equal(host.open(at('file'), O.CREAT | O.EXCL | O.WRONLY, 0o600), -ERRNO.EEXIST);
  assert.equal(host.readdir(at('file')), -ERRNO.ENOTDIR);
  assert.equal(host.readlink(at('file')), -ERRNO.EINVAL);
  assert.equal(host.mkdir(at('file'), 0o700), -ERRNO.EEXIST);
  assert.equal(host.rmdir(at('file')), -ERRNO.ENOTDIR);
  assert.equal(host.rename(at('none'), at('x')), -ERRNO.ENOENT);
  fs.mkdirSync(at('full'));
  fs.writeFileSync(at('full/x'), '');
  assert.equal(host.rmdir(at('full')), -ERRNO.ENOTEMPTY);
  assert.equal(host.unlink(at('full')), -ERRNO.EISDIR);
  fs.symlinkSync('file', at('link'));
  assert.equal(host.open(at('link'), O.NOFOLLOW, 0), -ERRNO.ELOOP);
  assert.equal(host.fstat(9999), -ERRNO.EBADF);
});

test('names that are no UTF-8 survive, in byte order', () => {
  fs.mkdirSync(at('names'));
  const raw = Buffer.concat([Buffer.from(at('names/')), Buffer.of(0xff, 0x41)]);
  fs.writeFileSync(raw, 'raw');
  fs.writeFileSync(at('names/ä'), '');
  fs.writeFileSync(at('names/b'), '');
  const names = host.readdir(at('names')) as string[];
  assert.deepEqual(names, ['b', 'ä', decodeUtf8(Uint8Array.of(0xff, 0x41))]);
  const fd = host.open(`${at('names')}/${names[2]}`, 0, 0);
  const into = new Uint8Array(3);
  assert.equal(host.read(fd, into, 0), 3);
  host.close(fd);
});

test('times: whole seconds are exact, a link’s own time can be set', () => {
  fs.writeFileSync(at('timed'), '');
  fs.symlinkSync('timed', at('timed-link'));
  assert.equal(host.utimes(at('timed-link'), 1_000_000_000n, 2_000_000_000_000_000_000n, false), 0);
  const { atimeNs, mtimeNs } = statOf('timed-link');
  assert.deepEqual([atimeNs, mtimeNs], [1_000_000_000n, 2_000_000_000_000_000_000n]);
  assert.notEqual(statOf('timed').mtimeNs, mtimeNs);
});

test('position tells offset and flags of an inherited descriptor', () => {
  fs.writeFileSync(at('pos'), 'abcdef');
  const fd = fs.openSync(at('pos'), 'a+');
  fs.readSync(fd, new Uint8Array(2), 0, 2, null);
  const position = host.position(fd);
  assert.ok(typeof position !== 'number');
  assert.equal(position.offset, 2);
  assert.equal(position.flags & (O.ACCMODE | O.APPEND), O.RDWR | O.APPEND);
  fs.closeSync(fd);
});

test('statfs, access, identity', () => {
  const room = host.statfs(dir);
  assert.ok(typeof room !== 'number' && room.blocks > 0);
  assert.equal(host.access(dir, 4), 0);
  fs.writeFileSync(at('one'), '');
  fs.linkSync(at('one'), at('two'));
  assert.equal(statOf('one').identity, statOf('two').identity);
  assert.equal(statOf('one').nlink, 2);
});
