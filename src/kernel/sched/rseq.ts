/**
 * Restartable sequences (kernel/rseq.c): a thread's area in user memory names the CPU, and a critical section that a preemption or a signal
 * interrupts goes on at its abort address. There is one CPU, one node and one concurrency id, so the numbers never change once they are told.
 */
import { ERRNO } from '#abi/errno.ts';
import { RSEQ, RSEQ_CS, RSEQ_FLAG_UNREGISTER, RSEQ_UNINITIALIZED } from '#abi/rseq.ts';
import { SI, SIG } from '#abi/signals.ts';
import type { Kernel } from '../kernel.ts';
import { USER_END } from '../mm/page-tables.ts';
import { forceSignal } from '../signal/deliver.ts';
import type { Task } from '../task/task.ts';

export interface Rseq {
  readonly at: number;
  readonly length: number;
  /** What stands in front of every abort address. */
  readonly signature: number;
}

/** rseq(2). */
export function setRseq(k: Kernel, task: Task, at: number, length: number, flags: number, signature: number): number {
  const { rseq } = task;
  if ((flags & RSEQ_FLAG_UNREGISTER) !== 0) {
    if (flags !== RSEQ_FLAG_UNREGISTER || rseq === undefined || rseq.at !== at || rseq.length !== length) return -ERRNO.EINVAL;
    if (rseq.signature !== signature) return -ERRNO.EPERM;
    if (!tell(task, at, 0, RSEQ_UNINITIALIZED)) return -ERRNO.EFAULT;
    task.rseq = undefined;
    return 0;
  }
  if (flags !== 0) return -ERRNO.EINVAL;
  if (rseq !== undefined) {
    if (rseq.at !== at || rseq.length !== length) return -ERRNO.EINVAL;
    return rseq.signature === signature ? -ERRNO.EBUSY : -ERRNO.EPERM;
  }
  if (length < RSEQ.ORIGINAL || at % RSEQ.ORIGINAL !== 0) return -ERRNO.EINVAL;
  if (at + length > USER_END) return -ERRNO.EFAULT;
  task.rseq = { at, length, signature };
  if (!tell(task, at, k.cpu.index, k.cpu.index)) segfault(k, task); // on the way back to user mode, as there
  return 0;
}

/** cpu_id_start, cpu_id, node_id, mm_cid. */
function tell(task: Task, at: number, start: number, cpu: number): boolean {
  const { memory } = task;
  return (
    memory.writeU32(at + RSEQ.CPU_ID_START, start) &&
    memory.writeU32(at + RSEQ.CPU_ID, cpu) &&
    memory.writeU32(at + RSEQ.NODE_ID, 0) &&
    memory.writeU32(at + RSEQ.MM_CID, 0)
  );
}

const segfault = (k: Kernel, task: Task): void => forceSignal(k, task, { signal: SIG.SIGSEGV, code: SI.KERNEL, pid: 0, uid: 0 });

/** A preemption has ended, or a signal is about to be delivered: a critical section starts anew. The caller's registers are in user mode's frame. */
export function abortCriticalSection(k: Kernel, task: Task): void {
  const { rseq } = task;
  if (rseq !== undefined && !abort(task, rseq)) segfault(k, task);
}

/** rseq_ip_fixup; false: the program's description of the section is wrong. */
function abort(task: Task, { at, signature }: Rseq): boolean {
  const { memory, regs } = task;
  const section = memory.readU64(at + RSEQ.CS);
  if (section === undefined) return false;
  if (section === 0n) return true;
  if (section >= BigInt(USER_END)) return false;
  const bytes = memory.read(Number(section), RSEQ_CS.SIZE);
  if (bytes === undefined) return false;
  const v = new DataView(bytes.buffer);
  const word = (offset: number): bigint => v.getBigUint64(offset, true);
  const [start, length, to] = [word(RSEQ_CS.START_IP), word(RSEQ_CS.POST_COMMIT_OFFSET), word(RSEQ_CS.ABORT_IP)];
  const end = BigInt(USER_END);
  const outside = start >= end || start + length >= end || to >= end || BigInt.asUintN(64, to - start) < length;
  if (outside || v.getUint32(RSEQ_CS.VERSION, true) > 0) return false;
  if (memory.readU32(Number(to) - 4) !== signature) return false;
  const inside = BigInt.asUintN(64, regs.get('ip') - start) < length;
  const flags = v.getUint32(RSEQ_CS.FLAGS, true) | (memory.readU32(at + RSEQ.FLAGS) ?? 0);
  if (inside && flags !== 0) return false;
  if (!memory.writeU64(at + RSEQ.CS, 0n)) return false;
  if (inside) regs.set('ip', to);
  return true;
}
