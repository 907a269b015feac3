// Every query sees every key.
#pragma once
#include "operands.hpp"

namespace study {
constexpr auto out = attention<d, m>(q, k, v);
}  // namespace study
