// Finds what key_axes.hpp makes one axis of: several axes under one softmax (logsumexp, max, min), or two that the
// graph merges itself above a score.
#pragma once
#include "../../graph/summed_distance.hpp"
#include "walk.hpp"

namespace heed::internal::plan {

// A score as far as the loops of one region compute it: calls f for each of its nodes, down to contractions, which are
// the last ones.
template <class F> constexpr void each_of_score(const graph& g, node_id score, axis_set keys, const F& f) {
  walk(g, {score}, [&](node_id i, const node& x) {
    if ((x.axes & keys) != keys) return step::skip;
    f(i);
    return within_program(x);
  });
}
// The row axes of a score: those of its contractions, and distances, that the keys lack.
constexpr axis_set rows_of_score(const graph& g, node_id score, axis_set keys) {
  axis_set rows = 0;
  each_of_score(g, score, keys, [&](node_id i) {
    const node_id distance = summed_distance_of(g, g[i]).of;
    const node& x = g[distance ? distance : i];
    if (x.code != op::dot && !distance) return;
    const axis_set a = g[x.a].axes, b = g[x.b].axes;
    if ((a & keys) == keys && !(b & keys)) rows |= b & ~a;
    if ((b & keys) == keys && !(a & keys)) rows |= a & ~b;
  });
  return rows;
}
// What is to be merged: several axes under one softmax, or two that the graph merges itself above a score, which then
// is computed along the merged axis (`whole`; -1: a new one).
struct axes_to_merge {
  axis_set keys{};
  int whole = -1, major = -1, minor = -1;
};
// The first of them, apart from axes that have been looked at. A maximum is taken axis by axis as well as at once where
// there is no contraction below it.
constexpr axes_to_merge several_axes(const graph& g, const node_flags& used, axis_set but) {
  for (int i = 1; i < g.size; ++i) {
    const node& x = g[i];
    const bool sums = x.code == op::softmax || x.code == op::logsumexp;
    if (!used[i] || (x.over & but) || !(sums || x.code == op::max || x.code == op::min)) continue;
    if (std::popcount(x.over) > 1) {
      if (sums || rows_of_score(g, x.a, x.over)) return {x.over};
      continue;
    }
    axes_to_merge found;
    each_of_score(g, x.a, x.over, [&](node_id j) {
      const node& y = g[j];
      if (y.code != op::merge || bit(y.first) != x.over) return;
      const axis_set keys = bit(y.second) | bit(y.third);
      if (!(keys & but) && rows_of_score(g, y.a, keys)) found = {keys, y.first, y.second, y.third};
    });
    if (found.keys) return found;
  }
  return {};
}
// Are there any? Looks at the nodes one by one before it walks.
template <std::size_t N>
constexpr bool has_several_axes(const graph& g, const fixed_array<node_id, N>& roots, int count) {
  axis_set along = 0, made = 0;
  bool several = false;
  for (int i = 1; i < g.size; ++i) {
    const node& x = g[i];
    if (x.code == op::merge) made |= bit(x.first);
    if (!x.over || x.code == op::dot || x.code == op::sum) continue;
    along |= x.over, several = several || (x.over & (x.over - 1));
  }
  return (several || (along & made)) && several_axes(g, reachable(g, roots, count), 0).keys != 0;
}

}  // namespace heed::internal::plan
