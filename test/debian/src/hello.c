#include <stdio.h>
int main(int argc, char **argv) {
  for (int i = 0; i < argc; i++) printf("%d %s\n", i, i > 0 ? argv[i] : "");
  return 5;
}
