/* Extended attributes (xattr(7)): names, sizes, flags, who may. Needs user 0 and a file system that has them. */
#include "lib.h"
enum { SYS_mkdir = 83, SYS_rmdir = 84, SYS_symlink = 88, SYS_chdir = 80, SYS_mknod = 133, SYS_setxattr = 188, SYS_lsetxattr = 189, SYS_fsetxattr = 190, SYS_getxattr = 191, SYS_lgetxattr = 192,
       SYS_fgetxattr = 193, SYS_listxattr = 194, SYS_llistxattr = 195, SYS_flistxattr = 196, SYS_removexattr = 197, SYS_fremovexattr = 199, SYS_setresuid = 117 };
static char big[70000];
static i64 set(const char *f, const char *n, const char *v, i64 size, int flags) { return sys6(SYS_setxattr, (i64)f, (i64)n, (i64)v, size, flags, 0); }
static i64 get(const char *f, const char *n, i64 size) { return sys6(SYS_getxattr, (i64)f, (i64)n, (i64)big, size, 0, 0); }
static i64 rm(const char *f, const char *n) { return sys3(SYS_removexattr, (i64)f, (i64)n, 0); }
int main(int argc, char **argv) {
  (void)argc; (void)argv;
  static char dir[] = "/tmp/perfglass-xattrs-0000000000";
  i64 pid = sys3(SYS_getpid, 0, 0, 0);
  for (int i = sizeof dir - 2; pid > 0; i--) { dir[i] = '0' + pid % 10; pid /= 10; }
  sys3(SYS_mkdir, (i64)dir, 0755, 0); sys3(SYS_chdir, (i64)dir, 0, 0);
  i64 fd = open_file("f", 0x42, 0644);
  if (sys3(SYS_getuid, 0, 0, 0) != 0 || set("f", "user.a", "one", 3, 0) != 0) {
    static const char skip[] = "skip: needs user 0 and extended attributes in /tmp\n";
    sys3(SYS_write, 1, (i64)skip, sizeof skip - 1);
    sys3(SYS_unlink, (i64)"f", 0, 0); sys3(SYS_rmdir, (i64)dir, 0, 0); return 0;
  }
  say("get", get("f", "user.a", 100)); say("first", big[0]); say("size only", get("f", "user.a", 0)); say("too small", get("f", "user.a", 2)); say("none", get("f", "user.b", 100));
  say("create", set("f", "user.a", "two", 3, 1)); say("replace", set("f", "user.a", "three", 5, 2)); say("get", get("f", "user.a", 100)); say("replace none", set("f", "user.b", "x", 1, 2)); say("both", set("f", "user.b", "x", 1, 3)); say("flags", set("f", "user.b", "x", 1, 4));
  say("empty", set("f", "user.empty", 0, 0, 0)); say("get", get("f", "user.empty", 100)); say("trusted", set("f", "trusted.t", "x", 1, 0)); say("list", sys3(SYS_listxattr, (i64)"f", (i64)big, 1000)); say("size only", sys3(SYS_listxattr, (i64)"f", 0, 0)); say("too small", sys3(SYS_listxattr, (i64)"f", (i64)big, 3));
  say("fget", sys6(SYS_fgetxattr, fd, (i64)"user.a", (i64)big, 100, 0, 0)); say("flist", sys3(SYS_flistxattr, fd, (i64)big, 1000)); say("fset", sys6(SYS_fsetxattr, fd, (i64)"user.f", (i64)"x", 1, 0, 0)); say("fremove", sys3(SYS_fremovexattr, fd, (i64)"user.f", 0));
  i64 path = open_file("f", 010000000, 0); say("of a path", sys6(SYS_fgetxattr, path, (i64)"user.a", (i64)big, 100, 0, 0)); sys3(SYS_close, path, 0, 0); say("closed", sys3(SYS_flistxattr, 99, 0, 0));
  say("no name", set("f", "", "x", 1, 0)); say("no class", set("f", "plain", "x", 1, 0)); say("class only", set("f", "user.", "x", 1, 0)); say("unknown", set("f", "other.x", "x", 1, 0)); say("get unknown", get("f", "other.x", 10)); say("no address", set("f", (char *)8, "x", 1, 0)); say("no value", set("f", "user.x", (char *)8, 1, 0));
  static char name[300]; for (int i = 0; i < 290; i++) name[i] = "user."[i < 5 ? i : 0]; say("long name", set("f", name, "x", 1, 0)); name[255] = 0; say("longest", set("f", name, "x", 1, 0)); say("get", get("f", name, 10)); say("remove", rm("f", name));
  say("large", set("f", "user.large", big, 65537, 0)); say("no file", set("none", "user.x", "x", 1, 0)); say("flags before the file", set("none", "user.x", "x", 1, 9)); say("no file", get("none", "user.x", 1)); say("remove", rm("f", "user.empty")); say("again", rm("f", "user.empty")); say("list", sys3(SYS_listxattr, (i64)"f", (i64)big, 1000));
  sys3(SYS_symlink, (i64)"f", (i64)"link", 0); say("through a link", get("link", "user.a", 10)); say("of a link", sys6(SYS_lgetxattr, (i64)"link", (i64)"user.a", (i64)big, 10, 0, 0)); say("of a link", sys6(SYS_lsetxattr, (i64)"link", (i64)"user.a", (i64)big, 1, 0, 0)); say("trusted of a link", sys6(SYS_lsetxattr, (i64)"link", (i64)"trusted.a", (i64)big, 1, 0, 0)); say("list", sys3(SYS_llistxattr, (i64)"link", 0, 0));
  sys3(SYS_mknod, (i64)"fifo", 010666, 0); say("of a FIFO", set("fifo", "user.a", "x", 1, 0)); say("of a FIFO", get("fifo", "user.a", 1)); say("trusted", set("fifo", "trusted.a", "x", 1, 0)); say("of a directory", set(".", "user.d", "x", 1, 0)); say("get", get(".", "user.d", 1));
  say("of proc", get("/proc/version", "user.a", 1)); say("of proc", set("/proc/version", "user.a", "x", 1, 0));
  if (fork() == 0) {
    sys3(SYS_setresuid, 65534, 65534, 65534);
    say("read", get("f", "user.a", 10)); say("write", set("f", "user.a", "x", 1, 0)); say("trusted", get("f", "trusted.t", 10)); say("set trusted", set("f", "trusted.t", "x", 1, 0)); say("security", set("f", "security.x", "x", 1, 0)); say("list", sys3(SYS_listxattr, (i64)"f", (i64)big, 1000));
    leave(0);
  }
  int status; reap(-1, &status);
  sys3(SYS_unlink, (i64)"f", 0, 0); i64 again = open_file("f", 0x42, 0600); say("a new file", sys3(SYS_flistxattr, again, 0, 0)); say("the old one", sys3(SYS_flistxattr, fd, 0, 0) > 0);
  const char *files[] = { "f", "link", "fifo" }; for (int i = 0; i < 3; i++) sys3(SYS_unlink, (i64)files[i], 0, 0);
  say("left", sys3(SYS_rmdir, (i64)dir, 0, 0));
  return 0;
}
