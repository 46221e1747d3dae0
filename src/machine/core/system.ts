/** System instructions, executed in TypeScript. RIP is already behind the instruction. SDM Vol. 2; faults as in its exception lists. */
import { CR4, DR6, GPR, RFLAGS, VECTOR } from '#arch/registers.ts';
import { REG } from '../engine/layout.ts';
import { SYSTEM_OP } from '../engine/system-ops.ts';
import { type CpuCore, type Outcome } from './cpu.ts';
import { readFlags, readRflags, writeFlags, writeRflags } from './flags.ts';
import { farReturn, farTransfer, movSegment, popSegment, queryDescriptor, userIret } from './far.ts';
import { fldenv, fnsave, fnstenv, frstor } from './fpu-environment.ts';
import { fxrstor, fxsave } from './fxsave.ts';
import { iret } from './interrupts.ts';

const DONE: Outcome = { kind: 'done' };
const GP: Outcome = { kind: 'fault', vector: VECTOR.GP, error: 0 };
const UD: Outcome = { kind: 'fault', vector: VECTOR.UD, error: 0 };
const LOW32 = 0xffff_ffffn;

/** RFLAGS bits that POPF and SYSRET may write: all but VM, RF, VIF, VIP and reserved ones. */
const WRITABLE = 0x24_7fd5n & ~BigInt(RFLAGS.RF | RFLAGS.VM);
const WRITABLE_LOW = Number(WRITABLE);

export function systemOperation(cpu: CpuCore): Outcome {
  const { engine } = cpu.parts;
  switch (engine.systemOp) {
    case SYSTEM_OP.SYSCALL:
      return syscall(cpu);
    case SYSTEM_OP.SYSRET:
      return sysret(cpu);
    case SYSTEM_OP.GATE:
      return engine.cpl === 3 ? DONE : { kind: 'gate', gate: engine.systemArgumentLow };
    case SYSTEM_OP.STI:
      if (engine.cpl === 3) return GP;
      engine.setRegister32(REG.RFLAGS, engine.register32(REG.RFLAGS) | RFLAGS.IF);
      return DONE;
    default:
      return rarer(cpu);
  }
}

const RCX = REG.GPR + GPR.RCX * 8;
const R11 = REG.GPR + GPR.R11 * 8;

function syscall(cpu: CpuCore): Outcome {
  const { engine, registers } = cpu.parts;
  if (!registers.syscallEnabled) return UD;
  cpu.countFar(cpu.currentMode());
  engine.setRegister32(RCX, engine.register32(REG.RIP));
  engine.setRegister32(RCX + 4, engine.register32(REG.RIP + 4));
  const flags = readFlags(engine);
  engine.setRegister32(R11, flags);
  engine.setRegister32(R11 + 4, 0);
  writeFlags(engine, flags & ~registers.syscallClears);
  engine.setRegister32(REG.CS, registers.syscallCs);
  engine.setRegister32(REG.SS, registers.syscallSs);
  engine.setCpl(0);
  engine.rip = registers.lstar;
  return DONE;
}

function sysret(cpu: CpuCore): Outcome {
  const { engine, registers } = cpu.parts;
  if (!registers.syscallEnabled) return UD;
  // Canonical: bits 63:47 all equal.
  const high = engine.register32(RCX + 4);
  if (engine.cpl === 3 || (high << 16) >> 16 !== high) return GP;
  cpu.countFar(cpu.currentMode());
  writeFlags(engine, (engine.register32(R11) & WRITABLE_LOW) | 2);
  engine.setRegister32(REG.CS, registers.sysretCs);
  engine.setRegister32(REG.SS, registers.sysretSs);
  engine.setCpl(3);
  engine.ripFrom(RCX);
  return DONE;
}

function rarer(cpu: CpuCore): Outcome {
  const { engine, clock, msrs, pmu } = cpu.parts;
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
    case SYSTEM_OP.UNDEFINED:
      cpu.setUndefined(describe(cpu));
      return UD;
    case SYSTEM_OP.POPF:
      return popf(cpu, user);
    case SYSTEM_OP.READ_CR:
    case SYSTEM_OP.WRITE_CR:
      return user ? GP : controlRegister(cpu, engine.systemOp === SYSTEM_OP.WRITE_CR, Number(engine.systemArgument));
    case SYSTEM_OP.READ_DR:
    case SYSTEM_OP.WRITE_DR:
      return debugRegister(cpu, engine.systemOp === SYSTEM_OP.WRITE_DR, Number(engine.systemArgument));
    case SYSTEM_OP.PRIVILEGED:
      if (user) return GP;
      cpu.setUndefined(describe(cpu));
      return UD;
    case SYSTEM_OP.FXSAVE:
      return fxsave(engine, BigInt.asUintN(64, engine.systemArgument));
    case SYSTEM_OP.FXRSTOR:
      return fxrstor(engine, BigInt.asUintN(64, engine.systemArgument));
    case SYSTEM_OP.XGETBV: {
      const index = get(GPR.RCX) & LOW32;
      if (index > (cpu.has('XGETBV1') ? 1n : 0n)) return GP;
      setPair(BigInt(index === 0n ? cpu.parts.xstate.xcr0 : cpu.parts.xstate.xcr0 & cpu.parts.xstate.inUse()));
      return DONE;
    }
    case SYSTEM_OP.XSETBV:
      if (user || (get(GPR.RCX) & LOW32) !== 0n) return GP;
      return cpu.setXcr0(pair(get)) ? DONE : GP;
    case SYSTEM_OP.XSAVE:
    case SYSTEM_OP.XSAVEOPT:
    case SYSTEM_OP.XSAVEC:
    case SYSTEM_OP.XSAVES: {
      if (engine.systemOp === SYSTEM_OP.XSAVES && user) return GP;
      const kind = engine.systemOp === SYSTEM_OP.XSAVE ? 'plain' : engine.systemOp === SYSTEM_OP.XSAVEOPT ? 'optimized' : 'compacted';
      return cpu.parts.xstate.save(BigInt.asUintN(64, engine.systemArgument), pair(get), kind);
    }
    case SYSTEM_OP.XRSTOR:
    case SYSTEM_OP.XRSTORS:
      if (engine.systemOp === SYSTEM_OP.XRSTORS && user) return GP;
      return cpu.parts.xstate.restore(BigInt.asUintN(64, engine.systemArgument), pair(get), engine.systemOp === SYSTEM_OP.XRSTORS);
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
      return { kind: 'debug trap' };
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

/** EDX:EAX. */
const pair = (get: (n: number) => bigint): bigint => (get(GPR.RAX) & LOW32) | ((get(GPR.RDX) & LOW32) << 32n);
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
  engine.watchpoints.access(sp, 8, false);
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
  if (write && name === 'cr4' && !cpu.mayHaveCr4(cpu.gpr[register] as bigint)) return GP;
  if (write) cpu[name] = cpu.gpr[register] as bigint;
  else cpu.gpr[register] = cpu[name];
  return DONE;
}

/** MOV DR. SDM Vol. 2; in the order of KVM's handle_dr: does it exist, privilege, general detection, the value. */
function debugRegister(cpu: CpuCore, write: boolean, argument: number): Outcome {
  const { debug } = cpu.parts;
  const [number, register] = [debug.index(argument >> 8, (cpu.cr4 & CR4.DE) !== 0n), argument & 15];
  if (number === undefined) return UD;
  if (cpu.cpl === 3) return GP;
  if (debug.detects) return { kind: 'fault', vector: VECTOR.DB, error: DR6.BD };
  if (!write) cpu.gpr[register] = debug.read(number);
  else if (!debug.write(number, cpu.gpr[register] as bigint)) return GP;
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
