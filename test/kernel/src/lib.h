/* On top of programs/src/rt.h: what the kernel conformance programs share. They print nothing that differs between two Linux systems
 * (no pids, addresses, times), so that the native run is the oracle, byte by byte. */
#include "../../../programs/src/rt.h"
enum { SYS_open = 2, SYS_rt_sigaction = 13, SYS_rt_sigprocmask = 14, SYS_rt_sigreturn = 15, SYS_pause = 34, SYS_nanosleep = 35, SYS_alarm = 37,
       SYS_setitimer = 38, SYS_clone = 56, SYS_vfork = 58, SYS_execve = 59, SYS_fcntl = 72, SYS_ftruncate = 77, SYS_unlink = 87, SYS_chmod = 90,
       SYS_gettimeofday = 96, SYS_times = 100, SYS_getuid = 102, SYS_setpgid = 109, SYS_getpgrp = 111, SYS_setsid = 112, SYS_getpgid = 121, SYS_getsid = 124, SYS_rt_sigpending = 127,
       SYS_rt_sigtimedwait = 128, SYS_rt_sigsuspend = 130, SYS_sigaltstack = 131, SYS_gettid = 186, SYS_tkill = 200, SYS_time = 201, SYS_futex = 202,
       SYS_clock_gettime = 228, SYS_clock_nanosleep = 230, SYS_tgkill = 234, SYS_waitid = 247, SYS_brk = 12, SYS_mremap = 25, SYS_msync = 26, SYS_madvise = 28, SYS_arch_prctl = 158,
       SYS_dup2 = 33, SYS_prctl = 157, SYS_getrandom = 318, SYS_prlimit64 = 302, SYS_sched_yield = 24, SYS_getrusage = 98 };
enum { HUP = 1, ILL = 4, TRAP = 5, BUS = 7, FPE = 8, KILL = 9, USR1 = 10, SEGV = 11, USR2 = 12, PIPE = 13, ALRM = 14, TERM = 15, CHLD = 17, CONT = 18, STOP = 19 };
enum { SA_SIGINFO = 4, SA_RESTORER = 0x4000000, SA_ONSTACK = 0x8000000, SA_RESTART = 0x10000000, SA_NODEFER = 0x40000000, SA_RESETHAND = (int)0x80000000 };

/* A line with a signed number. */
static void say(const char *name, i64 v) {
  char line[128];
  int n = 0;
  while (name[n] != 0 && n < 90) { line[n] = name[n]; n++; }
  line[n++] = ' ';
  char digits[24];
  int d = 0;
  u64 a = v < 0 ? 0 - (u64)v : (u64)v;
  do { digits[d++] = (char)('0' + a % 10); a /= 10; } while (a != 0);
  if (v < 0) line[n++] = '-';
  while (d > 0) line[n++] = digits[--d];
  line[n++] = '\n';
  sys3(SYS_write, 1, (i64)line, n);
}
static i64 fork(void) { return sys3(SYS_fork, 0, 0, 0); }
__attribute__((noreturn)) static void leave(int code) { sys3(SYS_exit_group, code, 0, 0); __builtin_unreachable(); }
static i64 reap(i64 pid, int *status) { return sys6(SYS_wait4, pid, (i64)status, 0, 0, 0, 0); }
static i64 kill_self(int sig) { return sys3(SYS_kill, sys3(SYS_getpid, 0, 0, 0), sig, 0); }

struct sigaction { void *handler; u64 flags; void *restorer; u64 mask; };
struct siginfo { int signo, err, code, pad; union { struct { int pid; u32 uid; int status; } p; u64 addr; } u; u8 rest[96]; };
struct mcontext { u64 r8, r9, r10, r11, r12, r13, r14, r15, di, si, bp, bx, dx, ax, cx, sp, ip, flags; u16 cs, gs, fs, ss; u64 err, trapno, oldmask, cr2, fpstate, res[8]; };
struct ucontext { u64 flags; u64 link; u64 ss_sp; int ss_flags, pad; u64 ss_size; struct mcontext mc; u64 mask; };
__asm__("restorer:\n  mov $15,%eax\n  syscall\n");
extern char restorer[];
static i64 action(int sig, void *handler, u64 flags, u64 mask) {
  struct sigaction a = { handler, flags | SA_RESTORER, restorer, mask };
  return sys6(SYS_rt_sigaction, sig, (i64)&a, 0, 8, 0, 0);
}
static u64 bit_of(int sig) { return 1ul << (sig - 1); }
static i64 mask_to(u64 set) { return sys6(SYS_rt_sigprocmask, 2, (i64)&set, 0, 8, 0, 0); }
struct timespec { i64 s, ns; };
struct itimerval { i64 is, ius, s, us; };
static void timer_ms(i64 ms, i64 interval) {
  struct itimerval v = { 0, interval * 1000, 0, ms * 1000 };
  sys3(SYS_setitimer, 0, (i64)&v, 0);
}
static i64 open_file(const char *path, int flags, int mode) { return sys3(SYS_open, (i64)path, flags, mode); }
