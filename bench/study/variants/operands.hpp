// The operands that the variants of the study share: h heads, n queries, m keys, widths d and e; REAL is float or
// double.
#pragma once
#include <cstdint>
#include <heed/heed.hpp>

#ifndef REAL
#define REAL float
#endif

namespace study {
using namespace heed;
constexpr axis<"h"> h;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d"> d;
constexpr axis<"e"> e;
constexpr auto q = input<"q", REAL>(h, n, d);
constexpr auto k = input<"k", REAL>(h, m, d);
constexpr auto v = input<"v", REAL>(h, m, e);
}  // namespace study
