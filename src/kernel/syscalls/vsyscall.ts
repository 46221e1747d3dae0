/**
 * The vsyscall page as Linux has it with vsyscall=xonly, its default (arch/x86/entry/vsyscall/vsyscall_64.c): nothing is mapped there. A fetch at one of its
 * three entries is a page fault, at which the kernel does the call and the return; any other access is SIGSEGV.
 */
import { ERRNO } from '#abi/errno.ts';
import { SEGV, SI, SIG } from '#abi/signals.ts';
import { SYS } from '#abi/syscall-numbers.ts';
import type { Kernel } from '../kernel.ts';
import { USER_END } from '../mm/page-tables.ts';
import { forceSignal } from '../signal/deliver.ts';
import type { Task } from '../task/task.ts';
import { SYSCALL_ROWS } from './table.ts';
import { SyscallArgs, type SyscallHandler } from './types.ts';

const PAGE = 0xffff_ffff_ff60_0000n;
const ENTRY_BITS = 0xc00n;

interface Entry {
  readonly handler: SyscallHandler;
  readonly number: number;
  /** Bytes behind each pointer argument, which must be user memory. */
  readonly behind: readonly number[];
}
function entry(number: number, behind: readonly number[]): Entry {
  const row = SYSCALL_ROWS.find((r) => r.number === number);
  if (row === undefined) throw new Error(`vsyscall: no row of system call ${number}`);
  return { handler: row.handler, number, behind };
}
/** By bits 11:10 of the address: struct timeval and timezone, time_t, two unsigned ints. */
const ENTRIES: readonly Entry[] = [entry(SYS.gettimeofday, [16, 8]), entry(SYS.time, [8]), entry(SYS.getcpu, [4, 4])];

/** Serves a fetch at `address`, with a signal if need be. False: it is not in the page. */
export function emulateVsyscall(k: Kernel, t: Task, address: bigint): boolean {
  if (BigInt.asUintN(64, address & ~0xfffn) !== PAGE) return false;
  const e = (address & ~ENTRY_BITS) === PAGE ? ENTRIES[Number((address & ENTRY_BITS) >> 10n)] : undefined;
  const caller = t.memory.readU64(t.regs.number('sp'));
  if (e === undefined || caller === undefined) return plain(k, t);
  const args = new SyscallArgs(t.regs);
  const outside = e.behind.findIndex((bytes, i) => args.n(i) !== 0 && args.n(i) + bytes > USER_END);
  if (outside >= 0) {
    forceSignal(k, t, { signal: SIG.SIGSEGV, code: SEGV.MAPERR, address: args.u(outside) });
    return true;
  }
  t.regs.set('orig_ax', e.number);
  const result = e.handler(k, t, args);
  t.regs.set('orig_ax', -1n);
  if (typeof result === 'object') throw new Error('vsyscall: a call that never waits did');
  if (Number(result) === -ERRNO.EFAULT) return plain(k, t);
  t.regs.set('ax', result);
  t.regs.set('ip', caller);
  t.regs.set('sp', t.regs.get('sp') + 8n);
  return true;
}

/** SIGSEGV that tells no address, as force_sig(SIGSEGV). */
function plain(k: Kernel, t: Task): true {
  forceSignal(k, t, { signal: SIG.SIGSEGV, code: SI.KERNEL, address: 0n });
  return true;
}
