/* Odd corners: execve of a script by a thread group, orphan reaping by a subreaper, shared mappings across fork with futexes, robust process-shared
 * mutexes, MAP_SHARED file coherence, mprotect and SIGSEGV restart, brk, large mmap, madvise, fork in threads. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct shared {
  pthread_mutex_t m;
  pthread_cond_t c;
  sem_t s;
  int n;
};
static char *guarded;
static int faults;
static void unprotect(int s, siginfo_t *i, void *c) {
  (void)s;
  (void)c;
  faults++;
  mprotect((void *)((unsigned long)i->si_addr & ~4095ul), 4096, PROT_READ | PROT_WRITE);
}
static void *forks(void *a) {
  (void)a;
  for (int i = 0; i < 5; i++) {
    pid_t p = fork();
    if (p == 0) _exit(i);
    int st;
    waitpid(p, &st, 0);
    if (WEXITSTATUS(st) != i) printf("bad %d\n", st);
  }
  return NULL;
}

int main(void) {
  struct shared *sh = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  pthread_mutexattr_t ma;
  pthread_condattr_t ca;
  pthread_mutexattr_init(&ma);
  pthread_mutexattr_setpshared(&ma, PTHREAD_PROCESS_SHARED);
  pthread_mutexattr_setrobust(&ma, PTHREAD_MUTEX_ROBUST);
  pthread_mutex_init(&sh->m, &ma);
  pthread_condattr_init(&ca);
  pthread_condattr_setpshared(&ca, PTHREAD_PROCESS_SHARED);
  pthread_cond_init(&sh->c, &ca);
  sem_init(&sh->s, 1, 0);
  for (int i = 0; i < 4; i++)
    if (fork() == 0) {
      for (int j = 0; j < 1000; j++) {
        pthread_mutex_lock(&sh->m);
        sh->n++;
        pthread_mutex_unlock(&sh->m);
      }
      sem_post(&sh->s);
      _exit(0);
    }
  for (int i = 0; i < 4; i++) sem_wait(&sh->s);
  while (wait(NULL) > 0) {}
  printf("shared %d\n", sh->n);
  if (fork() == 0) {
    pthread_mutex_lock(&sh->m);
    _exit(0);
  }
  wait(NULL);
  printf("owner died %d\n", pthread_mutex_lock(&sh->m) == EOWNERDEAD);

  int fd = open("shared-file", O_RDWR | O_CREAT | O_TRUNC, 0600);
  if (ftruncate(fd, 10000)) return 1;
  char *a = mmap(NULL, 10000, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  char *b = mmap(NULL, 10000, PROT_READ, MAP_SHARED, fd, 0);
  char *p = mmap(NULL, 10000, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
  strcpy(a + 5000, "through");
  char buf[8] = {0};
  printf("file %s %s", b + 5000, p + 5000);
  if (pread(fd, buf, 7, 5000) != 7) return 1;
  printf(" %s", buf);
  if (pwrite(fd, "THROUGH", 7, 5000) != 7) return 1;
  printf(" %s\n", a + 5000);
  p[5000] = 'x';
  printf("private %s %s\n", p + 5000, a + 5000);
  if (fork() == 0) {
    a[0] = 'c';
    _exit(0);
  }
  wait(NULL);
  printf("child wrote %c\n", b[0]);
  unlink("shared-file");

  struct sigaction sa = {.sa_sigaction = unprotect, .sa_flags = SA_SIGINFO};
  sigaction(SIGSEGV, &sa, NULL);
  guarded = mmap(NULL, 8 * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  for (int i = 0; i < 8; i++) guarded[i * 4096] = (char)i;
  printf("faults %d sum %d\n", faults, guarded[4096] + guarded[7 * 4096]);
  signal(SIGSEGV, SIG_DFL);
  char *big = mmap(NULL, 1ul << 36, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  printf("big %d\n", big != MAP_FAILED);
  big[1ul << 35] = 1;
  madvise(big, 1ul << 36, MADV_DONTNEED);
  printf("dropped %d\n", big[1ul << 35]);
  munmap(big, 1ul << 36);
  char *was = sbrk(0);
  if (sbrk(1 << 20) == (void *)-1) return 1;
  was[100] = 5;
  brk(was);
  if (sbrk(4096) == (void *)-1) return 1;
  printf("brk zero %d\n", was[100]);

  pthread_t t[3];
  for (int i = 0; i < 3; i++) pthread_create(&t[i], NULL, forks, NULL);
  for (int i = 0; i < 3; i++) pthread_join(t[i], NULL);
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  fflush(stdout);
  if (fork() == 0) {
    if (fork() == 0) {
      usleep(10000);
      _exit(21);
    }
    _exit(20);
  }
  int sum = 0, st;
  while (wait(&st) > 0) sum += WEXITSTATUS(st);
  printf("reaped %d\n", sum);
  int pfd[2];
  if (pipe(pfd)) return 1;
  fflush(stdout);
  if (fork() == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (fork() == 0) {
      prctl(PR_SET_PDEATHSIG, SIGTERM);
      if (write(pfd[1], "r", 1) != 1) _exit(1);
      for (;;) pause();
    }
    if (read(pfd[0], buf, 1) != 1) _exit(1);
    _exit(0);
  }
  int terms = 0;
  while (wait(&st) > 0)
    if (WIFSIGNALED(st)) terms += WTERMSIG(st);
  printf("death signal %d\n", terms);
  return 0;
}
