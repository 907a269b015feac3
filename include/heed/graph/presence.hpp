// Where a value of a graph is present (see mask): the condition as a node of the graph. Whatever is computed from an absent
// value is absent; what moves elements takes along whether they are there.
#pragma once
#include "graph.hpp"

namespace heed {

constexpr axis_set axis_bit(int axis) { return axis_set(1) << axis; }
constexpr node_id add_index(graph& g, int axis) {
  return g.add(node{.code = op::index, .type = element::integer, .axes = axis_bit(axis), .first = std::int16_t(axis)});
}
constexpr node_id add_condition(graph& g, op o, node_id a, node_id b = 0) {
  return g.add(node{.code = o, .type = element::boolean, .a = a, .b = b, .axes = g[a].axes | g[b].axes});
}
// Operations whose elements are elements of their operands.
constexpr bool is_moving(op o) { return is_view(o) || o == op::gather || o == op::shift || o == op::concat; }

class presences {
 public:
  // Where node i is present: a condition, or 0 if it always is. Found once for each node, for a graph is no tree.
  constexpr node_id of(graph& g, node_id i) {
    if (!i) return 0;
    node_id& known = known_[std::size_t(i)];
    if (!known) {
      const node_id found = found_for(g, g[i]);
      known = found ? found : always;
    }
    return known == always ? node_id(0) : known;
  }
  // The same for what an operation makes of operands that are present where a and b hold (0: everywhere).
  static constexpr node_id moved(graph& g, const node x, node_id a, node_id b) {
    if (!a && !b) return 0;
    const axis_set one = axis_bit(x.first), two = axis_bit(x.second), three = axis_bit(x.third), has = g[a].axes;
    switch (x.code) {
      case op::rename: case op::split: case op::slice:
        return has & one ? view(g, x, a, (has & ~one) | (x.code == op::split ? two | three : two)) : a;
      case op::merge: {
        if (!(has & (two | three))) return a;
        a = varying(g, varying(g, a, x.second), x.third);
        return view(g, x, a, (g[a].axes & ~(two | three)) | one);
      }
      case op::shift: {                                    // the zeros that come in are there
        const node_id gone = add_condition(g, op::invert, varying(g, a, x.first));
        return add_condition(g, op::invert, view(g, x, gone, g[gone].axes));
      }
      case op::concat: {
        const node_id holds = g.add_constant(1, element::boolean);
        const node_id p = varying(g, a ? a : holds, x.second), q = varying(g, b ? b : holds, x.third);
        return g.add(node{.code = op::concat, .type = element::boolean, .a = p, .b = q, .axes = (g[p].axes & ~two) | (g[q].axes & ~three) | one,
                          .first = x.first, .second = x.second, .third = x.third});
      }
      default: {                                           // gather: b is where the index is present
        if (a && (has & one))
          a = g.add(node{.code = op::gather, .type = element::boolean, .a = a, .b = x.b, .axes = (has & ~one) | g[x.b].axes, .first = x.first});
        return all_of(g, a, b);
      }
    }
  }

 private:
  static constexpr node_id always = -1;
  std::array<node_id, graph::capacity> known_{};           // 0: not asked yet

  constexpr node_id found_for(graph& g, const node x) {
    if (x.code == op::present) return 0;
    if (x.code == op::mask) return all_of(g, all_of(g, of(g, x.a), of(g, x.b)), x.b);
    if (x.code == op::where) {                             // that of the branch that is taken
      const node_id c = of(g, x.a), a = of(g, x.b), b = of(g, x.c);
      const node_id taken = a ? add_condition(g, op::either, add_condition(g, op::invert, x.a), a) : node_id(0);
      const node_id other = b ? add_condition(g, op::either, x.a, b) : node_id(0);
      return all_of(g, c, all_of(g, taken, other));
    }
    if (is_pointwise(x.code)) return all_of(g, all_of(g, of(g, x.a), of(g, x.b)), of(g, x.c));
    return is_moving(x.code) ? moved(g, x, of(g, x.a), of(g, x.b)) : node_id(0);
  }
  static constexpr node_id all_of(graph& g, node_id a, node_id b) { return a && b && a != b ? add_condition(g, op::both, a, b) : a ? a : b; }
  static constexpr node_id view(graph& g, const node& x, node_id a, axis_set axes) {
    return g.add(node{.code = x.code, .type = element::boolean, .a = a, .axes = axes, .first = x.first, .second = x.second, .third = x.third, .value = x.value});
  }
  // The same condition, varying over an axis that it lacks.
  static constexpr node_id varying(graph& g, node_id condition, int axis) {
    if (g[condition].axes & axis_bit(axis)) return condition;
    return add_condition(g, op::both, condition, add_condition(g, op::less_equal, g.add_constant(0, element::integer), add_index(g, axis)));
  }
};

}  // namespace heed
