/* Memory: mappings cut and joined, rights, copy-on-write, sharing, files, heap, stack. */
#include "lib.h"
static volatile int faults, code;
static volatile u64 fault_at;
static u64 resume_ip;
static void on_fault(int sig, struct siginfo *info, struct ucontext *uc) { (void)sig; faults++; code = info->code; fault_at = info->u.addr; uc->mc.ip = resume_ip; }
/* 0, or the si_code of the fault */
static int touch(volatile u8 *p, int write) {
  int before = faults;
  if (write) __asm__ volatile("lea 1f(%%rip),%%rax\n mov %%rax,%0\n movb $7,(%1)\n1:" : "=m"(resume_ip) : "r"(p) : "rax", "memory");
  else __asm__ volatile("lea 1f(%%rip),%%rax\n mov %%rax,%0\n movb (%1),%%al\n1:" : "=m"(resume_ip) : "r"(p) : "rax", "memory");
  if (faults == before) return 0;
  return fault_at == (u64)p ? code : -1;
}
static u8 *map(u64 length, int prot, int flags) { return (u8 *)sys6(SYS_mmap, 0, (i64)length, prot, flags, -1, 0); }
static u64 deep(u64 n) { volatile u8 room[1024]; room[0] = (u8)n; room[1023] = (u8)(n >> 8); return n == 0 ? room[0] : deep(n - 1) + room[1023]; }
static u8 in_bss[20000];
static u8 in_data[5000] = { 1, 2, 3 };
int main(int argc, char **argv) {
  (void)argc;
  int status = 0;
  action(SEGV, on_fault, SA_SIGINFO | SA_NODEFER, 0); action(BUS, on_fault, SA_SIGINFO | SA_NODEFER, 0);
  put("-- rights\n");
  u8 *m = map(5 * 4096, 3, 0x22);
  say("fresh is zero", m[0] + m[8191]); m[4096] = 9;
  say("mprotect", sys3(SYS_mprotect, (i64)m + 4096, 4096, 1)); say("read", touch(m + 4096, 0)); say("write", touch(m + 4096, 1)); say("kept", m[4096]);
  say("none", sys3(SYS_mprotect, (i64)m + 4096, 8192, 0)); say("read", touch(m + 4096, 0)); say("read fresh", touch(m + 8192, 0));
  say("back", sys3(SYS_mprotect, (i64)m, 5 * 4096, 3)); say("kept", m[4096]); say("write", touch(m + 4096, 1)); say("now", m[4096]);
  say("hole", sys3(SYS_munmap, (i64)m + 8192, 4096, 0)); say("read", touch(m + 8192, 0)); say("beside", touch(m + 12288, 1));
  say("mprotect over a hole", sys3(SYS_mprotect, (i64)m, 5 * 4096, 1));
  sys3(SYS_mprotect, (i64)m, 8192, 3);
  say("fixed", sys6(SYS_mmap, (i64)m, 4096, 3, 0x32, -1, 0) == (i64)m); say("zero again", m[0]);
  say("NOREPLACE", sys6(SYS_mmap, (i64)m, 4096, 3, 0x100022, -1, 0)); say("unaligned fixed", sys6(SYS_mmap, (i64)m + 1, 4096, 3, 0x32, -1, 0));
  say("length 0", sys6(SYS_mmap, 0, 0, 3, 0x22, -1, 0)); say("no type", sys6(SYS_mmap, 0, 4096, 3, 0x20, -1, 0)); say("bad fd", sys6(SYS_mmap, 0, 4096, 3, 2, 99, 0));
  say("munmap unaligned", sys3(SYS_munmap, (i64)m + 1, 4096, 0)); say("munmap 0", sys3(SYS_munmap, (i64)m, 0, 0)); say("munmap nothing", sys3(SYS_munmap, 0x10000000, 4096, 0));
  put("-- fork\n");
  u8 *own = map(3 * 4096, 3, 0x22), *common = map(8192, 3, 0x21);
  own[0] = 1; in_data[4000] = 5; in_bss[15000] = 6; common[0] = 1;
  i64 pid = fork();
  if (pid == 0) { own[0]++; own[4096] = 3; in_data[4000]++; in_bss[15000]++; common[0] = 77; common[5000] = 78; leave(own[0] * 16 + in_data[4000]); }
  reap(pid, &status); say("child saw", status >> 8); say("private", own[0]); say("fresh private", own[4096]); say("data", in_data[4000]); say("bss", in_bss[15000]); say("shared", common[0]); say("shared, first touched there", common[5000]);
  own[0] = 50; say("after", own[0]);
  put("-- heap\n");
  u64 start = (u64)sys3(SYS_brk, 0, 0, 0);
  say("grow", (u64)sys3(SYS_brk, (i64)start + 10000, 0, 0) - start == 10000); ((u8 *)start)[9999] = 4;
  say("shrink", (u64)sys3(SYS_brk, (i64)start + 100, 0, 0) - start == 100); say("gone", touch((u8 *)start + 8192, 0) != 0);
  sys3(SYS_brk, (i64)start + 10000, 0, 0); say("zero again", ((u8 *)start)[9999]); say("below", (u64)sys3(SYS_brk, (i64)start - 4096, 0, 0) - start);
  put("-- mremap\n");
  u8 *r = map(8192, 3, 0x22); r[0] = 11; r[8191] = 12; u8 *wall = (u8 *)sys6(SYS_mmap, (i64)r + 8192, 4096, 3, 0x32, -1, 0); wall[0] = 1;
  say("no room", sys6(SYS_mremap, (i64)r, 8192, 40960, 0, 0, 0)); r = (u8 *)sys6(SYS_mremap, (i64)r, 8192, 40960, 1, 0, 0);
  say("moved", (u64)r < ~4095ul); say("first", r[0]); say("last", r[8191]); say("fresh", r[40959]); say("shrink", sys6(SYS_mremap, (i64)r, 40960, 4096, 0, 0, 0) == (i64)r); say("gone", touch(r + 4096, 0) != 0);
  say("nothing there", sys6(SYS_mremap, 0x10000000, 4096, 8192, 1, 0, 0));
  put("-- madvise\n");
  own[0] = 5; say("DONTNEED", sys3(SYS_madvise, (i64)own, 4096, 4)); say("zero", own[0]);
  put("-- files\n");
  i64 fd = open_file("/tmp/perfglass-k-map", 0x242, 0644);
  static u8 text[5000];
  for (int i = 0; i < 5000; i++) text[i] = (u8)(i * 7);
  sys3(SYS_write, fd, (i64)text, 5000);
  u8 *f = (u8 *)sys6(SYS_mmap, 0, 3 * 4096, 3, 2, fd, 0);
  u64 sum = 0;
  for (int i = 0; i < 5000; i++) sum = sum * 31 + f[i];
  show("private file", sum); say("rest of the page", f[5000] + f[8191]); say("beyond the end", touch(f + 8192, 0));
  f[0] = 200; u8 first = 1; sys6(17, fd, (i64)&first, 1, 0, 0, 0); say("file unchanged", first);
  u8 *g = (u8 *)sys6(SYS_mmap, 0, 4096, 3, 1, fd, 4096);
  say("offset", g[10]); g[10] = 99; say("msync", sys3(SYS_msync, (i64)g, 4096, 4)); sys6(17, fd, (i64)&first, 1, 4106, 0, 0); say("file changed", first);
  i64 ro = open_file("/tmp/perfglass-k-map", 0, 0);
  say("shared write of a read-only file", sys6(SYS_mmap, 0, 4096, 3, 1, ro, 0)); say("shared read", (u64)sys6(SYS_mmap, 0, 4096, 1, 1, ro, 0) < ~4095ul); say("offset unaligned", sys6(SYS_mmap, 0, 4096, 1, 2, ro, 100));
  sys3(SYS_unlink, (i64) "/tmp/perfglass-k-map", 0, 0);
  put("-- text\n");
  say("own text is read-only", touch((u8 *)main, 1)); say("argv is there", argv[0] != 0);
  put("-- stack\n");
  say("deep", (i64)deep(5000));
  pid = fork();
  if (pid == 0) { action(SEGV, 0, 0, 0); deep(20000); leave(0); }
  reap(pid, &status); say("overflow", status & 0x7f);
  say("write to a bad pointer", sys3(SYS_write, 1, 8, 4)); say("read into text", sys3(SYS_getrandom, (i64)main, 4, 0));
  say("syscall touches fresh memory", sys3(SYS_getrandom, (i64)map(4096, 3, 0x22), 100, 0));
  return 0;
}
