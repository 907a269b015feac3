// The first pass: the same graph, simpler. Pointwise operations are made anew (fold.hpp), a table read at an axis
// itself becomes a view, names change below pointwise operations, sums are taken so that regions can hold them
// (sums_over_pairs.hpp). Equal values are one node by construction of the graph.
#pragma once
#include "../../graph/results.hpp"
#include "../facts/score_match.hpp"
#include "sums_over_pairs.hpp"

namespace heed::internal::plan {

struct simplified_graph {
  graph g{};
  fixed_array<node_id, max_results> roots{};
  fixed_array<node_id, graph::capacity> to{};  // what became of every node of the graph; 0: nothing needs it
};

// How large a value is as a tree of pointwise operations on leaves; 100 and more: not light enough to be written twice.
struct weights {
  fixed_array<std::uint8_t, graph::capacity> of{};
  int done = 1;
  constexpr void extend(const graph& g) {
    for (; done < g.size; ++done) {
      const node& x = g[done];
      const int w = 1 + of[x.a] + of[x.b] + of[x.c];
      of[done] = is_leaf(x.code) ? 1 : !(is_pointwise(x.code) || x.code == op::mask) || w > 100 ? 100 : std::uint8_t(w);
    }
  }
  constexpr bool light(int i) const { return of[i] <= 32; }
};

// Divisions that scale scores, of which only a softmax, or a sum of what comes from one, sees the quotient: no result
// in its last place, and nothing that decides.
constexpr node_flags scaled_scores(const graph& g, const node_flags& used, const node_flags& roots,
                                   const node_marks& decides) {
  node_flags contracted{}, seen = roots, r{};
  for (int i = 1; i < g.size; ++i) {
    const node& x = g[i];
    contracted[i] = x.code == op::dot || x.code == op::softmax || x.code == op::logsumexp || contracted[x.a] ||
                    contracted[x.b] || contracted[x.c];
  }
  for (int i = g.size - 1; i > 0; --i) {
    const node& x = g[i];
    if (!used[i]) continue;
    if (seen[i] && (is_pointwise(x.code) || x.code == op::mask || is_moving(x.code)))
      seen[x.a] = seen[x.b] = seen[x.c] = true;
    r[i] = x.code == op::divide && contracted[x.a] && !seen[i] && !decides[i];
  }
  return r;
}

// What no memory may hold: contractions over pairs of positions, and whatever is computed from one at the same pairs.
struct pair_products {
  fixed_array<bool, graph::capacity> of{};
  int done = 1;
  constexpr bool operator[](node_id i) const { return of[i]; }
  constexpr void extend(const graph& g, const memory_of_the_call& memory) {
    for (; done < g.size; ++done) {
      const node& x = g[done];
      bool pairs = x.code == op::dot && memory.grows_faster(x.axes);
      for (const node_id j : {x.a, x.b, x.c}) pairs = pairs || (of[j] && !(g[j].axes & ~x.axes));
      of[done] = pairs;
    }
  }
};

// A light value, or one over pairs of positions, under another axis name: the name changes at its leaves.
constexpr node_id renamed(graph& g, node_id i, int from, int to, const pair_products& pairs) {
  const node x = g[i];
  const axis_set old = axis_set(1) << from, fresh = axis_set(1) << to;
  if (!(x.axes & old)) return i;
  const auto operand = [&](node_id j) { return j ? renamed(g, j, from, to, pairs) : node_id(0); };
  if (x.code == op::index)
    return g.add(node{.code = op::index, .type = x.type, .axes = fresh, .first = std::int16_t(to)});
  if (is_pointwise(x.code) || x.code == op::mask) {
    const node_id a = operand(x.a), b = operand(x.b);
    return make(g, x.code, x.type, a, b, operand(x.c), x.value);
  }
  if (x.code == op::dot && i < pairs.done && pairs[i] && !(x.over & fresh)) {
    node y = x;
    y.a = operand(x.a), y.b = operand(x.b), y.axes = (x.axes & ~old) | fresh, y.hash = 0;
    return g.add(y);
  }
  return g.add(node{.code = op::rename,
                    .type = x.type,
                    .a = i,
                    .axes = (x.axes & ~old) | fresh,
                    .first = std::int16_t(from),
                    .second = std::int16_t(to)});
}

// dot<m>(f * dot<d>(q, k), v) = f * dot<d>(q, dot<m>(k, v)) where the products of q and k are pairs of positions and f
// does not vary along m: attention without a softmax, and its gradient, in the order that stores no pairs and takes no
// loops. Each sum has the terms that it had, taken in another order. 0: not so.
template <class Reduced>
constexpr node_id inner_first(graph& g, const node& y, const pair_products& pairs, const memory_of_the_call& memory,
                              presences& present, const Reduced& reduced) {
  for (const bool left : {true, false}) {
    node_id product = left ? y.a : y.b, factor = 0;
    const node_id v = left ? y.b : y.a;
    if (!pairs[product] || !is_real(y.type)) continue;
    while (g[product].code == op::multiply || g[product].code == op::negate) {
      const node& x = g[product];
      const node_id f = x.code == op::negate ? g.add_constant(-1, x.type)
                        : pairs[x.a]         ? x.b
                                             : x.a,
                    rest = x.code == op::negate || pairs[x.a] ? x.a : x.b;
      if ((g[f].axes & y.over) || (f < pairs.done && pairs[f])) break;
      factor = factor ? make(g, op::multiply, y.type, factor, f) : f, product = rest;
    }
    const node x = g[product];
    if (x.code != op::dot || x.axes == y.axes || !is_real(x.type)) continue;
    for (const bool first : {true, false}) {
      const node_id k = first ? x.a : x.b, q = first ? x.b : x.a;
      if ((g[q].axes & y.over) || (y.over & ~g[k].axes) || (g[v].axes & x.over)) continue;
      const axis_set inner = (g[k].axes | g[v].axes) & ~y.over;
      if (memory.grows_faster(inner) || (x.over & ~inner) || (factor && (g[factor].axes & ~y.axes))) continue;
      if (present.of(g, k) || present.of(g, q) || present.of(g, v) || (factor && present.of(g, factor))) continue;
      const node_id sum =
          reduced(reduced, node{.code = op::dot, .type = y.type, .a = k, .b = v, .axes = inner, .over = y.over});
      const node_id all = reduced(reduced, node{.code = op::dot,
                                                .type = y.type,
                                                .a = q,
                                                .b = sum,
                                                .axes = (g[q].axes | inner) & ~x.over,
                                                .over = x.over});
      return factor ? make(g, op::multiply, y.type, factor, all) : all;
    }
  }
  return 0;
}

// A reduction over several axes, one axis at a time: each step is a row region. (Sums over pairs stay whole, see
// above.) The mean is the sum over the number of elements.
constexpr node_id one_axis_at_a_time(graph& g, node x) {
  const op step = x.code == op::mean ? op::sum : x.code;
  node_id r = x.a;
  for (int i = max_axes - 1; i >= 0; --i) {
    const axis_set one = axis_bit(i);
    if (x.over & one) r = g.add(node{.code = step, .type = x.type, .a = r, .axes = g[r].axes & ~one, .over = one});
  }
  return x.code == op::mean ? make(g, op::divide, x.type, r, add_count(g, x.over)) : r;
}

// Memory holds numbers and does not say which are absent. So what moves elements out of memory moves numbers, with 0
// for what is absent, and what was absent is absent again behind it; and a product of two values says what it leaves
// out.
//
// A product leaves out the pairs of elements of which one is absent. What holds for all pairs of one sum decides
// whether the sum is 0 (`outer`). What both operands can tell makes 0 of both (`shared`), so that 0 meets 0 and never
// NaN, and a kernel for contractions takes it. Anything else stays a mask at an operand, which loops look at.
struct settled_absence {
  presences present{};
  constexpr node_id moving(graph& g, node x) {
    const node_id a = present.of(g, x.a), b = present.of(g, x.b);
    if (!a && !b) return g.add(x);
    node values = x;
    values.a = present.or_zero(g, x.a), values.b = present.or_zero(g, x.b);
    return add_mask(g, g.add(values), presences::moved(g, x, a, b));
  }
  // weights: the softmax that an operand vanishes with, or 0.
  constexpr node_id product(graph& g, node x, node_id weights, bool pairs_first) {
    bool told = weights != vanishing::several;
    for (node_id* i : {&x.a, &x.b}) {
      if (g[*i].code != op::softmax || g[*i].over != x.over || count_of(x.over) != 1) continue;
      node_id& values = i == &x.a ? x.b : x.a;
      // Values with a mask of their own are 0 where it does not hold, and then as good as any.
      const node &v = g[values], &bare = g[v.a];
      const bool own_mask = v.code == op::mask && !(g[v.b].axes & ~bare.axes);
      if (match_score(g, g[*i].a, own_mask ? v.a : values, only_axis(x.over)).ok())
        return weighted_values(g, x, values);
      // No score region takes them, so that a weight of 0 would be multiplied.
      *i = add_mask(g, *i, present.of(g, g[*i].a));
      weights = 0;
    }
    if (weights > 0) return of_pairs(g, x, weights, pairs_first);
    node_id outer = 0, shared = 0;
    const node_id keep = all_of(g, present.of(g, x.a), present.of(g, x.b));
    if (!keep) return g.add(x);
    each_conjunct(g, keep, [&](node_id c) {
      if (!(g[c].axes & x.over)) outer = all_of(g, outer, c);
      else if (!(g[c].axes & ~(g[x.a].axes & g[x.b].axes))) shared = all_of(g, shared, c);
      else told = false;
    });
    if (!told) {
      x.a = masked(g, x.a, present.of(g, x.a)), x.b = masked(g, x.b, present.of(g, x.b));
      return g.add(x);
    }
    x.a = zeroed(g, x.a, shared), x.b = zeroed(g, x.b, shared);
    const node_id y = g.add(x);
    return outer ? make(g, op::where, x.type, outer, y, g.add_constant(0, x.type)) : y;
  }

 private:
  constexpr node_id masked(graph& g, node_id i, node_id keep) {
    return implies(g, g[i].code == op::mask ? present.of(g, i) : node_id(0), keep) ? i : add_mask(g, i, keep);
  }
  // 0 where i is absent or a condition does not hold.
  constexpr node_id zeroed(graph& g, node_id i, node_id keep) {
    if (!implies(g, present.of(g, i), keep) && !(present.of(g, i) == 0 && present.vanishes(g, i, keep)))
      i = add_mask(g, i, keep);
    return present.or_zero(g, i);
  }
  // dot<m>(softmax<m>(score), values) is recognised by its softmax. An absent value is 0, whatever weight it has.
  constexpr node_id weighted_values(graph& g, const node& x, node_id& values) {  // values: an operand of x
    bool told = true;
    each_conjunct(g, present.of(g, values), [&](node_id c) { told = told && !(g[c].axes & ~g[values].axes); });
    values = told ? zeroed(g, values, 0) : masked(g, values, present.of(g, values));
    return g.add(x);
  }
  // A product out of the pairs of a softmax. The region leaves out whatever the score's own mask excludes, in both
  // operands; what else is excluded is left out at the pairs, and the other operand is 0 there.
  constexpr node_id of_pairs(graph& g, node x, node_id weights, bool pairs_first) {
    node_id &pairs = pairs_first ? x.a : x.b, &other = pairs_first ? x.b : x.a;
    const node_id own = present.of(g, other), keep = all_of(g, present.of(g, pairs), own),
                  score = present.of(g, g[weights].a);
    node_id shared = 0, at_pairs = 0;
    bool told = true;
    each_conjunct(g, keep, [&](node_id c) {
      const bool known = implies(g, score, c), there = !(g[c].axes & ~g[other].axes),
                 here = !(g[c].axes & ~g[pairs].axes);
      if (there && !known) shared = all_of(g, shared, c);
      if (here) at_pairs = all_of(g, at_pairs, c);
      told = told && here && (there || !own || !implies(g, own, c));
    });
    pairs = masked(g, pairs, told ? at_pairs : present.of(g, pairs));
    other = told ? zeroed(g, other, shared) : masked(g, other, own);
    return g.add(x);
  }
};

// The pass. Roots keep their places; nodes that nothing needs are gone.
template <std::size_t N>
constexpr simplified_graph simplified(const graph& g, const fixed_array<node_id, N>& roots, int count) {
  simplified_graph r;
  r.g.axes = g.axes, r.g.axis_hash = g.axis_hash, r.g.axis_count = g.axis_count;
  r.g.inputs = g.inputs, r.g.input_count = g.input_count;
  r.g.primitives = g.primitives, r.g.primitive_count = g.primitive_count;
  const node_flags used = reachable(g, roots, count), other_use = weights_in_other_use(g, used);
  const node_marks decides = deciding(g), wide = computed_in_double(g);
  node_flags root{};
  for (std::size_t i = 0; i < std::size_t(count); ++i) root[roots[i]] = true;
  const node_flags scales = scaled_scores(g, used, root, decides);
  fixed_array<node_id, graph::capacity>& to = r.to;
  weights weight;
  vanishing paired;  // with such weights
  settled_absence absence;
  pair_products pairs;
  const memory_of_the_call memory(g, used, root);
  const auto reduced = [&](const auto& self, node y) -> node_id {  // a product or a reduction
    for (const node_id i : {y.a, y.b}) {
      addends parts;
      if ((y.code != op::dot && y.code != op::sum && y.code != op::scatter) ||
          !come_apart(r.g, i, memory, paired, absence.present, parts))
        continue;
      node one = y, two = y;
      (i == y.a ? one.a : one.b) = parts.a, (i == y.a ? two.a : two.b) = parts.b;
      const node_id first = self(self, one);
      return make(r.g, op::add, y.type, first, self(self, two));
    }
    if (const node_id z = y.code == op::dot ? inner_first(r.g, y, pairs, memory, absence.present, self) : node_id(0))
      return z;
    if (y.code == op::dot) {
      // What is summed over the columns of a softmax and over batch axes is summed over the columns first.
      const node_id w = paired.with[paired[y.a] ? y.a : y.b];
      const axis_set column = w > 0 ? r.g[w].over : axis_set(0), rest = y.over & ~column;
      if (!column || !rest || (y.over & column) != column) return absence.product(r.g, y, w, paired[y.a]);
      y.axes |= rest, y.over = column;
      return one_axis_at_a_time(r.g, node{.code = op::sum,
                                          .type = y.type,
                                          .a = absence.product(r.g, y, w, paired[y.a]),
                                          .axes = y.axes & ~rest,
                                          .over = rest});
    }
    if (y.code == op::sum) add_sums_at_once(r.g, y, paired, absence.present), paired.extend(r.g);
    const bool apart = std::popcount(y.over) > 1 && !paired[y.a] &&
                       (y.code == op::sum || y.code == op::max || y.code == op::min ||
                        (y.code == op::mean && !absence.present.of(r.g, y.a)));
    return apart ? one_axis_at_a_time(r.g, y) : r.g.add(y);
  };
  for (int i = 1; i < g.size; ++i) {
    if (!used[i]) continue;
    node x = g[i];
    if (wide[i] && x.type == element::real && x.code != op::constant) x.type = element::f64, x.hash = 0;
    const node_id a = to[x.a], b = to[x.b], c = to[x.c];
    node_id& y = to[i];
    if (is_leaf(x.code)) {
      y = r.g.add(x);
    } else if (x.code == op::present) {
      y = absence.present.or_zero(r.g, a);
    } else if (is_pointwise(x.code) || x.code == op::mask) {
      y = make(r.g, x.code, x.type, a, b, c, x.value,
               decides[i]  ? rounding::declared
               : scales[i] ? rounding::scaled
                           : rounding::reordered);
    } else if (x.code == op::rename && x.first == x.second) {
      y = a;
    } else if (x.code == op::rename && r.g[a].code != op::input && (weight.light(a) || pairs[a])) {
      y = renamed(r.g, a, x.first, x.second, pairs);
    } else if (x.code == op::gather && r.g[b].code == op::index &&
               !(r.g[a].axes & r.g[b].axes & ~(axis_set(1) << x.first))) {
      const std::int16_t at = r.g[b].first;  // the table at an axis itself: a view of its first elements
      y = at == x.first
              ? a
              : absence.moving(
                    r.g,
                    node{.code = op::slice, .type = x.type, .a = a, .axes = x.axes, .first = x.first, .second = at});
    } else if (x.code == op::gather && is_constant(r.g, b) && r.g[b].value >= 0 &&
               r.g[b].value < double(r.g.extent(x.first))) {
      y = absence.moving(r.g, node{.code = op::pick,
                                   .type = x.type,
                                   .a = a,
                                   .axes = r.g[a].axes & ~(axis_set(1) << x.first),
                                   .first = x.first,
                                   .value = r.g[b].value});
    } else {
      node copy = x;
      copy.a = a, copy.b = b, copy.c = c, copy.hash = 0;
      y = is_moving(x.code) ? absence.moving(r.g, copy) : reduced(reduced, copy);
      if (other_use[i]) {  // behind the weights: whether anything needs it is decided later
        if (!copy.b)
          r.g.add(node{.code = op::logsumexp,
                       .type = copy.type,
                       .a = copy.a,
                       .axes = copy.axes & ~copy.over,
                       .over = copy.over});
        paired.with[y] = y;
      }
    }
    paired.extend(r.g);
    weight.extend(r.g);
    pairs.extend(r.g, memory);
  }
  for (std::size_t i = 0; i < std::size_t(count); ++i) {
    node_id y = to[roots[i]];
    if (r.g[y].type == element::f64 && g[roots[i]].type != element::f64)
      y = make(r.g, op::cast, element::f32, y);  // declared as a float
    r.roots[i] = y;
  }
  return r;
}

}  // namespace heed::internal::plan