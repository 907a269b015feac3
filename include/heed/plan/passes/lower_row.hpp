// Writes a row region: along which axis it reduces, and whether lanes lie along that axis or across rows.
#pragma once
#include "lower_values.hpp"

namespace heed::internal::plan {

constexpr int fastest_axis(std::uint64_t order) {
  const int rank = rank_of(order);
  return rank ? axis_at(order, rank - 1) : -1;
}
// Lanes lie along the reduced axes where they are the fastest in memory: of the result, if it has them, else of all
// that is reduced. Of weights and values with a width, that is the width.
constexpr bool lanes_along(const value_writer& to, axis_set over) {
  if (!over) return false;
  if (!to.row_axes) return true;
  const auto lie_fastest = [&](node_id i) { return (over & bit(fastest_axis(to.plan.orders[i]))) != 0; };
  const graph& g = to.plan.g;
  if (g[to.root].axes & over) return lie_fastest(to.root);
  const node& core = g[to.outlined.core];
  return lie_fastest(core.a) && (!(g[core.b].axes & over) || lie_fastest(core.b));
}
constexpr void write_row(value_writer& to) {
  const graph& g = to.plan.g;
  const node_id core = to.outlined.core;
  const axis_set over = core ? g[core].over : axis_set(0);
  region& loops = to.loops;
  to.row_axes = g[to.root].axes & ~over, to.column_axes = over;
  to.list_axes(loops.rows, to.row_axes, to.plan.orders[to.root]);
  if (over) to.list_axes(loops.columns, over, to.plan.orders[g[core].a]);
  loops.row.lanes_along = lanes_along(to, over);
  if (!loops.row.lanes_along && loops.rows.count) loops.row.lane_axis = loops.rows[loops.rows.count - 1];
  to.add_root();
}

}  // namespace heed::internal::plan
