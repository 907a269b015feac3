// Scores fall with distance, by a slope for each head (ALiBi).
#pragma once
#include "operands.hpp"

namespace study {
constexpr auto slope = input<"slope", REAL>(h);
constexpr auto out = dot<m>(softmax<m>(mask(scaled_dot<d>(q, k) + alibi(slope, n, m), causal(n, m))), v);
}  // namespace study
