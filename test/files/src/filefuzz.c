/* Random file calls: the arguments are a seed, a number of calls and, started by user 0, `users`: then the calls are made with changing user
 * and group ids, and modes and owners change. Prints each call with its result; the same seed prints the same natively
 * and under perfglass. Works in the folder `w` of the working directory, which it makes. What belongs to the kind of file system is left
 * out: sizes and offsets of folders, holes, the order of entries, inode numbers, times. */
#include "rt.h"

enum { open_ = 2, stat_ = 4, fstat_ = 5, lstat_ = 6, poll_ = 7, pread_ = 17, pwrite_ = 18, readv_ = 19, writev_ = 20, access_ = 21, dup2_ = 33,
       sendfile_ = 40, fcntl_ = 72, flock_ = 73, truncate_ = 76, ftruncate_ = 77, getcwd_ = 79, chdir_ = 80, fchdir_ = 81, rename_ = 82,
       mkdir_ = 83, rmdir_ = 84, link_ = 86, unlink_ = 87, symlink_ = 88, readlink_ = 89, chmod_ = 90, fchmod_ = 91, umask_ = 95,
       getdents64_ = 217, openat_ = 257, mkdirat_ = 258, newfstatat_ = 262, unlinkat_ = 263, linkat_ = 265, dup3_ = 292, pipe2_ = 293,
       renameat2_ = 316, copy_range_ = 326, close_range_ = 436, faccessat2_ = 439, ioctl_ = 16, lchown_ = 94, chown_ = 92, fchown_ = 93, utimensat_ = 280,
       setgroups_ = 116, setresuid_ = 117, setresgid_ = 119 };
#define C(n, ...) call(n, (i64[6]){__VA_ARGS__})
static i64 call(i64 n, const i64 *a) { return sys6(n, a[0], a[1], a[2], a[3], a[4], a[5]); }

static u64 state;
static u64 below(u64 n) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return (state >> 11) % n;
}

/* Every path stays inside `w`, whatever the links have become. */
static const char *const paths[] = {"a", "b", "c", "d", "e", "a/b", "a/c", "b/a", "a/b/c", "./a", "../w/a", "a/.", "a/..", "b/..", "d/", "a/", "e/",
                                    "c/", "a/b/", "l", "l/", "m", "m/x", "l/x", ".", "", "a//b", "zz/y", "l/..", "l/../a", "loop", "loop/x",
                                    "a/../../w/b", "m/", "./", "x/../a"};
static const char *path(void) { return paths[below(sizeof paths / sizeof *paths)]; }
static const u32 flag_sets[] = {0, 1, 2, 0100, 0101, 0102, 0302, 01002, 01102, 02001, 02102, 0200000, 0400000, 0400102, 010000000, 010200000,
                                010400000, 0100101, 04000, 0300, 0301, 0201100, 02000000};
static u32 flags(void) { return flag_sets[below(sizeof flag_sets / sizeof *flag_sets)]; }
static u64 descriptor(void) { return 3 + below(9); }

static char line[400];
static int length;
static void word(const char *s) {
  if (length > 0) line[length++] = ' ';
  while (*s != 0) line[length++] = *s++;
}
static void value(u64 v) {
  char digits[17];
  int n = 16;
  digits[16] = 0;
  do digits[--n] = "0123456789abcdef"[v & 15];
  while ((v >>= 4) != 0);
  word(digits + n);
}

static u8 buf[20000];
static u64 st[18];
static u64 hash(const u8 *p, u64 n) {
  u64 h = 14695981039346656037ul;
  for (u64 i = 0; i < n; i++) h = (h ^ p[i]) * 1099511628211ul;
  return h;
}
static u64 fill(u64 most) {
  u64 n = below(most);
  for (u64 i = 0; i < n; i++) buf[i] = (u8)below(256);
  return n;
}
static int is_folder(u64 fd) { return C(fstat_, (i64)fd, (i64)st) == 0 && (((u32 *)st)[6] & 0170000) == 0040000; }

static int users;
static i64 shown_stat(i64 r) {
  if (r != 0) return r;
  u32 mode = ((u32 *)st)[6];
  value(mode);
  if (users) value(((u32 *)st)[7]), value(((u32 *)st)[8]);
  if ((mode & 0170000) == 0040000) return r;
  value(st[2]);
  value(st[6]);
  return r;
}
static i64 shown_bytes(i64 r) {
  if (r > 0) value(hash(buf, (u64)r));
  return r;
}
static i64 entries(u64 fd) {
  C(SYS_lseek, (i64)fd, 0, 0);
  u64 count = 0, sum = 0;
  i64 n;
  while ((n = C(getdents64_, (i64)fd, (i64)buf, 64 + (i64)below(300))) > 0)
    for (i64 at = 0; at < n; at += *(u16 *)(buf + at + 16)) {
      u64 size = 0;
      while (buf[at + 19 + size] != 0) size++;
      count++;
      sum += hash(buf + at + 18, size + 1);
    }
  value(count);
  value(sum);
  return n;
}
/* where we stand, from `w` on */
static i64 place(void) {
  i64 n = C(getcwd_, (i64)buf, 4096);
  if (n <= 0) return n;
  i64 at = n - 2;
  while (at > 0 && !(buf[at] == 'w' && buf[at - 1] == '/' && (buf[at + 1] == 0 || buf[at + 1] == '/'))) at--;
  word((char *)buf + at);
  return 0;
}
static i64 up(void) {
  i64 n = C(getcwd_, (i64)buf, 4096);
  return n > 2 && buf[n - 2] == 'w' && buf[n - 3] == '/' ? 0 : C(chdir_, (i64) "..");
}
static i64 make_pipe(void) {
  u32 p[2] = {0, 0};
  i64 r = C(pipe2_, (i64)p, 04000);
  value(p[0]);
  value(p[1]);
  return r;
}
static i64 vector(i64 n, u64 fd) {
  i64 iov[6] = {(i64)buf, (i64)below(50), (i64)buf + 100, (i64)below(50), (i64)buf + 200, (i64)below(100)};
  for (int i = 0; i < 300; i++) buf[i] = (u8)below(256);
  i64 r = C(n, (i64)fd, (i64)iov, (i64)below(4));
  value(hash(buf, 300));
  return r;
}
static i64 ready(void) {
  struct { u32 fd; u16 events, revents; } fds[9];
  for (u32 i = 0; i < 9; i++) { fds[i].fd = 3 + i; fds[i].events = (u16)(1 + below(2) * 4); fds[i].revents = 0; }
  i64 r = C(poll_, (i64)fds, 9, 0);
  for (u32 i = 0; i < 9; i++) value(fds[i].revents);
  return r;
}
static i64 record_lock(u64 fd) {
  i64 lock[4] = {(i64)below(3), (i64)below(50), (i64)below(50), 0};
  return C(fcntl_, (i64)fd, 6, (i64)lock);
}
static i64 waiting(u64 fd) {
  u32 n = 0;
  if (is_folder(fd)) return 0;
  i64 r = C(ioctl_, (i64)fd, 0x541b, (i64)&n);
  value(n);
  return r;
}
/* not from a file to itself, nor into a pipe: Linux moves the very pages, so that later writes to the file show */
static i64 copied(i64 call_number, u64 from, u64 to) {
  if (is_folder(from) || is_folder(to)) return 0;
  u64 device = 0, inode = 0;
  if (C(fstat_, (i64)from, (i64)st) == 0) device = st[0], inode = st[1];
  if (C(fstat_, (i64)to, (i64)st) == 0 && ((st[0] == device && st[1] == inode) || (((u32 *)st)[6] & 0170000) == 0010000)) return 0;
  u64 at = below(300);
  i64 r = call_number == sendfile_ ? C(sendfile_, (i64)to, (i64)from, below(2) ? (i64)&at : 0, (i64)below(200))
                                   : C(copy_range_, (i64)from, (i64)&at, (i64)to, 0, (i64)below(200), 0);
  value(at);
  return r;
}

static i64 step(void) {
  u64 fd = descriptor(), other = descriptor();
  const char *p = path(), *q = path();
#define ON_PATH(name) word(name), word(p)
#define ON_PATHS(name) word(name), word(p), word(q)
#define ON_FD(name) word(name), value(fd)
  switch (below(48)) {
  case 0: case 1: case 2: case 3: { u32 f = flags(); ON_PATH("open"); value(f); return C(open_, (i64)p, f, 0666); }
  case 4: ON_FD("close"); return C(SYS_close, (i64)fd);
  case 5: case 6: if (is_folder(fd)) return 0; ON_FD("read"); return shown_bytes(C(SYS_read, (i64)fd, (i64)buf, (i64)below(300)));
  case 7: case 8: ON_FD("write"); return C(SYS_write, (i64)fd, (i64)buf, (i64)fill(300));
  case 9: if (is_folder(fd)) return 0; ON_FD("lseek"); return C(SYS_lseek, (i64)fd, (i64)below(600) - 100, (i64)below(3));
  case 10: if (is_folder(fd)) return 0; ON_FD("pread"); return shown_bytes(C(pread_, (i64)fd, (i64)buf, 100, (i64)below(600)));
  case 11: ON_FD("pwrite"); return C(pwrite_, (i64)fd, (i64) "hello", 5, (i64)below(900));
  case 12: ON_FD("dup2"); value(other); return C(dup2_, (i64)fd, (i64)other);
  case 13: case 14: ON_PATH("mkdir"); return C(mkdir_, (i64)p, 0777);
  case 15: ON_PATH("rmdir"); return C(rmdir_, (i64)p);
  case 16: case 17: ON_PATH("unlink"); return C(unlink_, (i64)p);
  case 18: case 19: ON_PATHS("rename"); return C(rename_, (i64)p, (i64)q);
  case 20: ON_PATHS("link"); return C(link_, (i64)p, (i64)q);
  case 21: ON_PATHS("symlink"); return C(symlink_, (i64)p, (i64)q);
  case 22: ON_PATH("readlink"); return shown_bytes(C(readlink_, (i64)p, (i64)buf, (i64)below(8)));
  case 23: ON_PATH("stat"); return shown_stat(C(stat_, (i64)p, (i64)st));
  case 24: ON_PATH("lstat"); return shown_stat(C(lstat_, (i64)p, (i64)st));
  case 25: ON_FD("fstat"); return shown_stat(C(fstat_, (i64)fd, (i64)st));
  case 26: ON_PATH("truncate"); return C(truncate_, (i64)p, (i64)below(500) - 5);
  case 27: ON_FD("ftruncate"); return C(ftruncate_, (i64)fd, (i64)below(500));
  case 28: ON_FD("fcntl"); return C(fcntl_, (i64)fd, below(2) ? 3 : 1, 0);
  case 29: ON_PATH("access"); return C(access_, (i64)p, (i64)below(9));
  case 30: ON_PATH("chmod"); return C(chmod_, (i64)p, below(2) ? 0644 : 0755);
  case 31: { u32 f = flags(); ON_FD("openat"); word(p); value(f); return C(openat_, (i64)fd, (i64)p, f, 0666); }
  case 32: ON_FD("unlinkat"); word(p); return C(unlinkat_, (i64)fd, (i64)p, (i64)below(2) * 0x200);
  case 33: ON_FD("getdents"); return entries(fd);
  case 34: word("chdir a"); return C(chdir_, (i64) "a");
  case 35: word("up"); return up();
  case 36: word("getcwd"); return place();
  case 37: ON_FD("fchdir"); return C(fchdir_, (i64)fd);
  case 38: word("pipe"); return make_pipe();
  case 39: ON_FD("readv"); return is_folder(fd) ? 0 : vector(readv_, fd);
  case 40: ON_FD("writev"); return vector(writev_, fd);
  case 41: word("poll"); return ready();
  case 42: ON_FD("lock"); return below(2) ? C(flock_, (i64)fd, 4 | (1 << below(2))) : record_lock(fd);
  case 43: ON_FD("fionread"); return waiting(fd);
  case 44: ON_FD("sendfile"); value(other); return copied(sendfile_, fd, other);
  case 45: ON_FD("renameat2"); word(p); word(q); return C(renameat2_, (i64)fd, (i64)p, -100, (i64)q, (i64)below(2));
  case 46: ON_FD("linkat"); word(p); word(q); return C(linkat_, (i64)fd, (i64)p, -100, (i64)q, (i64)below(2) * 0x400);
  default: ON_FD("fstatat"); word(p); return shown_stat(C(newfstatat_, (i64)fd, (i64)p, (i64)st, (i64)below(2) * 0x1000 + (i64)below(2) * 0x100));
  }
}

static const u32 ids[] = {0, 1000, 1001};
static const u32 modes[] = {0, 0111, 0222, 0444, 0555, 0600, 0640, 0644, 0660, 0700, 0711, 0750, 0755, 0770, 0777, 01777, 01770, 02775, 02755, 04755};
static i64 user_step(void) {
  const char *p = path();
  u64 fd = descriptor();
  u32 u = ids[below(3)], g = ids[below(3)], other = ids[below(3)], mode = modes[below(sizeof modes / sizeof *modes)];
  switch (below(8)) {
  case 0: case 1: { /* the saved ids stay 0, so that the way back is open */
    u32 list[2] = {other, 77};
    C(setresuid_, -1, 0, -1);
    word("user"); value(u); value(g); value(other);
    C(setgroups_, (i64)below(3), (i64)list);
    C(setresgid_, below(2) ? g : 0, g, -1);
    return C(setresuid_, below(2) ? u : 0, u, 0);
  }
  case 2: ON_PATH("chown"); value(u); value(g); return C(chown_, (i64)p, below(3) ? u : (i64)0xffffffff, below(3) ? g : (i64)0xffffffff);
  case 3: ON_PATH("lchown"); value(u); value(g); return C(lchown_, (i64)p, u, g);
  case 4: ON_FD("fchown"); value(u); value(g); return C(fchown_, (i64)fd, u, g);
  case 5: ON_PATH("chmod"); value(mode); return C(chmod_, (i64)p, mode);
  case 6: { i64 times[4] = {below(2) ? 5 : 0, below(2) ? 0x3fffffff : 7, 9, below(2) ? 0x3fffffff : 3};
    ON_PATH("utimensat"); value(times[1]); value(times[3]); return C(utimensat_, -100, (i64)p, (i64)times, 0); }
  default: { u64 how = below(8); ON_PATH("faccessat2"); value(how); return C(faccessat2_, -100, (i64)p, (i64)how, (i64)below(2) * 0x200); }
  }
}

static int main(int argc, char **argv) {
  u64 seed = size_arg(argc, argv, 1), steps = argc > 2 ? number(argv[2]) : 3000;
  users = argc > 3;
  state = seed * 0x9e3779b97f4a7c15ul + 1;
  for (int i = 0; i < 10; i++) below(2);
  C(close_range_, 3, 0xffffffffl, 0);
  C(umask_, users ? 002 : 022);
  i64 ignore[4] = {1, 0, 0, 0};
  C(13, 13, (i64)ignore, 0, 8); /* SIGPIPE */
  if (C(mkdir_, (i64) "w", 0755) < 0) { put("the folder w is there already\n"); return 2; }
  C(chdir_, (i64) "w");
  C(symlink_, (i64) "a", (i64) "l");
  C(symlink_, (i64) "nowhere", (i64) "m");
  C(symlink_, (i64) "loop", (i64) "loop");
  for (u64 i = 0; i < steps; i++) {
    length = 0;
    value(i);
    i64 r = users && below(3) == 0 ? user_step() : step();
    word("=");
    value((u64)r);
    line[length++] = '\n';
    sys3(SYS_write, 1, (i64)line, length);
  }
  return 0;
}
