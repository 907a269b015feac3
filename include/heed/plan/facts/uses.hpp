// Who uses what: the last user of every node, and for every contraction or reduction the farthest pointwise value that
// it alone feeds (its summit): the value worth storing in its place, because everything on the way fuses into its
// region.
#pragma once
#include "../../graph/summed_distance.hpp"
#include "comparisons.hpp"
#include "nodes.hpp"
#include "pairs_of_operands.hpp"

namespace heed::internal::plan {

struct uses {
  node_marks decides{};  // see deciding
  comparisons compared{};
  node_flags used{};  // needed by some result
  node_flags result{};
  fixed_array<node_id, graph::capacity> last{};   // the last user; results are used to the end
  fixed_array<node_id, graph::capacity> below{};  // the contraction or reduction that a node is the summit of; 0: none
  node_flags absent{};                            // part of it may be absent: never read back from memory
  node_flags pairwise{};    // a contraction over pairs of positions, and what is computed from one at the same pairs
  node_flags unstorable{};  // over pairs of positions that neither an operand nor a result lies over
};

// A dot, or a distance, with rows or columns of its own, nothing absent in it.
constexpr bool is_contraction(const graph& g, const node& x) {
  const auto differs = [&](node_id i) {  // also where it is 0 at what a mask leaves out
    const node& y = g[i];
    if (y.code == op::where && is_constant(g, y.c, 0)) i = y.b;
    else if (y.code == op::present && g[y.a].code == op::mask) i = g[y.a].a;
    return is_difference(g, i);
  };
  if (!contracts(x.code) || differs(x.a) || differs(x.b)) return false;
  if (g[x.a].code == op::mask || g[x.b].code == op::mask) return false;
  const axis_set a = g[x.a].axes, b = g[x.b].axes;
  return (a & ~b) || (b & ~a);
}
constexpr bool is_heavy(op o) { return contracts(o) || is_reduction(o) || o == op::softmax || o == op::running_sum; }

// The only node that uses i; 0: none does, or several do.
constexpr node_id sole_user(const graph& g, const uses& uses, node_id i) {
  node_id user = 0;
  for (int j = i + 1; j <= uses.last[i] && j < g.size; ++j) {
    if (!uses.used[j] || !(g[j].a == i || g[j].b == i || g[j].c == i)) continue;
    if (user) return 0;
    user = node_id(j);
  }
  return user;
}

// The farthest pointwise value that `from` alone feeds, and what lies on the way to it, both ends included.
struct epilogue {
  node_id summit{};
  node_flags reached{};  // of the nodes from `from` to the summit; behind it they say nothing
};
constexpr epilogue epilogue_of(const graph& g, const uses& uses, const node_flags& owned, node_id from) {
  epilogue way{.summit = from};
  way.reached[from] = true;
  if (uses.result[from]) return way;
  int open = uses.last[from];  // the last user of what has been reached so far
  for (int j = from + 1; j <= open && j < g.size; ++j) {
    const node& x = g[j];
    if (!uses.used[j] || !(way.reached[x.a] || way.reached[x.b] || way.reached[x.c])) continue;
    if (!is_pointwise(x.code) || uses.absent[j] || x.axes != g[from].axes || owned[j] || !is_real(x.type)) break;
    way.reached[j] = true;
    if (open <= j) way.summit = node_id(j);
    if (uses.result[j]) break;
    if (uses.last[j] > open) open = uses.last[j];
  }
  return way;
}

constexpr void find_last_users(const graph& g, uses& uses) {
  for (int i = g.size - 1; i > 0; --i) {
    if (!uses.used[i]) continue;
    for (const node_id j : {g[i].a, g[i].b, g[i].c})
      if (j && uses.last[j] < i) uses.last[j] = node_id(i);
  }
}
constexpr void find_absent(const graph& g, uses& uses) {
  for (int i = 1; i < g.size; ++i) {
    const node& x = g[i];
    const bool any = uses.absent[x.a] || uses.absent[x.b] || uses.absent[x.c];
    uses.absent[i] = x.code == op::mask || (any && is_pointwise(x.code) && x.code != op::present);
  }
}
// From the last to the first. What lies on the way from a contraction to its summit is nobody else's epilogue: one
// region computes it, on one tile. Weighted values are their own summit: they come out of a score region, or of a loop.
constexpr void find_summits(const graph& g, uses& uses) {
  node_flags owned{};
  for (int i = g.size - 1; i > 0; --i) {
    const node& x = g[i];
    if (!uses.used[i] || !is_heavy(x.code)) continue;
    if (weighted(g, node_id(i)).weights) {
      uses.below[i] = node_id(i);
      continue;
    }
    const epilogue way = epilogue_of(g, uses, owned, node_id(i));
    uses.below[way.summit] = node_id(i);
    if (!is_contraction(g, x)) continue;
    for (int j = i; j <= way.summit; ++j) owned[j] = owned[j] || way.reached[j];
  }
}
constexpr void find_pairs(const graph& g, uses& uses) {
  const memory_of_the_call memory(g, uses.used, uses.result);
  for (int i = 1; i < g.size; ++i) {
    const node& x = g[i];
    uses.unstorable[i] = !is_leaf(x.code) && memory.grows_faster(x.axes);
    bool pairs = uses.unstorable[i] && uses.used[i] && is_contraction(g, x);
    for (const node_id j : {x.a, x.b, x.c}) pairs = pairs || (uses.pairwise[j] && (g[j].axes & ~x.axes) == 0);
    uses.pairwise[i] = pairs;
  }
}

template <std::size_t N>
constexpr uses uses_of(const graph& g, const fixed_array<node_id, N>& roots, int count) {
  uses found;
  found.used = reachable(g, roots, count);
  find_last_users(g, found);
  for (int i = 0; i < count; ++i) {
    found.result[roots[i]] = true;
    found.last[roots[i]] = node_id(g.size);
  }
  find_absent(g, found);
  find_summits(g, found);
  find_pairs(g, found);
  found.decides = deciding(g);
  found.compared = comparisons(g, found.used);
  return found;
}

}  // namespace heed::internal::plan
