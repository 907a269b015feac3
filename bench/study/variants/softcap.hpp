// Scores stay between -20 and 20.
#pragma once
#include "operands.hpp"

namespace study {
constexpr auto out = dot<m>(softmax<m>(mask(softcap(scaled_dot<d>(q, k), 20), causal(n, m))), v);
}  // namespace study
