/* Hardware breakpoints as events: what may be opened, what counts, samples, signals, and the debug exceptions that nobody asked perf for. */
#include "lib.h"
#include <linux/hw_breakpoint.h>
#include <pthread.h>
#include <sched.h>
#include <ucontext.h>

#ifndef TRAP_PERF
#define TRAP_PERF 6
#endif
#ifndef TRAP_HWBKPT
#define TRAP_HWBKPT 4
#endif

static struct { uint8_t pad[64]; volatile uint64_t x[8]; } data __attribute__((aligned(64)));
static int calls;
__attribute__((noinline, noclone)) static void called(void) { calls++; __asm__ volatile("" ::: "memory"); }

static struct perf_event_attr bp(int type, const volatile void *at, uint64_t len) {
  struct perf_event_attr a = attr_of(PERF_TYPE_BREAKPOINT, 0);
  a.bp_type = type;
  a.bp_addr = (uintptr_t)at;
  a.bp_len = len;
  a.exclude_kernel = 1;
  return a;
}
static void try(const char *name, int type, uintptr_t at, uint64_t len) {
  int fd = open_self(bp(type, (void *)at, len));
  row(name, fd);
  if (fd >= 0) close(fd);
}

static void refusals(void) {
  uintptr_t x = (uintptr_t)data.x;
  for (int type = 0; type < 8; type++)
    for (uint64_t len = 0; len <= 9; len++) {
      char name[40];
      snprintf(name, sizeof name, "type %d length %d", type, (int)len);
      try(name, type, x, len);
    }
  try("length 16", HW_BREAKPOINT_W, x, 16);
  try("type 8", 8, x, 4);
  try("unaligned 2", HW_BREAKPOINT_W, x + 1, 2);
  try("unaligned 4", HW_BREAKPOINT_RW, x + 2, 4);
  try("unaligned 8", HW_BREAKPOINT_RW, x + 4, 8);
  try("unaligned code", HW_BREAKPOINT_X, (uintptr_t)called + 1, 8);
  try("last user bytes", HW_BREAKPOINT_W, 0x7fffffffeff8, 8);
  try("first byte behind", HW_BREAKPOINT_W, 0x7ffffffff000, 1);
  try("not canonical", HW_BREAKPOINT_W, 0x8000000000000000, 1);
  try("kernel without the kernel", HW_BREAKPOINT_X, 0xffffffff81000000, 8);
  try("last byte of all", HW_BREAKPOINT_W, 0xffffffffffffffff, 1);
  struct perf_event_attr a = bp(HW_BREAKPOINT_W, data.x, 4);
  a.sample_type = PERF_SAMPLE_BRANCH_STACK;
  a.branch_sample_type = PERF_SAMPLE_BRANCH_ANY;
  row("branch stack", open_self(a));
  a = bp(HW_BREAKPOINT_W, data.x, 4);
  a.sigtrap = 1;
  row("sigtrap alone", open_self(a));
  a.remove_on_exec = 1;
  row("sigtrap of a CPU", open_event(&a, -1, 0, -1, 0));
  int fd = open_self(a);
  row("sigtrap", fd);
  close(fd);
  a = bp(HW_BREAKPOINT_W, data.x, 4);
  row("config is ignored", (a.config = 77, fd = open_self(a)));
  close(fd);
}

static void slots(void) {
  int fd[6];
  for (int i = 0; i < 6; i++) {
    struct perf_event_attr a = bp(i & 1 ? HW_BREAKPOINT_W : HW_BREAKPOINT_X, data.x, i & 1 ? 4 : 8);
    a.disabled = 1;
    row("a slot of four", fd[i] = open_self(a));
  }
  struct perf_event_attr a = bp(HW_BREAKPOINT_W, data.x, 4);
  row("a CPU's while a task has four", open_event(&a, -1, 0, -1, 0));
  close(fd[2]);
  int own = open_event(&a, -1, 0, -1, 0);
  row("a CPU's while a task has three", own);
  row("a fourth of the task", open_self(a));
  close(own);
  row("and again", own = open_self(a));
  close(own);
  for (int i = 0; i < 6; i++) if (fd[i] >= 0) close(fd[i]);
}

/* Counts of one statement under W and RW. */
#define STATEMENT(name, at, len, ...)                                                   \
  do {                                                                                  \
    int w = must(open_self(bp(HW_BREAKPOINT_W, at, len)), name);                        \
    int rw = must(open_self(bp(HW_BREAKPOINT_RW, at, len)), name);                      \
    __VA_ARGS__;                                                                        \
    ioctl(w, PERF_EVENT_IOC_DISABLE, 0);                                                \
    ioctl(rw, PERF_EVENT_IOC_DISABLE, 0);                                               \
    printf("%s: %ld writes, %ld reads and writes\n", name, (long)count(w), (long)count(rw));        \
    close(w);                                                                           \
    close(rw);                                                                          \
  } while (0)
#define X (&data.x[1])
static void accesses(void) {
  volatile uint64_t *x = X;
  STATEMENT("store", X, 8, x[0] = 1);
  STATEMENT("load", X, 8, (void)x[0]);
  STATEMENT("the word behind", X, 8, x[1] = 1);
  STATEMENT("the word before", X, 8, x[-1] = 1);
  STATEMENT("increment", X, 4, __asm__ volatile("incl %0" : "+m"(x[0])));
  STATEMENT("byte 3 of 4", X, 4, __asm__ volatile("movb $1,3(%0)" ::"r"(x) : "memory"));
  STATEMENT("byte 4 of 4", X, 4, __asm__ volatile("movb $1,4(%0)" ::"r"(x) : "memory"));
  STATEMENT("across its start", X, 2, __asm__ volatile("movl $1,-3(%0)" ::"r"(x) : "memory"));
  STATEMENT("across its end", X, 2, __asm__ volatile("movl $1,1(%0)" ::"r"(x) : "memory"));
  STATEMENT("over one byte", (uint8_t *)X + 3, 1, __asm__ volatile("movq $1,(%0)" ::"r"(x) : "memory"));
  STATEMENT("cmpxchg that fails", X, 8,
            __asm__ volatile("movq $5,(%0); movl $1,%%eax; lock cmpxchg %%rcx,(%0)" ::"r"(x) : "rax", "memory"));
  STATEMENT("xchg", X, 8, __asm__ volatile("xchg %%rax,(%0)" ::"r"(x) : "rax", "memory"));
  STATEMENT("16 bytes", X, 8, __asm__ volatile("movups %%xmm0,-8(%0); movups -8(%0),%%xmm1" ::"r"(x) : "xmm1", "memory"));
  STATEMENT("x87", X, 8, __asm__ volatile("fldz; fstpt -4(%0); fldt -4(%0); fstp %%st(0)" ::"r"(x) : "memory"));
  STATEMENT("push and pop", X, 8,
            __asm__ volatile("mov %%rsp,%%rbx; lea 8(%0),%%rsp; push %%rax; pop %%rcx; mov %%rbx,%%rsp" ::"r"(x) : "rbx", "rcx", "memory"));
  STATEMENT("call and ret", X, 8,
            __asm__ volatile("mov %%rsp,%%rbx; lea 8(%0),%%rsp; call 1f; jmp 2f; 1: ret; 2: mov %%rbx,%%rsp" ::"r"(x) : "rbx", "memory"));
  STATEMENT("rep stosb over 4 of 16", X, 4, { void *d = (void *)(x - 1); long n = 16; __asm__ volatile("std; cld; rep stosb" : "+D"(d), "+c"(n)::"memory"); } (void)0);
  STATEMENT("lodsb, scasb", X, 4,
            { const volatile void *s = x, *d = x; __asm__ volatile("lodsb; scasb" : "+S"(s), "+D"(d)::"rax", "memory", "cc"); } (void)0);
  STATEMENT("movsq", X, 8,
            { const volatile void *s = x, *d = x + 2; __asm__ volatile("movsq" : "+S"(s), "+D"(d)::"memory"); } (void)0);
  STATEMENT("prefetch", X, 8, __asm__ volatile("prefetcht0 (%0); lea (%0),%%rax" ::"r"(x) : "rax"));
}

static void pages(void) {
  char *p = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  STATEMENT("across pages, the first", p + PAGE - 2, 2, *(volatile uint64_t *)(p + PAGE - 3) = 1);
  STATEMENT("across pages, the second", p + PAGE, 4, *(volatile uint64_t *)(p + PAGE - 1) = 1);
  STATEMENT("across pages, neither", p + PAGE + 8, 4, *(volatile uint64_t *)(p + PAGE - 1) = 1);
  char *q = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  STATEMENT("a first touch", q, 4, *(volatile uint32_t *)q = 1);
}

static void code(void) {
  int fd = must(open_self(bp(HW_BREAKPOINT_X, called, 8)), "code");
  for (int i = 0; i < 1000; i++) called();
  number("calls", (long)count(fd));
  ioctl(fd, PERF_EVENT_IOC_DISABLE, 0);
  called();
  number("calls while it is off", (long)count(fd));
  ioctl(fd, PERF_EVENT_IOC_ENABLE, 0);
  for (int i = 0; i < 10; i++) called();
  number("calls once it is on", (long)count(fd));
  ioctl(fd, PERF_EVENT_IOC_RESET, 0);
  number("reset", (long)count(fd));
  close(fd);
  struct perf_event_attr a = bp(HW_BREAKPOINT_X, called, 8);
  a.exclude_user = 1;
  fd = must(open_self(a), "code of no ring");
  called();
  number("user excluded", (long)count(fd));
  close(fd);
}

static void modify(void) {
  struct perf_event_attr a = bp(HW_BREAKPOINT_W, &data.x[2], 8), b = a;
  int fd = must(open_self(a), "modify");
  data.x[2] = 1;
  b.bp_addr = (uintptr_t)&data.x[3];
  row("other address", ioctl(fd, PERF_EVENT_IOC_MODIFY_ATTRIBUTES, &b));
  data.x[2] = 1, data.x[3] = 1, data.x[3] = 2;
  number("counted at both", (long)count(fd));
  b.bp_type = HW_BREAKPOINT_X, b.bp_len = 8, b.bp_addr = (uintptr_t)called;
  row("other type", ioctl(fd, PERF_EVENT_IOC_MODIFY_ATTRIBUTES, &b));
  called();
  number("and calls", (long)count(fd));
  b.sample_period = 3;
  row("other period", ioctl(fd, PERF_EVENT_IOC_MODIFY_ATTRIBUTES, &b));
  b.sample_period = 0;
  b.bp_len = 3;
  row("bad length", ioctl(fd, PERF_EVENT_IOC_MODIFY_ATTRIBUTES, &b));
  b.type = PERF_TYPE_SOFTWARE;
  row("other kind", ioctl(fd, PERF_EVENT_IOC_MODIFY_ATTRIBUTES, &b));
  b = bp(HW_BREAKPOINT_W, &data.x[2], 8);
  b.disabled = 1;
  row("disabled", ioctl(fd, PERF_EVENT_IOC_MODIFY_ATTRIBUTES, &b));
  data.x[2] = 2;
  number("off", (long)count(fd));
  row("no memory", ioctl(fd, PERF_EVENT_IOC_MODIFY_ATTRIBUTES, NULL));
  close(fd);
  fd = must(open_self(faults()), "faults");
  a = faults();
  row("of page faults", ioctl(fd, PERF_EVENT_IOC_MODIFY_ATTRIBUTES, &a));
  close(fd);
}

static void *thread(void *arg) {
  for (long i = 0; i < (long)arg; i++) data.x[4] = i;
  return NULL;
}
static void inherit(void) {
  struct perf_event_attr a = bp(HW_BREAKPOINT_W, &data.x[4], 8);
  int alone = must(open_self(a), "alone");
  a.inherit = 1;
  int fd = must(open_self(a), "inherit");
  pthread_t t;
  pthread_create(&t, NULL, thread, (void *)5);
  pthread_join(t, NULL);
  pid_t pid = fork();
  if (pid == 0) {
    thread((void *)7);
    _exit(0);
  }
  waitpid(pid, NULL, 0);
  data.x[4] = 0;
  number("with a thread and a process", (long)count(fd));
  number("alone", (long)count(alone));
  close(fd);
  close(alone);
  a = bp(HW_BREAKPOINT_W, &data.x[4], 8);
  pid = fork();
  if (pid == 0) {
    for (;;) {
      data.x[4] = 1;
      sched_yield();
    }
  }
  fd = open_event(&a, pid, -1, -1, 0);
  row("of another process", fd);
  struct timespec ts = { 0, 20000000 };
  nanosleep(&ts, NULL);
  truth("it counts there", (long)count(fd) > 0);
  kill(pid, SIGKILL);
  waitpid(pid, NULL, 0);
  long n = (long)count(fd);
  truth("and no more", n > 0 && n == (long)count(fd));
  close(fd);
}

static volatile int seen;
static volatile uintptr_t address, ip;
static volatile int why, perf_type, perf_flags;
static volatile uint64_t perf_data;
static void handler(int sig, siginfo_t *info, void *context) {
  (void)sig;
  seen++;
  why = info->si_code;
  address = (uintptr_t)info->si_addr;
  memcpy((void *)&perf_data, (char *)info + 24, 8);
  memcpy((void *)&perf_type, (char *)info + 32, 4);
  memcpy((void *)&perf_flags, (char *)info + 36, 4);
  ip = ((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
}
static void on(int sig) {
  struct sigaction a;
  memset(&a, 0, sizeof a);
  a.sa_sigaction = handler;
  a.sa_flags = SA_SIGINFO;
  sigaction(sig, &a, NULL);
}
static long flags_at_trap;
static void keep_flags(int sig, siginfo_t *info, void *context) {
  (void)sig;
  seen++;
  why = info->si_code;
  ucontext_t *u = context;
  flags_at_trap = u->uc_mcontext.gregs[REG_EFL];
  address = (uintptr_t)info->si_addr;
  ip = u->uc_mcontext.gregs[REG_RIP];
}

/* Past the 12 bytes of the store. */
static void after_fault(int sig, siginfo_t *info, void *context) {
  keep_flags(sig, info, context);
  ((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP] += 12;
}

static void samples(void) {
  struct perf_event_attr a = bp(HW_BREAKPOINT_W, &data.x[5], 8);
  a.sample_period = 3;
  a.sample_type = PERF_SAMPLE_IP | PERF_SAMPLE_ADDR;
  a.wakeup_events = 1;
  int fd = must(open_self(a), "samples");
  struct perf_event_mmap_page *ring = mmap(NULL, 5 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  uintptr_t behind = 0;
  for (int i = 0; i < 10; i++)
    __asm__ volatile("movq $1,(%1); 1: lea 1b(%%rip),%0" : "=r"(behind) : "r"(&data.x[5]) : "memory");
  ioctl(fd, PERF_EVENT_IOC_DISABLE, 0);
  number("period 3 of 10", (long)(ring->data_head / 24));
  uint64_t *r = (uint64_t *)((char *)ring + PAGE);
  truth("IP behind the store", r[1] == behind);
  truth("ADDR is the breakpoint's", r[2] == (uintptr_t)&data.x[5]);
  number("all counted", (long)count(fd));
  munmap(ring, 5 * PAGE);
  close(fd);

  a = bp(HW_BREAKPOINT_X, called, 8);
  a.sample_period = 1;
  a.sample_type = PERF_SAMPLE_IP | PERF_SAMPLE_PERIOD;
  fd = must(open_self(a), "code samples");
  ring = mmap(NULL, 5 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  for (int i = 0; i < 5; i++) called();
  r = (uint64_t *)((char *)ring + PAGE);
  number("code samples", (long)(ring->data_head / 24));
  truth("IP at the function", r[1] == (uintptr_t)called);
  number("period", (long)r[2]);
  munmap(ring, 5 * PAGE);
  close(fd);
}

static void signals(void) {
  on(SIGIO);
  struct perf_event_attr a = bp(HW_BREAKPOINT_X, called, 8);
  a.sample_period = 1;
  int fd = must(open_self(a), "signals");
  fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK | O_ASYNC);
  fcntl(fd, F_SETSIG, SIGIO);
  fcntl(fd, F_SETOWN, getpid());
  seen = 0;
  for (int i = 0; i < 5; i++) {
    called();
    if (i == 0) truth("SIGIO before the function's first instruction", ip == (uintptr_t)called);
  }
  number("a SIGIO each", seen);
  ioctl(fd, PERF_EVENT_IOC_DISABLE, 0);
  seen = 0;
  row("refresh", ioctl(fd, PERF_EVENT_IOC_REFRESH, 2));
  for (int i = 0; i < 5; i++) called();
  number("two of five", seen);
  number("POLL_HUP at last", why == POLL_HUP);
  close(fd);
}

static void sigtraps(void) {
  on(SIGTRAP);
  struct perf_event_attr a = bp(HW_BREAKPOINT_W, &data.x[6], 8);
  a.sample_period = 1;
  a.sample_type = PERF_SAMPLE_ADDR;
  a.sigtrap = 1;
  a.remove_on_exec = 1;
  a.sig_data = 0x1122334455667788;
  int fd = must(open_self(a), "sigtrap");
  seen = 0;
  uintptr_t behind;
  __asm__ volatile("movq $1,(%1); 1: lea 1b(%%rip),%0" : "=r"(behind) : "r"(&data.x[6]) : "memory");
  number("SIGTRAPs", seen);
  truth("TRAP_PERF", why == TRAP_PERF);
  truth("si_addr", address == (uintptr_t)&data.x[6]);
  truth("si_perf_data", perf_data == 0x1122334455667788);
  number("si_perf_type", perf_type);
  number("si_perf_flags", perf_flags);
  truth("at once", ip == behind);
  sigset_t block, old;
  sigemptyset(&block);
  sigaddset(&block, SIGTRAP);
  sigprocmask(SIG_BLOCK, &block, &old);
  seen = 0;
  data.x[6] = 1;
  data.x[6] = 2;
  number("blocked", seen);
  sigprocmask(SIG_SETMASK, &old, NULL);
  number("and one when it is not", seen);
  number("asynchronous", perf_flags);
  ioctl(fd, PERF_EVENT_IOC_DISABLE, 0);
  signal(SIGTRAP, SIG_IGN);
  ioctl(fd, PERF_EVENT_IOC_ENABLE, 0);
  data.x[6] = 3;
  on(SIGTRAP);
  number("ignored", (long)count(fd));
  close(fd);
  a.sample_type = 0;
  fd = must(open_self(a), "sigtrap without ADDR");
  seen = 0;
  data.x[6] = 1;
  number("si_addr without PERF_SAMPLE_ADDR is the breakpoint's", address == (uintptr_t)&data.x[6]);
  close(fd);

  a = faults();
  a.sample_period = 1;
  a.sigtrap = 1;
  a.remove_on_exec = 1;
  a.exclude_kernel = 1;
  a.sig_data = 7;
  a.disabled = 1;
  fd = must(open_self(a), "page faults");
  volatile char *p = mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  seen = 0;
  ioctl(fd, PERF_EVENT_IOC_ENABLE, 0);
  for (int i = 0; i < 8; i++) p[i * PAGE] = 1;
  ioctl(fd, PERF_EVENT_IOC_DISABLE, 0);
  truth("a SIGTRAP at each page fault", seen >= 8 && seen < 12);
  number("of type", perf_type);
  number("with data", (long)perf_data);
  close(fd);
}

/* Debug exceptions without perf. */
static void others(void) {
  struct sigaction a;
  memset(&a, 0, sizeof a);
  a.sa_sigaction = keep_flags;
  a.sa_flags = SA_SIGINFO;
  sigaction(SIGTRAP, &a, NULL);
  seen = 0;
  __asm__ volatile("pushfq; orl $0x100,(%%rsp); popfq; nop; pushfq; andl $~0x100,(%%rsp); popfq" ::: "memory", "cc");
  number("single steps", seen);
  number("TRAP_TRACE", why);
  truth("si_addr is RIP", address == ip);
  truth("TF is in the frame", (flags_at_trap & 0x100) != 0);
  seen = 0;
  char buffer[16];
  {
    void *d = buffer;
    long n = 5;
    __asm__ volatile("pushfq; orl $0x100,(%%rsp); popfq; rep stosb; pushfq; andl $~0x100,(%%rsp); popfq" : "+D"(d), "+c"(n)::"memory", "cc");
  }
  number("single steps of a REP of five", seen);
  seen = 0;
  __asm__ volatile("int3");
  number("INT3", seen);
  number("SI_KERNEL", why);
  /* A breakpoint of perf and a single step at one instruction: both. */
  int fd = must(open_self(bp(HW_BREAKPOINT_W, &data.x[7], 8)), "both");
  seen = 0;
  __asm__ volatile("pushfq; orl $0x100,(%%rsp); popfq; movq $1,(%0); pushfq; andl $~0x100,(%%rsp); popfq" ::"r"(&data.x[7]) : "memory", "cc");
  number("steps", seen);
  number("and the store", (long)count(fd));
  number("TRAP_TRACE", why);
  close(fd);
  /* A fault's frame has RF set. */
  a.sa_sigaction = after_fault;
  sigaction(SIGSEGV, &a, NULL);
  __asm__ volatile("movq $0,0x10; .byte 0x90" ::: "memory");
  truth("RF in the frame of a fault", (flags_at_trap & 0x10000) != 0);
}

int main(void) {
  refusals();
  slots();
  accesses();
  pages();
  code();
  modify();
  inherit();
  samples();
  signals();
  sigtraps();
  others();
  return 0;
}
