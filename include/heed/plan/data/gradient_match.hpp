// What a score-gradient region computes, as the nodes of the graph: found by facts/gradient_matcher.hpp, carried by the
// plan, and written out as a region by passes/lower_gradient.hpp.
#pragma once
#include "region.hpp"

namespace heed::internal::plan {

// A contraction of rows and columns: its operand without and with the column axis, the axis that it sums. With a table
// that is read at a distance (see facts/distances.hpp) w is the table, and the column axis is in the index alone.
struct pair_contraction {
  node_id tile{}, x{}, w{};
  int depth = -1;
  axis_set columns{};             // what it is a column's by: the axes of w; of what a distance is made of besides
  node_id index{};                // of the table; 0: there is none
  int table = -1, position = -1;  // the axis of the table, and the row axis of the distance
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
  node_id own{};            // of a product with differences from it
  contraction_kind slope{};
  node_id index{};  // of a table; of a statistic which of the largest it is
  int table = -1;   // ... and its axis
  node_id keep{};   // without a softmax: where this does not hold, the other operand says 0, as the region does
  sink_kind kind{};
  axis_set over{};
  double factor = 1;  // root = factor * core
};

struct gradient_match {
  node_id weights{}, score{}, tile{}, x{}, w{};  // softmax, its operand, the contraction of queries and keys (a term,
                                                 // where all are with tables at a distance); without a softmax 0, and
                                                 // the contraction itself
  node_id keep{};                                // without a softmax: the condition of all pairs that count; 0: none
  further_contractions terms{};
  node_id product{}, g{}, v{};  // the other contraction: cotangent and values; 0: none
  node_id log_sum_exp{};
  int column = -1, depth = -1;
  int position = -1;                   // the row axis whose distance from a column tables are read at
  bool falling = false;                // columns from the last to the first, which running sums ask for
  axis_set rows{}, batch{}, serial{};  // serial: batch axes that a sink sums, run through by one thread
  fixed_array<gradient_sink, max_outputs> sinks{};
  int sink_count = 0;

  // Does the region contract it, as a part of the score or beside it?
  constexpr bool contracts(node_id i) const { return i == tile || i == product || terms.have(i); }
  // ... or make it of what it contracts: the weights?
  constexpr bool gives(node_id i) const { return i == weights || contracts(i); }
  // A running sum that the region takes on from column to column.
  constexpr bool adds_up(const node& sum) const {
    return sum.code == op::running_sum && sum.over == axis_set(1) << column && (sum.axes & rows);
  }
};

inline constexpr int max_gradients = 32;

}  // namespace heed::internal::plan
