// The memory order of values, by the rule that types follow too: the axes of the first operand, then what the second
// adds; reduced axes vanish, replaced ones keep their place. Two exceptions. The operand that varies over more axes
// gives the order, wherever it stands: simplification puts what varies less on the left, and scale[c] * x[t, c] must
// not be stored transposed for it. And what a contraction gives has its positions (extents known when a call begins)
// outside, its widths (static extents) inside, as everything that reads rows of it wants: a gradient contracts its
// operands in any order.
#pragma once
#include "../../graph/graph.hpp"
#include "../data/execution_plan.hpp"
#include <bit>

namespace heed::internal::plan {

constexpr int axis_at(std::uint64_t order, int i) { return int(order >> (5 * i) & 31) - 1; }
constexpr int rank_of(std::uint64_t order) {
  int r = 0;
  while (r < max_rank && (order >> (5 * r) & 31)) ++r;
  return r;
}
constexpr std::uint64_t with_axis(std::uint64_t order, int rank, int axis) {
  return order | std::uint64_t(axis + 1) << (5 * rank);
}
constexpr std::uint64_t joined_order(std::uint64_t a, axis_set a_axes, std::uint64_t b) {
  int r = rank_of(a);
  for (int i = 0; i < max_rank && axis_at(b, i) >= 0; ++i)
    if (!(a_axes >> axis_at(b, i) & 1)) a = with_axis(a, r++, axis_at(b, i));
  return a;
}
// The same with the axes of both known: the operand that has more of them leads.
constexpr std::uint64_t joined_order(std::uint64_t a, axis_set a_axes, std::uint64_t b, axis_set b_axes) {
  return std::popcount(a_axes) < std::popcount(b_axes) ? joined_order(b, b_axes, a) : joined_order(a, a_axes, b);
}
constexpr std::uint64_t dropped_order(std::uint64_t a, axis_set gone) {
  std::uint64_t r = 0;
  for (int i = 0, n = 0; i < max_rank && axis_at(a, i) >= 0; ++i)
    if (!(gone >> axis_at(a, i) & 1)) r = with_axis(r, n++, axis_at(a, i));
  return r;
}
constexpr std::uint64_t replaced_order(std::uint64_t a, int from, int to, int also = -1) {
  std::uint64_t r = 0;
  for (int i = 0, n = 0; i < max_rank && axis_at(a, i) >= 0; ++i) {
    r = with_axis(r, n++, axis_at(a, i) == from ? to : axis_at(a, i));
    if (axis_at(a, i) == from && also >= 0) r = with_axis(r, n++, also);
  }
  return r;
}

constexpr std::uint64_t positions_outside(const graph& g, std::uint64_t order) {
  std::uint64_t r = 0;
  int n = 0;
  for (const bool position : {true, false})
    for (int i = 0; i < max_rank && axis_at(order, i) >= 0; ++i)
      if ((g.extent(axis_at(order, i)) == runtime) == position) r = with_axis(r, n++, axis_at(order, i));
  return r;
}

// Of every node, from the orders of its operands.
constexpr axis_orders orders_of(const graph& g) {
  axis_orders r{};
  for (int i = 1; i < g.size; ++i) {
    const node& x = g[i];
    std::uint64_t& to = r[i];
    const std::uint64_t a = r[x.a];
    switch (x.code) {
      case op::input: {
        const input_entry& in = g.inputs[x.first];
        for (int j = 0; j < in.rank; ++j) to = with_axis(to, j, in.order[j]);
        break;
      }
      case op::index: to = with_axis(0, 0, x.first); break;
      case op::rename:
      case op::slice: to = replaced_order(a, x.first, x.second); break;
      case op::pick: to = dropped_order(a, axis_set(1) << x.first); break;
      case op::split: to = replaced_order(a, x.first, x.second, x.third); break;
      case op::merge: to = replaced_order(dropped_order(a, axis_set(1) << x.second), x.third, x.first); break;
      case op::concat: to = replaced_order(a, x.second, x.first); break;
      case op::gather: to = joined_order(r[x.b], g[x.b].axes, dropped_order(a, axis_set(1) << x.first)); break;
      case op::scatter: {  // the table's axis, then what both have besides
        const std::uint64_t rest = dropped_order(joined_order(a, g[x.a].axes, r[x.b]), x.over | axis_set(1) << x.first);
        to = joined_order(with_axis(0, 0, x.first), axis_set(1) << x.first, rest);
        break;
      }
      default:
        to = a;
        if (x.b && r[x.b] != to) to = joined_order(to, g[x.a].axes, r[x.b], g[x.b].axes);
        if (x.code == op::where) {  // as typed: the branches, then the condition
          to = joined_order(r[x.b], g[x.b].axes, r[x.c], g[x.c].axes);
          to = joined_order(to, g[x.b].axes | g[x.c].axes, a, g[x.a].axes);
        }
        if (x.code == op::running_sum) to = joined_order(to, g[x.a].axes, with_axis(0, 0, std::countr_zero(x.over)));
        else if (x.over && x.code != op::softmax) to = dropped_order(to, x.over);
        if (x.code == op::dot) to = positions_outside(g, to);
    }
  }
  return r;
}

constexpr axis_list list_of(std::uint64_t order) {
  axis_list r;
  for (int i = 0; i < max_rank && axis_at(order, i) >= 0; ++i) r.add(axis_at(order, i));
  return r;
}

}  // namespace heed::internal::plan
