/* Tables: the sieve of Eratosthenes over bytes. Argument: rounds over the table of 1 M (default 0 = one of 20 000; full size 60). */
#include "rt.h"
#define N (1 << 20)
static u8 t[N];
static u64 sieve(u32 n) {
  for (u32 i = 2; i < n; i++) t[i] = 1;
  for (u32 i = 2; i * i < n; i++)
    if (t[i])
      for (u32 j = i * i; j < n; j += i) t[j] = 0;
  u64 c = 0;
  for (u32 i = 2; i < n; i++) c += t[i];
  return c;
}
static int main(int argc, char **argv) {
  u64 rounds = size_arg(argc, argv, 0), sum = 0;
  if (rounds == 0) sum = sieve(20000);
  for (u64 i = 0; i < rounds; i++) sum += sieve(N - (u32)i);
  show("primes", sum);
  return 0;
}
