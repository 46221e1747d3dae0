/** That no VEX instruction of the features we tell is missing: iced-x86's table of instructions against the table of forms. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Code, CodeExt, CpuidFeature, Instruction, OpCodeOperandKind as K, OpKind, Register } from 'iced-x86';
import { shapeOf } from '../decode/operands.ts';
import { generateInterpreter } from '../tier0/generate.ts';
import { HOT_CASES } from '../tier0/hot-cases.ts';
import { allForms } from './forms.ts';

const forms = new Set(allForms().map((f) => f.key));
const OURS: readonly number[] = [
  CpuidFeature.AVX,
  CpuidFeature.AVX2,
  CpuidFeature.FMA,
  CpuidFeature.F16C,
  CpuidFeature.VAES,
  CpuidFeature.VPCLMULQDQ,
  CpuidFeature.AES,
  CpuidFeature.PCLMULQDQ,
  CpuidFeature.GFNI,
  CpuidFeature.AVX_VNNI,
];

const REGISTER: Partial<Record<K, Register>> = {
  [K.r32_reg]: Register.EAX,
  [K.r32_rm]: Register.EAX,
  [K.r64_reg]: Register.RAX,
  [K.r64_rm]: Register.RAX,
  [K.r32_or_mem]: Register.EAX,
  [K.r64_or_mem]: Register.RAX,
  [K.xmm_reg]: Register.XMM1,
  [K.xmm_rm]: Register.XMM2,
  [K.xmm_vvvv]: Register.XMM3,
  [K.xmm_is4]: Register.XMM4,
  [K.xmm_or_mem]: Register.XMM2,
  [K.ymm_reg]: Register.YMM1,
  [K.ymm_rm]: Register.YMM2,
  [K.ymm_vvvv]: Register.YMM3,
  [K.ymm_is4]: Register.YMM4,
  [K.ymm_or_mem]: Register.YMM2,
};
const EITHER: readonly K[] = [K.r32_or_mem, K.r64_or_mem, K.xmm_or_mem, K.ymm_or_mem];
const VSIB: Partial<Record<K, Register>> = {
  [K.mem_vsib32x]: Register.XMM5,
  [K.mem_vsib64x]: Register.XMM5,
  [K.mem_vsib32y]: Register.YMM5,
  [K.mem_vsib64y]: Register.YMM5,
};

/** The instruction with registers, or with memory where it may have some; undefined: it has no such variant. */
function instance(code: Code, useMemory: boolean): Instruction | undefined {
  const info = CodeExt.opCode(code);
  const i = new Instruction();
  i.code = code;
  let hasMemory = false;
  let hasChoice = false;
  for (let n = 0; n < info.opCount; n++) {
    const kind = info.opKind(n);
    hasChoice ||= EITHER.includes(kind);
    if (kind === K.imm8) i.setOpKind(n, OpKind.Immediate8);
    else if (kind === K.seg_rDI) i.setOpKind(n, OpKind.MemorySegRDI);
    else if (kind === K.mem || VSIB[kind] !== undefined || (useMemory && EITHER.includes(kind))) {
      hasMemory = true;
      i.setOpKind(n, OpKind.Memory);
      i.memoryBase = Register.RDI;
      i.memoryIndex = VSIB[kind] ?? Register.None;
    } else {
      const r = REGISTER[kind];
      assert.notEqual(r, undefined, `operand kind ${K[kind]}`);
      i.setOpKind(n, OpKind.Register);
      i.setOpRegister(n, r as Register);
    }
  }
  return useMemory ? (hasMemory ? i : undefined) : hasChoice || !hasMemory ? i : undefined;
}

test('every VEX instruction of AVX, AVX2, FMA, F16C, VAES, VPCLMULQDQ, GFNI and AVX-VNNI has a form, in registers and in memory', () => {
  const missing: string[] = [];
  let seen = 0;
  for (const [name, code] of Object.entries(Code)) {
    if (typeof code !== 'number' || !name.startsWith('VEX_')) continue;
    const probe = new Instruction();
    probe.code = code;
    if (![...probe.cpuidFeatures()].every((f) => OURS.includes(f))) continue;
    for (const useMemory of [false, true]) {
      const i = instance(code, useMemory);
      if (i === undefined) continue;
      seen++;
      const { keys } = shapeOf(i, false);
      if (!keys.some((k) => forms.has(k))) missing.push(`${name}: ${keys.join(' or ')}`);
    }
  }
  assert.deepEqual(missing, []);
  assert.ok(seen > 1000, `${seen}`);
});

test('every hot case names a form, and there are not too many for V8', () => {
  const { manifest } = generateInterpreter(allForms(), HOT_CASES);
  const made = new Set(manifest.forms.flatMap((f) => Object.keys(f.hot).map((shape) => (shape === '' ? f.key : `${f.key}@${shape}`))));
  assert.deepEqual(
    [...HOT_CASES].filter((key) => !made.has(key)),
    [],
  );
  assert.ok(made.size < 450, `${made.size}`);
});
