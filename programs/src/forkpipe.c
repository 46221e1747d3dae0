/* fork, pipe, wait: three children sum parts of a table, send the sums through pipes and exit with codes; one dies by a signal. */
#include "rt.h"
static u64 t[3000];
static int main(int argc, char **argv) {
  (void)argc; (void)argv;
  int fd[3][2], status;
  i64 pid[3];
  for (u64 i = 0; i < 3000; i++) t[i] = i * i + 1;
  for (u64 c = 0; c < 3; c++) {
    if (sys3(SYS_pipe, (i64)fd[c], 0, 0) != 0) return 1;
    pid[c] = sys3(SYS_fork, 0, 0, 0);
    if (pid[c] == 0) {
      u64 sum = 0;
      for (u64 i = c * 1000; i < (c + 1) * 1000; i++) { sum += t[i]; t[i] = 0; } /* copy on write: the parent's table stays */
      sys3(SYS_close, fd[c][0], 0, 0);
      sys3(SYS_write, fd[c][1], (i64)&sum, 8);
      if (c == 2) __asm__ volatile("ud2");
      sys3(SYS_exit_group, (i64)(40 + c), 0, 0);
    }
    sys3(SYS_close, fd[c][1], 0, 0);
  }
  u64 sum = 0, part = 0;
  for (u64 c = 0; c < 3; c++) {
    while (sys3(SYS_read, fd[c][0], (i64)&part, 8) == 8) sum += part;
    if (sys6(SYS_wait4, pid[c], (i64)&status, 0, 0, 0, 0) != pid[c]) return 2;
    show("status", (u64)(status & ~0x80)); /* the core-dumped bit is the host's ulimit, not the program's */
  }
  show("sum", sum);
  u64 own = 0;
  for (u64 i = 0; i < 3000; i++) own += t[i];
  show("own", own);
  return sum == own ? 0 : 3;
}
