// What the kernel list of the conformance suite asks for and no other program does: locks, directories and metadata, memory, limits, scheduling,
// clone3 and vfork, terminals, restarts. Prints what Linux does.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <pthread.h>
#include <pty.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

static const char *why(long r) { return r >= 0 ? "ok" : strerrorname_np(errno); }
#define SAY(what) do { errno = 0; long r_ = (long)(what); printf("%-58s %ld %s\n", #what, r_ > 4096 ? 1 : r_, why(r_)); } while (0)

static int child(int (*f)(void *), void *a) {
  fflush(stdout);
  pid_t p = fork();
  if (p == 0) { int r = f(a); fflush(stdout); _exit(r); }
  int st;
  waitpid(p, &st, 0);
  return WIFEXITED(st) ? WEXITSTATUS(st) : 1000 + WTERMSIG(st);
}

static int fd;
static struct flock lk(int type, off_t start, off_t len) { return (struct flock){.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = len}; }
static int other_locks(void *a) {
  (void)a;
  struct flock l = lk(F_WRLCK, 0, 10);
  SAY(fcntl(fd, F_SETLK, &l));
  l = lk(F_RDLCK, 0, 0);
  SAY(fcntl(fd, F_GETLK, &l));
  printf("holder: type %d start %ld len %ld parent %d\n", l.l_type, (long)l.l_start, (long)l.l_len, l.l_pid == getppid());
  l = lk(F_WRLCK, 20, 5);
  SAY(fcntl(fd, F_SETLK, &l));
  int own = open("locked", O_RDWR);
  SAY(flock(own, LOCK_EX | LOCK_NB));
  SAY(flock(fd, LOCK_EX | LOCK_NB)); // the parent's own description
  struct flock o = lk(F_WRLCK, 30, 5);
  SAY(fcntl(own, F_OFD_SETLK, &o));
  o.l_start = 40;
  SAY(fcntl(own, F_OFD_SETLK, &o));
  return 0;
}
static void locks(void) {
  fd = open("locked", O_RDWR | O_CREAT, 0644);
  struct flock l = lk(F_WRLCK, 0, 15);
  SAY(fcntl(fd, F_SETLK, &l));
  l = lk(F_UNLCK, 5, 3);
  SAY(fcntl(fd, F_SETLK, &l));
  SAY(flock(fd, LOCK_EX));
  struct flock o = lk(F_WRLCK, 30, 5);
  SAY(fcntl(fd, F_OFD_SETLK, &o));
  o.l_pid = 1;
  SAY(fcntl(fd, F_OFD_SETLK, &o));
  printf("child %d\n", child(other_locks, NULL));
  close(open("locked", O_RDONLY)); // closes all POSIX locks of the process
  l = lk(F_WRLCK, 0, 100);
  int other = open("locked", O_RDWR);
  o = lk(F_WRLCK, 0, 5);
  SAY(fcntl(other, F_OFD_SETLK, &o));
  close(other);
  close(fd);
}

static void names(void) {
  mkdir("dir", 0755);
  for (int i = 0; i < 300; i++) { char n[40]; snprintf(n, sizeof n, "dir/entry-%03d", i); close(open(n, O_CREAT | O_WRONLY, 0600)); }
  DIR *d = opendir("dir");
  int n = 0;
  while (readdir(d)) n++;
  rewinddir(d);
  int again = 0;
  for (struct dirent *e; (e = readdir(d)); again++) if (e->d_name[0] == 'e') unlinkat(dirfd(d), e->d_name, 0);
  closedir(d);
  printf("entries %d %d\n", n, again);
  SAY(rmdir("dir"));
  int t = open("f", O_CREAT | O_RDWR | O_TRUNC, 0640);
  SAY(write(t, "hello world", 11));
  SAY(fallocate(t, 0, 0, 100));
  struct stat st;
  fstat(t, &st);
  printf("size %ld mode %o\n", (long)st.st_size, st.st_mode);
  SAY(fallocate(t, FALLOC_FL_KEEP_SIZE, 100, 100));
  SAY(ftruncate(t, 5));
  SAY(lseek(t, 0, SEEK_END));
  SAY(lseek(t, -1, SEEK_SET));
  SAY(pwrite(t, "X", 1, 2));
  char b[20] = {0};
  struct iovec v[2] = {{b, 2}, {b + 4, 9}};
  SAY(preadv(t, v, 2, 0));
  printf("%s %s\n", b, b + 4);
  struct timespec ts[2] = {{1, 2}, {1000000000, 5}};
  SAY(futimens(t, ts));
  fstat(t, &st);
  printf("times %ld.%ld %ld.%ld\n", (long)st.st_atim.tv_sec, st.st_atim.tv_nsec, (long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
  SAY(linkat(AT_FDCWD, "f", AT_FDCWD, "g", 0));
  SAY(symlink("f", "s"));
  SAY(linkat(AT_FDCWD, "s", AT_FDCWD, "t", AT_SYMLINK_FOLLOW));
  stat("t", &st);
  printf("links %ld\n", (long)st.st_nlink);
  SAY(renameat2(AT_FDCWD, "f", AT_FDCWD, "g", 1));
  SAY(rename("f", "g")); // one file: nothing happens
  SAY(access("f", R_OK | W_OK | X_OK) < 0 ? -1 : 0);
  SAY(faccessat(AT_FDCWD, "s", F_OK, AT_SYMLINK_NOFOLLOW));
  SAY(chmod("f", 04711));
  SAY(mknod("fifo", S_IFIFO | 0600, 0));
  SAY(open("fifo", O_WRONLY | O_NONBLOCK));
  SAY(unlink("fifo"));
  SAY(unlink("f") | unlink("g") | unlink("s") | unlink("t") | unlink("locked"));
  struct statx sx;
  SAY(statx(t, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &sx));
  printf("no name: links %u size %llu\n", sx.stx_nlink, (unsigned long long)sx.stx_size);

  SAY(close_range(t, t, 0));
  SAY(fcntl(t, F_GETFD));
  SAY(copy_file_range(t, 0, 1, 0, 1, 0));
  SAY(umask(027));
  SAY(umask(022));
}

static void memory(void) {
  char *p = mmap(NULL, 5 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  for (int i = 0; i < 5; i++) p[i * 4096] = 'a' + i;
  SAY(munmap(p + 2 * 4096, 4096));
  SAY(msync(p, 5 * 4096, MS_SYNC));
  SAY(mremap(p, 5 * 4096, 6 * 4096, MREMAP_MAYMOVE)); // a hole in it
  char *q = mremap(p + 3 * 4096, 2 * 4096, 9 * 4096, MREMAP_MAYMOVE);
  printf("moved %c%c %d\n", q[0], q[4096], q[8 * 4096]);
  char *r = mmap(NULL, 4 * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  char *m = mremap(q, 2 * 4096, 2 * 4096, MREMAP_MAYMOVE | MREMAP_FIXED, r);
  printf("fixed %d %c\n", m == r, m[4096]);
  SAY(mremap(q, 4096, 4096, MREMAP_FIXED, r) == MAP_FAILED ? -1 : 0);
  SAY(mprotect(r, 4096, PROT_READ));
  SAY(mprotect(r + 1, 4096, PROT_READ));
  SAY(mprotect((void *)0x10000, 4096, PROT_READ));
  SAY(madvise(r + 4096, 4096, MADV_DONTNEED));
  printf("dropped %d\n", r[4096]);
  SAY(madvise(r + 4096, 4096, MADV_FREE));
  SAY(madvise(r + 4096, 4096, 12345));
  SAY(madvise(r + 1, 4096, MADV_DONTNEED));
  int mf = memfd_create("x", MFD_ALLOW_SEALING | MFD_CLOEXEC);
  SAY(ftruncate(mf, 8192));
  char *s = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, mf, 0);
  strcpy(s + 4090, "across");
  char b[10] = {0};
  SAY(pread(mf, b, 7, 4090));
  printf("%s\n", b);
  SAY(fcntl(mf, F_ADD_SEALS, F_SEAL_WRITE)); // busy: mapped for writing
  SAY(munmap(s, 8192));
  SAY(fcntl(mf, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK));
  SAY(fcntl(mf, F_GET_SEALS));
  SAY(write(mf, "x", 1));
  SAY(ftruncate(mf, 10));
  SAY(ftruncate(mf, 10000));
  SAY(mmap(NULL, 4096, PROT_WRITE, MAP_SHARED, mf, 0) == MAP_FAILED ? -1 : 0);
  SAY(fcntl(mf, F_ADD_SEALS, F_SEAL_SEAL));
  SAY(fcntl(mf, F_ADD_SEALS, F_SEAL_GROW));
  SAY(mlock(r, 4096));
  SAY(mmap((void *)r, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == MAP_FAILED ? -1 : 0);
  SAY(mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1 : 0);
  SAY(mmap(NULL, 4096, PROT_READ, MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1 : 0);
  unsigned char vec[2];
  SAY(mincore(r, 4096, vec));
}

static void limits(void) {
  struct rlimit64 l, o;
  SAY(prlimit64(0, RLIMIT_NOFILE, NULL, &l));
  l = (struct rlimit64){64, l.rlim_max};
  SAY(prlimit64(0, RLIMIT_NOFILE, &l, &o));
  SAY(dup2(1, 64));
  SAY(dup2(1, 63));
  SAY(fcntl(1, F_DUPFD, 64));
  l = (struct rlimit64){65, 64};
  SAY(prlimit64(0, RLIMIT_NOFILE, &l, NULL));
  SAY(prlimit64(0, 99, NULL, &l));
  SAY(prlimit64(999999, RLIMIT_CORE, NULL, &l));
  SAY(getpriority(PRIO_PROCESS, 0));
  SAY(setpriority(PRIO_PROCESS, 0, 5));
  SAY(getpriority(PRIO_PROCESS, 0));
  SAY(nice(3));
  struct sched_param sp = {0};
  SAY(sched_getscheduler(0));
  SAY(sched_getparam(0, &sp));
  SAY(sched_get_priority_max(SCHED_FIFO));
  SAY(sched_get_priority_min(SCHED_RR));
  SAY(sched_get_priority_max(77));
  SAY(sched_yield());
  SAY(sched_setscheduler(0, SCHED_BATCH, &sp));
  SAY(sched_getscheduler(0));
  sp.sched_priority = 3;
  SAY(sched_setscheduler(0, SCHED_OTHER, &sp));
  sp.sched_priority = 0;
  SAY(sched_setscheduler(0, SCHED_OTHER, &sp));
  SAY(sched_setscheduler(0, 77, &sp));
  cpu_set_t set;
  CPU_ZERO(&set);
  SAY(sched_setaffinity(0, sizeof set, &set));
  CPU_SET(0, &set);
  SAY(sched_setaffinity(0, sizeof set, &set));
  CPU_ZERO(&set);
  SAY(sched_getaffinity(0, sizeof set, &set));
  printf("cpu 0: %d, others %d\n", CPU_ISSET(0, &set), CPU_COUNT(&set) - 1);
}

static volatile int hits, altok;
static char stack_[65536] __attribute__((aligned(16)));
static void on(int sig, siginfo_t *si, void *uc) {
  (void)uc;
  char here;
  hits += sig == SIGALRM || sig == SIGUSR1;
  altok = &here >= stack_ && &here < stack_ + sizeof stack_;
  if (si->si_code == SI_QUEUE) printf("queued %d\n", si->si_value.sival_int);
}
static void signals(void) {
  stack_t ss = {.ss_sp = stack_, .ss_size = sizeof stack_};
  SAY(sigaltstack(&ss, NULL));
  struct sigaction sa = {.sa_sigaction = on, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART};
  sigaction(SIGALRM, &sa, NULL);
  sigaction(SIGUSR1, &sa, NULL);
  int p[2];
  SAY(pipe2(p, 0));
  fflush(stdout);
  pid_t c = fork();
  if (c == 0) { usleep(60000); kill(getppid(), SIGUSR1); usleep(60000); SAY(write(p[1], "r", 1)); fflush(stdout); _exit(0); }
  char b;
  SAY(read(p[0], &b, 1)); // restarted
  printf("hits %d on the other stack %d\n", hits, altok);
  waitpid(c, NULL, 0);
  sa.sa_flags = SA_SIGINFO;
  sigaction(SIGALRM, &sa, NULL);
  struct itimerval it = {{0, 0}, {0, 20000}};
  setitimer(ITIMER_REAL, &it, NULL);
  SAY(read(p[0], &b, 1)); // EINTR
  struct timespec ts = {5, 0}, rem = {0, 0};
  setitimer(ITIMER_REAL, &it, NULL);
  SAY(nanosleep(&ts, &rem));
  printf("left %ld\n", (long)rem.tv_sec);
  setitimer(ITIMER_REAL, &it, NULL);
  struct pollfd pf = {p[0], POLLIN, 0};
  SAY(poll(&pf, 1, 5000));
  sigset_t m;
  sigemptyset(&m);
  sigaddset(&m, SIGRTMIN);
  sigaddset(&m, SIGUSR1);
  sigprocmask(SIG_BLOCK, &m, NULL);
  sigaction(SIGRTMIN, &sa, NULL);
  for (int i = 1; i <= 3; i++) sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = i});
  raise(SIGUSR1);
  raise(SIGUSR1);
  sigset_t pending;
  sigpending(&pending);
  printf("pending %d %d\n", sigismember(&pending, SIGRTMIN), sigismember(&pending, SIGUSR1));
  siginfo_t si;
  struct timespec zero = {0, 0};
  SAY(sigtimedwait(&m, &si, &zero) == SIGUSR1 ? 0 : 1);
  sigprocmask(SIG_UNBLOCK, &m, NULL);
  SAY(kill(999999, 0));
  SAY(kill(getpid(), 99));
}

static int thread_(void *a) { *(int *)a = 7; return 3; }
static void processes(void) {
  fflush(stdout);
  int pidfd = -1;
  struct clone_args ca = {.exit_signal = SIGCHLD};
  long c = syscall(SYS_clone3, &ca, sizeof ca);
  if (c == 0) _exit(9);
  int st;
  SAY(waitpid(c, &st, 0) == c ? 0 : -1);
  printf("clone3 child %d\n", WEXITSTATUS(st));
  ca.flags = 0xffffffffull << 20;
  SAY(syscall(SYS_clone3, &ca, 8));
  SAY(syscall(SYS_clone3, &ca, sizeof ca) < 0 ? -1 : 0);
  volatile int shared = 1;
  pid_t v = vfork();
  if (v == 0) { shared = 2; _exit(4); }
  waitpid(v, &st, 0);
  printf("vfork %d %d\n", shared, WEXITSTATUS(st));
  int cell = 0;
  char *stk = malloc(65536);
  c = clone(thread_, stk + 65536, CLONE_VM | SIGCHLD, &cell);
  waitpid(c, &st, 0);
  printf("clone %d %d\n", cell, WEXITSTATUS(st));
  siginfo_t si;
  fflush(stdout);
  if (fork() == 0) _exit(5);
  SAY(waitid(P_ALL, 0, &si, WEXITED | WNOWAIT));
  printf("code %d status %d\n", si.si_code, si.si_status);
  struct rusage ru;
  SAY(wait4(-1, &st, 0, &ru) > 0 ? 0 : -1);
  SAY(wait4(-1, &st, 0, &ru));
  (void)pidfd;
}

static void terminals(void) {
  int m, s;
  struct winsize w = {24, 80, 0, 0};
  SAY(openpty(&m, &s, NULL, NULL, &w) ? -1 : 0);
  struct termios t;
  SAY(tcgetattr(s, &t));
  printf("modes %o %o %o %o\n", t.c_iflag, t.c_oflag, t.c_cflag, t.c_lflag);
  SAY(write(m, "abc\x7f" "d\n", 6));
  char b[100] = {0};
  SAY(read(s, b, 100));
  printf("line %s", b);
  memset(b, 0, sizeof b);
  SAY(read(m, b, 100));
  for (char *c = b; *c; c++) printf("%02x ", *c);
  printf("\n");
  cfmakeraw(&t);
  t.c_cc[VMIN] = 2;
  t.c_cc[VTIME] = 0;
  SAY(tcsetattr(s, TCSANOW, &t));
  SAY(write(m, "x\n", 2));
  SAY(read(s, b, 100));
  SAY(write(s, "out\n", 4));
  SAY(read(m, b, 100));
  int n;
  SAY(ioctl(s, FIONREAD, &n));
  w.ws_row = 50;
  SAY(ioctl(m, TIOCSWINSZ, &w));
  memset(&w, 0, sizeof w);
  SAY(ioctl(s, TIOCGWINSZ, &w));
  printf("%d x %d\n", w.ws_row, w.ws_col);
  SAY(isatty(s));
  close(s);
  SAY(read(m, b, 1));
}

static void events(void) {
  int ep = epoll_create1(EPOLL_CLOEXEC), ev = eventfd(3, EFD_SEMAPHORE | EFD_NONBLOCK);
  uint64_t n;
  struct epoll_event e = {.events = EPOLLIN | EPOLLET, .data.u32 = 5}, out[4];
  SAY(epoll_ctl(ep, EPOLL_CTL_ADD, ev, &e));
  SAY(epoll_wait(ep, out, 4, 0));
  SAY(epoll_wait(ep, out, 4, 0)); // an edge once
  for (int i = 0; i < 4; i++) SAY(read(ev, &n, 8));
  n = 0xffffffffffffffffull;
  SAY(write(ev, &n, 8));
  SAY(epoll_ctl(ep, EPOLL_CTL_ADD, ep, &e));
  SAY(epoll_ctl(ep, EPOLL_CTL_DEL, 0, &e));
  int f = open("/dev/null", O_RDONLY);
  SAY(epoll_ctl(ep, EPOLL_CTL_ADD, f, &e));
  int r = open("plain", O_CREAT | O_RDWR, 0600);
  SAY(epoll_ctl(ep, EPOLL_CTL_ADD, r, &e));
  unlink("plain");
  int tf = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
  struct itimerspec its = {{0, 5000000}, {0, 5000000}}, cur;
  SAY(read(tf, &n, 8));
  SAY(timerfd_settime(tf, 0, &its, NULL));
  SAY(timerfd_gettime(tf, &cur));
  printf("interval %ld\n", cur.it_interval.tv_nsec);
  e.events = EPOLLIN | EPOLLONESHOT;
  SAY(epoll_ctl(ep, EPOLL_CTL_ADD, tf, &e));
  SAY(epoll_wait(ep, out, 4, 1000));
  SAY(read(tf, &n, 8) == 8 && n >= 1);
  SAY(epoll_wait(ep, out, 4, 20));
  SAY(timerfd_create(77, 0));
}

int main(void) {
  setvbuf(stdout, NULL, _IOFBF, 65536);
  locks();
  names();
  memory();
  limits();
  signals();
  processes();
  terminals();
  events();
  return 0;
}
