// What passes over declared graphs share that rewrite scores before anything is differentiated: which values lie over
// pairs of positions, along which axes a softmax normalises what is made of them, and the new graph, made from the
// first node to the last.
#pragma once
#include "../base/static_list.hpp"
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
  // without_softmax: what is summed over the keys of pairs counts as well.
  constexpr explicit rewriting(const merged_graph& declared_, bool without_softmax = false)
      : declared(declared_),
        before(declared_.g) {
    g.axes = before.axes, g.axis_hash = before.axis_hash, g.axis_count = before.axis_count;
    g.positions = before.positions;
    g.inputs = before.inputs, g.input_count = before.input_count;
    g.primitives = before.primitives, g.primitive_count = before.primitive_count;
    find_columns(without_softmax);
  }
  // rule(x, column): what becomes of a node whose operands have been rewritten, 0: what it is. A softmax, or a sum,
  // runs along `column` (0: none) over what is made of it.
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

  // ---- factors
  struct factor {
    node_id of{};
    bool divides = false;
    constexpr bool operator==(const factor&) const = default;
  };
  using factors = static_list<factor, 8>;
  // A value times a factor; a: 0 is 1.
  constexpr node_id times(element type, node_id a, const factor& f) {
    if (!a && !f.divides) return f.of;
    return add_pointwise(g, f.divides ? op::divide : op::multiply, type, a ? a : g.add_constant(1, type), f.of);
  }

  // ---- axes that become one
  // Step by step: `whole` is what `major` and `minor` are merged to, the next one's major.
  struct merging {
    fixed_array<int, max_axes> major{}, minor{}, whole{};
    int count = 0;
  };
  // First the axes of `slow`, then those of `fast`; of no steps, where there is no room for more axes.
  constexpr merging all_as_one(axis_set slow, axis_set fast) {
    merging r;
    int whole = -1;
    for (const axis_set axes : {slow, fast})
      for (int i = 0; i < max_axes; ++i) {
        if (!(axes & axis_bit(i))) continue;
        const int major = whole;
        whole = major < 0 ? i : product_axis(major, i);
        if (whole < 0) return {};
        if (major >= 0) r.major[r.count] = major, r.minor[r.count] = i, r.whole[r.count++] = whole;
      }
    return r;
  }
  constexpr node_id merged(node_id a, const merging& m) {
    if (const node_id whole = whole_of(a, m)) return whole;
    for (int i = 0; i < m.count; ++i) {
      const axis_set both = axis_bit(m.major[i]) | axis_bit(m.minor[i]), one = axis_bit(m.whole[i]);
      a = add_moved(g, op::merge, a, (g[a].axes & ~both) | one, m.whole[i], m.major[i], m.minor[i]);
    }
    return a;
  }
  constexpr node_id split_up(node_id a, const merging& m) {
    for (int i = m.count - 1; i >= 0; --i) {
      const axis_set both = axis_bit(m.major[i]) | axis_bit(m.minor[i]), one = axis_bit(m.whole[i]);
      a = add_moved(g, op::split, a, (g[a].axes & ~one) | both, m.whole[i], m.major[i], m.minor[i]);
    }
    return a;
  }

 private:
  // What a value has been split from in the same steps; 0: it has not.
  constexpr node_id whole_of(node_id a, const merging& m) const {
    for (int i = 0; i < m.count; ++i) {
      const node& x = g[a];
      if (x.code != op::split || x.first != m.whole[i] || x.second != m.major[i] || x.third != m.minor[i]) return 0;
      a = x.a;
    }
    return a;
  }
  fixed_array<axis_set, max_axes> made_of{};  // of an axis that has been made: which two

  // The same for the same two, also where the graph has been rewritten before.
  constexpr int product_axis(int major, int minor) {
    for (int i = 1; i < before.size; ++i)
      if (before[i].code == op::merge && before[i].second == major && before[i].third == minor) return before[i].first;
    for (int i = 0; i < g.axis_count; ++i)
      if (made_of[i] == (axis_bit(major) | axis_bit(minor))) return i;
    if (g.axis_count == max_axes) return -1;
    const int whole = add_product_axis(g, major, minor);
    made_of[whole] = axis_bit(major) | axis_bit(minor);
    return whole;
  }
  constexpr void find_columns(bool without_softmax) {
    pairs_of_graph over;
    over.extend(before);
    for (int i = before.size - 1; i > 0; --i) {
      const node& x = before[i];
      const bool adds = x.code == op::dot || x.code == op::sum;
      const axis_set along = adds ? x.over & (over.of[x.a] | over.of[x.b]) : axis_set(0);
      if (x.code == op::softmax || x.code == op::logsumexp) columns[x.a] |= x.over;
      else if (is_pointwise(x.code) || (adds && !along))
        columns[x.a] |= columns[i], columns[x.b] |= columns[i], columns[x.c] |= columns[i];
      else if (x.code == op::mask || x.code == op::rename || x.code == op::shift) columns[x.a] |= columns[i];
      if (along && without_softmax) columns[x.a] |= along & over.of[x.a], columns[x.b] |= along & over.of[x.b];
    }
    columns[0] = 0;
  }
};

}  // namespace heed::internal
