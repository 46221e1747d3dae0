/** What the flags suite cannot ask for, because it ends in an exception: alignment, unmasked exceptions; and what costs no host comparison. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GPR, VECTOR } from '#arch/registers.ts';
import { resetFpu } from '../../core/fxsave.ts';
import { MODE } from '../../retire.ts';
import { Bare } from '../../testing/bare.ts';
import { FPU, REG, REGS } from '../layout.ts';
import { generateInterpreter } from '../tier0/generate.ts';
import { HOT_CASES } from '../tier0/hot-cases.ts';
import { allForms } from './forms.ts';

const CODE = 0x40_0000n;
const DATA = 0x50_0000n;
const machines = [new Set<string>(), HOT_CASES].map((hot) => new Bare(generateInterpreter(allForms(), hot), 1 << 20));

/** Runs the bytes (then HLT, which leaves); RDI = DATA + offset, two mapped pages there. */
function run(
  bytes: readonly number[],
  prepare: (b: Bare) => void = () => {},
  offset = 0n,
  which = 1,
): { bare: Bare; end: string; vector: number } {
  const bare = machines[which] as Bare;
  resetFpu(bare.engine);
  bare.load(CODE, new Uint8Array([...bytes, 0xf4]));
  bare.load(DATA, new Uint8Array(8192));
  bare.start(CODE, 1);
  bare.engine.gpr[GPR.RDI] = DATA + offset;
  prepare(bare);
  const end = bare.engine.slice(100, 1_000_000, 100, MODE.USER);
  return { bare, end, vector: end === 'fault' ? bare.engine.faultVector : -1 };
}
const xmm = (b: Bare, n: number, half = 0): bigint => b.engine.view.getBigUint64(REGS + REG.XMM + n * 16 + half * 8, true);
const setXmm = (b: Bare, n: number, low: bigint, high = 0n): void => {
  b.engine.view.setBigUint64(REGS + REG.XMM + n * 16, low, true);
  b.engine.view.setBigUint64(REGS + REG.XMM + n * 16 + 8, high, true);
};
const mxcsr = (b: Bare): number => b.engine.register32(REG.MXCSR);
const ONE = 0x3ff0_0000_0000_0000n;
const THREE = 0x4008_0000_0000_0000n;

const ALIGNED: readonly (readonly [string, readonly number[]])[] = [
  ['movaps xmm0,[rdi]', [0x0f, 0x28, 0x07]],
  ['movaps [rdi],xmm0', [0x0f, 0x29, 0x07]],
  ['movdqa xmm0,[rdi]', [0x66, 0x0f, 0x6f, 0x07]],
  ['movntdq [rdi],xmm0', [0x66, 0x0f, 0xe7, 0x07]],
  ['paddd xmm0,[rdi]', [0x66, 0x0f, 0xfe, 0x07]],
  ['addps xmm0,[rdi]', [0x0f, 0x58, 0x07]],
  ['pshufd xmm0,[rdi],0', [0x66, 0x0f, 0x70, 0x07, 0x00]],
  ['cvtdq2ps xmm0,[rdi]', [0x0f, 0x5b, 0x07]],
  ['pshufb xmm0,[rdi]', [0x66, 0x0f, 0x38, 0x00, 0x07]],
  ['ptest xmm0,[rdi]', [0x66, 0x0f, 0x38, 0x17, 0x07]],
];
const UNALIGNED: readonly (readonly [string, readonly number[]])[] = [
  ['movups xmm0,[rdi]', [0x0f, 0x10, 0x07]],
  ['movdqu [rdi],xmm0', [0xf3, 0x0f, 0x7f, 0x07]],
  ['lddqu xmm0,[rdi]', [0xf2, 0x0f, 0xf0, 0x07]],
  ['addsd xmm0,[rdi]', [0xf2, 0x0f, 0x58, 0x07]],
  ['movhps xmm0,[rdi]', [0x0f, 0x16, 0x07]],
  ['cvtdq2pd xmm0,[rdi]', [0xf3, 0x0f, 0xe6, 0x07]],
  ['pmovzxbw xmm0,[rdi]', [0x66, 0x0f, 0x38, 0x30, 0x07]],
  ['pcmpistri xmm0,[rdi],0', [0x66, 0x0f, 0x3a, 0x63, 0x07, 0x00]],
];

test('16-byte operands must be aligned, but for those that need not (SDM Vol. 2A table 2-21)', () => {
  for (const which of [0, 1]) {
    for (const [name, bytes] of ALIGNED) {
      assert.equal(run(bytes, undefined, 16n, which).end, 'system', `${name} aligned`);
      const odd = run(bytes, undefined, 8n, which);
      assert.deepEqual([odd.end, odd.vector], ['fault', VECTOR.GP], `${name} at 8`);
      // #GP comes before #PF: the operand crosses into a page that is not there.
      assert.equal(run(bytes, undefined, 8192n - 8n, which).vector, VECTOR.GP, `${name} at the end`);
    }
    for (const [name, bytes] of UNALIGNED) assert.equal(run(bytes, undefined, 4091n, which).end, 'system', `${name} across pages`);
  }
});

test('an unmasked SSE exception raises #XM, sets its flag and leaves the destination', () => {
  // divsd xmm0,xmm1
  const division = [0xf2, 0x0f, 0x5e, 0xc1];
  const zero = run(division, (b) => {
    setXmm(b, 0, ONE);
    b.engine.setRegister32(REG.MXCSR, 0x1f80 & ~0x200);
  });
  assert.deepEqual([zero.vector, xmm(zero.bare, 0), mxcsr(zero.bare)], [VECTOR.XM, ONE, 0x1d84]);
  const inexact = run(division, (b) => {
    setXmm(b, 0, ONE);
    setXmm(b, 1, THREE);
    b.engine.setRegister32(REG.MXCSR, 0x0f80);
  });
  assert.deepEqual([inexact.vector, xmm(inexact.bare, 0), mxcsr(inexact.bare)], [VECTOR.XM, ONE, 0x0fa0]);
  const exact = run(division, (b) => {
    setXmm(b, 0, THREE);
    setXmm(b, 1, ONE);
    b.engine.setRegister32(REG.MXCSR, 0);
  });
  assert.deepEqual([exact.end, xmm(exact.bare, 0), mxcsr(exact.bare)], ['system', THREE, 0]);
});

test('of a pre-computation and a post-computation exception only the first is told when it is unmasked', () => {
  // divpd xmm0,xmm1: (1 / 0, 1 / 3)
  const r = run([0x66, 0x0f, 0x5e, 0xc1], (b) => {
    setXmm(b, 0, ONE, ONE);
    setXmm(b, 1, 0n, THREE);
    b.engine.setRegister32(REG.MXCSR, 0x1d80);
  });
  assert.deepEqual([r.vector, mxcsr(r.bare)], [VECTOR.XM, 0x1d84]);
});

test('scalars keep the upper part, loads clear it', () => {
  // addsd xmm0,xmm1 · movsd xmm2,[rdi] · movss xmm3,xmm1
  const r = run([0xf2, 0x0f, 0x58, 0xc1, 0xf2, 0x0f, 0x10, 0x17, 0xf3, 0x0f, 0x10, 0xd9], (b) => {
    for (const n of [0, 1, 2, 3]) setXmm(b, n, ONE, 0x77n);
  });
  assert.deepEqual([xmm(r.bare, 0), xmm(r.bare, 0, 1)], [0x4000_0000_0000_0000n, 0x77n]);
  assert.deepEqual([xmm(r.bare, 2), xmm(r.bare, 2, 1)], [0n, 0n]);
  assert.deepEqual([xmm(r.bare, 3), xmm(r.bare, 3, 1)], [ONE, 0x77n]);
});

/** The singles of RCPPS (0x53) or RSQRTPS (0x52) over operands by their bits, in the operands' order. */
function approximated(opcode: number, operands: Uint32Array): Uint32Array {
  const out = new Uint32Array(operands.length);
  const chunk = 64;
  for (let at = 0; at < operands.length; at += chunk) {
    const some = operands.subarray(at, at + chunk);
    // l: rcpps xmm0,[rdi] · movups [rdi],xmm0 · add rdi,16 · dec ecx · jne l
    const { bare } = run([0x0f, opcode, 0x07, 0x0f, 0x11, 0x07, 0x48, 0x83, 0xc7, 0x10, 0xff, 0xc9, 0x75, 0xf2], (b) => {
      b.load(DATA, new Uint8Array(some.slice().buffer));
      b.engine.gpr[GPR.RCX] = BigInt(Math.ceil(some.length / 4));
    });
    const start = bare.engine.translate(DATA, 0);
    for (let i = 0; i < some.length; i++) out[at + i] = bare.engine.view.getUint32(start + 4 * i, true);
  }
  return out;
}

test('RCPPS is the reciprocal of the middle of one of 2048 intervals, rounded to 12 bits of fraction', () => {
  const n = 2048;
  const operands = Uint32Array.from({ length: 2 * n }, (_, i) => 0x3f80_0000 + Math.floor(i / 2) * 0x1000 + (i % 2) * 0xfff);
  const got = approximated(0x53, operands);
  for (let i = 0; i < 2 * n; i++) {
    // 1 / (middle / 4096) = (8192 + q) / 8192 / 2, q 12 bits: rounding 2^25 / middle in whole numbers
    const mid = 4096 + 2 * Math.floor(i / 2) + 1;
    const q = Math.floor((2 ** 26 + mid) / (2 * mid)) - 4096;
    assert.equal((got[i] as number).toString(16), (0x3f00_0000 + q * 0x800).toString(16), `operand 0x${operands[i]?.toString(16)}`);
  }
});

test('RSQRTPS is that of the middle of one of 1024 intervals of each of two binades', () => {
  const operands = Uint32Array.from({ length: 2048 }, (_, i) => 0x3f80_0000 + i * 0x2000);
  const got = approximated(0x52, operands);
  for (let i = 0; i < 2048; i++) {
    const q = BigInt(((got[i] as number) - 0x3f00_0000) >> 11) + 4096n;
    // q / 8192 is next to 1 / sqrt(middle / 2048) when (2q - 1)^2 · middle < 2^39 < (2q + 1)^2 · middle
    const middle = BigInt(i < 1024 ? 2 * (1024 + i) + 1 : 4 * i + 2);
    assert.equal((got[i] as number) & 0x7ff, 0);
    assert.ok((2n * q - 1n) ** 2n * middle < 1n << 39n && (2n * q + 1n) ** 2n * middle > 1n << 39n, `interval ${i}: ${q}`);
  }
});

test('RCPPS and RSQRTPS: the error that the SDM allows, and the specials as it lists them', () => {
  const view = new DataView(new ArrayBuffer(4));
  const bits = (x: number): number => {
    view.setFloat32(0, x);
    return view.getUint32(0);
  };
  const approximate = (opcode: number, x: number): number => {
    view.setUint32(0, approximated(opcode, Uint32Array.of(bits(x), 0, 0, 0))[0] as number);
    return view.getFloat32(0);
  };
  for (const x of [1, 3, 0.1, 7e20, 1e-20, 123456, 2 ** -126]) {
    for (const [opcode, want] of [
      [0x53, 1 / x],
      [0x52, 1 / Math.sqrt(x)],
    ] as const)
      assert.ok(Math.abs(approximate(opcode, x) / want - 1) <= 1.5 * 2 ** -12, `${opcode} ${x}`);
  }
  assert.equal(approximate(0x53, 1), 1 - 2 ** -12);
  assert.equal(approximate(0x52, 1), 1 - 2 ** -12);
  assert.equal(approximate(0x53, -0), Number.NEGATIVE_INFINITY);
  assert.equal(approximate(0x53, 1e-40), Number.POSITIVE_INFINITY);
  assert.equal(approximate(0x53, Number.NEGATIVE_INFINITY), -0);
  assert.equal(approximate(0x53, 3e38), 0);
  assert.equal(approximate(0x52, Number.POSITIVE_INFINITY), 0);
  assert.equal(approximate(0x52, -0), Number.NEGATIVE_INFINITY);
  assert.ok(Number.isNaN(approximate(0x52, -1)));
  assert.ok(Number.isNaN(approximate(0x53, Number.NaN)));
});

test('a pending unmasked x87 exception raises #MF at the next waiting instruction', () => {
  // fldcw [rdi] · fld1 · fldz · fdivp · fnstsw ax · fld1
  const r = run([0xd9, 0x2f, 0xd9, 0xe8, 0xd9, 0xee, 0xde, 0xf9, 0xdf, 0xe0, 0xd9, 0xe8], (b) => {
    b.engine.view.setUint16(b.engine.translate(DATA, 1), 0x37b, true);
  });
  assert.equal(r.vector, VECTOR.MF);
  assert.equal(r.bare.engine.instructionRip, CODE + 10n);
  assert.equal(Number(r.bare.engine.gpr[GPR.RAX]) & 0x80ff, 0x8084);
});

test('an x87 store that faults leaves the stack as it was', () => {
  // fld1 · fstp qword [rdi]
  const r = run([0xd9, 0xe8, 0xdd, 0x1f], undefined, 1n << 20n);
  assert.equal(r.vector, VECTOR.PF);
  assert.equal(r.bare.engine.view.getUint16(REGS + FPU.FSW, true), 0x3800);
  assert.equal(r.bare.engine.view.getUint8(REGS + FPU.FTW), 0x80);
});
