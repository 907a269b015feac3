// A region: what one loop nest does. It is a value that a pass has made from the graph; a kernel reads nothing else.
// Axes are numbers of the plan's graph; operands and outputs are described here and located in memory when a call
// begins.
#pragma once
#include "program.hpp"

namespace heed::internal::plan {

// score:  for each batch item, rows x columns of a contraction, a program over that tile, a mask, an online softmax
// along
//         the columns, weighted values: out[row, width] = softmax(score)[row, column] . v[column, width].
// matmul: out[batch, row, column] = program(sum over depth of x[batch, row, depth] * w[batch, column, depth]).
// row:    for each row: reductions along `columns` (one axis, or none), in phases, and a pointwise result.
// loop:   for each element of the output: the program in double, reductions as loops in a fixed order.
// score_gradient: for each batch item, rows x columns of two contractions, the weights recomputed from the log-sum-exp,
// and
//         reductions of pairwise values: see sink.
// scatter: for each element of the rows: values at all positions of `columns`, each added to the table's element along
// `depth`
//         that its index says.
enum class region_kind : std::uint8_t { score, matmul, row, loop, score_gradient, scatter };

inline constexpr int max_operands = 32;
inline constexpr int max_outputs = 8;

struct axis_list {
  fixed_array<std::int8_t, max_rank> of{};
  int count = 0;
  bool operator==(const axis_list&) const = default;
  constexpr int operator[](int i) const { return of[i]; }
  constexpr void add(int a) { of[count++] = std::int8_t(a); }
  constexpr bool contains(int a) const {
    for (int i = 0; i < count; ++i)
      if (of[i] == a) return true;
    return false;
  }
};

// A value in memory that a region reads: which node of the graph, its element type and the axes it varies over.
struct operand {
  node_id value{};
  element type{};
  axis_set axes{};
};
// A value that a region writes. `result` is the instruction that computes it (score regions: see region::lse and top;
// score_gradient: see sinks).
struct output {
  node_id value{};
  element type{};
  axis_set axes{};
  instruction_id result{};
};

// What a score-gradient region makes of a pairwise value, one sink an output:
// row_product:    out[row, width] = sum over columns of pair[row, column] * y[column, width]
// column_product: out[column, width] = sum over rows of pair[row, column] * y[row, width]
// uniform_sum, row_sum, column_sum: sums of pair over both, the columns, the rows; batch axes or some row axes may be
// summed too pairs:          the pairwise value itself, perhaps summed over batch axes table_sum:      sums of pair
// over both, each added to the element along `table` that `index` says; batch axes may be summed too,
//                 row axes that the index does not vary over (heads of a group) may be kept
enum class sink_kind : std::uint8_t { row_product, column_product, uniform_sum, row_sum, column_sum, pairs, table_sum };
struct sink {
  sink_kind kind{};
  instruction_id pair{};  // 0 wherever the weight is
  std::int16_t y = -1;    // operand of a product
  axis_set over{};        // the axes that are summed
  double factor = 1;      // of the output; scale (0: none): uniform, of what an item gives
  instruction_id scale = 0;
  instruction_id index = 0;  // table_sum: a whole number; outside the table it means the nearest end
  std::int16_t table = -1;   // ... and the axis
  bool operator==(const sink&) const = default;
};

struct region {
  region_kind kind{};
  element real = element::f32;  // the precision of its arithmetic: f32 or f64
  const char* reason = "";      // loop: why it is not one of the others
  program code{};
  fixed_array<const primitive_entry*, max_primitives> primitives{};  // as the plan's graph numbers them
  fixed_array<operand, max_operands> operands{};
  int operand_count = 0;
  fixed_array<output, max_outputs> outputs{};
  int output_count = 0;

  // Axes by job, outermost first. Several row axes are flattened into one run of rows (the position axis outermost,
  // heads of a group fastest), several column or depth axes likewise.
  axis_list batch{}, rows{}, columns{}, depth{}, width{};

  // score and matmul: operand numbers of the contraction (x: rows, w: columns) and of the values; -1: none.
  int x = -1, w = -1, v = -1;
  // score: instructions (0: none). scale is uniform and folded into x; score is the value before softmax in units of
  // log2, that is log2(e) * score; keep is the mask.
  instruction_id scale = 0, score = 0, keep = 0;
  // score: which outputs there are (numbers into outputs, -1: none): weighted values, natural log-sum-exp, row maximum.
  int out = -1, lse = -1, top = -1;
  // score: visit the keys from the last to the first (best where scores grow with the key, as under ALiBi).
  bool backwards = true;
  // score_gradient: operands of the contraction tile 1 (g: rows, v: columns; -1: none) and the log-sum-exp. In its
  // program tile 0 is the score's contraction, tile 2 the weight: 2^(score - log-sum-exp).
  int g = -1, log_sum_exp = -1;
  int serial_axes = 0;  // how many of the last batch axes one thread runs through in order
  fixed_array<sink, max_outputs> sinks{};

  // scatter, and a loop that scatters: the instruction of the index; 0: none.
  instruction_id index = 0;

  // row: the lanes of a pack run along the reduced axis (true) or across `lane_axis`, the fastest axis of the rows.
  bool lanes_along = true;
  int lane_axis = -1;
};

// Do two regions differ only in which values they read and write? Then one kernel serves both: the blocks of a network
// are compiled once, however many there are.
constexpr bool same_loops(const region& a, const region& b) {
  if (a.kind != b.kind || a.code.size != b.code.size || a.operand_count != b.operand_count ||
      a.output_count != b.output_count)
    return false;
  if (a.real != b.real || a.x != b.x || a.w != b.w || a.v != b.v || a.scale != b.scale || a.score != b.score ||
      a.keep != b.keep)
    return false;
  if (a.out != b.out || a.lse != b.lse || a.top != b.top || a.backwards != b.backwards || a.g != b.g ||
      a.log_sum_exp != b.log_sum_exp)
    return false;
  if (a.serial_axes != b.serial_axes || a.index != b.index || a.lanes_along != b.lanes_along ||
      a.lane_axis != b.lane_axis)
    return false;
  if (!(a.batch == b.batch && a.rows == b.rows && a.columns == b.columns && a.depth == b.depth && a.width == b.width))
    return false;
  for (int i = 0; i < a.operand_count; ++i) {
    const operand &x = a.operands[i], &y = b.operands[i];
    if (x.type != y.type || x.axes != y.axes) return false;
  }
  for (int i = 0; i < a.output_count; ++i) {
    const output &x = a.outputs[i], &y = b.outputs[i];
    if (x.type != y.type || x.axes != y.axes || x.result != y.result || !(a.sinks[i] == b.sinks[i])) return false;
  }
  for (int i = 1; i < a.code.size; ++i)
    if (!(a.code[i] == b.code[i])) return false;
  return true;
}

constexpr axis_set set_of(const axis_list& axes) {
  axis_set r = 0;
  for (int i = 0; i < axes.count; ++i) r |= axis_set(1) << axes[i];
  return r;
}
// Can the kernel of a region's kind compute all that its program holds? A plan that says otherwise is a mistake of the
// passes; a kernel would not notice and give wrong numbers.
constexpr bool computable(const region& r) {
  const bool scores = r.kind == region_kind::score || r.kind == region_kind::score_gradient;
  const bool contracts = scores || r.kind == region_kind::matmul;
  if (contracts && (r.x < 0 || r.w < 0)) return false;
  if (r.kind == region_kind::score && r.out >= 0 && r.v < 0) return false;
  if (r.kind == region_kind::score_gradient && r.log_sum_exp < 0) return false;
  for (int i = 1; i < r.code.size; ++i) {
    const instruction& x = r.code[i];
    const bool reads = x.code == op::load || x.code == op::gather;
    if (reads && (x.operand < 0 || x.operand >= r.operand_count)) return false;
    if (x.code == op::tile && !contracts) return false;
    const bool along_columns = r.kind == region_kind::row && x.over == set_of(r.columns);
    if (is_reduction(x.code) && r.kind != region_kind::loop && !along_columns) return false;
  }
  for (int k = 0; k < r.output_count && !scores && !r.index; ++k)
    if (r.code[r.outputs[k].result].axes & ~r.outputs[k].axes) return false;
  return true;
}

}  // namespace heed::internal::plan
