// Contractions of one score that are one, before anything is differentiated:
//   dot<d>(q, k) + dot<d>(u, k)        is  dot<d>(q + u, k), with factors of each, and so for keys
//   a * s + b * shift<m>(s, 1)         is  dot<d>(q, a * k + b * shift<m>(k, 1)), where s is dot<d>(q, k): a
//   convolution of scores along keys or queries (Golovneva et al. 2025, multi-token attention), also of those that are
//   0 behind a mask before they are convolved, as far as the score's own mask says the same.
// Rows and keys are added once for each position, and not at each pair.
#pragma once
#include "implication.hpp"
#include "rewriting.hpp"

namespace heed::internal {

class contraction_joiner : rewriting {
 public:
  constexpr explicit contraction_joiner(const merged_graph& graph_) : rewriting(graph_) {}
  constexpr merged_graph run() {
    return rewritten_by([&](const node& x, axis_set column) {
      if (x.code == op::mask && column && pairs.of[x.a]) return with_settled_choices(x);
      const bool sum = x.code == op::add || x.code == op::subtract;
      if (!column || !is_real(x.type) || (!sum && x.code != op::shift) || !pairs.of[x.a]) return node_id(0);
      const node_id r = sum ? joined_sum(x.a, x.b, x.code, x.type) : shifted(x.a, x);
      return r && g[r].axes == x.axes && g[r].type == x.type ? r : node_id(0);
    });
  }

 private:
  // A contraction times factors.
  struct term {
    node_id contraction{};
    factors by{};
  };

  constexpr term term_of(node_id i) {
    term t;
    for (;;) {
      const node x = g[i];
      if (!pairs.of[i] || t.by.count == int(t.by.of.size()) || present.of(g, i)) return {};
      if (x.code == op::dot) {
        const axis_set a = own_positions(x.a, x.b), b = own_positions(x.b, x.a);
        if (a && b && !pairs.of[x.a] && !pairs.of[x.b] && !lie_in_memory(a, b)) t.contraction = i;
        return t;
      }
      const bool left = pairs.of[x.a];
      if (x.code == op::negate) t.by.add({g.add_constant(-1)});
      else if (x.code == op::multiply) t.by.add({left ? x.b : x.a});
      else if (x.code == op::divide && left) t.by.add({x.b, true});
      else return {};
      if (pairs.of[t.by[t.by.count - 1].of]) return {};
      i = left ? x.a : x.b;
    }
  }
  constexpr node_id times_all(element type, node_id i, const factors& all) {
    for (const factor& f : all) i = times(type, i, f);
    return i;
  }
  constexpr bool vary_within(const factors& all, axis_set axes) const {
    for (const factor& f : all)
      if (g[f.of].axes & ~axes) return false;
    return true;
  }

  // a + b, or a - b, where b and a, or an addend of a, are contractions that share an operand; 0: they are none.
  constexpr node_id joined_sum(node_id a, node_id b, op o, element type) {
    if (!pairs.of[a] || !pairs.of[b]) return 0;
    const node x = g[a];
    if (const node_id r = joined(term_of(a), term_of(b), o, type)) return r;
    if (x.code != op::add) return 0;
    for (const bool left : {true, false})
      if (const node_id r = joined_sum(left ? x.a : x.b, b, o, type))
        return add_pointwise(g, op::add, type, left ? r : x.a, left ? x.b : r);
    return 0;
  }
  constexpr node_id joined(const term& a, const term& b, op o, element type) {
    if (!a.contraction || !b.contraction) return 0;
    const node x = g[a.contraction], y = g[b.contraction];
    if (x.over != y.over || x.type != type || y.type != type) return 0;
    for (const bool left : {true, false}) {  // which operands are added
      const node_id shared = left ? x.b : x.a, first = left ? x.a : x.b;
      if (shared != y.a && shared != y.b) continue;
      const node_id second = shared == y.b ? y.a : y.b;
      if (g[first].axes != g[second].axes) continue;
      const bool alike = a.by == b.by;
      const axis_set axes = g[first].axes & ~x.over;
      if (!alike && !(vary_within(a.by, axes) && vary_within(b.by, axes))) continue;
      const node_id p = alike ? first : times_all(type, first, a.by),
                    q = alike ? second : times_all(type, second, b.by);
      const node_id sum = add_pointwise(g, o, type, p, q);
      const node_id r = add_dot(g, type, left ? sum : shared, left ? shared : sum, x.over);
      return alike ? times_all(type, r, a.by) : r;
    }
    return 0;
  }

  // The value i moved as the shift `by` moves it: through factors down to the contraction, of which one operand moves.
  // Where nothing is moved to, all of them are 0. 0: it is no such value.
  constexpr node_id shifted(node_id i, const node& by) {
    node x = g[i];
    const axis_set axis = axis_bit(by.first);
    if (!pairs.of[i] || present.of(g, i)) return 0;
    const auto moved = [&](node_id j) { return add_moved(g, op::shift, j, g[j].axes, by.first, 0, 0, by.value); };
    const bool left = pairs.of[x.a];
    node_id &inner = left ? x.a : x.b, &other = left ? x.b : x.a;
    switch (x.code) {
      case op::dot: {
        const axis_set a = own_positions(x.a, x.b), b = own_positions(x.b, x.a);
        if (!((a | b) & axis) || !a || !b || pairs.of[x.a] || pairs.of[x.b] || lie_in_memory(a, b)) return 0;
        node_id& operand = a & axis ? x.a : x.b;
        operand = moved(operand), x.hash = 0;
        return g.add(x);
      }
      case op::negate: break;
      case op::multiply:
        if (pairs.of[other]) return 0;
        if (g[other].axes & axis) other = moved(other);
        break;
      case op::divide:
        if (!left || pairs.of[other] || (g[other].axes & axis)) return 0;
        break;
      case op::add:
      case op::subtract:
        x.b = shifted(x.b, by), x.a = x.b ? shifted(x.a, by) : node_id(0), x.hash = 0;
        return x.a ? g.add(x) : node_id(0);
      case op::where: return shifted_choice(x, by);
      default: return 0;
    }
    inner = shifted(inner, by), x.hash = 0;
    return inner ? g.add(x) : node_id(0);
  }
  // Of a choice both branches move, and are 0 where nothing is moved to, whatever its condition is there.
  constexpr node_id shifted_choice(node x, const node& by) {
    const auto branch = [&](node_id i) {
      if (pairs.of[i]) return shifted(i, by);
      const bool zero = g[i].code == op::constant && g[i].value == 0;
      return zero ? i : node_id(0);
    };
    if (pairs.of[x.a] || present.of(g, x.a)) return 0;
    x.b = branch(x.b), x.c = x.b ? branch(x.c) : node_id(0), x.a = x.c ? moved_condition(x.a, by) : node_id(0);
    x.hash = 0;
    return x.a ? g.add(x) : node_id(0);
  }
  // The choice i as what it chose, where a condition holds.
  constexpr node_id settled_choice(node_id i, node_id known) {
    const node& x = g[i];
    const bool whole = x.code == op::where && g[x.b].axes == x.axes && g[x.b].type == x.type;
    return whole && follows(g, known, x.a) ? x.b : node_id(0);
  }
  // A masked value in which choices that the mask settles are made, so that what they chose may be joined: scores that
  // are 0 behind a causal mask are themselves at all earlier keys. 0: there are none.
  constexpr node_id with_settled_choices(const node& x) {
    fixed_array<bool, graph::capacity> below{};
    bool any = false;
    below[x.a] = true;
    for (int i = x.a; i > 0; --i) {
      below[i] = below[i] && is_pointwise(g[i].code) && pairs.of[i];
      if (!below[i]) continue;
      any = any || settled_choice(node_id(i), x.b);
      below[g[i].a] = below[g[i].b] = below[g[i].c] = true;
    }
    if (!any) return 0;
    fixed_array<node_id, graph::capacity> now{};
    const auto known = [&](node_id i) { return now[i] ? now[i] : i; };
    for (int i = 1; i <= x.a; ++i) {
      if (!below[i]) continue;
      node y = g[i];
      const node_id chosen = settled_choice(node_id(i), x.b);
      y.a = known(y.a), y.b = known(y.b), y.c = known(y.c), y.hash = 0;
      const bool sum = y.code == op::add || y.code == op::subtract;
      node_id r = chosen ? known(chosen) : sum ? joined_sum(y.a, y.b, y.code, y.type) : node_id(0);
      now[i] = r ? r : g.add(y);
      pairs.extend(g);
    }
    return add_mask(g, now[x.a], x.b);
  }
  // A condition as it holds `by.value` positions before: indices are counted back, what lies over keys or rows moves.
  constexpr node_id moved_condition(node_id i, const node& by) {
    node x = g[i];
    if (!(x.axes & axis_bit(by.first))) return i;
    if (x.code == op::index)  // mutants: condition_not_shifted
      return add_pointwise(g, op::subtract, x.type, i, g.add_constant(by.value, element::integer));
    if (!is_pointwise(x.code)) return add_moved(g, op::shift, i, x.axes, by.first, 0, 0, by.value);
    const auto operand = [&](node_id j) { return j ? moved_condition(j, by) : node_id(0); };
    x.a = operand(x.a), x.b = operand(x.b), x.c = operand(x.c), x.hash = 0;
    return g.add(x);
  }
};

// May there be something to join? Two contractions over the same pairs that are added, or one that is shifted. It is
// asked of every graph.
constexpr bool may_join_contractions(const graph& g) {
  pairs_of_graph pairs;
  pairs.extend(g);
  for (int i = 1; i < g.size; ++i) {
    const node& x = g[i];
    if (x.code == op::shift && pairs.of[x.a]) return true;
    if ((x.code == op::add || x.code == op::subtract) && pairs.of[x.a] && pairs.of[x.b]) return true;
  }
  return false;
}
constexpr merged_graph with_joined_contractions(const merged_graph& declared) {
  return contraction_joiner(declared).run();
}

}  // namespace heed::internal
