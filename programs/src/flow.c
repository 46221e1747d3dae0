/* Every kind of branch: jcc both ways, loop, loopne, jrcxz, jecxz, direct and indirect jumps and calls, ret, ret imm16, push/pop flags, enter, leave. */
#include "rt.h"
static u64 h = 3;
static void mix(u64 v) { h = (h ^ v) * 0x100000001b3ul; h ^= h >> 27; }
__attribute__((noinline, noclone)) static u64 twice(u64 v) { return v * 2 + 1; }
__attribute__((noinline, noclone)) static u64 half(u64 v) { return v / 2 + 7; }
static u64 (*const fns[2])(u64) = { twice, half };
static int main(int argc, char **argv) {
  u64 n = size_arg(argc, argv, 400);
  for (u64 i = 0; i < n; i++) {
    u64 c = i % 9 + 1, a = 0;
    __asm__ volatile("1: add $3,%0\n\tcmp $18,%0\n\tloopne 1b" : "+r"(a), "+c"(c) : : "cc"); mix(a); mix(c);
    c = i % 5 + 1;
    __asm__ volatile("1: add %1,%0\n\tloop 1b" : "+r"(a), "+c"(c) : : "cc"); mix(a);
    c = i % 3;
    __asm__ volatile("jrcxz 1f\n\tadd $100,%0\n1: jecxz 2f\n\tadd $1000,%0\n2:" : "+r"(a) : "c"(c) : "cc"); mix(a);
    __asm__ volatile("lea 1f(%%rip),%%rdx\n\tjmp *%%rdx\n\tud2\n1: inc %0" : "+r"(a) : : "rdx", "cc"); mix(a);
    /* a callee that pops its argument: below the red zone, since we push */
    __asm__ volatile("lea -256(%%rsp),%%rsp\n\tpush %0\n\tcall 1f\n\tjmp 2f\n1: mov 8(%%rsp),%0\n\tlea 5(%0,%0,2),%0\n\tret $8\n2: lea 256(%%rsp),%%rsp" : "+r"(a) : : "memory"); mix(a);
    __asm__ volatile("lea -256(%%rsp),%%rsp\n\tenter $32,$0\n\tmov %0,-8(%%rbp)\n\taddq $9,-8(%%rbp)\n\tmov -8(%%rbp),%0\n\tleave\n\tlea 256(%%rsp),%%rsp" : "+r"(a) : : "memory", "cc"); mix(a);
    u64 f;
    __asm__ volatile("lea -256(%%rsp),%%rsp\n\tcmp $77,%b1\n\tpushfq\n\tpop %0\n\tlea 256(%%rsp),%%rsp" : "=&r"(f) : "q"(a) : "memory", "cc");
    mix(f & 0x8d5);
    a = fns[i & 1](a);
    switch (a % 7) { case 0: a += 3; break; case 1: a ^= 0x55; break; case 2: a = twice(a); break; case 3: a -= 9; break; case 4: a *= 3; break; case 5: a >>= 1; break; default: a = ~a; }
    mix(a);
    i64 s = (i64)(a << (i & 31)), u = (i64)h;
    u32 k = 0;
    if (s < u) k |= 1; if ((u64)s < (u64)u) k |= 2; if (s <= 0) k |= 4; if (s == u) k |= 8; if ((s & 15) == 3) k |= 16;
    __asm__ volatile("test %b1,%b1\n\tjp 1f\n\tor $32,%0\n1: cmp %2,%1\n\tjo 2f\n\tor $64,%0\n2: jns 3f\n\tor $128,%0\n3:" : "+r"(k) : "q"(s), "r"(u) : "cc");
    mix(k);
  }
  show("flow", h);
  return 0;
}
