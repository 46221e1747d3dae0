/* Dies by SIGILL at ud2. */
#include "rt.h"
static int main(int argc, char **argv) {
  (void)argc; (void)argv;
  put("before\n");
  __asm__ volatile("ud2");
  put("not reached\n");
  return 0;
}
