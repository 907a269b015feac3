// What a score-gradient region computes, as the nodes of the graph: found by facts/gradient_matcher.hpp, carried by the
// plan, and written out as a region by passes/lower_gradient.hpp.
#pragma once
#include "region.hpp"

namespace heed::internal::plan {

// A contraction of rows and columns: its operand without and with the column axis, the axis that it sums.
struct pair_contraction {
  node_id tile{}, x{}, w{};
  int depth = -1;
};
// The contractions beside the first.
struct further_contractions : static_list<pair_contraction, max_terms> {
  constexpr bool have(node_id tile) const {
    for (const pair_contraction& c : *this)
      if (c.tile == tile) return true;
    return false;
  }
};

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
  further_contractions terms{};
  node_id product{}, g{}, v{};  // the other contraction: cotangent and values; 0: none
  node_id log_sum_exp{};
  int column = -1, depth = -1;
  axis_set rows{}, batch{}, serial{};  // serial: batch axes that a sink sums, run through by one thread
  fixed_array<gradient_sink, max_outputs> sinks{};
  int sink_count = 0;

  // Does the region contract it, as a part of the score or beside it?
  constexpr bool contracts(node_id i) const { return i == tile || i == product || terms.have(i); }
};

inline constexpr int max_gradients = 32;

}  // namespace heed::internal::plan
