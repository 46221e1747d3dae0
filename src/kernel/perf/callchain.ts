/** Callchains with their context markers. kernel/events/callchain.c get_perf_callchain; arch/x86/events/core.c perf_callchain_user. */
import { PERF_CONTEXT } from '#abi/perf-event/sample.ts';
import { USER_END } from '../mm/page-tables.ts';
import type { InterruptFrame } from '../perf-hooks.ts';
import type { PtRegs } from '../task/pt-regs.ts';
import type { Task } from '../task/task.ts';

/** kernel.perf_event_max_stack. */
export const MAX_STACK = 127;

export interface ChainRequest {
  readonly kernel: boolean;
  readonly user: boolean;
  /** Addresses at most, markers apart. */
  readonly maxStack: number;
}

/** Unwinds the kernel's stack: return addresses from the interrupted function outwards. */
export type KernelUnwinder = (frame: InterruptFrame) => readonly bigint[];

/** The registers with which the task's user mode stands still: the interrupted ones, or those that the kernel's entry saved. */
export const userRegisters = (frame: InterruptFrame, task: Task | undefined): PtRegs | undefined =>
  frame.cpl === 3 ? frame.regs : task?.regs;

export function callchain(frame: InterruptFrame, task: Task | undefined, request: ChainRequest, unwindKernel: KernelUnwinder): bigint[] {
  const out: bigint[] = [];
  let room = request.maxStack;
  const take = (ip: bigint): boolean => {
    if (room-- <= 0) return false;
    out.push(BigInt.asUintN(64, ip));
    return true;
  };
  if (request.kernel && frame.cpl === 0) {
    out.push(BigInt.asUintN(64, PERF_CONTEXT.KERNEL));
    take(frame.rip);
    for (const ip of unwindKernel(frame)) if (!take(ip)) break;
  }
  const regs = request.user ? userRegisters(frame, task) : undefined;
  if (regs === undefined || task === undefined) return out;
  out.push(BigInt.asUintN(64, PERF_CONTEXT.USER));
  take(regs.get('ip'));
  let at = regs.get('bp');
  for (;;) {
    const next = userWord(task, at);
    const back = next === undefined ? undefined : userWord(task, at + 8n);
    if (next === undefined || back === undefined || !take(back)) return out;
    at = next;
  }
}

/** A word of user memory as an NMI can have it: no page is faulted in for it. */
function userWord(task: Task, va: bigint): bigint | undefined {
  const bytes = userBytes(task, va, 8);
  return bytes.length < 8 ? undefined : new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true);
}

/** Up to `length` bytes from `va` up, to the first page that is not there. A copy. */
export function userBytes(task: Task, va: bigint, length: number): Uint8Array {
  if (va >= BigInt(USER_END)) return new Uint8Array(0);
  const { tables, context } = task.mm;
  const memory = context.frames.memory.bytes;
  const start = Number(va);
  const out = new Uint8Array(Math.min(length, USER_END - start));
  let done = 0;
  while (done < out.length) {
    const at = tables.translate(start + done, false);
    if (at < 0) break;
    const n = Math.min(out.length - done, 4096 - (at % 4096));
    out.set(memory.subarray(at, at + n), done);
    done += n;
  }
  return out.subarray(0, done);
}
