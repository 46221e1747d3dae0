/**
 * Entry and exit code of the kernel text: SYSCALL, exceptions, interrupts, NMI, the way back to user mode, idle, MSR stubs.
 * Same steps and register conventions as Linux's arch/x86/entry/entry_64.S without page-table isolation, paravirt and speculation
 * fences; written for this project from the SDM's rules (Vol. 3A §5.8.8 SYSCALL, §6.14 64-bit exception frames).
 */
import { type Assembler, CC, gs, mem } from '#arch/asm.ts';
import { GPR as R, RFLAGS } from '#arch/registers.ts';
import { PT } from '../task/pt-regs.ts';
import { GATE } from './gates.ts';
import { PERCPU, SELECTOR } from './layout.ts';

const frame = (offset: number) => mem(R.RSP, offset);
/** General registers of pt_regs in push order, below orig_ax. */
const PUSH_ORDER = [R.RDI, R.RSI, R.RDX, R.RCX, R.RAX, R.R8, R.R9, R.R10, R.R11, R.RBX, R.RBP, R.R12, R.R13, R.R14, R.R15] as const;

function pushRegisters(a: Assembler): void {
  for (const r of PUSH_ORDER) a.push(r);
}
function popRegisters(a: Assembler): void {
  for (const r of PUSH_ORDER.toReversed()) a.pop(r);
}

/** entry_SYSCALL_64 and both ways out. The dispatching call ends at the label `syscall_called`, with the address of the table of function addresses
 * (one quad per number, `count` of them), which buildImage fills in. */
export function emitSyscallEntry(a: Assembler, count: number): void {
  a.function('entry_SYSCALL_64', 'bottom');
  a.swapgs();
  a.store(gs(PERCPU.SCRATCH), R.RSP);
  a.load(R.RSP, gs(PERCPU.STACK_TOP));
  a.pushImm(SELECTOR.USER_DS);
  a.pushMem(gs(PERCPU.SCRATCH));
  a.push(R.R11);
  a.pushImm(SELECTOR.USER_CS);
  a.push(R.RCX);
  a.push(R.RAX);
  pushRegisters(a);
  a.storeImm(frame(PT.ax), -38); // -ENOSYS until a handler says otherwise, as Linux
  a.mov(R.RDI, R.RSP);
  a.sti();
  a.call('do_syscall_64');
  a.label('syscall_return');
  a.cli();
  a.testMem32(gs(PERCPU.WORK), 1);
  a.jcc(CC.NE, 'syscall_work');
  // SYSRET only where it restores exactly what IRET would: RCX = RIP, R11 = RFLAGS, a canonical user RIP, flat selectors, no RF or TF.
  a.load(R.RCX, frame(PT.cx));
  a.load(R.R11, frame(PT.r11));
  a.aluMem('cmp', R.RCX, frame(PT.ip));
  a.jcc(CC.NE, 'return_to_user');
  a.shr(R.RCX, 47);
  a.jcc(CC.NE, 'return_to_user');
  a.aluMem('cmp', R.R11, frame(PT.flags));
  a.jcc(CC.NE, 'return_to_user');
  a.testImm(R.R11, RFLAGS.RF | RFLAGS.TF);
  a.jcc(CC.NE, 'return_to_user');
  a.cmpMemImm(frame(PT.cs), SELECTOR.USER_CS);
  a.jcc(CC.NE, 'return_to_user');
  a.cmpMemImm(frame(PT.ss), SELECTOR.USER_DS);
  a.jcc(CC.NE, 'return_to_user');
  popRegisters(a);
  a.load(R.RSP, frame(PT.sp - PT.orig_ax));
  a.swapgs();
  a.label('sysretq');
  a.sysretq();
  a.label('syscall_work');
  a.mov(R.RDI, R.RSP);
  a.call('exit_to_user_mode_loop');
  a.jmp('syscall_return');

  a.function('do_syscall_64');
  a.push(R.RBX);
  a.mov(R.RBX, R.RDI);
  a.load(R.RAX, mem(R.RDI, PT.orig_ax));
  a.aluImm('cmp', R.RAX, count);
  a.jcc(CC.AE, 'no_such_call');
  a.callMem({ index: R.RAX, scale: 8, disp: 0 });
  a.label('syscall_called');
  a.store(mem(R.RBX, PT.ax), R.RAX);
  a.pop(R.RBX);
  a.ret();
  a.stack(8); // RBX
  a.label('no_such_call');
  a.call('sys_ni_syscall');
  a.jmp('syscall_called');
}

/** The common way back from exceptions and interrupts: to user mode through the work loop, to the kernel directly. */
export function emitReturns(a: Assembler): void {
  a.function('error_return', 'frame');
  a.stack(PT.ip);
  a.cli();
  a.testByteMem(frame(PT.cs), 3);
  a.jcc(CC.E, 'return_to_kernel');
  a.label('return_to_user');
  a.testMem32(gs(PERCPU.WORK), 1);
  a.jcc(CC.NE, 'return_work');
  popRegisters(a);
  a.aluImm('add', R.RSP, 8); // orig_ax
  a.swapgs();
  a.label('iretq_user');
  a.iretq();
  a.stack(PT.ip);
  a.label('return_work');
  a.mov(R.RDI, R.RSP);
  a.call('exit_to_user_mode_loop');
  a.jmp('error_return');
  a.stack(PT.ip);
  a.label('return_to_kernel');
  popRegisters(a);
  a.aluImm('add', R.RSP, 8);
  a.iretq();

  a.function('ret_from_fork_asm', 'bottom');
  a.mov(R.RDI, R.RSP);
  a.call('ret_from_fork');
  a.jmp('error_return');
}

/** An exception or interrupt entry that calls `handler` with RDI = pt_regs. `errorCode`: the processor pushes one, else -1 stands in orig_ax. */
export function emitEntry(a: Assembler, name: string, handler: string, errorCode: boolean): void {
  a.function(name, 'frame');
  if (errorCode) a.stack(8);
  if (!errorCode) a.pushImm(-1);
  pushRegisters(a);
  a.testByteMem(frame(PT.cs), 3);
  a.jcc(CC.E, `${name}.kernel`);
  a.swapgs();
  a.label(`${name}.kernel`);
  a.cld();
  a.mov(R.RDI, R.RSP);
  a.call(handler);
  a.jmp('error_return');
}

/**
 * The entries of perf's own interrupts: the NMI on its own stack (IST1), whatever ran before, and its timer. Their handlers touch no per-CPU
 * data, so that GS may be either side's and there is no SWAPGS; exit work is left for the next ordinary entry, so they switch no task.
 */
export function emitPerfEntry(a: Assembler, name: string, handler: string): void {
  emitOwnStackEntry(a, name, handler, () => {});
}
/** `before`: between the handler and the way back to what was interrupted. */
function emitOwnStackEntry(a: Assembler, name: string, handler: string, before: () => void): void {
  a.function(name, 'frame');
  a.pushImm(-1);
  pushRegisters(a);
  a.cld();
  a.mov(R.RDI, R.RSP);
  a.call(handler);
  before();
  popRegisters(a);
  a.aluImm('add', R.RSP, 8);
  a.iretq();
}

/**
 * The debug exception, which may come anywhere: like perf's interrupts it has a stack of its own (IST3) and leaves GS alone. Its handler says in RAX
 * where on the task's stack it put the frame when exit work is to follow, as after other exceptions of user mode.
 */
export function emitDebugEntry(a: Assembler, name: string, handler: string): void {
  emitOwnStackEntry(a, name, handler, () => {
    a.aluImm('cmp', R.RAX, 0);
    a.jcc(CC.NE, `${name}.work`);
  });
  a.stack(PT.ip);
  a.label(`${name}.work`);
  a.mov(R.RSP, R.RAX);
  a.swapgs();
  a.jmp('error_return');
}

/** MSR accesses as the kernel's own instructions, and idle. */
export function emitStubs(a: Assembler): void {
  a.function('native_read_msr');
  a.label('rdmsr_instruction');
  a.rdmsr();
  a.label('rdmsr_done');
  a.gate(GATE.MSR_DONE);
  a.ret();
  a.function('native_write_msr');
  a.label('wrmsr_instruction');
  a.wrmsr();
  a.label('wrmsr_done');
  a.gate(GATE.MSR_DONE);
  a.ret();
  a.function('default_idle', 'bottom');
  a.cli();
  a.gate(GATE.IDLE);
  a.sti();
  a.hlt();
  a.jmp('default_idle');
}
