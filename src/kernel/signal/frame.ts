/** The signal frame on the user stack: struct rt_sigframe, ucontext, sigcontext_64, siginfo. arch/x86/include/uapi/asm/sigcontext.h, asm-generic/siginfo.h. */
import { RFLAGS } from '#arch/registers.ts';
import { SA, SIG, SS } from '#abi/signals.ts';
import type { Cpu } from '#port/cpu.ts';
import { fpuFrame, frameFlags, loadFpuFrame } from './fpu-frame.ts';
import type { PtRegister } from '../task/pt-regs.ts';
import type { Task } from '../task/task.ts';
import { SELECTOR } from '../text/layout.ts';
import { has, type SignalAction, type SignalInfo } from './task-signals.ts';

/** Byte offsets in struct rt_sigframe. */
const FRAME = { PRETCODE: 0, UC: 8, STACK: 24, MCONTEXT: 48, SIGMASK: 304, INFO: 312, SIZE: 440 } as const;
/** Registers of sigcontext_64 in order, 8 bytes each. */
const CONTEXT: readonly PtRegister[] = [
  'r8',
  'r9',
  'r10',
  'r11',
  'r12',
  'r13',
  'r14',
  'r15',
  'di',
  'si',
  'bp',
  'bx',
  'dx',
  'ax',
  'cx',
  'sp',
  'ip',
  'flags',
];
const CONTEXT_SEGMENTS = 144; // cs, gs, fs, ss: 16 bits each
const CONTEXT_ERR = 152;
const CONTEXT_TRAPNO = 160;
const CONTEXT_CR2 = 176;
const CONTEXT_FPSTATE = 184;
/** uc_flags: UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS, and UC_FP_XSTATE where the state is XSAVE's. */
const UC_FLAGS = 6;
const RED_ZONE = 128;
const USER_FLAGS = BigInt(
  RFLAGS.CF | RFLAGS.PF | RFLAGS.AF | RFLAGS.ZF | RFLAGS.SF | RFLAGS.TF | RFLAGS.DF | RFLAGS.OF | RFLAGS.AC | RFLAGS.RF,
);

/** What the last exception left for sigcontext: err, trapno, cr2. */
export interface TrapState {
  readonly error: bigint;
  readonly vector: number;
  readonly cr2: bigint;
}

/** sizeof(siginfo_t). */
export const SIGINFO_BYTES = 128;

export function siginfoBytes(info: SignalInfo): Uint8Array {
  if (info.raw !== undefined) return info.raw;
  const bytes = new Uint8Array(SIGINFO_BYTES);
  const v = new DataView(bytes.buffer);
  v.setInt32(0, info.signal, true);
  v.setInt32(8, info.code, true);
  if (info.perf !== undefined) {
    v.setBigUint64(24, info.perf.data, true);
    v.setUint32(32, info.perf.type, true);
    v.setUint32(36, info.perf.flags, true);
  }
  if (info.address !== undefined) v.setBigUint64(16, info.address, true);
  else if (info.band !== undefined) {
    v.setBigInt64(16, info.band, true);
    v.setInt32(24, info.fd ?? -1, true);
  } else {
    v.setInt32(16, info.pid ?? 0, true);
    v.setUint32(20, info.uid ?? 0, true);
    if (info.signal === SIG.SIGCHLD) v.setInt32(24, info.status ?? 0, true);
    else if (info.value !== undefined) v.setBigUint64(24, info.value, true);
  }
  return bytes;
}

/**
 * Pushes the frame and points the registers at the handler. `mask` is what sigreturn restores. false: the stack is not writable
 * (the caller forces SIGSEGV).
 */
export function pushFrame(task: Task, cpu: Cpu, info: SignalInfo, action: SignalAction, mask: bigint, trap: TrapState): boolean {
  const { regs, memory, signals } = task;
  let sp = regs.get('sp') - BigInt(RED_ZONE);
  const alt = signals.altStack;
  const onAlt = alt.size > 0n && sp >= alt.sp && sp - alt.sp < alt.size;
  if (has(action, SA.ONSTACK) && alt.size > 0n && !onAlt) sp = alt.sp + alt.size;
  const fpu = fpuFrame(cpu);
  const fp = (sp - BigInt(fpu.length)) & ~63n;
  const at = ((fp - BigInt(FRAME.SIZE)) & ~15n) - 8n;
  const bytes = new Uint8Array(FRAME.SIZE);
  const v = new DataView(bytes.buffer);
  v.setBigUint64(FRAME.PRETCODE, action.restorer, true);
  v.setBigUint64(FRAME.UC, BigInt(UC_FLAGS | frameFlags(cpu)), true);
  v.setBigUint64(FRAME.STACK, alt.sp, true);
  v.setInt32(FRAME.STACK + 8, alt.size === 0n ? SS.DISABLE : onAlt ? SS.ONSTACK : 0, true);
  v.setBigUint64(FRAME.STACK + 16, alt.size, true);
  for (const [i, r] of CONTEXT.entries()) v.setBigUint64(FRAME.MCONTEXT + i * 8, regs.get(r), true);
  v.setUint16(FRAME.MCONTEXT + CONTEXT_SEGMENTS, SELECTOR.USER_CS, true);
  v.setUint16(FRAME.MCONTEXT + CONTEXT_SEGMENTS + 6, SELECTOR.USER_DS, true);
  v.setBigUint64(FRAME.MCONTEXT + CONTEXT_ERR, trap.error, true);
  v.setBigUint64(FRAME.MCONTEXT + CONTEXT_TRAPNO, BigInt(trap.vector), true);
  v.setBigUint64(FRAME.MCONTEXT + CONTEXT_CR2, trap.cr2, true);
  v.setBigUint64(FRAME.MCONTEXT + CONTEXT_FPSTATE, fp, true);
  v.setBigUint64(FRAME.SIGMASK, mask, true);
  bytes.set(siginfoBytes(info), FRAME.INFO);
  if (at < 0n || !memory.write(Number(fp), fpu) || !memory.write(Number(at), bytes)) return false;
  regs.set('di', info.signal);
  regs.set('si', at + BigInt(FRAME.INFO));
  regs.set('dx', at + BigInt(FRAME.UC));
  regs.set('ax', 0n);
  regs.set('sp', at);
  regs.set('ip', action.handler);
  regs.set('flags', regs.get('flags') & ~BigInt(RFLAGS.DF | RFLAGS.RF | RFLAGS.TF));
  return true;
}

/** rt_sigreturn: everything back from the frame that RSP points behind. The value for RAX; undefined: the frame is bad. */
export function popFrame(task: Task, cpu: Cpu): bigint | undefined {
  const { regs, memory, signals } = task;
  const at = regs.number('sp') - 8; // the handler's RET took pretcode
  const bytes = memory.read(at, FRAME.SIZE);
  if (bytes === undefined) return undefined;
  const v = new DataView(bytes.buffer);
  const fp = Number(v.getBigUint64(FRAME.MCONTEXT + CONTEXT_FPSTATE, true));
  if (fp === 0) cpu.resetFpu();
  else if (!loadFpuFrame(cpu, (from, length) => memory.read(from, length), fp)) return undefined;
  for (const [i, r] of CONTEXT.entries()) {
    const value = v.getBigUint64(FRAME.MCONTEXT + i * 8, true);
    if (r === 'flags') regs.set('flags', (regs.get('flags') & ~USER_FLAGS) | (value & USER_FLAGS));
    else regs.set(r, value);
  }
  regs.set('cs', SELECTOR.USER_CS);
  regs.set('ss', SELECTOR.USER_DS);
  regs.set('orig_ax', -1n);
  signals.setBlocked(v.getBigUint64(FRAME.SIGMASK, true));
  return regs.get('ax');
}
