// What is reduced at each pair over a short axis of its own is taken element by element, pointwise, for as a reduction
// it would want memory for each pair. As many as fit into the program of a score and of its gradients:
//   up to 16 units of small networks of what is known of a pair (its distance, mostly), a score that adds
//   dot<u>(out, relu(slope * log(1 + n - m) + offset));
//   conditions of up to 32 entries, any<j>(pick == floor_divide(m, 64)): keys of the blocks that a query has picked.
#pragma once
#include "rewriting.hpp"
#include "summed_distance.hpp"

namespace heed::internal {

inline constexpr int most_units = 16, most_conditions = 32;

// A sum over the units of what is computed at pairs, pointwise, of positions and of values over fewer; which axis.
// -1: it is none.
constexpr int axis_of_units(const graph& g, const node& x) {
  if ((x.code != op::dot && x.code != op::sum) || !is_real(x.type) || std::popcount(x.over) != 1) return -1;
  const int axis = std::countr_zero(x.over);
  if (g.extent(axis) == runtime || g.extent(axis) > most_units || summed_distance_of(g, x).of) return -1;
  for (const node_id i : {x.a, x.b}) {
    const axis_set axes = g[i].axes;
    if (is_pointwise(g[i].code) && (axes & x.over) && std::popcount(pairs_of_graph::positions(g, axes)) > 1)
      return axis;
  }
  return -1;
}

// any<j>(condition) or all<j>(condition) at pairs, as the front makes them of numbers (reduction.hpp).
struct condition_of_units {
  node_id condition{};  // 0: it is none
  int axis = -1;
  bool some = false;
};
constexpr condition_of_units condition_of(const graph& g, const node& x) {
  const node &most = g[x.b], &number = g[most.a];
  if (x.code != op::less || g[x.a].code != op::constant || g[x.a].value != 0.5) return {};
  if ((most.code != op::max && most.code != op::min) || std::popcount(most.over) != 1) return {};
  const auto is = [&](node_id i, double value) { return g[i].code == op::constant && g[i].value == value; };
  if (number.code != op::where || !is(number.b, 1) || !is(number.c, 0)) return {};
  const int axis = std::countr_zero(most.over);
  if (g.extent(axis) == runtime || g.extent(axis) < 1 || g.extent(axis) > most_conditions) return {};
  const axis_set axes = g[number.a].axes;
  if (!(axes & most.over) || std::popcount(pairs_of_graph::positions(g, axes)) < 2) return {};
  return {number.a, axis, most.code == op::max};
}

class unit_unroller : rewriting {
 public:
  constexpr explicit unit_unroller(const merged_graph& graph_) : rewriting(graph_) {}
  constexpr merged_graph run() {
    return rewritten_by([&](const node& x, axis_set column) {
      if (const condition_of_units of = condition_of(g, x); of.condition && !present.of(g, of.condition)) {
        const node_id r = each_of(of);
        return r && g[r].axes == x.axes ? r : node_id(0);
      }
      const int axis = column ? axis_of_units(g, x) : -1;
      if (axis < 0 || present.of(g, x.a) || present.of(g, x.b)) return node_id(0);
      const node_id r = unrolled(x, axis);
      return r && g[r].axes == x.axes ? r : node_id(0);
    });
  }

 private:
  bool of_condition = false;  // which may read operands of several positions: of products those are queries and keys
  fixed_array<node_id, graph::capacity> at_unit{};  // what became of a node at the unit in question

  constexpr node_id unrolled(const node& x, int axis) {
    node_id sum = 0;
    for (int unit = 0; unit < int(g.extent(axis)); ++unit) {
      at_unit = {};
      const node_id a = value(x.a, axis, unit), b = x.b ? value(x.b, axis, unit) : node_id(0);
      if (!a || (x.b && !b)) return 0;
      const node_id product = b ? add_pointwise(g, op::multiply, x.type, a, b) : a;
      sum = sum ? add_pointwise(g, op::add, x.type, sum, product) : product;
    }
    return sum;
  }
  constexpr node_id each_of(const condition_of_units& of) {
    node_id r = 0;
    of_condition = true;
    for (int unit = 0; unit < int(g.extent(of.axis)); ++unit) {
      at_unit = {};
      const node_id one = value(of.condition, of.axis, unit);
      if (!one) return of_condition = false, node_id(0);
      r = r ? add_condition(g, of.some ? op::either : op::both, r, one) : one;
    }
    of_condition = false;
    return r;
  }
  // Node i at a unit; 0: it is not computed pointwise, or lies over pairs and units in memory.
  constexpr node_id value(node_id i, int axis, int unit) {
    node x = g[i];
    const axis_set one = axis_bit(axis);
    if (!i || !(x.axes & one)) return i;
    if (at_unit[i]) return at_unit[i];
    const node_id number = g.add_constant(unit, element::integer);
    node_id r = 0;
    if (x.code == op::index) {
      r = number;
    } else if (is_pointwise(x.code)) {
      for (node_id* const operand : {&x.a, &x.b, &x.c}) {
        const node_id made = value(*operand, axis, unit);
        if (*operand && !made) return 0;
        *operand = made;
      }
      x.axes &= ~one, x.hash = 0;
      r = g.add(x);
    } else if (x.code == op::gather && !(g[x.b].axes & one)) {  // the table is read at the unit first
      const node_id table = value(x.a, axis, unit);
      r = table ? add_read(g, table, x.b, x.first) : node_id(0);
    } else if ((of_condition && lies_in_input(i)) || std::popcount(pairs_of_graph::positions(g, x.axes)) < 2) {
      r = add_read(g, i, number, axis);
    }
    return at_unit[i] = r;
  }
  constexpr bool lies_in_input(node_id i) const {
    while (is_view(g[i].code)) i = g[i].a;
    return g[i].code == op::input;
  }
};

// May there be something to unroll? It is asked of every graph.
constexpr bool may_unroll_units(const graph& g) {
  for (int i = 1; i < g.size; ++i)
    if (axis_of_units(g, g[i]) >= 0 || condition_of(g, g[i]).condition) return true;
  return false;
}
constexpr merged_graph with_unrolled_units(const merged_graph& declared) { return unit_unroller(declared).run(); }

}  // namespace heed::internal
