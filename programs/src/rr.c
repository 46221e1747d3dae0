/* What a record-replay debugger does with its counter, in one process: user conditional branches are counted by one sampling event; its
 * interrupt ends a slice, and so does each of the program's own stops. At both the counter is disabled, read, reset, given its period
 * and enabled again. rr CONFIG SLICE: the raw event of the processor, branches per slice. Code that runs while the counter is on, outside
 * the work itself, has no conditional branch. */
#include "rt.h"

enum { SYS_rt_sigaction = 13, SYS_rt_sigreturn = 15, SYS_ioctl = 16, SYS_fcntl = 72, SYS_gettid = 186, SYS_perf_event_open = 298 };
enum { ENABLE = 0x2400, DISABLE = 0x2401, RESET = 0x2403, PERIOD = 0x40082404 };
enum { F_SETFL = 4, F_SETSIG = 10, F_SETOWN_EX = 15, O_ASYNC = 0x2000, SIGSTKFLT = 16 };
enum { STOPS = 12, CHECK_BRANCHES = 500 };

struct attr {
  u32 type, size;
  u64 config, sample_period, sample_type, read_format, flags;
  u32 wakeup_events, bp_type;
  u64 config1;
};
static const u64 DISABLED = 1, PINNED = 4, EXCLUDE_KERNEL = 32, EXCLUDE_HV = 64;

static i64 fd;
static u64 slice, total, interrupts, count, stops[STOPS];
static void (*volatile on_signal)(void);

static void ignore(void) {}

/* The end of a slice, without a conditional branch. */
static inline void close_slice(void) {
  on_signal = ignore;
  sys3(SYS_ioctl, fd, DISABLE, 0);
  sys3(SYS_read, fd, (i64)&count, 8);
  total += count;
}
static void preempt(void);
static inline void open_slice(void) {
  sys3(SYS_ioctl, fd, RESET, 0);
  sys3(SYS_ioctl, fd, PERIOD, (i64)&slice);
  on_signal = preempt;
  sys3(SYS_ioctl, fd, ENABLE, 0);
}
static void preempt(void) {
  close_slice();
  interrupts++;
  open_slice();
}
static void handler(int sig) {
  (void)sig;
  on_signal();
}
__attribute__((naked)) static void restore(void) { __asm__("mov $15,%eax\n\tsyscall"); }

static u64 state = 88172645463325252ul;
/* Some 20,000 conditional branches, taken and not as the numbers fall. */
static u64 work(u64 rounds) {
  u64 h = 0;
  for (u64 i = 0; i < rounds; i++) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    if (state & 1) __asm__ volatile("inc %0" : "+r"(h));
    if (state & 6) __asm__ volatile("add $3,%0" : "+r"(h));
  }
  return h;
}
static void branches(u64 n) { __asm__ volatile("1: dec %0\n\tjnz 1b" : "+r"(n) : : "cc"); }

/* CHECK_BRANCHES with a period: what such a tool's start-up looks at. */
static u64 check(u64 period) {
  on_signal = ignore;
  sys3(SYS_ioctl, fd, RESET, 0);
  sys3(SYS_ioctl, fd, PERIOD, (i64)&period);
  sys3(SYS_ioctl, fd, ENABLE, 0);
  branches(CHECK_BRANCHES);
  sys3(SYS_ioctl, fd, DISABLE, 0);
  sys3(SYS_read, fd, (i64)&count, 8);
  return count;
}

static int main(int argc, char **argv) {
  if (argc < 3) { put("usage: rr CONFIG SLICE\n"); return 2; }
  slice = number(argv[2]);
  struct attr attr = { .type = 4, .size = sizeof attr, .config = number(argv[1]), .sample_period = slice };
  attr.flags = DISABLED | PINNED | EXCLUDE_KERNEL | EXCLUDE_HV;
  fd = sys6(SYS_perf_event_open, (i64)&attr, 0, -1, -1, 0, 0);
  if (fd < 0) { show("perf_event_open", (u64)-fd); return 1; }
  u64 action[4] = { (u64)handler, 0x04000000 /* SA_RESTORER */, (u64)restore, 0 };
  sys6(SYS_rt_sigaction, SIGSTKFLT, (i64)action, 0, 8, 0, 0);
  int owner[2] = { 0 /* F_OWNER_TID */, (int)sys3(SYS_gettid, 0, 0, 0) };
  i64 failed = sys3(SYS_fcntl, fd, F_SETOWN_EX, (i64)owner) | sys3(SYS_fcntl, fd, F_SETSIG, SIGSTKFLT) | sys3(SYS_fcntl, fd, F_SETFL, O_ASYNC);
  if (failed != 0) { put("fcntl failed\n"); return 1; }

  show("counts", check(1ul << 40));
  show("interrupted", check(CHECK_BRANCHES / 2));

  total = interrupts = 0;
  u64 h = 0;
  open_slice();
  for (u64 i = 0; i < STOPS; i++) {
    h = h * 31 + work(6000 + 100 * i);
    close_slice();
    stops[i] = total;
    open_slice();
  }
  close_slice();
  for (u64 i = 0; i < STOPS; i++) show("stop", stops[i]);
  show("interrupts", interrupts);
  show("hash", h);
  return 0;
}
