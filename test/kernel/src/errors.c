/* Errors and their order, in calls whose good side other programs show: mmap, accept, fallocate, sched_setattr, msgrcv, prctl, chroot, /proc/sysvipc. */
#include "lib.h"
enum { SYS_socket = 41, SYS_accept = 43, SYS_bind = 49, SYS_memfd = 319, SYS_msgget = 68, SYS_msgsnd = 69, SYS_msgrcv = 70, SYS_msgctl = 71, SYS_shmget = 29, SYS_shmctl = 31, SYS_semget = 64, SYS_semctl = 66,
       SYS_sched_setattr = 314, SYS_sched_getattr = 315, SYS_fallocate = 285, SYS_chroot = 161, SYS_mkdir = 83, SYS_rmdir = 84, SYS_chdir = 80, SYS_setresuid = 117, SYS_getpriority = 140 };
struct attr { u32 size, policy; u64 flags; int nice; u32 priority; u64 runtime, deadline, period; u32 low, high; u32 more[4]; };
static void file(const char *name) { // its columns that are the same everywhere: all but the id
  static char text[4096]; i64 fd = open_file(name, 0, 0), n = sys3(SYS_read, fd, (i64)text, sizeof text - 1); sys3(SYS_close, fd, 0, 0); text[n < 0 ? 0 : n] = 0;
  say(name, fd >= 0); int line = 0, at = 0;
  for (int i = 0; text[i] != 0; i++) if (text[i] == '\n') { int mine = line == 0; for (int j = at; j + 9 < i && line > 0; j++) if (j == at && text[at + 4] == '2' && text[at + 5] == '7' && text[at + 9] == '9') mine = 1;
    if (mine) { say("width", i - at); sys3(SYS_write, 1, (i64)(text + at), line == 0 ? i - at : 10); sys3(SYS_write, 1, (i64)"\n", 1); } line++; at = i + 1; }
}
int main(int argc, char **argv) {
  (void)argc; (void)argv;
  say("mmap of nothing", sys6(SYS_mmap, 0, 0, 3, 2, 99, 0)); say("of a closed file", sys6(SYS_mmap, 0, 4096, 3, 2, 99, 0)); say("misaligned", sys6(SYS_mmap, 0, 4096, 3, 2, 99, 1)); say("empty anonymous", sys6(SYS_mmap, 0, 0, 3, 0x22, -1, 0));
  i64 self = open_file("/proc/self/exe", 010000000, 0); say("of a place", sys6(SYS_mmap, 0, 4096, 1, 2, self, 0));
  i64 m = sys3(SYS_memfd, (i64)"m", 0, 0); say("validate", sys6(SYS_mmap, 0, 4096, 1, 0x3 | 0x80000, m, 0)); say("unknown flag, shared", sys6(SYS_mmap, 0, 4096, 1, 0x1 | 0x80000000, m, 0) > 0); say("unknown flag, validate", sys6(SYS_mmap, 0, 4096, 1, 0x3 | 0x200000, m, 0)); say("validate anonymous", sys6(SYS_mmap, 0, 4096, 1, 0x23, -1, 0));
  i64 udp = sys3(SYS_socket, 2, 2, 0), tcp = sys3(SYS_socket, 2, 1, 0); say("accept, udp", sys3(SYS_accept, udp, 0, 0)); say("not listening", sys3(SYS_accept, tcp, 0, 0)); say("a place", sys3(SYS_accept, self, 0, 0)); say("a file", sys3(SYS_accept, m, 0, 0));
  struct attr a = { 0 }; say("getattr", sys6(SYS_sched_getattr, 0, (i64)&a, 48, 0, 0, 0)); say("size", a.size); say("policy", a.policy); say("56", sys6(SYS_sched_getattr, 0, (i64)&a, 56, 0, 0, 0)); say("size", a.size);
  say("short", sys6(SYS_sched_getattr, 0, (i64)&a, 47, 0, 0, 0)); say("no address", sys6(SYS_sched_getattr, 0, 0, 48, 0, 0, 0)); say("bad address", sys6(SYS_sched_getattr, 0, 8, 48, 0, 0, 0)); say("flags", sys6(SYS_sched_getattr, 0, (i64)&a, 48, 1, 0, 0)); say("negative", sys6(SYS_sched_getattr, -1, (i64)&a, 48, 0, 0, 0)); say("nobody", sys6(SYS_sched_getattr, 4000000, (i64)&a, 48, 0, 0, 0));
  struct attr s = { .size = 48, .policy = 3, .nice = 5 }; say("setattr", sys3(SYS_sched_setattr, 0, (i64)&s, 0)); say("nice", 20 - sys3(SYS_getpriority, 0, 0, 0)); sys6(SYS_sched_getattr, 0, (i64)&a, 48, 0, 0, 0); say("policy", a.policy); say("nice", a.nice);
  s.policy = 77; say("unknown policy", sys3(SYS_sched_setattr, 0, (i64)&s, 0)); s.policy = 0; s.priority = 1; say("priority", sys3(SYS_sched_setattr, 0, (i64)&s, 0)); s.priority = 0; s.size = 47; say("size", sys3(SYS_sched_setattr, 0, (i64)&s, 0)); say("told", s.size); s.size = 72; say("zeroes behind", sys3(SYS_sched_setattr, 0, (i64)&s, 0)); s.more[3] = 1; say("not zero", sys3(SYS_sched_setattr, 0, (i64)&s, 0)); s.size = 0; say("no size", sys3(SYS_sched_setattr, 0, (i64)&s, 0));
  s.size = 48; s.flags = 1ul << 40; say("flags", sys3(SYS_sched_setattr, 0, (i64)&s, 0)); s.flags = 0; say("nobody", sys3(SYS_sched_setattr, 4000000, (i64)&s, 0)); say("no address", sys3(SYS_sched_setattr, 0, 0, 0)); say("argument", sys3(SYS_sched_setattr, 0, (i64)&s, 1));
  struct { i64 type; char text[16]; } mail = { 1, "one" }; i64 q = sys3(SYS_msgget, 0x421a7, 01600, 0);
  sys6(SYS_msgsnd, q, (i64)&mail, 3, 0, 0, 0); mail.type = 2; mail.text[0] = 'O'; sys6(SYS_msgsnd, q, (i64)&mail, 4, 0, 0, 0);
  say("copy", sys6(SYS_msgrcv, q, (i64)&mail, 16, 1, 040000 | 04000, 0)); say("type", mail.type); say("first", sys6(SYS_msgrcv, q, (i64)&mail, 16, 0, 040000 | 04000, 0)); say("type", mail.type); say("none", sys6(SYS_msgrcv, q, (i64)&mail, 16, 2, 040000 | 04000, 0)); say("that waits", sys6(SYS_msgrcv, q, (i64)&mail, 16, 0, 040000, 0)); say("except", sys6(SYS_msgrcv, q, (i64)&mail, 16, 0, 060000 | 04000, 0)); say("small", sys6(SYS_msgrcv, q, (i64)&mail, 1, 0, 040000 | 04000, 0)); say("still there", sys6(SYS_msgrcv, q, (i64)&mail, 16, 0, 04000, 0));
  i64 shm = sys3(SYS_shmget, 0x421a7, 5000, 01640), sem = sys3(SYS_semget, 0x421a7, 3, 01604);
  file("/proc/sysvipc/msg"); file("/proc/sysvipc/shm"); file("/proc/sysvipc/sem");
  say("gone", sys3(SYS_msgctl, q, 0, 0)); say("gone", sys3(SYS_shmctl, shm, 0, 0)); say("gone", sys6(SYS_semctl, sem, 0, 0, 0, 0, 0));
  say("slack", sys6(SYS_prctl, 29, 70000, 0, 0, 0, 0)); say("slack", sys6(SYS_prctl, 30, 0, 0, 0, 0, 0));
  if (fork() == 0) { say("child's", sys6(SYS_prctl, 30, 0, 0, 0, 0, 0)); sys6(SYS_prctl, 29, 80000, 0, 0, 0, 0); sys6(SYS_prctl, 29, 0, 0, 0, 0, 0); say("its default", sys6(SYS_prctl, 30, 0, 0, 0, 0, 0)); leave(0); }
  int status; reap(-1, &status); sys6(SYS_prctl, 29, 0, 0, 0, 0, 0); say("default", sys6(SYS_prctl, 30, 0, 0, 0, 0, 0));
  say("sockname", sys3(51, tcp, 0, 0)); int room = 16, less = -1, no = 0; char name[16]; say("no buffer", sys3(51, tcp, 0, (i64)&room)); say("no room", sys3(51, tcp, 0, (i64)&no)); say("told", no); say("negative", sys3(51, tcp, (i64)name, (i64)&less)); say("peer", sys3(52, tcp, (i64)name, (i64)&room));
  struct timespec ts = { 0, 1 }; for (int c = 0; c < 8; c++) if (c != 2) say("sleep by clock", sys6(SYS_clock_nanosleep, c, 0, (i64)&ts, 0, 0, 0));
  u32 param; say("param", sys3(143, 0, (i64)&param, 0)); say("param of nobody", sys3(143, 4000000, (i64)&param, 0)); say("negative", sys3(143, -1, (i64)&param, 0)); say("nowhere", sys3(143, 0, 0, 0));
  i64 ro = sys6(SYS_mmap, 0, 4096, 1, 0x22, -1, 0); say("sendfile, offset read-only", sys6(40, open_file("/dev/null", 1, 0), m, ro, 1, 0, 0));
  i64 below = sys3(22, (i64)name, 0, 0) | *(int *)name; struct { u32 events; u64 data; } __attribute__((packed)) event = { 1, 0 };
  for (int depth = 1; depth < 8; depth++) { i64 above = sys3(291, 0, 0, 0); i64 got = sys6(233, above, 1, below, (i64)&event, 0, 0); say("epoll over epoll", got == -22 || got == -40 ? -1 : got); if (got == 0) below = above; }
  say("epoll of a place", sys6(233, below, 1, self, (i64)&event, 0, 0)); say("by a place", sys6(233, self, 1, below, (i64)&event, 0, 0));
  struct { u16 type, whence, pad[2]; i64 start, length; int pid; } lock = { 1, 0, { 0 }, 0, 1, 0 }; // two processes, two bytes: the second to ask is told of the deadlock
  int ready[2], go[2]; sys3(22, (i64)ready, 0, 0); sys3(22, (i64)go, 0, 0); char token = 'x';
  say("first byte", sys3(SYS_fcntl, m, 6, (i64)&lock));
  if (fork() == 0) {
    lock.start = 1; sys3(SYS_fcntl, m, 6, (i64)&lock); sys3(SYS_write, ready[1], (i64)&token, 1);
    lock.start = 0; i64 got = sys3(SYS_fcntl, m, 7, (i64)&lock); // waits for the parent's
    leave(got == 0 ? 3 : 4);
  }
  sys3(SYS_read, ready[0], (i64)&token, 1); struct timespec nap = { 0, 200000000 }; sys3(SYS_nanosleep, (i64)&nap, 0, 0);
  lock.start = 1; say("deadlock", sys3(SYS_fcntl, m, 7, (i64)&lock)); lock.start = 0; lock.type = 2; say("unlock", sys3(SYS_fcntl, m, 7, (i64)&lock)); reap(-1, &status); say("status", status);
#define SAME(one, other, kind, x, y) ({ i64 same = sys6(312, one, other, kind, x, y, 0); same > 0 ? 1 : same; })
  i64 mine = sys3(SYS_getpid, 0, 0, 0), copy = sys3(32, m, 0, 0), again = open_file("/proc/self/exe", 0, 0); i64 child = fork(); if (child == 0) { sys3(SYS_pause, 0, 0, 0); leave(0); }
  say("same file", SAME(mine, mine, 0, m, copy)); say("another", SAME(mine, mine, 0, m, again)); say("the child's", SAME(mine, child, 0, m, m)); say("closed", SAME(mine, child, 0, m, 999)); for (int kind = 1; kind < 5; kind++) { say("own", SAME(mine, mine, kind, 0, 0)); say("child's", SAME(mine, child, kind, 0, 0)); } say("kind", SAME(mine, mine, 99, 0, 0)); say("nobody", SAME(mine, 4000000, 1, 0, 0));
  u64 set = 1; say("affinity", sys3(203, child, 8, (i64)&set)); say("of nobody", sys3(203, 4000000, 8, (i64)&set)); say("nowhere", sys3(203, 4000000, 8, 8)); sys3(SYS_kill, child, KILL, 0); reap(child, &status);
  i64 first = sys3(SYS_semget, 0, 1, 01600), ids[70]; sys6(SYS_semctl, first, 0, 0, 0, 0, 0); for (int i = 0; i < 70; i++) { ids[i] = sys3(SYS_semget, 0, 1, 01600); if (i % 3 == 0) sys6(SYS_semctl, ids[i], 0, 0, 0, 0, 0); } i64 steps = 0; for (int i = 1; i < 60; i++) steps += ids[i] % 32768 == (ids[i - 1] + 1) % 32768 || ids[i] > ids[i - 1]; say("ids go up", steps); for (int i = 0; i < 70; i++) if (i % 3 != 0) sys6(SYS_semctl, ids[i], 0, 0, 0, 0, 0);
  i64 no_class = sys3(251, 1, 0, 4); say("ioprio, no class", no_class); say("pipe size", sys3(SYS_fcntl, ((int *)name)[0], 1031, 0x80000001));
  say("setparam, nowhere", sys3(142, 0, 0, 0));
  say("chroot to nothing", sys3(SYS_chroot, (i64)"/none", 0, 0)); say("to a file", sys3(SYS_chroot, (i64)"/proc/version", 0, 0));
  return 0;
}
