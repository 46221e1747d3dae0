/* The vsyscall page: its three entries, and what is no entry. Only relations are printed. */
#include "lib.h"
enum { SYS_getcpu = 309 };
#define PAGE 0xffffffffff600000ul
static i64 enter(u64 at, i64 a, i64 b) {
  i64 r;
  __asm__ volatile("call *%1" : "=a"(r) : "r"(at), "D"(a), "S"(b), "a"(77l) : "rcx", "r11", "memory");
  return r;
}
static u64 jump[8];
/* Where a signal came from, then back to `again`. */
static struct { int signo, code; u64 addr, trapno, err; } seen;
static void on_fault(int s, struct siginfo *i, struct ucontext *u) {
  seen.signo = s; seen.code = i->code; seen.addr = i->u.addr; seen.trapno = u->mc.trapno; seen.err = u->mc.err;
  u->mc.ip = jump[0]; u->mc.sp = jump[1];
}
static void fault(const char *name, u64 at, i64 a, i64 b, int read) {
  seen.signo = 0; seen.addr = 1;
  __asm__ volatile(
    "lea 3f(%%rip),%%rax\n mov %%rax,%0\n mov %%rsp,%1\n"
    "test %5,%5\n jne 1f\n call *%2\n jmp 3f\n"
    "1: mov (%2),%%al\n"
    "3:\n"
    : "=m"(jump[0]), "=m"(jump[1]) : "r"(at), "D"(a), "S"(b), "r"(read) : "rax", "rcx", "rdx", "r11", "memory");
  say(name, seen.signo); say(" code", seen.code); say(" address", seen.signo == 0 ? 0 : (i64)seen.addr); say(" trap", (i64)seen.trapno);
}
int main(int argc, char **argv) {
  (void)argc; (void)argv;
  i64 tv[2] = { 0, -1 }; int zone[2] = { 7, 7 };
  i64 a = sys3(SYS_time, 0, 0, 0);
  say("gettimeofday", enter(PAGE, (i64)tv, (i64)zone)); say("seconds", tv[0] - a >= 0 && tv[0] - a < 3); say("microseconds", tv[1] >= 0 && tv[1] < 1000000); say("zone", zone[0] | zone[1]);
  say("gettimeofday of nothing", enter(PAGE, 0, 0));
  i64 t = 0, r = enter(PAGE + 0x400, (i64)&t, 0);
  say("time", r == t && r - a >= 0 && r - a < 3);
  u32 cpu = 99999, node = 99999;
  say("getcpu", enter(PAGE + 0x800, (i64)&cpu, (i64)&node)); say("a processor", cpu < 4096); say("a node", node < 64);
  action(SEGV, on_fault, SA_SIGINFO | SA_NODEFER, 0);
  fault("read", PAGE, 0, 0, 1);
  fault("no entry", PAGE + 0xc00, 0, 0, 0);
  fault("inside an entry", PAGE + 1, 0, 0, 0);
  fault("behind the page", PAGE + 0x1000, 0, 0, 0);
  fault("time to an unmapped address", PAGE + 0x400, 8, 0, 0);
  return 0;
}
