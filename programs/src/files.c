/* The file calls: what each answers, on a folder that the program makes in the working directory and removes again. Prints results that
 * are the same on every Linux: no inode numbers, no times but those it sets. */
#include "rt.h"

enum { O_WRONLY = 1, O_RDWR = 2, O_CREAT = 0100, O_EXCL = 0200, O_TRUNC = 01000, O_APPEND = 02000, O_NONBLOCK = 04000, O_DIRECTORY = 0200000,
       O_NOFOLLOW = 0400000, O_CLOEXEC = 02000000, O_PATH = 010000000, AT_FDCWD = -100 };
enum { open_ = 2, stat_ = 4, fstat_ = 5, lstat_ = 6, poll_ = 7, ioctl_ = 16, pread_ = 17, pwrite_ = 18, readv_ = 19, writev_ = 20, access_ = 21,
       dup_ = 32, dup2_ = 33, sendfile_ = 40, fcntl_ = 72, flock_ = 73, fsync_ = 74, truncate_ = 76, ftruncate_ = 77, getcwd_ = 79, chdir_ = 80,
       fchdir_ = 81, rename_ = 82, mkdir_ = 83, rmdir_ = 84, creat_ = 85, link_ = 86, unlink_ = 87, symlink_ = 88, readlink_ = 89, chmod_ = 90,
       fchmod_ = 91, umask_ = 95, getdents64_ = 217, openat_ = 257, mkdirat_ = 258, newfstatat_ = 262, unlinkat_ = 263, utimensat_ = 280,
       fallocate_ = 285, eventfd2_ = 290, dup3_ = 292, pipe2_ = 293, renameat2_ = 316, memfd_ = 319, copy_range_ = 326, statx_ = 332,
       close_range_ = 436, faccessat2_ = 439, mknod_ = 133, select_ = 23 };
#define C(n, ...) sys6v(n, (i64[6]){__VA_ARGS__})
#define R(label, ...) show(label, (u64)C(__VA_ARGS__))
#define P(p) (i64)(p)

static i64 sys6v(i64 n, const i64 *a) { return sys6(n, a[0], a[1], a[2], a[3], a[4], a[5]); }
static u8 buf[70000];
static u64 st[18];

static void show_stat(const char *label, i64 result) {
  show(label, (u64)result);
  if (result != 0) return;
  if ((((u32 *)st)[6] & 0170000) != 0040000) show(" nlink", st[2]);
  show(" mode", ((u32 *)st)[6]);
  if ((((u32 *)st)[6] & 0170000) != 0040000) show(" size", st[6]); /* a folder's size is the file system's affair */
}
static u64 hash(const u8 *p, u64 n) {
  u64 h = 14695981039346656037ul;
  for (u64 i = 0; i < n; i++) h = (h ^ p[i]) * 1099511628211ul;
  return h;
}
/* how many entries, and the sum of the hashes of names and types: directory order is not promised */
static void list(const char *label, const char *path) {
  i64 fd = C(open_, P(path), O_DIRECTORY);
  u64 count = 0, sum = 0;
  for (;;) {
    i64 n = C(getdents64_, fd, P(buf), 200);
    if (n <= 0) { show(" end", (u64)n); break; }
    for (i64 at = 0; at < n; at += *(u16 *)(buf + at + 16)) {
      u64 length = 0;
      while (buf[at + 19 + length] != 0) length++;
      count++;
      sum += hash(buf + at + 18, length + 1);
    }
  }
  C(SYS_close, fd);
  show(label, count);
  show(" sum", sum);
}

static void names(void) {
  R("mkdir", mkdir_, P("d"), 0777);
  R("mkdir again", mkdir_, P("d"), 0777);
  R("mkdir slash", mkdir_, P("e///"), 0700);
  R("mkdir under none", mkdir_, P("none/x"), 0700);
  i64 fd = C(open_, P("f"), O_CREAT | O_RDWR, 0666);
  show("create", (u64)fd);
  R("write", SYS_write, fd, P("hello world"), 11);
  R("exclusive", open_, P("f"), O_CREAT | O_EXCL | O_RDWR, 0666);
  R("symlink", symlink_, P("f"), P("l"));
  R("dangling", symlink_, P("nowhere"), P("dang"));
  R("to directory", symlink_, P("d"), P("ld"));
  R("loop", symlink_, P("loop"), P("loop"));
  R("open loop", open_, P("loop"), 0);
  R("open nofollow", open_, P("l"), O_NOFOLLOW);
  R("open f/", open_, P("f/"), 0);
  R("open f/x", open_, P("f/x"), 0);
  R("open directory to write", open_, P("d"), O_RDWR);
  R("open file as directory", open_, P("f"), O_DIRECTORY);
  R("open dangling exclusive", open_, P("dang"), O_CREAT | O_EXCL | O_RDWR, 0666);
  R("open empty", open_, P(""), 0);
  R("open null pointer", open_, 0, 0);
  R("readlink", readlink_, P("ld"), P(buf), 100);
  R("readlink short", readlink_, P("dang"), P(buf), 3);
  R("readlink file", readlink_, P("f"), P(buf), 100);
  R("link", link_, P("f"), P("h"));
  show_stat("stat f", C(stat_, P("f"), P(st)));
  show_stat("stat l", C(stat_, P("l"), P(st)));
  show_stat("lstat l", C(lstat_, P("l"), P(st)));
  show_stat("stat dang", C(stat_, P("dang"), P(st)));
  show_stat("lstat ld/", C(lstat_, P("ld/"), P(st)));
  show_stat("fstat", C(fstat_, fd, P(st)));
  R("link to directory", link_, P("d"), P("x"));
  R("rename file onto directory", rename_, P("f"), P("d"));
  R("rename directory onto file", rename_, P("d"), P("f"));
  R("rename into itself", rename_, P("d"), P("d/x"));
  R("rename same file", rename_, P("f"), P("h"));
  R("rename", rename_, P("h"), P("d/g"));
  R("noreplace", renameat2_, AT_FDCWD, P("f"), AT_FDCWD, P("d/g"), 1);
  R("rmdir full", rmdir_, P("d"));
  R("rmdir .", rmdir_, P("."));
  R("rmdir file", rmdir_, P("f"));
  R("unlink directory", unlink_, P("d"));
  R("unlink slash", unlink_, P("f/"));
  R("unlinkat", unlinkat_, AT_FDCWD, P("d/g"), 0);
  R("unlinkat directory", unlinkat_, AT_FDCWD, P("e"), 0x200);
  R("access", access_, P("f"), 6);
  R("access bad", access_, P("f"), 8);
  R("access none", access_, P("none"), 0);
  R("chmod", chmod_, P("f"), 0751);
  R("fchmod", fchmod_, fd, 0640);
  show_stat("stat f", C(stat_, P("f"), P(st)));
  u64 times[4] = {1000000000, 5, 1234567890, 0};
  R("utimensat", utimensat_, AT_FDCWD, P("f"), P(times), 0);
  C(stat_, P("f"), P(st));
  show(" atime", st[9]);
  show(" mtime", st[11]);
  times[1] = 1000000000;
  R("utimensat bad", utimensat_, AT_FDCWD, P("f"), P(times), 0);
  list("entries", ".");
  C(SYS_close, fd);
}

static void descriptors(void) {
  i64 fd = C(open_, P("f"), O_RDWR);
  R("dup", dup_, fd);
  R("dup2", dup2_, fd, 10);
  R("dup2 same", dup2_, fd, fd);
  R("dup2 bad", dup2_, 77, 10);
  R("dup2 negative", dup2_, fd, -1);
  R("dup3 same", dup3_, fd, fd, 0);
  R("dup3 cloexec", dup3_, fd, 11, O_CLOEXEC);
  R("getfd", fcntl_, 11, 1);
  R("dupfd", fcntl_, fd, 0, 20);
  R("dupfd huge", fcntl_, fd, 0, 0x7fffffff);
  show("getfl", (u64)C(fcntl_, fd, 3) & ~0100000ul); /* O_LARGEFILE: qemu-user hides it */
  R("setfl", fcntl_, fd, 4, O_APPEND | O_NONBLOCK);
  show("getfl of dup", (u64)C(fcntl_, 10, 3) & ~0100000ul);
  R("setfl back", fcntl_, fd, 4, 0);
  R("fcntl unknown", fcntl_, fd, 999, 0);
  R("close_range", close_range_, 10, 30, 0);
  R("closed", fcntl_, 20, 1);
  R("read", SYS_read, fd, P(buf), 5);
  R("seek cur", SYS_lseek, fd, 0, 1);
  R("seek end", SYS_lseek, fd, -3, 2);
  R("seek negative", SYS_lseek, fd, -1, 0);
  R("seek data", SYS_lseek, fd, 4, 3);
  R("seek hole", SYS_lseek, fd, 4, 4);
  R("seek data at end", SYS_lseek, fd, 11, 3);
  R("seek bad", SYS_lseek, fd, 0, 9);
  R("pread", pread_, fd, P(buf), 4, 6);
  show(" bytes", hash(buf, 4));
  R("pread negative", pread_, fd, P(buf), 4, -1);
  R("pwrite beyond", pwrite_, fd, P("end"), 3, 5000);
  R("read null", SYS_read, fd, 0, 4);
  R("read huge count", SYS_read, fd, P(buf), -1);
  i64 iov[4] = {P(buf), 2, P(buf + 100), 5};
  R("seek set", SYS_lseek, fd, 0, 0);
  R("readv", readv_, fd, P(iov), 2);
  R("readv too many", readv_, fd, P(iov), 1025);
  iov[3] = -1;
  R("writev negative", writev_, fd, P(iov), 2);
  R("truncate", truncate_, P("f"), 8);
  R("ftruncate", ftruncate_, fd, 6000);
  R("fallocate", fallocate_, fd, 0, 6000, 500);
  show_stat("fstat", C(fstat_, fd, P(st)));
  R("seek set", SYS_lseek, fd, 0, 0);
  i64 n = C(SYS_read, fd, P(buf), 70000);
  show("read all", (u64)n);
  show(" bytes", hash(buf, (u64)n));
  i64 to = C(open_, P("copy"), O_CREAT | O_WRONLY | O_APPEND, 0600);
  R("sendfile to append", sendfile_, to, fd, 0, 100);
  C(SYS_close, to);
  to = C(open_, P("copy"), O_RDWR | O_TRUNC);
  u64 at = 100;
  R("sendfile", sendfile_, to, fd, P(&at), 1000);
  show(" offset", at);
  at = 6400;
  R("copy_file_range", copy_range_, fd, P(&at), to, 0, 1000, 0);
  R("write to read-only", SYS_write, (i64)C(open_, P("f"), 0), P("x"), 1);
  R("read from write-only", SYS_read, (i64)C(open_, P("f"), O_WRONLY), P(buf), 1);
  R("fsync", fsync_, fd);
  R("flock", flock_, fd, 2);
  R("flock other", flock_, to, 6);
  i64 again = C(open_, P("f"), 0);
  R("flock again", flock_, again, 6);
  i64 place = C(open_, P("f"), O_PATH);
  R("read path", SYS_read, place, P(buf), 1);
  R("fchmod path", fchmod_, place, 0600);
  show_stat("fstat path", C(fstat_, place, P(st)));
  R("getdents of file", getdents64_, fd, P(buf), 100);
  R("read directory", SYS_read, (i64)C(open_, P("d"), 0), P(buf), 100);
  R("isatty", ioctl_, fd, 0x5401, P(buf));
  u32 waiting = 0;
  C(SYS_lseek, fd, 6000, 0);
  R("fionread", ioctl_, fd, 0x541b, P(&waiting));
  show(" count", waiting);
  R("close_range all", close_range_, 3, 0xffffffffl, 0);
  R("close closed", SYS_close, fd);
  R("umask", umask_, 027);
  R("create", SYS_close, (i64)C(open_, P("masked"), O_CREAT | O_WRONLY, 0666));
  show_stat("stat masked", C(stat_, P("masked"), P(st)));
  R("umask back", umask_, 022);
}

static void places(void) {
  R("mkdir", mkdir_, P("d/sub"), 0755);
  i64 dir = C(open_, P("d"), O_DIRECTORY);
  R("openat", openat_, dir, P("sub"), O_DIRECTORY);
  R("openat file", openat_, (i64)C(open_, P("f"), 0), P("sub"), 0);
  R("mkdirat", mkdirat_, dir, P("two"), 0755);
  R("fstatat empty", newfstatat_, dir, P(""), P(st), 0x1000);
  R("fstatat empty refused", newfstatat_, dir, P(""), P(st), 0);
  R("fstatat bad flag", newfstatat_, dir, P("sub"), P(st), 1);
  R("statx", statx_, dir, P("sub"), 0, 0x7ff, P(buf));
  R("statx reserved", statx_, dir, P("sub"), 0, 0x80000000l, P(buf));
  R("faccessat2", faccessat2_, dir, P("sub"), 1, 0x200);
  R("chdir", chdir_, P("d/sub/../sub"));
  i64 n = C(getcwd_, P(buf), 4096);
  show("getcwd ends", hash(buf + n - 7, 7));
  R("getcwd short", getcwd_, P(buf), 3);
  R("rename the parent", rename_, P("../../d"), P("../../dd"));
  n = C(getcwd_, P(buf), 4096);
  show("getcwd ends", hash(buf + n - 8, 8));
  R("remove the place", rmdir_, P("../sub"));
  R("getcwd gone", getcwd_, P(buf), 4096);
  R("create in nothing", open_, P("x"), O_CREAT | O_WRONLY, 0600);
  show_stat("stat .", C(stat_, P("."), P(st)));
  R("up", chdir_, P(".."));
  R("fchdir", fchdir_, dir);
  R("back", chdir_, P(".."));
  R("chdir to file", chdir_, P("f"));
  R("rename back", rename_, P("dd"), P("d"));
  R("rmdir two", rmdir_, P("d/two"));
  R("close_range all", close_range_, 3, 0xffffffffl, 0);
}

static void pipes(void) {
  u32 p[2];
  u16 fds[16];
  R("pipe2", pipe2_, P(p), O_NONBLOCK);
  R("empty", SYS_read, p[0], P(buf), 10);
  R("fill", SYS_write, p[1], P(buf), 70000);
  R("full", SYS_write, p[1], P(buf), 1);
  R("drain", SYS_read, p[0], P(buf), 70000);
  R("seek", SYS_lseek, p[0], 0, 0);
  R("pread", pread_, p[0], P(buf), 1, 0);
  R("size", fcntl_, p[0], 1032);
  R("resize", fcntl_, p[0], 1031, 5000);
  ((u32 *)fds)[0] = p[0]; fds[2] = 1;
  ((u32 *)fds)[2] = p[1]; fds[6] = 4;
  ((u32 *)fds)[4] = 99; fds[10] = 1;
  R("poll", poll_, P(fds), 3, 0);
  show(" events", fds[3] | (u64)fds[7] << 16 | (u64)fds[11] << 32);
  R("write", SYS_write, p[1], P("abc"), 3);
  u32 waiting = 0;
  R("fionread", ioctl_, p[0], 0x541b, P(&waiting));
  show(" count", waiting);
  u64 set = 1ul << p[0];
  u64 time[2] = {0, 0};
  R("select", select_, 32, P(&set), 0, 0, P(time));
  R("close writer", SYS_close, p[1]);
  R("poll", poll_, P(fds), 1, -1);
  show(" events", fds[3]);
  R("rest", SYS_read, p[0], P(buf), 10);
  R("end", SYS_read, p[0], P(buf), 10);
  R("poll", poll_, P(fds), 1, -1);
  show(" events", fds[3]);
  R("close reader", SYS_close, p[0]);
  i64 e = C(eventfd2_, 3, O_NONBLOCK);
  R("eventfd", SYS_read, e, P(st), 8);
  show(" count", st[0]);
  R("eventfd empty", SYS_read, e, P(st), 8);
  R("eventfd short", SYS_read, e, P(st), 4);
  C(SYS_close, e);
  i64 m = C(memfd_, P("m"), 2);
  R("memfd write", SYS_write, m, P("hello"), 5);
  R("memfd seal", fcntl_, m, 1033, 2);
  R("memfd shrink", ftruncate_, m, 1);
  C(SYS_close, m);
  R("fifo", mknod_, P("p"), 0010644);
  R("fifo write nobody", open_, P("p"), O_WRONLY | O_NONBLOCK);
  i64 r = C(open_, P("p"), O_NONBLOCK);
  i64 w = C(open_, P("p"), O_WRONLY);
  R("fifo write", SYS_write, w, P("xy"), 2);
  R("fifo read", SYS_read, r, P(buf), 10);
  C(SYS_close, w);
  R("fifo end", SYS_read, r, P(buf), 10);
  C(SYS_close, r);
  R("unlink fifo", unlink_, P("p"));
  /* a writer that must wait for its reader: more than fits, in another process */
  C(pipe2_, P(p), 0);
  i64 child = C(SYS_fork, 0);
  if (child == 0) {
    C(SYS_close, p[0]);
    for (u64 i = 0; i < sizeof buf; i++) buf[i] = (u8)(i * 7);
    i64 n = C(SYS_write, p[1], P(buf), sizeof buf);
    C(SYS_write, p[1], P(buf), sizeof buf);
    C(SYS_exit_group, n == (i64)sizeof buf ? 7 : 8);
  }
  C(SYS_close, p[1]);
  u64 total = 0, h = 0;
  for (i64 n; (n = C(SYS_read, p[0], P(buf), 3000)) > 0; total += (u64)n)
    for (i64 i = 0; i < n; i++) h = h * 31 + buf[i];
  show("from the child", total);
  show(" hash", h);
  u32 status = 0;
  C(SYS_wait4, child, P(&status), 0, 0);
  show(" status", status);
  C(SYS_close, p[0]);
}

static void special(void) {
  i64 fd = C(open_, P("/dev/null"), O_RDWR);
  R("null read", SYS_read, fd, P(buf), 10);
  R("null write", SYS_write, fd, P(buf), 10);
  R("null seek", SYS_lseek, fd, 100, 0);
  C(fstat_, fd, P(st));
  show(" rdev", st[5]);
  R("zero", SYS_read, (i64)C(open_, P("/dev/zero"), 0), P(buf), 1000);
  show(" bytes", hash(buf, 1000));
  R("full", SYS_write, (i64)C(open_, P("/dev/full"), O_WRONLY), P(buf), 10);
  R("random", SYS_read, (i64)C(open_, P("/dev/urandom"), 0), P(buf), 100);
  R("fd link", readlink_, P("/proc/self/fd/3"), P(buf), 100);
  show(" text", hash(buf, 9));
  R("unlink /proc", unlink_, P("/proc/self/status"));
  R("rmdir /proc", rmdir_, P("/proc"));
  R("mkdir in /proc", mkdir_, P("/proc/x"), 0755);
  R("close_range all", close_range_, 3, 0xffffffffl, 0);
}

static int main(int argc, char **argv) {
  (void)argc;
  (void)argv;
  R("umask", umask_, 022);
  R("mkdir", mkdir_, P("files.tmp"), 0755);
  R("chdir", chdir_, P("files.tmp"));
  names();
  descriptors();
  places();
  pipes();
  special();
  static const char *const left[] = {"f", "l", "dang", "ld", "loop", "copy", "masked"};
  for (u64 i = 0; i < sizeof left / sizeof *left; i++) R(left[i], unlink_, P(left[i]));
  R("rmdir", rmdir_, P("d"));
  R("up", chdir_, P(".."));
  R("rmdir", rmdir_, P("files.tmp"));
  return 0;
}
