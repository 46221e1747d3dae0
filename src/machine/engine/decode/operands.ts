/** From iced-x86's instruction to a form key and record fields. */
import { Code, type Instruction, Mnemonic, OpKind, Register } from 'iced-x86';
import { GATE_MAGIC, GATE_MAX } from '#arch/gate.ts';
import { MemorySizeBytes } from './memory-size.ts';
import { FPU, REG } from '../layout.ts';

interface RegisterInfo {
  readonly kind: 'r' | 'x' | 's';
  readonly w: number;
  /** Offset into the register file. */
  readonly offset: number;
}

/** iced Register → place. Control, debug, x87 and AVX-512 registers are not here. A YMM register is found by its lower half. */
export const REGISTERS: readonly (RegisterInfo | undefined)[] = buildRegisters();

function buildRegisters(): (RegisterInfo | undefined)[] {
  const out: (RegisterInfo | undefined)[] = [];
  const set = (name: string, kind: RegisterInfo['kind'], w: number, offset: number): void => {
    out[(Register as unknown as Record<string, number>)[name] as number] = { kind, w, offset };
  };
  const legacy = ['AX', 'CX', 'DX', 'BX', 'SP', 'BP', 'SI', 'DI'];
  for (const [i, n] of legacy.entries()) {
    set(`R${n}`, 'r', 8, i * 8);
    set(`E${n}`, 'r', 4, i * 8);
    set(n, 'r', 2, i * 8);
  }
  for (const [i, n] of ['AL', 'CL', 'DL', 'BL', 'SPL', 'BPL', 'SIL', 'DIL'].entries()) set(n, 'r', 1, i * 8);
  for (const [i, n] of ['AH', 'CH', 'DH', 'BH'].entries()) set(n, 'r', 1, i * 8 + 1);
  for (let i = 8; i < 16; i++) {
    set(`R${i}`, 'r', 8, i * 8);
    set(`R${i}D`, 'r', 4, i * 8);
    set(`R${i}W`, 'r', 2, i * 8);
    set(`R${i}L`, 'r', 1, i * 8);
  }
  for (const n of ['ES', 'CS', 'SS', 'DS', 'FS', 'GS'] as const) set(n, 's', 2, REG[n]);
  for (let i = 0; i < 8; i++) set(`MM${i}`, 'x', 8, FPU.R0 + i * 16);
  for (let i = 0; i < 16; i++) set(`XMM${i}`, 'x', 16, REG.XMM + i * 16);
  for (let i = 0; i < 16; i++) set(`YMM${i}`, 'x', 32, REG.XMM + i * 16);
  return out;
}

/** Mnemonic number → name in lower case. */
export const MNEMONICS: readonly string[] = (() => {
  const out: string[] = [];
  for (const [k, v] of Object.entries(Mnemonic)) if (typeof v === 'number') out[v] = k.toLowerCase();
  return out;
})();

export const isMemory = (kind: OpKind): boolean => kind === OpKind.Memory;
const isImmediate = (kind: OpKind): boolean => kind >= OpKind.Immediate8 && kind <= OpKind.Immediate32to64;
const isBranch = (kind: OpKind): boolean => kind === OpKind.NearBranch16 || kind === OpKind.NearBranch32 || kind === OpKind.NearBranch64;

/** How the key of a form is found, and what stands in its immediate. */
export interface Shape {
  /** Form keys to try, best first. */
  readonly keys: readonly string[];
  /** The same code may want another form (its address size decides): not to be remembered by code. */
  readonly varies?: true;
  /** Overrides the immediate. */
  readonly imm?: bigint;
}

/** #GP(0) at CPL 3; at CPL 0 nothing of ours uses them. I/O counts here: there is no I/O permission bitmap. */
const PRIVILEGED: ReadonlySet<string> = new Set(
  'in out insb insw insd outsb outsw outsd lgdt lidt lldt ltr clts lmsw wbinvd wbnoinvd invd invpcid monitor mwait sysret sysretd'.split(
    ' ',
  ),
);

const STRING32: ReadonlySet<OpKind> = new Set([OpKind.MemoryESEDI, OpKind.MemorySegESI, OpKind.MemorySegEDI]);
const STRING16: ReadonlySet<OpKind> = new Set([OpKind.MemoryESDI, OpKind.MemorySegSI, OpKind.MemorySegDI]);

const CONTROL_BASE = Register.CR0;
const controlNumber = (r: Register): number => (r >= Register.CR0 && r <= Register.CR15 ? r - CONTROL_BASE : -1);

export function shapeOf(i: Instruction, kernelAddress: boolean): Shape {
  const name = MNEMONICS[i.mnemonic] as string;
  if (name === 'nop' && kernelAddress && i.opCount === 1 && i.op0Kind === OpKind.Memory && i.memoryBase === Register.RAX) {
    const disp = Number(BigInt.asUintN(32, i.memoryDisplacement));
    if ((disp & ~GATE_MAX) === GATE_MAGIC) return { keys: ['gate'], imm: BigInt(disp & GATE_MAX) };
  }
  if (i.isStringInstruction && !PRIVILEGED.has(name)) {
    const address32 = STRING32.has(i.op0Kind) || STRING32.has(i.op1Kind);
    if (STRING16.has(i.op0Kind) || STRING16.has(i.op1Kind)) return { keys: [] };
    const compares = name.startsWith('scas') || name.startsWith('cmps');
    const prefix = i.hasRepnePrefix ? (compares ? 'repne ' : 'rep ') : i.hasRepPrefix ? 'rep ' : '';
    return { keys: [(address32 ? 'a32 ' : '') + prefix + name], imm: 0n };
  }
  // The implicit [RDI] is no operand of the form.
  if (name === 'maskmovdqu' || name === 'vmaskmovdqu' || name === 'maskmovq') {
    const a = i.op0Kind === OpKind.MemorySegEDI ? 'a32 ' : '';
    return { keys: [a + name + (name === 'maskmovq' ? ':x8,x8' : ':x16,x16')], varies: true };
  }
  const fpu = fpuShape(i, name);
  if (fpu !== undefined) return fpu;
  if (name === 'int3') return { keys: ['int'], imm: 3n };
  if (name === 'int') return { keys: ['int'], imm: BigInt(i.immediate8) };
  if (PRIVILEGED.has(name)) return { keys: ['privileged'] };
  if (name === 'ud0' || name === 'ud1' || name === 'ud2') return { keys: ['undefined'] };
  // Instructions that TypeScript executes get their register by number: width << 8 | register.
  if (name === 'rdrand' || name === 'rdseed' || name === 'rdpid') {
    const r = i.op0Register;
    return { keys: [name], imm: BigInt(((REGISTERS[r]?.w ?? 8) << 8) | gprNumber(r)) };
  }
  if (name === 'mov' && i.opCount === 2) {
    const from = i.op1Kind === OpKind.Register ? controlNumber(i.op1Register) : -1;
    const to = i.op0Kind === OpKind.Register ? controlNumber(i.op0Register) : -1;
    if (from >= 0) return { keys: ['mov-from-cr'], imm: BigInt((from << 8) | gprNumber(i.op0Register)) };
    if (to >= 0) return { keys: ['mov-to-cr'], imm: BigInt((to << 8) | gprNumber(i.op1Register)) };
  }
  if (name === 'xlatb') return { keys: [i.memoryBase === Register.EBX ? 'a32 xlatb' : 'xlatb'], varies: true };
  if (name === 'enter')
    return { keys: [i.code === Code.Enterw_imm16_imm8 ? 'enterw' : 'enter'], imm: BigInt(i.immediate16 | ((i.immediate8_2nd & 31) << 16)) };
  const special = specialShape(i, name);
  if (special !== undefined) return special;
  if (name === 'mov') {
    const key = moffs(i);
    if (key !== undefined) return { keys: [key], imm: BigInt.asUintN(64, i.memoryDisplacement) };
  }
  if (i.isVsib) return { keys: gatherKeys(i, name), varies: true };
  return { keys: operandKeys(i, name) };
}

/** A gather's form is told by its index, too. Destination, index and mask must differ (#UD). */
function gatherKeys(i: Instruction, name: string): string[] {
  const offsets = [i.op0Register, i.memoryIndex, i.op2Register].map((r) => REGISTERS[r]?.offset);
  if (new Set(offsets).size < 3) return [];
  const index = REGISTERS[i.memoryIndex];
  return operandKeys(i, index?.w === 32 ? `${name} y` : name);
}

/** MOV between the accumulator and an absolute address (A0-A3). */
function moffs(i: Instruction): string | undefined {
  const widths: Partial<Record<Code, number>> = {
    [Code.Mov_AL_moffs8]: 1,
    [Code.Mov_AX_moffs16]: 2,
    [Code.Mov_EAX_moffs32]: 4,
    [Code.Mov_RAX_moffs64]: 8,
  };
  const stores: Partial<Record<Code, number>> = {
    [Code.Mov_moffs8_AL]: 1,
    [Code.Mov_moffs16_AX]: 2,
    [Code.Mov_moffs32_EAX]: 4,
    [Code.Mov_moffs64_RAX]: 8,
  };
  if (widths[i.code] !== undefined) return `mov-from-moffs${widths[i.code]}`;
  if (stores[i.code] !== undefined) return `mov-to-moffs${stores[i.code]}`;
  return undefined;
}

/** x87 environments in their 16-bit format (66H). */
const SHORT_FORMAT: ReadonlySet<Code> = new Set([Code.Fnstenv_m14byte, Code.Fldenv_m14byte, Code.Fnsave_m94byte, Code.Frstor_m94byte]);
/** Far transfers by the width of the offset. */
const FAR: Partial<Record<Code, string>> = {
  [Code.Jmp_m1616]: 'jmp-far2',
  [Code.Jmp_m1632]: 'jmp-far4',
  [Code.Jmp_m1664]: 'jmp-far8',
  [Code.Call_m1616]: 'call-far2',
  [Code.Call_m1632]: 'call-far4',
  [Code.Call_m1664]: 'call-far8',
};
/** Returns by width: RETF with what it takes off the stack besides, IRET. */
const RETURN_WIDTH: Partial<Record<Code, number>> = {
  [Code.Retfw]: 2,
  [Code.Retfw_imm16]: 2,
  [Code.Retfd]: 4,
  [Code.Retfd_imm16]: 4,
  [Code.Retfq]: 8,
  [Code.Retfq_imm16]: 8,
  [Code.Iretw]: 2,
  [Code.Iretd]: 4,
  [Code.Iretq]: 8,
};
const LOOP32: ReadonlySet<Code> = new Set([Code.Loop_rel8_64_ECX, Code.Loope_rel8_64_ECX, Code.Loopne_rel8_64_ECX]);

const isDebug = (r: Register, kind: OpKind): boolean => kind === OpKind.Register && r >= Register.DR0 && r <= Register.DR15;
/** By their number in SYSTEM_OP.DESCRIPTOR's argument. */
const DESCRIPTOR_QUERIES: readonly string[] = ['lar', 'lsl', 'verr', 'verw'];

/** What operand size, address size or a segment register make of a mnemonic. */
function specialShape(i: Instruction, name: string): Shape | undefined {
  if (SHORT_FORMAT.has(i.code)) return { keys: [`${name}16:m8`] };
  const far = FAR[i.code];
  if (far !== undefined) return { keys: [`${far}:m8`] };
  const width = RETURN_WIDTH[i.code];
  if (width !== undefined) {
    const more = name === 'retf' && i.opCount > 0 ? i.immediate16 : 0;
    return { keys: [name === 'retf' ? 'retf' : 'iret'], imm: BigInt((width << 16) | more) };
  }
  if (name === 'int1') return { keys: ['int1'] };
  if (name === 'mov' && isDebug(i.op1Register, i.op1Kind))
    return { keys: ['mov-from-dr'], imm: BigInt(((i.op1Register - Register.DR0) << 8) | gprNumber(i.op0Register)) };
  if (name === 'mov' && isDebug(i.op0Register, i.op0Kind))
    return { keys: ['mov-to-dr'], imm: BigInt(((i.op0Register - Register.DR0) << 8) | gprNumber(i.op1Register)) };
  const query = DESCRIPTOR_QUERIES.indexOf(name);
  if (query >= 0) {
    // The target of LAR and LSL: width << 8 | register, behind the query's number; the selector is an operand.
    const to = i.opCount > 1 ? REGISTERS[i.op0Register] : undefined;
    const selector = i.opCount > 1 ? 1 : 0;
    const kind = i.opKind(selector) === OpKind.Register ? `r${REGISTERS[i.opRegister(selector)]?.w ?? 8}` : 'm2';
    const imm = BigInt((query << 12) | ((to?.w ?? 0) << 8) | (to === undefined ? 0 : to.offset / 8));
    return { keys: [to === undefined ? `query:${kind}` : `descriptor:r${to.w},${kind}`], imm };
  }
  if (LOOP32.has(i.code)) return { keys: [`a32 ${name}`] };
  if (name === 'leave' && i.code === Code.Leavew) return { keys: ['leavew'] };
  if (i.code === Code.Push_imm16 || i.code === Code.Pushw_imm8) return { keys: ['push:i2'] };
  if (i.code === Code.Pushw_FS || i.code === Code.Pushw_GS) return { keys: ['pushw:s2'] };
  const target = i.opCount > 0 && i.op0Kind === OpKind.Register ? REGISTERS[i.op0Register] : undefined;
  if (target?.kind !== 's' || (name !== 'mov' && name !== 'pop')) return undefined;
  if (name === 'mov')
    return i.op0Register === Register.CS ? { keys: ['undefined'] } : { keys: operandKeys(i, name), imm: BigInt(target.offset) };
  const w = i.code === Code.Popw_FS || i.code === Code.Popw_GS ? 2 : 8;
  return { keys: ['pop:s2'], imm: BigInt((w << 16) | target.offset) };
}

const stackPosition = (r: Register): number => (r >= Register.ST0 && r <= Register.ST7 ? r - Register.ST0 : -1);
/** x87 with stack operands: one form for all positions, which go into the immediate: target in bits 2:0, source in bits 6:4. */
function fpuShape(i: Instruction, name: string): Shape | undefined {
  if (i.opCount === 0 || i.op0Kind !== OpKind.Register) return undefined;
  const to = stackPosition(i.op0Register);
  if (to < 0) return undefined;
  const from = i.opCount > 1 ? stackPosition(i.op1Register) : 0;
  return { keys: [`${name}:st`], imm: BigInt(to | (from << 4)) };
}

function gprNumber(r: Register): number {
  return (REGISTERS[r]?.offset ?? 0) / 8;
}

function operandKeys(i: Instruction, name: string): string[] {
  let parts: string[][] = [[]];
  for (let n = 0; n < i.opCount; n++) {
    const kind = i.opKind(n);
    if (isBranch(kind)) continue;
    let options: string[];
    if (kind === OpKind.Register) {
      const r = REGISTERS[i.opRegister(n)];
      if (r === undefined) return [];
      options = n === 2 && i.opRegister(n) === Register.CL ? ['c1'] : [`${r.kind}${r.w}`];
    } else if (isMemory(kind)) {
      const size = MemorySizeBytes(i.memorySize);
      options = size > 0 ? [`m${size}`] : ['m8', 'm1', 'm4', 'm16'];
    } else if (isImmediate(kind)) options = ['i'];
    else return [];
    parts = parts.flatMap((p) => options.map((o) => [...p, o]));
  }
  return parts.map((p) => (p.length === 0 ? name : `${name}:${p.join()}`));
}
