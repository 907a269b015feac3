// Every element times a factor, which another header holds, plus the length of an axis that no array carries.
#pragma once
#include <heed/heed.hpp>
#include "factor.hpp"

namespace mine {
using namespace heed;

constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr auto x = input<"x">(n);
constexpr auto out = factor * x + size<m>;
}  // namespace mine
