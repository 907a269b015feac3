// Contractions of rows and columns over several axes at once, which no score region takes, as contractions over one
// that these are merged to: scores of queries and keys with two widths, and on the way back through weights that a
// batch of values shares the sum over batch and width. Values of the same axes are then merged alike, wherever such
// weights meet them, so that one region gives all. Distances over several axes (of points in space, summed over points
// and coordinates: Jumper et al. 2021, invariant point attention) become distances over one.
#pragma once
#include "rewriting.hpp"
#include "summed_distance.hpp"

namespace heed::internal {

constexpr bool normalises(const node& x) { return x.code == op::softmax || x.code == op::logsumexp; }

// A distance of positions over several axes.
constexpr bool is_wide_distance(const graph& g, const node& x) {
  if ((x.code != op::sum && x.code != op::mean) || std::popcount(x.over) < 2) return false;
  const node& of = g[summed_distance_over_any_axes(g, x).of];
  const axis_set a = g[of.a].axes, b = g[of.b].axes;
  return pairs_of_graph::positions(g, a & ~b) && pairs_of_graph::positions(g, b & ~a);
}

class axes_joiner : rewriting {
 public:
  constexpr explicit axes_joiner(const merged_graph& graph_) : rewriting(graph_) { find_joined(); }
  constexpr merged_graph run() {
    return rewritten_by([&](const node& x, axis_set) {
      if (is_wide_distance(g, x)) return present.of(g, x.a) ? node_id(0) : joined_distance(x);
      if (x.code != op::dot || present.of(g, x.a) || present.of(g, x.b)) return node_id(0);
      const node_id r = sums_joined(x) ? contraction(x) : with_wide_values(x);
      return r && g[r].axes == x.axes ? r : node_id(0);
    });
  }

 private:
  fixed_array<axis_set, max_axes> normalised{};  // the pairs of softmaxes
  int normalised_count = 0;
  fixed_array<axis_set, max_axes> joined{};  // which axes become one
  int joined_count = 0;

  constexpr void find_joined() {
    pairs_of_graph declared_pairs;
    declared_pairs.extend(before);
    for (int i = 1; i < before.size; ++i)
      if (const axis_set of = declared_pairs.of[before[i].a]; normalises(before[i]) && of)
        add_once(normalised, normalised_count, of);
    for (int i = 1; i < before.size; ++i)
      if (is_joined(before, declared_pairs, before[i])) add_once(joined, joined_count, before[i].over);
  }
  static constexpr void add_once(fixed_array<axis_set, max_axes>& list, int& count, axis_set axes) {
    for (int i = 0; i < count; ++i)
      if (list[i] == axes) return;
    if (count < max_axes) list[count++] = axes;
  }
  // A contraction over several axes, at the pairs of a softmax, which lie in no memory.
  constexpr bool is_joined(const graph& of, const pairs_of_graph& pairs_there, const node& x) const {
    if (x.code != op::dot || std::popcount(x.over) < 2 || pairs_there.of[x.a] || pairs_there.of[x.b]) return false;
    const axis_set a = pairs_of_graph::positions(of, of[x.a].axes & ~of[x.b].axes),
                   b = pairs_of_graph::positions(of, of[x.b].axes & ~of[x.a].axes);
    if (!a || !b || lie_in_memory(a, b)) return false;
    for (int i = 0; i < normalised_count; ++i)
      if ((normalised[i] & a) && (normalised[i] & b)) return true;
    return false;
  }
  // Of all that is summed over such axes, rows alone too.
  constexpr bool sums_joined(const node& x) const {
    if (pairs.of[x.a] || pairs.of[x.b] || (x.over & ~(g[x.a].axes & g[x.b].axes))) return false;
    for (int i = 0; i < joined_count; ++i)
      if (joined[i] == x.over) return true;
    return false;
  }
  // Those whose extents are known run fastest.
  constexpr merging as_one(axis_set axes) {
    const axis_set unknown = pairs_of_graph::positions(g, axes);
    return all_as_one(unknown, axes & ~unknown);
  }
  constexpr node_id contraction(const node& x) {
    const merging all = as_one(x.over);
    if (!all.count) return 0;
    const node_id a = merged(x.a, all), b = merged(x.b, all);
    return add_dot(g, x.type, a, b, axis_bit(all.whole[all.count - 1]));
  }
  constexpr node_id joined_distance(const node& x) {
    const merging all = as_one(x.over);
    if (!all.count) return 0;
    summed_distance found = summed_distance_over_any_axes(g, x);
    const node of = g[found.of];
    const auto apply = [&](op o, node_id a, node_id b) { return add_pointwise(g, o, x.type, a, b); };
    const node_id a = merged(of.a, all), b = merged(of.b, all), difference = add_pointwise(g, of.code, of.type, a, b);
    const node_id each =
        found.power == 2 ? apply(op::multiply, difference, difference) : add_pointwise(g, op::abs, of.type, difference);
    node_id r = add_reduction(g, op::sum, x.type, each, axis_bit(all.whole[all.count - 1]));
    divide_by_count(g, x, found);
    if (found.factor != 1) r = apply(op::multiply, g.add_constant(found.factor), r);
    for (const node_id one : found.factors) r = apply(op::multiply, one, r);
    for (const node_id one : found.divisors) r = apply(op::divide, r, one);
    return g[r].axes == x.axes ? r : node_id(0);
  }
  // What is summed with weights, or with what is computed from them, over one of their positions.
  constexpr node_id with_wide_values(const node& x) {
    for (const bool left : {true, false}) {
      const node_id weights = left ? x.a : x.b, values = left ? x.b : x.a;
      if (!(pairs.of[weights] & x.over) || pairs.of[values]) continue;
      const axis_set own = g[values].axes & ~g[weights].axes & ~x.over;
      for (int i = 0; i < joined_count; ++i) {
        if (joined[i] != own) continue;
        const merging all = as_one(own);
        if (!all.count) return 0;
        const node_id wide = merged(values, all);
        return split_up(add_dot(g, x.type, left ? weights : wide, left ? wide : weights, x.over), all);
      }
    }
    return 0;
  }
};

// May there be something to join? It is asked of every graph.
constexpr bool may_join_axes(const graph& g) {
  bool any = false;
  for (int i = 1; i < g.size; ++i) any = any || normalises(g[i]);
  for (int i = 1; i < g.size; ++i) {
    const node& x = g[i];
    if (is_wide_distance(g, x)) return true;
    if (!any || x.code != op::dot || std::popcount(x.over) < 2) continue;
    if (pairs_of_graph::positions(g, g[x.a].axes & ~g[x.b].axes) &&
        pairs_of_graph::positions(g, g[x.b].axes & ~g[x.a].axes))
      return true;
  }
  return false;
}
constexpr merged_graph with_joined_axes(const merged_graph& declared) { return axes_joiner(declared).run(); }

}  // namespace heed::internal
