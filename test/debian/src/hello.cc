#include <iostream>
#include <map>
#include <stdexcept>
#include <string>
#include <thread>
int main() {
  std::map<int, std::string> m{{1, "x"}};
  try {
    throw std::runtime_error("boom");
  } catch (std::exception &e) {
    std::cout << e.what() << m[1] << "\n";
  }
  std::thread t([] { std::cout << "thread " << 1.5 << "\n"; });
  t.join();
}
