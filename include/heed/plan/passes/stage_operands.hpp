// Finds keys and values that need not be stored: what a row region makes for one score region alone. That region may
// run it in pieces, wherever it reads a chunk of keys, into memory of the thread (run/score/score_staging.hpp). Whether
// it does is decided when a call is made, by how often that would be (call/locate.hpp).
#pragma once
#include "arrange.hpp"
#include "lower_precision.hpp"
#include "lower_row.hpp"
#include "lower_score.hpp"

namespace heed::internal::plan {

// What a score region reads of its own loops: its match and its values.
struct staging_reader {
  score_match match{};
  node_id values{};
  bool has_keys = false;  // contracted as they are, not at a distance
};
constexpr staging_reader reader_of(const graph& g, const outline& score) {
  staging_reader r;
  r.values = weighted_output_of(g, score).values;
  r.match = match_score(g, score.core, r.values, only_axis(g[score.writes[0].value].over));
  r.has_keys = r.match.ok() && !r.match.terms.have(r.match.tile);
  return r;
}
// The axis along which a value that the region reads has its elements side by side: the depth of keys, the width of
// values; -1: it reads it as something else, or as something else besides.
constexpr int inner_axis(const graph& g, const outline& score, const staging_reader& by, node_id i) {
  const score_match& m = by.match;
  const bool keys = by.has_keys && i == m.w, values = i == by.values;
  if (!m.ok() || (!keys && !values) || i == m.x || (keys && values && m.depth != m.width)) return -1;
  node_stack open;
  open.push(score.core);
  for (const pair_contraction& c : m.terms) {
    if (i == c.x || i == c.w) return -1;
    open.push(c.index);
  }
  const bool elsewhere = walk(g, open, [&](node_id j, const node& x) {
    if (j == i || (x.code == op::gather && x.a == i)) return step::stop;
    if (m.gives(j)) return step::skip;
    return m.adds_up(x) ? step::descend : within_program(x);
  });
  return elsewhere ? -1 : keys ? m.depth : m.width;
}

// The only region that writes a buffer; -1: there are several.
constexpr int writer_of(const execution_plan& plan, int buffer) {
  int writer = -1;
  for (int i = 0; i < plan.region_count; ++i)
    for (int k = 0; k < plan.regions[i].write_count; ++k)
      if (plan.regions[i].writes[k].into == buffer) {
        if (writer >= 0) return -1;
        writer = i;
      }
  return writer;
}
constexpr int reads_of(const execution_plan& plan, const buffer_numbers& home, int buffer) {
  int count = 0;
  for (int i = 0; i < plan.region_count; ++i)
    for (int k = 0; k < plan.regions[i].read_count; ++k)
      count += buffer_of(plan, home, plan.regions[i].reads[k]) == buffer;
  return count;
}
// Does a row region make its value in rows along the inner axis, each of what lies at one key and one item?
constexpr bool makes_rows(const execution_plan& plan, const outline& row, axis_set outer) {
  if (row.kind != region_kind::row || row.write_count != 1) return false;
  const graph& g = plan.g;
  const node_id root = row.writes[0].value;
  if (outer & ~g[root].axes) return false;
  if (row.core && (g[row.core].code == op::running_sum || (g[row.core].over & outer))) return false;
  return !(bit(fastest_axis(plan.orders[root])) & outer);
}
inline constexpr int most_cheap_operations = 8;
// Does it cost a few instructions an element: no reduction, no function that takes many, nothing that reads element by
// element?
constexpr bool is_cheap(const graph& g, const outline& row, axis_set outer) {
  if (row.core) return false;
  int count = 0;
  return !walk(g, {row.writes[0].value}, [&](node_id i, const node& x) {
    for (int k = 0; k < row.read_count; ++k)
      if (row.reads[k] == i) return step::skip;
    if (x.code == op::gather) return g[x.b].axes & ~outer ? step::stop : step::index_only;
    if (x.code == op::concat || x.code == op::shift) return bit(x.first) & outer ? step::skip : step::stop;
    if (is_leaf(x.code)) return step::skip;
    const bool costly = facts_of(x.code).costly || x.code == op::divide || x.code == op::power ||
                        x.code == op::floor_divide || x.code == op::remainder || x.code == op::primitive ||
                        x.code == op::random_uniform || x.code == op::random_key || !is_pointwise(x.code);
    return costly || ++count > most_cheap_operations ? step::stop : step::descend;
  });
}

constexpr void stage_operand(execution_plan& plan, const buffer_numbers& home, int number, node_id i) {
  const int b = buffer_of(plan, home, i);
  if (b < 0 || plan.buffers[b].value != i || plan.buffers[b].result >= 0) return;
  const int writer = writer_of(plan, b);
  if (writer < 0 || plan.regions[writer].kind != region_kind::row || reads_of(plan, home, b) != 1) return;
  const graph& g = plan.g;
  const outline& score = plan.regions[number];
  const staging_reader by = reader_of(g, score);
  const int inner = inner_axis(g, score, by, i);
  const axis_list& order = plan.buffers[b].order;
  if (inner < 0 || order.count < 2 || order[order.count - 1] != inner) return;
  const axis_set outer = g[i].axes & ~bit(inner);
  if (!makes_rows(plan, plan.regions[writer], outer) || stored(g[i].type) != precision_of(g, score)) return;
  plan.buffers[b].staged = {.by = std::int16_t(number + 1),
                            .column = std::int8_t(by.match.column),
                            .cheap = is_cheap(g, plan.regions[writer], outer),
                            .item = outer & ~bit(by.match.column),
                            .again = by.match.batch & ~outer,
                            .rows = by.match.rows};
  for (int k = 0; k < plan.regions[writer].read_count; ++k)  // what it is made of is read there
    if (const int from = buffer_of(plan, home, plan.regions[writer].reads[k]); from >= 0)
      if (plan.buffers[from].last < number) plan.buffers[from].last = std::int16_t(number);
}
constexpr void stage_operands(execution_plan& plan, const buffer_numbers& home) {
  for (int i = 0; i < plan.region_count; ++i)
    for (int k = 0; plan.regions[i].kind == region_kind::score && k < plan.regions[i].read_count; ++k)
      stage_operand(plan, home, i, plan.regions[i].reads[k]);
}

}  // namespace heed::internal::plan
