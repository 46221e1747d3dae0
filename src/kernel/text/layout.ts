/** The kernel half of the address space. Documentation/arch/x86/x86_64/mm.rst gives Linux's places. */

/** Kernel text, as Linux without KASLR. */
export const KERNEL_TEXT = 0xffff_ffff_8100_0000n;
/** All of physical memory, 1:1 (page_offset_base without KASLR). */
export const DIRECT_MAP = 0xffff_8880_0000_0000n;

/** Selectors. arch/x86/include/asm/segment.h. */
export const SELECTOR = { KERNEL_CS: 0x10, KERNEL_DS: 0x18, USER32_CS: 0x23, USER_DS: 0x2b, USER_CS: 0x33 } as const;

/** Byte offsets in the per-CPU page, which GS points to in the kernel. */
export const PERCPU = {
  /** User RSP between SYSCALL and its place in pt_regs. */
  SCRATCH: 0,
  /** Top of the current task's kernel stack. */
  STACK_TOP: 8,
  /** Non-zero: exit_to_user_mode_loop must run before user mode. 32 bits. */
  WORK: 16,
  CPU_NUMBER: 24,
} as const;

/** Kernel stacks and IST stacks: one page each; nothing in the text nests deeper than some 600 bytes. */
export const KERNEL_STACK_SIZE = 4096;

/** TSS fields. SDM Vol. 3A §8.7 figure 8-11. */
export const TSS = { RSP0: 4, IST1: 36, IST2: 44, IST3: 52, SIZE: 104 } as const;
export const IST = { NMI: 1, DOUBLE_FAULT: 2, DEBUG: 3 } as const;
