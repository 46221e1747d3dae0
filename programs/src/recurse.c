/* Deeper recursion: Ackermann (deep stacks), Hanoi, and queens by backtracking. */
#include "rt.h"
static u64 depth, deepest;
__attribute__((noinline, noclone, optimize("no-optimize-sibling-calls"))) static u64 ack(u64 m, u64 n) {
  if (++depth > deepest) deepest = depth;
  u64 r = m == 0 ? n + 1 : n == 0 ? ack(m - 1, 1) : ack(m - 1, ack(m, n - 1));
  depth--;
  return r;
}
__attribute__((noinline, noclone)) static u64 hanoi(u64 n, u64 a, u64 b, u64 c) {
  return n == 0 ? a * 7 + c : hanoi(n - 1, a, c, b) * 3 + hanoi(n - 1, b, a, c) + 1;
}
__attribute__((noinline, noclone)) static u64 queens(u32 all, u32 cols, u32 left, u32 right) {
  if (cols == all) return 1;
  u64 n = 0;
  for (u32 free = all & ~(cols | left | right); free != 0; free &= free - 1) {
    u32 bit = free & -free;
    n += queens(all, cols | bit, (left | bit) << 1, (right | bit) >> 1);
  }
  return n;
}
static int main(int argc, char **argv) {
  (void)argc; (void)argv;
  show("ack(2,60)", ack(2, 60));
  show("ack(3,4)", ack(3, 4));
  show("deepest", deepest);
  show("hanoi(12)", hanoi(12, 1, 2, 3));
  show("queens(7)", queens(127, 0, 0, 0));
  return 3; /* an exit code that is not zero is part of the result */
}
