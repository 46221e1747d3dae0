import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Assembler, CC, gs, mem } from './asm.ts';
import { GPR } from './registers.ts';

/** Encodings below were read off GNU as 2.40 (`as -o`, `objdump -d`); the whole image is decoded with iced-x86 in tools/kernel-text.test.ts. */
const hex = (emit: (a: Assembler) => void): string => {
  const a = new Assembler(0n);
  emit(a);
  return Array.from(a.finish(), (b) => b.toString(16).padStart(2, '0')).join('');
};

test('per-CPU accesses use an absolute displacement under GS', () => {
  assert.equal(
    hex((a) => a.store(gs(8), GPR.RSP)),
    '654889242508000000',
  );
  assert.equal(
    hex((a) => a.load(GPR.RSP, gs(16))),
    '65488b242510000000',
  );
  assert.equal(
    hex((a) => a.pushMem(gs(8))),
    '65ff342508000000',
  );
  assert.equal(
    hex((a) => a.testMem32(gs(24), 1)),
    '65f704251800000001000000',
  );
});

test('RSP and R12 as base take a SIB byte, RBP and R13 a displacement', () => {
  assert.equal(
    hex((a) => a.load(GPR.RAX, mem(GPR.RSP))),
    '488b442400',
  );
  assert.equal(
    hex((a) => a.load(GPR.RAX, mem(GPR.R12, 8))),
    '498b442408',
  );
  assert.equal(
    hex((a) => a.load(GPR.R9, mem(GPR.RBP))),
    '4c8b4d00',
  );
  assert.equal(
    hex((a) => a.store(mem(GPR.R13, 512), GPR.RDX)),
    '49899500020000',
  );
});

test('an indirect call through a table', () => {
  assert.equal(
    hex((a) => a.callMem({ index: GPR.RAX, scale: 8, disp: -0x7eff_0000 })),
    'ff14c500000181',
  );
});

test('branches resolve forwards and backwards', () => {
  const code = hex((a) => {
    a.label('top');
    a.dec32(GPR.RCX);
    a.jcc(CC.NE, 'top');
    a.call('end');
    a.label('end');
    a.ret();
  });
  assert.equal(code, 'ffc90f85f8ffffffe800000000c3');
});

test('symbols cover functions, aligned', () => {
  const a = new Assembler(0xffff_ffff_8100_0000n);
  a.function('one');
  a.ret();
  a.function('two');
  a.nop();
  a.ret();
  assert.deepEqual(a.symbols(), [
    { name: 'one', address: 0xffff_ffff_8100_0000n, size: 1 },
    { name: 'two', address: 0xffff_ffff_8100_0010n, size: 2 },
  ]);
});
