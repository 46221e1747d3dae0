/** Where the kernel tells perf what happens. kernel/perf implements it; nothing that a hook does may change what tasks do (CONTRACTS.md). */
import type { Cpu } from '#port/cpu.ts';
import type { PtRegs } from './task/pt-regs.ts';
import type { Task } from './task/task.ts';

/** Where an interrupt hit. */
export interface InterruptFrame {
  readonly rip: bigint;
  readonly cpl: 0 | 3;
  readonly rflags: bigint;
  readonly rsp: bigint;
  /** All registers, where an entry saved them. Valid while the interrupt is served. */
  readonly regs?: PtRegs;
}

/** A mapping as PERF_RECORD_MMAP2 wants it. `prot` PROT_* and `flags` MAP_* bits. */
export interface MappingEvent {
  readonly start: number;
  readonly length: number;
  readonly offset: number;
  readonly prot: number;
  readonly flags: number;
  /** File path, `[heap]`, `[stack]`, `//anon`. */
  readonly name: string;
  readonly device: { readonly major: number; readonly minor: number };
  readonly inode: number;
}

export interface PerfHooks {
  /** The task is about to run on `cpu` (its address space is loaded). MSR accesses from here on count as `overhead`. */
  scheduledIn(task: Task, cpu: Cpu, previous: Task | undefined): void;
  /** The task leaves `cpu`; called before the next one is loaded. `preempted`: it could have gone on. */
  scheduledOut(task: Task, cpu: Cpu, preempted: boolean, next: Task | undefined): void;
  /** After the child is complete and before it first runs. */
  forked(parent: Task, child: Task): void;
  /** After the point of no return; comm and mm are the new program's. */
  execed(task: Task): void;
  /** comm changed by prctl(PR_SET_NAME). */
  renamed(task: Task): void;
  /** The task is ending; it is still current and its mm is still there. */
  exited(task: Task): void;
  mapped(task: Task, mapping: MappingEvent): void;
  /** In the PMI's NMI handler. */
  pmi(cpu: Cpu, frame: InterruptFrame): void;
  /** In the interrupt of perf's own timer. */
  hrtimer(cpu: Cpu, frame: InterruptFrame): void;
  /** In a debug exception, when whose breakpoints were met have been told (kernel/debug). */
  debugged(): void;
  /** In the timer interrupt, every 1/HZ s of modelled time that the CPU is not idle. */
  tick(cpu: Cpu, frame: InterruptFrame): void;
  pageFault(task: Task, address: number, major: boolean, frame: InterruptFrame): void;
  contextSwitch(from: Task | undefined, to: Task | undefined, cpu: Cpu): void;
}

/** No perf: nothing is watched. */
export const NO_PERF: PerfHooks = {
  scheduledIn() {},
  scheduledOut() {},
  forked() {},
  execed() {},
  renamed() {},
  exited() {},
  mapped() {},
  pmi() {},
  hrtimer() {},
  debugged() {},
  tick() {},
  pageFault() {},
  contextSwitch() {},
};
