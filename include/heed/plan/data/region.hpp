// A region: what one loop nest does. It is a value that a pass has made from the graph; a kernel reads nothing else.
// Axes are numbers of the plan's graph. Nothing in it says which values of the graph are read and written: an outline
// knows that, and a call locates them in memory. So two regions that are equal are the same loops, and one kernel
// serves both: the blocks of a network are compiled once, however many there are.
#pragma once
#include "../../base/contraction_kind.hpp"
#include "../../base/static_list.hpp"
#include "axis_list.hpp"
#include "program.hpp"

namespace heed::internal::plan {

// score:  for each batch item, rows x columns of a contraction, a program over that tile, a mask, an online softmax
//         along the columns, weighted values: out[row, width] = softmax(score)[row, column] . v[column, width].
// matmul: out[batch, row, column] = program(sum over depth of x[batch, row, depth] * w[batch, column, depth]).
// row:    for each row: reductions along `columns` (one axis, or none), in phases, and a pointwise result.
// loop:   for each element of the output: the program in double, reductions as loops in a fixed order.
// score_gradient: for each batch item, rows x columns of two contractions, the weights recomputed from the log-sum-exp,
//         and reductions of pairwise values: see sink.
// scatter: for each element of the rows: values at all positions of `columns`, each added to the table's element along
//         `depth` that its index says.
enum class region_kind : std::uint8_t { score, matmul, row, loop, score_gradient, scatter };

inline constexpr int max_operands = 48;
inline constexpr int max_outputs = 8;

// A value in memory that a region reads: its element type and the axes it varies over. Operands are numbered as what
// the outline reads.
struct operand {
  element type{};
  axis_set axes{};

  bool operator==(const operand&) const = default;
};
// A value that a region writes, numbered as what the outline writes. `result` is the instruction that computes it (0
// in score and score_gradient: see score_outputs and sink).
struct output {
  element type{};
  axis_set axes{};
  instruction_id result{};

  bool operator==(const output&) const = default;
};

// score, score_gradient, matmul: the operands of the contraction of which the program sees the element, as tile 0. A
// score whose contractions are all with tables at a distance has terms alone.
struct contraction {
  int row_operand = -1;     // queries; x of a matmul
  int column_operand = -1;  // keys; w of a matmul
  contraction_kind kind{};  // score, score_gradient; of others a product

  bool operator==(const contraction&) const = default;
};
// score, score_gradient: a contraction of the same rows and columns beside the first, term i of a region. The program
// sees its element as a tile of its own, tile first_term + i, so that it may make anything of it. The column operand of
// a skewed one is a table without the columns, whose entry is a function of the distance of row and column alone.
struct term {
  int row_operand = -1, column_operand = -1;
  int depth = -1;            // the axis that is contracted
  instruction_id scale = 0;  // uniform, folded into the row operand
  instruction_id index = 0;  // skewed: the entry; outside the table it means the nearest end. 0: not skewed
  int table = -1;            // ... the axis of the table. The distance is that of rows[0] and the columns
  contraction_kind kind{};   // skewed: a product

  bool operator==(const term&) const = default;
};
inline constexpr int max_terms = 5, first_term = 3;
constexpr bool is_skewed(const term& t) { return t.index != 0; }

// score, score_gradient: what the program says of each pair of a row and a column; instructions, 0: none.
struct pair_values {
  instruction_id scale = 0;  // uniform, folded into the queries
  instruction_id score = 0;  // what softmax takes, in units of log2: log2(e) * score
  instruction_id keep = 0;   // the mask

  bool operator==(const pair_values&) const = default;
};

// score: the operand that is weighted, and which outputs there are; -1: none. Staged: nobody may have stored the
// operand, so that the kernel has it made, chunk by chunk.
struct score_outputs {
  int values = -1;  // an operand
  int weighted = -1, log_sum_exp = -1, maximum = -1;
  bool keys_staged = false, values_staged = false;

  bool operator==(const score_outputs&) const = default;
};

// What a score-gradient region makes of a pairwise value, one sink an output:
// row_product:    out[row, width] = sum over columns of pair[row, column] * other[column, width]
// column_product: out[column, width] = sum over rows of pair[row, column] * other[row, width]
// uniform_sum, row_sum, column_sum: sums of pair over both, the columns, the rows; batch axes or some row axes may be
//                 summed too
// pairs:          the pairwise value itself, perhaps summed over batch axes
// table_sum:      sums of pair over both, each added to the element along `table` that `index` says; batch axes may be
//                 summed too, row axes that the index does not vary over (heads of a group) may be kept
// row_table_sum: sums of pair over the columns, each added to the element along `table` of its row's own table that
//                 `index` says, for each pair another
// skewed_row_product: out[row, width] = sum over columns of pair[row, column] * other[entry, width], where `index` says
//                 the entry along `table`, a function of the distance of row and column alone
// table_product: out[entry, width] = sum over pairs with that entry of pair[row, column] * other[row, width]
// row_statistic:  what a row knows of all its pairs after several passes over them (takes_passes), -inf being none
enum class sink_kind : std::uint8_t {
  row_product,
  column_product,
  uniform_sum,
  row_sum,
  column_sum,
  pairs,
  table_sum,
  row_table_sum,
  skewed_row_product,
  table_product,
  row_statistic
};
constexpr bool is_skewed(sink_kind k) { return k == sink_kind::skewed_row_product || k == sink_kind::table_product; }
constexpr bool adds_at_index(sink_kind k) { return k == sink_kind::table_sum || k == sink_kind::row_table_sum; }
constexpr bool gives_rows(sink_kind k) { return k == sink_kind::row_product || k == sink_kind::skewed_row_product; }
struct sink {
  sink_kind kind{};
  instruction_id pair{};     // 0 wherever the weight is
  instruction_id keep = 0;   // where it is not absent, if it is in places where the weight is not
  std::int16_t other = -1;   // operand of a product
  axis_set over{};           // the axes that are summed
  double factor = 1;         // of the output
  instruction_id scale = 0;  // of what an item gives, uniform; 0: none
  instruction_id index = 0;  // of a table: a whole number; outside the table it means the nearest end
  std::int16_t table = -1;   // ... and the axis
  contraction_kind slope{};  // of a row_product, a column_product: whose gradient it is. Of a squared difference it has
                             // other - own in the place of other, of an absolute one the sign of that
  std::int16_t own = -1;     // ... an operand along what it gives
  op statistic{};            // row_statistic: which,
  double told = 0;           // ... and of what,
  std::int16_t rank = -1;    // ... or the operand, along the rows, that says it

  bool operator==(const sink&) const = default;
};
// score_gradient: its other operands (-1: none) and what it gives. Its program has two tiles more: tile 1 is the
// contraction of cotangents (rows) and values (columns), tile 2 the weight, 2^(score - log-sum-exp). It may hold
// running sums along its columns.
inline constexpr int max_running_sums = 4, max_total_visits = 2;
struct gradient_sums {
  int cotangents = -1, values = -1;
  int log_sum_exp = -1;                    // -1: there is no softmax, no weight, and no score
  int serial_axes = 0;                     // how many of the last batch axes one thread runs through in order
  bool falling = false;                    // columns are visited from the last to the first
  static_list<sink, max_outputs> sinks{};  // one an output

  bool operator==(const gradient_sums&) const = default;
};

// row: the lanes of a pack run along the reduced axis, or across `lane_axis`, the fastest axis of the rows.
struct row_lanes {
  bool lanes_along = true;
  int lane_axis = -1;

  bool operator==(const row_lanes&) const = default;
};

// scatter, and a loop that scatters: the instruction of the index; 0: none.
struct scattered {
  instruction_id index = 0;

  bool operator==(const scattered&) const = default;
};

// What every kind has, then what some have, by name. The program comes last, so that regions which differ are soon told
// apart.
struct region {
  region_kind kind{};
  element real = element::f32;  // the precision of its arithmetic: f32 or f64
  // Axes by job, outermost first. Several row axes are flattened into one run of rows (the position axis outermost,
  // heads of a group fastest), several column or depth axes likewise.
  axis_list batch{}, rows{}, columns{}, depth{}, width{};
  static_list<operand, max_operands> operands{};
  static_list<output, max_outputs> outputs{};

  contraction tile{};
  static_list<term, max_terms> terms{};
  pair_values pair{};
  score_outputs score{};
  gradient_sums gradient{};
  row_lanes row{};
  scattered scatter{};

  program code{};
  fixed_array<const primitive_entry*, max_primitives> primitives{};  // as the plan's graph numbers them

  bool operator==(const region&) const = default;
};

// Does it read or add to a table by the distance of rows and columns?
constexpr bool has_distances(const region& r) {
  for (const term& t : r.terms)
    if (is_skewed(t)) return true;
  for (const sink& s : r.gradient.sinks)
    if (is_skewed(s.kind)) return true;
  return false;
}

constexpr bool reads_operand(const instruction& x) { return x.code == op::load || x.code == op::gather; }

// ---- Can the kernel of a region's kind compute all that its program holds? A plan that says otherwise is a mistake of
// the passes; a kernel would not notice and give wrong numbers.
constexpr bool operands_exist(const region& r) {
  for (const instruction& x : r.code)
    if (reads_operand(x) && (x.operand < 0 || x.operand >= r.operands.count)) return false;
  return true;
}
constexpr bool contracts(const region& r) { return r.tile.row_operand >= 0 && r.tile.column_operand >= 0; }
constexpr bool contracts_something(const region& r) { return contracts(r) || r.terms.count > 0; }
constexpr bool terms_exist(const region& r) {
  for (const term& t : r.terms)
    if (t.row_operand < 0 || t.column_operand < 0 || t.depth < 0) return false;
  for (const instruction& x : r.code)
    if (x.code == op::tile && (x.operand >= first_term + r.terms.count || (x.operand < 1 && !contracts(r))))
      return false;
  return true;
}
constexpr bool has_no_tile(const region& r) {
  for (const instruction& x : r.code)
    if (x.code == op::tile) return false;
  return true;
}
// Does it reduce along these axes alone, all of them at once?
constexpr bool reduces_only_along(const region& r, axis_set axes) {
  for (const instruction& x : r.code)
    if (is_reduction(x.code) && (!axes || x.over != axes)) return false;
  return true;
}
// Are its columns visited from the last to the first?
constexpr bool falls(const region& r) { return r.kind == region_kind::score || r.gradient.falling; }
// Does it hold no running sum, or a row region a single one, along its columns, that no reduction is made of, or a
// score some from its last column on, or a score-gradient region some along its columns? (Loops take any.)
constexpr bool running_sums_fit(const region& r) {
  if (r.kind == region_kind::loop) return true;
  const bool over_pairs = r.kind == region_kind::score || r.kind == region_kind::score_gradient;
  fixed_array<bool, program::capacity> behind{};  // it, and what is made of it
  int count = 0;
  for (int i = 1; i < r.code.size; ++i) {
    const instruction& x = r.code[i];
    behind[i] = x.code == op::running_sum || behind[x.a] || behind[x.b] || behind[x.c];
    if (is_reduction(x.code) && behind[i]) return false;
    if (x.code != op::running_sum) continue;
    if (x.over != set_of(r.columns) || ++count > (over_pairs ? max_running_sums : 1)) return false;
    if (r.kind != region_kind::row && !over_pairs) return false;
    if (r.kind == region_kind::score && x.value == 0) return false;
  }
  return true;
}
// Are the differences that sinks weigh those of a contraction, whose rows lie in lanes without a factor?
constexpr bool differences_exist(const region& r) {
  for (const sink& s : r.gradient.sinks) {
    if (s.own < 0) continue;
    const bool into_rows = s.kind == sink_kind::row_product;
    const int row = into_rows ? s.own : s.other, column = into_rows ? s.other : s.own;
    const auto is_of = [&](const auto& x) {
      return x.kind == s.slope && x.row_operand == row && x.column_operand == column;
    };
    bool exists = is_of(r.tile) && !r.pair.scale;
    for (const term& t : r.terms) exists = exists || (is_of(t) && !t.scale);
    if (!exists) return false;
  }
  return true;
}
// A result that varies along what its output lacks would be written again and again.
constexpr bool results_fit(const region& r) {
  for (const output& x : r.outputs)
    if (r.code[x.result].axes & ~x.axes) return false;
  return true;
}
constexpr bool computable(const region& r) {
  if (!operands_exist(r) || !running_sums_fit(r)) return false;
  switch (r.kind) {
    case region_kind::score:
      return contracts_something(r) && terms_exist(r) && reduces_only_along(r, 0) &&
             (r.score.weighted < 0 || r.score.values >= 0);
    case region_kind::score_gradient:
      return contracts_something(r) && terms_exist(r) && differences_exist(r) && reduces_only_along(r, 0) &&
             (r.gradient.log_sum_exp >= 0) == (r.pair.score != 0) && r.gradient.sinks.count == r.outputs.count;
    case region_kind::matmul: return contracts(r) && r.terms.count == 0 && reduces_only_along(r, 0) && results_fit(r);
    case region_kind::row: return has_no_tile(r) && reduces_only_along(r, set_of(r.columns)) && results_fit(r);
    case region_kind::loop: return has_no_tile(r) && (r.scatter.index || results_fit(r));
    case region_kind::scatter: return has_no_tile(r) && reduces_only_along(r, 0) && r.scatter.index;
  }
  return false;
}

}  // namespace heed::internal::plan
