/** What the flags suite cannot ask of AVX, because it ends in an exception: alignment, faults that a mask suppresses, gathers that go on. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GPR, VECTOR } from '#arch/registers.ts';
import { resetFpu } from '../../core/fxsave.ts';
import { MODE } from '../../retire.ts';
import { Bare } from '../../testing/bare.ts';
import { REG, REGS, UPPER } from '../layout.ts';
import { SYSTEM_OP } from '../system-ops.ts';
import { generateInterpreter } from '../tier0/generate.ts';
import { HOT_CASES } from '../tier0/hot-cases.ts';
import { allForms } from './forms.ts';

const CODE = 0x40_0000n;
const DATA = 0x50_0000n;
/** Two pages are there. */
const END = 8192n;
const bare = new Bare(generateInterpreter(allForms(), HOT_CASES), 1 << 20);
const { engine } = bare;

const at = (register: number, byte: number): number => REGS + REG.XMM + register * 16 + (byte < 16 ? byte : UPPER + byte - 16);
const lane = (register: number, i: number): number => engine.view.getUint32(at(register, i * 4), true);
const setLane = (register: number, i: number, v: number): void => engine.view.setUint32(at(register, i * 4), v >>> 0, true);
const setLanes = (register: number, values: readonly number[]): void => values.forEach((v, i) => setLane(register, i, v));
const lanes = (register: number): number[] => Array.from({ length: 8 }, (_, i) => lane(register, i));

/** Runs the instruction, then HLT, which leaves; RDI = DATA + offset. -1: no fault. */
function run(code: readonly number[], offset: bigint, prepare: () => void = () => {}): number {
  resetFpu(engine);
  bare.load(CODE, new Uint8Array([...code, 0xf4]));
  bare.load(
    DATA,
    Uint8Array.from({ length: Number(END) }, (_, i) => i & 127),
  );
  bare.start(CODE, 1);
  engine.gpr[GPR.RDI] = DATA + offset;
  prepare();
  return goOn();
}
const goOn = (): number => (engine.slice(100, 1_000_000, 100, MODE.USER) === 'fault' ? engine.faultVector : -1);

test('the aligned moves want 32 bytes, the others nothing', () => {
  const aligned = {
    'vmovaps ymm0,[rdi]': [0xc5, 0xfc, 0x28, 0x07],
    'vmovdqa [rdi],ymm0': [0xc5, 0xfd, 0x7f, 0x07],
    'vmovntdq [rdi],ymm0': [0xc5, 0xfd, 0xe7, 0x07],
  };
  for (const [text, code] of Object.entries(aligned)) {
    assert.equal(run(code, 16n), VECTOR.GP, text);
    assert.equal(run(code, 32n), -1, text);
  }
  for (const code of [
    [0xc5, 0xfc, 0x10, 0x07], // vmovups ymm0,[rdi]
    [0xc5, 0xfc, 0x54, 0x07], // vandps ymm0,ymm0,[rdi]
    [0xc5, 0xf8, 0x54, 0x07], // vandps xmm0,xmm0,[rdi]
  ])
    assert.equal(run(code, 4096n - 5n), -1);
});

test('a masked move touches only what its mask says', () => {
  const load = [0xc4, 0xe2, 0x75, 0x2c, 0x07]; // vmaskmovps ymm0,ymm1,[rdi]
  const store = [0xc4, 0xe2, 0x75, 0x2e, 0x07]; // vmaskmovps [rdi],ymm1,ymm0
  const ON = 0x8000_0000;
  assert.equal(
    run(load, END - 8n, () => setLanes(1, [ON, ON])),
    -1,
  );
  assert.deepEqual(lanes(0), [0x7b7a7978, 0x7f7e7d7c, 0, 0, 0, 0, 0, 0]);
  assert.equal(
    run(load, END - 8n, () => setLanes(1, [ON, 0, ON])),
    VECTOR.PF,
  );
  assert.equal(engine.faultAddress, DATA + END);
  // Nothing is stored when a later element faults; an element may lie across the page boundary.
  const stored = (offset: bigint): number => engine.view.getUint32(engine.translate(DATA + offset, 0), true);
  assert.equal(
    run(store, END - 4n, () => (setLanes(0, [1, 2]), setLanes(1, [ON, ON]))),
    VECTOR.PF,
  );
  assert.equal(stored(END - 4n), 0x7f7e7d7c);
  assert.equal(
    run(store, END - 4n, () => (setLanes(0, [1, 2]), setLanes(1, [ON]))),
    -1,
  );
  assert.equal(stored(END - 4n), 1);
  assert.equal(
    run(store, 4096n - 6n, () => (setLanes(0, [0x11111111, 0x22222222, 0x33333333]), setLanes(1, [0, ON]))),
    -1,
  );
  assert.deepEqual([stored(4092n), stored(4096n)], [0x22227d7c, 0x03022222]);
});

test('a gather that faults keeps what it has and goes on from there', () => {
  const gather = [0xc4, 0xe2, 0x6d, 0x90, 0x04, 0x8f]; // vpgatherdd ymm0,[rdi+ymm1*4],ymm2
  const all = [-1, -1, -1, -1, -1, -1, -1, -1];
  const prepare = (): void => {
    setLanes(0, [9, 9, 9, 9, 9, 9, 9, 9]);
    setLanes(1, [0, 1, 0x10000, 3, 4, 5, 6, -1]);
    setLanes(2, all.with(3, 0));
  };
  assert.equal(run(gather, 4n, prepare), VECTOR.PF);
  assert.equal(engine.faultAddress, DATA + 4n + 0x40000n);
  assert.deepEqual(lanes(0), [0x07060504, 0x0b0a0908, 9, 9, 9, 9, 9, 9]);
  assert.deepEqual(lanes(2), [0, 0, 0xffffffff, 0, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff]);
  setLane(1, 2, 2);
  bare.engine.rip = CODE;
  assert.equal(goOn(), -1);
  assert.deepEqual(lanes(0), [0x07060504, 0x0b0a0908, 0x0f0e0d0c, 9, 0x17161514, 0x1b1a1918, 0x1f1e1d1c, 0x03020100]);
  assert.deepEqual(lanes(2), [0, 0, 0, 0, 0, 0, 0, 0]);
  // Destination, index and mask must differ.
  run([0xc4, 0xe2, 0x75, 0x90, 0x04, 0x8f], 0n);
  assert.equal(engine.systemOp, SYSTEM_OP.UNDEFINED);
});
