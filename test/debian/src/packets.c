/* Packet mode of a pseudoterminal's master (TIOCPKT, tty_ioctl(4)): what each read begins with, and what poll says. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

static void show(const char *what, int master) {
  struct pollfd p = {.fd = master, .events = POLLIN | POLLPRI};
  int ready = poll(&p, 1, 50);
  printf("%s: poll %d 0x%x", what, ready, p.revents);
  if (ready > 0) {
    unsigned char bytes[64];
    int n = read(master, bytes, sizeof bytes);
    printf(", read %d:", n);
    for (int i = 0; i < n; i++) printf(" %02x", bytes[i]);
  }
  printf("\n");
}

static void stops(int slave, int on, int how) {
  struct termios t;
  tcgetattr(slave, &t);
  t.c_iflag = on ? t.c_iflag | IXON : t.c_iflag & ~IXON;
  tcsetattr(slave, how, &t);
}

int main(void) {
  int master = posix_openpt(O_RDWR | O_NOCTTY), on = 1, off = 0, now = -1;
  char byte;
  grantpt(master);
  unlockpt(master);
  printf("TIOCPKT %d\n", ioctl(master, TIOCPKT, &on));
  printf("TIOCGPKT %d", ioctl(master, TIOCGPKT, &now));
  printf(" %d\n", now);
  int slave = open(ptsname(master), O_RDWR | O_NOCTTY);
  write(slave, "hi\n", 3);
  show("data", master);
  show("nothing", master);
  stops(slave, 0, TCSANOW);
  show("^S stops no more", master);
  stops(slave, 1, TCSANOW);
  write(slave, "x", 1);
  show("^S stops", master);
  show("data after it", master);
  tcflush(slave, TCIFLUSH);
  show("input flushed", master);
  tcflush(slave, TCOFLUSH); /* of nothing: how far output has come by then is a race on Linux */
  show("output flushed", master);
  show("nothing left", master);
  stops(slave, 0, TCSANOW);
  stops(slave, 1, TCSAFLUSH);
  show("two at once", master);
  write(slave, "zz", 2);
  printf("room for the first byte only: %d", (int)read(master, &byte, 1));
  printf(" %d\n", byte);
  show("the data", master);
  ioctl(master, TIOCPKT, &off);
  write(slave, "q", 1);
  show("off", master);
  printf("TCFLSH 5: %d\n", ioctl(slave, TCFLSH, 5));
  return 0;
}
