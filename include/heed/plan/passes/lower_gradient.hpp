// Writes a score-gradient region: the pairs of a score, the weights made again, and what is reduced out of them. What
// need not be done for each pair moves from the pairs to the outputs.
#pragma once
#include "lower_score.hpp"

namespace heed::internal::plan {

// A pairwise value as what has to be computed for each pair, and what the sum of it is multiplied by: a number, and a
// value of an item (an instruction; 0: none).
struct peeled_pair {
  node_id pair{};
  double factor = 1;
  instruction_id scale = 0;
};
// Is a value a contraction beside the first, with its factor?
constexpr bool is_scaled_term(const value_writer& to, node_id i) {
  const instruction& x = to.loops.code[to.known[i].value];
  return x.code == op::tile && x.operand >= first_term;
}
// Takes the outermost operation off a pairwise value, if that is done to all of a sum at once or for nothing:
// constants, signs and values that vary along `uniform` axes alone are multiplied with the sum, and what makes 0 of
// absent pairs is not needed where the region leaves those out. False if there is nothing to take off.
constexpr bool peel(value_writer& to, axis_set uniform, peeled_pair& from) {
  if (from.pair == to.tile || is_scaled_term(to, from.pair)) return false;  // the row operand has taken its factor
  const node x = to.nodes[from.pair];
  if (x.code == op::multiply && is_constant(to.nodes, x.a)) {
    from.factor *= to.nodes[x.a].value, from.pair = x.b;
    return true;
  }
  if (x.code == op::multiply && !(to.nodes[x.a].axes & ~uniform) && !to.value_of(x.a).keep) {
    const instruction_id factor = to.real(to.value_of(x.a).value);
    from.scale = from.scale ? to.emit(op::multiply, element::real, from.scale, factor) : factor, from.pair = x.b;
    return true;
  }
  if (x.code == op::negate) {
    from.factor = -from.factor, from.pair = x.a;
    return true;
  }
  if (to.is_idle_guard(x)) {
    from.pair = x.b;
    return true;
  }
  if ((x.code == op::mask && to.implied(to.value_of(x.b).value) && to.implied(to.value_of(x.b).keep)) ||
      (x.code == op::present && to.implied(to.value_of(x.a).keep))) {
    from.pair = x.a;
    return true;
  }
  return false;
}
constexpr peeled_pair peeled(value_writer& to, axis_set uniform, peeled_pair from) {
  while (peel(to, uniform, from)) {}
  return from;
}

constexpr void write_statistic(value_writer& to, const gradient_sink& from, sink made) {
  const node& x = to.nodes[from.core];
  made.statistic = x.code, made.told = x.value;
  made.rank = std::int16_t(from.index ? to.operand_of(from.index) : -1);
  const kept_value v = to.value_of(from.pair);
  made.pair = to.chosen(to.implied(v.keep) ? instruction_id(0) : v.keep, to.real(v.value),
                        -std::numeric_limits<double>::infinity());
  to.loops.gradient.sinks.add(made);
  to.add_output(from.root, 0);
}
constexpr void write_sink(value_writer& to, const gradient_match& m, const gradient_sink& from) {
  sink made{.kind = from.kind, .over = from.over};
  made.other = std::int16_t(from.other ? to.operand_of(from.other) : -1);
  made.own = std::int16_t(from.own ? to.operand_of(from.own) : -1), made.slope = from.slope;
  if (from.kind == sink_kind::row_statistic) return write_statistic(to, from, made);
  const peeled_pair rest = peeled(to, m.batch & ~from.over, {.pair = from.pair, .factor = from.factor});
  made.factor = rest.factor, made.scale = rest.scale;
  kept_value v = to.value_of(rest.pair);
  if (from.index) {  // where there is no index, nothing is added
    const kept_value index = to.value_of(from.index);
    made.index = index.value, made.table = std::int16_t(from.table);
    v.keep = to.both(v.keep, index.keep);
  }
  made.keep = to.implied(v.keep) ? instruction_id(0) : v.keep;
  made.pair = to.chosen(made.keep, to.real(v.value), 0);
  to.loops.gradient.sinks.add(made);
  to.add_output(from.root, 0);
}

// Axes by job, the two contractions as tiles, weights where there are any, the mask that all sinks share, the sinks.
constexpr void write_score_gradient(value_writer& to) {
  const gradient_match& m = to.plan.gradients[to.outlined.gradient];
  region& loops = to.loops;
  to.row_axes = m.rows, to.column_axes = bit(m.column);
  const std::uint64_t order = to.plan.orders[m.g ? m.g : m.x];
  to.list_axes(loops.batch, m.batch & ~m.serial, order);
  to.list_axes(loops.batch, m.serial, order);
  loops.gradient.serial_axes = count_of(m.serial), loops.gradient.falling = m.falling;
  loops.columns.add(m.column);
  write_first_contraction(to, m);
  loops.gradient.log_sum_exp = to.operand_of(m.log_sum_exp);
  if (m.product) {
    loops.gradient.cotangents = to.operand_of(m.g), loops.gradient.values = to.operand_of(m.v);
    loops.width.add(only_axis(to.nodes[m.product].over));
    to.known[m.product] = {tile_of(to, 1, m.product), 0};
  }
  if (m.weights) to.known[m.weights] = {tile_of(to, 2, m.weights), 0};
  values_beside pairs{};
  for (int k = 0; k < m.sink_count; ++k) pairs[2 * k] = m.sinks[k].pair, pairs[2 * k + 1] = m.sinks[k].index;
  pairs[2 * m.sink_count] = m.keep;
  write_terms(to, m.terms);
  write_pairs(to, m.x, m.terms, pairs, m.position, m.weights != 0);
  if (m.keep) {
    const kept_value keep = to.value_of(m.keep);
    loops.pair.keep = to.both(loops.pair.keep, to.both(keep.keep, keep.value));
  }
  for (int k = 0; k < m.sink_count; ++k) write_sink(to, m, m.sinks[k]);
}

}  // namespace heed::internal::plan
