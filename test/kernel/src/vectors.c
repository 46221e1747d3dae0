/* YMM registers across signals, forks and switches; the signal frame in XSAVE's layout; XSAVE and XRSTOR themselves. Compiled without vector code of its own. */
#include "lib.h"
static u64 table[16][4] __attribute__((aligned(64)));
static u64 seen[16][4] __attribute__((aligned(64)));

#define ALL_REGISTERS(F) F(0) F(1) F(2) F(3) F(4) F(5) F(6) F(7) F(8) F(9) F(10) F(11) F(12) F(13) F(14) F(15)
#define LOAD(n) "vmovdqu 32*" #n "(%0),%%ymm" #n "\n"
#define STORE(n) "vmovdqu %%ymm" #n ",32*" #n "(%0)\n"
static void load_all(void) { __asm__ volatile(ALL_REGISTERS(LOAD) : : "r"(table) : "memory"); }
static void store_all(void) { __asm__ volatile(ALL_REGISTERS(STORE) : : "r"(seen) : "memory"); }
static void fill(u64 seed) {
  for (int r = 0; r < 16; r++)
    for (int q = 0; q < 4; q++) table[r][q] = seed * 0x100000001b3ul + (u64)r * 0x0101010101010101ul + (u64)q * 0x1000;
  load_all();
}
/* How many quadwords are not what the table says. */
static int differing(void) {
  int n = 0;
  store_all();
  for (int r = 0; r < 16; r++)
    for (int q = 0; q < 4; q++) n += seen[r][q] != table[r][q];
  return n;
}

static volatile int mode;
static void on_signal(int sig, struct siginfo *info, struct ucontext *uc) {
  (void)sig;
  (void)info;
  u8 *fp = (u8 *)uc->mc.fpstate;
  u32 *sw = (u32 *)(fp + 464);
  u32 size = sw[4];
  say("UC_FP_XSTATE", (i64)(uc->flags & 1));
  say("aligned to 64", ((u64)fp & 63) == 0);
  say("magic1", sw[0] == 0x46505853);
  say("extended_size is xstate_size + 4", sw[1] == size + 4);
  say("magic2", *(u32 *)(fp + size) == 0x46505845);
  say("xfeatures", (i64)(sw[2] & 7));
  say("xstate_bv", (i64)(*(u64 *)(fp + 512) & 7));
  int same = 1;
  for (int r = 0; r < 16; r++) {
    u64 *low = (u64 *)(fp + 160 + 16 * r), *high = (u64 *)(fp + 576 + 16 * r);
    same &= low[0] == table[r][0] && low[1] == table[r][1] && high[0] == table[r][2] && high[1] == table[r][3];
  }
  say("the frame holds the registers", same);
  __asm__ volatile("vzeroall");
  if (mode == 1) {
    *(u64 *)(fp + 576 + 16 * 3) = 0xabcdef;
    *(u64 *)(fp + 160 + 16 * 15) = 0x123456;
  }
  if (mode == 2) sw[0] = 0;                     /* as if the program had made a frame of 512 bytes */
  if (mode == 3) *(u64 *)(fp + 512) &= ~4ul;    /* AVX state is to be initialised */
  if (mode == 4) uc->mc.fpstate = 0;
}
static void signals(void) {
  action(USR1, on_signal, SA_SIGINFO, 0);
  for (mode = 0; mode <= 4; mode++) {
    say("-- frame, mode", mode);
    fill(7 + (u64)mode);
    kill_self(USR1);
    say("differ", differing());
    say("ymm3 changed", seen[3][2] == 0xabcdef);
    say("ymm15 changed", seen[15][0] == 0x123456);
    int zero = 0, low_same = 0;
    for (int r = 0; r < 16; r++) zero += (seen[r][2] | seen[r][3]) == 0, low_same += seen[r][0] == table[r][0];
    say("upper halves that are zero", zero);
    say("lower halves as before", low_same);
  }
}

/* Two processes hand a byte to and fro, each with registers of its own. */
static void switches(void) {
  put("-- switches\n");
  int there[2], back[2], status = 0;
  sys3(SYS_pipe, (i64)there, 0, 0);
  sys3(SYS_pipe, (i64)back, 0, 0);
  fill(100);
  i64 pid = fork();
  char c = 'x';
  if (pid == 0) {
    int wrong = differing();
    fill(200);
    for (int i = 0; i < 50; i++) {
      sys3(SYS_read, there[0], (i64)&c, 1);
      wrong += differing();
      sys3(SYS_write, back[1], (i64)&c, 1);
    }
    leave(wrong == 0 ? 0 : 1);
  }
  int wrong = differing();
  for (int i = 0; i < 50; i++) {
    sys3(SYS_write, there[1], (i64)&c, 1);
    sys3(SYS_read, back[0], (i64)&c, 1);
    wrong += differing();
  }
  reap(pid, &status);
  say("parent's differ", wrong);
  say("child's status", status);
}

static u8 area[4096 + 2048] __attribute__((aligned(4096)));
static void xsave(u8 *to, u32 mask) { __asm__ volatile("xsave64 (%0)" : : "r"(to), "a"(mask), "d"(0) : "memory"); }
static void xsavec(u8 *to, u32 mask) { __asm__ volatile("xsavec64 (%0)" : : "r"(to), "a"(mask), "d"(0) : "memory"); }
static void xrstor(u8 *from, u32 mask) { __asm__ volatile("xrstor64 (%0)" : : "r"(from), "a"(mask), "d"(0) : "memory"); }
static volatile int faulted;
static void on_fault(int sig, struct siginfo *info, struct ucontext *uc) {
  faulted = sig * 1000 + info->code;
  uc->mc.ip += 4; /* xsave64 (%r64), xrstor64 (%r64) */
}
static void instructions(void) {
  put("-- XSAVE\n");
  for (int at = 0; at <= 4096 - 512; at += 4096 - 512) { /* inside a page, and across two */
    u8 *to = area + at;
    for (int i = 0; i < 2048; i++) to[i] = 0x55;
    for (int i = 512; i < 576; i++) to[i] = 0;
    fill(31);
    xsave(to, 4);
    say("xstate_bv", (i64)(*(u64 *)(to + 512) & 7));
    say("xmm untouched", to[160] == 0x55);
    say("mxcsr", *(u32 *)(to + 24));
    xsave(to, 7);
    say("xstate_bv", (i64)(*(u64 *)(to + 512) & 6));
    fill(32);
    xrstor(to, 4);
    store_all();
    say("upper half is back", seen[5][2] == table[5][2] - 0x100000001b3ul);
    say("lower half is not", seen[5][0] == table[5][0]);
    xrstor(to, 2);
    store_all();
    say("lower half is back", seen[5][0] == table[5][0] - 0x100000001b3ul);
    *(u64 *)(to + 512) = 0;
    xrstor(to, 6);
    store_all();
    say("initialised", seen[5][0] == 0 && seen[15][3] == 0);
    fill(33);
    __asm__ volatile("vzeroupper");
    for (int i = 576; i < 832; i++) to[i] = 0x55;
    xsavec(to, 7);
    say("xcomp_bv", *(u64 *)(to + 520) == (0x8000000000000000ul | 7));
    say("xstate_bv", (i64)(*(u64 *)(to + 512) & 6));
    say("unused state unwritten", to[600] == 0x55);
    fill(34);
    xrstor(to, 7);
    store_all();
    say("lower half is back", seen[9][1] == table[9][1] - 0x100000001b3ul);
    say("upper half is zero", seen[9][2] == 0 && seen[9][3] == 0);
  }
  action(SEGV, on_fault, SA_SIGINFO, 0);
  faulted = 0; xsave(area + 16, 7); say("misaligned", faulted);
  *(u64 *)(area + 520) = 0; *(u64 *)(area + 512) = 1ul << 62;
  faulted = 0; xrstor(area, 7); say("unknown component", faulted);
  *(u64 *)(area + 512) = 0; *(u64 *)(area + 528) = 1;
  faulted = 0; xrstor(area, 7); say("reserved byte of the header", faulted);
  *(u64 *)(area + 528) = 0; *(u32 *)(area + 24) = 0x80000000;
  faulted = 0; xrstor(area, 7); say("reserved bit of MXCSR", faulted);
  *(u32 *)(area + 24) = 0x1f80;
  faulted = 0; xrstor(area, 7); say("fine", faulted);
}

int main(int argc, char **argv) {
  (void)argc;
  (void)argv;
  u32 a = 1, b, c = 0, d;
  __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
  if ((c >> 27 & 3) != 3) {
    put("skip: the processor has no AVX\n");
    return 0;
  }
  instructions();
  signals();
  switches();
  return 0;
}
