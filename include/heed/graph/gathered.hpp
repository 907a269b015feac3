// An element of a product of rows and columns is one row times one column. A value that is read at an index along an
// axis that becomes known with a call (the logit of a target word) is built that way, so that neither it nor its
// gradient asks for all products: through pointwise operations down to the products, whose columns are read at the
// index. Not where the index has positions of its own: there the products are fewer than what is read of them.
#pragma once
#include "presence.hpp"

namespace heed::internal {

struct gathered_value {
  graph& g;
  node_id index;
  int axis;
  fixed_array<node_id, graph::capacity> to{};  // what became of a value at the index; 0: not seen yet

  constexpr bool is_product(const node& x) const {
    if (x.code != op::dot) return false;
    const axis_set one = axis_bit(axis);
    const bool a = g[x.a].axes & one, b = g[x.b].axes & one;
    return a != b && !(g[index].axes & x.over) && !(g[index].axes & ~(x.axes & ~one));
  }
  constexpr node_id read(node_id i) { return add_read(g, i, index, axis); }
  constexpr bool reaches_product(node_id i) {
    if (!i || !(g[i].axes & axis_bit(axis)) || to[i]) return false;
    to[i] = i;  // looked at
    const node& x = g[i];
    if (is_product(x)) return true;
    return (is_pointwise(x.code) || x.code == op::mask) &&
           (reaches_product(x.a) || reaches_product(x.b) || reaches_product(x.c));
  }
  // Node i as it is at the index: products are taken of the row or column at it, pointwise operations of operands at
  // it, the position along the axis is the index itself, kept inside, and anything else is computed whole and read
  // there.
  constexpr node_id at_index(node_id i) {
    if (!i || !(g[i].axes & axis_bit(axis))) return i;
    if (to[i]) return to[i];
    node x = g[i];
    node_id r = 0;
    if (x.code == op::index) {
      const node_id extent = add_size(g, axis), one = g.add_constant(1, element::integer);
      const node_id last = add_pointwise(g, op::subtract, element::integer, extent, one);
      const node_id zero = g.add_constant(0, element::integer);
      const node_id low = add_pointwise(g, op::maximum, element::integer, index, zero);
      r = add_pointwise(g, op::minimum, element::integer, low, last);
    } else if (is_product(x)) {
      (g[x.a].axes & axis_bit(axis) ? x.a : x.b) = read(g[x.a].axes & axis_bit(axis) ? x.a : x.b);
      x.axes &= ~axis_bit(axis), x.hash = 0;
      r = g.add(x);
    } else if (is_pointwise(x.code) || x.code == op::mask) {
      x.a = at_index(x.a), x.b = at_index(x.b), x.c = at_index(x.c), x.hash = 0;
      x.axes = g[x.a].axes | g[x.b].axes | g[x.c].axes;
      r = g.add(x);
    } else {
      r = read(i);
    }
    return to[i] = r;
  }
};

constexpr node_id add_gather(graph& g, node_id table, node_id index, int axis) {
  gathered_value v{g, index, axis};
  if (is_leaf(g[table].code) || g.extent(axis) != runtime || !v.reaches_product(table)) return v.read(table);
  v.to = {};
  const node_id r = v.at_index(table);
  return g[r].axes == ((g[table].axes & ~axis_bit(axis)) | g[index].axes) ? r : v.read(table);
}

}  // namespace heed::internal
