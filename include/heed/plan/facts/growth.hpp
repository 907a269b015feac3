// How the memory of a value grows with the extents that a call brings, and what lies in memory anyway: a call's own
// memory must not grow faster than that.
#pragma once
#include "../../graph/summed_distance.hpp"
#include "nodes.hpp"

namespace heed::internal::plan {

// dot<m>(softmax<m>(score), values), in either order: which operand is which.
struct weighted_values {
  node_id weights, values;
};
constexpr weighted_values weighted(const graph& g, node_id i) {
  const node& x = g[i];
  if (x.code != op::dot || std::popcount(x.over) != 1) return {};
  if (g[x.a].code == op::softmax && g[x.a].over == x.over) return {x.a, x.b};
  if (g[x.b].code == op::softmax && g[x.b].over == x.over) return {x.b, x.a};
  return {};
}

// Which axes are positions: those that a softmax (or logsumexp, max, min) runs along, those that its operand reads the
// index of, and the rows and columns of the contraction under it: both lie in the operand, on one side of a product
// each, over a width that does not. The others are widths, heads and batches, however large: a projection of n rows to
// a width d is no value over pairs. Where there is no softmax, an attention without one is told from a network with a
// hidden width by what its operands share: keys have the batch and the heads of queries, weights have none of them.
// Under another name a position is one as well.
struct position_axes {
  axis_set found = 0;
  constexpr position_axes(const graph& g, const node_flags& used) : found(g.positions) {
    node_flags seen{};  // as an operand of a softmax
    for (int i = 1; i < g.size; ++i) {
      const op o = g[i].code;
      if (!used[i] || !(o == op::softmax || o == op::logsumexp || o == op::max || o == op::min || takes_passes(o)))
        continue;
      found |= g[i].over;
      if (seen[g[i].a]) continue;
      seen[g[i].a] = true;
      look_under(g, g[i].a, g[i].over);
    }
    if (found) {
      add_other_names(g, used);
      return;
    }
    for (int i = 1; i < g.size; ++i) {
      const node& x = g[i];
      const axis_set a = g[x.a].axes, b = g[x.b].axes;
      if (used[i] && x.code == op::dot && (a & ~b) && (b & ~a) && (a & b & ~x.over)) found |= (a | b) & ~(a & b);
      else if (used[i] && x.code == op::distance) found |= a ^ b;
      else if (used[i]) look_at_distance(g, x);
    }
  }

 private:
  constexpr void look_at_distance(const graph& g, const node& sum) {
    const summed_distance x = summed_distance_of(g, sum);
    if (x.of) found |= g[g[x.of].a].axes ^ g[g[x.of].b].axes;
  }
  constexpr void add_other_names(const graph& g, const node_flags& used) {
    for (axis_set before = 0; before != found;) {
      before = found;
      for (int i = 1; i < g.size; ++i) {
        if (!used[i] || g[i].code != op::rename) continue;
        const axis_set names = bit(g[i].first) | bit(g[i].second);
        if (found & names) found |= names;
      }
    }
  }
  // Beside a contraction of queries and keys one of pairs (a bias that is projected from them) says nothing new: its
  // other operand has heads.
  constexpr void look_under(const graph& g, node_id score, axis_set over) {
    const axis_set kept = g[score].axes;
    axis_set of_keys = 0, of_pairs = 0;
    node_flags open{};
    int left = 0;  // to be looked at
    const auto look_at = [&](node_id i) {
      if (i && !open[i]) open[i] = true, ++left;
    };
    look_at(score);
    for (int i = score; left > 0; --i) {
      if (!open[i]) continue;
      --left;
      const node& x = g[i];
      if (x.code == op::index) found |= x.axes & kept;
      const axis_set a = g[x.a].axes, b = g[x.b].axes, rows = a & ~b & kept, columns = b & ~a & kept;
      if (x.b && x.code != op::gather && rows && columns && (a & b & ~kept)) {
        const axis_set with_keys = rows & over ? rows : columns;
        (with_keys & ~over ? of_pairs : of_keys) |= rows | columns;
      } else look_at(x.a), look_at(x.b), look_at(x.c);
    }
    found |= of_keys ? of_keys : of_pairs;
  }
};

// Positions whose number becomes known with a call, and a merged axis as what it is made of.
struct growth {
  axis_set positions = 0;  // those of any extent
  fixed_array<axis_set, max_axes> of{};
  constexpr growth(const graph& g, const node_flags& used) : positions(position_axes(g, used).found) {
    for (int i = 0; i < g.axis_count; ++i)
      of[i] = g.extent(i) == runtime ? positions & (axis_set(1) << i) : axis_set(0);
    for (bool more = true; more;) {  // a part may be merged itself
      more = false;
      for (int i = 1; i < g.size; ++i) {
        const node& x = g[i];
        if (!used[i] || (x.code != op::split && x.code != op::merge)) continue;
        axis_set& whole = of[x.first];
        const axis_set parts = (whole & ~(axis_set(1) << x.first)) | of[x.second] | of[x.third];
        if (parts != whole && parts) whole = parts, more = true;
      }
    }
    for (int i = 0; i < g.axis_count; ++i)
      if (of[i]) growing |= axis_set(1) << i;
  }
  constexpr axis_set operator()(axis_set axes) const {
    axis_set r = 0;
    for (axes &= growing; axes; axes &= axes - 1) r |= of[std::countr_zero(axes)];
    return r;
  }

 private:
  axis_set growing = 0;  // what is not 0
};

// What lies in memory anyway: what the caller brings and takes, and what comes out of a softmax's loops. What grows no
// faster may be stored, whatever its axes: a cotangent that a projection hands back to the heads.
struct memory_of_the_call {
  growth grown;
  fixed_array<axis_set, graph::capacity> held{};  // how each grows
  int count = 0;
  constexpr memory_of_the_call(const graph& g, const node_flags& used, const node_flags& result) : grown(g, used) {
    for (int i = 1; i < g.size; ++i)
      if (used[i] && (g[i].code == op::input || result[i] || weighted(g, node_id(i)).weights)) hold(g[i].axes);
    for (int i = 1; i < g.size; ++i)  // the same under other names
      if (used[i] && is_view(g[i].code) && lies_anyway(g[g[i].a].axes)) hold(g[i].axes);
  }
  constexpr bool lies_anyway(axis_set axes) const { return is_held(grown(axes)); }
  // Would memory for these axes grow with the product of extents, and faster than all that lies in memory anyway? Pairs
  // of positions.
  constexpr bool grows_faster(axis_set axes) const {
    const axis_set own = grown(axes);
    return (own & (own - 1)) && !is_held(own);
  }

 private:
  constexpr bool is_held(axis_set own) const {
    for (int k = 0; k < count; ++k)
      if (!(own & ~held[k])) return true;
    return false;
  }
  constexpr void hold(axis_set axes) {
    const axis_set own = grown(axes);
    if (!is_held(own)) held[count++] = own;
  }
};

}  // namespace heed::internal::plan
