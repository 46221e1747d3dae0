/**
 * The debug registers that ptrace shows and sets of a task (u_debugreg). Each of the four is a breakpoint of its own, in whatever register of the
 * CPU it finds room. arch/x86/kernel/ptrace.c: ptrace_get_debugreg, ptrace_set_debugreg.
 */
import { ERRNO } from '#abi/errno.ts';
import { BREAKPOINT_TYPE } from '#abi/perf-event/breakpoint.ts';
import { DR6, DR7, DR7_LENGTHS, DR7_RW } from '#arch/registers.ts';
import type { InterruptFrame } from '../perf-hooks.ts';
import type { Task } from '../task/task.ts';
import { type BreakpointSpec, inKernelSpace, parseBreakpoint } from './breakpoint.ts';
import type { CpuDebug, HwBreakpoint } from './cpu-debug.ts';
import { SLOTS, type BreakpointSlots } from './slots.ts';

/** DR_CONTROL_RESERVED: bits of DR7 that a program may not set. */
const DR7_RESERVED = 0xffff_ffff_0000_fc00n;
const TYPE: Readonly<Record<number, number>> = {
  [DR7_RW.EXECUTE]: BREAKPOINT_TYPE.X,
  [DR7_RW.WRITE]: BREAKPOINT_TYPE.W,
  [DR7_RW.READ_WRITE]: BREAKPOINT_TYPE.RW,
};

class TaskBreakpoint implements HwBreakpoint {
  readonly byPerf = false;
  spec: BreakpointSpec;
  enabled = false;
  private readonly met: () => void;

  constructor(spec: BreakpointSpec, met: () => void) {
    this.spec = spec;
    this.met = met;
  }
  triggered(_frame: InterruptFrame): void {
    this.met();
  }
}

export interface TaskDebugParts {
  readonly slots: BreakpointSlots;
  readonly cpu: CpuDebug;
  /** Does the task run now? */
  readonly isCurrent: () => boolean;
  /** May who sets them watch the kernel's addresses? */
  readonly mayWatchKernel: () => boolean;
}

export class TaskDebugRegisters {
  /** DR6 as the task's tracer sees it, active bits only: thread.virtual_dr6. */
  status = 0;
  private control = 0n;
  private readonly breakpoints: (TaskBreakpoint | undefined)[] = Array.from({ length: SLOTS });
  private readonly task: Task;
  private readonly parts: TaskDebugParts;

  constructor(task: Task, parts: TaskDebugParts) {
    this.task = task;
    this.parts = parts;
  }

  /** u_debugreg[n]; 0 of those that there are not. */
  read(n: number): bigint {
    if (n >= 0 && n < SLOTS) return this.breakpoints[n]?.spec.address ?? 0n;
    if (n === 6) return BigInt((this.status ^ DR6.RESERVED) >>> 0);
    return n === 7 ? this.control : 0n;
  }
  /** Sets u_debugreg[n]: 0, or -errno as POKEUSER answers it. */
  write(n: number, value: bigint): number {
    if (n >= 0 && n < SLOTS) return this.setAddress(n, value);
    if (n === 6) {
      this.status = (Number(value & 0xffff_ffffn) ^ DR6.RESERVED) >>> 0;
      return 0;
    }
    return n === 7 ? this.setControl(value) : -ERRNO.EIO;
  }
  /** execve and the task's end: flush_ptrace_hw_breakpoint. */
  clear(): void {
    this.switchOut();
    for (const b of this.breakpoints) if (b !== undefined) this.parts.slots.release(this.task);
    this.breakpoints.fill(undefined);
    this.control = 0n;
    this.status = 0;
  }

  switchIn(): void {
    for (const b of this.breakpoints) if (b?.enabled === true) this.parts.cpu.install(b);
  }
  switchOut(): void {
    for (const b of this.breakpoints) if (b !== undefined) this.parts.cpu.uninstall(b);
  }

  private setAddress(n: number, address: bigint): number {
    const old = this.breakpoints[n];
    if (old === undefined) {
      // Inactive, but right: DR7 says later what it is.
      const made = this.make(n, { address, bytes: 1, access: DR7_RW.WRITE }, false);
      return typeof made === 'number' ? made : 0;
    }
    return this.modify(old, { ...old.spec, address }, old.enabled);
  }

  /** ptrace_write_dr7: all or nothing. */
  private setControl(value: bigint): number {
    const wanted = value & ~DR7_RESERVED;
    const before = this.breakpoints.map((b) => (b === undefined ? undefined : { spec: b.spec, enabled: b.enabled }));
    for (let n = 0; n < SLOTS; n++) {
      const failed = this.setField(n, wanted);
      if (failed === 0) continue;
      for (const [i, b] of this.breakpoints.entries()) {
        const was = before[i];
        if (b !== undefined && was !== undefined) this.modify(b, was.spec, was.enabled);
        else if (b !== undefined) this.modify(b, b.spec, false);
      }
      return failed;
    }
    this.control = wanted;
    return 0;
  }
  private setField(n: number, control: bigint): number {
    const enabled = ((control >> BigInt(2 * n)) & 3n) !== 0n;
    const field = Number((control >> BigInt(DR7.CONTROL_SHIFT + DR7.CONTROL_BITS * n)) & 0xfn);
    const access = field & 3;
    const bytes = DR7_LENGTHS[field >> 2] as 1 | 2 | 4 | 8;
    const old = this.breakpoints[n];
    if (old === undefined && !enabled) return 0;
    // arch_bp_generic_fields: an instruction breakpoint is one byte long.
    if (enabled && (access === DR7_RW.IO || (access === DR7_RW.EXECUTE && bytes !== 1))) return -ERRNO.EINVAL;
    if (old === undefined) {
      const made = this.make(n, { address: 0n, bytes, access }, enabled);
      return typeof made === 'number' ? made : 0;
    }
    return this.modify(old, enabled ? { address: old.spec.address, bytes, access } : old.spec, enabled);
  }

  private check(spec: BreakpointSpec): BreakpointSpec | number {
    const length = spec.access === DR7_RW.EXECUTE ? 8n : BigInt(spec.bytes);
    const parsed = parseBreakpoint(TYPE[spec.access] ?? BREAKPOINT_TYPE.EMPTY, spec.address, length);
    if (typeof parsed === 'number') return parsed;
    return inKernelSpace(parsed) && !this.parts.mayWatchKernel() ? -ERRNO.EPERM : parsed;
  }
  private make(n: number, spec: BreakpointSpec, enabled: boolean): TaskBreakpoint | number {
    const refused = this.parts.slots.reserve(TYPE[spec.access] ?? BREAKPOINT_TYPE.EMPTY, this.task);
    if (refused < 0) return refused;
    const parsed = this.check(spec);
    if (typeof parsed === 'number') {
      this.parts.slots.release(this.task);
      return parsed;
    }
    const made = new TaskBreakpoint(parsed, () => (this.status |= 1 << n));
    this.breakpoints[n] = made;
    made.enabled = enabled;
    this.adjust(made);
    return made;
  }
  private modify(b: TaskBreakpoint, spec: BreakpointSpec, enabled: boolean): number {
    const parsed = this.check(spec);
    if (typeof parsed === 'number') return parsed;
    this.parts.cpu.uninstall(b);
    b.spec = parsed;
    b.enabled = enabled;
    this.adjust(b);
    return 0;
  }
  /** Puts it on the CPU if its task runs there. */
  private adjust(b: TaskBreakpoint): void {
    if (!b.enabled || !this.parts.isCurrent()) return;
    if (this.parts.cpu.indexOf(b) < 0) this.parts.cpu.install(b);
  }
}
