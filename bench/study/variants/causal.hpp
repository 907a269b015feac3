// A query sees keys up to its own position.
#pragma once
#include "operands.hpp"

namespace study {
constexpr auto out = attention<d, m>(q, k, v, causal(n, m));
}  // namespace study
