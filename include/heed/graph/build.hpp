// Builders: one node of a kind from its operands, with the axes that follow from them. The front, differentiation and
// the passes make their nodes through these; what a pass copies from a node that is there (other operands, other axes)
// it changes itself.
#pragma once
#include "graph.hpp"

namespace heed::internal {

// A pointwise operation: an element from the elements of its operands.
constexpr node_id add_pointwise(graph& g, op o, element type, node_id a, node_id b = 0, node_id c = 0,
                                double value = 0) {
  return g.add(
      node{.code = o, .type = type, .a = a, .b = b, .c = c, .axes = g[a].axes | g[b].axes | g[c].axes, .value = value});
}
constexpr node_id add_condition(graph& g, op o, node_id a, node_id b = 0) {
  return add_pointwise(g, o, element::boolean, a, b);
}

// The position along an axis; its extent, and as a constant where that is static.
constexpr node_id add_index(graph& g, int axis) {
  return g.add(node{.code = op::index, .type = element::integer, .axes = axis_bit(axis), .first = std::int16_t(axis)});
}
constexpr node_id add_declared_size(graph& g, int axis) {
  return g.add(node{.code = op::size, .type = element::integer, .first = std::int16_t(axis)});
}
constexpr node_id add_size(graph& g, int axis) {
  return g.extent(axis) == runtime ? add_declared_size(g, axis)
                                   : g.add_constant(double(g.extent(axis)), element::integer);
}

// Elements under other indices: `axes` are those that the value has then; first, second, third and value as the
// operation has them.
constexpr node_id add_moved(graph& g, op o, node_id a, axis_set axes, int first, int second = 0, int third = 0,
                            double value = 0) {
  return g.add(node{.code = o,
                    .type = g[a].type,
                    .a = a,
                    .axes = axes,
                    .first = std::int16_t(first),
                    .second = std::int16_t(second),
                    .third = std::int16_t(third),
                    .value = value});
}
// A table read at an index along one of its axes.
constexpr node_id add_read(graph& g, node_id table, node_id index, int axis) {
  return g.add(node{.code = op::gather,
                    .type = g[table].type,
                    .a = table,
                    .b = index,
                    .axes = (g[table].axes & ~axis_bit(axis)) | g[index].axes,
                    .first = std::int16_t(axis)});
}
// Axis `second` of a, then axis `third` of b, as axis `first`.
constexpr node_id add_concat(graph& g, element type, node_id a, node_id b, int first, int second, int third) {
  return g.add(node{.code = op::concat,
                    .type = type,
                    .a = a,
                    .b = b,
                    .axes = (g[a].axes & ~axis_bit(second)) | (g[b].axes & ~axis_bit(third)) | axis_bit(first),
                    .first = std::int16_t(first),
                    .second = std::int16_t(second),
                    .third = std::int16_t(third)});
}

// A new axis for what two become by a merge: yk*xk of yk and xk, with as many primes as it takes where the name is
// taken.
constexpr int add_product_axis(graph& g, int major, int minor) {
  const axis_entry a = g.axes[major], b = g.axes[minor];
  for (int primes = 0;; ++primes) {
    char s[label_capacity + 1]{};
    int n = 0;
    const auto append = [&](const label& x) {
      for (unsigned i = 0; int(i) < length_of(x) && n < int(label_capacity) - primes; ++i)
        s[n++] = char(x.word[i / 8] >> (8 * (i % 8)) & 255);
    };
    append(a.name), append(make_label("*")), append(b.name);
    for (int i = 0; i < primes; ++i) s[n++] = '\'';
    if (g.find_axis(make_label(s)) >= 0) continue;
    return g.axis({make_label(s), a.extent == runtime || b.extent == runtime ? runtime : a.extent * b.extent});
  }
}

// Along axes: a sum of products, a reduction, a softmax, a running sum.
constexpr node_id add_dot(graph& g, element type, node_id a, node_id b, axis_set over) {
  return g.add(
      node{.code = op::dot, .type = type, .a = a, .b = b, .axes = (g[a].axes | g[b].axes) & ~over, .over = over});
}
constexpr node_id add_reduction(graph& g, op o, element type, node_id a, axis_set over) {
  return g.add(node{.code = o, .type = type, .a = a, .axes = g[a].axes & ~over, .over = over});
}
// ... that a number says more of: which of the largest (or a value says it, `told`), entmax of which alpha.
constexpr node_id add_statistic(graph& g, op o, element type, node_id a, axis_set over, double value,
                                node_id told = 0) {
  return g.add(
      node{.code = o, .type = type, .a = a, .b = told, .axes = g[a].axes & ~over, .over = over, .value = value});
}
constexpr node_id add_softmax(graph& g, element type, node_id a, axis_set over) {
  return g.add(node{.code = op::softmax, .type = type, .a = a, .axes = g[a].axes, .over = over});
}

// An operand without the axis counts once for each position.
constexpr node_id add_running_sum(graph& g, element type, node_id a, int axis, bool from_the_end) {
  return g.add(node{.code = op::running_sum,
                    .type = type,
                    .a = a,
                    .axes = g[a].axes | axis_bit(axis),
                    .over = axis_bit(axis),
                    .value = from_the_end ? 1. : 0.});
}

// What reaches the operands of values with derivatives of the user's (with_gradient.hpp) is forgotten, where nothing is
// differentiated any more: they become what they are, under the numbers that they have.
constexpr void forget_rules(graph& g) {
  for (int i = 1; i < g.size; ++i)
    if (node& x = g.nodes[i]; x.code == op::with_gradient) x.code = op::cast, x.b = x.c = 0, x.value = 0;
}

}  // namespace heed::internal
