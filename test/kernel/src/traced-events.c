/* ptrace: events of fork, exec and exit, SEIZE, job control, ATTACH and DETACH, threads, what /proc says. */
#include "ptrace.h"
static char stacks[2][8192] __attribute__((aligned(16)));
static volatile int flag;
static void ms(i64 n) { struct timespec t = { n / 1000, n % 1000 * 1000000 }; sys3(SYS_nanosleep, (i64)&t, 0, 0); }
static void handler(int sig) { flag = sig; }
static i64 traced_child(void) {
  i64 pid = fork();
  if (pid == 0) { pt(TRACEME, 0, 0, 0); stop_self(); return 0; }
  stop_of("first stop", pid);
  return pid;
}
/* Lets a traced tree run; then tells each task's stops, the tasks in order of birth: what two tasks do at once has no order of its own. */
struct stop { i64 pid, message; int status; };
static struct stop stops[128];
static int count_stops;
static int name_of(i64 pid) { int rank = 0; for (int i = 0; i < count_stops; i++) { int first = 1; for (int j = 0; j < i; j++) first &= stops[j].pid != stops[i].pid; rank += first && stops[i].pid < pid; } return rank; }
static void follow(i64 request) {
  count_stops = 0;
  for (;;) {
    int status = 0;
    i64 pid = wait_for(-1, &status);
    if (pid < 0 || count_stops == 128) { say("follow", pid); break; }
    stops[count_stops++] = (struct stop){ pid, (status & 0x7f) == 0x7f ? message_of(pid) : 0, status };
    int sig = (status >> 8) & 0xff;
    if ((status & 0x7f) == 0x7f) pt(request, pid, 0, status >> 16 != 0 || sig == TRAP || sig == STOP || sig == 0x85 ? 0 : sig);
  }
  for (int rank = 0, any = 1; any; rank++) {
    any = 0;
    for (int i = 0; i < count_stops; i++) {
      if (name_of(stops[i].pid) != rank) continue;
      any = 1;
      int event = stops[i].status >> 16;
      say("task", rank); show("  status", (u64)(u32)stops[i].status);
      if (event == 4) say("  message is itself", stops[i].message == stops[i].pid); else if (event != 0 && event < 6) say("  message is task", name_of(stops[i].message)); else say("  message", stops[i].message);
    }
  }
}
/* Makes a task that shares memory and runs on a stack of its own; it leaves flag and ends with 9. */
__attribute__((used)) static int child_function(void) { flag++; sys3(SYS_exit, 9, 0, 0); return 0; }
static i64 clone_to(u64 flags, char *top) {
  i64 n = SYS_clone;
  register i64 r10 __asm__("r10") = 0;
  register i64 r8 __asm__("r8") = 0;
  __asm__ volatile("syscall\n test %%rax,%%rax\n jnz 1f\n call child_function\n ud2\n1:" : "+a"(n) : "D"(flags), "S"(top), "d"(0), "r"(r10), "r"(r8) : "rcx", "r11", "memory");
  return n;
}
enum { THREAD_FLAGS = 0x10f00 };
static char *self;
static i64 exec_self(const char *how) { char *argv[] = { self, (char *)how, 0 }, *envp[] = { 0 }; return sys3(SYS_execve, (i64)self, (i64)argv, (i64)envp); }
static void tree(void) {
  i64 pid = fork(); if (pid == 0) leave(4);
  reap(pid, 0);
  clone_to(0x4100 | CHLD, stacks[0] + 8192); reap(-1, 0);
  clone_to(0x100, stacks[0] + 8192); sys6(SYS_wait4, -1, 0, WALL, 0, 0, 0);
  clone_to(THREAD_FLAGS, stacks[0] + 8192); while (flag < 3) sys3(SYS_sched_yield, 0, 0, 0);
  ms(50);
  exec_self("child");
}
static void events(void) {
  put("-- events\n");
  flag = 0;
  i64 pid = traced_child();
  if (pid == 0) { tree(); leave(1); }
  pt(SETOPTIONS, pid, 0, SYSGOOD | T_FORK | T_VFORK | T_CLONE | T_EXEC | T_VFORKDONE | T_EXIT);
  pt(CONT_, pid, 0, 0); follow(CONT_);
  put("-- exec of old\n");
  pid = traced_child();
  if (pid == 0) { exec_self("child"); leave(1); }
  pt(CONT_, pid, 0, 0); stop_of("exec", pid); siginfo_of(pid); struct regs r = regs_of(pid); say("  ax", (i64)r.ax); say("  orig", (i64)r.orig_ax); say("  bx", (i64)r.bx);
  pt(SYSCALL, pid, 0, 0); stop_of("call", pid); finish(pid);
  put("-- exec, its calls\n");
  pid = traced_child();
  if (pid == 0) { exec_self("child"); leave(1); }
  pt(SETOPTIONS, pid, 0, SYSGOOD | T_EXEC);
  for (int i = 0; i < 6; i++) { pt(SYSCALL, pid, 0, 0); int s = stop_of("stop", pid); if ((s & 0x7f) != 0x7f) break; r = regs_of(pid); say("  orig", (i64)r.orig_ax); say("  ax", (i64)r.ax); }
  finish(pid);
  put("-- the end\n");
  pid = traced_child();
  if (pid == 0) { kill_self(TERM); leave(1); }
  pt(SETOPTIONS, pid, 0, T_EXIT);
  pt(CONT_, pid, 0, 0); stop_of("TERM", pid); pt(CONT_, pid, 0, TERM); stop_of("exit event", pid); say("  message", message_of(pid)); pt(CONT_, pid, 0, 0); stop_of("killed", pid);
  pid = traced_child();
  if (pid == 0) leave(6);
  pt(SETOPTIONS, pid, 0, T_EXIT); pt(CONT_, pid, 0, 0); stop_of("exit event", pid); say("  message", message_of(pid)); r = regs_of(pid); say("  orig", (i64)r.orig_ax); pt(CONT_, pid, 0, 0); stop_of("over", pid);
}
static void seized(void) {
  put("-- seized\n");
  i64 pid = fork();
  if (pid == 0) { action(USR1, handler, 0, 0); action(CONT, handler, 0, 0); for (;;) ms(1000); }
  ms(20);
  say("SEIZE with an address", pt(SEIZE, pid, 1, 0)); say("SEIZE", pt(SEIZE, pid, 0, SYSGOOD)); say("again", pt(SEIZE, pid, 0, 0)); say("ATTACH", pt(ATTACH, pid, 0, 0));
  int status = 0; say("nothing", sys6(SYS_wait4, pid, (i64)&status, WALL | 1, 0, 0, 0)); say("not stopped", pt(GETSIGMASK, pid, 8, (i64)&status));
  say("INTERRUPT", pt(INTERRUPT, pid, 0, 0)); stop_of("interrupted", pid); siginfo_of(pid); struct regs r = regs_of(pid); say("  ax", (i64)r.ax); say("  orig", (i64)r.orig_ax);
  say("LISTEN", pt(LISTEN, pid, 0, 0)); say("listening", pt(CONT_, pid, 0, 0)); say("INTERRUPT", pt(INTERRUPT, pid, 0, 0)); stop_of("interrupted", pid);
  pt(SYSCALL, pid, 0, 0); stop_of("restart", pid); r = regs_of(pid); say("  orig", (i64)r.orig_ax); say("  ax", (i64)r.ax);
  pt(CONT_, pid, 0, 0); ms(20);
  sys3(SYS_kill, pid, STOP, 0); stop_of("STOP", pid); siginfo_of(pid); pt(CONT_, pid, 0, STOP); stop_of("group stop", pid); siginfo_of(pid);
  say("LISTEN", pt(LISTEN, pid, 0, 0)); say("nothing", sys6(SYS_wait4, pid, (i64)&status, WALL | 1, 0, 0, 0)); sys3(SYS_kill, pid, CONT, 0); stop_of("continued", pid); siginfo_of(pid);
  pt(CONT_, pid, 0, 0); stop_of("CONT", pid); pt(CONT_, pid, 0, CONT); ms(20);
  pt(INTERRUPT, pid, 0, 0); stop_of("interrupted", pid); say("DETACH", pt(DETACH, pid, 0, USR1)); ms(20); say("no tracee", pt(INTERRUPT, pid, 0, 0)); finish(pid);
}
static void attached(void) {
  put("-- attached\n");
  i64 pid = fork();
  if (pid == 0) { action(USR1, handler, 0, 0); for (;;) ms(1000); }
  ms(20);
  say("ATTACH", pt(ATTACH, pid, 0, 0)); stop_of("stop", pid); siginfo_of(pid); pt(CONT_, pid, 0, 0); ms(20);
  sys3(SYS_kill, pid, STOP, 0); stop_of("STOP", pid); pt(CONT_, pid, 0, STOP); stop_of("group stop", pid); siginfo_of(pid); say("LISTEN", pt(LISTEN, pid, 0, 0)); say("INTERRUPT", pt(INTERRUPT, pid, 0, 0));
  say("DETACH", pt(DETACH, pid, 0, 0));
  int status = 0; say("stopped still", sys6(SYS_wait4, pid, (i64)&status, 2, 0, 0, 0) == pid); show("", (u64)status);
  say("ATTACH to a stopped one", pt(ATTACH, pid, 0, 0)); stop_of("stop", pid); pt(CONT_, pid, 0, 0); stop_of("STOP", pid); sys3(SYS_kill, pid, CONT, 0); pt(CONT_, pid, 0, 0); stop_of("CONT", pid); finish(pid);
  say("none", pt(ATTACH, 999999, 0, 0)); say("itself", pt(ATTACH, me(), 0, 0)); say("not traced", pt(CONT_, me(), 0, 0));
  put("-- of another's child\n");
  int fds[2]; sys3(22, (i64)fds, 0, 0);
  pid = fork();
  if (pid == 0) { for (;;) ms(5); }
  i64 tracer = fork();
  if (tracer == 0) {
    pt(SEIZE, pid, 0, 0); pt(INTERRUPT, pid, 0, 0); stop_of("stop", pid);
    sys3(SYS_write, fds[1], (i64) "x", 1); pt(CONT_, pid, 0, 0); stop_of("TERM", pid); pt(CONT_, pid, 0, TERM); stop_of("killed", pid); leave(0);
  }
  char c; sys3(SYS_read, fds[0], (i64)&c, 1); say("nothing for the parent", sys6(SYS_wait4, pid, (i64)&status, 2 | 1, 0, 0, 0));
  sys3(SYS_kill, pid, TERM, 0); reap(tracer, &status); show("tracer", (u64)status); stop_of("the parent's turn", pid);
  put("-- EXITKILL\n");
  for (int kills = 0; kills < 2; kills++) {
    pid = fork();
    if (pid == 0) { for (;;) ms(5); }
    tracer = fork();
    if (tracer == 0) { pt(SEIZE, pid, 0, kills ? EXITKILL : 0); pt(INTERRUPT, pid, 0, 0); stop_of("stop", pid); leave(0); }
    reap(tracer, &status); ms(20); say("gone", sys6(SYS_wait4, pid, (i64)&status, 1, 0, 0, 0) == pid); if (!kills) { sys3(SYS_kill, pid, KILL, 0); stop_of("killed", pid); }
  }
}
static void line_of(i64 pid, const char *file, const char *name) {
  char path[64], text[4096]; int n = 0; const char *s = "/proc/"; while (*s) path[n++] = *s++;
  char digits[12]; int d = 0; i64 p = pid; do digits[d++] = (char)('0' + p % 10); while (p /= 10); while (d > 0) path[n++] = digits[--d];
  while (*file) path[n++] = *file++;
  path[n] = 0;
  i64 fd = open_file(path, 0, 0), got = sys3(SYS_read, fd, (i64)text, sizeof text - 1); sys3(SYS_close, fd, 0, 0);
  if (got < 0) { say("read", got); return; }
  text[got] = 0;
  for (char *at = text; *at;) {
    int i = 0; while (name[i] && at[i] == name[i]) i++;
    char *end = at; while (*end && *end != '\n') end++;
    if (!name[i]) { *end = 0; put(at); put("\n"); return; }
    at = *end ? end + 1 : end;
  }
}
static volatile u64 datum = 0x1234;
static const volatile u64 fixed = 0x77;
static void proc(void) {
  put("-- /proc\n");
  i64 pid = traced_child();
  if (pid == 0) { show("datum", datum); show("fixed", fixed); leave(0); }
  line_of(pid, "/status", "State:"); line_of(me(), "/status", "TracerPid:");
  char path[64] = "/proc/", text[8]; int n = 6; char digits[12]; int d = 0; i64 p = pid; do digits[d++] = (char)('0' + p % 10); while (p /= 10); while (d > 0) path[n++] = digits[--d];
  path[n] = '/'; path[n + 1] = 'm'; path[n + 2] = 'e'; path[n + 3] = 'm'; path[n + 4] = 0;
  i64 fd = open_file(path, 2, 0); say("mem", fd > 2);
  say("pread", sys6(17, fd, (i64)text, 8, (i64)&datum, 0, 0)); show("", *(u64 *)text); *(u64 *)text = 99;
  say("pwrite", sys6(18, fd, (i64)text, 8, (i64)&datum, 0, 0)); say("to a constant", sys6(18, fd, (i64)text, 8, (i64)&fixed, 0, 0)); say("to nothing", sys6(18, fd, (i64)text, 8, 8, 0, 0)); say("SEEK_END", sys3(SYS_lseek, fd, 0, 2)); say("seek", sys3(SYS_lseek, fd, (i64)&datum, 0) == (i64)&datum); say("read", sys3(SYS_read, fd, (i64)text, 8));
  pt(CONT_, pid, 0, 0); stop_of("end", pid); say("after the end", sys6(17, fd, (i64)text, 8, (i64)&datum, 0, 0));
  pid = fork();
  if (pid == 0) { say("PR_SET_DUMPABLE", sys3(SYS_prctl, 4, 0, 0)); stop_self(); leave(0); }
  int status; sys6(SYS_wait4, pid, (i64)&status, 2, 0, 0, 0); line_of(pid, "/status", "State:"); line_of(pid, "/status", "TracerPid:"); finish(pid);
}
static void news(void) {
  put("-- waitid and SIGCHLD\n");
  mask_to(bit_of(CHLD));
  i64 pid = traced_child();
  if (pid == 0) { kill_self(USR1); leave(3); }
  int info[32]; struct siginfo si;
  sys6(SYS_rt_sigtimedwait, (i64) & (u64){ bit_of(CHLD) }, (i64)&si, 0, 8, 0, 0); say("code", si.code); say("value", si.u.p.status); say("from it", si.u.p.pid == pid);
  pt(CONT_, pid, 0, 0);
  sys6(SYS_rt_sigtimedwait, (i64) & (u64){ bit_of(CHLD) }, (i64)&si, 0, 8, 0, 0); say("code", si.code); say("value", si.u.p.status);
  say("waitid WEXITED WNOWAIT", sys6(SYS_waitid, 1, pid, (i64)info, 4 | 0x1000000, 0, 0)); say("code", info[2]); say("value", info[6]);
  say("waitid WSTOPPED", sys6(SYS_waitid, 1, pid, (i64)info, 2, 0, 0)); say("code", info[2]); say("value", info[6]); say("told", sys6(SYS_waitid, 1, pid, (i64)info, 2 | 1, 0, 0)); say("", info[0]);
  pt(CONT_, pid, 0, 0);
  sys6(SYS_rt_sigtimedwait, (i64) & (u64){ bit_of(CHLD) }, (i64)&si, 0, 8, 0, 0); say("code", si.code); say("value", si.u.p.status); stop_of("end", pid);
  mask_to(0);
}
int main(int argc, char **argv) {
  self = argv[0];
  if (argc > 1) leave(12);
  events(); seized(); attached(); proc(); news();
  return 0;
}
