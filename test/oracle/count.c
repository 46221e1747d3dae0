/* Counts what retires, instruction by instruction, under qemu-user: the oracle of test/suites/counts.ts. It shares nothing with perfglass:
 * another decoder of branches, another emulator, another language.
 *
 *   cc -O2 -shared -fPIC -o libcount.so count.c
 *   qemu-x86_64 -plugin ./libcount.so,dir=/tmp/out PROG        -> /tmp/out/PID, one file per process, through fork
 *
 * Each file is an mmap of `struct book` (little-endian u64s), so that it survives a death by signal, at which qemu runs no exit callback.
 *
 * What is corrected, and why:
 *  - A REP of n runs the callback n+1 times (qemu loops by jumping to the instruction itself), hardware retires it once. An instruction other
 *    than a branch that follows itself is therefore one instruction going on. This also covers a store that hits its own translation block
 *    (self-modifying code), which qemu starts, abandons, translates again and starts anew.
 *  - The callback runs before the instruction. One that faults has been counted and has not retired: `last_syscall` says whether the last
 *    thing before a death by signal was a system call (a signal sent: it retired) or not (a fault: the reader takes it off again).
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "qemu-api.h"

#define EXPORT __attribute__((visibility("default")))
EXPORT int qemu_plugin_version = 1;

enum kind { OTHER, COND, JMP, JMP_INDIRECT, CALL, CALL_INDIRECT, RET, FAR, KINDS };
struct book {
  uint64_t insns;        /* callbacks that were not a continuation */
  uint64_t continued;    /* callbacks taken off: REP iterations, restarted stores */
  uint64_t kind[KINDS];
  uint64_t last_syscall; /* `insns` at the last system call */
  uint64_t last_kind;    /* kind of the last instruction, for the reader to take off */
};
struct insn {
  uint64_t pc;
  enum kind kind;
};

static struct book *book;
static const char *dir;
static uint64_t last_pc;
static char *arena;
static size_t arena_left;

static void open_book(void) {
  char path[4096];
  snprintf(path, sizeof path, "%s/%d", dir, (int)getpid());
  int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0644);
  if (fd < 0 || ftruncate(fd, sizeof *book) != 0) {
    perror(path);
    _exit(99);
  }
  void *at = mmap(book, sizeof *book, PROT_READ | PROT_WRITE, MAP_SHARED | (book != NULL ? MAP_FIXED : 0), fd, 0);
  if (at == MAP_FAILED) {
    perror("mmap");
    _exit(99);
  }
  book = at;
  close(fd);
}

/* Branches by opcode: SDM vol. 2, Jcc, JCXZ, LOOP, JMP, CALL, RET, IRET, INT n, SYSCALL. 64-bit mode; VEX and EVEX hold no branches. */
static enum kind classify(const uint8_t *p, size_t n) {
  size_t i = 0;
  while (i < n && (p[i] == 0x66 || p[i] == 0x67 || p[i] == 0xf2 || p[i] == 0xf3 || p[i] == 0xf0 || p[i] == 0x2e || p[i] == 0x36 || p[i] == 0x3e ||
                   p[i] == 0x26 || p[i] == 0x64 || p[i] == 0x65))
    i++;
  if (i < n && (p[i] & 0xf0) == 0x40) i++; /* REX */
  if (i >= n) return OTHER;
  uint8_t op = p[i], next = i + 1 < n ? p[i + 1] : 0;
  if ((op & 0xf0) == 0x70 || (op >= 0xe0 && op <= 0xe3)) return COND;
  switch (op) {
    case 0xe9: case 0xeb: return JMP;
    case 0xe8: return CALL;
    case 0xc2: case 0xc3: return RET;
    case 0xca: case 0xcb: case 0xcf: case 0xcc: case 0xcd: case 0xf1: return FAR;
    case 0xff:
      switch (next >> 3 & 7) {
        case 2: return CALL_INDIRECT;
        case 4: return JMP_INDIRECT;
        case 3: case 5: return FAR;
        default: return OTHER;
      }
    case 0x0f:
      if ((next & 0xf0) == 0x80) return COND;
      if (next == 0x05 || next == 0x07 || next == 0x34 || next == 0x35) return FAR;
      return OTHER;
    default: return OTHER;
  }
}

static void on_insn(unsigned int vcpu, void *data) {
  const struct insn *in = data;
  (void)vcpu;
  if (in->pc == last_pc && in->kind == OTHER) {
    book->continued++;
    return;
  }
  last_pc = in->pc;
  book->insns++;
  book->kind[in->kind]++;
  book->last_kind = in->kind;
}

/* Records live as long as the process: translated code points at them. */
static struct insn *new_insn(void) {
  if (arena_left < sizeof(struct insn)) {
    arena_left = 1 << 20;
    arena = malloc(arena_left);
    if (arena == NULL) _exit(99);
  }
  struct insn *in = (struct insn *)arena;
  arena += sizeof *in;
  arena_left -= sizeof *in;
  return in;
}

static void on_translate(qemu_plugin_id_t id, struct qemu_plugin_tb *tb) {
  (void)id;
  for (size_t i = 0; i < qemu_plugin_tb_n_insns(tb); i++) {
    struct qemu_plugin_insn *q = qemu_plugin_tb_get_insn(tb, i);
    struct insn *in = new_insn();
    in->pc = qemu_plugin_insn_vaddr(q);
    in->kind = classify(qemu_plugin_insn_data(q), qemu_plugin_insn_size(q));
    qemu_plugin_register_vcpu_insn_exec_cb(q, on_insn, QEMU_PLUGIN_CB_NO_REGS, in);
  }
}

static void on_syscall(qemu_plugin_id_t id, unsigned int vcpu, int64_t num, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4, uint64_t a5, uint64_t a6,
                       uint64_t a7, uint64_t a8) {
  (void)id; (void)vcpu; (void)num; (void)a1; (void)a2; (void)a3; (void)a4; (void)a5; (void)a6; (void)a7; (void)a8;
  book->last_syscall = book->insns;
}

static void on_syscall_ret(qemu_plugin_id_t id, unsigned int vcpu, int64_t num, int64_t ret) {
  (void)id; (void)vcpu;
  if (ret == 0 && (num == 56 || num == 57 || num == 58)) open_book(); /* the child of clone, fork, vfork: a book of its own, from zero */
}

EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc, char **argv) {
  (void)info;
  for (int i = 0; i < argc; i++)
    if (strncmp(argv[i], "dir=", 4) == 0) dir = strdup(argv[i] + 4);
  if (dir == NULL) {
    fprintf(stderr, "count: no dir=DIR given\n");
    return -1;
  }
  open_book();
  qemu_plugin_register_vcpu_tb_trans_cb(id, on_translate);
  qemu_plugin_register_vcpu_syscall_cb(id, on_syscall);
  qemu_plugin_register_vcpu_syscall_ret_cb(id, on_syscall_ret);
  return 0;
}
