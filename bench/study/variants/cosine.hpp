// Scores are cosines, ten times as large.
#pragma once
#include "operands.hpp"

namespace study {
constexpr auto out = dot<m>(softmax<m>(10 * cosine_similarity<d>(q, k)), v);
}  // namespace study
