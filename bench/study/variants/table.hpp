// What is added to a score is read in a learned table, by head and distance.
#pragma once
#include "operands.hpp"

namespace study {
constexpr axis<"buckets", 128> buckets;
constexpr auto table = input<"table", REAL>(h, buckets);
constexpr auto out = dot<m>(softmax<m>(mask(scaled_dot<d>(q, k) + table.at(clamp(n - m, 0, 127)), causal(n, m))), v);
}  // namespace study
