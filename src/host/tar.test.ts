import assert from 'node:assert/strict';
import { test } from 'node:test';
import { O, S } from '#abi/fs.ts';
import { FormatError } from '#base/format-error.ts';
import { mutate } from '#base/mutate.ts';
import { decodeUtf8, encodeUtf8 } from '#base/utf8.ts';
import { MemoryHost } from '#kernel/testing/memory-host.ts';
import type { Bytes } from './content.ts';
import { tarTree } from './tar-tree.ts';

interface Member {
  readonly name: string;
  readonly type?: string;
  readonly body?: string;
  readonly link?: string;
  readonly mode?: number;
  readonly size?: number;
}

function header(m: Member): Uint8Array {
  const block = new Uint8Array(512);
  const put = (at: number, text: string): void => block.set(encodeUtf8(text), at);
  const octal = (n: number, width: number): string => `${n.toString(8).padStart(width - 1, '0')}\0`;
  put(0, m.name);
  put(100, octal(m.mode ?? 0o644, 8));
  put(108, octal(1000, 8));
  put(116, octal(100, 8));
  put(124, octal(m.size ?? encodeUtf8(m.body ?? '').length, 12));
  put(136, octal(1_600_000_000, 12));
  put(156, m.type ?? '0');
  put(157, m.link ?? '');
  put(257, 'ustar\x0000');
  put(148, ' '.repeat(8));
  put(
    148,
    `${block
      .reduce((a, b) => a + b, 0)
      .toString(8)
      .padStart(6, '0')}\0 `,
  );
  return block;
}
function archive(...members: Member[]): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const m of members) {
    parts.push(header(m));
    const body = encodeUtf8(m.body ?? '');
    if (body.length > 0) {
      const padded = new Uint8Array(Math.ceil(body.length / 512) * 512);
      padded.set(body);
      parts.push(padded);
    }
  }
  parts.push(new Uint8Array(1024));
  const out = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const p of parts) {
    out.set(p, at);
    at += p.length;
  }
  return out;
}
const bytesOf = (data: Uint8Array): Bytes => ({
  size: data.length,
  read(into, position) {
    const part = data.subarray(position, position + into.length);
    into.set(part);
    return part.length;
  },
});
const open = (...members: Member[]): ReturnType<typeof tarTree> => tarTree(new MemoryHost(), bytesOf(archive(...members)));
function text(tree: ReturnType<typeof tarTree>, path: string): string {
  const fd = tree.open(path, O.RDONLY, 0);
  const into = new Uint8Array(10_000);
  return fd < 0 ? `error ${fd}` : decodeUtf8(into.subarray(0, tree.read(fd, into, 0)));
}

test('files, folders, links, modes, owners, long names', () => {
  const long = `${'d/'.repeat(80)}file`;
  const record = ` path=${long}\n`;
  const pax = `${record.length + 3}${record}`;
  const tree = open(
    { name: './', type: '5', mode: 0o711 },
    { name: 'bin/', type: '5', mode: 0o755 },
    { name: './bin/prog', body: 'code', mode: 0o4755 },
    { name: 'bin/again', type: '1', link: './bin/prog' },
    { name: 'bin/up', type: '2', link: '/../../etc/passwd' },
    { name: 'pax', type: 'x', body: pax },
    { name: 'short', body: 'long by pax' },
    { name: '././@LongLink', type: 'L', body: `g/${'n'.repeat(150)}\0` },
    { name: 'short', body: 'long by GNU' },
    { name: 'bin/prog2', body: 'first' },
    { name: 'bin/prog2', body: 'second' },
    { name: 'f', type: '6' },
  );
  assert.equal(text(tree, '/bin/again'), 'code');
  const stat = tree.stat('/bin/prog');
  assert.ok(typeof stat === 'object');
  assert.deepEqual([stat.mode, stat.uid, stat.gid, stat.nlink, stat.mtimeNs], [S.IFREG | 0o4755, 1000, 100, 2, 1_600_000_000_000_000_000n]);
  assert.equal(tree.readlink('/bin/up'), '/../../etc/passwd');
  assert.equal(text(tree, `/${long}`), 'long by pax');
  assert.equal(text(tree, `/g/${'n'.repeat(150)}`), 'long by GNU');
  assert.equal(text(tree, '/bin/prog2'), 'second');
  assert.equal(tree.root.mode, S.IFDIR | 0o711);
  assert.deepEqual(tree.readdir('/bin'), ['again', 'prog', 'prog2', 'up']);
});

test('what leads out of the tree, is cut short or not understood is refused with its place', () => {
  const refused = (what: RegExp, ...members: Member[]): void => {
    assert.throws(
      () => open(...members),
      (e) => e instanceof FormatError && what.test(e.message),
      String(what),
    );
  };
  refused(/'\/etc\/passwd' is absolute at byte offset 0x0/, { name: '/etc/passwd', body: 'x' });
  refused(/'a\/..\/..\/b' leads out of the tree/, { name: 'ok' }, { name: 'a/../../b' });
  refused(/hard link 'h': its target '..\/x' leads out/, { name: 'h', type: '1', link: '../x' });
  refused(/names 'later', which is no file before it/, { name: 'h', type: '1', link: 'later' }, { name: 'later' });
  refused(
    /lies beneath something that is no directory at byte offset 0x200/,
    { name: 'l', type: '2', link: '/etc' },
    { name: 'l/passwd', body: 'x' },
  );
  refused(/sparse/, { name: 's', type: 'S' });
  refused(/unknown type 'Q'/, { name: 'q', type: 'Q' });
  refused(/cut short within 'big'/, { name: 'big', size: 1_000_000 });
  assert.throws(() => tarTree(new MemoryHost(), bytesOf(encodeUtf8('not a tar'.repeat(100)))), /no tar archive/);
  assert.throws(() => tarTree(new MemoryHost(), bytesOf(new Uint8Array(0))), /cut short/);
});

test('cut anywhere, or damaged: a FormatError, or a tree', () => {
  const whole = archive(
    { name: 'a/', type: '5' },
    { name: 'a/f', body: 'x'.repeat(600) },
    { name: 'l', type: '2', link: 'a' },
    { name: 'p', type: 'x', body: '11 path=zz\n' },
    { name: 'q' },
  );
  const attempt = (data: Uint8Array): boolean => {
    try {
      tarTree(new MemoryHost(), bytesOf(data));
      return true;
    } catch (e) {
      assert.ok(e instanceof FormatError, String(e));
      return false;
    }
  };
  assert.ok(attempt(whole));
  for (let n = 0; n < whole.length - 1024; n += 37) assert.equal(attempt(whole.subarray(0, n)), false, `cut at ${n}`);
  for (let i = 0; i < 500; i++) attempt(mutate(whole, i));
});
