/* Time: clocks go forward, sleeps last, timers fire; only relations are printed. */
#include "lib.h"
static i64 now(int clock) { struct timespec t; sys3(SYS_clock_gettime, clock, (i64)&t, 0); return t.s * 1000000000 + t.ns; }
static volatile int fired;
static void on_alarm(int s) { (void)s; fired++; }
int main(int argc, char **argv) {
  (void)argc; (void)argv;
  i64 a = now(1), b = now(1);
  say("forward", b >= a);
  struct timespec t = { 0, 15000000 };
  a = now(1); say("nanosleep", sys3(SYS_nanosleep, (i64)&t, 0, 0)); b = now(1); say("lasted", b - a >= 15000000); say("not for ever", b - a < 1000000000);
  a = now(1); t.s = (a + 20000000) / 1000000000; t.ns = (a + 20000000) % 1000000000;
  say("absolute", sys6(SYS_clock_nanosleep, 1, 1, (i64)&t, 0, 0, 0)); say("reached", now(1) >= a + 20000000);
  say("past", sys6(SYS_clock_nanosleep, 1, 1, (i64)&t, 0, 0, 0));
  t.ns = 1000000000; say("bad ns", sys3(SYS_nanosleep, (i64)&t, 0, 0)); say("bad clock", sys3(SYS_clock_gettime, 77, (i64)&t, 0));
  struct timespec real; sys3(SYS_clock_gettime, 0, (i64)&real, 0);
  i64 tv[2]; sys3(SYS_gettimeofday, (i64)tv, 0, 0); say("same second", tv[0] - real.s <= 1); say("time", sys3(SYS_time, 0, 0, 0) - real.s <= 1);
  action(ALRM, on_alarm, 0, 0); timer_ms(3, 0);
  for (u64 i = 0; fired == 0; i++) __asm__ volatile("" : : : "memory");
  say("fires in a loop", fired);
  i64 cpu = now(2); say("CPU time", cpu > 0);
  say("CPU clock below the wall's", cpu < 5000000000);
  u32 word = 5; t.s = 0; t.ns = 5000000;
  say("futex value", sys6(SYS_futex, (i64)&word, 0, 4, 0, 0, 0)); say("futex times out", sys6(SYS_futex, (i64)&word, 0, 5, (i64)&t, 0, 0)); say("futex wake", sys6(SYS_futex, (i64)&word, 1, 5, 0, 0, 0));
  u32 *shared = (u32 *)sys6(SYS_mmap, 0, 4096, 3, 0x21, -1, 0);
  i64 none = sys6(SYS_mmap, 0, 4096, 0, 0x22, -1, 0); // get_futex_key: a private word need not be there, one that may be shared must
  say("private wake of nothing", sys6(SYS_futex, 8, 129, 1, 0, 0, 0)); say("wake of nothing", sys6(SYS_futex, 8, 1, 1, 0, 0, 0)); say("wake of PROT_NONE", sys6(SYS_futex, none, 1, 1, 0, 0, 0)); say("private", sys6(SYS_futex, none, 129, 1, 0, 0, 0));
  say("requeue to nothing", sys6(SYS_futex, (i64)&word, 3, 1, 1, 8, 0));
  i64 pid = fork();
  if (pid == 0) { t.ns = 10000000; sys3(SYS_nanosleep, (i64)&t, 0, 0); *shared = 1; sys6(SYS_futex, (i64)shared, 1, 1, 0, 0, 0); leave(0); }
  i64 r = 0; while (*shared == 0) r = sys6(SYS_futex, (i64)shared, 0, 0, 0, 0, 0);
  say("futex woken", r); int status; reap(pid, &status); say("status", status);
  return 0;
}
