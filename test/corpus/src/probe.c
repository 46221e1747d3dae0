/*
 * probe FILE MILLISECONDS: runs pieces of machine code, each in a child of its own, and writes what the registers hold at the end: HLT (which is
 * privileged, so SIGSEGV at an F4 byte), or the signal that stopped it. FILE is written by test/corpus/pack.ts. The probe itself is linked at
 * an address that no piece uses.
 */
#include "../../kernel/src/lib.h"

struct range { u64 address, size; };
/* Behind it: `ranges` ranges to map, `data` × {address, size} with the bytes behind all of them, then the code. Everything is 8-aligned. */
struct piece { u64 bytes, index, entry, code, ranges, data; };
struct record { u32 magic, index, signal, status; struct mcontext mc; u8 fx[512]; u8 ymmh[256]; };
enum { MAGIC = 0x70726f62, FIXED = 0x4032, ALL_RIGHTS = 7, XSTATE_MAGIC = 0x46505853 };

static u8 stack[65536] __attribute__((aligned(64)));
static struct record out;

static void copy(void *to, const void *from, u64 n) {
  for (u64 i = 0; i < n; i++) ((u8 *)to)[i] = ((const u8 *)from)[i];
}
static void send(void) { sys3(SYS_write, 1, (i64)&out, sizeof out); }
static void stopped(int sig, struct siginfo *info, struct ucontext *c) {
  (void)info;
  out.signal = (u32)sig;
  out.mc = c->mc;
  const u8 *fp = (const u8 *)c->mc.fpstate;
  if (fp != 0) {
    copy(out.fx, fp, 512);
    /* sw_reserved at 464: magic1, size, xfeatures; XSTATE_BV at 512; the upper halves at their standard place, 576. */
    if (*(const u32 *)(fp + 464) == XSTATE_MAGIC && (*(const u64 *)(fp + 512) & 4) != 0) copy(out.ymmh, fp + 576, 256);
  }
  send();
  leave(0);
}
/* MAP_NORESERVE, so that four gigabytes may be asked for. */
static i64 map(u64 address, u64 size) {
  u64 from = address & ~4095ul, to = (address + size + 4095) & ~4095ul;
  return sys6(SYS_mmap, (i64)from, (i64)(to - from), ALL_RIGHTS, FIXED, -1, 0);
}
static void run_piece(const struct piece *p, i64 ms) {
  const struct range *r = (const struct range *)(p + 1);
  for (u64 i = 0; i < p->ranges; i++)
    if (map(r[i].address, r[i].size) < 0) leave(3);
  const struct range *d = r + p->ranges;
  const u8 *bytes = (const u8 *)(d + p->data);
  for (u64 i = 0; i < p->data; i++) {
    copy((void *)d[i].address, bytes, d[i].size);
    bytes += (d[i].size + 7) & ~7ul;
  }
  if (map(p->entry, p->code) < 0) leave(4);
  copy((void *)p->entry, bytes, p->code);
  struct { void *sp; int flags, pad; u64 size; } alternative = { stack, 0, 0, sizeof stack };
  sys3(SYS_sigaltstack, (i64)&alternative, 0, 0);
  static const int signals[] = { SEGV, ILL, BUS, FPE, TRAP, ALRM };
  for (u64 i = 0; i < sizeof signals / sizeof signals[0]; i++) action(signals[i], stopped, SA_SIGINFO | SA_ONSTACK, 0);
  out.magic = MAGIC;
  out.status = 0;
  out.index = (u32)p->index;
  timer_ms(ms, 0);
  __asm__ volatile(
      "fninit\n ldmxcsr %1\n"
      "xorps %%xmm0,%%xmm0\n xorps %%xmm1,%%xmm1\n xorps %%xmm2,%%xmm2\n xorps %%xmm3,%%xmm3\n"
      "xorps %%xmm4,%%xmm4\n xorps %%xmm5,%%xmm5\n xorps %%xmm6,%%xmm6\n xorps %%xmm7,%%xmm7\n"
      "xorps %%xmm8,%%xmm8\n xorps %%xmm9,%%xmm9\n xorps %%xmm10,%%xmm10\n xorps %%xmm11,%%xmm11\n"
      "xorps %%xmm12,%%xmm12\n xorps %%xmm13,%%xmm13\n xorps %%xmm14,%%xmm14\n xorps %%xmm15,%%xmm15\n"
      "mov %0,%%rax\n mov %%rax,target(%%rip)\n push $0x202\n popfq\n"
      "mov $0,%%eax\n mov $0,%%ebx\n mov $0,%%ecx\n mov $0,%%edx\n mov $0,%%esi\n mov $0,%%edi\n mov $0,%%ebp\n"
      "mov $0,%%r8d\n mov $0,%%r9d\n mov $0,%%r10d\n mov $0,%%r11d\n mov $0,%%r12d\n mov $0,%%r13d\n mov $0,%%r14d\n mov $0,%%r15d\n"
      "mov $0,%%esp\n jmp *target(%%rip)\n"
      ".local target\n .comm target,8,8\n" ::"r"(p->entry), "m"(*(const u32[]){ 0x1f80 })
      : "memory");
  __builtin_unreachable();
}

static int main(int argc, char **argv) {
  if (argc != 3) return 2;
  i64 ms = (i64)number(argv[2]);
  i64 fd = open_file(argv[1], 0, 0);
  i64 size = sys3(SYS_lseek, fd, 0, 2);
  if (fd < 0 || size <= 0) return 2;
  i64 at = sys6(SYS_mmap, 0, size, 1, 2, fd, 0);
  if (at < 0) return 2;
  for (i64 done = 0; done < size;) {
    const struct piece *p = (const struct piece *)(at + done);
    i64 pid = fork();
    if (pid == 0) run_piece(p, ms);
    int status = 0;
    reap(pid, &status);
    if (status != 0) {
      out = (struct record){ .magic = MAGIC, .index = (u32)p->index, .status = (u32)status };
      send();
    }
    done += (i64)p->bytes;
  }
  return 0;
}
