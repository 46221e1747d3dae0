/** Gate numbers of the kernel text. Below 0x1000: the system call of that number. */
export const GATE = {
  /** sys_ni_syscall: a number without a row. */
  NI_SYSCALL: 0x1000,
  /** exit_to_user_mode_loop: signals, rescheduling. */
  EXIT_WORK: 0x1001,
  /** Behind RDMSR or WRMSR. */
  MSR_DONE: 0x1002,
  /** The idle loop asks for work. */
  IDLE: 0x1003,
  NMI: 0x1004,
  TIMER: 0x1005,
  /** A vector that nothing is set up for. */
  SPURIOUS: 0x1006,
  /** A new task's first instructions. */
  FORK_RETURN: 0x1007,
  /** In __schedule, where Linux switches stacks. */
  SWITCH: 0x1008,
  /** The end of a nested call of kernel text. */
  STUB_DONE: 0x1009,
  /** sysvec_irq_work: what an NMI could not do itself. */
  IRQ_WORK: 0x100a,
  /** perf's clocks sample. */
  PERF_TIMER: 0x100b,
  /** + vector, 0-31. */
  EXCEPTION: 0x1100,
} as const;

/** Local APIC timer vector. arch/x86/include/asm/irq_vectors.h LOCAL_TIMER_VECTOR. */
export const TIMER_VECTOR = 0xec;
/** What an NMI sends its own CPU. IRQ_WORK_VECTOR there. */
export const IRQ_WORK_VECTOR = 0xf6;
/** perf's own timer; Linux's hrtimers share LOCAL_TIMER_VECTOR. */
export const PERF_TIMER_VECTOR = 0xf3;
export const SPURIOUS_VECTOR = 0xff;
