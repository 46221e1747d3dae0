/**
 * Segment registers, far transfers and IRET inside ring 3. SDM Vol. 2 (MOV, POP, JMP, CALL, RET, IRET), Vol. 3A §3.4, §5.8. There is no descriptor
 * table in modelled memory: what SYSRET loads is what there is, one flat data segment and one 64-bit code segment for users, and a 32-bit code
 * segment that nothing can run in. Anything else raises #GP with the selector.
 */
import { GPR, RFLAGS, VECTOR } from '#arch/registers.ts';
import type { Engine } from '../engine/engine.ts';
import { REG } from '../engine/layout.ts';
import type { CpuCore, Outcome } from './cpu.ts';
import { readRflags, writeRflags } from './flags.ts';
import { canonical } from './system-registers.ts';

const DONE: Outcome = { kind: 'done' };
const gp = (selector = 0): Outcome => ({ kind: 'fault', vector: VECTOR.GP, error: selector & 0xfffc });
const pageFault = (e: Engine): Outcome => ({ kind: 'fault', vector: e.faultVector, error: e.faultError });

/** What ring 3 may change of RFLAGS by IRET: all but IF, IOPL, VM and reserved bits. */
const USER_FLAGS = 0x25_7fd5n & ~BigInt(RFLAGS.IF | RFLAGS.IOPL | RFLAGS.VM);

/** The users' selectors, from IA32_STAR as SYSRET takes them. */
function selectors(cpu: CpuCore): { code32: number; data: number; code64: number } {
  const base = Number((cpu.parts.registers.star >> 48n) & 0xffffn);
  return { code32: base | 3, data: (base + 8) | 3, code64: (base + 16) | 3 };
}

/** `width` bytes each, from `va` up; undefined: the fault is in the mailbox. */
function readWords(e: Engine, va: bigint, width: number, n: number): bigint[] | undefined {
  const out: bigint[] = [];
  for (let i = 0; i < n; i++) {
    let word = 0n;
    for (let b = 0; b < width; b++) {
      const host = e.translate(BigInt.asUintN(64, va + BigInt(i * width + b)), 0);
      if (host === 0) return undefined;
      if (b === 0) e.observeAccess(va + BigInt(i * width), host, 1, false);
      e.watchpoints.access(va + BigInt(i * width + b), 1, false);
      word |= BigInt(e.bytes[host] as number) << BigInt(8 * b);
    }
    out.push(word);
  }
  return out;
}
/** Both ends are checked first. */
function writeWords(e: Engine, va: bigint, width: number, words: readonly bigint[]): boolean {
  const bytes = words.length * width;
  for (const end of [0, bytes - 1]) if (e.translate(BigInt.asUintN(64, va + BigInt(end)), 1) === 0) return false;
  for (let i = 0; i < bytes; i++) {
    const word = words[Math.floor(i / width)] as bigint;
    const host = e.translate(BigInt.asUintN(64, va + BigInt(i)), 1);
    if (i % width === 0) e.observeAccess(va + BigInt(i), host, 1, true);
    e.watchpoints.access(va + BigInt(i), 1, true);
    e.bytes[host] = Number((word >> BigInt(8 * (i % width))) & 255n);
  }
  return true;
}

/** Is this selector one that the register can hold? undefined: it is loaded. */
function loadSegment(cpu: CpuCore, register: number, selector: number): Outcome | undefined {
  const { engine } = cpu.parts;
  const s = selectors(cpu);
  const isNull = (selector & 0xfffc) === 0;
  if (register === REG.SS) {
    if (engine.cpl === 3 && selector !== s.data) return gp(isNull ? 0 : selector);
    cpu.loadedStackSegment();
  } else if (!isNull && engine.cpl === 3 && ![s.code32, s.data, s.code64].some((x) => (x & 0xfffc) === (selector & 0xfffc)))
    return gp(selector);
  engine.setRegister32(register, selector);
  if (register === REG.FS) cpu.fsBase = 0n;
  if (register === REG.GS) cpu.gsBase = 0n;
  return undefined;
}
/** MOV Sreg: the register's offset, the selector above it. */
export function movSegment(cpu: CpuCore, argument: bigint): Outcome {
  return loadSegment(cpu, Number(argument & 0xffffn), Number((argument >> 16n) & 0xffffn)) ?? DONE;
}
/** POP Sreg: the register's offset, the width above it. */
export function popSegment(cpu: CpuCore, argument: bigint): Outcome {
  const { engine } = cpu.parts;
  const width = Number(argument >> 16n);
  const sp = cpu.gpr[GPR.RSP] as bigint;
  const words = readWords(engine, sp, width, 1);
  if (words === undefined) return pageFault(engine);
  const failed = loadSegment(cpu, Number(argument & 0xffffn), Number((words[0] as bigint) & 0xffffn));
  if (failed === undefined) cpu.gpr[GPR.RSP] = BigInt.asUintN(64, sp + BigInt(width));
  return failed ?? DONE;
}

const QUERY = { LAR: 0, LSL: 1, VERR: 2, VERW: 3 } as const;
/** LAR, LSL, VERR, VERW: query << 12 | width << 8 | register, the selector above. ZF says whether ring 3 may see the segment (ring 0: the same). */
export function queryDescriptor(cpu: CpuCore, argument: number): Outcome {
  const { engine } = cpu.parts;
  const [what, width, register] = [(argument >> 12) & 15, (argument >> 8) & 15, argument & 15];
  const s = selectors(cpu);
  const named = (argument >>> 16) | 3;
  // The second words of the descriptors, less their bases: flat, of 4 GiB.
  const rights = named === s.data ? 0x00cf_f300n : named === s.code64 ? 0x00af_fb00n : named === s.code32 ? 0x00cf_fb00n : undefined;
  const visible = rights !== undefined && argument >>> 16 > 3 && (what !== QUERY.VERW || named === s.data);
  if (visible && what <= QUERY.LSL) {
    const v = BigInt.asUintN(width * 8, what === QUERY.LAR ? rights : 0xffff_ffffn);
    const old = cpu.gpr[register] as bigint;
    cpu.gpr[register] = width === 2 ? (old & ~0xffffn) | v : v;
  }
  const zf = BigInt(RFLAGS.ZF);
  writeRflags(engine, visible ? readRflags(engine) | zf : readRflags(engine) & ~zf);
  return DONE;
}

/** A target in the code segment that runs now; undefined: it may be entered. */
function refuseTarget(cpu: CpuCore, cs: number, rip: bigint): Outcome | undefined {
  if ((cs & 0xfffc) === 0) return gp();
  if (cs !== cpu.parts.engine.register32(REG.CS)) return gp(cs);
  return canonical(rip) ? undefined : gp();
}

/** JMP and CALL through memory: the offset, then the selector. */
export function farTransfer(cpu: CpuCore, width: 2 | 4 | 8, at: bigint, call: boolean): Outcome {
  const { engine } = cpu.parts;
  const offset = readWords(engine, at, width, 1)?.[0];
  const cs = offset === undefined ? undefined : readWords(engine, at + BigInt(width), 2, 1)?.[0];
  if (offset === undefined || cs === undefined) return pageFault(engine);
  const refused = refuseTarget(cpu, Number(cs), offset);
  if (refused !== undefined) return refused;
  if (call) {
    const sp = BigInt.asUintN(64, (cpu.gpr[GPR.RSP] as bigint) - BigInt(2 * width));
    const back = BigInt.asUintN(width * 8, engine.rip);
    if (!writeWords(engine, sp, width, [back, BigInt(engine.register32(REG.CS))])) return pageFault(engine);
    cpu.gpr[GPR.RSP] = sp;
  }
  cpu.countFar(cpu.currentMode());
  engine.rip = offset;
  return DONE;
}
/** RETF: width << 16 | bytes to take off besides. */
export function farReturn(cpu: CpuCore, argument: number): Outcome {
  const { engine } = cpu.parts;
  const [width, more] = [argument >> 16, argument & 0xffff];
  const sp = cpu.gpr[GPR.RSP] as bigint;
  const words = readWords(engine, sp, width, 2);
  if (words === undefined) return pageFault(engine);
  const [rip, cs] = words as [bigint, bigint];
  const refused = refuseTarget(cpu, Number(cs & 0xffffn), rip);
  if (refused !== undefined) return refused;
  cpu.countFar(cpu.currentMode());
  cpu.gpr[GPR.RSP] = BigInt.asUintN(64, sp + BigInt(2 * width + more));
  engine.rip = rip;
  return DONE;
}
/** IRET from ring 3 to ring 3. It opens NMIs on a processor, too; here they are never closed in ring 3. */
export function userIret(cpu: CpuCore, width: number): Outcome {
  const { engine } = cpu.parts;
  const words = readWords(engine, cpu.gpr[GPR.RSP] as bigint, width, 5);
  if (words === undefined) return pageFault(engine);
  const [rip, cs, flags, rsp, ss] = words as [bigint, bigint, bigint, bigint, bigint];
  const refused = refuseTarget(cpu, Number(cs & 0xffffn), rip) ?? loadSegment(cpu, REG.SS, Number(ss & 0xffffn));
  if (refused !== undefined) return refused;
  cpu.countFar(cpu.currentMode());
  const may = width === 2 ? USER_FLAGS & 0xffffn : USER_FLAGS;
  writeRflags(engine, (readRflags(engine) & ~may) | (flags & may));
  cpu.gpr[GPR.RSP] = rsp;
  engine.rip = rip;
  return DONE;
}
