// SSE and AVX arithmetic in known numbers: fparith N [avx]. Each round has, of scalar double, scalar single, 128-bit double and single, with `avx` also 256-bit
// double and single: see test/suites/models.ts; FMA and DPP count twice in FP_ARITH_INST_RETIRED. Among them are loads and stores across lines and pages, conversions,
// comparisons and logic, which are no arithmetic, and NOPs.
#include "rt.h"

static char area[3 * 4096] __attribute__((aligned(4096)));

static char fresh[6 * 4096] __attribute__((aligned(4096)));

// Arithmetic that faults first, before the rounds and behind them: it retires once, in the middle of a block.
static void faulting(char *p) {
  __asm__ volatile("addsd %%xmm0, %%xmm1\n addpd (%0), %%xmm1\n mulps %%xmm0, %%xmm1\n addpd 4096(%0), %%xmm1\n addss 8192(%0), %%xmm1\n nop\n" ::"r"(p) : "memory");
}

static void sse(char *p) {
  __asm__ volatile(
      "movups 60(%0), %%xmm0\n" // across a line
      "movups 4090(%0), %%xmm1\n" // across a page
      "addsd %%xmm0, %%xmm2\n subsd 60(%0), %%xmm2\n mulsd %%xmm1, %%xmm2\n divsd %%xmm2, %%xmm3\n"
      "minsd %%xmm0, %%xmm3\n maxsd %%xmm0, %%xmm3\n sqrtsd %%xmm3, %%xmm4\n" // 7 scalar double
      "addss %%xmm0, %%xmm5\n mulss 4094(%0), %%xmm5\n rsqrtss %%xmm5, %%xmm6\n rcpss %%xmm5, %%xmm6\n sqrtss %%xmm5, %%xmm6\n" // 5 scalar single
      "addpd %%xmm0, %%xmm2\n haddpd %%xmm0, %%xmm2\n addsubpd %%xmm0, %%xmm2\n" // 3 128-bit double
      "addps %%xmm0, %%xmm5\n hsubps %%xmm0, %%xmm5\n rcpps %%xmm0, %%xmm5\n rsqrtps %%xmm0, %%xmm5\n" // 4 128-bit single
      "cvtsi2sd %1, %%xmm7\n cvtsd2ss %%xmm7, %%xmm7\n comisd %%xmm0, %%xmm1\n cmpltpd %%xmm0, %%xmm1\n andpd %%xmm0, %%xmm1\n paddd %%xmm0, %%xmm1\n" // none
      "movsd %%xmm4, 124(%0)\n movups %%xmm2, 8188(%0)\n"
      "nop\n nopw 0(%%rax,%%rax)\n nopl (%%rax)\n" // 3 NOPs
      :
      : "r"(p), "r"(3L)
      : "memory");
}

static void sse41(void) {
  __asm__ volatile("dppd $0x31, %%xmm0, %%xmm2\n dpps $0xff, %%xmm0, %%xmm5\n roundsd $1, %%xmm0, %%xmm2\n" ::: "memory"); // 2, 2 and none
}

static void avx(char *p) {
  __asm__ volatile(
      "vmovups 40(%0), %%ymm0\n" // across a line
      "vmovups 16(%0), %%ymm1\n"
      "vaddsd %%xmm0, %%xmm1, %%xmm2\n vfmadd231sd %%xmm0, %%xmm1, %%xmm2\n" // 1 + 2 scalar double
      "vfnmsub132ss %%xmm0, %%xmm1, %%xmm2\n" // 2 scalar single
      "vmulpd %%xmm0, %%xmm1, %%xmm2\n vfmaddsub213pd %%xmm0, %%xmm1, %%xmm2\n" // 1 + 2 128-bit double
      "vdivps %%xmm0, %%xmm1, %%xmm2\n" // 1 128-bit single
      "vaddpd %%ymm0, %%ymm1, %%ymm2\n vfmadd132pd %%ymm0, %%ymm1, %%ymm2\n vsqrtpd %%ymm0, %%ymm3\n" // 1 + 2 + 1 256-bit double
      "vsubps %%ymm0, %%ymm1, %%ymm4\n vdpps $0xff, %%ymm0, %%ymm1, %%ymm4\n vrcpps %%ymm0, %%ymm4\n" // 1 + 2 + 1 256-bit single
      "vcvtpd2ps %%ymm2, %%xmm5\n vandps %%ymm0, %%ymm1, %%ymm5\n vcmpltps %%ymm0, %%ymm1, %%ymm5\n vroundps $0, %%ymm0, %%ymm5\n" // none
      "vmovups %%ymm2, 4080(%0)\n" // across a page
      "vzeroupper\n"
      :
      : "r"(p)
      : "memory");
}

static int main(int argc, char **argv) {
  long n = argc > 1 ? number(argv[1]) : 1;
  faulting(fresh);
  for (long i = 0; i < n; i++) {
    sse(area);
    if (argc > 2) {
      sse41();
      avx(area);
    }
  }
  faulting(fresh + 3 * 4096);
  return 0;
}
