// All queries see a prefix, and what lies before them.
#pragma once
#include "operands.hpp"

namespace study {
constexpr auto prefix = input<"prefix", std::int32_t>();
constexpr auto out = attention<d, m>(q, k, v, causal(n, m) || m < prefix);
}  // namespace study
