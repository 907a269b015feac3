// Groups of r query heads share their keys and values (grouped-query attention), causal.
#pragma once
#include "operands.hpp"

namespace study::grouped {
constexpr axis<"r"> r;
constexpr auto queries = input<"q", REAL>(h, r, n, d);
constexpr auto out = attention<d, m>(queries, k, v, causal(n, m));
}  // namespace study::grouped
