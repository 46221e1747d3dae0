/* Dies by a signal that it sends to itself, as abort() does. Argument: the signal (default 6, SIGABRT). */
#include "rt.h"
static int main(int argc, char **argv) {
  u64 sig = size_arg(argc, argv, 6);
  put("before\n");
  sys3(SYS_kill, sys3(SYS_getpid, 0, 0, 0), (i64)sig, 0);
  put("after\n"); /* reached by the signals whose default action is to ignore, 17 and 18 */
  return 9;
}
