/* perf_event_open: its refusals, spec §6.8. */
#include "lib.h"

static void sizes(void) {
  unsigned char bytes[8192];
  struct perf_event_attr *a = (void *)bytes;
  memset(bytes, 0, sizeof bytes);
  *a = faults();
  a->size = 0;
  int fd = open_event(a, 0, -1, -1, 0);
  row("size 0", fd);
  a->size = 64;
  row("size 64, VER0", open_event(a, 0, -1, -1, 0));
  a->size = 63;
  row("size 63", open_event(a, 0, -1, -1, 0));
  truth("size 63: the kernel's size comes back", a->size >= 128);
  unsigned kernel = a->size;
  a->size = kernel;
  row("the kernel's size", open_event(a, 0, -1, -1, 0));
  a->size = 4096;
  row("size 4096, zero tail", open_event(a, 0, -1, -1, 0));
  bytes[4095] = 1;
  row("size 4096, tail not zero", open_event(a, 0, -1, -1, 0));
  truth("the kernel's size comes back", a->size == kernel);
  bytes[4095] = 0;
  a->size = 4104;
  row("size 4104", open_event(a, 0, -1, -1, 0));
  row("attr at NULL", open_event(NULL, 0, -1, -1, 0));
  char *end = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  munmap(end + PAGE, PAGE);
  a = (void *)(end + PAGE - 72);
  *(uint32_t *)a = PERF_TYPE_SOFTWARE;
  a->size = 72;
  a->config = PERF_COUNT_SW_DUMMY;
  row("attr of 72 bytes at the end of memory", open_event(a, 0, -1, -1, 0));
  a->size = 80;
  row("attr that goes beyond it", open_event(a, 0, -1, -1, 0));
}

static void fields(void) {
  struct perf_event_attr a = faults();
  a.sample_type = 1ul << 25;
  opens("sample_type bit 25", a);
  a.sample_type = 1ul << 40;
  opens("sample_type bit 40", a);
  a = faults(), a.read_format = 32;
  opens("read_format bit 5", a);
  a = faults(), a.__reserved_2 = 1;
  opens("__reserved_2", a);
  a = faults(), a.sample_type = PERF_SAMPLE_REGS_USER;
  opens("REGS_USER without a register", a);
  a.sample_regs_user = 1ul << 12;
  opens("REGS_USER of DS", a);
  a.sample_regs_user = 0xff0fff;
  opens("REGS_USER of all others", a);
  a = faults(), a.sample_type = PERF_SAMPLE_REGS_INTR;
  opens("REGS_INTR without a register", a);
  a = faults(), a.sample_type = PERF_SAMPLE_STACK_USER, a.sample_stack_user = 65535;
  opens("STACK_USER of 65535", a);
  a.sample_stack_user = 12;
  opens("STACK_USER of 12", a);
  a.sample_stack_user = 65528;
  opens("STACK_USER of 65528", a);
  a = faults(), a.sample_type = PERF_SAMPLE_WEIGHT | PERF_SAMPLE_WEIGHT_STRUCT;
  opens("WEIGHT and WEIGHT_STRUCT", a);
  a = faults(), a.inherit_thread = 1;
  opens("inherit_thread without inherit", a);
  a.inherit = 1;
  opens("inherit_thread with inherit", a);
  a = faults(), a.remove_on_exec = 1;
  opens("remove_on_exec", a);
  a.enable_on_exec = 1;
  opens("remove_on_exec with enable_on_exec", a);
  a = faults(), a.sigtrap = 1;
  opens("sigtrap without remove_on_exec", a);
  a = faults(), a.sample_period = 1ul << 63;
  opens("sample_period bit 63", a);
  a.sample_period = (1ul << 63) - 1;
  opens("sample_period of 63 bits", a);
  a = faults(), a.freq = 1, a.sample_freq = 1ul << 32;
  opens("sample_freq above the limit", a);
  a = faults(), a.sample_max_stack = 65535, a.sample_type = PERF_SAMPLE_CALLCHAIN;
  opens("sample_max_stack of 65535", a);
  a = faults(), a.sample_type = PERF_SAMPLE_BRANCH_STACK;
  opens("BRANCH_STACK without a branch type", a);
  a.branch_sample_type = PERF_SAMPLE_BRANCH_USER;
  opens("BRANCH_STACK of a ring only", a);
  a.branch_sample_type = 1ul << 40;
  opens("BRANCH_STACK bit 40", a);
  a.branch_sample_type = PERF_SAMPLE_BRANCH_ANY;
  opens("BRANCH_STACK of a software event", a);
}

static void targets(void) {
  struct perf_event_attr a = faults();
  row("flags bit 4", open_event(&a, 0, -1, -1, 16));
  row("flags bit 31", open_event(&a, 0, -1, -1, 1ul << 31));
  row("flags bit 63", open_event(&a, 0, -1, -1, 1ul << 63));
  row("pid -1, cpu -1", open_event(&a, -1, -1, -1, 0));
  row("pid -1, cpu 0", open_event(&a, -1, 0, -1, 0));
  row("pid 0, cpu 0", open_event(&a, 0, 0, -1, 0));
  row("pid 0, cpu -2", open_event(&a, 0, -2, -1, 0));
  row("pid 0, cpu 100000", open_event(&a, 0, 100000, -1, 0));
  row("pid -1, cpu 100000", open_event(&a, -1, 100000, -1, 0));
  row("pid -2", open_event(&a, -2, -1, -1, 0));
  row("a pid that is not there", open_event(&a, 4194303, -1, -1, 0));
  row("itself by its pid", open_event(&a, getpid(), -1, -1, 0));
  row("PID_CGROUP without a CPU", open_event(&a, 0, -1, -1, PERF_FLAG_PID_CGROUP));
  row("PID_CGROUP with pid -1", open_event(&a, -1, 0, -1, PERF_FLAG_PID_CGROUP));
  a.sigtrap = 1, a.remove_on_exec = 1;
  row("sigtrap without a task", open_event(&a, -1, 0, -1, 0));
  int child = fork();
  if (child == 0) _exit(0);
  siginfo_t info;
  waitid(P_PID, child, &info, WEXITED | WNOWAIT);
  a = faults();
  row("a zombie", open_event(&a, child, -1, -1, 0));
  waitpid(child, NULL, 0);
}

static void kinds(void) {
  opens("type 4000", attr_of(4000, 0));
  opens("software id 200", software(200));
  opens("software id 2^32", software(1ul << 32));
  opens("context-switches", software(PERF_COUNT_SW_CONTEXT_SWITCHES));
  opens("task-clock", software(PERF_COUNT_SW_TASK_CLOCK));
  opens("cpu-clock", software(PERF_COUNT_SW_CPU_CLOCK));
  opens("dummy", software(PERF_COUNT_SW_DUMMY));
  struct perf_event_attr a = faults();
  a.inherit = 1, a.sample_type = PERF_SAMPLE_READ, a.sample_period = 1, a.read_format = PERF_FORMAT_GROUP;
  a = software(PERF_COUNT_SW_DUMMY), a.use_clockid = 1, a.clockid = 77;
  opens("clockid 77", a);
  a.clockid = CLOCK_MONOTONIC;
  opens("CLOCK_MONOTONIC", a);
  a.clockid = CLOCK_MONOTONIC_RAW;
  opens("CLOCK_MONOTONIC_RAW", a);
  a.clockid = CLOCK_REALTIME;
  opens("CLOCK_REALTIME", a);
  a.clockid = CLOCK_BOOTTIME;
  opens("CLOCK_BOOTTIME", a);
  a.clockid = CLOCK_TAI;
  opens("CLOCK_TAI", a);
  a.clockid = CLOCK_THREAD_CPUTIME_ID;
  opens("CLOCK_THREAD_CPUTIME_ID", a);
}

static void groups(void) {
  struct perf_event_attr a = faults();
  row("group_fd that is not open", open_event(&a, 0, -1, 999, 0));
  row("group_fd that is no event", open_event(&a, 0, -1, 1, 0));
  row("group_fd that is no event, NO_GROUP", open_event(&a, 0, -1, 1, PERF_FLAG_FD_NO_GROUP));
  int leader = must(open_self(faults()), "leader");
  int sibling = open_event(&a, 0, -1, leader, 0);
  row("a sibling", sibling);
  row("a sibling as leader", open_event(&a, 0, -1, sibling, 0));
  row("a sibling as leader, NO_GROUP", open_event(&a, 0, -1, sibling, PERF_FLAG_FD_NO_GROUP));
  a.pinned = 1;
  row("a pinned sibling", open_event(&a, 0, -1, leader, 0));
  a = faults(), a.exclusive = 1;
  row("an exclusive sibling", open_event(&a, 0, -1, leader, 0));
  a = faults(), a.inherit = 1;
  row("a sibling that is inherited, its leader not", open_event(&a, 0, -1, leader, 0));
  a = faults();
  row("a sibling on a CPU, its leader on any", open_event(&a, 0, 0, leader, 0));
  row("a sibling without the task", open_event(&a, -1, 0, leader, 0));
  a.use_clockid = 1, a.clockid = CLOCK_MONOTONIC;
  row("a sibling with another clock", open_event(&a, 0, -1, leader, 0));
  int child = fork();
  if (child == 0) pause(), _exit(0);
  a = faults();
  row("a sibling on another task", open_event(&a, child, -1, leader, 0));
  kill(child, SIGKILL);
  waitpid(child, NULL, 0);
  row("FD_OUTPUT to one without a ring", open_event(&a, 0, -1, leader, PERF_FLAG_FD_OUTPUT | PERF_FLAG_FD_NO_GROUP));
  mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, leader, 0);
  row("FD_OUTPUT to one with a ring", open_event(&a, 0, -1, leader, PERF_FLAG_FD_OUTPUT | PERF_FLAG_FD_NO_GROUP));
  row("FD_OUTPUT from another CPU", open_event(&a, 0, 0, leader, PERF_FLAG_FD_OUTPUT | PERF_FLAG_FD_NO_GROUP));
  a.write_backward = 1;
  row("FD_OUTPUT, the other way round", open_event(&a, 0, -1, leader, PERF_FLAG_FD_OUTPUT | PERF_FLAG_FD_NO_GROUP));
}

/* A group whose read would be more than 16 KiB. */
static void large_group(void) {
  struct rlimit limit = { 4096, 4096 };
  setrlimit(RLIMIT_NOFILE, &limit);
  struct perf_event_attr a = software(PERF_COUNT_SW_DUMMY);
  a.read_format = PERF_FORMAT_GROUP | PERF_FORMAT_ID;
  int leader = must(open_self(a), "leader"), n = 1, fd;
  while ((fd = open_event(&a, 0, -1, leader, 0)) >= 0 && n < 2000) n++;
  row("a group that cannot be read", fd);
  number("members until then", n);
}

static void descriptors(void) {
  struct perf_event_attr a = faults();
  int fd = open_event(&a, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
  number("FD_CLOEXEC", fcntl(fd, F_GETFD));
  number("flags", fcntl(fd, F_GETFL) & ~0100000);
  char path[64], link[64] = "";
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  if (readlink(path, link, 63) > 0) printf("its name: %s\n", link);
  row("write", write(fd, "x", 1));
  row("lseek", lseek(fd, 0, SEEK_SET));
  close(fd);
  struct rlimit limit = { 0, 4096 };
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = 3;
  setrlimit(RLIMIT_NOFILE, &limit);
  row("no descriptor left", open_event(&a, 0, -1, -1, 0));
}

int main(void) {
  int before = dup(0);
  close(before);
  sizes();
  fields();
  targets();
  kinds();
  groups();
  large_group();
  for (int fd = before; fd < 4096; fd++) close(fd);
  descriptors();
  return 0;
}
