/* Recursion: calls and returns. Argument: n (default 20; full size 37). */
#include "rt.h"
__attribute__((noinline, noclone, optimize("no-optimize-sibling-calls"))) static u64 fib(u64 n) {
  __asm__ volatile("" : "+r"(n));
  return n < 2 ? n : fib(n - 1) + fib(n - 2);
}
static int main(int argc, char **argv) {
  show("fib", fib(size_arg(argc, argv, 20)));
  return 0;
}
