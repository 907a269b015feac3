// Queries, keys and values of several heads in a batch, every extent bound by the call.
#pragma once
#include <heed/heed.hpp>

namespace heed_tests {
using namespace heed;

inline constexpr axis<"b"> b;
inline constexpr axis<"h"> h;
inline constexpr axis<"n"> n;
inline constexpr axis<"m"> m;
inline constexpr axis<"d"> d;
inline constexpr axis<"e"> e;
inline constexpr axis<"r"> r;
inline constexpr axis<"z"> z;
inline constexpr auto q = input<"q">(b, h, n, d);
inline constexpr auto k = input<"k">(b, h, m, d);
inline constexpr auto v = input<"v">(b, h, m, e);

}  // namespace heed_tests
