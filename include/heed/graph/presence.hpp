// Where a value of a graph is present (see mask): the condition as a node of the graph. Whatever is computed from an
// absent value is absent; what moves elements takes along whether they are there. Such a condition is itself present
// everywhere.
#pragma once
#include "build.hpp"

namespace heed::internal {

// How many elements some axes have together, at least 1: what a mean over them divides by.
constexpr node_id add_count(graph& g, axis_set axes) {
  const auto whole = [&](op o, node_id a, node_id b) { return add_pointwise(g, o, element::integer, a, b); };
  double known = 1;
  node_id count = 0;
  for (int i = 0; i < max_axes; ++i) {
    if (!(axes & axis_bit(i))) continue;
    if (g.extent(i) != runtime) known *= double(g.extent(i));
    else count = count ? whole(op::multiply, count, add_size(g, i)) : add_size(g, i);
  }
  const node_id all = g.add_constant(known > 1 ? known : 1, element::integer);
  if (!count) return all;
  if (known > 1) count = whole(op::multiply, all, count);
  return whole(op::maximum, count, g.add_constant(1, element::integer));
}

// Operations whose elements are elements of their operands.
constexpr bool is_moving(op o) { return is_view(o) || o == op::gather || o == op::shift || o == op::concat; }

// Does a hold only where b does, as far as their form tells? 0: a condition that always holds. What must hold for both
// parts is asked first, and once: tried beside the rest, a choice of many conditions would be met as often as it has
// subsets.
constexpr bool implies(const graph& g, node_id a, node_id b) {
  if (!b || a == b) return true;
  if (!a) return false;
  const node &x = g[a], &y = g[b];
  if (y.code == op::both) return implies(g, a, y.a) && implies(g, a, y.b);
  if (x.code == op::either) return implies(g, x.a, b) && implies(g, x.b, b);
  if (x.code == op::both && (implies(g, x.a, b) || implies(g, x.b, b))) return true;
  return y.code == op::either && (implies(g, a, y.a) || implies(g, a, y.b));
}
constexpr node_id all_of(graph& g, node_id a, node_id b) {
  if (implies(g, a, b)) return a;
  return implies(g, b, a) ? b : add_condition(g, op::both, a, b);
}
constexpr node_id any_of(graph& g, node_id a, node_id b) {
  if (implies(g, a, b)) return b;
  return implies(g, b, a) ? a : add_condition(g, op::either, a, b);
}
// Calls f for each of the conditions that hold together in one.
template <class F> constexpr void each_conjunct(const graph& g, node_id condition, const F& f) {
  if (!condition) return;
  const node x = g[condition];
  if (x.code == op::both) each_conjunct(g, x.a, f), each_conjunct(g, x.b, f);
  else f(condition);
}
// Those of them that vary over no axis of a set.
constexpr node_id independent_of(graph& g, node_id condition, axis_set axes) {
  node_id rest = 0;
  each_conjunct(g, condition, [&](node_id conjunct) {
    if (!(g[conjunct].axes & axes)) rest = all_of(g, rest, conjunct);
  });
  return rest;
}
constexpr node_id add_mask(graph& g, node_id value, node_id keep) {
  return keep ? add_pointwise(g, op::mask, g[value].type, value, keep) : value;
}
constexpr node_id add_present(graph& g, node_id i) { return add_pointwise(g, op::present, g[i].type, i); }

class presences {
 public:
  // Where node i is present: a condition, or 0 if it always is. Found once for each node, for a graph is no tree.
  constexpr node_id of(graph& g, node_id i) {
    if (!i) return 0;
    node_id& known = known_[i];
    if (!known) {
      const node_id found = found_for(g, g[i]);
      known = found ? found : always;
    }
    return known == always ? node_id(0) : known;
  }
  // A value that is 0 where i is absent, and i elsewhere.
  constexpr node_id or_zero(graph& g, node_id i) {
    if (!of(g, i)) return i;
    const node_id without_absence = bare(g, i);
    return without_absence ? without_absence : add_present(g, i);
  }
  // Where an operand of a product takes part: not where it is absent, nor where it is a weight that a softmax gives to
  // an absent element, or vanishes with one.
  constexpr node_id of_factor(graph& g, node_id i) { return all_of(g, of(g, i), weighed(g, i)); }
  // A value that is 0 already wherever it is absent, without its absence; 0: none, or its form does not tell.
  constexpr node_id bare(graph& g, node_id i) {
    node x = g[i];
    if (!of(g, i)) return i;
    switch (x.code) {
      case op::mask: return !of(g, x.a) && !of(g, x.b) && vanishes(g, x.a, x.b) ? x.a : node_id(0);
      case op::multiply:
        if (g[x.a].code == op::constant) std::swap(x.a, x.b);
        if (g[x.b].code != op::constant) return 0;
        break;
      case op::negate:
      case op::cast:
      case op::rename:
      case op::split:
      case op::merge: break;
      case op::add:
      case op::subtract: {
        if (of(g, x.a) != of(g, x.b)) return 0;
        const node_id b = bare(g, x.b);
        if (!b) return 0;
        x.b = b;
        break;
      }
      default: return 0;
    }
    x.a = bare(g, x.a), x.axes = is_view(x.code) ? x.axes : g[x.a].axes | g[x.b].axes, x.hash = 0;
    if (!x.a) return 0;
    if (x.code == op::multiply) std::swap(x.a, x.b);  // constants stand on the left
    return g.add(x);
  }
  // Is a value 0 wherever a condition does not hold, as far as its form tells? A sum in which nothing is left is.
  constexpr bool vanishes(graph& g, node_id i, node_id keep) {
    const node x = g[i];
    switch (x.code) {
      case op::constant: return x.value == 0;
      case op::softmax: return implies(g, of(g, x.a), keep);
      case op::sum:
      case op::dot:
      case op::scatter: {
        if (g[keep].axes & x.over) return false;
        const node_id a = of_factor(g, x.a), b = of_factor(g, x.b);
        bool left_out = true;  // by one of the operands, wherever a conjunct does not hold
        each_conjunct(g, keep, [&](node_id conjunct) {
          left_out = left_out && (implies(g, a, conjunct) || implies(g, b, conjunct));
        });
        return left_out || (x.code != op::dot && vanishes(g, x.a, keep));  // (0 times NaN is not 0)
      }
      case op::where:
        return g[x.c].code == op::constant && g[x.c].value == 0 && (implies(g, x.a, keep) || vanishes(g, x.b, keep));
      case op::present: return implies(g, of(g, x.a), keep);
      case op::negate:
      case op::cast: return vanishes(g, x.a, keep);
      case op::multiply:
        return g[x.a].code == op::constant ? vanishes(g, x.b, keep)
                                           : g[x.b].code == op::constant && vanishes(g, x.a, keep);
      case op::add:
      case op::subtract: return vanishes(g, x.a, keep) && vanishes(g, x.b, keep);
      default: return false;
    }
  }
  // The same for what an operation makes of operands that are present where a and b hold (0: everywhere).
  static constexpr node_id moved(graph& g, const node x, node_id a, node_id b) {
    if (!a && !b) return 0;
    const axis_set one = axis_bit(x.first), two = axis_bit(x.second), three = axis_bit(x.third), has = g[a].axes;
    switch (x.code) {
      case op::rename:
      case op::split:
      case op::slice: return has & one ? view(g, x, a, (has & ~one) | (x.code == op::split ? two | three : two)) : a;
      case op::pick: return has & one ? view(g, x, a, has & ~one) : a;
      case op::merge: {
        if (!(has & (two | three))) return a;
        a = varying(g, varying(g, a, x.second), x.third);
        return view(g, x, a, (g[a].axes & ~(two | three)) | one);
      }
      case op::shift: {  // the zeros that come in are there
        const node_id here = add_index(g, x.first), zero = g.add_constant(0, element::integer);
        const node_id by = g.add_constant(x.value, element::integer);
        const node_id at = add_pointwise(g, op::subtract, element::integer, here, by);
        const node_id from = read_at(g, varying(g, a, x.first), x.first, at);
        const node_id before = add_condition(g, op::less, at, zero),
                      behind = add_condition(g, op::less_equal, add_size(g, x.first), at);
        return add_condition(g, op::either, from, add_condition(g, op::either, before, behind));
      }
      case op::concat: {
        const node_id holds = g.add_constant(1, element::boolean);
        const node_id front = varying(g, a ? a : holds, x.second), back = varying(g, b ? b : holds, x.third);
        return add_concat(g, element::boolean, front, back, x.first, x.second, x.third);
      }
      default: {  // gather: b is where the index is present
        return all_of(g, a && (has & one) ? read_at(g, a, x.first, b ? add_present(g, x.b) : x.b) : a, b);
      }
    }
  }

 private:
  static constexpr node_id always = -1;
  fixed_array<node_id, graph::capacity> known_{}, weighed_{};  // 0: not asked yet

  // Where node i is no weight of an absent element.
  constexpr node_id weighed(graph& g, node_id i) {
    node_id& known = weighed_[i];
    if (!known) {
      const node_id found = i ? weighed_for(g, g[i]) : node_id(0);
      known = found ? found : always;
    }
    return known == always ? node_id(0) : known;
  }
  constexpr node_id weighed_for(graph& g, const node x) {
    if (x.code == op::softmax) return of(g, x.a);
    if (!is_real(x.type)) return 0;
    const auto both_vanish = [&](node_id a, node_id b) { return a && b ? any_of(g, a, b) : node_id(0); };
    const auto is_zero = [&](node_id i) { return g[i].code == op::constant && g[i].value == 0; };
    switch (x.code) {
      case op::rename: return moved(g, x, weighed(g, x.a), 0);
      case op::multiply: return all_of(g, weighed(g, x.a), weighed(g, x.b));
      case op::divide:
      case op::mask:
      case op::negate:
      case op::cast:
      case op::present:
      case op::with_gradient: return weighed(g, x.a);
      case op::add:
      case op::subtract: return both_vanish(weighed(g, x.a), weighed(g, x.b));
      case op::where:
        if (is_zero(x.b)) return weighed(g, x.c);
        return is_zero(x.c) ? weighed(g, x.b) : both_vanish(weighed(g, x.b), weighed(g, x.c));
      default: return 0;
    }
  }
  constexpr node_id found_for(graph& g, const node x) {
    if (x.code == op::present) return 0;
    if (x.code == op::with_gradient) return of(g, x.a);
    if (x.code == op::mask) return all_of(g, of(g, x.a), held(g, x.b));
    if (x.code == op::where) {  // that of the branch that is taken
      const node_id decided = of(g, x.a), first = of(g, x.b), second = of(g, x.c), choice = held(g, x.a);
      const node_id taken =
          first ? add_condition(g, op::either, add_condition(g, op::invert, choice), first) : node_id(0);
      const node_id other = second ? add_condition(g, op::either, choice, second) : node_id(0);
      return all_of(g, decided, all_of(g, taken, other));
    }
    if (is_pointwise(x.code)) return all_of(g, all_of(g, of(g, x.a), of(g, x.b)), of(g, x.c));
    return is_moving(x.code) ? moved(g, x, of(g, x.a), of(g, x.b)) : node_id(0);
  }
  // A condition that holds where another is present and holds.
  constexpr node_id held(graph& g, node_id condition) {
    return of(g, condition) ? add_present(g, condition) : condition;
  }
  static constexpr node_id view(graph& g, const node& x, node_id a, axis_set axes) {
    return add_moved(g, x.code, a, axes, x.first, x.second, x.third, x.value);
  }
  static constexpr node_id read_at(graph& g, node_id table, int axis, node_id index) {
    return add_read(g, table, index, axis);
  }
  // The same condition, varying over an axis that it lacks.
  static constexpr node_id varying(graph& g, node_id condition, int axis) {
    if (g[condition].axes & axis_bit(axis)) return condition;
    return add_condition(g, op::both, condition,
                         add_condition(g, op::less_equal, g.add_constant(0, element::integer), add_index(g, axis)));
  }
};

}  // namespace heed::internal
