// Writes a score region: the score in units of log2 at each pair, its mask, and what comes out of the softmax. What it
// says of pairs serves score-gradient regions as well.
#pragma once
#include "../facts/score_match.hpp"
#include "../facts/uses.hpp"
#include "../facts/walk.hpp"
#include "fold.hpp"
#include "lower_values.hpp"

namespace heed::internal::plan {

// What a score makes of its tile and of its rows, seen by walking down from it.
struct score_look {
  axis_set positions{};  // row axes that it looks at as indices
  node_id tile_user{};   // the last node found that computes with the tile, and how often that happens
  int tile_uses = 0;
};
constexpr score_look look_at_score(const value_writer& to, node_stack& open) {
  score_look found;
  walk(to.nodes, open, [&](node_id i, const node& x) {
    if (i == to.tile || to.known[i].value) return step::skip;
    if (x.code == op::gather) return step::index_only;
    if (to.operand_of(i) >= 0) return step::skip;
    if (x.code == op::index) found.positions |= x.axes & to.row_axes;
    for (const node_id j : {x.a, x.b, x.c})
      if (j == to.tile) ++found.tile_uses, found.tile_user = i;
    return step::descend;
  });
  return found;
}

// If the tile's only use multiplies it by something uniform, the queries take the factor.
constexpr void fold_scale(value_writer& to, const score_look& found) {
  const node& user = to.nodes[found.tile_user];
  if (found.tile_uses != 1 || user.code != op::multiply) return;
  const node_id other = user.a == to.tile ? user.b : user.a;
  if (other == to.tile || (to.nodes[other].axes & (to.row_axes | to.column_axes))) return;
  const kept_value factor = to.value_of(other);
  if (!factor.keep) to.loops.pair.scale = to.real(factor.value), to.tile = found.tile_user;
}

// The rows, positions outermost; the factor of the queries; score and mask. `others`: values that are computed beside
// the score at the same pairs.
constexpr void write_pairs(value_writer& to, node_id queries, const fixed_array<node_id, 2 * max_outputs + 1>& others,
                           bool softmax = true) {
  const double log2_e = 1.4426950408889634074;
  const node_id score = softmax ? scaled(to.nodes, to.outlined.core, log2_e) : node_id(0);
  node_stack open;
  open.push(score);
  for (const node_id i : others) open.push(i);
  const score_look found = look_at_score(to, open);
  const axis_set positions = found.positions ? found.positions : to.row_axes & runtime_axes(to.nodes);
  to.list_axes(to.loops.rows, to.row_axes & positions, to.plan.orders[queries]);
  to.list_axes(to.loops.rows, to.row_axes & ~positions, to.plan.orders[queries]);
  fold_scale(to, found);
  if (!softmax) return;
  const kept_value v = to.value_of(score);
  to.loops.pair.score = to.real(v.value), to.loops.pair.keep = v.keep;
}

// The product with the weights, if the region gives one, and what it weights.
struct weighted_output {
  node_id product{}, values{};
};
constexpr weighted_output weighted_output_of(const graph& g, const outline& outlined) {
  weighted_output r;
  for (int k = 0; k < outlined.write_count; ++k)
    if (const weighted_values w = weighted(g, outlined.writes[k].value); w.weights)
      r = {outlined.writes[k].value, w.values};
  return r;
}
constexpr void write_score(value_writer& to) {
  const graph& g = to.plan.g;
  const outline& outlined = to.outlined;
  region& loops = to.loops;
  const auto [product, values] = weighted_output_of(g, outlined);
  const int column = only_axis(g[to.root].over);
  const score_match m = match_score(g, outlined.core, values, column);
  to.row_axes = m.rows, to.column_axes = bit(column), to.tile = m.tile;
  to.list_axes(loops.batch, m.batch, to.plan.orders[product ? product : outlined.core]);
  loops.columns.add(column), loops.depth.add(m.depth);
  if (m.width >= 0) loops.width.add(m.width);
  loops.tile = {to.operand_of(m.x), to.operand_of(m.w)};
  if (values) loops.score.values = to.operand_of(values);

  write_pairs(to, m.x, {});
  score_outputs& outputs = loops.score;
  for (int k = 0; k < outlined.write_count; ++k) {
    const node_id i = outlined.writes[k].value;
    (i == product ? outputs.weighted : g[i].code == op::logsumexp ? outputs.log_sum_exp : outputs.maximum) = k;
    to.add_output(i, 0);
  }
}

}  // namespace heed::internal::plan
