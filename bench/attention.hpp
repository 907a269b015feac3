// The operands of the attention benchmarks: 4 heads unless said otherwise, 2048 positions, float.
#pragma once
#include "problems.hpp"

namespace heed_bench {
namespace declared {
inline constexpr axis<"h"> h;
inline constexpr axis<"r"> r;
inline constexpr axis<"n"> n;
inline constexpr axis<"m"> m;
inline constexpr axis<"d"> d;
inline constexpr axis<"e"> e;
inline constexpr auto q = input<"q">(h, n, d);
inline constexpr auto k = input<"k">(h, m, d);
inline constexpr auto v = input<"v">(h, m, e);
inline constexpr auto s = scaled_dot<d>(q, k);
}  // namespace declared

struct attention_operands {
  static constexpr extent_t length = 2048;
  explicit attention_operands(extent_t D, extent_t H = 4) : width(D), heads(H) {}
  extent_t width, heads;
  tensor<float> Q = drawn(1, {heads, length, width}), K = drawn(2, {heads, length, width}),
                V = drawn(3, {heads, length, width});
  tensor<float> O{heads, length, width};
  workspace memory;
  // 4 D flops for each of the pairs that `visible` counts.
  template <class Visible> double flops(const Visible& visible) const {
    double pairs = 0;
    for (extent_t i = 0; i < length; ++i) pairs += double(visible(i));
    return 4.0 * double(width) * double(heads) * pairs;
  }
};
inline constexpr extent_t widths[] = {64, 128};

}  // namespace heed_bench
