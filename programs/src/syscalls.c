/* A loop of system calls: cheap ones, failing ones, and memory that comes and goes. Argument: turns (default 500). */
#include "rt.h"
static int main(int argc, char **argv) {
  u64 n = size_arg(argc, argv, 500), errors = 0, sum = 0;
  i64 me = sys3(SYS_getpid, 0, 0, 0);
  for (u64 i = 0; i < n; i++) {
    if (sys3(SYS_getpid, 0, 0, 0) == me) sum++;
    i64 r = sys3(SYS_close, 777, 0, 0);
    errors += (u64)-r;
    r = sys3(SYS_write, 1, 8, 4); /* EFAULT */
    errors = errors * 3 + (u64)-r;
    r = sys3(9999, 0, 0, 0); /* ENOSYS */
    errors = errors * 3 + (u64)-r;
    if ((i & 15) == 0) {
      u64 *m = (u64 *)sys6(SYS_mmap, 0, 16384, 3, 0x22, -1, 0);
      if ((u64)m > ~4095ul) return 1;
      for (u32 k = 0; k < 2048; k += 256) { sum += m[k]; m[k] = i; sum += m[k]; }
      if (sys3(SYS_mprotect, (i64)m, 4096, 1) != 0) return 2;
      sum += m[0];
      if (sys3(SYS_munmap, (i64)m, 16384, 0) != 0) return 3;
    }
    if ((i & 127) == 5) put("tick\n");
  }
  show("errors", errors);
  show("sum", sum);
  return (int)(sum & 63);
}
