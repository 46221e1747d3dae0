/* Four threads, mutexes, a condition variable, a barrier, a semaphore, thread-local storage, signals to threads, cancellation, robust mutexes. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define N 4
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static pthread_barrier_t barrier;
static sem_t sem;
static long total;
static int turn;
static __thread int mine;
static volatile sig_atomic_t hits[N];

static void handler(int sig) { (void)sig; hits[mine]++; }

static void *work(void *arg) {
  long id = (long)arg;
  mine = (int)id;
  for (int i = 0; i < 20000; i++) {
    pthread_mutex_lock(&lock);
    total += id + 1;
    pthread_mutex_unlock(&lock);
  }
  pthread_barrier_wait(&barrier);
  pthread_mutex_lock(&lock);
  while (turn != id) pthread_cond_wait(&cond, &lock);
  printf("thread %ld: total %ld\n", id, total);
  turn++;
  pthread_cond_broadcast(&cond);
  pthread_mutex_unlock(&lock);
  raise(SIGUSR1);
  sem_post(&sem);
  return (void *)(id * id);
}

static void *sleeper(void *arg) {
  (void)arg;
  for (;;) pause();
}

static pthread_mutex_t robust;
static void *dies(void *arg) {
  (void)arg;
  pthread_mutex_lock(&robust);
  return NULL;
}

static void *waits(void *arg) {
  sigset_t *set = arg;
  int sig = 0;
  sigwait(set, &sig);
  printf("sigwait %d\n", sig);
  return NULL;
}

int main(void) {
  pthread_t t[N];
  struct sigaction sa = {.sa_handler = handler};
  sigaction(SIGUSR1, &sa, NULL);
  pthread_barrier_init(&barrier, NULL, N);
  sem_init(&sem, 0, 0);
  for (long i = 0; i < N; i++) pthread_create(&t[i], NULL, work, (void *)i);
  for (int i = 0; i < N; i++) sem_wait(&sem);
  for (int i = 0; i < N; i++) {
    void *r;
    pthread_join(t[i], &r);
    printf("joined %d: %ld, hits %d\n", i, (long)r, (int)hits[i]);
  }
  pthread_t s;
  void *r;
  pthread_create(&s, NULL, sleeper, NULL);
  pthread_cancel(s);
  pthread_join(s, &r);
  printf("cancelled %d\n", r == PTHREAD_CANCELED);

  pthread_mutexattr_t ma;
  pthread_mutexattr_init(&ma);
  pthread_mutexattr_setrobust(&ma, PTHREAD_MUTEX_ROBUST);
  pthread_mutex_init(&robust, &ma);
  pthread_create(&s, NULL, dies, NULL);
  pthread_join(s, NULL);
  int e = pthread_mutex_lock(&robust);
  printf("robust %s\n", e == EOWNERDEAD ? "EOWNERDEAD" : strerror(e));
  pthread_mutex_consistent(&robust);
  pthread_mutex_unlock(&robust);

  struct timespec ts;
  clock_gettime(CLOCK_REALTIME, &ts);
  ts.tv_nsec += 20000000;
  if (ts.tv_nsec >= 1000000000) { ts.tv_sec++; ts.tv_nsec -= 1000000000; }
  pthread_mutex_lock(&lock);
  printf("timed wait %s\n", pthread_cond_timedwait(&cond, &lock, &ts) == ETIMEDOUT ? "timed out" : "?");
  pthread_mutex_unlock(&lock);

  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR2);
  pthread_sigmask(SIG_BLOCK, &set, NULL);
  pthread_create(&s, NULL, waits, &set);
  kill(getpid(), SIGUSR2);
  pthread_join(s, NULL);

  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    pthread_create(&s, NULL, sleeper, NULL);
    pthread_create(&s, NULL, sleeper, NULL);
    exit(9);
  }
  int status;
  waitpid(child, &status, 0);
  printf("child exit %d\n", WEXITSTATUS(status));
  child = fork();
  if (child == 0) {
    pthread_create(&s, NULL, sleeper, NULL);
    pthread_kill(s, SIGTERM);
    pause();
  }
  waitpid(child, &status, 0);
  printf("child signal %d\n", WTERMSIG(status));
  printf("pid is tid %d, cpu %d\n", getpid() == gettid(), sched_getcpu() >= 0);
  pthread_exit(NULL);
}
