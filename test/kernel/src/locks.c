/* mlock and its relatives: what is locked as /proc/self/status tells it, holes, limits, what is not inherited. Needs user 0, then gives it up. */
#include "lib.h"
enum { SYS_mlock = 149, SYS_munlock = 150, SYS_mlockall = 151, SYS_munlockall = 152, SYS_mlock2 = 325, SYS_mincore = 27, SYS_setresuid = 117 };
static i64 locked(void) {
  static char text[4096]; i64 fd = open_file("/proc/self/status", 0, 0), n = sys3(SYS_read, fd, (i64)text, sizeof text - 1); sys3(SYS_close, fd, 0, 0); text[n] = 0;
  for (int i = 0; i + 6 < n; i++) if (text[i] == 'V' && text[i + 2] == 'L' && text[i + 3] == 'c') { i64 v = 0; for (i += 6; text[i] == ' ' || text[i] == '\t'; i++) ; for (; text[i] >= '0' && text[i] <= '9'; i++) v = v * 10 + text[i] - '0'; return v; }
  return -1;
}
static i64 map(u64 length, int prot, int flags) { return sys6(SYS_mmap, 0, (i64)length, prot, flags | 0x22, -1, 0); }
static i64 there(i64 at, int pages) { unsigned char v[16]; sys3(SYS_mincore, at, pages * 4096, (i64)v); i64 n = 0; for (int i = 0; i < pages; i++) n += v[i] & 1; return n; }
int main(int argc, char **argv) {
  (void)argc; (void)argv;
  if (sys3(SYS_getuid, 0, 0, 0) != 0) { static const char skip[] = "skip: needs user 0\n"; sys3(SYS_write, 1, (i64)skip, sizeof skip - 1); return 0; }
  i64 a = map(8 * 4096, 3, 0); say("present", there(a, 8)); say("mlock", sys3(SYS_mlock, a + 4096 + 5, 4096, 0)); say("VmLck", locked()); say("present", there(a, 8)); say("again", sys3(SYS_mlock, a, 4 * 4096, 0)); say("VmLck", locked());
  say("munlock", sys3(SYS_munlock, a + 4096, 4096, 0)); say("VmLck", locked()); say("never locked", sys3(SYS_munlock, a + 7 * 4096, 4096, 0)); say("on fault", sys3(SYS_mlock2, a + 4 * 4096, 4 * 4096, 1)); say("VmLck", locked()); say("present", there(a, 8)); say("flags", sys3(SYS_mlock2, a, 4096, 2));
  say("nothing", sys3(SYS_mlock, a, 0, 0)); say("wraps", sys3(SYS_mlock, a, -1, 0)); say("DONTNEED", sys3(SYS_madvise, a, 4096, 4)); say("INVALIDATE", sys3(SYS_msync, a, 4096, 2)); say("both", sys3(SYS_msync, a, 4096, 5));
  if (fork() == 0) { say("child", locked()); leave(0); }
  int status; reap(-1, &status);
  sys3(SYS_munmap, a + 2 * 4096, 4096, 0); say("VmLck", locked()); say("a hole", sys3(SYS_mlock, a, 8 * 4096, 0)); say("VmLck", locked()); say("unlock a hole", sys3(SYS_munlock, a, 8 * 4096, 0)); say("VmLck", locked()); sys3(SYS_munmap, a, 8 * 4096, 0); say("VmLck", locked());
  i64 none = map(4096, 0, 0); say("PROT_NONE", sys3(SYS_mlock, none, 4096, 0)); say("VmLck", locked()); sys3(SYS_munmap, none, 4096, 0);
  i64 b = map(4 * 4096, 3, 0x2000); say("MAP_LOCKED", locked()); say("present", there(b, 4)); sys3(SYS_munmap, b, 4 * 4096, 0);
  say("mlockall 0", sys3(SYS_mlockall, 0, 0, 0)); say("on fault alone", sys3(SYS_mlockall, 4, 0, 0)); say("unknown", sys3(SYS_mlockall, 8, 0, 0)); say("future", sys3(SYS_mlockall, 2, 0, 0)); say("VmLck", locked()); b = map(4 * 4096, 3, 0); say("VmLck", locked()); say("present", there(b, 4)); sys3(SYS_munmap, b, 4 * 4096, 0);
  say("future, on fault", sys3(SYS_mlockall, 6, 0, 0)); b = map(4 * 4096, 3, 0); say("VmLck", locked()); say("present", there(b, 4)); say("current", sys3(SYS_mlockall, 1, 0, 0)); say("some", locked() > 16); i64 c = map(4096, 3, 0); say("present", there(c, 1)); say("munlockall", sys3(SYS_munlockall, 0, 0, 0)); say("VmLck", locked());
  u64 limit[2] = { 3 * 4096, 3 * 4096 }; sys6(SYS_prlimit64, 0, 8, (i64)limit, 0, 0, 0); say("over the limit with the right", sys3(SYS_mlock, b, 4 * 4096, 0)); sys3(SYS_munlockall, 0, 0, 0); sys3(SYS_setresuid, 65534, 65534, 65534);
  say("over", sys3(SYS_mlock, b, 4 * 4096, 0)); say("VmLck", locked()); say("within", sys3(SYS_mlock, b, 3 * 4096, 0)); say("the same", sys3(SYS_mlock, b + 4096, 2 * 4096, 0)); say("one more", sys3(SYS_mlock, b + 3 * 4096, 4096, 0)); say("MAP_LOCKED", map(4096, 3, 0x2000)); say("all", sys3(SYS_mlockall, 1, 0, 0)); say("future", sys3(SYS_mlockall, 2, 0, 0)); say("map", map(4096, 3, 0)); say("VmLck", locked()); sys3(SYS_munlockall, 0, 0, 0);
  limit[0] = limit[1] = 0; sys6(SYS_prlimit64, 0, 8, (i64)limit, 0, 0, 0); say("without right", sys3(SYS_mlock, b, 4096, 0)); say("MAP_LOCKED", map(4096, 3, 0x2000)); say("all", sys3(SYS_mlockall, 1, 0, 0)); say("munlock", sys3(SYS_munlock, b, 4096, 0)); say("munlockall", sys3(SYS_munlockall, 0, 0, 0));
  return 0;
}
