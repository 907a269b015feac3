// A query sees the last 256 keys.
#pragma once
#include "operands.hpp"

namespace study {
constexpr auto out = attention<d, m>(q, k, v, sliding_window(n, m, 256));
}  // namespace study
