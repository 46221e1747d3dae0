/* Signals: handlers, masks, faults, alternate stack, restarts, defaults, stop and continue. */
#include "lib.h"
static volatile int count, last_code, last_signo, same_pid, depth, max_depth;
static volatile u64 last_addr, last_err, last_trap, last_cr2, skip;

static void on_plain(int sig) { count++; say("handler", sig); }
static void on_info(int sig, struct siginfo *info, struct ucontext *uc) {
  count++;
  last_code = info->code;
  last_signo = info->signo == sig;
  same_pid = info->u.p.pid == sys3(SYS_getpid, 0, 0, 0);
  last_addr = info->u.addr;
  last_err = uc->mc.err;
  last_trap = uc->mc.trapno;
  last_cr2 = uc->mc.cr2;
  uc->mc.ip += skip;
}
static void on_nested(int sig) {
  depth++;
  if (depth > max_depth) max_depth = depth;
  if (count++ < 3) kill_self(sig);
  depth--;
}
static volatile u64 bad_ip;
static void on_bad_return(int sig, struct siginfo *info, struct ucontext *uc) { (void)sig; (void)info; uc->mc.ip = bad_ip; uc->mc.r12 = 0x1234; }
static void on_segv(int sig, struct siginfo *info, struct ucontext *uc) {
  say("caught", sig); say("code", info->code); show("addr", info->u.addr); show("ip", uc->mc.ip); show("r12", uc->mc.r12); say("trapno", (i64)uc->mc.trapno); leave(3);
}
static char alternate[16384] __attribute__((aligned(16)));
static void on_alternate(int sig, struct siginfo *info, struct ucontext *uc) {
  char here;
  (void)info;
  say("on the alternate stack", &here >= alternate && &here < alternate + sizeof alternate);
  say("ss_flags", uc->ss_flags);
  say("ss_size", (i64)uc->ss_size);
  u64 ss[3];
  sys3(SYS_sigaltstack, 0, (i64)ss, 0);
  say("sigaltstack says", (i64)(int)ss[1]);
  say("change while on it", sys3(SYS_sigaltstack, (i64)ss, 0, 0));
  say("signal", sig);
}
static int pipe_fds[2];
static void on_alarm_write(int sig) { (void)sig; count++; sys3(SYS_write, pipe_fds[1], (i64) "x", 1); }
static void on_alarm(int sig) { (void)sig; count++; }

static void faults(void) {
  put("-- faults\n");
  for (int s = ILL; s <= SEGV; s++) action(s, on_info, SA_SIGINFO, 0);
  volatile u64 *bad = (u64 *)0x1230;
  skip = 3; /* mov (%rax),%rax */
  __asm__ volatile(".byte 0x48,0x8b,0x00" : "+a"(bad));
  say("read unmapped", count); say("code", last_code); say("addr", (i64)last_addr); say("err", (i64)last_err); say("trapno", (i64)last_trap); say("cr2", (i64)last_cr2);
  u8 *page = (u8 *)sys6(SYS_mmap, 0, 4096, 1, 0x22, -1, 0);
  __asm__ volatile("movb $1,(%0)\n" : : "a"(page) : "memory");
  say("write to read-only", count); say("code", last_code); say("addr fits", last_addr == (u64)page); say("err", (i64)last_err);
  volatile u64 far = 0x8000000000000000ul;
  __asm__ volatile(".byte 0x48,0x8b,0x00" : "+a"(far));
  say("non-canonical", count); say("code", last_code); say("addr", (i64)last_addr); say("trapno", (i64)last_trap);
  skip = 2;
  __asm__ volatile("xor %%ecx,%%ecx\n mov $1,%%eax\n cltd\n div %%ecx" : : : "rax", "rcx", "rdx");
  say("division", count); say("signo", last_signo); say("code", last_code); say("trapno", (i64)last_trap);
  __asm__ volatile("ud2");
  say("ud2", count); say("code", last_code); say("trapno", (i64)last_trap);
  skip = 0;
  __asm__ volatile("int3");
  say("int3", count); say("code", last_code); say("trapno", (i64)last_trap);
  skip = 1;
  __asm__ volatile("hlt");
  say("hlt", count); say("code", last_code); say("trapno", (i64)last_trap);
  __asm__ volatile("cli");
  say("cli", count);
  skip = 2;
  __asm__ volatile("rdmsr" : : "c"(0x10) : "rax", "rdx");
  say("rdmsr", count); say("err", (i64)last_err);
  skip = 0;
  __asm__ volatile("int $4");
  say("int 4", count); say("code", last_code); say("trapno", (i64)last_trap);
  skip = 0; count = 0;
  __asm__ volatile("sub $128,%%rsp\n pushfq\n orq $0x100,(%%rsp)\n popfq\n nop\n mov $39,%%eax\n syscall\n nop\n pushfq\n andq $~0x100,(%%rsp)\n popfq\n add $128,%%rsp" : : : "rax", "rcx", "r11", "memory", "cc");
  say("single steps", count); say("code", last_code); say("trapno", (i64)last_trap);
  skip = 2;
  __asm__ volatile("int $0x81");
  say("int 0x81", count); say("code", last_code); say("err", (i64)last_err);
  skip = 0;
}

static void jump_to_data(void) {
  put("-- no execute\n");
  int status = 0;
  if (fork() == 0) {
    action(SEGV, 0, 0, 0);
    u8 *page = (u8 *)sys6(SYS_mmap, 0, 4096, 3, 0x22, -1, 0);
    page[0] = 0xc3;
    ((void (*)(void))page)();
    leave(0);
  }
  reap(-1, &status);
  say("status", status);
}

static void flags_and_registers(void) {
  put("-- registers\n");
  action(USR1, on_plain, 0, 0);
  i64 pid = sys3(SYS_getpid, 0, 0, 0);
  u64 r12 = 0, r15 = 0, flags = 0;
  i64 ret = 0;
  register i64 rsi __asm__("rsi") = USR1;
  register i64 rdi __asm__("rdi") = pid;
  __asm__ volatile("mov $0x1122334455667788,%%r12\n mov $0x99aabbccddeeff00,%%r15\n mov $62,%%eax\n std\n stc\n syscall\n pushfq\n cld\n pop %2\n mov %%r12,%0\n mov %%r15,%1\n mov %%rax,%3"
                   : "=&r"(r12), "=&r"(r15), "=&r"(flags), "=&r"(ret), "+r"(rsi), "+r"(rdi) : : "rax", "rcx", "r11", "r12", "r15", "memory", "cc");
  show("r12", r12); show("r15", r15); say("direction", (flags >> 10) & 1); say("carry", flags & 1); say("result", ret);
}

int main(int argc, char **argv) {
  (void)argc; (void)argv;
  int status = 0;
  put("-- kill\n");
  action(USR1, on_info, SA_SIGINFO, 0);
  say("kill", kill_self(USR1)); say("count", count); say("code", last_code); say("pid", same_pid);
  say("tgkill", sys3(SYS_tgkill, sys3(SYS_getpid, 0, 0, 0), sys3(SYS_gettid, 0, 0, 0), USR1)); say("code", last_code);
  say("kill nobody", sys3(SYS_kill, 0x3ffffff, USR1, 0)); say("bad signal", kill_self(65)); say("signal 0", kill_self(0));
  say("SIGKILL handler", action(KILL, on_plain, 0, 0));

  put("-- bad returns\n");
  static const u64 nowhere[] = { 0x800000000000ul, 0xffffffff81000000ul, 0xfffffffffffffffful, 8 };
  for (int i = 0; i < 4; i++) {
    if (fork() == 0) { bad_ip = nowhere[i]; action(USR2, on_bad_return, SA_SIGINFO, 0); kill_self(USR2); leave(0); }
    reap(-1, &status); say("status", status);
    if (fork() == 0) { action(SEGV, on_segv, SA_SIGINFO, 0); bad_ip = nowhere[i]; action(USR2, on_bad_return, SA_SIGINFO, 0); kill_self(USR2); leave(0); }
    reap(-1, &status); say("caught", status);
  }
  if (fork() == 0) { __asm__ volatile("xor %esp,%esp\n mov $15,%eax\n syscall"); leave(0); }
  reap(-1, &status); say("frame at 0", status);
  put("-- masks\n");
  action(USR1, on_plain, 0, 0); action(USR2, on_plain, 0, 0);
  mask_to(bit_of(USR1) | bit_of(USR2));
  kill_self(USR2); kill_self(USR1); kill_self(USR1);
  u64 pending = 0;
  sys3(SYS_rt_sigpending, (i64)&pending, 8, 0);
  show("pending", pending);
  mask_to(0);
  u64 old = 1;
  sys6(SYS_rt_sigprocmask, 0, 0, (i64)&old, 8, 0, 0);
  show("mask after", old);
  mask_to(bit_of(USR1)); kill_self(USR1); action(USR1, (void *)1, 0, 0); mask_to(0);
  put("ignored is forgotten\n");

  put("-- nesting\n");
  count = 0; action(USR1, on_nested, 0, 0); kill_self(USR1); say("deepest", max_depth); say("count", count);
  count = 0; max_depth = 0; action(USR1, on_nested, SA_NODEFER, 0); kill_self(USR1); say("deepest with NODEFER", max_depth);
  action(USR1, on_plain, SA_RESETHAND, 0); kill_self(USR1);
  struct sigaction now;
  sys6(SYS_rt_sigaction, USR1, 0, (i64)&now, 8, 0, 0);
  say("reset to default", now.handler == 0);

  faults();
  jump_to_data();
  flags_and_registers();

  put("-- alternate stack\n");
  u64 ss[3] = { (u64)alternate, 0, sizeof alternate };
  say("sigaltstack", sys3(SYS_sigaltstack, (i64)ss, 0, 0));
  action(USR2, on_alternate, SA_SIGINFO | SA_ONSTACK, 0); kill_self(USR2);
  ss[1] = 2; sys3(SYS_sigaltstack, (i64)ss, 0, 0);

  put("-- interrupted calls\n");
  sys3(SYS_pipe, (i64)pipe_fds, 0, 0);
  char c = 0;
  count = 0; action(ALRM, on_alarm, 0, 0); timer_ms(20, 0);
  say("read", sys3(SYS_read, pipe_fds[0], (i64)&c, 1)); say("alarms", count);
  action(ALRM, on_alarm_write, SA_RESTART, 0); timer_ms(20, 0);
  say("read restarted", sys3(SYS_read, pipe_fds[0], (i64)&c, 1)); say("got", c);
  action(ALRM, on_alarm, SA_RESTART, 0); timer_ms(20, 0);
  struct timespec wish = { 5, 0 }, rest = { 0, 0 };
  say("nanosleep", sys3(SYS_nanosleep, (i64)&wish, (i64)&rest, 0)); say("rest", rest.s == 4 && rest.ns > 0);
  timer_ms(20, 0); say("pause", sys3(SYS_pause, 0, 0, 0));
  u64 none = 0, all_alrm = bit_of(ALRM);
  mask_to(all_alrm); timer_ms(20, 0);
  say("sigsuspend", sys3(SYS_rt_sigsuspend, (i64)&none, 8, 0));
  sys6(SYS_rt_sigprocmask, 0, 0, (i64)&old, 8, 0, 0); show("mask after sigsuspend", old);
  timer_ms(20, 0); struct siginfo info;
  say("sigtimedwait", sys6(SYS_rt_sigtimedwait, (i64)&all_alrm, (i64)&info, 0, 8, 0, 0)); say("code", info.code);
  wish.s = 0; wish.ns = 10000000;
  say("sigtimedwait times out", sys6(SYS_rt_sigtimedwait, (i64)&all_alrm, 0, (i64)&wish, 8, 0, 0));
  mask_to(0);
  count = 0; timer_ms(5, 5); while (count < 4) sys3(SYS_pause, 0, 0, 0); timer_ms(0, 0); say("periodic", count);
  sys3(SYS_alarm, 100, 0, 0); say("alarm left", sys3(SYS_alarm, 0, 0, 0));

  put("-- children\n");
  count = 0; action(CHLD, on_info, SA_SIGINFO, 0);
  i64 pid = fork();
  if (pid == 0) leave(7);
  while (count == 0) { wish.s = 1; wish.ns = 0; sys3(SYS_nanosleep, (i64)&wish, 0, 0); }
  say("SIGCHLD code", last_code); say("status in siginfo", ((volatile struct siginfo *)&info)->signo >= 0);
  reap(pid, &status); say("status", status);
  action(CHLD, 0, 0, 0);
  action(PIPE, (void *)1, 0, 0); sys3(SYS_close, pipe_fds[0], 0, 0);
  say("EPIPE", sys3(SYS_write, pipe_fds[1], (i64)&c, 1));
  if (fork() == 0) { action(PIPE, 0, 0, 0); sys3(SYS_write, pipe_fds[1], (i64)&c, 1); leave(0); }
  reap(-1, &status); say("SIGPIPE", status);
  pid = fork();
  if (pid == 0) { kill_self(STOP); leave(9); }
  say("stopped", sys6(SYS_wait4, pid, (i64)&status, 2, 0, 0, 0) == pid); say("status", status);
  sys3(SYS_kill, pid, CONT, 0);
  say("continued", sys6(SYS_wait4, pid, (i64)&status, 8, 0, 0, 0) == pid); say("status", status);
  reap(pid, &status); say("exited", status);
  pid = fork();
  if (pid == 0) { for (;;) sys3(SYS_pause, 0, 0, 0); }
  sys3(SYS_kill, pid, TERM, 0); reap(pid, &status); say("SIGTERM", status);
  pid = fork();
  if (pid == 0) { mask_to(~0ul); for (;;) sys3(SYS_sched_yield, 0, 0, 0); }
  sys3(SYS_kill, pid, KILL, 0); reap(pid, &status); say("SIGKILL", status);
  pid = fork();
  if (pid == 0) { mask_to(~0ul); *(volatile int *)8 = 1; leave(0); }
  reap(pid, &status); say("blocked SIGSEGV kills", status & 0x7f);
  return 0;
}
