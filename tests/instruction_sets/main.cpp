// Calls both: each must give what plain loops give, whichever of the two the linker has seen first.
#include "graph.hpp"
#include <cmath>
#include <cstdio>

int main() {
#if defined(__x86_64__)
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return 77;  // skipped
#endif
  heed::tensor<float> x(40, 16);
  for (int i = 0; i < 40; ++i)
    for (int j = 0; j < 16; ++j) x(i, j) = float((i * 16 + j) % 13) / 13;

  double total = 0, weighted = 0, mean = 0;
  for (int key = 0; key < 40; ++key) {  // row 39 sees all of them
    double score = 0;
    for (int j = 0; j < 16; ++j) score += double(x(39, j)) * double(x(key, j));
    const double weight = std::exp(score / 4);
    total += weight, weighted += weight * double(x(key, 3));
  }
  for (int j = 0; j < 16; ++j) mean += double(x(39, j)) / 16;
  const double right[] = {weighted / total, 2 * double(x(39, 3)) / std::sqrt(1 + mean),
                          2 * double(x(39, 3)) / std::sqrt(1 + mean)};

  int wrong = 0;
  for (auto call : {lower, higher}) {
    const auto got = call(x);
    for (std::size_t i = 0; i < got.size(); ++i) {
      std::printf("%s, value %zu: %.7g, expected %.7g\n", call == lower ? "lower" : "higher", i, got[i], right[i]);
      wrong += !(std::abs(got[i] - right[i]) < 1e-6);
    }
  }
  return wrong != 0;
}
