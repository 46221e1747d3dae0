/** What a tracer asks of a stopped task: ptrace(2)'s requests but those that make a tracer (attach.ts). kernel/ptrace.c ptrace_request, arch_ptrace. */
import { ERRNO } from '#abi/errno.ts';
import { ARCH_PRCTL } from '#abi/process.ts';
import { AUDIT_ARCH_X86_64, NT, PEEKSIGINFO_SHARED, PTRACE, PTRACE_EVENT, PTRACE_O, PTRACE_SYSCALL_INFO } from '#abi/ptrace.ts';
import { SI, SIG } from '#abi/signals.ts';
import type { Kernel } from '../kernel.ts';
import { sendSignal } from '../signal/deliver.ts';
import { SIGINFO_BYTES, siginfoBytes } from '../signal/frame.ts';
import { isSignal } from '../signal/task-signals.ts';
import type { SyscallResult } from '../syscalls/types.ts';
import type { Task } from '../task/task.ts';
import { detach } from './attach.ts';
import { kick } from './job-control.ts';
import { readForeign, writeForeign } from './memory.ts';
import * as registers from './registers.ts';
import { disableStep, enableStep } from './step.ts';
import { leaveStop } from './stop.ts';
import type { Trace } from './trace.ts';

/** One request: the tracer's arguments are 64-bit values. */
export interface Request {
  readonly k: Kernel;
  readonly tracer: Task;
  readonly task: Task;
  readonly trace: Trace;
  readonly addr: bigint;
  readonly data: bigint;
}
type Handler = (r: Request) => SyscallResult;

/** Addresses above 2^53 are no user addresses; as doubles they stay above. */
const va = (value: bigint): number => Number(value);
const put = (r: Request, bytes: Uint8Array, at = r.data): number => (r.tracer.memory.write(va(at), bytes) ? 0 : -ERRNO.EFAULT);
const putWord = (r: Request, value: bigint): number => (r.tracer.memory.writeU64(va(r.data), value) ? 0 : -ERRNO.EFAULT);

function peek(r: Request): number {
  const word = readForeign(r.task.mm, va(r.addr), 8, true);
  if (word.length < 8) return -ERRNO.EIO;
  return put(r, word);
}
function poke(r: Request): number {
  const word = new DataView(new ArrayBuffer(8));
  word.setBigUint64(0, r.data, true);
  return writeForeign(r.task.mm, va(r.addr), new Uint8Array(word.buffer), true) === 8 ? 0 : -ERRNO.EIO;
}

function resume(r: Request, how: { readonly calls?: boolean; readonly emulate?: boolean; readonly step?: boolean }): number {
  const signal = Number(BigInt.asUintN(32, r.data));
  if (r.data > 64n || (signal !== 0 && !isSignal(signal))) return -ERRNO.EIO;
  r.trace.syscalls = how.calls === true;
  r.trace.emulates = how.emulate === true;
  if (how.step === true) enableStep(r.task);
  else disableStep(r.task);
  leaveStop(r.task, signal);
  return 0;
}

function setOptions(r: Request): number {
  if ((r.data & ~BigInt(PTRACE_O.MASK)) !== 0n) return -ERRNO.EINVAL;
  const wanted = Number(r.data);
  if ((wanted & PTRACE_O.SUSPEND_SECCOMP) !== 0) {
    r.k.unsupported('PTRACE_O_SUSPEND_SECCOMP');
    return -ERRNO.EINVAL;
  }
  r.trace.options = wanted;
  return 0;
}

function getSiginfo(r: Request): number {
  const info = r.trace.stop?.info;
  return info === undefined ? -ERRNO.EINVAL : put(r, siginfoBytes(info));
}
function setSiginfo(r: Request): number {
  const raw = r.tracer.memory.read(va(r.data), SIGINFO_BYTES);
  if (raw === undefined) return -ERRNO.EFAULT;
  const { stop } = r.trace;
  if (stop?.info === undefined) return -ERRNO.EINVAL;
  const v = new DataView(raw.buffer);
  const { forced } = stop.info;
  stop.info = { signal: v.getInt32(0, true), code: v.getInt32(8, true), raw, ...(forced === undefined ? {} : { forced }) };
  return 0;
}

/** struct ptrace_peeksiginfo_args: off, flags, nr. How many were copied. */
function peekSiginfo(r: Request): number {
  const args = r.tracer.memory.read(va(r.addr), 16);
  if (args === undefined) return -ERRNO.EFAULT;
  const v = new DataView(args.buffer);
  const [from, flags, count] = [v.getBigUint64(0, true), v.getUint32(8, true), v.getInt32(12, true)];
  if ((flags & ~PEEKSIGINFO_SHARED) !== 0 || count < 0) return -ERRNO.EINVAL;
  if (from > 0xffff_ffffn) return 0;
  const queue = r.task.signals.queued((flags & PEEKSIGINFO_SHARED) !== 0);
  let done = 0;
  for (const info of queue.slice(Number(from), Number(from) + count)) {
    if (put(r, siginfoBytes(info), r.data + BigInt(done * SIGINFO_BYTES)) !== 0) return done > 0 ? done : -ERRNO.EFAULT;
    done++;
  }
  return done;
}

function getSigmask(r: Request): number {
  if (r.addr !== 8n) return -ERRNO.EINVAL;
  return putWord(r, r.task.signals.savedMask ?? r.task.signals.blocked);
}
function setSigmask(r: Request): number {
  if (r.addr !== 8n) return -ERRNO.EINVAL;
  const mask = r.tracer.memory.readU64(va(r.data));
  if (mask === undefined) return -ERRNO.EFAULT;
  r.task.signals.savedMask = undefined;
  r.task.signals.setBlocked(mask);
  return 0;
}

function interrupt(r: Request): number {
  if (!r.trace.seized) return -ERRNO.EIO;
  r.trace.trapStop = true;
  kick(r.task);
  if (r.trace.listening) leaveStop(r.task, 0);
  return 0;
}
function listen(r: Request): number {
  const { trace } = r;
  if (!trace.seized || (trace.stop?.info?.code ?? 0) >> 8 !== PTRACE_EVENT.STOP) return -ERRNO.EIO;
  trace.listening = true;
  if (trace.trapNotify) leaveStop(r.task, 0);
  return 0;
}

/** struct ptrace_syscall_info; its whole size is the result. */
function getSyscallInfo(r: Request): number {
  const { regs } = r.task;
  const v = new DataView(new ArrayBuffer(88));
  const { stop } = r.trace;
  const op = stop?.info?.code === (SIG.SIGTRAP | 0x80) ? Number(stop.message) : PTRACE_SYSCALL_INFO.NONE;
  v.setUint8(0, op);
  v.setUint32(4, AUDIT_ARCH_X86_64, true);
  v.setBigUint64(8, regs.get('ip'), true);
  v.setBigUint64(16, regs.get('sp'), true);
  let size = 24;
  if (op === PTRACE_SYSCALL_INFO.ENTRY) {
    v.setBigInt64(24, BigInt.asIntN(32, regs.get('orig_ax')), true);
    for (let i = 0; i < 6; i++) v.setBigUint64(32 + i * 8, regs.argument(i), true);
    size = 80;
  } else if (op === PTRACE_SYSCALL_INFO.EXIT) {
    const result = BigInt.asIntN(64, regs.get('ax'));
    v.setBigInt64(24, result, true);
    v.setUint8(32, result < 0n && result >= -4095n ? 1 : 0);
    size = 33;
  }
  const part = Math.min(size, r.addr > 88n ? 88 : Number(r.addr));
  return put(r, new Uint8Array(v.buffer, 0, part)) === 0 ? size : -ERRNO.EFAULT;
}

/** struct ptrace_rseq_configuration; its whole size is the result. */
function getRseq(r: Request): number {
  const v = new DataView(new ArrayBuffer(24));
  const { rseq } = r.task;
  v.setBigUint64(0, BigInt(rseq?.at ?? 0), true);
  v.setUint32(8, rseq?.length ?? 0, true);
  v.setUint32(12, rseq?.signature ?? 0, true);
  const part = Math.min(24, r.addr > 24n ? 24 : Number(r.addr));
  return put(r, new Uint8Array(v.buffer, 0, part)) === 0 ? 24 : -ERRNO.EFAULT;
}

// ---- registers

function peekUser(r: Request): number {
  const value = registers.peekUser(r.k, r.task, va(r.addr));
  return typeof value === 'number' ? value : putWord(r, value);
}

/** All are in words of 8 bytes. */
interface RegisterSet {
  get(r: Request): Uint8Array | undefined;
  set(r: Request, bytes: Uint8Array): number;
}
const REGISTER_SETS: Readonly<Record<number, RegisterSet>> = {
  [NT.PRSTATUS]: {
    get: (r) => registers.getUserRegisters(r.k, r.task),
    set: (r, bytes) => registers.setUserRegisters(r.k, r.task, bytes),
  },
  [NT.PRFPREG]: { get: (r) => registers.getFpu(r.k, r.task), set: (r, bytes) => registers.setFpu(r.k, r.task, bytes) },
  [NT.X86_XSTATE]: { get: (r) => registers.getXstate(r.k, r.task), set: (r, bytes) => registers.setXstate(r.k, r.task, bytes) },
};

/** GETREGSET and SETREGSET: `data` is a struct iovec, whose length tells how much there was. */
function registerSet(r: Request, write: boolean): number {
  const at = va(r.data);
  const base = r.tracer.memory.readU64(at);
  const length = r.tracer.memory.readNumber(at + 8);
  if (base === undefined || length === undefined) return -ERRNO.EFAULT;
  const set = REGISTER_SETS[va(r.addr)];
  if (set === undefined) r.k.unsupported(`ptrace: register set 0x${r.addr.toString(16)}`);
  if (set === undefined || length % 8 !== 0) return -ERRNO.EINVAL;
  const all = set.get(r);
  if (all === undefined) return -ERRNO.ENODEV;
  const size = Math.min(length, all.length);
  if (write) {
    const bytes = r.tracer.memory.read(va(base), size);
    const result = bytes === undefined ? -ERRNO.EFAULT : set.set(r, bytes);
    if (result !== 0) return result;
  } else if (!r.tracer.memory.write(va(base), all.subarray(0, size))) return -ERRNO.EFAULT;
  return r.tracer.memory.writeU64(at + 8, size) ? 0 : -ERRNO.EFAULT;
}

function setRegisters(r: Request): number {
  const bytes = r.tracer.memory.read(va(r.data), registers.USER_REGS_BYTES);
  return bytes === undefined ? -ERRNO.EFAULT : registers.setUserRegisters(r.k, r.task, bytes);
}
function setFpu(r: Request): number {
  const bytes = r.tracer.memory.read(va(r.data), 512);
  return bytes === undefined ? -ERRNO.EFAULT : registers.setFpu(r.k, r.task, bytes);
}

function archPrctl(r: Request): number {
  const option = Number(BigInt.asUintN(32, r.data));
  switch (option) {
    case ARCH_PRCTL.SET_FS:
    case ARCH_PRCTL.SET_GS:
      return registers.setBase(r.k, r.task, option === ARCH_PRCTL.SET_FS ? 'fs_base' : 'gs_base', r.addr);
    case ARCH_PRCTL.GET_FS:
    case ARCH_PRCTL.GET_GS: {
      const value = registers.baseOf(r.k, r.task, option === ARCH_PRCTL.GET_FS ? 'fs_base' : 'gs_base');
      return r.tracer.memory.writeU64(va(r.addr), value) ? 0 : -ERRNO.EFAULT;
    }
    default:
      return -ERRNO.EINVAL;
  }
}

function kill(r: Request): number {
  const { tgid, credentials } = r.tracer;
  sendSignal(r.k, r.task, { signal: SIG.SIGKILL, code: SI.USER, pid: tgid, uid: credentials.uid });
  return 0;
}

const REQUESTS: Readonly<Record<number, Handler>> = {
  [PTRACE.PEEKTEXT]: peek,
  [PTRACE.PEEKDATA]: peek,
  [PTRACE.POKETEXT]: poke,
  [PTRACE.POKEDATA]: poke,
  [PTRACE.PEEKUSER]: peekUser,
  [PTRACE.POKEUSER]: (r) => registers.pokeUser(r.k, r.task, va(r.addr), r.data),
  [PTRACE.CONT]: (r) => resume(r, {}),
  [PTRACE.SYSCALL]: (r) => resume(r, { calls: true }),
  [PTRACE.SYSEMU]: (r) => resume(r, { emulate: true }),
  [PTRACE.SYSEMU_SINGLESTEP]: (r) => resume(r, { emulate: true, step: true }),
  [PTRACE.SINGLESTEP]: (r) => resume(r, { step: true }),
  [PTRACE.KILL]: kill,
  [PTRACE.DETACH]: (r) => detach(r.task, Number(r.data)),
  [PTRACE.GETREGS]: (r) => put(r, registers.getUserRegisters(r.k, r.task)),
  [PTRACE.SETREGS]: setRegisters,
  [PTRACE.GETFPREGS]: (r) => put(r, registers.getFpu(r.k, r.task)),
  [PTRACE.SETFPREGS]: setFpu,
  [PTRACE.GETREGSET]: (r) => registerSet(r, false),
  [PTRACE.SETREGSET]: (r) => registerSet(r, true),
  [PTRACE.ARCH_PRCTL]: archPrctl,
  [PTRACE.OLDSETOPTIONS]: setOptions,
  [PTRACE.SETOPTIONS]: setOptions,
  [PTRACE.GETEVENTMSG]: (r) => putWord(r, r.trace.stop?.message ?? 0n),
  [PTRACE.GETSIGINFO]: getSiginfo,
  [PTRACE.SETSIGINFO]: setSiginfo,
  [PTRACE.PEEKSIGINFO]: peekSiginfo,
  [PTRACE.GETSIGMASK]: getSigmask,
  [PTRACE.SETSIGMASK]: setSigmask,
  [PTRACE.INTERRUPT]: interrupt,
  [PTRACE.LISTEN]: listen,
  [PTRACE.GET_SYSCALL_INFO]: getSyscallInfo,
  [PTRACE.GET_RSEQ_CONFIGURATION]: getRseq,
};

/** Requests that Linux has and this kernel has not: -EIO, and remembered by name. */
function refused(k: Kernel, request: number): number {
  const name = Object.entries(PTRACE).find(([, number]) => number === request)?.[0];
  if (name !== undefined) k.unsupported(`PTRACE_${name}`);
  return -ERRNO.EIO;
}

/** PTRACE_KILL and PTRACE_INTERRUPT take a running task, all else a stopped one. ptrace_check_attach */
export function serveRequest(k: Kernel, tracer: Task, task: Task, request: number, addr: bigint, data: bigint): SyscallResult {
  const { trace } = task;
  if (trace === undefined || trace.tracer !== tracer) return -ERRNO.ESRCH;
  const running = request === PTRACE.KILL || request === PTRACE.INTERRUPT;
  if (!running && (task.state !== 'traced' || trace.listening)) return -ERRNO.ESRCH;
  return REQUESTS[request]?.({ k, tracer, task, trace, addr, data }) ?? refused(k, request);
}
