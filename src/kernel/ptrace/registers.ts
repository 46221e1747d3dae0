/** A stopped task's registers as ptrace shows and sets them: struct user_regs_struct and the FPU's images. arch/x86/kernel/ptrace.c, fpu/regset.c. */
import { ERRNO } from '#abi/errno.ts';
import { RFLAGS } from '#arch/registers.ts';
import { LEGACY_BYTES, XFEATURE, XCOMP_BV, XSTATE_BV } from '#arch/xstate.ts';
import type { Cpu } from '#port/cpu.ts';
import type { Kernel } from '../kernel.ts';
import { USER_END } from '../mm/page-tables.ts';
import type { PtRegister } from '../task/pt-regs.ts';
import type { Task } from '../task/task.ts';
import { SELECTOR } from '../text/layout.ts';

/** Order of user_regs_struct, 8 bytes each. */
const USER_REGISTERS = [
  'r15',
  'r14',
  'r13',
  'r12',
  'bp',
  'bx',
  'r11',
  'r10',
  'r9',
  'r8',
  'ax',
  'cx',
  'dx',
  'si',
  'di',
  'orig_ax',
  'ip',
  'cs',
  'flags',
  'sp',
  'ss',
  'fs_base',
  'gs_base',
  'ds',
  'es',
  'fs',
  'gs',
] as const;
type UserRegister = (typeof USER_REGISTERS)[number];
export const USER_REGS_BYTES = USER_REGISTERS.length * 8;
/** sizeof(struct user) and where its debug registers are. */
export const USER = { SIZE: 928, DEBUGREG: 848, DEBUGREG_END: 912 } as const;
const isDebug = (at: number): boolean => at >= USER.DEBUGREG && at < USER.DEBUGREG_END;

/** FLAG_MASK: what a tracer may change. */
const NT_FLAG = 0x4000;
const FLAG_MASK = BigInt(
  RFLAGS.CF | RFLAGS.PF | RFLAGS.AF | RFLAGS.ZF | RFLAGS.SF | RFLAGS.TF | RFLAGS.DF | RFLAGS.OF | RFLAGS.RF | RFLAGS.AC | NT_FLAG,
);
const TF = BigInt(RFLAGS.TF);

/** Runs `work` with a switched-out task's CPU state in the processor; the state is kept as `work` leaves it. */
function withCpu<T>(k: Kernel, task: Task, work: (cpu: Cpu) => T): T {
  const { cpu } = k;
  if (task === k.current) return work(cpu);
  const mine = cpu.newContext();
  cpu.saveContext(mine);
  cpu.loadContext(task.context);
  const result = work(cpu);
  cpu.saveContext(task.context);
  cpu.loadContext(mine);
  return result;
}

const isFrame = (name: UserRegister): name is UserRegister & PtRegister =>
  name !== 'fs_base' && name !== 'gs_base' && name !== 'ds' && name !== 'es' && name !== 'fs' && name !== 'gs';

function get(k: Kernel, task: Task, name: UserRegister): bigint {
  if (name === 'fs_base') return withCpu(k, task, (cpu) => cpu.fsBase);
  if (name === 'gs_base') return withCpu(k, task, (cpu) => cpu.kernelGsBase); // the user's, while the task is in the kernel
  if (!isFrame(name)) return 0n; // null selectors: the model's programs have no others
  const value = task.regs.get(name);
  return name === 'flags' && task.trace?.forcedTrapFlag === true ? value & ~TF : value;
}

function set(k: Kernel, task: Task, name: UserRegister, value: bigint): number {
  const { regs, trace } = task;
  switch (name) {
    case 'fs_base':
    case 'gs_base':
      if (value >= BigInt(USER_END)) return -ERRNO.EIO;
      withCpu(k, task, (cpu) => {
        if (name === 'fs_base') cpu.fsBase = value;
        else cpu.kernelGsBase = value;
      });
      return 0;
    case 'flags': {
      let wanted = value;
      if ((value & TF) !== 0n) {
        if (trace !== undefined) trace.forcedTrapFlag = false;
      } else if (trace?.forcedTrapFlag === true) wanted |= TF;
      regs.set('flags', (regs.get('flags') & ~FLAG_MASK) | (wanted & FLAG_MASK));
      return 0;
    }
    case 'cs':
    case 'ss':
    case 'ds':
    case 'es':
    case 'fs':
    case 'gs': {
      const own = name === 'cs' ? SELECTOR.USER_CS : name === 'ss' ? SELECTOR.USER_DS : 0;
      if ((value & 0xffffn) === BigInt(own)) return 0;
      if (value !== 0n && (value & 3n) === 3n) k.unsupported(`ptrace: selector ${name} of 0x${value.toString(16)}`);
      return -ERRNO.EIO;
    }
    default:
      regs.set(name, value);
      return 0;
  }
}

export function getUserRegisters(k: Kernel, task: Task): Uint8Array {
  const v = new DataView(new ArrayBuffer(USER_REGS_BYTES));
  for (const [i, name] of USER_REGISTERS.entries()) v.setBigUint64(i * 8, get(k, task, name), true);
  return new Uint8Array(v.buffer);
}

/** 0 or -errno; what comes before a bad one has been set, as on Linux. */
export function setUserRegisters(k: Kernel, task: Task, bytes: Uint8Array): number {
  const v = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let i = 0; i * 8 + 8 <= bytes.length && i < USER_REGISTERS.length; i++) {
    const result = set(k, task, USER_REGISTERS[i] as UserRegister, v.getBigUint64(i * 8, true));
    if (result !== 0) return result;
  }
  return 0;
}

/** PTRACE_PEEKUSER and POKEUSER: a word of struct user. */
export function peekUser(k: Kernel, task: Task, at: number): bigint | number {
  if (at % 8 !== 0 || !(at >= 0 && at < USER.SIZE)) return -ERRNO.EIO;
  const name = USER_REGISTERS[at / 8];
  if (name !== undefined) return get(k, task, name);
  return isDebug(at) ? k.debug.registers(task).read((at - USER.DEBUGREG) / 8) : 0n;
}
export function pokeUser(k: Kernel, task: Task, at: number, value: bigint): number {
  if (at % 8 !== 0 || !(at >= 0 && at < USER.SIZE)) return -ERRNO.EIO;
  const name = USER_REGISTERS[at / 8];
  if (name !== undefined) return set(k, task, name, value);
  return isDebug(at) ? k.debug.registers(task).write((at - USER.DEBUGREG) / 8, value) : -ERRNO.EIO;
}

// ---- x87, SSE, AVX

/** Where FXSAVE leaves bytes to software the kernel tells XCR0. fpu/xstate.c xstate_fx_sw_bytes */
const SOFTWARE_BYTES = 464;
const MXCSR = 24;
const MXCSR_BITS = 0xffff;

/** FXSAVE's 512 bytes. */
export function getFpu(k: Kernel, task: Task): Uint8Array {
  const image = withCpu(k, task, (cpu) => cpu.fpuImage()).slice(0, LEGACY_BYTES);
  image.fill(0, SOFTWARE_BYTES);
  return image;
}
export function setFpu(k: Kernel, task: Task, bytes: Uint8Array): number {
  const image = withCpu(k, task, (cpu) => cpu.fpuImage());
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length !== LEGACY_BYTES || (view.getUint32(MXCSR, true) & ~MXCSR_BITS) !== 0) return -ERRNO.EINVAL;
  image.set(bytes);
  image.fill(0, SOFTWARE_BYTES, LEGACY_BYTES);
  if (image.length > LEGACY_BYTES) {
    const v = new DataView(image.buffer, image.byteOffset, image.length);
    v.setBigUint64(XSTATE_BV, v.getBigUint64(XSTATE_BV, true) | BigInt(XFEATURE.X87 | XFEATURE.SSE), true);
  }
  return withCpu(k, task, (cpu) => cpu.loadFpuImage(image, image.length > LEGACY_BYTES ? cpu.xcr0 : XFEATURE.X87 | XFEATURE.SSE))
    ? 0
    : -ERRNO.EINVAL;
}

/** XSAVE's area; undefined: the processor has no XSAVE. */
export function getXstate(k: Kernel, task: Task): Uint8Array | undefined {
  const image = withCpu(k, task, (cpu) => cpu.fpuImage());
  if (image.length <= LEGACY_BYTES) return undefined;
  image.fill(0, SOFTWARE_BYTES, LEGACY_BYTES);
  new DataView(image.buffer, image.byteOffset).setBigUint64(SOFTWARE_BYTES, BigInt(k.cpu.xcr0), true);
  return image;
}
export function setXstate(k: Kernel, task: Task, bytes: Uint8Array): number {
  const size = withCpu(k, task, (cpu) => cpu.fpuImage()).length;
  if (size <= LEGACY_BYTES) return -ERRNO.ENODEV;
  if (bytes.length !== size) return -ERRNO.EFAULT;
  const v = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if ((v.getUint32(MXCSR, true) & ~MXCSR_BITS) !== 0 || v.getBigUint64(XCOMP_BV, true) !== 0n) return -ERRNO.EINVAL;
  return withCpu(k, task, (cpu) => cpu.loadFpuImage(bytes.slice(), cpu.xcr0)) ? 0 : -ERRNO.EINVAL;
}

/** PTRACE_ARCH_PRCTL: the segment bases. */
export const baseOf = (k: Kernel, task: Task, name: 'fs_base' | 'gs_base'): bigint => get(k, task, name);
export const setBase = (k: Kernel, task: Task, name: 'fs_base' | 'gs_base', value: bigint): number =>
  value >= BigInt(USER_END) ? -ERRNO.EPERM : set(k, task, name, value);
