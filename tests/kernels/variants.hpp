// What the tests make a library of: a mechanism with gradients, by a captured slope as well, and a look-up in a table.
#pragma once
#include <cstdint>
#include <heed/heed.hpp>

namespace mine {
using namespace heed;

constexpr axis<"h"> h;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"words"> words;
constexpr axis<"d", 16> d;

constexpr auto q = input<"q">(h, n, d);
constexpr auto k = input<"k">(h, m, d);
constexpr auto v = input<"v">(h, m, d);
constexpr auto slope = input<"slope">(h);
constexpr auto out = dot<m>(softmax<m>(mask(scaled_dot<d>(q, k) - slope * (n - m), m <= n)), v);
HEED_KERNEL(step, out, wrt(q, k, v, slope))

constexpr auto ids = input<"ids", std::int32_t>(n);
constexpr auto table = input<"table">(words, d);
constexpr auto rows = arrange<n, d>(2 * gather<words>(table, ids));
HEED_KERNEL(look_up, rows)

}  // namespace mine
