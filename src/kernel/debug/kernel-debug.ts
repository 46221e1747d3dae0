/** Breakpoints and debug exceptions of the kernel: the parts, what a context switch does, and exc_debug (arch/x86/kernel/traps.c). */
import { DR6, RFLAGS } from '#arch/registers.ts';
import { SIG, TRAP } from '#abi/signals.ts';
import type { Kernel } from '../kernel.ts';
import type { InterruptFrame } from '../perf-hooks.ts';
import { forceSignal } from '../signal/deliver.ts';
import type { PtRegs } from '../task/pt-regs.ts';
import { CAP, type Task } from '../task/task.ts';
import { CpuDebug } from './cpu-debug.ts';
import { BreakpointSlots } from './slots.ts';
import { TaskDebugRegisters } from './task-debug.ts';

const ENTRY = /^(asm_|entry_|exc_|error_return)/;

export class KernelDebug {
  readonly slots = new BreakpointSlots();
  readonly cpu: CpuDebug;
  private readonly k: Kernel;
  private readonly ofTask = new WeakMap<Task, TaskDebugRegisters>();
  private loaded: TaskDebugRegisters | undefined;

  constructor(k: Kernel) {
    this.k = k;
    this.cpu = new CpuDebug(k.cpu.debug);
  }

  /** A task's own debug registers, as ptrace reads and sets them. */
  registers(task: Task): TaskDebugRegisters {
    let found = this.ofTask.get(task);
    if (found === undefined) {
      const mayWatchKernel = (): boolean => this.k.current?.can(CAP.SYS_ADMIN) === true;
      found = new TaskDebugRegisters(task, { slots: this.slots, cpu: this.cpu, isCurrent: () => task === this.k.current, mayWatchKernel });
      this.ofTask.set(task, found);
      if (task === this.k.current) this.loaded = found;
    }
    return found;
  }
  /** execve and exit. */
  forget(task: Task): void {
    this.ofTask.get(task)?.clear();
  }
  /**
   * Kernel addresses that no breakpoint may have. Of the kernel there is its text to watch; the entries are out of bounds as on Linux (.noinstr.text
   * and the CPU's entry area), and so is all memory by the direct map, where the stacks of debug exceptions are.
   */
  forbidden(first: bigint, last: bigint): boolean {
    if (last >> 63n === 0n) return false;
    const { base, textSize, symbols } = this.k.image;
    if (first < base || last >= base + BigInt(textSize)) return true;
    return symbols.some((s) => ENTRY.test(s.name) && last >= s.address && first < s.address + BigInt(s.size));
  }

  switchTo(task: Task | undefined): void {
    const next = task === undefined ? undefined : this.ofTask.get(task);
    if (next === this.loaded) return;
    this.loaded?.switchOut();
    next?.switchIn();
    this.loaded = next;
  }

  /**
   * exc_debug. true: the way back is the ordinary one, through exit work. `trap`: what sigcontext tells of the exception. What breakpoints of perf
   * alone cause ends here; its signals come with the interrupt that follows (irq_work).
   */
  exception(frame: InterruptFrame, regs: PtRegs, trap: (task: Task) => void): boolean {
    const { k } = this;
    const task = k.current;
    const user = frame.cpl === 3;
    if (user && task !== undefined) this.registers(task).status = 0;
    const { status, rest, resume, perfOnly } = this.cpu.serve(frame);
    k.perf.debugged();
    if (resume) regs.set('flags', regs.get('flags') | BigInt(RFLAGS.RF));
    if (!user || perfOnly || task === undefined) return false;
    const own = this.registers(task);
    own.status |= rest & DR6.BS;
    const causes = rest | own.status;
    // For no reason at all: ICEBP.
    if ((causes & (DR6.BS | DR6.TRAPS)) === 0 && status !== 0) return true;
    trap(task);
    const code = (causes & DR6.BS) !== 0 ? TRAP.TRACE : (causes & DR6.TRAPS) !== 0 ? TRAP.HWBKPT : TRAP.BRKPT;
    forceSignal(k, task, { signal: SIG.SIGTRAP, code, address: frame.rip });
    return true;
  }
}
