/* Restartable sequences: registration, the numbers, aborts by signals and by switches of tasks. */
#include "lib.h"
enum { SYS_rseq = 334 };
struct rseq { u32 cpu_id_start, cpu_id; u64 cs; u32 flags, node_id, mm_cid, pad; };
static struct rseq area __attribute__((aligned(32))), other __attribute__((aligned(32)));
enum { SIG_WORD = 0x53053053 };
static i64 rseq(void *at, u64 length, int flags, u32 sig) { return sys6(SYS_rseq, (i64)at, (i64)length, flags, sig, 0, 0); }
static volatile int handled;
static volatile u64 ip_seen;
extern char cs_start[], cs_end[], cs_abort[];
static void handler(int sig, struct siginfo *info, struct ucontext *uc) { (void)info; handled = sig; ip_seen = uc->mc.ip; }
struct cs { u32 version, flags; u64 start, length, abort; } __attribute__((aligned(32)));
static struct cs section, wrong;
/* Runs inside the section until it is aborted; in it does what `how` says. Returns how often it went round, or -1 when it left at the end. */
__attribute__((noinline)) static i64 run(struct cs *cs, i64 rounds, int how) {
  i64 n = 0;
  i64 pid = sys3(SYS_getpid, 0, 0, 0);
  __asm__ volatile(
    "mov %[cs],%[area]\n.globl cs_start\ncs_start:\n cmp $1,%[how]\n jne 1f\n mov $62,%%eax\n mov %[pid],%%rdi\n mov $10,%%esi\n syscall\n"
    "1: inc %[n]\n cmp %[rounds],%[n]\n jb 1b\n.globl cs_end\ncs_end:\n mov $-1,%[n]\n jmp 2f\n .long 0x53053053\n.globl cs_abort\ncs_abort: nop\n2:\n"
    : [n] "+r"(n), [area] "=m"(area.cs) : [cs] "r"(cs), [rounds] "r"(rounds), [how] "r"(how), [pid] "r"(pid) : "rax", "rdi", "rsi", "rcx", "r11", "memory", "cc");
  return n;
}
int main(int argc, char **argv) {
  (void)argc; (void)argv;
  section = (struct cs){ 0, 0, (u64)cs_start, (u64)(cs_end - cs_start), (u64)cs_abort };
  say("unaligned", rseq((char *)&area + 8, 32, 0, SIG_WORD)); say("short", rseq(&area, 31, 0, SIG_WORD)); say("flags", rseq(&area, 32, 2, SIG_WORD)); say("not registered", rseq(&area, 32, 1, SIG_WORD));
  area.cpu_id = 77;
  say("register", rseq(&area, 32, 0, SIG_WORD)); say("cpu is told", area.cpu_id == area.cpu_id_start && area.cpu_id != 77); say("node", area.node_id);
  say("twice", rseq(&area, 32, 0, SIG_WORD)); say("other signature", rseq(&area, 32, 0, 1)); say("elsewhere", rseq(&other, 32, 0, SIG_WORD)); say("other length", rseq(&area, 64, 0, SIG_WORD));
  action(USR1, handler, SA_SIGINFO, 0);
  /* A switch of tasks may come in the middle: once more, then. */
  i64 r = 0; for (int i = 0; i < 100 && r != -1; i++) r = run(&section, 10, 0);
  say("to the end", r);
  for (int i = 0; i < 100 && !handled; i++) r = run(&section, 10, 1);
  say("a signal aborts", r); say("handled", handled); say("the frame is at the abort", ip_seen == (u64)cs_abort); say("and forgotten", area.cs == 0);
  /* Both on one CPU, so that they take turns. */
  u64 here = 1ul << area.cpu_id; sys3(203, 0, 8, (i64)&here);
  i64 busy = fork();
  if (busy == 0) for (;;) ;
  i64 n = run(&section, 1L << 40, 0); say("a switch aborts", n > 0 && n < 1L << 40);
  sys3(SYS_kill, busy, KILL, 0); reap(busy, 0);
  here = ~0ul; sys3(203, 0, 8, (i64)&here);
  handled = 0; area.cs = (u64)&section; kill_self(USR1); say("not inside", handled); say("forgotten", area.cs == 0);
  i64 pid = fork(); int status = 0;
  if (pid == 0) { say("a child keeps it", rseq(&area, 32, 0, SIG_WORD)); handled = 0; for (int i = 0; i < 100 && !handled; i++) r = run(&section, 10, 1); say("aborts in it", r); leave(0); }
  reap(pid, &status); show("child", (u64)status);
  for (int i = 0; i < 5; i++) {
    wrong = section;
    if (i == 0) wrong.version = 1;
    if (i == 1) wrong.flags = 1;
    if (i == 2) wrong.abort = wrong.start + 1;
    if (i == 3) wrong.abort += 1;
    if (i == 4) wrong.start = 1ul << 62;
    pid = fork(); if (pid == 0) { run(&wrong, 10, 1); leave(0); }
    reap(pid, &status); show("wrong", (u64)status & 0x7f);
  }
  say("unregister elsewhere", rseq(&other, 32, 1, SIG_WORD)); say("unregister with another", rseq(&area, 32, 1, 2)); say("unregister", rseq(&area, 32, 1, SIG_WORD)); show("cpu", area.cpu_id); say("cpu start", area.cpu_id_start);
  say("longer", rseq(&other, 64, 0, SIG_WORD)); say("told", other.cpu_id == other.cpu_id_start);
  return 0;
}
