/* What the programs of test/perf share. They print one line for each row of the ABI, and nothing that differs between two Linux systems, so
 * that a Linux that lets a program open software events says the same. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096ul

static const char *const errnos[] = {
  [EPERM] = "EPERM", [ENOENT] = "ENOENT", [ESRCH] = "ESRCH", [EINTR] = "EINTR", [E2BIG] = "E2BIG", [EBADF] = "EBADF", [EAGAIN] = "EAGAIN",
  [ENOMEM] = "ENOMEM", [EACCES] = "EACCES", [EFAULT] = "EFAULT", [EBUSY] = "EBUSY", [ENODEV] = "ENODEV", [EINVAL] = "EINVAL", [EMFILE] = "EMFILE",
  [ENOTTY] = "ENOTTY", [ENOSPC] = "ENOSPC", [ENOSYS] = "ENOSYS", [EOVERFLOW] = "EOVERFLOW", [EOPNOTSUPP] = "EOPNOTSUPP",
};
static const char *outcome(long result) {
  static char text[32];
  if (result >= 0) return "ok";
  if (errno < (int)(sizeof errnos / sizeof *errnos) && errnos[errno] != NULL) return errnos[errno];
  snprintf(text, sizeof text, "errno %d", errno);
  return text;
}
static void row(const char *name, long result) { printf("%s: %s\n", name, outcome(result)); }
static void number(const char *name, long value) { printf("%s: %ld\n", name, value); }
static void truth(const char *name, int value) { printf("%s: %s\n", name, value ? "yes" : "NO"); }

static struct perf_event_attr attr_of(uint32_t type, uint64_t config) {
  struct perf_event_attr a;
  memset(&a, 0, sizeof a);
  a.type = type;
  a.size = sizeof a;
  a.config = config;
  a.exclude_hv = 1;
  return a;
}
static struct perf_event_attr software(uint64_t config) { return attr_of(PERF_TYPE_SOFTWARE, config); }
static struct perf_event_attr faults(void) { return software(PERF_COUNT_SW_PAGE_FAULTS); }
static int open_event(struct perf_event_attr *a, int pid, int cpu, int group, unsigned long flags) {
  return (int)syscall(SYS_perf_event_open, a, pid, cpu, group, flags);
}
/* On the caller, any CPU. */
static int open_self(struct perf_event_attr a) { return open_event(&a, 0, -1, -1, 0); }
static int must(int fd, const char *what) {
  if (fd >= 0) return fd;
  printf("cannot go on: %s: %s\n", what, outcome(-1));
  exit(1);
}
/* One row: what opening the attr comes to. */
static void opens(const char *name, struct perf_event_attr a) {
  int fd = open_self(a);
  row(name, fd);
  if (fd >= 0) close(fd);
}

/* n page faults: fresh anonymous pages, touched once. */
static void fault(int n) {
  char *p = mmap(NULL, n * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  madvise(p, n * PAGE, MADV_NOHUGEPAGE);
  for (int i = 0; i < n; i++) ((volatile char *)p)[i * PAGE] = 1;
  munmap(p, n * PAGE);
}
static uint64_t count(int fd) {
  uint64_t v[16] = { 0 };
  if (read(fd, v, sizeof v) < 8) return ~0ul;
  return v[0];
}
