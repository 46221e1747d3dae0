/** What happens at each gate: system calls, exceptions, interrupts, the way back to user mode, idle. */
import { GPR, PF_ERROR, VECTOR } from '#arch/registers.ts';
import { BUS, FPE, ILL_ILLOPN, SEGV, SI, SIG } from '#abi/signals.ts';
import { SYS, syscallName } from '#abi/syscall-numbers.ts';
import { ERESTARTSYS, ERRNO } from '#abi/errno.ts';
import { MSR } from '#arch/msr.ts';
import { directMap } from './boot/boot.ts';
import type { Kernel } from './kernel.ts';
import { checkCpuTime } from './time/cpu-time.ts';
import { handleFault } from './mm/fault.ts';
import { USER_END } from './mm/page-tables.ts';
import type { InterruptFrame } from './perf-hooks.ts';
import { leaveCall, SKIPPED, stopAtEntry, stopAtExit } from './ptrace/call-stop.ts';
import { runAfterStop } from './ptrace/stop.ts';
import { deliverSignals, forceSignal } from './signal/deliver.ts';
import type { TrapState } from './signal/frame.ts';
import { SYSCALL_ROWS } from './syscalls/table.ts';
import { SyscallArgs, type SyscallResult, type SyscallRow } from './syscalls/types.ts';
import { emulateVsyscall } from './syscalls/vsyscall.ts';
import { PT, PtRegs, type PtRegister } from './task/pt-regs.ts';
import type { Task } from './task/task.ts';
import { GATE } from './text/gates.ts';
import { exceptionName, gateAddress } from './text/image.ts';
import { DIRECT_MAP } from './text/layout.ts';

const NO_TRAP: TrapState = { error: 0n, vector: 0, cr2: 0n };
/** RAX after IRET from user mode's frame and after errors: the kernel's restart codes. */
const FIRST_RESTART = -516;
const LAST_RESTART = -512;

/** Signal, si_code and whether si_addr is RIP, for exceptions of user code. arch/x86/kernel/traps.c. */
const SIGNALS: Readonly<Record<number, readonly [signal: number, code: number, address: boolean]>> = {
  [VECTOR.DE]: [SIG.SIGFPE, FPE.INTDIV, true],
  [VECTOR.BP]: [SIG.SIGTRAP, SI.KERNEL, false],
  [VECTOR.OF]: [SIG.SIGSEGV, SI.KERNEL, false],
  [VECTOR.BR]: [SIG.SIGSEGV, SI.KERNEL, false],
  [VECTOR.UD]: [SIG.SIGILL, ILL_ILLOPN, true],
  [VECTOR.NM]: [SIG.SIGSEGV, SI.KERNEL, false],
  [VECTOR.TS]: [SIG.SIGSEGV, SI.KERNEL, false],
  [VECTOR.NP]: [SIG.SIGBUS, SI.KERNEL, false],
  [VECTOR.SS]: [SIG.SIGBUS, SI.KERNEL, false],
  [VECTOR.GP]: [SIG.SIGSEGV, SI.KERNEL, false],
  [VECTOR.MF]: [SIG.SIGFPE, FPE.FLTINV, true],
  [VECTOR.AC]: [SIG.SIGBUS, BUS.ADRALN, false],
  [VECTOR.XM]: [SIG.SIGFPE, FPE.FLTINV, true],
};

export class GateServer {
  private readonly k: Kernel;
  private readonly rows: (SyscallRow | undefined)[] = [];
  private readonly traps = new WeakMap<Task, TrapState>();
  private readonly arguments = new WeakMap<Task, SyscallArgs>();
  private lastFrame: InterruptFrame | undefined;

  constructor(k: Kernel) {
    this.k = k;
    for (const row of SYSCALL_ROWS) this.rows[row.number] = row;
  }

  serve(gate: number): void {
    if (gate <= GATE.NI_SYSCALL) {
      this.syscall(gate);
      return;
    }
    switch (gate) {
      case GATE.EXIT_WORK:
        this.exitWork();
        return;
      case GATE.IDLE:
        this.idle();
        return;
      case GATE.FORK_RETURN:
        return;
      default:
        this.serveNested(gate);
    }
  }

  /** Gates that can be reached while a stub runs: NMI, and #GP of the stub's own access. The timer's too, when interrupts are on. */
  serveNested(gate: number): void {
    if (gate === GATE.NMI) {
      this.lastFrame = this.frameOf(this.frameRegisters());
      this.k.perf.pmi(this.k.cpu, this.lastFrame);
    } else if (gate === GATE.PERF_TIMER) {
      this.k.msrs.write(MSR.IA32_X2APIC_EOI, 0n);
      this.lastFrame = this.frameOf(this.frameRegisters());
      this.k.perf.hrtimer(this.k.cpu, this.lastFrame);
    } else if (gate === GATE.TIMER) this.timer();
    else if (gate === GATE.IRQ_WORK) this.irqWork();
    else if (gate === GATE.SPURIOUS) this.k.unsupported('an interrupt on a vector that nothing uses');
    else if (gate === GATE.EXCEPTION + VECTOR.DB) this.debugException();
    else if (gate >= GATE.EXCEPTION && gate < GATE.EXCEPTION + 32) this.exception(gate - GATE.EXCEPTION);
    else throw new Error(`kernel text reached gate 0x${gate.toString(16)} where it cannot be`);
  }

  trapState(task: Task): TrapState {
    return this.traps.get(task) ?? NO_TRAP;
  }

  /** Where the interrupt or call that the kernel is serving came from. */
  frame(): InterruptFrame {
    return this.lastFrame ?? this.frameOf(this.frameRegisters());
  }

  /** HLT came back without a timer: nothing can ever wake the processor, unless the look says otherwise. */
  idleAgain(): void {
    this.k.cpu.rip = this.k.image.address('default_idle');
    this.idle();
  }

  countFault(va: number, major: boolean, frame: InterruptFrame | undefined): void {
    const task = this.k.current;
    if (task === undefined) return;
    if (major) task.times.majorFaults++;
    else task.times.minorFaults++;
    this.k.perf.pageFault(
      task,
      va,
      major,
      frame ?? { rip: this.k.cpu.rip, cpl: 0, rflags: this.k.cpu.rflags, rsp: this.k.cpu.gpr[GPR.RSP] as bigint },
    );
  }

  private task(): Task {
    const t = this.k.current;
    if (t === undefined) throw new Error('a gate of user work was reached in idle');
    return t;
  }

  /** The gate of a system call, or the one of all calls that have none. */
  private syscall(gate: number): void {
    const { k } = this;
    const t = this.task();
    if (t.afterStop !== undefined) runAfterStop(t);
    const fresh = t.call === undefined && t.resumed === undefined && t.interrupted === undefined;
    if (fresh && t.trace !== undefined && stopAtEntry(k, t)) {
      this.standStill();
      return;
    }
    const number = t.call ?? (gate === GATE.NI_SYSCALL ? t.regs.number('orig_ax') : gate);
    let result = number === SKIPPED && t.call !== undefined ? t.regs.get('ax') : this.make(t, number);
    if (typeof result === 'object' && result.host === true) {
      if (!t.signals.deliverable) {
        k.askHostAgain(() => this.syscall(gate));
        return;
      }
      result = -ERESTARTSYS;
    }
    if (typeof result === 'object') {
      t.waiting = result;
      if (result.traced !== true) t.state = 'waiting';
      this.standStill();
      return;
    }
    t.resumed = undefined;
    if (!t.alive) {
      this.leave();
      return;
    }
    k.cpu.gpr[GPR.RAX] = BigInt.asUintN(64, BigInt(result));
    k.updateWork();
    if (typeof result === 'number' && result <= LAST_RESTART && result >= FIRST_RESTART) k.needWork();
    if (t.trace !== undefined || t.call !== undefined) leaveCall(k, t);
  }

  /** Makes a call, or goes on with one that waited. */
  private make(t: Task, number: number): SyscallResult {
    const { k } = this;
    if (t.interrupted !== undefined) {
      const result = t.interrupted;
      t.interrupted = undefined;
      return result;
    }
    const row = this.rows[number === SYS.restart_syscall ? (t.restarts ?? number) : number];
    if (row === undefined) {
      k.unsupported(syscallName(number) ?? `system call ${number}`);
      return -ERRNO.ENOSYS;
    }
    let args = this.arguments.get(t);
    if (args === undefined) {
      args = new SyscallArgs(t.regs);
      this.arguments.set(t, args);
    }
    if (row.support === 'none') k.unsupported(row.name);
    return row.handler(k, t, args);
  }

  /** The current task's gate is served again when it goes on. */
  private standStill(): void {
    this.k.cpu.rip = gateAddress(this.k.cpu.rip);
    this.leave();
  }

  /** The current task cannot go on. */
  private leave(): void {
    const { scheduler } = this.k;
    scheduler.reschedule();
    // Leaving a task takes time: what fell due in it has no timer ahead, so it is looked at now.
    while (scheduler.current === undefined && this.k.anythingDue()) {
      this.k.expireAlarms();
      scheduler.reschedule();
    }
    if (scheduler.current !== undefined) return;
    if (scheduler.arm()) this.k.idling();
    else this.k.stuck();
  }

  private exitWork(): void {
    const { k } = this;
    const t = this.task();
    if (t.afterStop !== undefined) runAfterStop(t);
    if (t.alive && !(t.trace !== undefined && stopAtExit(k, t))) deliverSignals(k, t);
    if (t.state === 'traced') {
      this.standStill();
      return;
    }
    if (!t.alive || t.state === 'stopped') {
      this.leave();
      return;
    }
    if (k.scheduler.needResched) this.leave();
    else k.updateWork();
  }

  private idle(): void {
    this.k.expireAlarms();
    this.leave();
  }

  private timer(): void {
    const { k } = this;
    k.msrs.write(MSR.IA32_X2APIC_EOI, 0n);
    const frame = this.frameOf(this.frameRegisters());
    this.lastFrame = frame;
    k.expireAlarms();
    if (k.scheduler.tick()) {
      k.perf.tick(k.cpu, frame);
      if (k.current !== undefined) checkCpuTime(k, k.current);
    }
    if (k.sleeperDue()) k.scheduler.needResched = true; // who slept goes before who computes
    k.updateWork();
    k.scheduler.arm();
  }

  private irqWork(): void {
    const { k } = this;
    k.msrs.write(MSR.IA32_X2APIC_EOI, 0n);
    k.perfFiles?.irqWork();
    k.updateWork();
  }

  /** RBX of a kernel function holds the address of the frame that it was called with (text/image.ts). */
  private frameRegisters(): PtRegs {
    return new PtRegs(this.k.port.memory, Number((this.k.cpu.gpr[GPR.RBX] as bigint) - DIRECT_MAP));
  }
  private frameOf(regs: PtRegs): InterruptFrame {
    return { rip: regs.get('ip'), cpl: (regs.number('cs') & 3) === 3 ? 3 : 0, rflags: regs.get('flags'), rsp: regs.get('sp'), regs };
  }

  private debugException(): void {
    const { k } = this;
    const regs = this.frameRegisters();
    const frame = this.frameOf(regs);
    this.lastFrame = frame;
    const trap = (t: Task): void => void this.traps.set(t, { error: 0n, vector: VECTOR.DB, cr2: k.cpu.cr2 });
    const work = k.debug.exception(frame, regs, trap);
    k.cpu.gpr[GPR.RAX] = 0n;
    if (!work) return;
    const own = this.task().regs;
    own.copyFrom(regs);
    k.cpu.gpr[GPR.RAX] = directMap(own.base);
    k.updateWork();
  }
  private exception(vector: number): void {
    const { k } = this;
    const regs = this.frameRegisters();
    const rip = regs.get('ip');
    if ((regs.number('cs') & 3) === 0) {
      if (vector === VECTOR.GP && rip === k.image.address('iretq_user')) {
        this.badIret(regs);
        return;
      }
      const to = vector === VECTOR.GP ? k.stubs.fixup(rip) : undefined;
      if (to === undefined)
        throw new Error(`kernel text: ${exceptionName(vector)} at 0x${rip.toString(16)}, cr2 0x${k.cpu.cr2.toString(16)}`);
      regs.set('ip', to);
      return;
    }
    const t = this.task();
    const error = regs.get('orig_ax');
    regs.set('orig_ax', -1n);
    const cr2 = k.cpu.cr2;
    this.traps.set(t, { error: BigInt.asIntN(64, error) === -1n ? 0n : error, vector, cr2 });
    this.lastFrame = this.frameOf(regs);
    if (vector === VECTOR.PF) this.pageFault(t, Number(error), cr2);
    else {
      const [signal, code, address] = SIGNALS[vector] ?? [SIG.SIGSEGV, SI.KERNEL, false];
      // INT3 leaves RIP behind itself; faults leave it at the instruction.
      forceSignal(k, t, { signal, code, address: address ? rip : 0n });
    }
    k.updateWork();
    if (!t.alive) this.leave();
  }

  /**
   * IRETQ found no way to user mode (a non-canonical RIP from rt_sigreturn): SIGSEGV for the task, as Linux's fixup_bad_iret. The registers
   * were the user's already, SWAPGS done; what IRETQ would have popped is still at the top of the stack.
   */
  private badIret(fault: PtRegs): void {
    const { k } = this;
    const { cpu } = k;
    const t = this.task();
    const names = Object.keys(PT).filter((n) => PT[n as PtRegister] < PT.orig_ax) as PtRegister[];
    const values = names.map((n) => fault.get(n)); // the two frames overlap
    for (const [i, n] of names.entries()) t.regs.set(n, values[i] as bigint);
    t.regs.set('orig_ax', -1n);
    this.traps.set(t, { error: 0n, vector: VECTOR.GP, cr2: k.cpu.cr2 });
    [cpu.gsBase, cpu.kernelGsBase] = [cpu.kernelGsBase, cpu.gsBase];
    cpu.gpr[GPR.RSP] = directMap(t.regs.base);
    cpu.rip = k.image.address('error_return');
    forceSignal(k, t, { signal: SIG.SIGSEGV, code: SI.KERNEL, address: 0n });
    k.updateWork();
  }

  private pageFault(t: Task, error: number, cr2: bigint): void {
    const { k } = this;
    const access = (error & PF_ERROR.W) !== 0 ? 'write' : (error & PF_ERROR.I) !== 0 ? 'execute' : 'read';
    if (cr2 >= BigInt(USER_END)) {
      if (access === 'execute' && emulateVsyscall(k, t, cr2)) return;
      forceSignal(k, t, { signal: SIG.SIGSEGV, code: SEGV.MAPERR, address: cr2 });
      return;
    }
    const va = Number(cr2);
    const result = handleFault(t.mm, va, access);
    if (result.kind === 'signal') forceSignal(k, t, { signal: result.signal, code: result.code, address: cr2 });
    else if (result.kind === 'oom') {
      const mib = Math.floor(k.port.memory.sizeBytes / 1_048_576);
      k.kill(t, `out of modelled memory: all ${mib} MiB are in use (--memory gives more)`);
    } else this.countFault(va, result.major, this.lastFrame);
  }
}
