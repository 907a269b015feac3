// The plan of a graph as a value: the simplified graph, its regions in the order in which they run (as outlines: what
// each computes and reads), and the buffers between them. `lower` turns one outline into the region that a kernel
// takes.
#pragma once
#include "../../graph/results.hpp"
#include "../../graph/decisions.hpp"
#include "gradient_match.hpp"
#include "staging.hpp"

namespace heed::internal::plan {

inline constexpr int max_regions = 320;
inline constexpr int max_reads = max_operands;

// What a plan has no room for, and a circle: a region that waits for what waits for it.
enum class plan_fault : std::uint8_t { none, regions, operands, gradients, comparisons, circle };

// A value kept in memory: a result (the caller's memory) or an intermediate value (the workspace), dense and row-major
// over `order`. Values computed through merge and rename are written straight into the buffer of the merged value.
struct buffer {
  node_id value{};
  element type{};
  std::int16_t result = -1;      // which result, -1: workspace
  bool over_pairs = false;       // of positions, though neither an operand nor a result lies over them
  std::int16_t first{}, last{};  // the regions between which it lives
  axis_list order{};
  staging staged{};
};

struct written_value {
  node_id value{};      // the node that is computed
  std::int16_t into{};  // the buffer that holds it, perhaps through merge and rename
};

struct outline {
  region_kind kind{};
  const char* reason = "";     // loop: why it is not one of the others
  std::int16_t gradient = -1;  // score_gradient: which of the plan's
  node_id core{};              // matmul: the dot; score: the value before softmax; row: a reduction
  fixed_array<written_value, max_outputs> writes{};
  int write_count = 0;
  fixed_array<node_id, max_reads> reads{};  // located values: inputs, buffers, and views of them
  int read_count = 0;
};

// Does a region only copy a view of something into a buffer?
constexpr bool copies(const outline& x) { return x.core == 0 && x.read_count == 1 && x.reads[0] == x.writes[0].value; }

// What was declared of each result: its memory order, and the input whose gradient it is (empty for others).
struct declared_results {
  fixed_array<std::uint64_t, max_results> order{};
  fixed_array<label, max_results> named_after{};
};

using axis_orders = fixed_array<std::uint64_t, graph::capacity>;  // memory order of each value: 5 bits an axis, number
                                                                  // + 1

struct execution_plan {
  graph g{};
  node_marks decides{};  // see graph/decisions.hpp
  axis_orders orders{};
  fixed_array<outline, max_regions> regions{};
  int region_count = 0;
  fixed_array<buffer, max_regions> buffers{};
  int buffer_count = 0;
  fixed_array<gradient_match, max_gradients> gradients{};
  int gradient_count = 0;
  int result_count = 0;
  declared_results declared{};
  plan_fault fault{};
  static_list<node_id, 16> alone{};  // products that no region of weights gives, though they were left to one
};

// The buffer of an operand that a score region may have made; -1: it is stored.
constexpr int staged_buffer(const execution_plan& plan, const outline& score, int operand) {
  for (int b = 0; operand >= 0 && b < plan.buffer_count; ++b) {
    const buffer& x = plan.buffers[b];
    if (x.staged.by && &plan.regions[x.staged.by - 1] == &score && x.value == score.reads[operand]) return b;
  }
  return -1;
}

}  // namespace heed::internal::plan
