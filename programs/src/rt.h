/* The whole runtime of the test programs: an entry that passes argc and argv, system calls, and printing.
 * No libc, no SSE (-mgeneral-regs-only): what a program executes is what stands in its source. */
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long u64;
typedef long i64;
typedef unsigned __int128 u128;

enum { SYS_read = 0, SYS_write = 1, SYS_pipe = 22, SYS_getpid = 39, SYS_fork = 57, SYS_exit = 60, SYS_wait4 = 61, SYS_kill = 62,
       SYS_mmap = 9, SYS_mprotect = 10, SYS_munmap = 11, SYS_close = 3, SYS_lseek = 8, SYS_getppid = 110, SYS_exit_group = 231 };

static inline i64 sys6(i64 n, i64 a, i64 b, i64 c, i64 d, i64 e, i64 f) {
  register i64 r10 __asm__("r10") = d;
  register i64 r8 __asm__("r8") = e;
  register i64 r9 __asm__("r9") = f;
  __asm__ volatile("syscall" : "+a"(n) : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9) : "rcx", "r11", "memory");
  return n;
}
static inline i64 sys3(i64 n, i64 a, i64 b, i64 c) {
  __asm__ volatile("syscall" : "+a"(n) : "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
  return n;
}

static void put(const char *s) {
  u64 n = 0;
  while (s[n] != 0) n++;
  sys3(SYS_write, 1, (i64)s, (i64)n);
}
/* name=0123456789abcdef */
static void show(const char *name, u64 v) {
  char line[96];
  int n = 0;
  while (name[n] != 0 && n < 70) { line[n] = name[n]; n++; }
  line[n++] = '=';
  for (int i = 60; i >= 0; i -= 4) line[n++] = "0123456789abcdef"[(v >> i) & 15];
  line[n++] = '\n';
  sys3(SYS_write, 1, (i64)line, n);
}
static u64 number(const char *s) {
  u64 v = 0;
  while (*s >= '0' && *s <= '9') v = v * 10 + (u64)(*s++ - '0');
  return v;
}
/* the argument, or what the program takes by itself */
static u64 size_arg(int argc, char **argv, u64 dflt) { return argc > 1 ? number(argv[1]) : dflt; }

static int main(int argc, char **argv);
__attribute__((noreturn, used)) static void start_c(u64 *sp) {
  sys3(SYS_exit_group, main((int)sp[0], (char **)(sp + 1)), 0, 0);
  __builtin_unreachable();
}
__asm__(".globl _start\n_start:\n  xor %ebp,%ebp\n  mov %rsp,%rdi\n  and $-16,%rsp\n  call start_c\n  ud2\n");
