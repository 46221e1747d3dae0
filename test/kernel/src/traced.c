/* ptrace: stops of signals, system calls, steps and breakpoints; what a tracer reads and changes. */
#include "ptrace.h"
static volatile int taken;
static void count(int sig) { taken = taken * 100 + sig; }
static volatile u64 datum = 0x1122334455667788;
static const volatile u64 constant = 0x5151515151515151;
__attribute__((noinline)) static int answer(void) { int v; __asm__ volatile("mov $42,%0" : "=r"(v)); return v; }
/* A child that asked to be traced and stopped. */
static i64 traced_child(void) {
  i64 pid = fork();
  if (pid == 0) { say("TRACEME", pt(TRACEME, 0, 0, 0)); say("twice", pt(TRACEME, 0, 0, 0)); stop_self(); return 0; }
  stop_of("first stop", pid);
  siginfo_of(pid);
  return pid;
}
static void signals(void) {
  put("-- signals\n");
  i64 pid = traced_child();
  if (pid == 0) {
    action(USR1, count, SA_RESTART, 0); action(USR2, count, 0, 0); action(HUP, (void *)1, 0, 0);
    kill_self(USR1); say("USR1 taken away", taken);
    kill_self(USR1); say("USR1 passed", taken);
    kill_self(USR1); say("another instead", taken);
    kill_self(HUP); say("ignored", taken);
    kill_self(17); say("ignored by default", taken);
    mask_to(bit_of(USR2)); kill_self(USR1); say("the blocked one waits", taken); mask_to(0); say("now", taken);
    leave(7);
  }
  pt(CONT_, pid, 0, 0); stop_of("USR1", pid); siginfo_of(pid);
  struct siginfo info; pt(GETSIGINFO, pid, 0, (i64)&info); say("from itself", info.u.p.pid == pid);
  pt(CONT_, pid, 0, 0); stop_of("USR1", pid); pt(CONT_, pid, 0, USR1);
  stop_of("USR1", pid); pt(CONT_, pid, 0, USR2);
  stop_of("HUP", pid); say("bad signal", pt(CONT_, pid, 0, 65)); pt(CONT_, pid, 0, HUP);
  stop_of("CHLD", pid); pt(CONT_, pid, 0, CHLD);
  stop_of("USR1", pid); pt(CONT_, pid, 0, USR2);
  stop_of("USR2", pid); siginfo_of(pid); pt(CONT_, pid, 0, USR2);
  stop_of("exit", pid); say("gone", pt(CONT_, pid, 0, 0)); say("none to wait for", wait_for(pid, &seen_status));
  pid = traced_child();
  if (pid == 0) { kill_self(TERM); leave(1); }
  pt(CONT_, pid, 0, 0); stop_of("TERM", pid); pt(CONT_, pid, 0, TERM); stop_of("killed", pid);
  pid = traced_child();
  if (pid == 0) { kill_self(USR1); leave(1); }
  pt(CONT_, pid, 0, 0); stop_of("USR1", pid);
  info.signo = USR1; pt(GETSIGINFO, pid, 0, (i64)&info); info.code = -77; say("SETSIGINFO", pt(SETSIGINFO, pid, 0, (i64)&info)); siginfo_of(pid);
  say("KILL", pt(KILL_, pid, 0, 0)); stop_of("killed", pid);
}
static void calls(void) {
  put("-- system calls\n");
  i64 pid = traced_child();
  if (pid == 0) {
    say("umask", sys3(95, 0123, 0, 0));
    say("no call", sys3(5000, 1, 2, 3));
    say("skipped", sys3(SYS_getpid, 0, 0, 0));
    say("replaced", sys3(SYS_getpid, 0, 0, 0));
    say("other result", sys3(95, 022, 0, 0));
    leave(3);
  }
  say("options", pt(SETOPTIONS, pid, 0, SYSGOOD)); say("bad options", pt(SETOPTIONS, pid, 0, 1 << 22));
  struct { u8 op; u8 pad[3]; u32 arch; u64 ip, sp; u64 nr, args[6]; u64 more; } info;
  say("size of none", pt(SYSCALL_INFO, pid, sizeof info, (i64)&info)); say("op", info.op);
  for (int n = 0;; n++) {
    pt(SYSCALL, pid, 0, 0);
    int status = 0; wait_for(pid, &status);
    if ((status & 0x7f) != 0x7f) { show("end", (u64)status); break; }
    struct regs r = regs_of(pid);
    show("stop", (u64)status); say("  number", (i64)r.orig_ax); say("  ax", (i64)r.ax); say("  di", r.di < 1u << 20 ? (i64)r.di : -1);
    say("  size", pt(SYSCALL_INFO, pid, sizeof info, (i64)&info)); say("  op", info.op); show("  arch", info.arch); say("  same ip", info.ip == r.ip);
    say("  message", message_of(pid)); if (n < 2) siginfo_of(pid);
    if (info.op == 1) { say("  nr", (i64)info.nr); show("  arg2", info.args[1] < 1u << 20 ? info.args[1] : 1); } else { say("  rval", (i64)info.nr); say("  error", (u8)info.args[0]); }
    if (r.orig_ax == SYS_getpid && info.op == 1 && n < 16) { static int which; r.orig_ax = which++ == 0 ? (u64)-1 : 95; r.di = 0456; if (which == 1) r.ax = 99; say("  SETREGS", pt(SETREGS, pid, 0, (i64)&r)); }
    if (r.orig_ax == 95 && info.op == 2 && r.di == 022) pt(POKEUSER, pid, 10 * 8, 1234);
  }
  put("-- emulated\n");
  pid = traced_child();
  if (pid == 0) { say("emulated", sys3(SYS_getpid, 0, 0, 0)); leave(3); }
  for (int n = 0; n < 2; n++) {
    pt(SYSEMU, pid, 0, 0); stop_of("SYSEMU", pid);
    struct regs r = regs_of(pid); say("  number", (i64)r.orig_ax); say("  ax", (i64)r.ax);
    r.ax = 55 + (u64)n; pt(SETREGS, pid, 0, (i64)&r);
  }
  finish(pid);
  put("-- restarts\n");
  int fds[2]; sys3(22, (i64)fds, 0, 0);
  pid = traced_child();
  if (pid == 0) { char c; action(USR1, count, SA_RESTART, 0); action(USR2, count, 0, 0); say("read", sys3(SYS_read, fds[0], (i64)&c, 1)); say("read", sys3(SYS_read, fds[0], (i64)&c, 1)); say("taken", taken); leave(0); }
  pt(SETOPTIONS, pid, 0, SYSGOOD);
  int sent = 0, again = 0, got = 0;
  for (int n = 0; n < 100; n++) {
    struct regs r = regs_of(pid);
    pt(SYSCALL, pid, 0, again); again = 0;
    int status = 0;
    if (sent <= got && r.orig_ax == SYS_read && (i64)r.ax == -38) { struct timespec t = { 0, 30000000 }; sys3(SYS_nanosleep, (i64)&t, 0, 0); sys3(SYS_kill, pid, sent++ == 0 ? USR1 : USR2, 0); }
    wait_for(pid, &status);
    if ((status & 0x7f) != 0x7f) { show("end", (u64)status); break; }
    r = regs_of(pid);
    if (r.orig_ax == SYS_read && r.ax == 1) got = 1;
    if (r.orig_ax == SYS_read || (status >> 8) == USR1 || (status >> 8) == USR2) { show("stop", (u64)status); say("  number", (i64)r.orig_ax); say("  ax", (i64)r.ax); }
    if ((status >> 8) == USR1 || (status >> 8) == USR2) { again = status >> 8; if (again == USR1) sys3(SYS_write, fds[1], (i64) "x", 1); }
  }
}
__attribute__((noinline)) static void stepped(void) {
  static char from[8] = "abcdefg", to[8];
  u64 n = 5, f;
  char *d = to; const char *s = from;
  __asm__ volatile(".globl step_begin\nstep_begin: nop\n xor %%eax,%%eax\n rep movsb\n mov $39,%%eax\n syscall\n pushfq\n pop %%rax\n pushfq\n popfq\n cld\n nop\n int3\n.globl step_end\nstep_end: nop\n"
                   : "+c"(n), "+S"(s), "+D"(d), "=a"(f) : : "r11", "memory");
  show("flags that it saw", f & 0x100); say("moved", to[4]);
}
extern char step_begin[], step_end[];
static void steps(void) {
  put("-- steps\n");
  i64 pid = traced_child();
  if (pid == 0) { action(USR1, count, 0, 0); action(TRAP, count, 0, 0); stepped(); kill_self(USR1); __asm__ volatile("nop"); say("taken", taken); leave(0); }
  int on = 0, n = 0;
  for (int i = 0; i < 2000; i++) {
    pt(STEP, pid, 0, 0);
    int status = 0; wait_for(pid, &status);
    struct regs r = regs_of(pid);
    if (r.ip == (u64)step_begin) on = 1;
    if (!on) continue;
    n++;
    say("step at", (i64)(r.ip - (u64)step_begin)); if (status != 0x57f) show("  status", (u64)status); if (r.orig_ax != (u64)-1) say("  orig", (i64)r.orig_ax);
    show("  flags", r.flags & 0x100); siginfo_of(pid);
    u64 dr6 = 0; pt(PEEKUSER, pid, 848 + 48, (i64)&dr6);
    if (r.ip == (u64)step_end) break;
  }
  say("steps", n);
  int status = 0;
  pt(CONT_, pid, 0, TRAP);
  stop_of("USR1", pid);
  pt(STEP, pid, 0, USR1); stop_of("into the handler", pid); siginfo_of(pid); struct regs r = regs_of(pid); say("  at its start", r.ip == (u64)count); say("  di", (i64)r.di);
  pt(STEP, pid, 0, 0); wait_for(pid, &status); r = regs_of(pid); say("  further", r.ip != (u64)count && r.ip - (u64)count < 16);
  pt(CONT_, pid, 0, 0); stop_of("end", pid);
}
static void memory(void) {
  put("-- memory and registers\n");
  i64 pid = traced_child();
  if (pid == 0) {
    say("answer", answer()); show("datum", datum); show("constant", constant); kill_self(USR1); say("answer", answer()); kill_self(USR2);
    u64 x[2]; __asm__ volatile("movups %%xmm3,%0" : "=m"(x)); leave((int)x[0]);
  }
  show("datum", (u64)word_at(pid, &datum)); say("nothing there", word_at(pid, (void *)8));
  say("POKE", pt(POKEDATA, pid, (i64)&datum, 77)); say("POKE constant", pt(POKETEXT, pid, (i64)&constant, 78)); say("POKE nothing", pt(POKEDATA, pid, 8, 1));
  pt(CONT_, pid, 0, 0); stop_of("USR1", pid);
  u8 *code = (u8 *)answer; int at = 0; while (code[at] != 42) at++;
  i64 old = word_at(pid, code + at); pt(POKETEXT, pid, (i64)(code + at), (old & ~0xffl) | 43);
  say("here still", answer()); show("constant here", constant);
  pt(CONT_, pid, 0, 0); stop_of("USR2", pid);
  struct regs r = regs_of(pid);
  show("cs", r.cs); show("ss", r.ss); show("ds", r.ds); show("fs", r.fs); show("flags", r.flags & ~0xc5ul); say("orig", (i64)r.orig_ax);
  u64 v = 0; say("PEEKUSER", pt(PEEKUSER, pid, 16 * 8, (i64)&v)); say("is ip", v == r.ip);
  say("odd", pt(PEEKUSER, pid, 3, (i64)&v)); say("beyond", pt(PEEKUSER, pid, 912, (i64)&v)); say("between", pt(PEEKUSER, pid, 400, (i64)&v)); show("", v); say("POKE between", pt(POKEUSER, pid, 400, 0));
  say("cs 0", pt(POKEUSER, pid, 17 * 8, 0)); say("cs 3", pt(POKEUSER, pid, 17 * 8, 0x33)); say("fs_base high", pt(POKEUSER, pid, 21 * 8, (i64)1 << 62)); say("fs_base", pt(POKEUSER, pid, 21 * 8, 4096));
  r = regs_of(pid); show("fs_base", r.fs_base); v = 0; say("ARCH_PRCTL", pt(ARCH_PRCTL, pid, (i64)&v, 0x1003)); show("", v);
  pt(POKEUSER, pid, 18 * 8, (i64)(r.flags | 0x200000 | 0x400)); r = regs_of(pid); show("flags", r.flags & ~0xc5ul); pt(POKEUSER, pid, 18 * 8, (i64)(r.flags & ~0x400ul));
  static u8 fp[512]; say("GETFPREGS", pt(GETFPREGS, pid, 0, (i64)fp)); show("mxcsr", *(u32 *)(fp + 24)); *(u64 *)(fp + 160 + 48) = 0xabcd5f; say("SETFPREGS", pt(SETFPREGS, pid, 0, (i64)fp));
  *(u32 *)(fp + 24) = 0xffffffff; say("bad mxcsr", pt(SETFPREGS, pid, 0, (i64)fp));
  struct { void *at; u64 n; } iov = { fp, 512 }; say("PRFPREG", pt(GETREGSET, pid, 2, (i64)&iov)); say("", (i64)iov.n); show("xmm3", *(u64 *)(fp + 208));
  static u8 big[4096]; iov.at = big; iov.n = 4096; say("PRSTATUS", pt(GETREGSET, pid, 1, (i64)&iov)); say("", (i64)iov.n); iov.n = 24; say("PRSTATUS", pt(GETREGSET, pid, 1, (i64)&iov)); say("", (i64)iov.n); iov.n = 13; say("odd", pt(GETREGSET, pid, 1, (i64)&iov));
  iov.n = 4096; say("XSTATE", pt(GETREGSET, pid, 0x202, (i64)&iov)); say("at least", iov.n >= 576); say("x87 and SSE", big[464] & 3); say("SETREGSET", pt(SETREGSET, pid, 0x202, (i64)&iov)); iov.n = 64; say("too little", pt(SETREGSET, pid, 0x202, (i64)&iov));
  say("no such set", pt(GETREGSET, pid, 0x7777, (i64)&iov)); say("no such request", pt(0x5555, pid, 0, 0)); say("bad pointer", pt(GETREGS, pid, 0, 8));
  u64 mask = 0; say("GETSIGMASK", pt(GETSIGMASK, pid, 8, (i64)&mask)); show("", mask); mask = bit_of(USR1) | bit_of(KILL); say("SETSIGMASK", pt(SETSIGMASK, pid, 8, (i64)&mask)); pt(GETSIGMASK, pid, 8, (i64)&mask); show("", mask); say("bad size", pt(GETSIGMASK, pid, 4, (i64)&mask));
  sys3(SYS_kill, pid, USR1, 0); sys3(SYS_tkill, pid, USR1, 0); sys3(SYS_tkill, pid, 34, 0); sys3(SYS_tkill, pid, 34, 0);
  struct { u64 off; u32 flags; int nr; } ask = { 0, 0, 4 }; static struct siginfo infos[4];
  mask = ~0ul; pt(SETSIGMASK, pid, 8, (i64)&mask);
  say("PEEKSIGINFO", pt(PEEKSIGINFO, pid, (i64)&ask, (i64)infos)); say("", infos[0].signo); ask.flags = 1; say("shared", pt(PEEKSIGINFO, pid, (i64)&ask, (i64)infos)); ask.off = 9; say("behind", pt(PEEKSIGINFO, pid, (i64)&ask, (i64)infos)); ask.flags = 2; say("bad", pt(PEEKSIGINFO, pid, (i64)&ask, (i64)infos));
  struct { void *at; u64 n; } here = { big, 16 }, there = { (void *)&datum, 16 };
  say("readv", sys6(SYS_process_vm_readv, pid, (i64)&here, 1, (i64)&there, 1, 0)); show("", *(u64 *)big); *(u64 *)big = 5; here.n = 8; say("writev", sys6(SYS_process_vm_writev, pid, (i64)&here, 1, (i64)&there, 1, 0)); show("datum", (u64)word_at(pid, &datum));
  there.at = (void *)&constant; say("not to a constant", sys6(SYS_process_vm_writev, pid, (i64)&here, 1, (i64)&there, 1, 0)); there.at = (void *)8; say("nothing", sys6(SYS_process_vm_readv, pid, (i64)&here, 1, (i64)&there, 1, 0)); say("flags", sys6(SYS_process_vm_readv, pid, (i64)&here, 1, (i64)&there, 1, 1));
  say("DETACH", pt(DETACH, pid, 0, 0)); say("no more", pt(CONT_, pid, 0, 0)); stop_of("end", pid);
}
int main(int argc, char **argv) { (void)argc; (void)argv; signals(); calls(); steps(); memory(); return 0; }
