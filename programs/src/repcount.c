/* The program that shows what a REP counts: nothing around it but moves. Argument: the count (default 100). `test/oracle` expects the same
 * number of retired instructions for every argument, since a REP retires once. */
#include "rt.h"
static u8 a[8192], b[8192];
static int main(int argc, char **argv) {
  u64 n = 100;
  if (argc > 1) { /* exactly three digits, so that parsing costs the same for all */
    const char *s = argv[1];
    n = (u64)(s[0] - '0') * 100 + (u64)(s[1] - '0') * 10 + (u64)(s[2] - '0');
  }
  void *d = b, *s = a;
  u64 c = n;
  __asm__ volatile("rep movsb" : "+D"(d), "+S"(s), "+c"(c) : : "memory");
  d = b; c = n;
  __asm__ volatile("rep stosq" : "+D"(d), "+c"(c) : "a"(0) : "memory");
  d = b; s = a; c = n + 1;
  __asm__ volatile("repe cmpsb" : "+D"(d), "+S"(s), "+c"(c) : : "memory", "cc");
  d = b; c = n;
  __asm__ volatile("repne scasb" : "+D"(d), "+c"(c) : "a"(1) : "memory", "cc");
  return 0;
}
