// What passes over declared graphs share that rewrite scores before anything is differentiated: which values lie over
// pairs of positions, along which axes a softmax normalises what is made of them, and the new graph, made from the
// first node to the last.
#pragma once
#include "decisions.hpp"
#include "presence.hpp"
#include "results.hpp"

namespace heed::internal {

// Which axes of a value come from both sides of a contraction of rows and columns, each with an extent that a call
// brings: its pairs. 0: it is over none.
struct pairs_of_graph {
  fixed_array<axis_set, graph::capacity> of{};
  int done = 1;
  static constexpr axis_set positions(const graph& g, axis_set axes) {
    axis_set r = 0;
    for (int i = 0; i < g.axis_count; ++i)
      if ((axes & axis_bit(i)) && g.extent(i) == runtime) r |= axis_bit(i);
    return r;
  }
  constexpr void extend(const graph& g) {
    for (; done < g.size; ++done) {
      const node& x = g[done];
      axis_set kept = (of[x.a] | of[x.b] | of[x.c]) & x.axes;
      if (x.code == op::rename && (of[x.a] & axis_bit(x.first))) kept |= axis_bit(x.second);
      if (std::popcount(kept) < 2) kept = 0;
      const axis_set a = positions(g, g[x.a].axes & ~g[x.b].axes), b = positions(g, g[x.b].axes & ~g[x.a].axes);
      of[done] = kept ? kept : x.code == op::dot && a && b ? a | b : axis_set(0);
    }
  }
};

class rewriting {
 protected:
  constexpr explicit rewriting(const merged_graph& declared_) : declared(declared_), before(declared_.g) {
    g.axes = before.axes, g.axis_hash = before.axis_hash, g.axis_count = before.axis_count;
    g.inputs = before.inputs, g.input_count = before.input_count;
    g.primitives = before.primitives, g.primitive_count = before.primitive_count;
    find_columns();
  }
  // rule(x, column): what becomes of a node whose operands have been rewritten, 0: what it is. A softmax runs along
  // `column` (0: none) over what is made of it.
  template <class Rule> constexpr merged_graph rewritten_by(const Rule& rule) {
    for (int i = 1; i < before.size; ++i) {
      node x = before[i];
      x.a = to[x.a], x.b = to[x.b], x.c = to[x.c];
      if (x.code != op::input) x.hash = 0;
      const node_id other = rule(x, columns[i]);
      to[i] = other ? other : g.add(x);
      pairs.extend(g);
    }
    merged_graph r{.g = {}, .roots = {}, .count = declared.count};
    for (int k = 0; k < r.count; ++k) r.roots[k] = to[declared.roots[k]];
    r.g = g;
    return r;
  }

  const merged_graph& declared;
  const graph& before;
  graph g{};
  fixed_array<node_id, graph::capacity> to{};
  fixed_array<axis_set, graph::capacity> columns{};  // of `before`
  pairs_of_graph pairs{};
  presences present{};

  constexpr bool is_static(axis_set axes) const { return !pairs_of_graph::positions(g, axes); }
  // The positions of an operand of a contraction that the other one lacks.
  constexpr axis_set own_positions(node_id i, node_id other) const {
    return pairs_of_graph::positions(g, g[i].axes & ~g[other].axes);
  }
  // Does an operand or a result lie over such pairs?
  constexpr bool lie_in_memory(axis_set rows, axis_set keys) const {
    const auto over_both = [&](axis_set axes) { return (axes & rows) && (axes & keys); };
    for (int k = 0; k < declared.count; ++k)
      if (over_both(before[declared.roots[k]].axes)) return true;
    for (int i = 1; i < before.size; ++i)
      if (before[i].code == op::input && over_both(before[i].axes)) return true;
    return false;
  }

 private:
  constexpr void find_columns() {
    for (int i = before.size - 1; i > 0; --i) {
      const node& x = before[i];
      const bool sums = (x.code == op::dot || x.code == op::sum) && !pairs_of_graph::positions(before, x.over);
      if (x.code == op::softmax || x.code == op::logsumexp) columns[x.a] |= x.over;
      else if (is_pointwise(x.code) || sums)
        columns[x.a] |= columns[i], columns[x.b] |= columns[i], columns[x.c] |= columns[i];
      else if (x.code == op::mask || x.code == op::rename || x.code == op::shift) columns[x.a] |= columns[i];
    }
    columns[0] = 0;
  }
};

}  // namespace heed::internal
