// Each head has one more logit, whose weight goes nowhere.
#pragma once
#include "operands.hpp"

namespace study {
constexpr auto sink = input<"sink", REAL>(h);
constexpr auto out = sink_attention<m>(mask(scaled_dot<d>(q, k), causal(n, m)), v, sink);
}  // namespace study
