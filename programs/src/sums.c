/* Bytes, words and partial registers: CRC-32 by table and bit by bit, Adler-32, a small sort, decimal printing. */
#include "rt.h"
static u32 table[256];
static u8 buf[6000];
static int main(int argc, char **argv) {
  (void)argc; (void)argv;
  for (u32 i = 0; i < 256; i++) {
    u32 c = i;
    for (u32 k = 0; k < 8; k++) c = c & 1 ? c >> 1 ^ 0xedb88320u : c >> 1;
    table[i] = c;
  }
  for (u32 i = 0; i < sizeof buf; i++) buf[i] = (u8)(i * i + (i >> 3));
  u32 crc = ~0u, s1 = 1, s2 = 0;
  for (u32 i = 0; i < sizeof buf; i++) {
    crc = table[(crc ^ buf[i]) & 255] ^ crc >> 8;
    s1 = (s1 + buf[i]) % 65521;
    s2 = (s2 + s1) % 65521;
  }
  show("crc32", ~crc);
  show("adler32", s2 << 16 | s1);
  for (u32 gap = 2048; gap > 0; gap /= 2)
    for (u32 i = gap; i < sizeof buf; i++) {
      u8 v = buf[i];
      u32 j = i;
      for (; j >= gap && buf[j - gap] > v; j -= gap) buf[j] = buf[j - gap];
      buf[j] = v;
    }
  u64 h = 0;
  for (u32 i = 0; i < sizeof buf; i++) h = h * 131 + buf[i];
  show("sorted", h);
  u64 ah = 0x1234;
  __asm__ volatile("mov %%ah,%%bl\n\tadd %%al,%%ah\n\tadc $7,%%bh\n\txchg %%ah,%%bl\n\trol $3,%%bx\n\txor %%bh,%%al\n\tmovzbl %%ah,%%edx\n\tmovsbq %%bl,%%rcx\n\tadd %%rdx,%%rax\n\tadd %%rcx,%%rax\n\tadd %%rbx,%%rax"
                   : "+a"(ah) : "b"(0x5678ul) : "rcx", "rdx", "cc");
  show("partial", ah);
  char line[24];
  u64 v = 18446744073709551557ul;
  int n = 24;
  line[--n] = '\n';
  do line[--n] = (char)('0' + v % 10); while ((v /= 10) != 0);
  sys3(SYS_write, 1, (i64)(line + n), 24 - n);
  return 0;
}
