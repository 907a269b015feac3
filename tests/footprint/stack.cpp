// How much stack a call takes, kernels included: it runs on a thread whose stack was filled with a pattern, with a team
// of one. What a thread takes that does nothing is not counted.
#include <cstdio>
#include <cstring>
#include <heed/heed.hpp>
#include <omp.h>
#include <pthread.h>
#include <sys/mman.h>

namespace {
using namespace heed;
constexpr axis<"h"> h;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 64> d;
constexpr axis<"e", 64> e;
constexpr auto q = input<"q">(h, n, d);
constexpr auto k = input<"k">(h, m, d);
constexpr auto v = input<"v">(h, m, e);
constexpr auto out = attention<d, m>(q, k, v, causal(n, m));
constexpr auto backward = gradient<out>(wrt(q, k, v));

tensor<float> Q(2, 40, 64), K(2, 40, 64), V(2, 40, 64), O(2, 40, 64), dQ(2, 40, 64), dK(2, 40, 64), dV(2, 40, 64);

void* nothing(void*) { return nullptr; }
void* forward_call(void*) {
  omp_set_num_threads(1);
  fuse<out>(q = Q, k = K, v = V, into(O));
  return nullptr;
}
void* backward_call(void*) {
  omp_set_num_threads(1);
  fuse<backward>(q = Q, k = K, v = V, cotangent<out> = O, into(dQ, dK, dV));
  return nullptr;
}

std::size_t bytes_touched(void* (*work)(void*)) {
  constexpr std::size_t size = 1 << 20;
  constexpr unsigned char pattern = 0xa5;
  void* const memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return size;
  std::memset(memory, pattern, size);
  pthread_attr_t attributes;
  pthread_t thread;
  pthread_attr_init(&attributes);
  pthread_attr_setstack(&attributes, memory, size);
  if (pthread_create(&thread, &attributes, work, nullptr) != 0) return size;
  pthread_join(thread, nullptr);
  const unsigned char* const stack = static_cast<const unsigned char*>(memory);
  std::size_t untouched = 0;
  while (untouched < size && stack[untouched] == pattern) ++untouched;
  munmap(memory, size);
  return size - untouched;
}
int check(const char* what, void* (*work)(void*), std::size_t most) {
  work(nullptr);  // what is found and loaded once
  const std::size_t bytes = bytes_touched(work) - bytes_touched(nothing);
  std::printf("%s: %zu bytes of stack, %zu allowed\n", what, bytes, most);
  return bytes >= most;
}
}  // namespace

int main() { return check("attention", forward_call, 16 << 10) + check("its gradient", backward_call, 16 << 10); }
