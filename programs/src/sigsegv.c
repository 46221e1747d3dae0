/* Dies by SIGSEGV. Argument: 0 reads address 8 (default), 1 writes its own code, 2 jumps to data, 3 a non-canonical address, 4 a push below the stack,
 * 5 a read of a kernel address, 6 hlt (privileged). */
#include "rt.h"
static u64 data = 0xc3c3c3c3c3c3c3c3ul;
static int main(int argc, char **argv) {
  u64 which = size_arg(argc, argv, 0), x = 0;
  put("before\n");
  switch (which) {
    case 0: __asm__ volatile("mov 8,%0" : "=r"(x)); break;
    case 1: __asm__ volatile("movb $0x90,start_c(%%rip)" : : : "memory"); break;
    case 2: __asm__ volatile("call *%0" : : "r"(&data)); break;
    case 3: __asm__ volatile("mov (%1),%0" : "=r"(x) : "r"(0x1234567812345678ul)); break;
    case 4: __asm__ volatile("mov $4096,%%rsp\n\tpush %%rax" : : : "memory"); break;
    case 5: __asm__ volatile("mov (%1),%0" : "=r"(x) : "r"(0xffffffff81000000ul)); break;
    case 6: __asm__ volatile("hlt"); break;
    default: break;
  }
  put("not reached\n");
  return (int)x;
}
