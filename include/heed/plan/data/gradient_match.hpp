// What a score-gradient region computes, as the nodes of the graph: found by facts/gradient_matcher.hpp, carried by the
// plan, and written out as a region by passes/lower_gradient.hpp.
#pragma once
#include "region.hpp"

namespace heed::internal::plan {

struct gradient_sink {
  node_id root{}, core{};   // what is written; the reduction below it (or the pairs themselves)
  node_id pair{}, other{};  // the pairwise operand of the core, and that of a product
  node_id index{};          // of a table_sum
  sink_kind kind{};
  axis_set over{};
  double factor = 1;  // root = factor * core
};

struct gradient_match {
  node_id weights{}, score{}, tile{}, x{}, w{};  // softmax, its operand, the contraction of queries and keys; without a
                                                 // softmax 0, and the contraction itself
  node_id keep{};                                // without a softmax: the condition of all pairs that count; 0: none
  node_id product{}, g{}, v{};                   // the other contraction: cotangent and values; 0: none
  node_id log_sum_exp{};
  int column = -1, depth = -1;
  axis_set rows{}, batch{}, serial{};  // serial: batch axes that a sink sums, run through by one thread
  fixed_array<gradient_sink, max_outputs> sinks{};
  int sink_count = 0;
};

inline constexpr int max_gradients = 32;

}  // namespace heed::internal::plan
