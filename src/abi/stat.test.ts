import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeDevice, majorOf, minorOf } from './fs.ts';
import { IOVEC, STAT, STATFS, STATX } from './stat.ts';
import { INIT_C_CC, INIT_FLAGS, NCCS, TERMIOS, TERMIOS_CC } from './termios.ts';

test('sizes are what gcc says of <sys/stat.h>, <sys/statfs.h>, <asm/termbits.h>', () => {
  assert.deepEqual([STAT.size, STATX.size, STATFS.size, IOVEC.size, TERMIOS.size], [144, 256, 120, 16, 36]);
  assert.equal(TERMIOS_CC + NCCS, TERMIOS.size);
  assert.equal(INIT_C_CC.length, NCCS);
});

test('a terminal starts with the flags that stty shows as sane', () => {
  assert.equal(INIT_FLAGS.c_lflag, 0o105073);
});

test('device numbers split as in new_encode_dev', () => {
  assert.equal(makeDevice(8, 1), 0x801);
  const big = makeDevice(259, 0x12345);
  assert.deepEqual([majorOf(big), minorOf(big)], [259, 0x12345]);
});
