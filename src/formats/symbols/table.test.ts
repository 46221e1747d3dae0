import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SymbolTable, parseKallsyms, parsePerfMap } from './table.ts';

test('one address, several names: the choice is perf’s', () => {
  const at = (names: [string, bigint, boolean?, boolean?][]): string | undefined =>
    new SymbolTable(
      names.map(([name, size, weak, global]) => ({ name, start: 16n, size, weak: weak ?? false, global: global ?? true })),
    ).find(16n)?.name;
  assert.equal(
    at([
      ['a', 0n],
      ['b', 4n],
    ]),
    'b',
  );
  assert.equal(
    at([
      ['strong', 4n],
      ['weakname', 4n, true],
    ]),
    'strong',
  );
  assert.equal(
    at([
      ['local', 4n, false, false],
      ['glob', 4n],
    ]),
    'glob',
  );
  assert.equal(
    at([
      ['__write', 4n],
      ['write', 4n],
    ]),
    'write',
  );
  assert.equal(
    at([
      ['abc', 4n],
      ['abcd', 4n],
    ]),
    'abcd',
  );
});

test('gaps between sized symbols belong to nobody; unsized ones reach to the next', () => {
  const t = new SymbolTable([
    { name: 'a', start: 0x10n, size: 4n },
    { name: 'b', start: 0x20n, size: 0n },
    { name: 'c', start: 0x30n, size: 0n },
  ]);
  assert.equal(t.find(0xfn), undefined);
  assert.equal(t.find(0x13n)?.name, 'a');
  assert.equal(t.find(0x14n), undefined);
  assert.equal(t.find(0x2fn)?.name, 'b');
  assert.equal(t.find(0xfffn)?.name, 'c');
  assert.equal(t.find(0x1000n), undefined);
});

test('kallsyms and perf maps; lines that are neither are told', () => {
  const k = parseKallsyms(
    'ffffffff81000000 T _text\nffffffff81000000 T startup_64\nffffffff81000100 t helper\t[mod]\nffffffff82000000 D data\nrubbish\n',
  );
  assert.equal(k.table.find(0xffffffff81000010n)?.name, 'startup_64');
  assert.equal(k.table.find(0xffffffff81000108n)?.name, 'helper');
  assert.deepEqual(k.problems, [{ line: 5, text: 'rubbish' }]);
  const m = parsePerfMap('7f0000001000 20 JS:~f file.js:1\n0x7f0000001020 0x10 g\n7f0000001020 10 g2\n');
  assert.equal(m.table.find(0x7f000000101fn)?.name, 'JS:~f file.js:1');
  assert.equal(m.table.find(0x7f000000102fn)?.name, 'g2');
});
