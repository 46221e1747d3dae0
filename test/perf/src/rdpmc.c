/* RDPMC in user mode by the protocol of struct perf_event_mmap_page, and hardware events through their descriptors. Needs a PMU. */
#include "lib.h"
#include <setjmp.h>
#include <x86intrin.h>

static uint64_t rdpmc(unsigned counter) {
  unsigned low, high;
  __asm__ volatile("rdpmc" : "=a"(low), "=d"(high) : "c"(counter));
  return low | (uint64_t)high << 32;
}
static volatile unsigned sink;
__attribute__((noinline)) static void work(unsigned n) {
  while (n-- > 0) sink += n;
}
static struct perf_event_attr instructions(void) {
  struct perf_event_attr a = attr_of(PERF_TYPE_HARDWARE, PERF_COUNT_HW_INSTRUCTIONS);
  a.exclude_kernel = 1;
  return a;
}

/* As the comment in perf_event.h has it. */
static uint64_t self_read(struct perf_event_mmap_page *p, uint64_t *enabled, uint64_t *running) {
  uint32_t seq, index;
  uint64_t value;
  do {
    seq = *(volatile uint32_t *)&p->lock;
    __asm__ volatile("" ::: "memory");
    *enabled = p->time_enabled;
    *running = p->time_running;
    index = p->index;
    value = (uint64_t)p->offset;
    if (p->cap_user_rdpmc && index != 0) {
      int shift = 64 - p->pmc_width;
      value += (uint64_t)((int64_t)(rdpmc(index - 1) << shift) >> shift);
    }
    if (p->cap_user_time) {
      uint64_t cyc = __rdtsc(), quot = cyc >> p->time_shift, rem = cyc & ((1ul << p->time_shift) - 1);
      uint64_t delta = p->time_offset + quot * p->time_mult + ((rem * p->time_mult) >> p->time_shift);
      *enabled += delta;
      if (index != 0) *running += delta;
    }
    __asm__ volatile("" ::: "memory");
  } while (*(volatile uint32_t *)&p->lock != seq);
  return value;
}

static sigjmp_buf out;
static void caught(int sig) { siglongjmp(out, sig); }
static int may_read(void) {
  int sig = sigsetjmp(out, 1);
  if (sig == 0) (void)rdpmc(0x40000000);
  return sig;
}
static void setting(const char *value) {
  int fd = open("/sys/bus/event_source/devices/cpu/rdpmc", O_WRONLY);
  if (fd < 0 || write(fd, value, 1) != 1) printf("rdpmc cannot be set\n");
  close(fd);
}

static volatile int signals;
static void count_signal(int sig) { (void)sig, signals++; }

int main(void) {
  signal(SIGSEGV, caught);
  number("RDPMC without a mapping", may_read());
  struct perf_event_attr a = instructions();
  a.read_format = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING;
  int fd = must(open_self(a), "instructions");
  struct perf_event_mmap_page *p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  number("with one", may_read());
  truth("cap_user_rdpmc", p->cap_user_rdpmc);
  truth("cap_user_time and cap_user_time_zero", p->cap_user_time && p->cap_user_time_zero);
  truth("index", p->index != 0);
  uint64_t v[3], w[3], en, run, en2, run2;
  read(fd, v, sizeof v);
  uint64_t x = self_read(p, &en, &run);
  work(100000);
  uint64_t y = self_read(p, &en2, &run2);
  read(fd, w, sizeof w);
  truth("RDPMC between two reads", v[0] < x && x < y && y < w[0]);
  truth("the work is counted", y - x >= 300000 && y - x < 1300000);
  truth("time between two times", v[1] <= en && en < en2 && en2 <= w[1] && v[2] <= run && run < run2 && run2 <= w[2]);
  ioctl(fd, PERF_EVENT_IOC_RESET, 0);
  truth("reset", self_read(p, &en, &run) < 2000);
  ioctl(fd, PERF_EVENT_IOC_DISABLE, 0);
  number("disabled: index", p->index);
  read(fd, v, sizeof v);
  truth("disabled: offset is the count", self_read(p, &en, &run) == v[0]);
  int child = fork();
  if (child == 0) _exit(may_read() == SIGSEGV ? 7 : 0);
  int status;
  waitpid(child, &status, 0);
  number("a child, which has no mapping, faults", WEXITSTATUS(status) == 7);
  setting("2");
  munmap(p, PAGE);
  number("rdpmc = 2, no mapping", may_read());
  setting("0");
  p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  number("rdpmc = 0, mapped", may_read());
  setting("1");
  number("rdpmc = 1, mapped", may_read());
  munmap(p, PAGE);
  number("unmapped", may_read());
  close(fd);

  /* What a counter does is the same however it is watched. */
  uint64_t plain, sampled;
  fd = must(open_self(a = instructions()), "counting");
  work(200000);
  plain = count(fd);
  close(fd);
  a = instructions();
  a.sample_period = 10007;
  a.wakeup_events = 1;
  fd = must(open_self(a), "sampling");
  work(200000);
  sampled = count(fd);
  close(fd);
  truth("sampling does not change the count", plain == sampled);

  /* One signal for each period. */
  signal(SIGUSR1, count_signal);
  a.sample_period = 50000;
  a.disabled = 1;
  fd = must(open_self(a), "signalling");
  fcntl(fd, F_SETOWN, getpid());
  fcntl(fd, F_SETSIG, SIGUSR1);
  fcntl(fd, F_SETFL, O_RDWR | O_ASYNC);
  ioctl(fd, PERF_EVENT_IOC_ENABLE, 0);
  work(500000);
  ioctl(fd, PERF_EVENT_IOC_DISABLE, 0);
  truth("a signal for each period", signals == (int)(count(fd) / 50000));
  signals = 0;
  ioctl(fd, PERF_EVENT_IOC_RESET, 0);
  uint64_t period = 100000;
  row("PERIOD", ioctl(fd, PERF_EVENT_IOC_PERIOD, &period));
  ioctl(fd, PERF_EVENT_IOC_REFRESH, 3);
  work(500000);
  number("REFRESH 3", signals);
  truth("it stopped with the third", count(fd) >= 300000 && count(fd) < 302000);
  close(fd);

  /* A pinned event that cannot be on reads as the end of a file. */
  a = instructions();
  a.pinned = 1;
  a.config = PERF_COUNT_HW_BRANCH_INSTRUCTIONS;
  int last = -1, i, error = 0;
  for (i = 0; i < 8; i++) last = open_self(a);
  work(1000);
  error = (int)read(last, v, sizeof v);
  number("eight pinned events on four counters: the last reads", error);
  return 0;
}
