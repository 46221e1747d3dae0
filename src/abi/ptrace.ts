/** ptrace(2). include/uapi/linux/ptrace.h, arch/x86/include/uapi/asm/ptrace-abi.h, include/uapi/linux/elf.h. */
export const PTRACE = {
  TRACEME: 0,
  PEEKTEXT: 1,
  PEEKDATA: 2,
  PEEKUSER: 3,
  POKETEXT: 4,
  POKEDATA: 5,
  POKEUSER: 6,
  CONT: 7,
  KILL: 8,
  SINGLESTEP: 9,
  GETREGS: 12,
  SETREGS: 13,
  GETFPREGS: 14,
  SETFPREGS: 15,
  ATTACH: 16,
  DETACH: 17,
  OLDSETOPTIONS: 21,
  SYSCALL: 24,
  GET_THREAD_AREA: 25,
  SET_THREAD_AREA: 26,
  ARCH_PRCTL: 30,
  SYSEMU: 31,
  SYSEMU_SINGLESTEP: 32,
  SINGLEBLOCK: 33,
  SETOPTIONS: 0x4200,
  GETEVENTMSG: 0x4201,
  GETSIGINFO: 0x4202,
  SETSIGINFO: 0x4203,
  GETREGSET: 0x4204,
  SETREGSET: 0x4205,
  SEIZE: 0x4206,
  INTERRUPT: 0x4207,
  LISTEN: 0x4208,
  PEEKSIGINFO: 0x4209,
  GETSIGMASK: 0x420a,
  SETSIGMASK: 0x420b,
  SECCOMP_GET_FILTER: 0x420c,
  SECCOMP_GET_METADATA: 0x420d,
  GET_SYSCALL_INFO: 0x420e,
  GET_RSEQ_CONFIGURATION: 0x420f,
  SET_SYSCALL_USER_DISPATCH_CONFIG: 0x4210,
  GET_SYSCALL_USER_DISPATCH_CONFIG: 0x4211,
} as const;

/** What an event stop is about: bits 8 and up of the status beside SIGTRAP; an option's bit is 1 << event. */
export const PTRACE_EVENT = { FORK: 1, VFORK: 2, CLONE: 3, EXEC: 4, VFORK_DONE: 5, EXIT: 6, SECCOMP: 7, STOP: 128 } as const;
export type PtraceEvent = Exclude<keyof typeof PTRACE_EVENT, 'STOP'>;

export const PTRACE_O = { TRACESYSGOOD: 1, EXITKILL: 1 << 20, SUSPEND_SECCOMP: 1 << 21, MASK: 0xff | (1 << 20) | (1 << 21) } as const;

/** GETEVENTMSG at the stops of a system call; the `op` of PTRACE_GET_SYSCALL_INFO. */
export const PTRACE_SYSCALL_INFO = { NONE: 0, ENTRY: 1, EXIT: 2 } as const;
/** PTRACE_PEEKSIGINFO_SHARED. */
export const PEEKSIGINFO_SHARED = 1;
export const AUDIT_ARCH_X86_64 = 0xc000_003e;

/** Register sets of PTRACE_GETREGSET. */
export const NT = { PRSTATUS: 1, PRFPREG: 2, X86_XSTATE: 0x202 } as const;

/** wait4's flags that only clone(2)'s and ptrace's children need. */
export const WAIT_CLONE = { NOTHREAD: 0x2000_0000, WALL: 0x4000_0000, WCLONE: 0x8000_0000 } as const;
