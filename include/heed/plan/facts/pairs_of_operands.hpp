// Values over pairs of positions that an operand of the caller's lies over anyway, as a bias projected from a
// representation of pairs (Jumper et al. 2021, triangle attention): they grow no faster than that operand, so that they
// are stored, and read by a score as an operand would be.
#pragma once
#include "walk.hpp"

namespace heed::internal::plan {

constexpr axis_set runtime_axes(const graph& g) {
  axis_set r = 0;
  for (int i = 0; i < g.axis_count; ++i)
    if (g.extent(i) == runtime) r |= bit(i);
  return r;
}

// Is i made, step by step, of an input that has all of the axes in question, so that no step brings pairs together?
// `counted`: axes by which memory grows; behind a view that changes a name they have the other one.
constexpr bool grows_like_an_input(const graph& g, node_id i, axis_set counted) {
  for (; is_view(g[i].code); i = g[i].a) {
    const node& x = g[i];
    if (x.code == op::rename && (counted & bit(x.second))) counted = (counted & ~bit(x.second)) | bit(x.first);
  }
  const axis_set own = g[i].axes & counted;
  return walk(g, {i}, [&](node_id j, const node& x) {
    if (own & ~x.axes) return step::skip;
    if (is_view(x.code)) return grows_like_an_input(g, j, counted) ? step::stop : step::skip;
    return x.code == op::input ? step::stop : step::descend;
  });
}
// May i, a value over pairs of rows and a column, be read where it lies? An input may, and what is made of one over the
// same pairs, of heads of its own perhaps: as many as a static extent says, or as many as weights have.
constexpr bool lies_over_pairs_of_an_input(const graph& g, node_id i, axis_set rows, int column) {
  const node& x = g[i];
  axis_set counted = runtime_axes(g);
  if (contracts(x.code)) {
    const bool first = g[x.a].axes & bit(column);
    const axis_set pairs = g[first ? x.a : x.b].axes, others = g[first ? x.b : x.a].axes;
    rows &= pairs;
    if (!(others & pairs & ~x.over)) counted &= ~(others & ~pairs);  // weights
  }
  return rows && grows_like_an_input(g, i, counted | rows | bit(column));
}

// Do some pairs, which memory may hold, meet another value over the same pairs in a product, or one that leaves the
// pairs as they are? Then that is a product of two values in memory, and no sum out of a loop over pairs.
constexpr bool is_product_of_stored_pairs(const graph& g, axis_set pairs, const node& product, node_id other) {
  return product.code == op::dot && count_of(pairs) > 1 && (!(pairs & ~g[other].axes) || !(pairs & ~product.axes));
}

}  // namespace heed::internal::plan
