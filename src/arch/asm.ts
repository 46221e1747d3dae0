/**
 * A mini assembler: the few 64-bit instruction forms that the kernel text is made of. Encodings by SDM Vol. 2 (ModRM and SIB §2.1.5, REX §2.2.1).
 * Tests decode every form with iced-x86, an oracle that is not ours.
 */
import { ensure } from '#base/assert.ts';
import { encodeGate } from './gate.ts';
import type { Gpr } from './registers.ts';

/** A memory operand: [base + index*scale + disp32]; no base: absolute disp32. `gs` adds the GS base. */
export interface Mem {
  readonly base?: Gpr;
  readonly index?: Gpr;
  readonly scale?: 1 | 2 | 4 | 8;
  readonly disp: number;
  readonly gs?: boolean;
}

export const mem = (base: Gpr, disp = 0): Mem => ({ base, disp });
/** gs:[disp], the way to per-CPU data. */
export const gs = (disp: number): Mem => ({ disp, gs: true });

/** Condition codes of Jcc. */
export const CC = { O: 0, NO: 1, B: 2, AE: 3, E: 4, NE: 5, BE: 6, A: 7, S: 8, NS: 9, P: 10, NP: 11, L: 12, GE: 13, LE: 14, G: 15 } as const;
export type Cc = (typeof CC)[keyof typeof CC];

/** The /digit or opcode row of the eight classic ALU operations. */
const ALU = { add: 0, or: 1, adc: 2, sbb: 3, and: 4, sub: 5, xor: 6, cmp: 7 } as const;
export type AluOp = keyof typeof ALU;

interface Fixup {
  readonly at: number;
  readonly label: string;
}

export interface AsmSymbol {
  readonly name: string;
  /** Virtual address. */
  readonly address: bigint;
  readonly size: number;
}

/** How a function is entered: by CALL, by the processor (an interrupt's frame is below), or as the bottom of a stack. */
export type Entered = 'call' | 'frame' | 'bottom';

/** From `at` (offset of an instruction) on: RSP + depth is where the return address, or the RIP of the processor's frame, stands. */
export interface StackRow {
  readonly at: number;
  readonly depth: number;
  readonly kind: Entered;
}

const RSP = 4;

export class Assembler {
  private readonly out: number[] = [];
  private readonly labels = new Map<string, number>();
  private readonly fixups: Fixup[] = [];
  /** In the order of the text. */
  readonly stackRows: StackRow[] = [];
  private entered: Entered = 'call';
  private depth = 0;
  private readonly functions: { name: string; start: number; end: number }[] = [];
  /** Virtual address of the first byte. */
  readonly base: bigint;

  constructor(base: bigint) {
    this.base = base;
  }

  get size(): number {
    return this.out.length;
  }
  /** Virtual address of the next byte. */
  get here(): bigint {
    return this.base + BigInt(this.out.length);
  }

  label(name: string): void {
    if (this.labels.has(name)) throw new Error(`label defined twice: ${name}`);
    this.labels.set(name, this.out.length);
  }
  addressOf(label: string): bigint {
    return this.base + BigInt(this.offsetOf(label));
  }
  /** Starts a function: 16-byte aligned (padded with INT3), a label and a symbol. It ends where the next one starts or at `endFunction`. */
  function(name: string, entered: Entered = 'call'): void {
    this.endFunction();
    while (this.out.length % 16 !== 0) this.out.push(0xcc);
    this.label(name);
    this.functions.push({ name, start: this.out.length, end: -1 });
    this.entered = entered;
    this.stack(0);
  }
  /** A function with the bytes of `model`, which calls nobody and is the last or closed: much cheaper than saying it again. Returns its offset. */
  copy(name: string, model: string): number {
    this.endFunction();
    const { start, end } = ensure(
      this.functions.find((f) => f.name === model),
      `function ${model}`,
    );
    this.function(name);
    const delta = this.out.length - start;
    for (let at = start; at < end; at++) this.out.push(this.out[at] as number);
    for (const { at, label } of this.fixups) {
      if (at < start || at >= end) continue;
      const distance = ensure(this.labels.get(label), `label ${label}`) - (at + 4);
      for (let k = 0; k < 4; k++) this.out[at + delta + k] = (distance >> (8 * k)) & 255;
    }
    for (const row of this.stackRows.filter((r) => r.at > start && r.at < end)) this.stackRows.push({ ...row, at: row.at + delta });
    return start + delta;
  }
  /** Replaces the gate at an offset. */
  setGate(at: number, gate: number): void {
    for (const [k, b] of encodeGate(gate).entries()) this.out[at + k] = b;
  }
  offsetOf(label: string): number {
    return ensure(this.labels.get(label), `label ${label}`);
  }
  /** Says what lies on the stack from here on; needed where the text before does not flow into this instruction. */
  stack(depth: number): void {
    this.depth = depth;
    this.stackRows.push({ at: this.out.length, depth, kind: this.entered });
  }
  private pushed(bytes: number): void {
    this.stack(this.depth + bytes);
  }
  endFunction(): void {
    const last = this.functions.at(-1);
    if (last !== undefined && last.end < 0) last.end = this.out.length;
  }
  symbols(): AsmSymbol[] {
    this.endFunction();
    return this.functions.map((f) => ({ name: f.name, address: this.base + BigInt(f.start), size: f.end - f.start }));
  }

  /** The bytes, with all labels resolved. */
  finish(): Uint8Array {
    const bytes = Uint8Array.from(this.out);
    const view = new DataView(bytes.buffer);
    for (const { at, label } of this.fixups) {
      view.setInt32(at, ensure(this.labels.get(label), `label ${label}`) - (at + 4), true);
    }
    return bytes;
  }

  push(r: Gpr): void {
    if (r >= 8) this.byte(0x41);
    this.byte(0x50 + (r & 7));
    this.pushed(8);
  }
  pop(r: Gpr): void {
    if (r >= 8) this.byte(0x41);
    this.byte(0x58 + (r & 7));
    this.pushed(-8);
  }
  pushImm(value: number): void {
    if (value >= -128 && value <= 127) this.byte(0x6a, value & 255);
    else {
      this.byte(0x68);
      this.imm32(value);
    }
    this.pushed(8);
  }
  pushMem(m: Mem): void {
    this.rm(false, [0xff], 6, m);
    this.pushed(8);
  }

  /** mov r64, r64 */
  mov(dst: Gpr, src: Gpr): void {
    this.rr(true, [0x89], src, dst);
  }
  load(dst: Gpr, m: Mem): void {
    this.rm(true, [0x8b], dst, m);
  }
  store(m: Mem, src: Gpr): void {
    this.rm(true, [0x89], src, m);
  }
  /** mov qword [m], imm32 sign-extended */
  storeImm(m: Mem, value: number): void {
    this.rm(true, [0xc7], 0, m);
    this.imm32(value);
  }
  /** mov r32, imm32 (zero-extends) */
  movImm32(dst: Gpr, value: number): void {
    if (dst >= 8) this.byte(0x41);
    this.byte(0xb8 + (dst & 7));
    this.imm32(value);
  }
  lea(dst: Gpr, m: Mem): void {
    this.rm(true, [0x8d], dst, m);
  }

  /** op r64, r64 */
  alu(op: AluOp, dst: Gpr, src: Gpr): void {
    this.rr(true, [ALU[op] * 8 + 1], src, dst);
  }
  /** op r64, imm */
  aluImm(op: AluOp, dst: Gpr, value: number): void {
    if (value >= -128 && value <= 127) {
      this.rr(true, [0x83], ALU[op] as Gpr, dst);
      this.byte(value & 255);
    } else {
      this.rr(true, [0x81], ALU[op] as Gpr, dst);
      this.imm32(value);
    }
    if (dst === RSP && (op === 'add' || op === 'sub')) this.pushed(op === 'sub' ? value : -value);
  }
  /** op r64, [m] */
  aluMem(op: AluOp, dst: Gpr, m: Mem): void {
    this.rm(true, [ALU[op] * 8 + 3], dst, m);
  }
  /** cmp qword [m], imm8/32 */
  cmpMemImm(m: Mem, value: number): void {
    const short = value >= -128 && value <= 127;
    this.rm(true, [short ? 0x83 : 0x81], ALU.cmp, m);
    if (short) this.byte(value & 255);
    else this.imm32(value);
  }
  /** xor r32, r32: the usual zero */
  zero(dst: Gpr): void {
    this.rr(false, [0x31], dst, dst);
  }
  test(a: Gpr, b: Gpr): void {
    this.rr(true, [0x85], b, a);
  }
  /** test r64, imm32 */
  testImm(r: Gpr, value: number): void {
    this.rr(true, [0xf7], 0 as Gpr, r);
    this.imm32(value);
  }
  /** test byte [m], imm8 */
  testByteMem(m: Mem, value: number): void {
    this.rm(false, [0xf6], 0, m);
    this.byte(value & 255);
  }
  /** test dword [m], imm32 */
  testMem32(m: Mem, value: number): void {
    this.rm(false, [0xf7], 0, m);
    this.imm32(value);
  }
  /** dec r32 */
  dec32(r: Gpr): void {
    this.rr(false, [0xff], 1 as Gpr, r);
  }
  /** shr r64, imm8 */
  shr(r: Gpr, count: number): void {
    this.rr(true, [0xc1], 5 as Gpr, r);
    this.byte(count & 63);
  }

  call(label: string): void {
    this.byte(0xe8);
    this.rel32(label);
  }
  callMem(m: Mem): void {
    this.rm(false, [0xff], 2, m);
  }
  jmp(label: string): void {
    this.byte(0xe9);
    this.rel32(label);
  }
  jcc(cc: Cc, label: string): void {
    this.byte(0x0f, 0x80 + cc);
    this.rel32(label);
  }
  ret(): void {
    this.byte(0xc3);
  }

  syscall(): void {
    this.byte(0x0f, 0x05);
  }
  swapgs(): void {
    this.byte(0x0f, 0x01, 0xf8);
  }
  sysretq(): void {
    this.byte(0x48, 0x0f, 0x07);
  }
  iretq(): void {
    this.byte(0x48, 0xcf);
  }
  sti(): void {
    this.byte(0xfb);
  }
  cli(): void {
    this.byte(0xfa);
  }
  cld(): void {
    this.byte(0xfc);
  }
  hlt(): void {
    this.byte(0xf4);
  }
  rdmsr(): void {
    this.byte(0x0f, 0x32);
  }
  wrmsr(): void {
    this.byte(0x0f, 0x30);
  }
  nop(): void {
    this.byte(0x90);
  }
  ud2(): void {
    this.byte(0x0f, 0x0b);
  }
  gate(gate: number): void {
    this.byte(...encodeGate(gate));
  }

  /** An instruction as its bytes, for tests. */
  raw(...bytes: number[]): void {
    this.byte(...bytes);
  }
  private byte(...bytes: number[]): void {
    for (const b of bytes) this.out.push(b);
  }
  private imm32(value: number): void {
    this.byte(value & 255, (value >> 8) & 255, (value >> 16) & 255, (value >>> 24) & 255);
  }
  private rel32(label: string): void {
    this.fixups.push({ at: this.out.length, label });
    this.imm32(0);
  }
  private rex(w: boolean, reg: number, index: number, base: number): void {
    const rex = 0x40 | (w ? 8 : 0) | (reg >= 8 ? 4 : 0) | (index >= 8 ? 2 : 0) | (base >= 8 ? 1 : 0);
    if (rex !== 0x40) this.byte(rex);
  }
  /** Register-direct ModRM. */
  private rr(w: boolean, opcode: readonly number[], reg: Gpr, rm: Gpr): void {
    this.rex(w, reg, 0, rm);
    this.byte(...opcode, 0xc0 | ((reg & 7) << 3) | (rm & 7));
  }
  /** Memory ModRM; always disp32 or disp8, which keeps the special cases of mod 0 away. */
  private rm(w: boolean, opcode: readonly number[], reg: number, m: Mem): void {
    if (m.gs === true) this.byte(0x65);
    this.rex(w, reg, m.index ?? 0, m.base ?? 0);
    this.byte(...opcode);
    const r = (reg & 7) << 3;
    if (m.base === undefined) {
      // mod 0, rm 4, SIB base 5 without base: absolute disp32, with an index if given.
      this.byte(r | 4, (this.scaleBits(m) << 6) | (((m.index ?? 4) & 7) << 3) | 5);
      this.imm32(m.disp);
      return;
    }
    const short = m.disp >= -128 && m.disp <= 127;
    const mod = short ? 0x40 : 0x80;
    if (m.index !== undefined || (m.base & 7) === 4) {
      this.byte(mod | r | 4, (this.scaleBits(m) << 6) | (((m.index ?? 4) & 7) << 3) | (m.base & 7));
    } else this.byte(mod | r | (m.base & 7));
    if (short) this.byte(m.disp & 255);
    else this.imm32(m.disp);
  }
  private scaleBits(m: Mem): number {
    return { 1: 0, 2: 1, 4: 2, 8: 3 }[m.scale ?? 1];
  }
}
