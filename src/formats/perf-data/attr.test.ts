import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PERF_ATTR_SIZES } from '#abi/perf-event/attr.ts';
import { FormatError } from '#base/format-error.ts';
import { attrBytes, attrFlag, makeAttr, parseAttr } from './attr.ts';
import { attrTextFields } from './attr-text.ts';
import { defaultEventName } from './event-name.ts';

test('attr: every published size goes out and comes back', () => {
  const attr = makeAttr({
    type: 4,
    config: 0x1c2n,
    sample_period: 1000n,
    sample_type: 0x107,
    flags: { disabled: true, precise_ip: 2, sample_id_all: true },
  });
  for (const size of PERF_ATTR_SIZES) {
    const bytes = attrBytes(attr, size);
    assert.equal(bytes.byteLength, size);
    assert.deepEqual(parseAttr(bytes, true, 0), { ...attr, size });
  }
});

test('attr: hand-made bytes, both byte orders', () => {
  const le = new Uint8Array(64);
  le.set([0, 0, 0, 0, 64], 0);
  le[8] = 1; // config
  le[24] = 0x07; // sample_type
  le[40] = 0x01; // disabled
  le[42] = 0x04; // sample_id_all: bit 18
  const a = parseAttr(le, true, 0);
  assert.equal(a.config, 1n);
  assert.ok(attrFlag(a, 'disabled') && attrFlag(a, 'sample_id_all') && !attrFlag(a, 'freq'));
  // a big-endian compiler puts bit 0 of the flags at the top of the first byte
  const be = new Uint8Array(64);
  be.set([0, 0, 0, 0, 0, 0, 0, 64], 0);
  be[15] = 1;
  be[31] = 0x07;
  be[40] = 0x80;
  be[42] = 0x20;
  assert.deepEqual(parseAttr(be, false, 0), a);
});

test('attr: absurd sizes are refused with their offset; a size of 0 is 64; a longer attr passes when its tail is zero', () => {
  const bytes = new Uint8Array(200);
  const size = (n: number): Uint8Array => {
    new DataView(bytes.buffer).setUint32(4, n, true);
    return bytes;
  };
  assert.equal(parseAttr(size(0), true, 0).size, 64);
  assert.throws(() => parseAttr(size(63), true, 0x100), new FormatError(0x104, 'attr size 63 is less than 64'));
  assert.throws(() => parseAttr(size(201), true, 0x100), /attr size 201 is more than the 200 bytes that hold it at byte offset 0x104/);
  assert.equal(parseAttr(size(144), true, 0).size, 144);
  bytes[140] = 1;
  assert.throws(() => parseAttr(size(144), true, 0x100), /sets a field beyond the 136 bytes that are known at byte offset 0x18c/);
  assert.throws(() => attrBytes(makeAttr({ sig_data: 1n }), 120), /attr.sig_data does not fit in an attr of size 120/);
});

test('attr: names and texts as perf has them', () => {
  const name = (v: Parameters<typeof makeAttr>[0]): string => defaultEventName(makeAttr(v));
  assert.equal(name({ flags: { exclude_guest: true } }), 'cycles');
  assert.equal(name({ flags: { exclude_kernel: true, exclude_hv: true, exclude_guest: true } }), 'cycles:uH');
  assert.equal(name({ config: 1n, flags: { precise_ip: 2, exclude_guest: true } }), 'instructions:ppH');
  assert.equal(name({ type: 3, config: 0x10000n, flags: { exclude_guest: true } }), 'L1-dcache-load-misses');
  assert.equal(name({ type: 1, config: 9n, flags: { exclude_guest: true } }), 'dummy');
  assert.deepEqual(attrTextFields(makeAttr({ size: 112, config: 2n, sample_type: 0x10003, flags: { precise_ip: 3 } })), [
    ['size', '112'],
    ['config', '0x2'],
    ['sample_type', 'IP|TID|IDENTIFIER'],
    ['precise_ip', '3'],
  ]);
});
