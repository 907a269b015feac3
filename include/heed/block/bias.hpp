// Biases added to a score.
#pragma once
#include "../graph/results.hpp"

namespace heed::internal {

// slope * (m - n): further keys count less. slope: () or (h). Press, Smith and Lewis 2022.
template <Operand S, Operand N, Operand M> constexpr auto alibi(const S& slope, const N& n, const M& m) {
  return slope * (m - n);
}

}  // namespace heed::internal
