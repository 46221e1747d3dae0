/** System instructions, executed in TypeScript. RIP is already behind the instruction. SDM Vol. 2; faults as in its exception lists. */
import { CR4, GPR, RFLAGS, VECTOR } from '#arch/registers.ts';
import { REG } from '../engine/layout.ts';
import { SYSTEM_OP } from '../engine/system-ops.ts';
import { type CpuCore, type Outcome } from './cpu.ts';
import { readRflags, writeRflags } from './flags.ts';
import { farReturn, farTransfer, movSegment, popSegment, queryDescriptor, userIret } from './far.ts';
import { fldenv, fnsave, fnstenv, frstor } from './fpu-environment.ts';
import { fxrstor, fxsave } from './fxsave.ts';
import { iret } from './interrupts.ts';
import { canonical } from './system-registers.ts';

const DONE: Outcome = { kind: 'done' };
const GP: Outcome = { kind: 'fault', vector: VECTOR.GP, error: 0 };
const UD: Outcome = { kind: 'fault', vector: VECTOR.UD, error: 0 };
const LOW32 = 0xffff_ffffn;

/** RFLAGS bits that POPF and SYSRET may write: all but VM, RF, VIF, VIP and reserved ones. */
const WRITABLE = 0x24_7fd5n & ~BigInt(RFLAGS.RF | RFLAGS.VM);

export function systemOperation(cpu: CpuCore): Outcome {
  const { engine, registers, clock, msrs, pmu } = cpu.parts;
  const r = cpu.gpr;
  const set = (n: number, v: bigint): void => {
    r[n] = v;
  };
  const get = (n: number): bigint => r[n] as bigint;
  const setPair = (v: bigint): void => {
    set(GPR.RAX, v & LOW32);
    set(GPR.RDX, (v >> 32n) & LOW32);
  };
  const user = engine.cpl === 3;
  switch (engine.systemOp) {
    case SYSTEM_OP.DIV128:
      return divide(r, engine.systemArgument);
    case SYSTEM_OP.IDIV128:
      return divideSigned(r, engine.systemArgument);
    case SYSTEM_OP.SYSCALL:
      if (!registers.syscallEnabled) return UD;
      cpu.countFar(cpu.currentMode());
      set(GPR.RCX, engine.rip);
      set(GPR.R11, readRflags(engine));
      writeRflags(engine, readRflags(engine) & ~registers.fmask);
      engine.setRegister32(REG.CS, Number((registers.star >> 32n) & 0xfffcn));
      engine.setRegister32(REG.SS, Number(((registers.star >> 32n) & 0xffffn) + 8n));
      engine.setCpl(0);
      engine.rip = registers.lstar;
      return DONE;
    case SYSTEM_OP.SYSRET: {
      if (!registers.syscallEnabled) return UD;
      if (user || !canonical(get(GPR.RCX))) return GP;
      cpu.countFar(cpu.currentMode());
      writeRflags(engine, (get(GPR.R11) & WRITABLE) | 2n);
      engine.setRegister32(REG.CS, Number((((registers.star >> 48n) & 0xffffn) + 16n) | 3n));
      engine.setRegister32(REG.SS, Number((((registers.star >> 48n) & 0xffffn) + 8n) | 3n));
      const target = get(GPR.RCX);
      engine.setCpl(3);
      engine.rip = target;
      return DONE;
    }
    case SYSTEM_OP.IRET: {
      const mode = cpu.currentMode();
      if (user) return userIret(cpu, Number(engine.systemArgument >> 16n));
      if (!iret(engine)) return GP;
      cpu.countFar(mode);
      cpu.interruptReturned();
      return DONE;
    }
    case SYSTEM_OP.INT:
      cpu.countFar(cpu.currentMode());
      return { kind: 'interrupt', vector: Number(engine.systemArgument) };
    case SYSTEM_OP.HLT:
      return user ? GP : { kind: 'halt' };
    case SYSTEM_OP.CPUID: {
      const out = cpu.parts.cpuid(Number(get(GPR.RAX) & LOW32), Number(get(GPR.RCX) & LOW32));
      set(GPR.RAX, BigInt(out.eax >>> 0));
      set(GPR.RBX, BigInt(out.ebx >>> 0));
      set(GPR.RCX, BigInt(out.ecx >>> 0));
      set(GPR.RDX, BigInt(out.edx >>> 0));
      return DONE;
    }
    case SYSTEM_OP.RDTSCP:
    case SYSTEM_OP.RDTSC:
      if (user && (cpu.cr4 & CR4.TSD) !== 0n) return GP;
      setPair(BigInt(clock.tsc()));
      if (engine.systemOp === SYSTEM_OP.RDTSCP) set(GPR.RCX, msrs.tscAux);
      return DONE;
    case SYSTEM_OP.RDRAND:
      random(cpu, Number(engine.systemArgument));
      return DONE;
    case SYSTEM_OP.RDPID:
      set(Number(engine.systemArgument) & 15, msrs.tscAux);
      return DONE;
    case SYSTEM_OP.RDPMC: {
      const v = pmu.rdpmc(Number(get(GPR.RCX) & LOW32), engine.cpl, (cpu.cr4 & CR4.PCE) !== 0n);
      if (v === undefined) return GP;
      setPair(v);
      return DONE;
    }
    case SYSTEM_OP.RDMSR: {
      if (user) return GP;
      const v = msrs.read(Number(get(GPR.RCX) & LOW32));
      if (v === undefined) return GP;
      setPair(v);
      return DONE;
    }
    case SYSTEM_OP.WRMSR:
      if (user) return GP;
      return msrs.write(Number(get(GPR.RCX) & LOW32), (get(GPR.RAX) & LOW32) | ((get(GPR.RDX) & LOW32) << 32n)) ? DONE : GP;
    case SYSTEM_OP.INVLPG:
      if (user) return GP;
      engine.invlpg(BigInt.asUintN(64, engine.systemArgument));
      return DONE;
    case SYSTEM_OP.GATE:
      return user ? DONE : { kind: 'gate', gate: Number(engine.systemArgument) };
    case SYSTEM_OP.UNDEFINED:
      cpu.setUndefined(describe(cpu));
      return UD;
    case SYSTEM_OP.STI:
      if (user) return GP;
      writeRflags(engine, readRflags(engine) | BigInt(RFLAGS.IF));
      return DONE;
    case SYSTEM_OP.POPF:
      return popf(cpu, user);
    case SYSTEM_OP.READ_CR:
    case SYSTEM_OP.WRITE_CR:
      return user ? GP : controlRegister(cpu, engine.systemOp === SYSTEM_OP.WRITE_CR, Number(engine.systemArgument));
    case SYSTEM_OP.PRIVILEGED:
      if (user) return GP;
      cpu.setUndefined(describe(cpu));
      return UD;
    case SYSTEM_OP.FXSAVE:
      return fxsave(engine, BigInt.asUintN(64, engine.systemArgument));
    case SYSTEM_OP.FXRSTOR:
      return fxrstor(engine, BigInt.asUintN(64, engine.systemArgument));
    case SYSTEM_OP.FNSTENV:
      return fnstenv(engine, BigInt.asUintN(64, engine.systemArgument));
    case SYSTEM_OP.FLDENV:
      return fldenv(engine, BigInt.asUintN(64, engine.systemArgument));
    case SYSTEM_OP.FNSAVE:
      return fnsave(engine, BigInt.asUintN(64, engine.systemArgument));
    case SYSTEM_OP.FRSTOR:
      return frstor(engine, BigInt.asUintN(64, engine.systemArgument));
    case SYSTEM_OP.FNSTENV16:
      return fnstenv(engine, BigInt.asUintN(64, engine.systemArgument), true);
    case SYSTEM_OP.FLDENV16:
      return fldenv(engine, BigInt.asUintN(64, engine.systemArgument), true);
    case SYSTEM_OP.FNSAVE16:
      return fnsave(engine, BigInt.asUintN(64, engine.systemArgument), true);
    case SYSTEM_OP.FRSTOR16:
      return frstor(engine, BigInt.asUintN(64, engine.systemArgument), true);
    case SYSTEM_OP.LOAD_SEGMENT:
      return movSegment(cpu, engine.systemArgument);
    case SYSTEM_OP.POP_SEGMENT:
      return popSegment(cpu, engine.systemArgument);
    case SYSTEM_OP.DESCRIPTOR:
      return queryDescriptor(cpu, Number(engine.systemArgument));
    case SYSTEM_OP.INT1:
      return { kind: 'trap', vector: VECTOR.DB };
    case SYSTEM_OP.RETF:
      return farReturn(cpu, Number(engine.systemArgument));
    case SYSTEM_OP.JMP_FAR2:
    case SYSTEM_OP.JMP_FAR4:
    case SYSTEM_OP.JMP_FAR8:
    case SYSTEM_OP.CALL_FAR2:
    case SYSTEM_OP.CALL_FAR4:
    case SYSTEM_OP.CALL_FAR8:
      return farTransfer(cpu, farWidth(engine.systemOp), BigInt.asUintN(64, engine.systemArgument), engine.systemOp >= SYSTEM_OP.CALL_FAR2);
    case SYSTEM_OP.LDMXCSR:
      if ((engine.systemArgument & ~0xffffn) !== 0n) return GP;
      engine.setRegister32(REG.MXCSR, Number(engine.systemArgument));
      return DONE;
    default:
      throw new Error(`engine: unknown system operation ${engine.systemOp}`);
  }
}

const farWidth = (operation: number): 2 | 4 | 8 => [2, 4, 8][(operation - SYSTEM_OP.JMP_FAR2) % 3] as 2 | 4 | 8;

function divide(r: BigUint64Array, argument: bigint): Outcome {
  const divisor = BigInt.asUintN(64, argument);
  const n = ((r[GPR.RDX] as bigint) << 64n) | (r[GPR.RAX] as bigint);
  const q = n / divisor;
  if (q >> 64n !== 0n) return { kind: 'fault', vector: VECTOR.DE, error: 0 };
  r[GPR.RAX] = q;
  r[GPR.RDX] = n % divisor;
  return DONE;
}
function divideSigned(r: BigUint64Array, argument: bigint): Outcome {
  const divisor = BigInt.asIntN(64, argument);
  const n = BigInt.asIntN(128, ((r[GPR.RDX] as bigint) << 64n) | (r[GPR.RAX] as bigint));
  const q = n / divisor;
  if (BigInt.asIntN(64, q) !== q) return { kind: 'fault', vector: VECTOR.DE, error: 0 };
  r[GPR.RAX] = BigInt.asUintN(64, q);
  r[GPR.RDX] = BigInt.asUintN(64, n % divisor);
  return DONE;
}

/** RDRAND and RDSEED, from the machine's seed: always ready (CF = 1), the other status flags 0. */
function random(cpu: CpuCore, argument: number): void {
  const { engine, random: source } = cpu.parts;
  const [width, register] = [argument >> 8, argument & 15];
  const bits = BigInt(width * 8);
  const v = BigInt.asUintN(width * 8, BigInt(source.next()) | (BigInt(source.next()) << 32n));
  const kept = width === 2 ? ((cpu.gpr[register] as bigint) >> bits) << bits : 0n;
  cpu.gpr[register] = kept | v;
  const status = BigInt(RFLAGS.CF | RFLAGS.PF | RFLAGS.AF | RFLAGS.ZF | RFLAGS.SF | RFLAGS.OF);
  writeRflags(engine, (readRflags(engine) & ~status) | BigInt(RFLAGS.CF));
}

function popf(cpu: CpuCore, user: boolean): Outcome {
  const { engine } = cpu.parts;
  const sp = cpu.gpr[GPR.RSP] as bigint;
  const host = engine.translate(sp, 0);
  if (host === 0) return { kind: 'fault', vector: engine.faultVector, error: engine.faultError };
  const v = engine.view.getBigUint64(host, true);
  const old = readRflags(engine);
  // IF and IOPL change at CPL 0 alone (IOPL is 0).
  const may = user ? WRITABLE & ~BigInt(RFLAGS.IF | RFLAGS.IOPL) : WRITABLE;
  writeRflags(engine, (old & ~may & ~BigInt(RFLAGS.RF)) | (v & may));
  cpu.gpr[GPR.RSP] = sp + 8n;
  return DONE;
}

function controlRegister(cpu: CpuCore, write: boolean, argument: number): Outcome {
  const [number, register] = [argument >> 8, argument & 15];
  const known: Record<number, 'cr0' | 'cr2' | 'cr3' | 'cr4'> = { 0: 'cr0', 2: 'cr2', 3: 'cr3', 4: 'cr4' };
  const name = known[number];
  if (name === undefined) return UD;
  if (write) cpu[name] = cpu.gpr[register] as bigint;
  else cpu.gpr[register] = cpu[name];
  return DONE;
}

/** For the message of a #UD: the text of the instruction, and whether it is no instruction at all or one that is not there yet. */
function describe(cpu: CpuCore): string {
  const { engine } = cpu.parts;
  const code = new Uint8Array(15);
  let n = 0;
  for (; n < 15; n++) {
    const host = engine.translate(BigInt.asUintN(64, engine.instructionRip + BigInt(n)), 2);
    if (host === 0) break;
    code[n] = engine.bytes[host] as number;
  }
  const { text, lacks } = engine.blocks.describe(code.subarray(0, n), engine.instructionRip);
  if (text === '')
    return `undefined opcode (${[...code.subarray(0, Math.min(n, 8))].map((b) => b.toString(16).padStart(2, '0')).join(' ')})`;
  if (text.startsWith('ud')) return text;
  if (lacks !== undefined) return `${text}: this processor has no ${lacks}`;
  return `${text}: not implemented`;
}
