/* Signals to groups and threads, alternate stacks, nested and restarted calls, stop and continue, exec from a thread, vfork and posix_spawn. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;
static volatile sig_atomic_t seen;
static char stack[65536];
static sigjmp_buf jump;
static void on(int s) { seen |= 1 << s; }
static void info(int s, siginfo_t *i, void *c) {
  (void)c;
  char here;
  printf("signal %d code %d on alt %d value %d\n", s, i->si_code, &here >= stack && &here < stack + sizeof stack, i->si_value.sival_int);
}
static void fault(int s, siginfo_t *i, void *c) {
  (void)c;
  printf("fault %d code %d at %p\n", s, i->si_code, i->si_addr);
  siglongjmp(jump, 1);
}
static void *execs(void *arg) {
  (void)arg;
  execl("/bin/sh", "sh", "-c", "echo from exec in a thread; exit 11", NULL);
  return NULL;
}
static void *takes(void *arg) {
  sigset_t none;
  (void)arg;
  sigemptyset(&none);
  while (!(seen & (1 << SIGUSR2))) sigsuspend(&none); /* blocked but there: it cannot come between the question and the wait */
  return NULL;
}

int main(void) {
  struct sigaction sa = {.sa_handler = on};
  sigaction(SIGUSR1, &sa, NULL);
  sigaction(SIGUSR2, &sa, NULL);
  stack_t ss = {.ss_sp = stack, .ss_size = sizeof stack};
  sigaltstack(&ss, NULL);
  sa.sa_sigaction = info;
  sa.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigaction(SIGRTMIN + 1, &sa, NULL);
  sigqueue(getpid(), SIGRTMIN + 1, (union sigval){.sival_int = 42});
  sa.sa_sigaction = fault;
  sigaction(SIGSEGV, &sa, NULL);
  if (sigsetjmp(jump, 1) == 0) *(volatile int *)8 = 1;

  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR2);
  pthread_sigmask(SIG_BLOCK, &set, NULL);
  pthread_t t;
  pthread_create(&t, NULL, takes, NULL);
  kill(getpid(), SIGUSR2);
  pthread_join(t, NULL);
  printf("usr2 %d\n", !!(seen & (1 << SIGUSR2)));

  int p[2];
  char c;
  if (pipe(p)) return 1;
  struct itimerval it = {{0, 3000}, {0, 3000}}; /* again and again: the first may come before the read */
  sa.sa_flags = 0;
  sa.sa_handler = on;
  sigaction(SIGALRM, &sa, NULL);
  setitimer(ITIMER_REAL, &it, NULL);
  printf("interrupted %zd %s\n", read(p[0], &c, 1), strerror(errno));
  it.it_interval.tv_usec = 0;
  sa.sa_flags = SA_RESTART;
  sigaction(SIGALRM, &sa, NULL);
  setitimer(ITIMER_REAL, &it, NULL);
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    usleep(20000);
    if (write(p[1], "x", 1) != 1) _exit(1);
    raise(SIGSTOP);
    while (kill(getppid(), 0) == 0 && access("continued", F_OK) != 0) usleep(1000); /* until the parent has seen it continue */
    _exit(6);
  }
  printf("restarted %zd\n", read(p[0], &c, 1));
  int status;
  waitpid(child, &status, WUNTRACED);
  printf("stopped %d by %d\n", WIFSTOPPED(status), WSTOPSIG(status));
  kill(child, SIGCONT);
  waitpid(child, &status, WCONTINUED);
  printf("continued %d\n", WIFCONTINUED(status));
  close(open("continued", O_CREAT | O_WRONLY, 0600));
  waitpid(child, &status, 0);
  printf("exited %d\n", WEXITSTATUS(status));

  fflush(stdout);
  child = fork();
  if (child == 0) {
    pthread_create(&t, NULL, execs, NULL);
    for (;;) pause();
  }
  waitpid(child, &status, 0);
  printf("exec from a thread %d\n", WEXITSTATUS(status));

  char *argv[] = {"sh", "-c", "exit 12", NULL};
  posix_spawn(&child, "/bin/sh", NULL, NULL, argv, environ);
  waitpid(child, &status, 0);
  printf("spawned %d\n", WEXITSTATUS(status));
  child = vfork();
  if (child == 0) _exit(13);
  waitpid(child, &status, 0);
  printf("vfork %d\n", WEXITSTATUS(status));

  fflush(stdout);
  if ((child = fork()) == 0) {
    setpgid(0, 0);
    if (fork() == 0) for (;;) pause();
    kill(0, SIGTERM);
    for (;;) pause();
  }
  waitpid(child, &status, 0);
  printf("group %d\n", WTERMSIG(status));
  struct rlimit r;
  getrlimit(RLIMIT_STACK, &r);
  printf("abort next\n");
  fflush(stdout);
  abort();
}
