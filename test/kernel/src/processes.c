/* Processes: fork, vfork, clone, exec, wait, groups, sessions. Started again as `processes child ...` by itself. */
#include "lib.h"
static volatile int shared_by_vfork;
static char child_stack[8192] __attribute__((aligned(16)));
__attribute__((used)) static int child_function(void) { shared_by_vfork += 100; sys3(SYS_exit, 5, 0, 0); return 0; }
static i64 clone_vm(void) {
  i64 n = SYS_clone;
  register i64 r10 __asm__("r10") = 0;
  register i64 r8 __asm__("r8") = 0;
  __asm__ volatile("syscall\n test %%rax,%%rax\n jnz 1f\n call child_function\n ud2\n1:" : "+a"(n)
                   : "D"(0x4100 | CHLD), "S"(child_stack + sizeof child_stack), "d"(0), "r"(r10), "r"(r8) : "rcx", "r11", "memory");
  return n;
}
static i64 vfork_exit(void) {
  i64 n = SYS_vfork;
  __asm__ volatile("pop %%rsi\n push %%rsi\n syscall\n test %%rax,%%rax\n jnz 1f\n addl $10,%1\n mov $3,%%edi\n mov $60,%%eax\n syscall\n1:" : "+a"(n), "+m"(shared_by_vfork) : : "rcx", "r11", "rsi", "rdi", "memory");
  return n;
}
static void nothing(int sig) { (void)sig; }
static i64 exec_file(const char *path, char **argv, char **envp) { return sys3(SYS_execve, (i64)path, (i64)argv, (i64)envp); }
static void write_file(const char *path, const char *text, int mode) {
  i64 fd = open_file(path, 0x241, mode);
  u64 n = 0;
  while (text[n] != 0) n++;
  sys3(SYS_write, fd, (i64)text, (i64)n);
  sys3(SYS_close, fd, 0, 0);
  sys3(SYS_chmod, (i64)path, mode, 0);
}
static int as_child(int argc, char **argv) {
  char **envp = argv + argc + 1;
  for (int i = 1; i < argc; i++) { put(argv[i]); put("\n"); }
  for (int i = 0; envp[i] != 0; i++) { put("env "); put(envp[i]); put("\n"); }
  char **p = envp;
  while (*p != 0) p++;
  u64 *aux = (u64 *)(p + 1);
  for (; aux[0] != 0; aux += 2) {
    if (aux[0] == 6) say("AT_PAGESZ", (i64)aux[1]);
    if (aux[0] == 17) say("AT_CLKTCK", (i64)aux[1]);
    if (aux[0] == 15) { put((char *)aux[1]); put("\n"); }
    if (aux[0] == 23) say("AT_SECURE", (i64)aux[1]);
    if (aux[0] == 25) say("AT_RANDOM is there", aux[1] != 0);
    if (aux[0] == 5) say("AT_PHNUM is there", aux[1] != 0);
  }
  say("stack is aligned", ((u64)(argv - 1) & 15) == 0);
  struct sigaction a;
  sys6(SYS_rt_sigaction, USR1, 0, (i64)&a, 8, 0, 0); say("handler is reset", a.handler == 0);
  sys6(SYS_rt_sigaction, USR2, 0, (i64)&a, 8, 0, 0); say("ignored stays", a.handler == (void *)1);
  u64 mask = 0;
  sys6(SYS_rt_sigprocmask, 0, 0, (i64)&mask, 8, 0, 0); show("mask stays", mask);
  say("descriptor with CLOEXEC", sys3(SYS_fcntl, 50, 1, 0)); say("without", sys3(SYS_fcntl, 51, 1, 0));
  char name[16];
  sys3(SYS_prctl, 16, (i64)name, 0); put(name); put("\n");
  return 42;
}
int main(int argc, char **argv) {
  if (argc > 1 && argv[1][0] == 'c') return as_child(argc, argv);
  int status = 0;
  say("no children", reap(-1, &status));
  i64 pid = fork();
  if (pid == 0) leave(300);
  say("wait4", reap(pid, &status) == pid); say("status", status);
  pid = fork();
  if (pid == 0) { struct timespec t = { 0, 30000000 }; sys3(SYS_nanosleep, (i64)&t, 0, 0); leave(1); }
  say("WNOHANG", sys6(SYS_wait4, pid, (i64)&status, 1, 0, 0, 0));
  int info[32];
  say("waitid WNOWAIT", sys6(SYS_waitid, 1, pid, (i64)info, 4 | 0x1000000, 0, 0)); say("code", info[2]); say("value", info[6]);
  say("wait4", reap(pid, &status) == pid); say("again", reap(pid, &status));
  say("bad options", sys6(SYS_wait4, -1, (i64)&status, 0x100, 0, 0, 0));
  put("-- vfork\n");
  pid = vfork_exit(); say("shared", shared_by_vfork); say("reaped", reap(pid, &status) == pid); say("status", status);
  pid = clone_vm(); say("shared", shared_by_vfork); say("reaped", reap(pid, &status) == pid); say("status", status);
  put("-- two children\n");
  i64 a = fork(); if (a == 0) leave(1);
  i64 b = fork(); if (b == 0) leave(2);
  i64 first = reap(-1, &status), second = reap(-1, &status);
  say("both", (first == a && second == b) || (first == b && second == a));
  put("-- groups\n");
  i64 me = sys3(SYS_getpid, 0, 0, 0);
  pid = fork();
  if (pid == 0) {
    say("setpgid", sys3(SYS_setpgid, 0, 0, 0)); say("leads its group", sys3(SYS_getpgrp, 0, 0, 0) == sys3(SYS_getpid, 0, 0, 0));
    say("setsid as leader", sys3(SYS_setsid, 0, 0, 0));
    i64 grand = fork();
    if (grand == 0) { say("setsid", sys3(SYS_setsid, 0, 0, 0) == sys3(SYS_getpid, 0, 0, 0)); say("setpgid of a session leader", sys3(SYS_setpgid, 0, 0, 0)); leave(0); }
    reap(grand, &status);
    say("parent", sys3(SYS_getppid, 0, 0, 0) == me);
    leave(0);
  }
  reap(pid, &status);
  say("getpgid of nobody", sys3(SYS_getpgid, 0x3ffffff, 0, 0));
  pid = fork();
  if (pid == 0) { sys3(SYS_setpgid, 0, 0, 0); i64 g = fork(); if (g == 0) for (;;) sys3(SYS_pause, 0, 0, 0); sys3(SYS_kill, 0, TERM, 0); for (;;) sys3(SYS_pause, 0, 0, 0); }
  reap(pid, &status); say("kill(0) kills the group", status);
  put("-- exec\n");
  char *args[] = { argv[0], "child", "two words", "", 0 }, *env[] = { "A=1", "EMPTY=", 0 };
  action(USR1, nothing, 0, 0); action(USR2, (void *)1, 0, 0); mask_to(bit_of(HUP));
  sys3(SYS_dup2, 1, 50, 0); sys3(SYS_fcntl, 50, 2, 1); sys3(SYS_dup2, 1, 51, 0);
  pid = fork(); if (pid == 0) { exec_file(argv[0], args, env); leave(99); }
  reap(pid, &status); say("status", status);
  pid = vfork_exit(); reap(pid, &status);
  say("ENOENT", exec_file("/nowhere/at/all", args, env)); say("directory", exec_file("/tmp", args, env)); say("ENOTDIR", exec_file("/etc/passwd/x", args, env));
  say("EFAULT", exec_file((char *)8, args, env)); say("bad argv", exec_file(argv[0], (char **)8, env));
  write_file("/tmp/perfglass-k-text", "just text\n", 0755); write_file("/tmp/perfglass-k-not", "#!/bin/sh\n", 0644);
  say("ENOEXEC", exec_file("/tmp/perfglass-k-text", args, env)); say("not executable", exec_file("/tmp/perfglass-k-not", args, env));
  char script[600] = "#! ";
  int n = 3;
  for (int i = 0; argv[0][i] != 0; i++) script[n++] = argv[0][i];
  const char *rest = " child of a script\nbody\n";
  for (int i = 0; rest[i] != 0; i++) script[n++] = rest[i];
  write_file("/tmp/perfglass-k-script", script, 0755);
  char *sargs[] = { "whatever", "x", 0 };
  pid = fork(); if (pid == 0) { exec_file("/tmp/perfglass-k-script", sargs, env); leave(98); }
  reap(pid, &status); say("script", status);
  sys3(SYS_unlink, (i64) "/tmp/perfglass-k-text", 0, 0); sys3(SYS_unlink, (i64) "/tmp/perfglass-k-not", 0, 0); sys3(SYS_unlink, (i64) "/tmp/perfglass-k-script", 0, 0);
  return 17;
}
