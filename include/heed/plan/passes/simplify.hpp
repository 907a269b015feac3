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
  // Of a product that leaves it to the region of its weights what takes part: what it is made of in the graph as it
  // was.
  fixed_array<node_id, graph::capacity> left_to_region{};
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
    contracted[i] = x.code == op::dot || summed_distance_of(g, x).of || x.code == op::softmax ||
                    x.code == op::logsumexp || contracted[x.a] || contracted[x.b] || contracted[x.c];
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
      bool pairs = contracts(x.code) && memory.grows_faster(x.axes);
      for (const node_id j : {x.a, x.b, x.c}) pairs = pairs || (of[j] && !(g[j].axes & ~x.axes));
      of[done] = pairs;
    }
  }
};

// A light value, or one over pairs of positions, under another axis name: the name changes at its leaves. Weights of a
// softmax are made again there.
constexpr node_id renamed(graph& g, node_id i, int from, int to, const pair_products& pairs) {
  const node x = g[i];
  const axis_set old = axis_set(1) << from, fresh = axis_set(1) << to;
  if (!(x.axes & old)) return i;
  const auto operand = [&](node_id j) { return j ? renamed(g, j, from, to, pairs) : node_id(0); };
  if (x.code == op::index) return add_index(g, to);
  if (is_pointwise(x.code) || x.code == op::mask) {
    const node_id a = operand(x.a), b = operand(x.b);
    return make(g, x.code, x.type, a, b, operand(x.c), x.value);
  }
  if (contracts(x.code) && i < pairs.done && pairs[i] && !(x.over & fresh)) {
    node y = x;
    y.a = operand(x.a), y.b = operand(x.b), y.axes = (x.axes & ~old) | fresh, y.hash = 0;
    return g.add(y);
  }
  if (x.code == op::softmax && i < pairs.done && pairs[i] && !(x.over & (old | fresh))) {
    node y = x;
    y.a = operand(x.a), y.b = operand(x.b), y.axes = (x.axes & ~old) | fresh, y.hash = 0;
    return g.add(y);
  }
  return add_moved(g, op::rename, i, (x.axes & ~old) | fresh, from, to);
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
      if (is_difference(g, v)) continue;  // of rows and columns: there would be one for each width of k
      const axis_set inner = (g[k].axes | g[v].axes) & ~y.over;
      if (memory.grows_faster(inner) || (x.over & ~inner) || (factor && (g[factor].axes & ~y.axes))) continue;
      if (present.of(g, k) || present.of(g, q) || present.of(g, v) || (factor && present.of(g, factor))) continue;
      const node_id sum = reduced(node{.code = op::dot, .type = y.type, .a = k, .b = v, .axes = inner, .over = y.over});
      const node_id all = reduced(node{
          .code = op::dot, .type = y.type, .a = q, .b = sum, .axes = (g[q].axes | inner) & ~x.over, .over = x.over});
      return factor ? make(g, op::multiply, y.type, factor, all) : all;
    }
  }
  return 0;
}

// A reduction over several axes, one axis at a time: each step is a row region. (Sums over pairs stay whole, see
// above; where those pairs may be stored the steps stand before the whole sum, for it to take if no region gives it:
// step_of.) The mean is the sum over the number of elements. `first`: which axes come before the others.
constexpr node_id one_axis_at_a_time(graph& g, node x, axis_set first = 0) {
  const op step = x.code == op::mean ? op::sum : x.code;
  node_id r = x.a;
  for (const axis_set axes : {x.over & first, x.over & ~first})
    for (int i = max_axes - 1; i >= 0; --i) {
      const axis_set one = axis_bit(i);
      if (axes & one) r = add_reduction(g, step, x.type, r, one);
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
//
// A product with weights is left to their region, which leaves out what their softmax does. Whether there is a region
// that gives it shows later (pointwise_placing); if not, the pass is done again, and this product is `alone`.
struct settled_absence {
  presences present{};
  bool alone = false;
  node_id origin = 0;  // of what is settled, in the graph as it was
  fixed_array<node_id, graph::capacity> left_to_region{};
  constexpr node_id moving(graph& g, node x) {
    const node_id a = present.of(g, x.a), b = present.of(g, x.b);
    if (!a && !b) return g.add(x);
    node values = x;
    values.a = present.or_zero(g, x.a), values.b = present.or_zero(g, x.b);
    return add_mask(g, g.add(values), presences::moved(g, x, a, b));
  }
  // weights: the softmax that an operand vanishes with, or 0.
  constexpr node_id product(graph& g, node x, node_id weights, bool pairs_first) {
    for (node_id* i : {&x.a, &x.b}) {
      if (g[*i].code != op::softmax || g[*i].over != x.over || count_of(x.over) != 1) continue;
      node_id& values = i == &x.a ? x.b : x.a;
      // Values with a mask of their own are 0 where it does not hold, and then as good as any.
      const node &v = g[values], &bare = g[v.a];
      const bool own_mask = v.code == op::mask && !(g[v.b].axes & ~bare.axes);
      const node_id w = *i;
      if (!alone && (match_score(g, g[w].a, own_mask ? v.a : values, only_axis(x.over)).ok() ||
                     (table_at_distance_of(g, values, only_axis(x.over)).table && has_region(g, w))))
        return left(weighted_values(g, x, values));
      // No score region takes them, so that a weight of 0 would be multiplied.
      *i = add_mask(g, *i, present.of(g, g[*i].a));
      weights = 0;
    }
    if (weights > 0 && !alone && has_region(g, weights)) return left(of_pairs(g, x, weights, pairs_first));
    const node_id a = present.of_factor(g, x.a), b = present.of_factor(g, x.b), keep = all_of(g, a, b);
    if (!keep) return g.add(x);
    node_id outer = 0, shared = 0;
    bool told = weights != vanishing::several;
    each_conjunct(g, keep, [&](node_id c) {
      if (!(g[c].axes & x.over)) outer = all_of(g, outer, c);
      else if (!(g[c].axes & ~(g[x.a].axes & g[x.b].axes))) shared = all_of(g, shared, c);
      else told = false;
    });
    if (!told) {
      x.a = masked(g, x.a, a), x.b = masked(g, x.b, b);
      return g.add(x);
    }
    x.a = zeroed(g, x.a, shared), x.b = zeroed(g, x.b, shared);
    const node_id y = g.add(x);
    return outer ? make(g, op::where, x.type, outer, y, g.add_constant(0, x.type)) : y;
  }

 private:
  fixed_array<std::int8_t, graph::capacity> has_region_{};  // of a softmax; 0: not asked yet
  constexpr bool has_region(const graph& g, node_id weights) {
    const node& x = g[weights];
    std::int8_t& known = has_region_[weights];
    if (!known) known = count_of(x.over) == 1 && match_score(g, x.a, 0, only_axis(x.over)).rows ? 1 : -1;
    return known > 0;
  }
  constexpr node_id left(node_id product) {
    left_to_region[product] = origin;
    return product;
  }
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

// Makes the nodes of a graph anew, from the first to the last.
class simplifier {
 public:
  template <std::size_t N>
  constexpr simplifier(const graph& graph_, const fixed_array<node_id, N>& roots, int count, const node_flags& alone_)
      : before(graph_),
        alone(alone_),
        used(reachable(before, roots, count)),
        is_root(flags_of(roots, count)),
        other_use(weights_in_other_use(before, used)),
        decides(deciding(before)),
        wide(computed_in_double(before)),
        scales(scaled_scores(before, used, is_root, decides)),
        memory(before, used, is_root) {
    after.axes = before.axes, after.axis_hash = before.axis_hash, after.axis_count = before.axis_count;
    after.positions = before.positions;
    after.inputs = before.inputs, after.input_count = before.input_count;
    after.primitives = before.primitives, after.primitive_count = before.primitive_count;
  }

  constexpr void run() {
    for (int i = 1; i < before.size; ++i) {
      if (!used[i]) continue;
      to[i] = remade(i);
      paired.extend(after);
      weight.extend(after);
      pairs.extend(after, memory);
    }
  }
  // What became of a result that was declared as a float, though it may be computed in double.
  constexpr node_id root(node_id i) {
    const bool too_wide = after[to[i]].type == element::f64 && before[i].type != element::f64;
    return too_wide ? make(after, op::cast, element::f32, to[i]) : to[i];
  }
  graph after{};                               // the new graph
  fixed_array<node_id, graph::capacity> to{};  // see simplified_graph
  settled_absence absence;

 private:
  const graph& before;
  const node_flags& alone;  // see settled_absence
  const node_flags used, is_root, other_use;
  const node_marks decides, wide;
  const node_flags scales;
  const memory_of_the_call memory;
  weights weight;
  vanishing paired;  // with weights that a gradient uses
  pair_products pairs;

  template <std::size_t N> static constexpr node_flags flags_of(const fixed_array<node_id, N>& nodes, int count) {
    node_flags r{};
    for (int i = 0; i < count; ++i) r[nodes[i]] = true;
    return r;
  }
  constexpr rounding rounding_of(int i) const {
    return decides[i] ? rounding::declared : scales[i] ? rounding::scaled : rounding::reordered;
  }

  constexpr node_id remade(int i) {
    node x = before[i];
    if (wide[i] && x.type == element::real && x.code != op::constant) x.type = element::f64, x.hash = 0;
    if (is_leaf(x.code)) return after.add(x);
    x.a = to[x.a], x.b = to[x.b], x.c = to[x.c], x.hash = 0;
    if (x.code == op::present) return absence.present.or_zero(after, x.a);
    if (x.code == op::mask)  // says all that makes it absent, so that a region may know it by one condition
      x.b = all_of(after, absence.present.of(after, x.a), x.b);
    if (is_pointwise(x.code) || x.code == op::mask)
      return make(after, x.code, x.type, x.a, x.b, x.c, x.value, rounding_of(i));
    if (x.code == op::rename) return with_other_name(x);
    if (x.code == op::gather) return read_at(x);
    if (is_moving(x.code)) return absence.moving(after, x);
    absence.origin = node_id(i), absence.alone = alone[i];
    const node_id y = reduced(x);
    if (other_use[i]) add_log_sum_exp(x, y);
    return y;
  }
  constexpr node_id with_other_name(const node& x) {
    if (x.first == x.second) return x.a;
    const bool at_leaves = after[x.a].code != op::input && (weight.light(x.a) || pairs[x.a]);
    return at_leaves ? renamed(after, x.a, x.first, x.second, pairs) : absence.moving(after, x);
  }
  // The table at an axis itself is a view of its first elements, at a constant index one of its parts.
  constexpr node_id read_at(const node& x) {
    const node &table = after[x.a], &index = after[x.b];
    const axis_set along = axis_set(1) << x.first;
    if (index.code == op::index && !(table.axes & index.axes & ~along)) {
      const std::int16_t at = index.first;
      if (at == x.first) return x.a;
      return absence.moving(
          after, node{.code = op::slice, .type = x.type, .a = x.a, .axes = x.axes, .first = x.first, .second = at});
    }
    if (is_constant(after, x.b) && index.value >= 0 && index.value < double(after.extent(x.first)))
      return absence.moving(after, node{.code = op::pick,
                                        .type = x.type,
                                        .a = x.a,
                                        .axes = table.axes & ~along,
                                        .first = x.first,
                                        .value = index.value});
    return absence.moving(after, x);
  }
  // Behind the weights of a softmax: whether anything needs it is decided later.
  constexpr void add_log_sum_exp(const node& softmax, node_id made) {
    if (!softmax.b) add_reduction(after, op::logsumexp, softmax.type, softmax.a, softmax.over);
    paired.with[made] = made;
  }

  // ---- products and reductions
  constexpr node_id reduced(node y) {
    if (y.code == op::kth_largest && y.b) settle_rank(y);
    if (y.code == op::sum || y.code == op::mean)
      if (const node_id d = distance(y)) return d;
    if (const node_id sum = sum_of_addends(y)) return sum;
    if (y.code == op::dot) return product(y);
    if (y.code == op::sum) add_sums_at_once(after, y, paired, absence.present), paired.extend(after);
    if (is_taken_axis_by_axis(y)) return one_axis_at_a_time(after, y, pairs[y.a] ? axes_of_pairs(y.a) : axis_set(0));
    if (y.code == op::sum && count_of(y.over) > 1 && !memory.grows_faster(after[y.a].axes))
      one_axis_at_a_time(after, y);
    return after.add(y);
  }
  // Which of the largest is wanted: a number, or what may lie in memory.
  constexpr void settle_rank(node& y) {
    const op code = after[y.b].code;
    if (code == op::constant) y.value = after[y.b].value, y.b = 0;
    else if (code != op::input && is_leaf(code)) y.b = make(after, op::cast, element::i64, y.b);
  }
  // A sum that is a distance of positions, with its factors.
  constexpr node_id distance(const node& y) {
    summed_distance found = summed_distance_of(after, y);
    if (!found.of || absence.present.of(after, y.a)) return 0;
    const node t = after[found.of];
    const axis_set a = after[t.a].axes, b = after[t.b].axes, positions = memory.grown.positions;
    if (!(a & ~b & positions) || !(b & ~a & positions)) return 0;
    node_id r = after.add(node{.code = op::distance,
                               .type = y.type,
                               .a = t.a,
                               .b = t.b,
                               .axes = t.axes & ~y.over,
                               .over = y.over,
                               .value = double(found.power)});
    divide_by_count(after, y, found);
    node_id factor = after.add_constant(found.factor);
    for (const node_id one : found.factors) factor = make(after, op::multiply, y.type, factor, one);
    for (const node_id one : found.divisors)
      factor = make(after, op::divide, y.type, factor, one, 0, 0, rounding::scaled);
    return make(after, op::multiply, y.type, factor, r);
  }
  // Of an operand that comes apart each addend by itself; 0: none does.
  constexpr node_id sum_of_addends(const node& y) {
    if (y.code != op::dot && y.code != op::sum && y.code != op::scatter) return 0;
    for (const node_id i : {y.a, y.b}) {
      addends parts;
      if (!come_apart(after, i, memory, paired, absence.present, parts)) continue;
      node one = y, two = y;
      (i == y.a ? one.a : one.b) = parts.a, (i == y.a ? two.a : two.b) = parts.b;
      const node_id first = reduced(one);
      return make(after, op::add, y.type, first, reduced(two));
    }
    return 0;
  }
  // What is summed over the columns of a softmax and over batch axes is summed over the columns first.
  constexpr node_id product(node y) {
    const auto again = [&](const node& z) { return reduced(z); };
    if (const node_id other = inner_first(after, y, pairs, memory, absence.present, again)) return other;
    if (reads_stored_pairs(y)) return absence.product(after, y, 0, false);
    const axis_set heads =
        add_products_at_once(after, y, [&](node_id i) { return paired[i] || pairs[i]; }, absence.present);
    paired.extend(after);
    const node_id w = paired.with[paired[y.a] ? y.a : y.b];
    axis_set rest = heads;  // without a softmax it is not known here which are the columns
    if (w) {
      const axis_set column = w > 0 ? after[w].over : axis_set(0);
      rest = column && (y.over & column) == column ? y.over & ~column : axis_set(0);
    }
    if (!rest && is_product_of_all(y) && !w) rest = y.over ^ std::bit_floor(y.over);  // along one axis, then the others
    if (!rest) rest = all_but_one_axis_of_differences(y);
    if (!rest) return absence.product(after, y, w, paired[y.a]);
    y.axes |= rest, y.over &= ~rest;
    const node_id of_columns = absence.product(after, y, w, paired[y.a]);
    return one_axis_at_a_time(
        after, node{.code = op::sum, .type = y.type, .a = of_columns, .axes = y.axes & ~rest, .over = rest});
  }
  // A product of what vanishes with weights, summed over a batch perhaps, which memory may hold because the other
  // operand or the product lies over the same pairs: the gradients of a bias that is projected from pairs.
  constexpr bool reads_stored_pairs(const node& y) const {
    for (const bool left : {true, false}) {
      const node& x = after[left ? y.a : y.b];
      bool vanishes = false;
      for (node_id i = left ? y.a : y.b; i && !vanishes; i = is_sum_of_present(after[i]) ? after[i].a : node_id(0))
        vanishes = paired[i];
      const axis_set growing = x.axes & runtime_axes(after);
      if (vanishes && !memory.grows_faster(x.axes) && count_of(growing & memory.grown.positions) > 1 &&
          is_product_of_stored_pairs(after, growing, y, left ? y.b : y.a))
        return true;
    }
    return false;
  }
  static constexpr bool is_sum_of_present(const node& x) { return x.code == op::sum || x.code == op::mask; }
  // A product over several axes of two values that have the same, no contraction and nothing absent.
  constexpr bool is_product_of_all(const node& y) {
    return count_of(y.over) > 1 && after[y.a].axes == after[y.b].axes && !memory.grows_faster(after[y.a].axes) &&
           !absence.present.of_factor(after, y.a) && !absence.present.of_factor(after, y.b);
  }
  // What weighs differences that no region over pairs has is a reduction of rows, along one axis.
  constexpr axis_set all_but_one_axis_of_differences(const node& y) const {
    const bool differences = is_difference(after, y.a) || is_difference(after, y.b);
    if (!differences || paired[y.a] || paired[y.b] || pairs[y.a] || pairs[y.b]) return 0;
    return y.over & (y.over - 1);
  }
  // Of pairs of a contraction, batch by batch, a region sums rows or columns; items of the batch are summed behind it.
  constexpr axis_set axes_of_pairs(node_id i) const {
    axis_set own = 0;
    walk(after, {i}, [&](node_id, const node& x) {
      if (!contracts(x.code)) return within_program(x);
      own = after[x.a].axes ^ after[x.b].axes;
      return step::stop;
    });
    return own;
  }
  constexpr bool is_taken_axis_by_axis(const node& y) {
    if (count_of(y.over) < 2 || paired[y.a]) return false;
    if (y.code == op::mean) return !absence.present.of(after, y.a);
    return y.code == op::sum || y.code == op::max || y.code == op::min;
  }
};

// The pass. Roots keep their places; nodes that nothing needs are gone. `alone`: see settled_absence.
template <std::size_t N>
constexpr simplified_graph simplified(const graph& g, const fixed_array<node_id, N>& roots, int count,
                                      const node_flags& alone = {}) {
  simplifier simple(g, roots, count, alone);
  simple.run();
  simplified_graph r;
  for (int i = 0; i < count; ++i) r.roots[i] = simple.root(roots[i]);
  r.g = simple.after, r.to = simple.to, r.left_to_region = simple.absence.left_to_region;
  return r;
}

}  // namespace heed::internal::plan