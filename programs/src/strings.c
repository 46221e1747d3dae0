/* String instructions: every one with and without REP, all widths, both directions, counts 0, 1 and many, early ends by ZF, across pages. */
#include "rt.h"
static u8 a[16384] __attribute__((aligned(4096))), b[16384] __attribute__((aligned(4096)));
static u64 fold(const u8 *p, u64 n) {
  u64 h = 0xcbf29ce484222325ul;
  for (u64 i = 0; i < n; i++) h = (h ^ p[i]) * 0x100000001b3ul;
  return h;
}
static void fill(void) {
  for (u32 i = 0; i < sizeof a; i++) { a[i] = (u8)(i * 7 + (i >> 8)); b[i] = (u8)(i * 5 + 1); }
}
#define REGS(di, si, cx, ax) "+D"(di), "+S"(si), "+c"(cx), "+a"(ax)
#define OP(name, ins, D, S, C, A) { u64 di = (u64)(D), si = (u64)(S), cx = (C), ax = (A); u8 z; \
  __asm__ volatile(ins "\n\tsetz %4\n\tcld" : REGS(di, si, cx, ax), "=qm"(z) : : "memory", "cc"); \
  h = h * 31 + (di - (u64)a); h = h * 31 + (si - (u64)a); h = h * 31 + cx; h = h * 31 + ax; (void)z; show(name, h ^ fold(a, sizeof a) ^ fold(b, 512)); }
/* cmps and scas define ZF; the others leave it as it was, so ZF is part of the result only here */
#define CMP(name, ins, D, S, C, A) { u64 di = (u64)(D), si = (u64)(S), cx = (C), ax = (A); u8 z, c; \
  __asm__ volatile("cmp %%al,%%al\n\t" ins "\n\tsetz %4\n\tsetc %5\n\tcld" : REGS(di, si, cx, ax), "=qm"(z), "=qm"(c) : : "memory", "cc"); \
  h = h * 31 + (di - (u64)a); h = h * 31 + (si - (u64)a); h = h * 31 + cx; h = h * 4 + z * 2 + c; show(name, h); }
static int main(int argc, char **argv) {
  (void)argc; (void)argv;
  u64 h = 1;
  fill();
  OP("movsb", "movsb", a + 10, b + 3, 5, 0)
  OP("movsw", "movsw", a + 20, b + 3, 5, 0)
  OP("movsl", "movsl", a + 30, b + 3, 5, 0)
  OP("movsq", "movsq", a + 41, b + 3, 5, 0)
  OP("rep movsb 0", "rep movsb", a, b, 0, 0)
  OP("rep movsb 1", "rep movsb", a + 1, b, 1, 0)
  OP("rep movsb 5000", "rep movsb", a + 100, b + 1, 5000, 0)
  OP("rep movsw 2100", "rep movsw", a + 5001, b + 1, 2100, 0)
  OP("rep movsl 1500", "rep movsl", a + 7002, b + 3, 1500, 0)
  OP("rep movsq 1023", "rep movsq", a + 4090, b + 5, 1023, 0)
  OP("rep movsb overlap 1", "rep movsb", a + 501, a + 500, 3000, 0)
  OP("rep movsq overlap 3", "rep movsq", a + 603, a + 600, 200, 0)
  OP("std rep movsb", "std\n\trep movsb", a + 9000, b + 5000, 4500, 0)
  OP("std rep movsq", "std\n\trep movsq", a + 12001, b + 9003, 700, 0)
  OP("std rep movsl overlap", "std\n\trep movsl", a + 4000, a + 4008, 900, 0)
  OP("stosb", "stosb", a + 77, b, 9, 0x1234567890abcdef)
  OP("rep stosb", "rep stosb", a + 4000, b, 300, 0x1234567890abcdef)
  OP("rep stosw", "rep stosw", a + 4401, b, 299, 0x1234567890abcdef)
  OP("rep stosl", "rep stosl", a + 8001, b, 77, 0x1234567890abcdef)
  OP("rep stosq", "rep stosq", a + 12003, b, 512, 0x1234567890abcdef)
  OP("std rep stosw", "std\n\trep stosw", a + 300, b, 100, 0x55aa)
  OP("std rep stosq", "std\n\trep stosq", a + 16376, b, 513, 0x0102030405060708)
  OP("lodsb", "lodsb", a, b + 1, 3, ~0ul)
  OP("lodsw", "lodsw", a, b + 1, 3, ~0ul)
  OP("lodsl", "lodsl", a, b + 1, 3, ~0ul)
  OP("lodsq", "lodsq", a, b + 1, 3, ~0ul)
  OP("rep lodsb", "rep lodsb", a, b + 4000, 200, ~0ul)
  OP("std rep lodsq", "std\n\trep lodsq", a, b + 8000, 20, 0)
  CMP("cmpsb", "cmpsb", a + 3, b + 3, 1, 0)
  CMP("cmpsq", "cmpsq", a + 3, b + 3, 1, 0)
  for (u32 i = 0; i < 9000; i++) b[i] = a[i];
  b[6000] ^= 0x80;
  CMP("repe cmpsb differ", "repe cmpsb", a, b, 9000, 0)
  CMP("repe cmpsb equal", "repe cmpsb", a, b, 6000, 0)
  CMP("repe cmpsb 0", "repe cmpsb", a, b, 0, 0)
  CMP("repe cmpsw", "repe cmpsw", a, b, 4500, 0)
  CMP("repe cmpsl", "repe cmpsl", a, b, 2000, 0)
  CMP("repe cmpsq", "repe cmpsq", a + 1, b + 1, 1100, 0)
  CMP("std repe cmpsb", "std\n\trepe cmpsb", a + 8999, b + 8999, 9000, 0)
  CMP("repne cmpsb", "repne cmpsb", a, b + 1, 50, 0)
  a[5000] = 0; a[4999] = 1;
  for (u32 i = 0; i < 4999; i++) a[i] = 0xee;
  CMP("repne scasb", "repne scasb", a, b, ~0ul, 0)
  CMP("repe scasb", "repe scasb", a, b, 9000, 0xee)
  CMP("repe scasw", "repe scasw", a, b, 9000, 0xeeee)
  CMP("repe scasl", "repe scasl", a, b, 9000, 0xeeeeeeee)
  CMP("repe scasq", "repe scasq", a, b, 9000, 0xeeeeeeeeeeeeeeee)
  CMP("std repne scasb", "std\n\trepne scasb", a + 9000, b, 9000, 1)
  CMP("scasw", "scasw", a + 4999, b, 2, 1)
  { /* 32-bit address size: EDI, ESI and ECX count, the upper halves of what moved become zero */
    u64 di = (u64)(a + 50), si = (u64)(b + 60), cx = 40 | (7ul << 32), ax = 0;
    __asm__ volatile("addr32 rep movsb" : REGS(di, si, cx, ax) : : "memory", "cc");
    h = h * 31 + (di - (u64)a);
    h = h * 31 + (cx & 0xffffffff);
    show("addr32 rep movsb", h ^ fold(a, 200));
  }
  return 0;
}
