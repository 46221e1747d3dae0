/* Self-modifying code: a function written and rewritten from another page, an immediate changed in a loop, and an instruction that
 * changes the very next one. x86 must see each store at once (SDM vol. 3A, 12.1.3 allows it after a jump; processors since the P6 snoop). */
#include "rt.h"
static int main(int argc, char **argv) {
  (void)argc; (void)argv;
  u8 *p = (u8 *)sys6(SYS_mmap, 0, 8192, 7, 0x22, -1, 0);
  if ((u64)p > ~4095ul) return 1;
  u64 sum = 0;
  /* mov $imm,%eax ; ret */
  p[0] = 0xb8; p[5] = 0xc3;
  for (u32 i = 0; i < 300; i++) {
    *(volatile u32 *)(p + 1) = i * 3;
    __asm__ volatile("" : : : "memory");
    sum = sum * 3 + ((u32(*)(void))p)();
  }
  show("immediate", sum);
  /* the same place becomes other instructions: lea, imul, sub */
  static const u8 body[3][5] = { { 0x48, 0x8d, 0x44, 0x3f, 0x07 }, { 0x48, 0x6b, 0xc7, 0x0b, 0x90 }, { 0x48, 0x89, 0xf8, 0xf7, 0xd8 } };
  for (u32 i = 0; i < 90; i++) {
    for (u32 j = 0; j < 5; j++) ((volatile u8 *)p)[64 + j] = body[i % 3][j];
    ((volatile u8 *)p)[69] = 0xc3;
    sum = sum * 5 + ((u64(*)(u64))(p + 64))(i);
  }
  show("instructions", sum);
  /* code that patches itself: movb $0x2a,1(%rip) ; mov $0,%eax -> the store hits the immediate of the next instruction */
  static const u8 self[] = { 0x40, 0x88, 0x3d, 0x01, 0, 0, 0, 0xb8, 0, 0, 0, 0, 0xc3 };
  for (u32 j = 0; j < sizeof self; j++) p[4096 + j] = self[j];
  for (u32 i = 0; i < 50; i++) sum = sum * 7 + ((u64(*)(u64))(p + 4096))(i * 5);
  show("next", sum);
  /* an instruction that straddles two pages, its tail rewritten */
  u8 *q = p + 4094;
  q[0] = 0xb8; q[5] = 0xc3;
  for (u32 i = 0; i < 20; i++) {
    *(volatile u8 *)(q + 3) = (u8)i;
    sum = sum * 9 + ((u32(*)(void))q)();
  }
  show("straddle", sum);
  return 0;
}
