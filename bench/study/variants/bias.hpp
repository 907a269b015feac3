// A number of its own is added to the score of every pair.
#pragma once
#include "operands.hpp"

namespace study {
constexpr auto bias = input<"bias", REAL>(n, m);
constexpr auto out = dot<m>(softmax<m>(scaled_dot<d>(q, k) + bias), v);
}  // namespace study
