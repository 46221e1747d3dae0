/* Division, unsigned and signed, all widths; 128 by 64 with quotients up to the limit. */
#include "rt.h"
static u64 h = 7;
static void mix(u64 v) { h = (h ^ v) * 0x100000001b3ul; h ^= h >> 29; }
static u64 x = 0x2545f4914f6cdd1dul;
static u64 next(void) { x ^= x << 13; x ^= x >> 7; x ^= x << 17; return x; }
#define D8(ins, ax, d) { u16 num8 = (u16)(ax); __asm__ volatile(ins " %1" : "+a"(num8) : "q"((u8)(d)) : "cc"); mix(num8); }
#define DW(ins, T, hi, lo, d) { T ra = (T)(lo), rd = (T)(hi); __asm__ volatile(ins " %2" : "+a"(ra), "+d"(rd) : "r"((T)(d)) : "cc"); mix(ra); mix(rd); }
static int main(int argc, char **argv) {
  u64 n = size_arg(argc, argv, 2000);
  for (u64 i = 0; i < n; i++) {
    u64 p = next(), q = next() | 1, r = next();
    u8 d8 = (u8)q; D8("divb", ((u64)(p % d8) << 8) | (u8)r, d8)
    u16 d16 = (u16)q; DW("divw", u16, p % d16, r, d16)
    u32 d32 = (u32)q; DW("divl", u32, p % d32, r, d32)
    DW("divq", u64, p % q, r, q)
    u64 sh = q >> (r & 63) | 1; DW("divq", u64, p % sh, r, sh)
    /* signed: |quotient| stays below the limit, for |dividend| < |divisor| * 2^(w-1) */
    i64 s = (i64)(q >> 1) * ((r & 1) ? 1 : -1) | 1;
    signed char s8 = (signed char)s; if (s8 == 0) s8 = 3;
    { short v = (short)((short)s8 * (short)((i64)p % 127)); if (s8 < 0 ? v > 0 : v >= 0) v = (short)(v + (s8 < 0 ? -s8 : s8) - 1); D8("idivb", v, s8) }
    short s16 = (short)s; { int v = (int)s16 * (short)((i64)p % 32767); DW("idivw", u16, (u32)v >> 16, v, s16) }
    int s32 = (int)s; { i64 v = (i64)s32 * (int)((i64)p % 2147483647); DW("idivl", u32, (u64)v >> 32, v, s32) }
    { __int128 v = (__int128)s * ((i64)p >> 1); DW("idivq", u64, (u64)((u128)v >> 64), (u64)v, s) }
    { i64 v = (i64)r >> (p & 31); DW("idivq", u64, v < 0 ? ~0ul : 0, v, s) }
  }
  show("div", h);
  return 0;
}
