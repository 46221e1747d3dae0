/* A hash table with open addressing: loads that miss, multiplications. Argument: thousands of insertions (default 20; full size 12000). */
#include "rt.h"
#define BITS 20
static u64 key[1 << BITS];
static u32 val[1 << BITS];
static int main(int argc, char **argv) {
  u64 n = size_arg(argc, argv, 20) * 1000, x = 88172645463325252ul, hits = 0, used = 0, probes = 0;
  for (u64 i = 0; i < n; i++) {
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    u64 k = (x % 700001) + 1, h = (k * 0x9e3779b97f4a7c15ul) >> (64 - BITS);
    while (key[h] != 0 && key[h] != k) {
      h = (h + 1) & ((1 << BITS) - 1);
      probes++;
    }
    if (key[h] == k) hits++;
    else { key[h] = k; used++; }
    val[h] += (u32)i;
  }
  u64 sum = 0;
  for (u64 i = 0; i < (1 << BITS); i += 37) sum = sum * 31 + val[i];
  show("hits", hits);
  show("used", used);
  show("probes", probes);
  show("sum", sum);
  return 0;
}
