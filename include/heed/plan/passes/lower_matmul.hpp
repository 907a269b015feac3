// Writes a matmul region: which operand has the rows and which the columns, and the value that the contraction feeds.
#pragma once
#include "lower_values.hpp"

namespace heed::internal::plan {

// Columns lie in the lanes, so they are those of the operand that holds the fastest axis of the result.
constexpr bool has_fastest_axis(axis_set axes, axis_set others, std::uint64_t order) {
  bool found = true;
  for (int i = 0; i < max_rank && axis_at(order, i) >= 0; ++i) {
    const axis_set axis = bit(axis_at(order, i));
    if ((axes & axis) != (others & axis)) found = axes & axis;
  }
  return found;
}
constexpr void write_matmul(value_writer& to) {
  const graph& g = to.plan.g;
  const node& product = g[to.outlined.core];
  const std::uint64_t order = to.plan.orders[to.root];
  const axis_set a = g[product.a].axes & ~product.over, b = g[product.b].axes & ~product.over;
  const bool b_in_lanes = has_fastest_axis(b, a, order);
  const node_id x = b_in_lanes ? product.a : product.b, w = b_in_lanes ? product.b : product.a;
  to.row_axes = b_in_lanes ? a & ~b : b & ~a, to.column_axes = b_in_lanes ? b & ~a : a & ~b;
  to.tile = to.outlined.core;
  region& loops = to.loops;
  to.list_axes(loops.batch, a & b, order);
  to.list_axes(loops.rows, to.row_axes, order);
  to.list_axes(loops.columns, to.column_axes, order);
  to.list_axes(loops.depth, product.over, to.plan.orders[w]);
  loops.tile = {to.operand_of(x), to.operand_of(w)};
  to.add_root();
}

}  // namespace heed::internal::plan
