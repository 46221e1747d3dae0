/* What the programs about ptrace share. */
#include "lib.h"
enum { SYS_ptrace = 101, SYS_process_vm_readv = 310, SYS_process_vm_writev = 311 };
enum { TRACEME, PEEKTEXT, PEEKDATA, PEEKUSER, POKETEXT, POKEDATA, POKEUSER, CONT_, KILL_, STEP, GETREGS = 12, SETREGS, GETFPREGS, SETFPREGS, ATTACH, DETACH,
       SYSCALL = 24, ARCH_PRCTL = 30, SYSEMU, SYSEMU_STEP, SETOPTIONS = 0x4200, GETEVENTMSG, GETSIGINFO, SETSIGINFO, GETREGSET, SETREGSET, SEIZE, INTERRUPT, LISTEN,
       PEEKSIGINFO, GETSIGMASK, SETSIGMASK, SYSCALL_INFO = 0x420e };
enum { SYSGOOD = 1, T_FORK = 2, T_VFORK = 4, T_CLONE = 8, T_EXEC = 16, T_VFORKDONE = 32, T_EXIT = 64, EXITKILL = 1 << 20 };
enum { WALL = 0x40000000 };
struct regs { u64 r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di, orig_ax, ip, cs, flags, sp, ss, fs_base, gs_base, ds, es, fs, gs; };
static i64 pt(i64 request, i64 pid, i64 addr, i64 data) { return sys6(SYS_ptrace, request, pid, addr, data, 0, 0); }
static i64 wait_for(i64 pid, int *status) { return sys6(SYS_wait4, pid, (i64)status, WALL, 0, 0, 0); }
static int seen_status;
/* Waits and tells: the status, but not who. */
static int stop_of(const char *what, i64 pid) {
  int status = 0;
  i64 got = wait_for(pid, &status);
  put(what); if (got != pid) say(": wait4", got);
  show(":", (u64)(u32)status);
  seen_status = status;
  return status;
}
static struct regs regs_of(i64 pid) { struct regs r; for (u64 i = 0; i < sizeof r; i++) ((volatile u8 *)&r)[i] = 0; pt(GETREGS, pid, 0, (i64)&r); return r; }
static void siginfo_of(i64 pid) {
  struct siginfo info;
  i64 e = pt(GETSIGINFO, pid, 0, (i64)&info);
  if (e != 0) { say("  siginfo", e); return; }
  say("  signo", info.signo); say("  code", info.code);
}
static i64 message_of(i64 pid) { u64 m = 0; pt(GETEVENTMSG, pid, 0, (i64)&m); return (i64)m; }
static i64 word_at(i64 pid, const volatile void *at) { i64 w = 0; i64 e = pt(PEEKDATA, pid, (i64)at, (i64)&w); return e != 0 ? e : w; }
static i64 me(void) { return sys3(SYS_getpid, 0, 0, 0); }
static void stop_self(void) { sys3(SYS_kill, me(), STOP, 0); }
/* The end of a traced task, whatever it is in. */
static void finish(i64 pid) { int status; sys3(SYS_kill, pid, KILL, 0); while (wait_for(pid, &status) == pid && (status & 0x7f) == 0x7f) pt(CONT_, pid, 0, 0); show("ended", (u64)status); }
