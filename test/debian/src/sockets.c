/* AF_UNIX sockets, descriptor passing, epoll (level, edge, one-shot), timerfd, signalfd, eventfd, timer_create. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t ticks;
static void tick(int s, siginfo_t *i, void *c) { (void)s; (void)c; ticks += i->si_value.sival_int; }

static void show(int ep, int timeout, const char *what) {
  struct epoll_event e[8];
  int n = epoll_wait(ep, e, 8, timeout);
  printf("%s: %d", what, n);
  for (int i = 0; i < n; i++) printf(" %x/%lu", e[i].events, (unsigned long)e[i].data.u64);
  printf("\n");
}

int main(void) {
  int sv[2];
  socketpair(AF_UNIX, SOCK_STREAM, 0, sv);
  int ep = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event ev = {.events = EPOLLIN | EPOLLET, .data.u64 = 1};
  epoll_ctl(ep, EPOLL_CTL_ADD, sv[0], &ev);
  show(ep, 0, "empty");
  if (write(sv[1], "abc", 3) != 3) perror("write");
  show(ep, 0, "edge");
  show(ep, 0, "edge again");
  if (write(sv[1], "d", 1) != 1) perror("write");
  show(ep, 0, "new edge");
  char buf[64] = {0};
  printf("read %zd %s\n", read(sv[0], buf, sizeof buf), buf);
  ev.events = EPOLLIN | EPOLLOUT | EPOLLONESHOT;
  epoll_ctl(ep, EPOLL_CTL_MOD, sv[0], &ev);
  show(ep, 0, "oneshot");
  show(ep, 0, "spent");
  printf("add twice %d %s\n", epoll_ctl(ep, EPOLL_CTL_ADD, sv[0], &ev), strerror(errno));

  int file = open("/dev/null", O_RDWR);
  struct iovec iov = {"fd", 2};
  char control[CMSG_SPACE(sizeof(int))] = {0};
  struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  struct cmsghdr *c = CMSG_FIRSTHDR(&m);
  c->cmsg_level = SOL_SOCKET;
  c->cmsg_type = SCM_RIGHTS;
  c->cmsg_len = CMSG_LEN(sizeof(int));
  memcpy(CMSG_DATA(c), &file, sizeof file);
  printf("sendmsg %zd\n", sendmsg(sv[1], &m, 0));
  memset(control, 0, sizeof control);
  iov.iov_base = buf;
  iov.iov_len = sizeof buf;
  m.msg_controllen = sizeof control;
  printf("recvmsg %zd", recvmsg(sv[0], &m, MSG_CMSG_CLOEXEC));
  c = CMSG_FIRSTHDR(&m);
  memcpy(&file, CMSG_DATA(c), sizeof file);
  printf(" fd %d cloexec %d\n", file, fcntl(file, F_GETFD));
  shutdown(sv[1], SHUT_WR);
  printf("eof %zd\n", read(sv[0], buf, 1));
  signal(SIGPIPE, SIG_IGN);
  close(sv[1]);
  printf("epipe %zd %s\n", send(sv[0], "x", 1, MSG_NOSIGNAL), strerror(errno));

  struct sockaddr_un a = {.sun_family = AF_UNIX, .sun_path = "the-socket"};
  int l = socket(AF_UNIX, SOCK_STREAM, 0);
  printf("bind %d\n", bind(l, (void *)&a, sizeof a));
  listen(l, 5);
  fflush(stdout);
  if (fork() == 0) {
    int s = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (connect(s, (void *)&a, sizeof a)) perror("connect");
    fcntl(s, F_SETFL, 0);
    for (int i = 0; i < 3; i++) dprintf(s, "line %d\n", i);
    shutdown(s, SHUT_WR);
    ssize_t n = read(s, buf, sizeof buf);
    printf("client got %.*s\n", (int)n, buf);
    exit(0);
  }
  int s = accept4(l, NULL, NULL, SOCK_CLOEXEC);
  FILE *f = fdopen(dup(s), "r");
  while (fgets(buf, sizeof buf, f)) printf("server got %s", buf);
  struct ucred u;
  socklen_t ul = sizeof u;
  getsockopt(s, SOL_SOCKET, SO_PEERCRED, &u, &ul);
  printf("peer pid known %d uid %d\n", u.pid > 0, u.uid);
  fflush(stdout);
  if (write(s, "bye", 3) != 3) perror("write");
  wait(NULL);
  struct sockaddr_un name;
  ul = sizeof name;
  getsockname(l, (void *)&name, &ul);
  printf("name %s %u\n", name.sun_path, ul);
  unlink("the-socket");
  printf("gone %d\n", connect(s = socket(AF_UNIX, SOCK_STREAM, 0), (void *)&a, sizeof a));

  int d[2];
  socketpair(AF_UNIX, SOCK_DGRAM, 0, d);
  send(d[0], "one", 3, 0);
  send(d[0], "two more", 8, 0);
  printf("dgram %zd", recv(d[1], buf, 64, MSG_PEEK));
  printf(" %zd", recv(d[1], buf, 64, 0));
  printf(" %zd", recv(d[1], buf, 3, MSG_TRUNC));
  printf(" %zd %s\n", recv(d[1], buf, 64, MSG_DONTWAIT), strerror(errno));

  int tf = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
  struct itimerspec its = {{0, 2000000}, {0, 5000000}};
  timerfd_settime(tf, 0, &its, NULL);
  ev.events = EPOLLIN;
  ev.data.u64 = 7;
  epoll_ctl(ep, EPOLL_CTL_ADD, tf, &ev);
  epoll_ctl(ep, EPOLL_CTL_DEL, sv[0], NULL);
  show(ep, -1, "timer");
  uint64_t count;
  printf("expired %d\n", read(tf, &count, 8) == 8 && count >= 1);
  close(tf);
  show(ep, 3, "closed");

  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  sigprocmask(SIG_BLOCK, &set, NULL);
  int sf = signalfd(-1, &set, SFD_CLOEXEC);
  kill(getpid(), SIGUSR1);
  struct signalfd_siginfo si;
  ssize_t got = read(sf, &si, sizeof si);
  printf("signalfd %zd signo %u self %d\n", got, si.ssi_signo, (int)si.ssi_pid == getpid());

  int e = eventfd(3, EFD_SEMAPHORE);
  if (read(e, &count, 8) != 8) perror("eventfd");
  printf("eventfd %lu\n", (unsigned long)count);

  struct sigaction sa = {.sa_sigaction = tick, .sa_flags = SA_SIGINFO};
  sigaction(SIGRTMIN, &sa, NULL);
  struct sigevent sev = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN, .sigev_value.sival_int = 5};
  timer_t timer;
  timer_create(CLOCK_MONOTONIC, &sev, &timer);
  its.it_interval.tv_nsec = 0;
  timer_settime(timer, 0, &its, NULL);
  while (ticks == 0) pause();
  timer_gettime(timer, &its);
  printf("timer %d left %ld\n", (int)ticks, its.it_value.tv_nsec);
  timer_delete(timer);

  char *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  char *q = mmap(NULL, 65536, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  strcpy(p + 4096, "moved");
  q = mremap(p, 8192, 16384, MREMAP_MAYMOVE | MREMAP_FIXED, q);
  printf("mremap %s %d\n", q + 4096, q[12288]);
  return 0;
}
