// Operations of a user's, as tests of graphs, plans and kernels use them.
#pragma once
#include "heed/graph/primitive.hpp"
#include "heed/run/program/primitive_value.hpp"

namespace heed_tests {
using namespace heed;

// Of one operand; of two, whose derivative uses the operation itself.
struct squared_relu {
  static constexpr auto name = "squared_relu";
  static auto value(const auto& x) {
    const auto p = max(x, 0);
    return p * p;
  }
  static auto bounds(interval x) {
    const auto p = max(x, 0);
    return p * p;
  }
  static constexpr auto derivative(const auto& x) { return 2 * max(x, 0); }
};
struct swish {
  static constexpr auto name = "swish";
  static auto value(const auto& x, const auto& beta) { return x * sigmoid(beta * x); }
  static constexpr auto derivative(const auto& x, const auto& beta) {
    const auto gate = sigmoid(beta * x), own = primitive<swish>(x, beta);
    return std::pair(gate + beta * own * (1 - gate), x * own * (1 - gate));
  }
};

}  // namespace heed_tests
