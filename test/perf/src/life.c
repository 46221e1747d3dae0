/* How long events live and whom they follow: close, dup, fork, exec, inherit, prctl. */
#include "lib.h"
#include <sched.h>

static int child_that_faults(int n) {
  int pid = fork();
  if (pid == 0) {
    fault(n);
    _exit(0);
  }
  return pid;
}

static void sharing(void) {
  int fd = must(open_self(faults()), "event");
  int twin = dup(fd);
  fault(10);
  uint64_t a = count(fd), b = count(twin);
  truth("a dup is the same event", b >= a && b < a + 5);
  close(fd);
  uint64_t before = count(twin);
  fault(10);
  truth("it lives with its last descriptor", count(twin) >= before + 10);
  int ready[2];
  pipe(ready);
  int child = fork();
  if (child == 0) {
    usleep(20000); /* until its parent waits, which copies its own pages before */
    uint64_t v = count(twin);
    fault(100);
    uint64_t w = count(twin);
    write(ready[1], v == w ? "y" : "n", 1);
    _exit(0);
  }
  waitpid(child, NULL, 0);
  char c = '?';
  read(ready[0], &c, 1);
  truth("a child reads it, and is not counted", c == 'y');
}

static void inherit(void) {
  struct perf_event_attr a = faults();
  a.inherit = 1;
  a.read_format = PERF_FORMAT_TOTAL_TIME_ENABLED;
  int fd = must(open_self(a), "inherited");
  waitpid(child_that_faults(100), NULL, 0);
  uint64_t one = count(fd);
  truth("a child's faults are counted", one >= 100);
  int pid = fork();
  if (pid == 0) {
    int grandchild = child_that_faults(200);
    waitpid(grandchild, NULL, 0);
    _exit(0);
  }
  waitpid(pid, NULL, 0);
  uint64_t two = count(fd);
  truth("a grandchild's too", two >= one + 200);
  ioctl(fd, PERF_EVENT_IOC_DISABLE, 0);
  waitpid(child_that_faults(100), NULL, 0);
  truth("disabled: nobody's", count(fd) == two);
  ioctl(fd, PERF_EVENT_IOC_RESET, 0);
  number("reset leaves what children counted that have ended", count(fd) > 0 && count(fd) < two);
  int ready[2], go[2];
  pipe(ready), pipe(go);
  ioctl(fd, PERF_EVENT_IOC_ENABLE, 0);
  pid = fork();
  if (pid == 0) {
    char c;
    read(go[0], &c, 1);
    fault(300);
    write(ready[1], "x", 1);
    read(go[0], &c, 1);
    _exit(0);
  }
  char c;
  uint64_t before = count(fd);
  write(go[1], "x", 1);
  read(ready[0], &c, 1);
  truth("a child that lives is counted", count(fd) >= before + 200);
  close(fd);
  write(go[1], "x", 1);
  waitpid(pid, NULL, 0);
  truth("closed under a living child", 1);
}

static void many(void) {
  struct perf_event_attr a = faults();
  a.inherit = 1;
  int fd = must(open_self(a), "inherited");
  int n = 0;
  for (int i = 0; i < 1000; i++) {
    int pid = child_that_faults(2);
    if (pid < 0) break;
    n++;
    waitpid(pid, NULL, 0);
  }
  number("children", n);
  truth("all counted", count(fd) >= 2000);
}

static void others(void) {
  int ready[2], go[2];
  pipe(ready), pipe(go);
  int pid = fork();
  if (pid == 0) {
    char c;
    write(ready[1], "x", 1);
    read(go[0], &c, 1);
    fault(50);
    write(ready[1], "x", 1);
    read(go[0], &c, 1);
    _exit(0);
  }
  char c;
  read(ready[0], &c, 1);
  usleep(20000); /* until it waits */
  struct perf_event_attr a = faults();
  int fd = must(open_event(&a, pid, -1, -1, 0), "a child's event");
  fault(100);
  number("nobody runs: nothing", count(fd));
  write(go[1], "x", 1);
  read(ready[0], &c, 1);
  truth("the child's faults only", count(fd) >= 50 && count(fd) < 80);
  write(go[1], "x", 1);
  waitpid(pid, NULL, 0);
  uint64_t last = count(fd);
  truth("its count can be read when it has gone", last >= 50);
  row("enable then", ioctl(fd, PERF_EVENT_IOC_ENABLE, 0));
  row("reset then", ioctl(fd, PERF_EVENT_IOC_RESET, 0));
}

static void task_wide(void) {
  int a = must(open_self(faults()), "a"), b = must(open_self(faults()), "b");
  row("PR_TASK_PERF_EVENTS_DISABLE", prctl(PR_TASK_PERF_EVENTS_DISABLE, 0, 0, 0, 0));
  uint64_t va = count(a), vb = count(b);
  fault(10);
  truth("both stand still", count(a) == va && count(b) == vb);
  row("PR_TASK_PERF_EVENTS_ENABLE", prctl(PR_TASK_PERF_EVENTS_ENABLE, 0, 0, 0, 0));
  fault(10);
  truth("both count", count(a) >= va + 10 && count(b) >= vb + 10);
  int pid = fork();
  if (pid == 0) {
    prctl(PR_TASK_PERF_EVENTS_DISABLE, 0, 0, 0, 0);
    _exit(0);
  }
  waitpid(pid, NULL, 0);
  va = count(a);
  fault(10);
  truth("a child's wish is not its parent's", count(a) >= va + 10);
}

static void execs(const char *self) {
  struct perf_event_attr a = faults();
  a.disabled = 1;
  a.enable_on_exec = 1;
  int ready[2];
  pipe(ready);
  int pid = fork();
  if (pid == 0) {
    char c;
    read(ready[0], &c, 1);
    fault(1000);
    execl(self, self, "nothing", NULL);
    _exit(1);
  }
  int on = must(open_event(&a, pid, -1, -1, 0), "enable_on_exec");
  a = faults();
  a.remove_on_exec = 1;
  int off = must(open_event(&a, pid, -1, -1, 0), "remove_on_exec");
  write(ready[1], "x", 1);
  waitpid(pid, NULL, 0);
  uint64_t after = count(on), before = count(off);
  truth("enable_on_exec: only the new program", after > 0 && after < 600);
  truth("remove_on_exec: only the old one", before >= 1000);
}

int main(int argc, char **argv) {
  if (argc > 1) return 0;
  sharing();
  inherit();
  others();
  task_wide();
  execs(argv[0]);
  many();
  return 0;
}
