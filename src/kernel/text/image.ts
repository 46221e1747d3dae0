/**
 * The generated kernel image: entry code, one function per system call row and per kernel duty, the dispatch table. Every function is
 * prologue, work loop, gate, work loop, epilogue, by the amounts of the cost table.
 */
import { Assembler, type AsmSymbol, type StackRow, CC, mem } from '#arch/asm.ts';
import { GATE_LENGTH } from '#arch/gate.ts';
import { GPR as R, VECTOR } from '#arch/registers.ts';
import { PT } from '../task/pt-regs.ts';
import { type Cost, functionCost, syscallCost } from './cost-table.ts';
import { emitDebugEntry, emitEntry, emitPerfEntry, emitReturns, emitStubs, emitSyscallEntry } from './entry.ts';
import { GATE, IRQ_WORK_VECTOR, PERF_TIMER_VECTOR, TIMER_VECTOR } from './gates.ts';
import { KERNEL_TEXT } from './layout.ts';

export interface KernelImage {
  /** Virtual address of the first byte. */
  readonly base: bigint;
  readonly bytes: Uint8Array;
  /** Bytes of code, page-aligned; what follows is read-only data (the dispatch table). */
  readonly textSize: number;
  readonly symbols: readonly AsmSymbol[];
  /** What lies on the stack before the instruction at an address; undefined outside the text. */
  stackAt(address: bigint): StackRow | undefined;
  /** Address of a label: entry points and the marked instructions. */
  address(label: string): bigint;
  /** Address of the entry for an IDT vector. */
  vectorEntry(vector: number): bigint;
}

const EXCEPTION_NAMES: Readonly<Record<number, string>> = {
  [VECTOR.DE]: 'divide_error',
  [VECTOR.DB]: 'debug',
  [VECTOR.BP]: 'int3',
  [VECTOR.OF]: 'overflow',
  [VECTOR.BR]: 'bounds',
  [VECTOR.UD]: 'invalid_op',
  [VECTOR.NM]: 'device_not_available',
  [VECTOR.DF]: 'double_fault',
  9: 'coproc_segment_overrun',
  [VECTOR.TS]: 'invalid_tss',
  [VECTOR.NP]: 'segment_not_present',
  [VECTOR.SS]: 'stack_segment',
  [VECTOR.GP]: 'general_protection',
  [VECTOR.PF]: 'page_fault',
  [VECTOR.MF]: 'coprocessor_error',
  [VECTOR.AC]: 'alignment_check',
  [VECTOR.MC]: 'machine_check',
  [VECTOR.XM]: 'simd_coprocessor_error',
};
/** SDM Vol. 3A Table 6-1: these push an error code. */
const WITH_ERROR_CODE: readonly number[] = [VECTOR.DF, VECTOR.TS, VECTOR.NP, VECTOR.SS, VECTOR.GP, VECTOR.PF, VECTOR.AC];

/** Name of an exception as Linux's entry points have it, `int3` or `vector 21`. */
export const exceptionName = (vector: number): string => EXCEPTION_NAMES[vector] ?? `vector ${vector}`;

/**
 * n iterations of memory and ALU work on the frame at RDI: three loads, a store, an inner conditional branch taken every second time,
 * the loop branch. cost-table.ts `workCounts` states the sums.
 */
function work(a: Assembler, label: string, n: number): void {
  if (n === 0) return;
  a.movImm32(R.RCX, n);
  a.label(`${label}.loop`);
  a.load(R.RAX, mem(R.RDI, PT.di));
  a.alu('add', R.RAX, R.RDX);
  a.load(R.RDX, mem(R.RDI, PT.si));
  a.store(mem(R.RBP, -16), R.RAX);
  a.testImm(R.RCX, 1);
  a.jcc(CC.E, `${label}.even`);
  a.lea(R.RAX, mem(R.RAX, 8));
  a.label(`${label}.even`);
  a.aluMem('xor', R.RAX, mem(R.RBP, -16));
  a.dec32(R.RCX);
  a.jcc(CC.NE, `${label}.loop`);
}

/** Instructions of a kernel function besides its work loops: prologue 5, gate 1, epilogue 4. */
export const FRAME_INSTRUCTIONS = 10;

/** A kernel function: RDI = pt_regs, result in RAX as the gate left it. */
function kernelFunction(a: Assembler, name: string, cost: Cost, gate: number): void {
  a.function(name);
  a.push(R.RBP);
  a.mov(R.RBP, R.RSP);
  a.push(R.RBX);
  a.aluImm('sub', R.RSP, 24);
  a.mov(R.RBX, R.RDI);
  work(a, `${name}.before`, cost.before);
  a.label(`${name}.gate`);
  a.gate(gate);
  if (cost.after > 0) {
    a.store(mem(R.RBP, -24), R.RAX);
    a.mov(R.RDI, R.RBX);
    work(a, `${name}.after`, cost.after);
    a.load(R.RAX, mem(R.RBP, -24));
  }
  a.aluImm('add', R.RSP, 24);
  a.pop(R.RBX);
  a.pop(R.RBP);
  a.ret();
}

/** Builds the image for a set of system calls. `count`: numbers at and above it have no table entry. */
export function buildImage(calls: readonly { readonly number: number; readonly name: string }[], count: number): KernelImage {
  const a = assemble(calls, count);
  const textSize = Math.ceil(a.size / 4096) * 4096;
  const tableAddress = KERNEL_TEXT + BigInt(textSize);
  const bytes = new Uint8Array(textSize + count * 8);
  bytes.fill(0xcc, 0, textSize);
  bytes.set(a.finish());
  const view = new DataView(bytes.buffer);
  view.setInt32(a.offsetOf('syscall_called') - 4, Number(BigInt.asIntN(32, tableAddress)), true);
  const none = a.addressOf('sys_ni_syscall');
  for (let n = 0; n < count; n++) view.setBigUint64(textSize + n * 8, none, true);
  for (const c of calls) view.setBigUint64(textSize + c.number * 8, a.addressOf(`__x64_sys_${c.name}`), true);
  const symbols = [...a.symbols(), { name: 'sys_call_table', address: tableAddress, size: count * 8 }];
  return {
    base: KERNEL_TEXT,
    bytes,
    textSize,
    symbols,
    stackAt: (address) => {
      const at = Number(address - KERNEL_TEXT);
      return at >= 0 && at < a.size ? a.stackRows.findLast((row) => row.at <= at) : undefined;
    },
    address: (label) => a.addressOf(label),
    vectorEntry: (vector) => a.addressOf(vectorLabel(vector)),
  };
}

function vectorLabel(vector: number): string {
  if (vector === VECTOR.NMI) return 'asm_exc_nmi';
  if (vector < 32) return EXCEPTION_NAMES[vector] === undefined ? 'asm_spurious_interrupt' : `asm_exc_${EXCEPTION_NAMES[vector]}`;
  if (vector === PERF_TIMER_VECTOR) return 'asm_perf_hrtimer';
  if (vector === IRQ_WORK_VECTOR) return 'asm_sysvec_irq_work';
  return vector === TIMER_VECTOR ? 'asm_sysvec_apic_timer_interrupt' : 'asm_spurious_interrupt';
}

function assemble(calls: readonly { readonly number: number; readonly name: string }[], count: number): Assembler {
  const a = new Assembler(KERNEL_TEXT);
  a.function('_stext');
  a.ud2();
  emitSyscallEntry(a, count);
  emitReturns(a);
  emitPerfEntry(a, 'asm_exc_nmi', 'exc_nmi');
  kernelFunction(a, 'exc_nmi', functionCost('exc_nmi'), GATE.NMI);
  emitPerfEntry(a, 'asm_perf_hrtimer', 'perf_swevent_hrtimer');
  kernelFunction(a, 'perf_swevent_hrtimer', functionCost('perf_swevent_hrtimer'), GATE.PERF_TIMER);
  for (const [key, name] of Object.entries(EXCEPTION_NAMES)) {
    const vector = Number(key);
    if (vector === VECTOR.DB) emitDebugEntry(a, `asm_exc_${name}`, `exc_${name}`);
    else emitEntry(a, `asm_exc_${name}`, `exc_${name}`, WITH_ERROR_CODE.includes(vector));
    kernelFunction(a, `exc_${name}`, functionCost(`exc_${name}`), GATE.EXCEPTION + vector);
  }
  emitEntry(a, 'asm_sysvec_apic_timer_interrupt', 'sysvec_apic_timer_interrupt', false);
  kernelFunction(a, 'sysvec_apic_timer_interrupt', functionCost('sysvec_apic_timer_interrupt'), GATE.TIMER);
  emitEntry(a, 'asm_sysvec_irq_work', 'sysvec_irq_work', false);
  kernelFunction(a, 'sysvec_irq_work', functionCost('sysvec_irq_work'), GATE.IRQ_WORK);
  emitEntry(a, 'asm_spurious_interrupt', 'spurious_interrupt', false);
  kernelFunction(a, 'spurious_interrupt', functionCost('spurious_interrupt'), GATE.SPURIOUS);
  kernelFunction(a, 'exit_to_user_mode_loop', functionCost('exit_to_user_mode_loop'), GATE.EXIT_WORK);
  kernelFunction(a, 'ret_from_fork', functionCost('ret_from_fork'), GATE.FORK_RETURN);
  emitStubs(a);
  // A context switch's own work, run as a nested call when the scheduler switches.
  a.function('schedule', 'bottom');
  a.mov(R.RDI, R.RSP);
  a.call('__schedule');
  a.gate(GATE.STUB_DONE);
  a.ret();
  kernelFunction(a, '__schedule', functionCost('__schedule'), GATE.SWITCH);
  kernelFunction(a, 'sys_ni_syscall', functionCost('sys_ni_syscall'), GATE.NI_SYSCALL);
  // Calls of one cost differ by their gate alone.
  const models = new Map<Cost, string>();
  for (const c of calls) {
    const name = `__x64_sys_${c.name}`;
    const cost = syscallCost(c.name);
    const model = models.get(cost);
    if (model === undefined) {
      models.set(cost, name);
      kernelFunction(a, name, cost, c.number);
    } else {
      const at = a.copy(name, model);
      a.setGate(at + a.offsetOf(`${model}.gate`) - a.offsetOf(model), c.number);
    }
  }
  a.function('_etext');
  a.ud2();
  return a;
}

/** RIP of the gate that a task stopped behind; set again, the handler runs again. */
export const gateAddress = (ripAfterGate: bigint): bigint => ripAfterGate - BigInt(GATE_LENGTH);
