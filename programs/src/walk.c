/* walk MODE BYTES STRIDE PASSES: reads every STRIDE-th word of BYTES, PASSES times. MODE 0: in order; 1: by following pointers that visit all places
 * in a scattered order; 2: writes in order. Misses of an LRU cache are known beforehand. */
#include "rt.h"

static u8 area[8 << 20] __attribute__((aligned(4096)));

static int main(int argc, char **argv) {
  u64 mode = size_arg(argc, argv, 0);
  u64 bytes = argc > 2 ? number(argv[2]) : 65536;
  u64 stride = argc > 3 ? number(argv[3]) : 64;
  u64 passes = argc > 4 ? number(argv[4]) : 4;
  u64 sum = 0;
  if (bytes > sizeof area || stride < 8 || bytes < stride) return 1;
  if (mode == 1) {
    /* A full-period generator: n is a power of two. */
    u64 n = bytes / stride, i = 0;
    for (u64 k = 0; k < n; k++) {
      u64 next = (i * 5 + 12345) & (n - 1);
      *(u64 *)(area + i * stride) = (u64)(area + next * stride);
      i = next;
    }
    u64 p = (u64)area;
    for (u64 k = n * passes; k > 0; k--) p = *(volatile u64 *)p;
    sum = p - (u64)area;
  } else {
    for (u64 k = passes; k > 0; k--)
      for (u64 i = 0; i < bytes; i += stride) {
        if (mode == 2) *(volatile u64 *)(area + i) = i;
        else sum += *(volatile u64 *)(area + i);
      }
  }
  show("walk", sum);
  return 0;
}
