// What Linux has and the model refuses by name, or answers in its own way: the answer is the model's, the same every time.
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/inotify.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>
#define SAY(what) do { errno = 0; long r_ = (long)(what); printf("%-44s %ld %s\n", #what, r_, r_ >= 0 ? "ok" : strerrorname_np(errno)); } while (0)
int main(void) {
  int word = 0;
  SAY(inotify_init1(0));
  SAY(syscall(SYS_futex, &word, 6, 0, NULL, NULL, 0)); // FUTEX_LOCK_PI
  SAY(syscall(SYS_futex, &word, 11, 0, NULL, &word, 0)); // FUTEX_WAIT_REQUEUE_PI
  pthread_mutexattr_t a;
  pthread_mutex_t m;
  pthread_mutexattr_init(&a);
  pthread_mutexattr_setprotocol(&a, PTHREAD_PRIO_INHERIT);
  printf("pthread_mutex_init PI %s\n", strerrorname_np(pthread_mutex_init(&m, &a)) ?: "ok");
  SAY(syscall(SYS_io_uring_setup, 1, NULL));
  SAY(socket(AF_INET, SOCK_STREAM, 0));
  SAY(socket(AF_NETLINK, SOCK_RAW, 0));
  SAY(syscall(SYS_bpf, 0, NULL, 0));
  printf("vDSO %d\n", getauxval(AT_SYSINFO_EHDR) != 0);
  unsigned char r[8];
  SAY(getrandom(r, 8, 0));
  for (int i = 0; i < 8; i++) printf("%02x", r[i]);
  struct utsname u;
  uname(&u);
  printf("\n%s %s %s\n", u.sysname, u.nodename, u.release);
  return 0;
}
