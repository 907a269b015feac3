// Attention in the terminal: shades for weights, words beside them.
#pragma once
#include <cstdio>
#include <string>
#include <vector>

namespace heed_examples {

// rows x columns weights in 0 .. 1, row-major with the given row stride.
inline void print_heat_map(const float* weights, std::ptrdiff_t stride, const std::vector<std::string>& words) {
  static constexpr const char* shades[] = {" ", "░", "▒", "▓", "█"};
  std::size_t wide = 0;
  for (const auto& w : words) wide = std::max(wide, w.size());
  for (std::size_t i = 0; i < words.size(); ++i) {
    std::printf("    %*s │", int(wide), words[i].c_str());
    std::size_t best = 0;
    for (std::size_t j = 0; j < words.size(); ++j) {
      const float p = weights[std::ptrdiff_t(i) * stride + std::ptrdiff_t(j)];
      if (p > weights[std::ptrdiff_t(i) * stride + std::ptrdiff_t(best)]) best = j;
      const char* c = shades[std::min(4, int(p * 5))];
      std::printf("%s%s", c, c);
    }
    std::printf("│ most at %s (%.2f)\n", words[best].c_str(), double(weights[std::ptrdiff_t(i) * stride + std::ptrdiff_t(best)]));
  }
}

}  // namespace heed_examples
