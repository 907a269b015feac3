// Writes a score region: the score in units of log2 at each pair, its mask, and what comes out of the softmax. What it
// says of pairs serves score-gradient regions as well.
#pragma once
#include "../facts/score_match.hpp"
#include "../facts/uses.hpp"
#include "../facts/walk.hpp"
#include "fold.hpp"
#include "lower_values.hpp"

namespace heed::internal::plan {

// Values that are computed beside a score at the same pairs.
using values_beside = fixed_array<node_id, 2 * max_outputs + 1>;

// What a score, and what is computed beside it, makes of its rows and of one of its contractions.
struct score_look {
  axis_set positions{};  // row axes that it looks at as indices
  node_id tile_user{};   // the last node found that computes with the contraction, and how often that happens
  int tile_uses = 0;
};
constexpr score_look look_at_score(const value_writer& to, node_id score, const values_beside& others, node_id tile) {
  score_look found;
  node_stack open;
  open.push(score);
  for (const node_id i : others) open.push(i);
  walk(to.nodes, open, [&](node_id i, const node& x) {
    if (i == to.tile || to.known[i].value) return step::skip;
    if (x.code == op::gather) return step::index_only;
    if (to.operand_of(i) >= 0) return step::skip;
    if (x.code == op::index) found.positions |= x.axes & to.row_axes;
    for (const node_id j : {x.a, x.b, x.c})
      if (j == tile) ++found.tile_uses, found.tile_user = i;
    return step::descend;
  });
  return found;
}

// Is a value compared with a k-th largest of it, so that its bits have to be those that another region finds?
constexpr bool is_ranked(const value_writer& to, node_id i) {
  if (!to.decides(i)) return false;
  for (int j = 1; j < to.nodes.size; ++j)
    if (to.nodes[j].code == op::kth_largest) return true;
  return false;
}
// If the only use of a contraction multiplies it by something uniform, its row operand takes the factor: an
// instruction, 0 if there is none.
constexpr instruction_id factor_of_tile(value_writer& to, const score_look& found, node_id tile) {
  const node& user = to.nodes[found.tile_user];
  // mutants: factor_of_what_is_ranked
  if (found.tile_uses != 1 || user.code != op::multiply || is_ranked(to, found.tile_user)) return 0;
  if (to.nodes[tile].code != op::dot) return 0;  // a factor of a row is none of its differences
  const node_id other = user.a == tile ? user.b : user.a;
  if (other == tile || (to.nodes[other].axes & (to.row_axes | to.column_axes))) return 0;
  const kept_value factor = to.value_of(other);
  return factor.keep ? instruction_id(0) : to.real(factor.value);
}

constexpr instruction_id tile_of(value_writer& to, int number, node_id i) {
  return to.emit(
      instruction{.code = op::tile, .type = element::real, .operand = std::int16_t(number), .axes = to.nodes[i].axes});
}
// The first contraction, if it is none of the terms.
constexpr void write_first_contraction(value_writer& to, const auto& match) {
  if (match.terms.have(match.tile)) return;
  to.tile = match.tile, to.loops.tile = {to.operand_of(match.x), to.operand_of(match.w), kind_of(to.nodes[match.tile])};
  to.loops.depth.add(match.depth);
}
// Each contraction beside the first as a tile of its own.
constexpr void write_terms(value_writer& to, const further_contractions& terms) {
  for (const pair_contraction& c : terms) {
    to.known[c.tile] = {tile_of(to, first_term + to.loops.terms.count, c.tile), 0};
    const instruction_id index = c.index ? to.value_of(c.index).value : instruction_id(0);
    to.loops.terms.add({to.operand_of(c.x), to.operand_of(c.w), c.depth, 0, index, c.table, kind_of(to.nodes[c.tile])});
  }
}
// factor * (a + b), where contractions are in both, as factor * a + factor * b: their row operands take it for nothing.
constexpr node_id distributed(value_writer& to, node_id i) {
  graph& g = to.nodes;
  const node x = g[i];
  if (x.code == op::mask) return make(g, op::mask, x.type, distributed(to, x.a), x.b);
  if (x.code == op::add || x.code == op::subtract) {
    const node_id a = distributed(to, x.a);
    return make(g, x.code, x.type, a, distributed(to, x.b));
  }
  if (x.code != op::multiply || (g[x.a].axes & (to.row_axes | to.column_axes))) return i;
  const node_id sum = distributed(to, x.b);
  const node y = g[sum];
  if (y.code != op::add && y.code != op::subtract) return i;
  const node_id a = make(g, op::multiply, x.type, x.a, y.a);
  return distributed(to, make(g, y.code, x.type, a, make(g, op::multiply, x.type, x.a, y.b)));
}

// The condition that alone says where a score with running sums is absent; 0: there are none, or it is not that simple.
constexpr node_id only_condition(const value_writer& to, node_id score) {
  node_id keep = 0;
  bool runs = false, simple = true;
  walk(to.nodes, {score}, [&](node_id i, const node& x) {
    if (i == to.tile || to.known[i].value || to.operand_of(i) >= 0) return step::skip;
    if (x.code == op::running_sum) return runs = true, step::skip;
    simple = simple && x.code != op::where && x.code != op::present && (x.code != op::mask || !keep || keep == x.b);
    if (x.code == op::mask) keep = x.b;
    return within_program(x);
  });
  return runs && simple ? keep : node_id(0);
}

// The rows, positions outermost, first that of distances if there is one; the factors of the row operands; score and
// mask.
constexpr void write_pairs(value_writer& to, node_id queries, const further_contractions& terms,
                           const values_beside& others, int position, bool softmax = true) {
  const double log2_e = 1.4426950408889634074;
  node_id score = 0;
  if (softmax) score = scaled(to.nodes, terms.count ? distributed(to, to.outlined.core) : to.outlined.core, log2_e);
  for (int k = 0; k < terms.count; ++k) {
    const node_id tile = terms[k].tile;
    const score_look found = look_at_score(to, score, others, tile);
    if (const instruction_id factor = factor_of_tile(to, found, tile))
      to.loops.terms[k].scale = factor, to.known[found.tile_user] = to.known[tile];
  }
  const score_look found = look_at_score(to, score, others, to.tile);
  const axis_set positions = found.positions ? found.positions : to.row_axes & runtime_axes(to.nodes);
  if (position >= 0) to.loops.rows.add(position);
  for (const axis_set some : {to.row_axes & positions, to.row_axes & ~positions})
    to.list_axes(to.loops.rows, some & ~set_of(to.loops.rows), to.plan.orders[queries]);
  if (const instruction_id factor = to.tile ? factor_of_tile(to, found, to.tile) : instruction_id(0))
    to.loops.pair.scale = factor, to.tile = found.tile_user;
  if (!softmax) return;
  if (const node_id keep = only_condition(to, score)) {  // what running sums add up need not leave it out once more
    const kept_value known = to.value_of(keep);
    to.loops.pair.keep = to.both(known.keep, known.value);
  }
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
  to.row_axes = m.rows, to.column_axes = bit(column);
  to.list_axes(loops.batch, m.batch, to.plan.orders[product ? product : outlined.core]);
  loops.columns.add(column);
  if (m.width >= 0) loops.width.add(m.width);
  write_first_contraction(to, m);
  if (values) loops.score.values = to.operand_of(values);
  loops.score.keys_staged = staged_buffer(to.plan, outlined, loops.tile.column_operand) >= 0;
  loops.score.values_staged = staged_buffer(to.plan, outlined, loops.score.values) >= 0;

  write_terms(to, m.terms);
  write_pairs(to, m.x, m.terms, {}, m.position);
  score_outputs& outputs = loops.score;
  for (int k = 0; k < outlined.write_count; ++k) {
    const node_id i = outlined.writes[k].value;
    (i == product ? outputs.weighted : g[i].code == op::logsumexp ? outputs.log_sum_exp : outputs.maximum) = k;
    to.add_output(i, 0);
  }
}

}  // namespace heed::internal::plan
