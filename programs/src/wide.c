/* 128-bit arithmetic, cmpxchg8b and 16b, popcnt, lzcnt, tzcnt, bsf, bsr, bswap, shld, shrd, adc and sbb chains, xadd, bt* on memory. */
#include "rt.h"
static u64 h = 5, x = 0x9e3779b97f4a7c15ul;
static void mix(u64 v) { h = (h ^ v) * 0x100000001b3ul; h ^= h >> 31; }
static u64 next(void) { x ^= x << 13; x ^= x >> 7; x ^= x << 17; return x; }
static u128 cell __attribute__((aligned(16)));
static u64 bits[64];
static int main(int argc, char **argv) {
  u64 n = size_arg(argc, argv, 1500);
  for (u64 i = 0; i < n; i++) {
    u64 a = next(), b = next(), lo, hi;
    __asm__ volatile("mulq %3" : "=a"(lo), "=d"(hi) : "a"(a), "rm"(b) : "cc");
    mix(lo); mix(hi);
    __asm__ volatile("imulq %3" : "=a"(lo), "=d"(hi) : "a"(a), "rm"(b) : "cc");
    mix(lo); mix(hi);
    u64 d = b | 1; u128 num = ((u128)(a % d) << 64) | lo;
    __asm__ volatile("divq %4" : "=a"(lo), "=d"(hi) : "0"((u64)num), "1"((u64)(num >> 64)), "rm"(d) : "cc");
    mix(lo); mix(hi);
    u64 expectLo = (i & 1) ? (u64)cell : a, expectHi = (u64)(cell >> 64); u8 z;
    __asm__ volatile("lock cmpxchg16b %0\n\tsetz %3" : "+m"(cell), "+a"(expectLo), "+d"(expectHi), "=q"(z) : "b"(a ^ b), "c"(b) : "cc");
    mix(expectLo); mix(expectHi); mix(z); mix((u64)cell);
    u32 e0 = (u32)cell, e1 = (u32)(a & 1 ? (u64)cell >> 32 : a);
    __asm__ volatile("cmpxchg8b %0\n\tsetz %3" : "+m"(*(u64 *)&cell), "+a"(e0), "+d"(e1), "=q"(z) : "b"((u32)a), "c"((u32)b) : "cc");
    mix(e0); mix(e1); mix(z);
    u64 r; u32 r32; u16 r16;
    __asm__ volatile("popcntq %1,%0" : "=r"(r) : "rm"(a) : "cc"); mix(r);
    __asm__ volatile("popcntl %1,%0" : "=r"(r32) : "rm"((u32)a) : "cc"); mix(r32);
    u64 s = a >> (b & 63);
    __asm__ volatile("lzcntq %1,%0" : "=r"(r) : "rm"(s) : "cc"); mix(r);
    __asm__ volatile("tzcntq %1,%0" : "=r"(r) : "rm"(a << (b & 63)) : "cc"); mix(r);
    __asm__ volatile("lzcntw %1,%0" : "=r"(r16) : "rm"((u16)s) : "cc"); mix(r16);
    __asm__ volatile("bsfq %1,%0" : "=r"(r) : "rm"(s | 1ul << 40) : "cc"); mix(r);
    __asm__ volatile("bsrq %1,%0" : "=r"(r) : "rm"(s | 1) : "cc"); mix(r);
    r = a; __asm__ volatile("bswapq %0" : "+r"(r)); mix(r);
    r32 = (u32)b; __asm__ volatile("bswapl %0" : "+r"(r32)); mix(r32);
    r = a; __asm__ volatile("shldq %%cl,%1,%0" : "+r"(r) : "r"(b), "c"(i) : "cc"); mix(r);
    r = a; __asm__ volatile("shrdq $13,%1,%0" : "+r"(r) : "r"(b) : "cc"); mix(r);
    u64 l0 = a, l1 = b, l2 = i;
    __asm__ volatile("addq %3,%0\n\tadcq %4,%1\n\tadcq $0,%2" : "+r"(l0), "+r"(l1), "+r"(l2) : "r"(b), "r"(a) : "cc"); mix(l0); mix(l1); mix(l2);
    __asm__ volatile("subq %3,%0\n\tsbbq %4,%1\n\tsbbq $0,%2" : "+r"(l0), "+r"(l1), "+r"(l2) : "r"(a), "r"(l2) : "cc"); mix(l0); mix(l1); mix(l2);
    r = a; __asm__ volatile("lock xaddq %0,%1" : "+r"(r), "+m"(bits[i & 63]) : : "cc"); mix(r);
    i64 bit = (i64)(b % 4096); /* the memory forms address beyond the operand */
    __asm__ volatile("btsq %2,%0\n\tsetc %1" : "+m"(bits[0]), "=q"(z) : "r"(bit) : "cc", "memory"); mix(z);
    bit = (i64)(a % 4096) - 2048;
    __asm__ volatile("lock btcq %2,%0\n\tsetc %1" : "+m"(bits[32]), "=q"(z) : "r"(bit) : "cc", "memory"); mix(z);
    __asm__ volatile("btrl %2,%0\n\tsetc %1" : "+m"(*(u32 *)&bits[7]), "=q"(z) : "r"((u32)(a % 900)) : "cc", "memory"); mix(z);
  }
  for (u32 i = 0; i < 64; i++) mix(bits[i]);
  show("wide", h);
  return 0;
}
