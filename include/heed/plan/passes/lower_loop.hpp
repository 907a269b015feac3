// Writes what has no shape of its own: a loop over the elements of its value, and what adds to elements of a table at
// an index (a scatter region, or a loop that scatters).
#pragma once
#include "lower_values.hpp"

namespace heed::internal::plan {

constexpr void write_scatter(value_writer& to) {
  const node x = to.nodes[to.root];
  region& loops = to.loops;
  to.row_axes = x.axes & ~bit(x.first), to.column_axes = x.over;
  to.list_axes(loops.rows, to.row_axes, to.plan.orders[to.root]);
  to.list_axes(loops.columns, to.column_axes, to.plan.orders[x.a]);
  loops.depth.add(x.first);
  const kept_value v = to.value_of(x.a), at = to.value_of(x.b);
  loops.scatter.index = at.value;
  to.add_output(to.root, to.chosen(to.both(v.keep, at.keep), to.real(v.value), 0));
}
constexpr void write_loop(value_writer& to) {
  if (to.nodes[to.root].code == op::scatter) return write_scatter(to);
  to.list_axes(to.loops.rows, to.nodes[to.root].axes, to.plan.orders[to.root]);
  to.add_root();
}

}  // namespace heed::internal::plan
