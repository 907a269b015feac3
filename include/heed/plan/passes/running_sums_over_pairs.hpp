// Running sums over pairs of positions that no memory may hold: the sum over a second name of their axis, up to (from)
// each position. Whatever computes it stores nothing; it runs in loops, which take the sum of each pair by itself.
#pragma once
#include "../../graph/presence.hpp"
#include "../facts/uses.hpp"
#include "fold.hpp"

namespace heed::internal::plan {

// A value over pairs under another name of an axis: the name changes below whatever is computed at the pairs, so that
// none of it has to be stored.
struct renaming {
  graph& g;
  const memory_of_the_call& memory;
  int from, to;
  fixed_array<node_id, graph::capacity> done{};

  constexpr node_id operator()(node_id i) {
    const node x = g[i];
    if (!i || !(x.axes & axis_bit(from))) return i;
    if (!done[i]) done[i] = made(i, x);
    return done[i];
  }

 private:
  constexpr node_id made(node_id i, node x) {
    const axis_set axes = (x.axes & ~axis_bit(from)) | axis_bit(to);
    if (x.code == op::index) return add_index(g, to);
    if (is_pointwise(x.code) || x.code == op::mask) {
      const node_id a = (*this)(x.a), b = (*this)(x.b);
      return make(g, x.code, x.type, a, b, (*this)(x.c), x.value);
    }
    const bool at_pairs = is_heavy(x.code) && memory.grows_faster(x.axes);
    const bool at_index = x.code == op::gather && !(g[x.a].axes & axis_bit(from));
    if (!at_pairs && !at_index) return add_moved(g, op::rename, i, axes, from, to);
    x.a = (*this)(x.a), x.b = (*this)(x.b), x.axes = axes, x.hash = 0;
    if (x.over & axis_bit(from)) x.over = (x.over & ~axis_bit(from)) | axis_bit(to);
    return g.add(x);
  }
};

// m', or with as many primes as it takes; of a long name, its beginning.
constexpr label second_name(const graph& g, const label& name) {
  for (int primes = 1;; ++primes) {
    char s[label_capacity + 1]{};
    int n = 0;
    for (; n < length_of(name) && n < int(label_capacity) - primes; ++n)
      s[n] = char(name.word[n / 8] >> (8 * (n % 8)) & 255);
    for (int i = 0; i < primes; ++i) s[n++] = '\'';
    if (g.find_axis(make_label(s)) < 0) return make_label(s);
  }
}
// What a running sum is the sum of, over `axis`; 0: it has to be stored, for there is no room for an axis, or nothing
// says how long it is.
struct sum_up_to {
  node_id of = 0;
  int axis = -1;
};
constexpr sum_up_to as_sum(graph& g, const node& x, memory_of_the_call& memory) {
  if (g.axis_count == max_axes) return {};
  const int along = std::countr_zero(x.over);
  const int other = g.axis({second_name(g, g.axes[along].name), g.extent(along)});
  memory.grown.add_like(along, other);
  const int before = g.size;
  const node_id value = renaming{g, memory, along, other}(x.a);
  bool has_extent = g.extent(other) != runtime;
  for (int i = before; i < g.size; ++i) has_extent = has_extent || (g[i].code == op::rename && g[i].second == other);
  if (!has_extent) return {};
  const node_id here = add_index(g, along), there = add_index(g, other);
  const node_id counts =
      x.value == 0 ? add_condition(g, op::less_equal, there, here) : add_condition(g, op::less_equal, here, there);
  return {add_mask(g, value, counts), other};
}

}  // namespace heed::internal::plan
