/* Dies by SIGFPE. Argument: 0 divides by zero (default), 1 overflows the quotient of div, 2 is INT64_MIN / -1. */
#include "rt.h"
static int main(int argc, char **argv) {
  u64 which = size_arg(argc, argv, 0), a = 5, d = 0, v = 0;
  put("before\n");
  if (which == 1) { d = 3; v = 3; }
  if (which == 2) { a = 1ul << 63; d = ~0ul; v = ~0ul; __asm__ volatile("idivq %2" : "+a"(a), "+d"(d) : "r"(v) : "cc"); }
  else __asm__ volatile("divq %2" : "+a"(a), "+d"(d) : "r"(v) : "cc");
  put("not reached\n");
  return (int)a;
}
