/* A byte-code interpreter: one indirect jump through a table per instruction. Argument: thousands of loop turns (default 3; full size 12000). */
#include "rt.h"
enum { PUSH, ADD, SUB, MUL, XOR, DUP, SWAP, LOAD, STORE, SHR, JNZ, DEC, HALT };
static const u8 code[] = { LOAD, 0, PUSH, 13, MUL, PUSH, 7, ADD, DUP, PUSH, 3, SHR, XOR, STORE, 0,
                           LOAD, 1, LOAD, 0, SWAP, SUB, STORE, 1, LOAD, 2, DEC, DUP, STORE, 2, JNZ, 0, HALT };
static u64 run(u64 turns, u64 *v) {
  u64 st[16], *sp = st, steps = 0;
  const u8 *pc = code;
  v[0] = 1; v[1] = 2; v[2] = turns;
  for (;;) {
    steps++;
    switch (*pc++) {
      case PUSH: *sp++ = *pc++; break;
      case ADD: sp--; sp[-1] += sp[0]; break;
      case SUB: sp--; sp[-1] -= sp[0]; break;
      case MUL: sp--; sp[-1] *= sp[0]; break;
      case XOR: sp--; sp[-1] ^= sp[0]; break;
      case DUP: *sp = sp[-1]; sp++; break;
      case SWAP: { u64 t = sp[-1]; sp[-1] = sp[-2]; sp[-2] = t; break; }
      case LOAD: *sp++ = v[*pc++]; break;
      case STORE: v[*pc++] = *--sp; break;
      case SHR: sp--; sp[-1] >>= sp[0]; break;
      case DEC: sp[-1]--; break;
      case JNZ: { u8 to = *pc++; if (*--sp) pc = code + to; break; }
      case HALT: return steps;
      default: __builtin_unreachable();
    }
  }
}
static int main(int argc, char **argv) {
  u64 v[4];
  show("steps", run(size_arg(argc, argv, 3) * 1000, v));
  show("v0", v[0]);
  show("v1", v[1]);
  return 0;
}
