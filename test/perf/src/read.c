/* read(2): formats, short buffers, groups; what ioctls do to counts and times. spec §6.2, §6.3. */
#include "lib.h"

static void formats(void) {
  for (unsigned format = 0; format < 32; format++) {
    struct perf_event_attr a = faults();
    a.read_format = format;
    int fd = must(open_self(a), "event");
    uint64_t v[8] = { 0 }, id = 0;
    ioctl(fd, PERF_EVENT_IOC_ID, &id);
    fault(10);
    ioctl(fd, PERF_EVENT_IOC_DISABLE, 0);
    int bytes = (int)read(fd, v, sizeof v);
    int at = format & PERF_FORMAT_GROUP ? 1 : 0, words = bytes / 8;
    int good = (format & PERF_FORMAT_GROUP) == 0 || v[0] == 1;
    uint64_t value = 0, enabled = 1, running = 1, told = id;
    if (!(format & PERF_FORMAT_GROUP)) value = v[at++];
    if (format & PERF_FORMAT_TOTAL_TIME_ENABLED) enabled = v[at++];
    if (format & PERF_FORMAT_TOTAL_TIME_RUNNING) running = v[at++];
    if (format & PERF_FORMAT_GROUP) value = v[at++];
    if (format & PERF_FORMAT_ID) told = v[at++];
    if (format & PERF_FORMAT_LOST) good &= v[at++] == 0;
    good &= value >= 10 && value < 30 && enabled > 0 && running > 0 && enabled < 1000000000 && told == id && at == words;
    printf("read_format %u: %d words, %s\n", format, words, good ? "right" : "WRONG");
    uint64_t less[8];
    row("  one byte less", read(fd, less, bytes - 1));
    close(fd);
  }
}

static void group(void) {
  struct perf_event_attr a = faults();
  a.read_format = PERF_FORMAT_GROUP | PERF_FORMAT_ID;
  a.disabled = 1;
  int leader = must(open_self(a), "leader");
  a.disabled = 0;
  int second = must(open_event(&a, 0, -1, leader, 0), "second");
  struct perf_event_attr clock = software(PERF_COUNT_SW_TASK_CLOCK);
  int third = must(open_event(&clock, 0, -1, leader, 0), "third");
  uint64_t v[16] = { 0 }, id[3];
  ioctl(leader, PERF_EVENT_IOC_ID, &id[0]);
  ioctl(second, PERF_EVENT_IOC_ID, &id[1]);
  ioctl(third, PERF_EVENT_IOC_ID, &id[2]);
  fault(5);
  number("a group that is off: bytes", read(leader, v, sizeof v));
  number("members", v[0]);
  truth("nothing counted", v[1] == 0 && v[3] == 0 && v[5] == 0);
  truth("ids in order", v[2] == id[0] && v[4] == id[1] && v[6] == id[2]);
  ioctl(leader, PERF_EVENT_IOC_ENABLE, 0);
  fault(20);
  ioctl(leader, PERF_EVENT_IOC_DISABLE, 0);
  fault(20);
  read(leader, v, sizeof v);
  truth("both count the same", v[1] == v[3] && v[1] >= 20 && v[1] < 40);
  truth("the clock has run", v[5] > 0);
  number("a sibling tells the whole group: bytes", read(second, v, sizeof v));
  number("one without the format: bytes", read(third, v, sizeof v));
  ioctl(second, PERF_EVENT_IOC_RESET, 0);
  read(leader, v, sizeof v);
  truth("reset of one", v[1] > 0 && v[3] == 0 && v[5] > 0);
  ioctl(leader, PERF_EVENT_IOC_RESET, PERF_IOC_FLAG_GROUP);
  read(leader, v, sizeof v);
  truth("reset of all", v[1] == 0 && v[3] == 0 && v[5] == 0);
  ioctl(second, PERF_EVENT_IOC_DISABLE, 0);
  ioctl(leader, PERF_EVENT_IOC_ENABLE, 0);
  fault(10);
  read(leader, v, sizeof v);
  truth("a sibling that was disabled stays so", v[1] >= 10 && v[3] == 0);
  ioctl(third, PERF_EVENT_IOC_DISABLE, PERF_IOC_FLAG_GROUP);
  uint64_t w[16];
  read(leader, v, sizeof v);
  fault(10);
  read(leader, w, sizeof w);
  truth("all off by one of them", v[1] == w[1]);
  close(leader);
  number("the leader has gone; a sibling's own group: bytes", read(second, v, sizeof v));
  number("members", v[0]);
  ioctl(second, PERF_EVENT_IOC_ENABLE, 0);
  uint64_t before = (read(second, v, sizeof v), v[1]);
  fault(10);
  read(second, v, sizeof v);
  truth("it counts on", v[1] >= before + 10);
}

static void times(void) {
  struct perf_event_attr a = faults();
  a.read_format = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING;
  a.disabled = 1;
  int fd = must(open_self(a), "event");
  uint64_t v[3], w[3];
  fault(10);
  read(fd, v, sizeof v);
  truth("off: no time passes", v[0] == 0 && v[1] == 0 && v[2] == 0);
  ioctl(fd, PERF_EVENT_IOC_ENABLE, 0);
  fault(10);
  read(fd, v, sizeof v);
  truth("on: it does", v[0] >= 10 && v[1] > 0 && v[1] == v[2]);
  ioctl(fd, PERF_EVENT_IOC_DISABLE, 0);
  read(fd, v, sizeof v);
  fault(10);
  read(fd, w, sizeof w);
  truth("off again: everything stands still", memcmp(v, w, sizeof v) == 0);
  ioctl(fd, PERF_EVENT_IOC_RESET, 0);
  read(fd, w, sizeof w);
  truth("reset: the count, not the times", w[0] == 0 && w[1] == v[1] && w[2] == v[2]);
}

static void requests(void) {
  struct perf_event_attr a = faults();
  int counting = must(open_self(a), "counting");
  a.sample_period = 1000;
  int sampling = must(open_self(a), "sampling");
  a.inherit = 1;
  int inherited = must(open_self(a), "inherited");
  uint64_t period = 500, zero = 0, high = 1ul << 63;
  row("ioctl 0x2499", ioctl(counting, 0x2499, 0));
  row("TCGETS", ioctl(counting, 0x5401, &zero));
  row("PERIOD", ioctl(sampling, PERF_EVENT_IOC_PERIOD, &period));
  row("PERIOD 0", ioctl(sampling, PERF_EVENT_IOC_PERIOD, &zero));
  row("PERIOD bit 63", ioctl(sampling, PERF_EVENT_IOC_PERIOD, &high));
  row("PERIOD at NULL", ioctl(sampling, PERF_EVENT_IOC_PERIOD, NULL));
  row("PERIOD of a counting event", ioctl(counting, PERF_EVENT_IOC_PERIOD, &period));
  row("REFRESH", ioctl(sampling, PERF_EVENT_IOC_REFRESH, 1));
  row("REFRESH of a counting event", ioctl(counting, PERF_EVENT_IOC_REFRESH, 1));
  row("REFRESH of an inherited event", ioctl(inherited, PERF_EVENT_IOC_REFRESH, 1));
  row("ID at NULL", ioctl(counting, PERF_EVENT_IOC_ID, NULL));
  row("PAUSE_OUTPUT without a ring", ioctl(counting, PERF_EVENT_IOC_PAUSE_OUTPUT, 1));
  row("SET_OUTPUT to itself", ioctl(counting, PERF_EVENT_IOC_SET_OUTPUT, counting));
  row("SET_OUTPUT to one without a ring", ioctl(counting, PERF_EVENT_IOC_SET_OUTPUT, sampling));
  row("SET_OUTPUT to no event", ioctl(counting, PERF_EVENT_IOC_SET_OUTPUT, 1));
  row("SET_OUTPUT to none", ioctl(counting, PERF_EVENT_IOC_SET_OUTPUT, -1L));
  row("SET_OUTPUT to 2^32 - 1", ioctl(counting, PERF_EVENT_IOC_SET_OUTPUT, 0xffffffffL));
  row("SET_FILTER", ioctl(counting, PERF_EVENT_IOC_SET_FILTER, "x"));
  row("MODIFY_ATTRIBUTES", ioctl(counting, PERF_EVENT_IOC_MODIFY_ATTRIBUTES, &a));
}

int main(void) {
  formats();
  group();
  times();
  requests();
  return 0;
}
