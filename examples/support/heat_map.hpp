// Attention in the terminal: who looks at whom, as shades or colours, with the words beside and above.
#pragma once
#include "terminal.hpp"
#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

namespace heed_examples {

inline constexpr int heat_colours[] = {16,  17,  18,  54,  90,  126, 162,
                                       198, 203, 209, 215, 221, 228};  // of 256: black, red, yellow

// What the shades mean, in a line of its own.
inline void print_heat_map_legend(const terminal& out) {
  if (!out.colour) return std::printf("    weights: ░ from 0.05, ▒ from 0.25, ▓ from 0.5, █ from 0.75\n"), void();
  std::printf("    weights: 0");
  for (const int colour : heat_colours) std::printf(" \x1b[48;5;%dm  \x1b[0m", colour);
  std::printf(" 1\n");
}

// weights: words x words, each 0 .. 1, row i (who looks) at weights + i * stride. The row of words[watched] is marked,
// and its weights are written out. Words stand above their columns where the terminal is wide enough, else letter below
// letter.
inline void print_heat_map(const terminal& out, const float* weights, std::ptrdiff_t stride,
                           const std::vector<std::string>& words, std::size_t watched) {
  static constexpr const char* shades[] = {"·", "░", "▒", "▓", "█"};
  const int n = int(words.size());
  int longest = 0;
  for (const auto& w : words) longest = std::max(longest, int(w.size()));
  const int left = longest + 7, room = (out.width - left - 1) / std::max(n, 1), wide = std::max(longest + 1, 6);
  const bool upright = room < wide;
  const int cell = upright ? std::clamp(room, 1, 6) : wide;
  const auto at = [&](int i, int j) { return weights[i * stride + j]; };
  const auto repeat = [](const std::string& s, int times) {
    std::string r;
    while (times-- > 0) r += s;
    return r;
  };

  for (int line = upright ? 0 : longest - 1; line < longest; ++line) {
    std::printf("%*s", left, "");
    for (const auto& w : words) {
      const int letter = line - (longest - int(w.size()));
      if (upright) std::printf("%*c", cell, letter < 0 ? ' ' : w[std::size_t(letter)]);
      else std::printf("%*s", cell, w.c_str());
    }
    std::printf("\n");
  }
  for (int i = 0; i < n; ++i) {
    const bool this_one = std::size_t(i) == watched;
    const std::string label = repeat(" ", longest - int(words[std::size_t(i)].size())) + words[std::size_t(i)];
    std::printf("    %s %s ", this_one ? out.bold(label).c_str() : label.c_str(), this_one ? ">" : " ");
    for (int j = 0; j < n; ++j) {
      const float p = at(i, j);
      const std::string gap(cell > 1, ' ');
      if (out.colour) {
        const int step = std::clamp(int(p * 12 + 0.5f), 0, 12);
        char number[8] = "";
        if (cell >= 5) std::snprintf(number, sizeof number, "%.2f", double(p));
        std::printf("%s\x1b[48;5;%dm\x1b[38;5;%dm%*s\x1b[0m", gap.c_str(), heat_colours[step], step < 8 ? 231 : 16,
                    cell - (cell > 1), number);
      } else {
        std::printf("%s%s", gap.c_str(),
                    repeat(shades[p < 0.05f ? 0 : std::clamp(int(p * 4) + 1, 1, 4)], cell - (cell > 1)).c_str());
      }
    }
    std::printf("\n");
    if (this_one && !out.colour && cell >= 5) {
      std::printf("%*s", left, "");
      for (int j = 0; j < n; ++j) std::printf("%*.2f", cell, double(at(i, j)));
      std::printf("\n");
    }
  }
  std::vector<int> order(words.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(),
            [&](int a, int b) { return std::pair(-at(int(watched), a), a) < std::pair(-at(int(watched), b), b); });
  std::printf("    %s looks at", words[watched].c_str());
  for (int i = 0; i < std::min(n, 3); ++i)
    std::printf("%s %s %.2f", i ? "," : "", words[std::size_t(order[std::size_t(i)])].c_str(),
                double(at(int(watched), order[std::size_t(i)])));
  std::printf("\n");
}

}  // namespace heed_examples
