/**
 * Writes records: what one pre-decoded instruction is for the interpreter. All that depends on the opcode alone is found once and kept as a
 * `Plan`; per instruction only registers, displacement and immediate are read, since this is what a program's first execution costs most.
 */
import { Code, type Decoder, EncodingKind, type Instruction, OpKind, Register } from 'iced-x86';
import type { CycleCosts } from '#arch/cpu-models/model.ts';
import type { FeatureWords } from '#arch/cpuid-features.ts';
import * as L from '../layout.ts';
import type { FormEntry, Manifest } from '../tier0/generate.ts';
import { lacking, withoutFeature } from './features.ts';
import { type ArithmeticCode, arithmeticOf, arithmeticSums } from './arithmetic.ts';
import { isMemory, REGISTERS, type Shape, shapeOf } from './operands.ts';

/** Event sums of a form's records. */
export interface Sums {
  readonly slots: number;
  readonly loads: number;
  readonly stores: number;
  readonly branch: FormEntry['branch'];
  readonly arithmetic: ArithmeticCode;
}
export interface Plan extends Sums {
  readonly ends: boolean;
  readonly transfers: boolean;
  readonly entry: FormEntry;
  /** Row of CLASSES. */
  readonly class: number;
  /** Operand number of each register operand, and the record field that takes it. */
  readonly operands: readonly number[];
  readonly fields: readonly number[];
  readonly hasMemory: boolean;
  /** Added to the displacement: POP m computes its address with RSP as already incremented. */
  readonly stackBias: number;
  readonly ignoresSegment: boolean;
  /** EVEX scales an 8-bit displacement: read by iced-x86. */
  readonly scaled: boolean;
  /** Bytes behind the displacement; -1 until an instruction with one was seen. */
  trailing: number;
  readonly immediate: OpKind | undefined;
  readonly immediateBytes: number;
  /** Bytes of a branch's distance, which ends the instruction. */
  readonly distance: number;
  /** Overrides the immediate. */
  readonly fixed: bigint | undefined;
  /** Holds for all instructions of this code, not for this one alone. */
  readonly general: boolean;
}

/** Where an instruction was decoded from; `end`: its end in `code`. */
export interface Source {
  readonly decoder: Decoder;
  readonly instruction: Instruction;
  readonly code: DataView;
  readonly end: number;
}

const isImmediate = (kind: OpKind): boolean => kind >= OpKind.Immediate8 && kind <= OpKind.Immediate32to64;
/** Forms whose memory operand is in the immediate, or means nothing. */
const IN_IMMEDIATE = /moffs|^gate$/;
const SCALE_SHIFT = [0, 0, 1, 0, 2, 0, 0, 0, 3] as const;
const BRANCHES = ['cond', 'jmp', 'jmpInd', 'call', 'callInd', 'ret'] as const;

/** The packed words of sums (layout.ts EVA, EVB) in halves. */
export function packSums(
  loads: number,
  stores: number,
  counts: readonly number[],
): readonly [a0: number, a1: number, b0: number, b1: number] {
  const [cond = 0, jmp = 0, jmpInd = 0, call = 0, , ret = 0] = counts;
  return [loads | (stores << 20), (stores >>> 12) | (ret << 8), cond | (jmp << 16), jmpInd | (call << 16)];
}
/** EVA's fields from its halves: loads 20 bits, stores 20 bits, returns 16 bits. */
export const loadsOf = (low: number): number => low & 0xf_ffff;
export const storesOf = (low: number, high: number): number => (low >>> 20) | ((high & 0xff) << 12);
export const branchIndex = (branch: FormEntry['branch']): number =>
  branch === null || branch === undefined ? -1 : BRANCHES.indexOf(branch);

export class Records {
  private readonly bytes: Uint8Array;
  private readonly view: DataView;
  private readonly forms = new Map<string, FormEntry>();
  private readonly undefinedForm: FormEntry;
  private readonly costs: CycleCosts;
  private features: FeatureWords;
  /** By code and whether an operand is memory. */
  private plans: (Plan | undefined)[] = [];
  private readonly classes = new Map<number, number>();

  constructor(memory: Uint8Array, view: DataView, manifest: Manifest, costs: CycleCosts, features: FeatureWords) {
    this.bytes = memory;
    this.view = view;
    this.costs = costs;
    this.features = features;
    for (const f of manifest.forms) this.forms.set(f.key, f);
    this.undefinedForm = this.forms.get('undefined') as FormEntry;
    this.classOf(0, { slots: 0, loads: 0, stores: 0, branch: null, arithmetic: 0 }); // class 0: free (closing records)
  }

  setFeatures(words: FeatureWords): void {
    this.features = words;
    this.plans = [];
  }

  /** Writes the record of the instruction, `offset` bytes into its block. */
  write(s: Source, rec: number, offset: number, kernel: boolean): Plan {
    const i = s.instruction;
    const v = this.view;
    const plan = this.plan(s, kernel);
    const { entry, operands } = plan;
    const length = i.length;
    this.bytes.fill(0, rec, rec + L.RECORD.BYTES);
    v.setUint16(rec + L.RECORD.FUNCTION, entry.function, true);
    v.setUint8(rec + L.RECORD.LENGTH, length);
    v.setUint16(rec + L.RECORD.OFFSET, offset, true);
    v.setUint16(rec + L.RECORD.CLASS, plan.class, true);
    for (let k = 0; k < operands.length; k++) {
      const r = REGISTERS[registerOf(i, operands[k] as number)];
      if (r !== undefined) v.setUint16(rec + (plan.fields[k] as number), r.offset, true);
    }
    // Implicit operands (strings, XLAT, absolute addresses) take an override from here, too.
    if (!plan.general) v.setUint16(rec + L.RECORD.SEGMENT, segmentOf(i.segmentPrefix), true);
    let hot = entry.hot[''];
    if (plan.hasMemory) hot = this.memory(s, plan, rec, offset + length);
    if (plan.immediate !== undefined) this.immediate(i, plan, rec);
    if (plan.distance === 1) v.setInt32(rec + L.RECORD.DISP, s.code.getInt8(s.end - 1), true);
    else if (plan.distance === 4) v.setInt32(rec + L.RECORD.DISP, s.code.getInt32(s.end - 4, true), true);
    if (plan.fixed !== undefined) v.setBigUint64(rec + L.RECORD.IMM, plan.fixed, true);
    v.setUint16(rec + L.RECORD.HOT, hot ?? 0, true);
    return plan;
  }

  // ---- plans

  private plan(s: Source, kernel: boolean): Plan {
    const i = s.instruction;
    const code = i.code;
    const hasMemory = isMemory(i.op1Kind) || isMemory(i.op0Kind) || isMemory(i.op2Kind);
    // In the kernel's text a NOP may be a gate.
    const perhapsGate = kernel && code === Code.Nop_rm32;
    const key = code * 2 + (hasMemory ? 1 : 0);
    const known = perhapsGate ? undefined : this.plans[key];
    if (known !== undefined) return known;
    const made = this.makePlan(s, kernel, hasMemory);
    if (made.general && !perhapsGate) this.plans[key] = made;
    return made;
  }

  private makePlan(s: Source, kernel: boolean, hasMemory: boolean): Plan {
    const i = s.instruction;
    const shape: Shape = i.code === Code.INVALID ? { keys: [] } : shapeOf(i, kernel);
    const lacks = shape.keys.length > 0 && lacking(i, this.features) !== undefined;
    let entry: FormEntry | undefined;
    for (const key of shape.keys) {
      const k = lacks ? withoutFeature(key) : key;
      entry ??= k === undefined ? undefined : this.forms.get(k);
    }
    const general = shape.imm === undefined && shape.varies === undefined && !i.isStringInstruction && i.code !== Code.INVALID;
    if (entry === undefined) return this.planOf(this.undefinedForm, { general });
    const operands: number[] = [];
    const fields: number[] = [];
    let immediate: OpKind | undefined;
    let distance = 0;
    for (let n = 0; n < i.opCount; n++) {
      const kind = i.opKind(n);
      if (kind === OpKind.Register && REGISTERS[i.opRegister(n)] !== undefined) {
        const field = entry.registers[operands.length];
        if (field === undefined) continue; // an operand that the form implies
        operands.push(n);
        fields.push(field);
      } else if (isImmediate(kind)) immediate = kind;
      else if (kind === OpKind.NearBranch64) {
        const offsets = s.decoder.getConstantOffsets(i);
        distance = offsets.immediateSize;
        offsets.free();
      }
    }
    return this.planOf(entry, {
      general,
      operands,
      fields,
      hasMemory: hasMemory && !shape.keys.some((k) => IN_IMMEDIATE.test(k)),
      immediate,
      distance,
      fixed: shape.imm,
      scaled: i.encoding === EncodingKind.EVEX,
      // A gate is a NOP that may run again.
      arithmetic: entry.key === 'gate' ? 0 : arithmeticOf(i),
    });
  }
  private planOf(entry: FormEntry, found: Partial<Plan>): Plan {
    const { loads, stores, branch } = entry;
    const sums: Sums = { slots: this.slotsOf(entry), loads, stores, branch, arithmetic: found.arithmetic ?? 0 };
    return {
      operands: [],
      fields: [],
      hasMemory: false,
      immediate: undefined,
      distance: 0,
      fixed: undefined,
      general: false,
      scaled: false,
      ...found,
      ...sums,
      entry,
      ends: entry.ends,
      transfers: entry.branch !== null,
      class: this.classOf(1, sums),
      stackBias: entry.key.startsWith('pop:m') ? Number(entry.key.slice(5)) : 0,
      ignoresSegment: entry.key.startsWith('lea'),
      trailing: -1,
      immediateBytes: Math.min(Number(/:[rm](\d+)/.exec(entry.key)?.[1] ?? 8), 8),
    };
  }

  // ---- operands

  /** The displacement, sign-extended to the address size. */
  private displacement(s: Source, plan: Plan): number {
    const i = s.instruction;
    const size = i.memoryDisplSize;
    if (size === 0) return 0;
    if (plan.scaled) return Number(BigInt.asIntN(64, i.memoryDisplacement));
    if (plan.trailing < 0) {
      const offsets = s.decoder.getConstantOffsets(i);
      plan.trailing = i.length - offsets.displacementOffset - offsets.displacementSize;
      offsets.free();
    }
    const end = s.end - plan.trailing;
    if (size === 1) return s.code.getInt8(end - 1);
    return size === 4 ? s.code.getUint32(end - 4, true) : s.code.getInt32(end - 4, true); // 4: 32-bit addresses
  }

  /** Fills the memory fields; returns the hot case for the operand's shape. `behind`: the instruction's end, from the block's start. */
  private memory(s: Source, plan: Plan, rec: number, behind: number): number | undefined {
    const i = s.instruction;
    const v = this.view;
    const b = i.memoryBase;
    let shape: 'b' | 'x' | 'a' = 'b';
    let scale = 0;
    let base: number = L.REG.ZERO;
    let index: number = L.REG.ZERO;
    let segment: number = L.REG.ZERO;
    let disp = this.displacement(s, plan);
    if (b === Register.RIP || b === Register.EIP) {
      scale = L.SCALE_RIP;
      shape = 'a';
      if (b === Register.RIP) disp += behind;
      else disp = Number(BigInt.asIntN(64, i.ipRelMemoryAddress - (i.nextIP - BigInt(behind))));
    } else {
      if (b === Register.RSP) disp += plan.stackBias;
      let narrow = false;
      if (b !== Register.None) {
        const r = REGISTERS[b];
        base = r?.offset ?? L.REG.ZERO;
        narrow = r?.w === 4;
      }
      const x = i.memoryIndex;
      if (x !== Register.None) {
        const r = REGISTERS[x];
        index = r?.offset ?? L.REG.ZERO;
        narrow ||= r?.w === 4;
        shape = 'x';
        scale = SCALE_SHIFT[i.memoryIndexScale] ?? 0;
      }
      // An absolute address of the upper 2 GiB below 4 GiB: only a 67H prefix gives it.
      if (b === Register.None && x === Register.None && disp > 0x7fff_ffff) narrow = true;
      if (narrow) scale |= L.SCALE_ADDR32;
    }
    if (!plan.ignoresSegment) segment = segmentOf(i.memorySegment);
    if (segment !== L.REG.ZERO && shape === 'b') shape = 'x';
    v.setUint16(rec + L.RECORD.BASE, base, true);
    v.setUint16(rec + L.RECORD.INDEX, index, true);
    v.setUint8(rec + L.RECORD.SCALE, scale);
    v.setUint16(rec + L.RECORD.SEGMENT, segment, true);
    v.setInt32(rec + L.RECORD.DISP, disp, true);
    const odd = (scale & L.SCALE_ADDR32) !== 0 || (shape === 'a' && segment !== L.REG.ZERO) || disp !== (disp | 0);
    return odd ? 0 : plan.entry.hot[shape];
  }

  /** Truncated to the first operand's width, or raw for SIMD forms. */
  private immediate(i: Instruction, plan: Plan, rec: number): void {
    let low: number;
    let high = 0;
    switch (plan.immediate) {
      case OpKind.Immediate8:
        low = i.immediate8;
        break;
      case OpKind.Immediate8_2nd:
        low = i.immediate8_2nd;
        break;
      case OpKind.Immediate16:
        low = i.immediate16;
        break;
      case OpKind.Immediate32:
        low = i.immediate32;
        break;
      case OpKind.Immediate64: {
        const all = i.immediate64;
        low = Number(BigInt.asUintN(32, all));
        high = Number(all >> 32n);
        break;
      }
      case OpKind.Immediate32to64:
        low = i.immediate32 | 0;
        high = low >> 31;
        break;
      default: // 8 bits, sign-extended
        low = (i.immediate8 << 24) >> 24;
        high = low >> 31;
    }
    const w = plan.immediateBytes;
    if (w < 8) high = 0;
    if (w < 4) low &= w === 1 ? 0xff : 0xffff;
    this.view.setInt32(rec + L.RECORD.IMM, low, true);
    this.view.setInt32(rec + L.RECORD.IMM + 4, high, true);
  }

  // ---- classes

  private slotsOf(e: FormEntry): number {
    const c = this.costs;
    const own: Record<FormEntry['cost'], number> = {
      simple: c.simple,
      branch: c.branch,
      mul: c.mul,
      div: c.div,
      vector: c.vector,
      vectorDivide: c.vectorDivide,
      x87: c.x87,
      locked: c.locked,
      rep: c.simple,
      ringTransition: c.ringTransition,
      systemRegister: c.systemRegister,
    };
    return own[e.cost] + e.loads * c.load + e.stores * c.store;
  }
  private classOf(n: number, s: Sums): number {
    const b = branchIndex(s.branch) + 1;
    const key = ((((s.slots * 8 + b) * 16 + s.loads) * 16 + s.stores) * 2 + n) * 32 + s.arithmetic;
    const known = this.classes.get(key);
    if (known !== undefined) return known;
    const id = this.classes.size;
    if (id >= L.CLASS_MAX) throw new Error('instruction classes exhausted');
    this.classes.set(key, id);
    const row = L.CLASSES + id * L.CLASS_BYTES;
    this.view.setInt32(row, s.slots, true);
    this.view.setInt32(row + 4, n, true);
    const words = packSums(
      s.loads,
      s.stores,
      BRANCHES.map((_, k) => (k === b - 1 ? 1 : 0)),
    );
    for (const [k, word] of [...words, ...arithmeticSums(s.arithmetic)].entries()) this.view.setInt32(row + 8 + k * 4, word, true);
    return id;
  }
}

function segmentOf(r: Register): number {
  if (r === Register.FS) return L.REG.FS_BASE;
  return r === Register.GS ? L.REG.GS_BASE : L.REG.ZERO;
}
function registerOf(i: Instruction, operand: number): Register {
  switch (operand) {
    case 0:
      return i.op0Register;
    case 1:
      return i.op1Register;
    case 2:
      return i.op2Register;
    default:
      return i.opRegister(operand);
  }
}
