/**
 * A task's user registers while it is in the kernel: the frame that the entry code (kernel/text/entry.ts) leaves at the top of the task's
 * kernel stack. Layout of struct pt_regs, arch/x86/include/asm/ptrace.h.
 */
import type { PhysicalMemory } from '#port/memory.ts';

/** Byte offsets in the frame. */
export const PT = {
  r15: 0,
  r14: 8,
  r13: 16,
  r12: 24,
  bp: 32,
  bx: 40,
  r11: 48,
  r10: 56,
  r9: 64,
  r8: 72,
  ax: 80,
  cx: 88,
  dx: 96,
  si: 104,
  di: 112,
  orig_ax: 120,
  ip: 128,
  cs: 136,
  flags: 144,
  sp: 152,
  ss: 160,
} as const;
export const PT_SIZE = 168;
export type PtRegister = keyof typeof PT;

const ARGUMENTS = [PT.di, PT.si, PT.dx, PT.r10, PT.r8, PT.r9] as const;

export class PtRegs {
  private readonly memory: PhysicalMemory;
  /** Guest-physical address of the frame. */
  readonly base: number;

  constructor(memory: PhysicalMemory, base: number) {
    this.memory = memory;
    this.base = base;
  }

  get(register: PtRegister): bigint {
    return this.memory.view.getBigUint64(this.base + PT[register], true);
  }
  /** As a double: exact below 2^53. */
  number(register: PtRegister): number {
    return this.read(this.base + PT[register]);
  }
  set(register: PtRegister, value: bigint | number): void {
    this.memory.view.setBigUint64(this.base + PT[register], BigInt.asUintN(64, BigInt(value)), true);
  }
  /** System call argument 0-5. */
  argument(i: number): bigint {
    return this.memory.view.getBigUint64(this.base + (ARGUMENTS[i] as number), true);
  }
  argumentNumber(i: number): number {
    return this.read(this.base + (ARGUMENTS[i] as number));
  }
  argumentLow(i: number): number {
    return this.memory.view.getUint32(this.base + (ARGUMENTS[i] as number), true);
  }
  copyFrom(other: PtRegs): void {
    this.memory.bytes.copyWithin(this.base, other.base, other.base + PT_SIZE);
  }
  clear(): void {
    this.memory.bytes.fill(0, this.base, this.base + PT_SIZE);
  }

  private read(address: number): number {
    return this.memory.view.getUint32(address + 4, true) * 0x1_0000_0000 + this.memory.view.getUint32(address, true);
  }
}
