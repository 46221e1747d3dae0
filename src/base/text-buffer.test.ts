import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TextBuffer } from './text-buffer.ts';

function collect(write: (t: TextBuffer) => void): string {
  let out = '';
  const t = new TextBuffer((b) => {
    out += new TextDecoder('utf-8').decode(b.slice());
  });
  write(t);
  t.flush();
  return out;
}

test('TextBuffer: decimal numbers of every length, padded', () => {
  for (const v of [
    0,
    7,
    10,
    99,
    2147483647,
    2147483648,
    4294967296,
    999_999_999_999,
    1_000_000_000_000,
    2 ** 53 - 1,
    1e15,
    12631245939019,
  ]) {
    assert.equal(
      collect((t) => t.decimal(v)),
      String(v),
    );
    assert.equal(
      collect((t) => t.decimal(v, 18, 48)),
      String(v).padStart(18, '0'),
    );
  }
});

test('TextBuffer: hex of u64 halves', () => {
  assert.equal(
    collect((t) => t.hex64(0xffffffff, 0xb42071f2, 16)),
    'ffffffffb42071f2',
  );
  assert.equal(
    collect((t) => t.hex64(0, 0, 4)),
    '   0',
  );
  assert.equal(
    collect((t) => t.hex64(0x7f3e, 0x20320, 16)),
    '    7f3e00020320',
  );
});

test('TextBuffer: long text and text beyond ASCII come through whole', () => {
  const long = 'é€x'.repeat(60_000);
  assert.equal(
    collect((t) => t.text(long)),
    long,
  );
  assert.equal(collect((t) => t.raw(new Uint8Array(100_000).fill(65))).length, 100_000);
});
