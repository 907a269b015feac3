// Queries of one sequence, keys of another, values of another width than keys.
#pragma once
#include "operands.hpp"

namespace study {
constexpr auto out = attention<d, m>(q, k, v);
}  // namespace study
