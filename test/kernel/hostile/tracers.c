/* Tracers out of a hat: tasks that fork, clone, exec, signal and end while others attach to them and ask for anything. What comes of them is their
 * affair; the kernel must not break. `tracers SEED ROUNDS` */
#include "../src/ptrace.h"
static u64 state;
static u64 pick(u64 n) { state ^= state << 13; state ^= state >> 7; state ^= state << 17; return state % n; }
static u8 page[8192] __attribute__((aligned(64)));
static i64 pids[64];
static int pids_n;
static char thread_stack[4096] __attribute__((aligned(16)));
static char *self;
static void handler(int sig) { (void)sig; }
__attribute__((used)) static int thread_function(void) { for (int i = 0; i < 20; i++) { sys3(SYS_getpid, 0, 0, 0); sys3(SYS_sched_yield, 0, 0, 0); } sys3(SYS_exit, 0, 0, 0); return 0; }
static void make_thread(void) {
  i64 n = SYS_clone;
  register i64 r10 __asm__("r10") = 0;
  register i64 r8 __asm__("r8") = 0;
  __asm__ volatile("syscall\n test %%rax,%%rax\n jnz 1f\n call thread_function\n ud2\n1:" : "+a"(n) : "D"(0x10f00), "S"(thread_stack + sizeof thread_stack), "d"(0), "r"(r10), "r"(r8) : "rcx", "r11", "memory");
}
/* What a traced task does. */
static void live(void) {
  struct timespec t = { 0, 300000 };
  char *argv[] = { self, (char *)"0", 0 }, *envp[] = { 0 };
  action(USR1, handler, SA_RESTART, 0);
  if (pick(2)) pt(TRACEME, 0, 0, 0);
  for (int i = 0; i < 12; i++) switch (pick(12)) {
      case 0: sys3(SYS_nanosleep, (i64)&t, 0, 0); break;
      case 1: kill_self((int)(pick(8) == 0 ? TERM : USR1)); break;
      case 2: stop_self(); break;
      case 3: { i64 p = fork(); if (p == 0) leave(3); if (pick(2)) reap(p, 0); break; }
      case 4: make_thread(); break;
      case 5: __asm__ volatile("int3"); break;
      case 6: if (pick(4) == 0) sys3(SYS_execve, (i64)self, (i64)argv, (i64)envp); break;
      case 7: { i64 p; __asm__ volatile("mov $58,%%eax\n syscall\n test %%rax,%%rax\n jnz 1f\n mov $60,%%eax\n xor %%edi,%%edi\n syscall\n1:" : "=a"(p) : : "rcx", "r11", "rdi", "memory"); break; }
      case 8: kill_self(CONT); break;
      case 9: for (volatile int k = 0; k < 3000; k++) ; break;
      case 10: pt(ATTACH, pids_n ? pids[pick((u64)pids_n)] : 1, 0, 0); break;
      default: sys3(SYS_sched_yield, 0, 0, 0);
    }
  leave((int)pick(256));
}
static const u16 requests[] = { CONT_, CONT_, CONT_, SYSCALL, SYSCALL, STEP, STEP, SYSEMU, SYSEMU_STEP, DETACH, KILL_, ATTACH, SEIZE, SEIZE, INTERRUPT, INTERRUPT, LISTEN, SETOPTIONS, SETOPTIONS, GETEVENTMSG,
  GETSIGINFO, SETSIGINFO, GETREGSET, SETREGSET, GETREGS, SETREGS, GETFPREGS, SETFPREGS, PEEKUSER, POKEUSER, PEEKDATA, POKEDATA, PEEKSIGINFO, GETSIGMASK, SETSIGMASK, SYSCALL_INFO, ARCH_PRCTL, 0x420f, 33, 25 };
int main(int argc, char **argv) {
  self = argv[0];
  if (argc < 3) leave(0);
  state = number(argv[1]) * 0x9e3779b97f4a7c15 + 88172645463325252;
  u64 rounds = number(argv[2]);
  for (u64 r = 0; r < rounds; r++) {
    pids_n = 0;
    for (int i = 0; i < 4; i++) { i64 p = fork(); pick(3); if (p == 0) { state += (u64)i * 77; live(); } pids[pids_n++] = p; }
    for (int i = 0; i < 150; i++) {
      i64 pid = pids[pick((u64)pids_n)];
      int status = 0;
      i64 got = sys6(SYS_wait4, pick(3) ? -1 : pid, (i64)&status, (i64)(WALL | 1 | pick(16)), 0, 0, 0);
      if (got > 0 && pids_n < 60) { int known_ = 0; for (int k = 0; k < pids_n; k++) known_ |= pids[k] == got; if (!known_) pids[pids_n++] = got; }
      if (got > 0 && (status & 0x7f) == 0x7f && pick(2)) pid = got;
      struct { void *at; u64 n; } iov = { page, pick(3) ? 4096 : pick(600) };
      i64 request = requests[pick(sizeof requests / sizeof *requests)];
      i64 addr = pick(4) ? (i64)page : (i64)pick(1000), data = request <= STEP || request == DETACH ? (i64)(pick(3) ? 0 : pick(70)) : (i64)page;
      if (request == SETOPTIONS || request == SEIZE) { data = (i64)(pick(256) | (pick(8) ? 0 : EXITKILL)); addr = 0; }
      if (request == GETREGSET || request == SETREGSET) { addr = (i64)(u64[]){ 1, 2, 0x202, 7 }[pick(4)]; data = (i64)&iov; }
      if (request == SETREGS) pt(GETREGS, pid, 0, (i64)page);
      if (request == SETREGS && pick(4) == 0) page[pick(216)] ^= (u8)(1 << pick(8));
      if (request == POKEUSER) { addr = (i64)(pick(120) * 8); data = (i64)(pick(2) ? pick(1 << 20) : state); }
      if (request == GETSIGMASK || request == SETSIGMASK) addr = 8;
      pt(request, pid, addr, data);
      if (pick(6) == 0) sys3(SYS_kill, pid, (i64)(u64[]){ USR1, STOP, CONT, TRAP, CHLD, STOP }[pick(6)], 0);
      if (pick(3) == 0) { struct timespec t = { 0, 200000 }; sys3(SYS_nanosleep, (i64)&t, 0, 0); }
    }
    for (int i = 0; i < pids_n; i++) sys3(SYS_kill, pids[i], KILL, 0);
    int status;
    for (int n = 0; n < 2000; n++) { i64 got = sys6(SYS_wait4, -1, (i64)&status, WALL, 0, 0, 0); if (got < 0) break; if ((status & 0x7f) == 0x7f) { sys3(SYS_kill, got, KILL, 0); pt(CONT_, got, 0, 0); } }
  }
  put("still here\n");
  return 0;
}
