import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeUtf8, encodeUtf8, utf8Length } from './utf8.ts';

const SAMPLES: readonly number[][] = [
  [0x61, 0x62],
  [0xc3, 0xa4, 0xe2, 0x82, 0xac, 0xf0, 0x9f, 0x98, 0x80], // ä € 😀
  [0xff, 0x80, 0x61], // never UTF-8
  [0xc0, 0xaf, 0xed, 0xa0, 0x80, 0xf5, 0x80, 0x80, 0x80], // overlong, surrogate, beyond the last code point
  [0xe2, 0x82], // cut off
];

test('utf8: every byte string survives', () => {
  for (const sample of SAMPLES) {
    const text = decodeUtf8(Uint8Array.from(sample));
    assert.deepEqual([...encodeUtf8(text)], sample);
    assert.equal(utf8Length(text), sample.length);
  }
});

test('utf8: valid text is the text', () => {
  const bytes = new TextEncoder().encode('grüße 😀');
  assert.equal(decodeUtf8(bytes), 'grüße 😀');
  assert.deepEqual(encodeUtf8('grüße 😀'), bytes);
});
