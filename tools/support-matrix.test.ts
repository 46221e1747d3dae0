import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { MATRIX_FILE, supportMatrix } from './support-matrix.ts';

test('docs/support.md is the table (else: node tools/support-matrix.ts --write)', () => {
  assert.equal(readFileSync(MATRIX_FILE, 'utf8'), supportMatrix());
});
