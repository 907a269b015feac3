// mine.hpp: weights fade with the logarithm of distance.
#pragma once
#include <heed/heed.hpp>

namespace mine {
using namespace heed;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 32> d;
constexpr auto q = input<"q">(n, d);
constexpr auto k = input<"k">(m, d);
constexpr auto v = input<"v">(m, d);
constexpr auto out = dot<m>(softmax<m>(mask(scaled_dot<d>(q, k) - 0.1 * log(1 + n - m), m <= n)), v);
HEED_KERNEL(fading, out, wrt(q, k, v))
}  // namespace mine
