/* Overflows that signal: O_ASYNC, F_SETSIG, F_SETOWN, REFRESH. Page faults overflow. */
#include "lib.h"

static volatile int seen, code, from, band;
static volatile int target;
static void handler(int sig, siginfo_t *info, void *context) {
  (void)context;
  seen++;
  code = info->si_code;
  if (sig != SIGIO) from = info->si_fd, band = (int)info->si_band;
}
static void refresher(int sig, siginfo_t *info, void *context) {
  (void)sig, (void)context;
  seen++;
  code = info->si_code;
  if (seen < 5) ioctl(target, PERF_EVENT_IOC_REFRESH, 1);
}
static void on(int sig, void (*fn)(int, siginfo_t *, void *)) {
  struct sigaction a;
  memset(&a, 0, sizeof a);
  a.sa_sigaction = fn;
  a.sa_flags = SA_SIGINFO;
  sigaction(sig, &a, NULL);
}
static int sampling(uint64_t period) {
  struct perf_event_attr a = faults();
  a.sample_period = period;
  a.disabled = 1;
  a.wakeup_events = 1;
  return must(open_self(a), "event");
}
static void async(int fd, int sig) {
  row("O_ASYNC", fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK | O_ASYNC));
  if (sig != 0) row("F_SETSIG", fcntl(fd, F_SETSIG, sig));
  row("F_SETOWN", fcntl(fd, F_SETOWN, getpid()));
}

int main(void) {
  on(SIGIO, handler);
  on(SIGRTMIN + 2, handler);
  int fd = sampling(1);
  async(fd, SIGRTMIN + 2);
  number("F_GETSIG is the signal", fcntl(fd, F_GETSIG) == SIGRTMIN + 2);
  number("F_GETOWN is the process", fcntl(fd, F_GETOWN) == getpid());
  ioctl(fd, PERF_EVENT_IOC_ENABLE, 0);
  char *p = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  seen = 0;
  for (int i = 0; i < 10; i++) ((volatile char *)p)[i * PAGE] = 1;
  ioctl(fd, PERF_EVENT_IOC_DISABLE, 0);
  number("ten faults: a signal each", seen >= 10 && seen < 20);
  number("si_code is POLL_IN", code == POLL_IN);
  truth("si_fd", from == fd);
  number("si_band", band);
  close(fd);

  fd = sampling(4);
  async(fd, 0);
  ioctl(fd, PERF_EVENT_IOC_ENABLE, 0);
  seen = 0;
  fault(40);
  ioctl(fd, PERF_EVENT_IOC_DISABLE, 0);
  truth("SIGIO every fourth time", seen >= 10 && seen < 14);
  truth("si_code is the kernel's", code == SI_KERNEL);
  int twin = dup(fd);
  close(fd);
  ioctl(twin, PERF_EVENT_IOC_ENABLE, 0);
  seen = 0;
  fault(40);
  truth("a dup of it signals on", seen >= 10);
  fcntl(twin, F_SETFL, O_RDWR);
  seen = 0;
  fault(40);
  number("without O_ASYNC", seen);
  close(twin);

  fd = sampling(1);
  async(fd, SIGRTMIN + 2);
  on(SIGRTMIN + 2, refresher);
  target = fd;
  seen = 0;
  row("REFRESH 1", ioctl(fd, PERF_EVENT_IOC_REFRESH, 1));
  fault(50);
  number("five, each allowed by the one before", seen);
  number("si_code is POLL_HUP", code == POLL_HUP);
  uint64_t before = count(fd);
  fault(50);
  truth("then it is off", count(fd) == before);
  on(SIGRTMIN + 2, handler);
  seen = 0;
  row("REFRESH 3", ioctl(fd, PERF_EVENT_IOC_REFRESH, 3));
  fault(50);
  number("signals", seen);
  number("the last is POLL_HUP", code == POLL_HUP);
  close(fd);

  /* Blocked: it waits. */
  fd = sampling(1);
  fcntl(fd, F_SETFL, O_RDWR | O_ASYNC);
  fcntl(fd, F_SETOWN, getpid());
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGIO);
  sigprocmask(SIG_BLOCK, &set, NULL);
  seen = 0;
  ioctl(fd, PERF_EVENT_IOC_ENABLE, 0);
  fault(10);
  ioctl(fd, PERF_EVENT_IOC_DISABLE, 0);
  number("blocked", seen);
  sigprocmask(SIG_UNBLOCK, &set, NULL);
  number("unblocked: one is left", seen);
  row("F_SETOWN of nobody", fcntl(fd, F_SETOWN, 4194303));
  row("F_SETSIG 65", fcntl(fd, F_SETSIG, 65));
  return 0;
}
