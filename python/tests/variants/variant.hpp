// Causal attention whose scores fall with the distance, by a slope that is learned.
#pragma once
#include <heed/heed.hpp>

namespace mine {
using namespace heed;

constexpr axis<"h"> h;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 16> d;
constexpr axis<"e", 16> e;
constexpr auto q = input<"q">(h, n, d);
constexpr auto k = input<"k">(h, m, d);
constexpr auto v = input<"v">(h, m, e);
constexpr auto slope = input<"slope">(h);
constexpr auto out = dot<m>(softmax<m>(mask(scaled_dot<d>(q, k) - slope * log(1 + n - m), m <= n)), v);
}  // namespace mine
