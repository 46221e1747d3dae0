/** One logical processor as the kernel sees it. */
import type { CpuidResult } from '#arch/cpuid-result.ts';
import type { DebugPort } from './debug.ts';
import type { Exit } from './exit.ts';
import type { Msrs } from './msrs.ts';

/** A saved register context (general registers, RIP, RFLAGS, CPL, segment bases, x87, SSE, AVX). Opaque; made by `Cpu.newContext`. */
export interface CpuContext {
  readonly bytes: Uint8Array;
}

export interface Cpu {
  readonly index: number;
  /** General registers by encoding (arch/registers.ts GPR), a live view. Valid while `run` is not on the stack. */
  readonly gpr: BigUint64Array;
  rip: bigint;
  /** Full RFLAGS with all status flags materialised. */
  rflags: bigint;
  /** Current privilege level. Settable because kernel code starts tasks; a change drops what the ring may not keep. */
  cpl: 0 | 3;
  fsBase: bigint;
  gsBase: bigint;
  kernelGsBase: bigint;
  /** Linear address of the last page fault. */
  readonly cr2: bigint;
  /** Writing CR3 drops all translations, as without PCID. */
  cr3: bigint;
  mxcsr: number;
  /** CR4.PCE: RDPMC at CPL 3 reads counters instead of raising #GP. */
  userRdpmc: boolean;
  /** XMM0-15 as 16 × 16 bytes, little endian, a live view. */
  readonly xmm: Uint8Array;
  /** The hardware's own MSR access (RDMSR/WRMSR semantics without executing an instruction). */
  readonly msrs: Msrs;
  readonly debug: DebugPort;

  /** CPUID, as an instruction would answer. */
  cpuid(leaf: number, subleaf: number): CpuidResult;
  cr4: bigint;
  readonly xcr0: number;
  /** XSETBV; false: #GP, or CR4.OSXSAVE is clear. */
  setXcr0(value: bigint): boolean;

  /** The state of x87, SSE and whatever XCR0 has on: XSAVE's area in the standard format, or FXSAVE's 512 bytes while CR4.OSXSAVE is clear. */
  fpuImage(): Uint8Array;
  /** XRSTOR of the components (XCR0's bits), or FXRSTOR; false, and nothing changed, where the instruction would raise #GP. */
  loadFpuImage(image: Uint8Array, components: number): boolean;
  /** As a new program finds it: FNINIT, MXCSR 1F80H, vector registers zero. */
  resetFpu(): void;

  newContext(): CpuContext;
  saveContext(into: CpuContext): void;
  loadContext(from: CpuContext): void;

  /** LIDT and LTR: linear base and limit of the IDT, linear base of the 64-bit TSS (RSP0 at +4, IST1 at +36). */
  setDescriptorTables(idtBase: bigint, idtLimit: number, tssBase: bigint): void;
  /** INVLPG. `va` any address of the page. */
  invlpg(va: bigint): void;
  flushTlb(): void;

  /** Runs until an Exit; at most `maxInstructions` (default: no limit). Interrupts and PMIs that fall due are delivered through the IDT on the way. */
  run(maxInstructions?: number): Exit;

  /**
   * Marks what retires from here on as perf's own work (`overhead`): it moves neither TSC nor timers, and is no part of *true*.
   * Nests. The machine itself sets it from the delivery of a PMI until the IRET that ends it.
   */
  enterOverhead(): void;
  leaveOverhead(): void;

  /**
   * Interrupts on `vector` once the TSC reads `tsc` (undefined: never), RFLAGS.IF permitting, and is done with it; the handler up to its IRET is
   * `overhead`. The handler must use no other vector's way back to user mode. A HLT that it interrupts goes on.
   */
  setSampleTimer(tsc: number | undefined, vector: number): void;

  /** What made the last #UD: the instruction text and whether it is undefined or just not there yet. Empty when there was none. */
  undefinedInstruction(): string;
}
