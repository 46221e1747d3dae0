/* What gdb looks at in test/suites/tracers.ts: calls, recursion, data, a signal, a fork, threads that come one after the other. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
struct point { int x, y; double weight; const char *name; };
static struct point points[3] = { { 1, 2, 0.5, "one" }, { 3, 4, 1.5, "two" }, { 5, 6, 2.5, "three" } };
static volatile int total, caught;
static int factorial(int n) { return n <= 1 ? 1 : n * factorial(n - 1); }
static double weigh(const struct point *p, int n) {
  double sum = 0;
  for (int i = 0; i < n; i++) sum += p[i].weight * p[i].x;
  return sum;
}
static void handler(int sig) { caught = sig; }
static void *work(void *arg) { total += *(int *)arg; return arg; }
int main(int argc, char **argv) {
  (void)argv;
  signal(SIGUSR1, handler);
  total = factorial(4);
  printf("%d %.2f\n", total, weigh(points, 3));
  raise(SIGUSR1);
  printf("caught %d\n", caught);
  for (int i = 0; i < 2; i++) {
    pthread_t thread;
    pthread_create(&thread, 0, work, &points[i].x);
    pthread_join(thread, 0);
  }
  printf("total %d\n", total);
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) _exit(argc);
  int status;
  waitpid(child, &status, 0);
  if (argc > 1) *(volatile int *)(long)argc = 1;
  return WEXITSTATUS(status);
}
