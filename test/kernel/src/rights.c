/* Rights to files of a process that gives up user 0: the modes count, and what it makes is its own. Needs user 0. */
#include "lib.h"
enum { SYS_stat = 4, SYS_access = 21, SYS_rename = 82, SYS_mkdir = 83, SYS_rmdir = 84, SYS_link = 86, SYS_symlink = 88, SYS_chown = 92, SYS_umask = 95, SYS_chdir = 80, SYS_truncate = 76,
       SYS_setuid = 105, SYS_setreuid = 113, SYS_setresuid = 117, SYS_getresuid = 118, SYS_setresgid = 119, SYS_setgroups = 116, SYS_setfsuid = 122, SYS_utimensat = 280, SYS_faccessat2 = 439 };
struct stat { u64 dev, ino, nlink; u32 mode, uid, gid, pad; u64 rest[14]; };
static i64 call(int nr, const char *p, i64 a, i64 b) { return sys3(nr, (i64)p, a, b); }
static void owner(const char *name, const char *path) {
  struct stat s; i64 r = call(SYS_stat, path, (i64)&s, 0);
  say(name, r); if (r == 0) { say(" uid", s.uid); say(" gid", s.gid); say(" mode", s.mode); }
}
static i64 touch(const char *path, int mode) { i64 fd = open_file(path, 0x41, mode); if (fd >= 0) sys3(SYS_close, fd, 0, 0); return fd < 0 ? fd : 0; }
static i64 try_open(const char *path, int flags) { i64 fd = open_file(path, flags, 0600); if (fd >= 0) sys3(SYS_close, fd, 0, 0); return fd < 0 ? fd : 0; }
static void ids(const char *name) { u32 r[3]; sys3(SYS_getresuid, (i64)&r[0], (i64)&r[1], (i64)&r[2]); say(name, r[0]); say(" effective", r[1]); say(" saved", r[2]); }
int main(int argc, char **argv) {
  (void)argc; (void)argv;
  if (sys3(SYS_getuid, 0, 0, 0) != 0) { static const char skip[] = "skip: needs user 0\n"; sys3(SYS_write, 1, (i64)skip, sizeof skip - 1); return 0; }
  sys3(SYS_umask, 0, 0, 0);
  static char dir[] = "/tmp/perfglass-rights-0000000000";
  i64 pid = sys3(SYS_getpid, 0, 0, 0);
  for (int i = sizeof dir - 2; pid > 0; i--) { dir[i] = '0' + pid % 10; pid /= 10; }
  say("mkdir", call(SYS_mkdir, dir, 0755, 0)); say("chdir", call(SYS_chdir, dir, 0, 0));
  call(SYS_mkdir, "shut", 0700, 0); touch("shut/in", 0666); call(SYS_mkdir, "open", 0777, 0); call(SYS_mkdir, "sticky", 01777, 0); call(SYS_mkdir, "group", 02777, 0);
  touch("mine", 0600); touch("read", 0644); touch("write", 0622); touch("all", 0666); touch("of-group", 0640); call(SYS_chown, "of-group", 0, 4242); touch("sticky/other", 0666); touch("run", 0711);
  call(SYS_chown, "group", 0, 4243); touch("nobodys", 0044); call(SYS_chown, "nobodys", 65534, 65534);
  if (fork() == 0) {
    u32 groups[] = { 4242 };
    sys3(SYS_setgroups, 1, (i64)groups, 0); sys3(SYS_setresgid, 65534, 65534, 65534); sys3(SYS_setresuid, 65534, 65534, 65534);
    const char *names[] = { "mine", "read", "write", "all", "of-group", "shut", "shut/in", "shut/none", "run", "nobodys", "open", "." };
    for (u64 i = 0; i < sizeof names / sizeof *names; i++) {
      say(names[i], try_open(names[i], 0)); say(" write", try_open(names[i], 1)); say(" truncate", try_open(names[i], 01000)); say(" noatime", try_open(names[i], 01000000)); say(" path", try_open(names[i], 010000000));
      for (int m = 1; m < 8; m++) say(" access", call(SYS_access, names[i], m, 0));
    }
    say("new here", touch("new", 0666)); say("new there", touch("open/new", 04755)); owner("whose", "open/new"); say("new in a group's", touch("group/new", 0666)); owner("whose", "group/new");
    say("mkdir", call(SYS_mkdir, "group/dir", 0755, 0)); owner("whose", "group/dir"); say("mkdir here", call(SYS_mkdir, "dir", 0755, 0)); say("symlink", call(SYS_symlink, "x", (i64)"open/link", 0)); say("link here", call(SYS_link, "all", (i64)"link", 0));
    say("sticky", call(SYS_unlink, "sticky/other", 0, 0)); say("sticky own", touch("sticky/own", 0600)); say("sticky own gone", call(SYS_unlink, "sticky/own", 0, 0)); say("rename out", call(SYS_rename, "sticky/other", (i64)"open/other", 0));
    say("unlink", call(SYS_unlink, "all", 0, 0)); say("rmdir", call(SYS_rmdir, "open", 0, 0)); say("rename", call(SYS_rename, "open/new", (i64)"open/newer", 0)); say("rename here", call(SYS_rename, "open/newer", (i64)"newer", 0));
    say("chmod", call(SYS_chmod, "all", 0600, 0)); say("chmod own", call(SYS_chmod, "open/newer", 02755, 0)); owner("whose", "open/newer"); say("chmod of a group's", call(SYS_chmod, "group/new", 02755, 0)); owner("whose", "group/new");
    say("chown", call(SYS_chown, "all", 65534, -1)); say("chown own away", call(SYS_chown, "open/newer", 0, -1)); say("chown own to a group", call(SYS_chown, "open/newer", -1, 4242)); say("to another's", call(SYS_chown, "open/newer", -1, 4243));
    struct timespec t[2] = { { 1, 0 }, { 2, 0 } };
    say("times", sys6(SYS_utimensat, -100, (i64)"all", (i64)t, 0, 0, 0)); say("now", sys6(SYS_utimensat, -100, (i64)"all", 0, 0, 0, 0)); say("now, no write", sys6(SYS_utimensat, -100, (i64)"read", 0, 0, 0, 0)); say("own", sys6(SYS_utimensat, -100, (i64)"open/newer", (i64)t, 0, 0, 0));
    say("truncate", call(SYS_truncate, "read", 0, 0)); say("truncate all", call(SYS_truncate, "all", 0, 0)); say("chdir", call(SYS_chdir, "shut", 0, 0)); say("exec", call(SYS_execve, "read", 0, 0)); say("exec shut", call(SYS_execve, "shut/in", 0, 0));
    leave(0);
  }
  int status; reap(-1, &status); say("status", status);
  if (fork() == 0) { // another user's process is not to be scheduled
    i64 other = sys3(SYS_getppid, 0, 0, 0); u32 zero = 0; sys3(SYS_setresuid, 65534, 65534, 65534);
    say("policy", sys3(144, other, 0, (i64)&zero)); say("parameter", sys3(142, other, (i64)&zero, 0)); say("own", sys3(142, 0, (i64)&zero, 0));
    leave(0);
  }
  reap(-1, &status); say("status", status);
  if (fork() == 0) { // the real user stays 0: access(2) asks for that one
    sys3(SYS_setresuid, -1, 65534, -1);
    say("effective", try_open("mine", 0)); say("access", call(SYS_access, "mine", 4, 0)); say("AT_EACCESS", sys6(SYS_faccessat2, -100, (i64)"mine", 4, 0x200, 0, 0));
    sys3(SYS_setresuid, -1, 0, -1); say("fsuid", sys3(SYS_setfsuid, 65534, 0, 0)); say("as that", try_open("mine", 0)); say("fsuid", sys3(SYS_setfsuid, 0, 0, 0)); say("as 0", try_open("mine", 0));
    sys3(SYS_setreuid, -1, 65534, 0); ids("setreuid"); sys3(SYS_setresuid, -1, 0, -1);
    sys3(SYS_setreuid, 5, 6, 0); ids("setreuid"); say("back", sys3(SYS_setuid, 0, 0, 0)); say("to the real", sys3(SYS_setuid, 5, 0, 0)); ids("ids"); say("swap", sys3(SYS_setreuid, 6, 5, 0)); say("swap", sys3(SYS_setreuid, 5, 6, 0)); ids("ids");
    leave(0);
  }
  reap(-1, &status); say("status", status);
  touch("sticky/one", 0604); touch("two", 0602); // RENAME_EXCHANGE
#define SWAP(a, b, flags) sys6(316, -100, (i64)(a), -100, (i64)(b), flags, 0)
  say("exchange", SWAP("sticky/one", "two", 2)); owner("sticky/one", "sticky/one"); owner("two", "two"); say("with itself", SWAP("two", "two", 2)); say("with nothing", SWAP("two", "none", 2)); say("both flags", SWAP("two", "none", 3)); say("a folder", SWAP("shut", "two", 2)); owner("two", "two"); say("inside", SWAP("two", "two/in", 2)); say("outside", SWAP("two/in", "two", 2)); say("slash", SWAP("two/", "shut/", 2)); say("back", SWAP("two", "shut", 2)); owner("shut/in", "shut/in"); say("another system", SWAP("two", "/proc/version", 2));
  call(SYS_unlink, "sticky/one", 0, 0); call(SYS_unlink, "two", 0, 0);
  const char *files[] = { "shut/in", "mine", "read", "write", "all", "of-group", "sticky/other", "run", "nobodys", "open/newer", "open/link", "group/new" };
  for (u64 i = 0; i < sizeof files / sizeof *files; i++) call(SYS_unlink, files[i], 0, 0);
  const char *dirs[] = { "group/dir", "group", "shut", "open", "sticky", dir };
  i64 left = 0; for (u64 i = 0; i < sizeof dirs / sizeof *dirs; i++) left |= call(SYS_rmdir, dirs[i], 0, 0);
  say("left", left);
  return 0;
}
