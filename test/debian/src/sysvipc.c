/* System V IPC between processes: shared memory, semaphores with undo, message queues, removal under sleepers. Prints what must be the same everywhere. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

union semun { int val; struct semid_ds *buf; unsigned short *array; };
static const char *e(int r) { return r < 0 ? strerrorname_np(errno) : "ok"; }
static int op(int id, int n, int change, int flags) {
  struct sembuf b = { n, change, flags };
  return semop(id, &b, 1);
}

static void memory(void) {
  int id = shmget(IPC_PRIVATE, 10000, IPC_CREAT | 0600);
  int *p = shmat(id, NULL, 0);
  struct shmid_ds ds;
  p[0] = 41;
  if (fork() == 0) {
    p[0]++;
    const int *q = shmat(id, NULL, SHM_RDONLY);
    shmctl(id, IPC_STAT, &ds);
    printf("child sees %d twice %d, attached %lu\n", p[0], q[0], (unsigned long)ds.shm_nattch);
    printf("detach %s\n", e(shmdt(q)));
    printf("again %s\n", e(shmdt(q)));
    exit(0);
  }
  wait(NULL);
  shmctl(id, IPC_STAT, &ds);
  printf("parent sees %d, attached %lu, size %zu, mode %o, last %s\n", p[0], (unsigned long)ds.shm_nattch, ds.shm_segsz, ds.shm_perm.mode, ds.shm_lpid > 0 && ds.shm_lpid != getpid() ? "child" : "self");
  printf("remove %s\n", e(shmctl(id, IPC_RMID, NULL)));
  shmctl(id, IPC_STAT, &ds);
  printf("still there: %d, mode %o\n", p[0], ds.shm_perm.mode);
  shmdt(p);
  printf("gone: %s\n", e(shmctl(id, IPC_STAT, &ds)));
  printf("too small %s\n", e(shmget(IPC_PRIVATE, 0, IPC_CREAT)));
  printf("absent %s\n", e(shmget(0x50474c31, 10, 0)));
  int keyed = shmget(0x50474c31, 4096, IPC_CREAT | IPC_EXCL | 0644);
  printf("again %s\n", shmget(0x50474c31, 100, 0) == keyed ? "same" : "other");
  printf("exclusive %s\n", e(shmget(0x50474c31, 1, IPC_CREAT | IPC_EXCL)));
  printf("larger %s\n", e(shmget(0x50474c31, 9999, 0)));
  printf("unaligned %s\n", shmat(keyed, (void *)0x10000001, 0) == (void *)-1 ? e(-1) : "ok");
  shmctl(keyed, IPC_RMID, NULL);
}

static void semaphores(void) {
  int id = semget(IPC_PRIVATE, 3, 0600);
  unsigned short all[3] = { 1, 0, 7 };
  semctl(id, 0, SETALL, (union semun){ .array = all });
  printf("values %d %d %d\n", semctl(id, 0, GETVAL), semctl(id, 1, GETVAL), semctl(id, 2, GETVAL));
  struct sembuf two[2] = { { 0, -1, IPC_NOWAIT }, { 1, -1, IPC_NOWAIT } };
  printf("both or none: %s, %d left\n", e(semop(id, two, 2)), semctl(id, 0, GETVAL));
  pid_t child = fork();
  if (child == 0) {
    op(id, 0, -1, SEM_UNDO);
    op(id, 2, 5, SEM_UNDO);
    printf("child holds it: %d %d\n", semctl(id, 0, GETVAL), semctl(id, 2, GETVAL));
    fflush(stdout);
    op(id, 1, -1, 0); /* sleeps until the parent lets it */
    exit(0);
  }
  while (semctl(id, 1, GETNCNT) == 0) usleep(1000);
  printf("waiting %d, for zero %d\n", semctl(id, 1, GETNCNT), semctl(id, 2, GETZCNT));
  op(id, 1, 1, 0);
  waitpid(child, NULL, 0);
  printf("undone: %d %d, by %s\n", semctl(id, 0, GETVAL), semctl(id, 2, GETVAL), semctl(id, 0, GETPID) == child ? "child" : "other");
  struct sembuf zero = { 2, 0, 0 };
  struct timespec limit = { 0, 20000000 };
  printf("time is up: %s\n", e(semtimedop(id, &zero, 1, &limit)));
  printf("range %s\n", e(op(id, 0, 32767, 0)));
  printf("number %s\n", e(op(id, 9, 1, 0)));
  printf("value %s\n", e(semctl(id, 0, SETVAL, (union semun){ .val = 70000 })));
  child = fork();
  if (child == 0) {
    printf("sleeper: %s\n", e(op(id, 1, -1, 0)));
    exit(0);
  }
  while (semctl(id, 1, GETNCNT) == 0) usleep(1000);
  semctl(id, 0, IPC_RMID);
  waitpid(child, NULL, 0);
  printf("after: %s\n", e(op(id, 0, 1, 0)));
}

struct mail { long type; char text[64]; };
static void queues(void) {
  int id = msgget(IPC_PRIVATE, 0600);
  struct mail m;
  const char *texts[] = { "three", "one", "two", "one again" };
  const long types[] = { 3, 1, 2, 1 };
  for (int i = 0; i < 4; i++) {
    m.type = types[i];
    strcpy(m.text, texts[i]);
    msgsnd(id, &m, strlen(texts[i]) + 1, 0);
  }
  struct msqid_ds ds;
  msgctl(id, IPC_STAT, &ds);
  printf("%lu messages, %lu bytes of %lu\n", (unsigned long)ds.msg_qnum, (unsigned long)ds.__msg_cbytes, (unsigned long)ds.msg_qbytes);
  printf("type 2: %zd", msgrcv(id, &m, 64, 2, 0)); printf(" %s\n", m.text);
  printf("up to 2: %zd", msgrcv(id, &m, 64, -2, 0)); printf(" %s %ld\n", m.text, m.type);
  printf("not 3: %zd", msgrcv(id, &m, 64, 3, MSG_EXCEPT)); printf(" %s\n", m.text);
  printf("too long %s\n", e(msgrcv(id, &m, 3, 0, 0)));
  printf("cut %zd\n", msgrcv(id, &m, 3, 0, MSG_NOERROR));
  printf("empty %s\n", e(msgrcv(id, &m, 64, 0, IPC_NOWAIT)));
  m.type = 0;
  printf("type 0 %s\n", e(msgsnd(id, &m, 1, 0)));
  m.type = 1;
  printf("too large %s\n", e(msgsnd(id, &m, 9000, 0)));
  if (fork() == 0) {
    usleep(10000);
    m.type = 5;
    strcpy(m.text, "late");
    exit(msgsnd(id, &m, 5, 0));
  }
  printf("waited: %zd %s\n", msgrcv(id, &m, 64, 0, 0), m.text);
  wait(NULL);
  int n = 0;
  while (msgsnd(id, &m, 64, IPC_NOWAIT) == 0) n++;
  printf("full after %d: %s\n", n, e(-1));
  msgctl(id, IPC_RMID, NULL);
  printf("gone: %s\n", e(msgsnd(id, &m, 1, 0)));
}

int main(void) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  memory();
  semaphores();
  queues();
  return 0;
}
