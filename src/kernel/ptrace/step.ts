/** Single steps by the trap flag. arch/x86/kernel/step.c. */
import { RFLAGS } from '#arch/registers.ts';
import type { Task } from '../task/task.ts';

const TF = BigInt(RFLAGS.TF);
const LONGEST_INSTRUCTION = 15;
const POPF = 0x9d;
const IRET = 0xcf;
/** Operand and address size, segments, LOCK, REPNE, REP. */
const PREFIXES: readonly number[] = [0x66, 0x67, 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0xf0, 0xf2, 0xf3];

/** The next instruction loads RFLAGS itself: the flag that it leaves is the program's. is_setting_trap_flag */
function setsTrapFlag(task: Task): boolean {
  const at = task.regs.number('ip');
  for (let i = 0; i < LONGEST_INSTRUCTION; i++) {
    const byte = task.memory.readU8(at + i);
    if (byte === POPF || byte === IRET) return true;
    const rex = byte !== undefined && (byte & 0xf0) === 0x40;
    if (byte === undefined || !(rex || PREFIXES.includes(byte))) return false;
  }
  return false;
}

/** One instruction, then SIGTRAP: at its end, or behind the system call that it stands in. */
export function enableStep(task: Task): void {
  const { trace, regs } = task;
  if (trace === undefined) return;
  const before = regs.get('flags');
  trace.stepping = true;
  regs.set('flags', before | TF);
  if (setsTrapFlag(task)) trace.forcedTrapFlag = false;
  else if ((before & TF) === 0n) trace.forcedTrapFlag = true;
}

export function disableStep(task: Task): void {
  const { trace, regs } = task;
  if (trace === undefined) return;
  trace.stepping = false;
  if (trace.forcedTrapFlag) regs.set('flags', regs.get('flags') & ~TF);
  trace.forcedTrapFlag = false;
}
