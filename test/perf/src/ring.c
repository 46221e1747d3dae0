/* mmap and the ring: what may be mapped, what a reader finds, what is lost. spec §6.4-6.6. Page faults are the samples. */
#include "lib.h"

static struct perf_event_attr sampling(void) {
  struct perf_event_attr a = faults();
  a.sample_period = 1;
  a.sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_PERIOD;
  a.disabled = 1;
  return a;
}
static struct perf_event_mmap_page *map(int fd, int pages, int prot) {
  return mmap(NULL, (1 + pages) * PAGE, prot, MAP_SHARED, fd, 0);
}
#define RW (PROT_READ | PROT_WRITE)

static void limits(void) {
  int fd = must(open_self(sampling()), "event");
  row("private", mmap(NULL, 2 * PAGE, RW, MAP_PRIVATE, fd, 0) == MAP_FAILED ? -1 : 0);
  row("1 + 3 pages", mmap(NULL, 4 * PAGE, RW, MAP_SHARED, fd, 0) == MAP_FAILED ? -1 : 0);
  row("offset without a ring", mmap(NULL, 4 * PAGE, RW, MAP_SHARED, fd, PAGE) == MAP_FAILED ? -1 : 0);
  row("far too large", mmap(NULL, PAGE + (1ul << 38), RW, MAP_SHARED, fd, 0) == MAP_FAILED ? -1 : 0);
  struct perf_event_mmap_page *p = map(fd, 0, RW);
  row("the first page alone", p == MAP_FAILED ? -1 : 0);
  number("data_offset", p->data_offset);
  number("data_size", p->data_size);
  row("another size while it is mapped", map(fd, 2, RW) == MAP_FAILED ? -1 : 0);
  row("the same again", map(fd, 0, RW) == MAP_FAILED ? -1 : 0);
  munmap(p, PAGE);
  row("another size, the same still mapped once", map(fd, 2, RW) == MAP_FAILED ? -1 : 0);
  close(fd);
  fd = must(open_self(sampling()), "event");
  p = map(fd, 4, RW);
  truth("head and tail", p->data_head == 0 && p->data_tail == 0);
  number("data_size", p->data_size);
  number("version", p->version);
  truth("lock is even", p->lock % 2 == 0);
  truth("bit 0 of capabilities is off, bit 1 on", p->cap_bit0 == 0 && p->cap_bit0_is_deprecated == 1);
  truth("a software event has no counter to read", p->index == 0 && !p->cap_user_rdpmc);
  p->aux_offset = 5 * PAGE;
  p->aux_size = 4 * PAGE;
  row("an AUX buffer that is too low", mmap(NULL, 4 * PAGE, RW, MAP_SHARED, fd, 4 * PAGE) == MAP_FAILED ? -1 : 0);
  row("an AUX buffer of a PMU that has none", mmap(NULL, 4 * PAGE, RW, MAP_SHARED, fd, 5 * PAGE) == MAP_FAILED ? -1 : 0);
  row("mremap to more", mremap(p, 5 * PAGE, 9 * PAGE, MREMAP_MAYMOVE) == MAP_FAILED ? -1 : 0);
  int child = fork();
  if (child == 0) {
    volatile uint64_t head = p->data_head;
    (void)head;
    _exit(0);
  }
  int status;
  waitpid(child, &status, 0);
  number("a child that looks at it dies of", WTERMSIG(status));
  struct perf_event_attr a = sampling();
  a.inherit = 1;
  fd = must(open_self(a), "inherited");
  row("an inherited event on any CPU", map(fd, 1, RW) == MAP_FAILED ? -1 : 0);
  fd = must(open_event(&a, 0, 0, -1, 0), "inherited on a CPU");
  row("an inherited event on one", map(fd, 1, RW) == MAP_FAILED ? -1 : 0);
}

/* Walks from tail to head. */
struct found { int samples, losts, others, bad; uint64_t lost; };
static struct found walk(struct perf_event_mmap_page *p, uint64_t from, uint64_t to) {
  struct found f = { 0 };
  const char *data = (char *)p + p->data_offset;
  while (from < to) {
    uint64_t words[8] = { 0 };
    struct perf_event_header h;
    memcpy(&h, data + from % p->data_size, 8);
    if (h.size < 8 || h.size % 8 != 0 || h.size > sizeof words) { f.bad++; break; }
    for (unsigned i = 0; i < h.size / 8; i++) memcpy(&words[i], data + (from + 8 * i) % p->data_size, 8);
    if (h.type == PERF_RECORD_SAMPLE) {
      f.samples++;
      if (h.size != 24 || (int)words[1] != getpid() || words[2] != 1) f.bad++;
    } else if (h.type == PERF_RECORD_LOST) f.losts++, f.lost += words[2];
    else f.others++;
    from += h.size;
  }
  return f;
}
static void tell(const char *name, struct found f) { printf("%s: %d LOST records, %d others, %s\n", name, f.losts, f.others, f.bad ? "BAD" : "good"); }

static void samples(void) {
  struct perf_event_attr a = sampling();
  a.read_format = PERF_FORMAT_LOST;
  int fd = must(open_self(a), "event");
  struct perf_event_mmap_page *p = map(fd, 1, RW);
  ioctl(fd, PERF_EVENT_IOC_ENABLE, 0);
  fault(20);
  ioctl(fd, PERF_EVENT_IOC_DISABLE, 0);
  uint64_t v[2];
  read(fd, v, sizeof v);
  struct found f = walk(p, 0, p->data_head);
  tell("twenty faults", f);
  truth("each is a sample", (uint64_t)f.samples == v[0] && v[1] == 0);
  /* The reader never moves: 4096 / 24 samples fit, less one byte. */
  ioctl(fd, PERF_EVENT_IOC_ENABLE, 0);
  fault(400);
  ioctl(fd, PERF_EVENT_IOC_DISABLE, 0);
  read(fd, v, sizeof v);
  f = walk(p, 0, p->data_head);
  tell("a reader that sleeps", f);
  number("samples that fit", f.samples);
  truth("the others are lost, and counted", v[0] == f.samples + v[1]);
  uint64_t told = v[1], tail = p->data_head;
  p->data_tail = tail;
  ioctl(fd, PERF_EVENT_IOC_ENABLE, 0);
  fault(10);
  ioctl(fd, PERF_EVENT_IOC_DISABLE, 0);
  f = walk(p, tail, p->data_head);
  tell("it wakes", f);
  truth("and is told how many", f.lost == told);
  row("pause", ioctl(fd, PERF_EVENT_IOC_PAUSE_OUTPUT, 1));
  tail = p->data_head;
  ioctl(fd, PERF_EVENT_IOC_ENABLE, 0);
  fault(10);
  truth("paused: nothing comes", p->data_head == tail);
  row("resume", ioctl(fd, PERF_EVENT_IOC_PAUSE_OUTPUT, 0));
  fault(10);
  truth("resumed: it does", p->data_head > tail);
}

static void overwrite(void) {
  int fd = must(open_self(sampling()), "event");
  struct perf_event_mmap_page *p = map(fd, 1, PROT_READ);
  ioctl(fd, PERF_EVENT_IOC_ENABLE, 0);
  fault(1000);
  ioctl(fd, PERF_EVENT_IOC_DISABLE, 0);
  truth("read-only: the head runs on", p->data_head > 3 * 4096);
  struct perf_event_attr a = sampling();
  a.write_backward = 1;
  fd = must(open_self(a), "event");
  p = map(fd, 1, PROT_READ);
  ioctl(fd, PERF_EVENT_IOC_ENABLE, 0);
  fault(1000);
  ioctl(fd, PERF_EVENT_IOC_PAUSE_OUTPUT, 1);
  ioctl(fd, PERF_EVENT_IOC_DISABLE, 0);
  truth("backward: the head runs down", (int64_t)p->data_head < -3 * 4096);
  /* The newest is at the head: some 170 whole records from there on. */
  uint64_t from = p->data_head % p->data_size + p->data_size;
  struct found f = walk(p, from, from + 4096 - 4096 % 24);
  tell("backward", f);
  number("samples", f.samples);
}

static void together(void) {
  int first = must(open_self(sampling()), "first"), second = must(open_self(sampling()), "second");
  struct perf_event_mmap_page *p = map(first, 8, RW);
  row("SET_OUTPUT", ioctl(second, PERF_EVENT_IOC_SET_OUTPUT, first));
  row("SET_OUTPUT while it is mapped", ioctl(first, PERF_EVENT_IOC_SET_OUTPUT, -1L));
  ioctl(first, PERF_EVENT_IOC_ENABLE, 0);
  ioctl(second, PERF_EVENT_IOC_ENABLE, 0);
  fault(30);
  ioctl(first, PERF_EVENT_IOC_DISABLE, 0);
  fault(30);
  ioctl(second, PERF_EVENT_IOC_DISABLE, 0);
  struct found f = walk(p, 0, p->data_head);
  tell("two events, one ring", f);
  truth("all samples of both", (uint64_t)f.samples == count(first) + count(second) && count(second) > count(first));
  close(first);
  uint64_t head = p->data_head;
  ioctl(second, PERF_EVENT_IOC_ENABLE, 0);
  fault(5);
  truth("the first is closed, its mapping stays, the second writes on", p->data_head > head);
  row("SET_OUTPUT to none", ioctl(second, PERF_EVENT_IOC_SET_OUTPUT, -1L));
  head = p->data_head;
  fault(5);
  truth("it writes no more", p->data_head == head);
}

static void readers(void) {
  struct perf_event_attr a = sampling();
  a.wakeup_events = 10;
  int fd = must(open_self(a), "event");
  struct pollfd w = { fd, POLLIN, 0 };
  poll(&w, 1, 0);
  number("poll without a ring", w.revents);
  struct perf_event_mmap_page *p = map(fd, 8, RW);
  poll(&w, 1, 0);
  number("poll of an empty ring", w.revents);
  ioctl(fd, PERF_EVENT_IOC_ENABLE, 0);
  fault(3);
  poll(&w, 1, 0);
  number("poll behind three", w.revents);
  fault(10);
  poll(&w, 1, 0);
  number("poll behind ten", w.revents);
  w.revents = 0;
  ioctl(fd, PERF_EVENT_IOC_DISABLE, 0);
  poll(&w, 1, 0);
  number("poll again, nothing new", w.revents);
  close(fd);
  (void)p;
  a.watermark = 1;
  a.wakeup_watermark = 1024;
  fd = must(open_self(a), "event");
  map(fd, 8, RW);
  w.fd = fd;
  ioctl(fd, PERF_EVENT_IOC_ENABLE, 0);
  fault(10);
  poll(&w, 1, 0);
  number("240 bytes of 1024", w.revents);
  fault(100);
  poll(&w, 1, 0);
  number("over the watermark", w.revents);
  /* Of a task that has ended. */
  int ready[2];
  pipe(ready);
  int child = fork();
  if (child == 0) {
    char c;
    read(ready[0], &c, 1);
    _exit(0);
  }
  a = sampling();
  fd = must(open_event(&a, child, -1, -1, 0), "event of a child");
  map(fd, 1, RW);
  w.fd = fd;
  poll(&w, 1, 0);
  number("a child that waits", w.revents);
  write(ready[1], "x", 1);
  poll(&w, 1, 5000);
  number("its end is told", w.revents & POLLHUP);
  waitpid(child, NULL, 0);
}

static void writing(void) {
  int fd = must(open_self(sampling()), "event");
  struct perf_event_mmap_page *p = map(fd, 1, RW);
  int child = fork();
  if (child == 0) _exit(0);
  waitpid(child, NULL, 0);
  p->data_tail = 8;
  truth("the first page can be written", p->data_tail == 8);
}

int main(void) {
  limits();
  samples();
  overwrite();
  together();
  readers();
  writing();
  return 0;
}
