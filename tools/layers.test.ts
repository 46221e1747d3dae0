import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkImports } from './layers.ts';

test('layers: the kernel may use the port, never the machine', () => {
  assert.deepEqual(checkImports('src/kernel/x.ts', "import { a } from '#port/cpu.ts';"), []);
  const found = checkImports('src/kernel/x.ts', "import type { M } from '#machine/machine.ts';");
  assert.equal(found[0]?.why, 'kernel may not import machine');
});

test('layers: a relative path may not leave the layer, and re-exports count', () => {
  assert.equal(checkImports('src/kernel/a/x.ts', "export { a } from '../../machine/m.ts';").length, 1);
  assert.equal(checkImports('src/base/x.ts', "import 'node:fs';").length, 1);
});
