// The first pass: the same graph, simpler. Constants fold, neutral elements vanish, a division by a number becomes a
// multiplication, constants gather on the left and move into the operand that varies least, a table read at an axis itself
// becomes a view, names change below pointwise operations. Equal values are one node by construction of the graph. What
// floating-point numbers could tell apart beyond rounding (NaN, signed infinity) is left alone: 0 * x stays.
#pragma once
#include "../graph/presence.hpp"
#include "../graph/results.hpp"
#include <bit>
#include <limits>

namespace heed::middle {

constexpr double square_root(double x) {
  if (!(x > 0)) return x == 0 ? 0 : std::numeric_limits<double>::quiet_NaN();
  if (x > std::numeric_limits<double>::max()) return x;
  double scale = 1;                                        // to [1, 4): then Newton from 1.5 converges in a few steps
  while (x >= 4) x /= 4, scale *= 2;
  while (x < 1) x *= 4, scale /= 2;
  double r = 1.5;
  for (int i = 0; i < 6; ++i) r = (r + x / r) / 2;
  return r * scale;
}

constexpr bool is_constant(const graph& g, int i) { return g[i].code == op::constant; }
constexpr bool is_constant(const graph& g, int i, double v) { return is_constant(g, i) && g[i].value == v; }
// By the number of axes: a slope over heads varies less than a distance of positions, though neither has the other's axes.
constexpr bool varies_less(const graph& g, int a, int b) { return std::popcount(g[a].axes) < std::popcount(g[b].axes); }

constexpr bool folds(op o) {
  return is_binary(o) || o == op::negate || o == op::abs || o == op::sqrt || o == op::rsqrt || o == op::invert;
}
constexpr double folded(op o, double x, double y) {
  switch (o) {
    case op::negate: return -x;
    case op::abs: return x < 0 ? -x : x;
    case op::sqrt: return square_root(x);
    case op::rsqrt: return 1 / square_root(x);
    case op::invert: return x == 0;
    case op::add: return x + y;
    case op::subtract: return x - y;
    case op::multiply: return x * y;
    case op::divide: return x / y;
    case op::minimum: return y < x ? y : x;
    case op::maximum: return x < y ? y : x;
    case op::less: return x < y;
    case op::less_equal: return x <= y;
    case op::equal: return x == y;
    case op::both: return x != 0 && y != 0;
    case op::either: return x != 0 || y != 0;
    default: return 0;
  }
}
// Does the fold stay finite and defined? 1 / 0 is left for run time.
constexpr bool can_fold(op o, double x, double y) {
  if (o == op::divide) return y != 0;
  if (o == op::sqrt) return x >= 0;
  if (o == op::rsqrt) return x > 0;
  return true;
}

// Adds a pointwise node, simplified. Types are given: an operation keeps the element its author saw.
constexpr node_id make(graph& g, op o, element type, node_id a, node_id b = 0, node_id c = 0, double value = 0) {
  if (folds(o) && is_constant(g, a) && (b == 0 || is_constant(g, b)) && can_fold(o, g[a].value, b ? g[b].value : 0))
    return g.add_constant(folded(o, g[a].value, b ? g[b].value : 0), type);
  const bool real = is_real(type);
  switch (o) {
    case op::add:
      if (is_constant(g, a, 0) && g[b].type == type) return b;
      if (is_constant(g, b, 0) && g[a].type == type) return a;
      break;
    case op::subtract:
      if (is_constant(g, b, 0) && g[a].type == type) return a;
      if (is_constant(g, a, 0) && g[b].type == type) return make(g, op::negate, type, b);
      break;
    case op::negate:
      if (g[a].code == op::negate) return g[a].a;
      break;
    case op::multiply:
      if (is_constant(g, b) && !is_constant(g, a)) return make(g, op::multiply, type, b, a);
      if (is_constant(g, a, 1) && g[b].type == type) return b;
      if (real && !is_constant(g, a) && varies_less(g, b, a)) return make(g, op::multiply, type, b, a);   // what varies less: left
      if (real && g[b].code == op::multiply && is_constant(g, g[b].a)) {
        const node_id inner = g[b].a, rest = g[b].b;
        if (is_constant(g, a))                                                        // 2 * (3 * x) = 6 * x
          return make(g, op::multiply, type, g.add_constant(g[a].value * g[inner].value), rest);
        return make(g, op::multiply, type, inner, make(g, op::multiply, type, a, rest));   // x * (2 * y) = 2 * (x * y)
      }
      if (real && g[a].code == op::multiply && is_constant(g, g[a].a) && !varies_less(g, a, b)) {
        const node_id inner = g[a].a, rest = g[a].b;
        return make(g, op::multiply, type, inner, make(g, op::multiply, type, rest, b));
      }
      if (real && is_constant(g, a) && g[b].code == op::multiply && varies_less(g, g[b].a, g[b].b)) {
        const node_id less = g[b].a, more = g[b].b;
        return make(g, op::multiply, type, make(g, op::multiply, type, a, less), more);    // 2 * (slope * x) = (2 * slope) * x
      }
      break;
    case op::divide:
      if (is_constant(g, b) && g[b].value != 0 && real)
        return make(g, op::multiply, type, g.add_constant(1 / g[b].value), a);
      if (real && g[b].axes == 0 && g[a].axes != 0)                                   // x / sqrt(size): one division, uniform
        return make(g, op::multiply, type, make(g, op::divide, element::real, g.add_constant(1), b), a);
      break;
    case op::invert:
      if (g[a].code == op::invert) return g[a].a;
      break;
    case op::both:
      if (is_constant(g, a)) return g[a].value != 0 ? b : a;
      if (is_constant(g, b)) return g[b].value != 0 ? a : b;
      break;
    case op::either:
      if (is_constant(g, a)) return g[a].value != 0 ? a : b;
      if (is_constant(g, b)) return g[b].value != 0 ? b : a;
      break;
    case op::where:
      if (is_constant(g, a)) {
        const node_id chosen = g[a].value != 0 ? b : c;
        if (g[chosen].type == type) return chosen;
      }
      if (b == c && g[b].type == type) return b;
      break;
    case op::mask:
      if (is_constant(g, b) && g[b].value != 0 && g[a].type == type) return a;
      break;
    case op::cast:
      if (g[a].type == type) return a;
      break;
    default: break;
  }
  return g.add(node{.code = o, .type = type, .a = a, .b = b, .c = c, .axes = g[a].axes | g[b].axes | g[c].axes,
                    .value = value});
}

// c * node, with the factor pushed towards the leaves, where it usually meets another constant.
constexpr node_id scaled(graph& g, node_id i, double c, int depth = 8) {
  const node x = g[i];
  const element real = is_real(x.type) ? x.type : element::real;
  if (depth == 0) return make(g, op::multiply, real, g.add_constant(c), i);
  switch (x.code) {
    case op::constant: return g.add_constant(c * x.value);
    case op::negate: return make(g, op::negate, real, scaled(g, x.a, c, depth - 1));
    case op::add: case op::subtract: {
      const node_id a = scaled(g, x.a, c, depth - 1);
      return make(g, x.code, real, a, scaled(g, x.b, c, depth - 1));
    }
    case op::where: {
      const node_id b = scaled(g, x.b, c, depth - 1);
      return make(g, op::where, real, x.a, b, scaled(g, x.c, c, depth - 1));
    }
    case op::mask: return make(g, op::mask, real, scaled(g, x.a, c, depth - 1), x.b);
    default: return make(g, op::multiply, real, g.add_constant(c), i);
  }
}

using node_flags = std::array<bool, graph::capacity>;

// The nodes that some roots need.
template <std::size_t N>
constexpr node_flags reachable(const graph& g, const std::array<node_id, N>& roots, int count) {
  node_flags r{};
  int last = 0;
  for (int i = 0; i < count; ++i) {
    r[std::size_t(roots[std::size_t(i)])] = true;
    last = roots[std::size_t(i)] > last ? roots[std::size_t(i)] : last;
  }
  for (int i = last; i > 0; --i)
    if (r[std::size_t(i)]) r[std::size_t(g[i].a)] = r[std::size_t(g[i].b)] = r[std::size_t(g[i].c)] = true;
  r[0] = false;
  return r;
}

struct simplified_graph {
  graph g{};
  std::array<node_id, max_results> roots{};
  std::array<node_id, graph::capacity> to{};               // what became of every node of the graph; 0: nothing needs it
};

// How large a value is as a tree of pointwise operations on leaves; 100 and more: not light enough to be written twice.
struct weights {
  std::array<std::uint8_t, graph::capacity> of{};
  int done = 1;
  constexpr void extend(const graph& g) {
    for (; done < g.size; ++done) {
      const node& x = g[done];
      const int w = 1 + of[std::size_t(x.a)] + of[std::size_t(x.b)] + of[std::size_t(x.c)];
      of[std::size_t(done)] = is_leaf(x.code) ? 1 : !(is_pointwise(x.code) || x.code == op::mask) || w > 100 ? 100 : std::uint8_t(w);
    }
  }
  constexpr bool light(int i) const { return of[std::size_t(i)] <= 32; }
};

// A light value under another axis name: the name changes at its leaves.
constexpr node_id renamed(graph& g, node_id i, int from, int to) {
  const node x = g[i];
  const axis_set old = axis_set(1) << from, fresh = axis_set(1) << to;
  if (!(x.axes & old)) return i;
  if (x.code == op::index)
    return g.add(node{.code = op::index, .type = x.type, .axes = fresh, .first = std::int16_t(to)});
  if (is_pointwise(x.code) || x.code == op::mask) {
    const node_id a = renamed(g, x.a, from, to), b = x.b ? renamed(g, x.b, from, to) : node_id(0);
    return make(g, x.code, x.type, a, b, x.c ? renamed(g, x.c, from, to) : node_id(0), x.value);
  }
  return g.add(node{.code = op::rename, .type = x.type, .a = i, .axes = (x.axes & ~old) | fresh,
                    .first = std::int16_t(from), .second = std::int16_t(to)});
}

// Weights that are used in other ways than to weigh values: by a gradient, most likely, which needs their log-sum-exp.
constexpr node_flags weights_in_other_use(const graph& g, const node_flags& used) {
  node_flags r{};
  for (int i = 1; i < g.size; ++i) {
    const node& x = g[i];
    if (!used[std::size_t(i)]) continue;
    for (const node_id j : {x.a, x.b, x.c})
      if (g[j].code == op::softmax && !(x.code == op::dot && x.over == g[j].over)) r[std::size_t(j)] = true;
  }
  return r;
}

// Is a pointwise value 0 wherever some operands (a, b, c) are?
constexpr bool vanishes_with_operands(const graph& g, const node& x, bool a, bool b, bool c) {
  if (!(a || b || c) || !is_real(x.type)) return false;
  switch (x.code) {
    case op::multiply: return true;
    case op::divide: case op::mask: case op::negate: case op::cast: return a;
    case op::add: case op::subtract: return a && b;
    case op::where: return (b || is_constant(g, x.b, 0)) && (c || is_constant(g, x.c, 0));
    case op::present: return a;
    default: return false;
  }
}

// With the weights of which softmax a value vanishes: 0: none, several: a sum over more than one.
struct vanishing {
  static constexpr node_id several = -1;
  std::array<node_id, graph::capacity> with{};
  int done = 1;
  constexpr bool operator[](node_id i) const { return with[std::size_t(i)] != 0; }
  constexpr void extend(const graph& g) {
    for (; done < g.size; ++done) {
      const node& x = g[done];
      const node_id a = with[std::size_t(x.a)], b = with[std::size_t(x.b)], c = with[std::size_t(x.c)];
      if (with[std::size_t(done)] || !vanishes_with_operands(g, x, a, b, c)) continue;
      const node_id first = a && x.code != op::where ? a : b ? b : c, other = x.code == op::where ? c : b;
      const bool sums = x.code == op::add || x.code == op::subtract || x.code == op::where;
      with[std::size_t(done)] = sums && other && other != first ? several : first;
    }
  }
};

// sum<n>(f * sum<m>(x)) = sum<n, m>(f * x), for values over pairs of positions only: what a gradient sums step by step would
// otherwise be stored over pairs between the steps.
constexpr void add_sums_at_once(graph& g, node& sum, const vanishing& paired) {
  const node of = g[sum.a];
  const auto inner = [&](node_id i) { return g[i].code == op::sum && paired[g[i].a]; };
  if (inner(sum.a)) {
    sum.over |= of.over, sum.a = of.a;
  } else if (of.code == op::negate && inner(of.a)) {
    sum.over |= g[of.a].over, sum.a = make(g, op::negate, of.type, g[of.a].a);
  } else if (of.code == op::multiply && (inner(of.a) || inner(of.b))) {
    const node_id s = inner(of.b) ? of.b : of.a, f = s == of.b ? of.a : of.b;
    if ((g[f].axes & ~g[g[s].a].axes) || (g[f].axes & g[s].over)) return;
    sum.over |= g[s].over, sum.a = make(g, op::multiply, of.type, f, g[s].a);
  }
}

// A sum over the weights of several softmaxes as two addends, so that each softmax can be reduced in a region of its own; false
// if it does not come apart. Factors and masks go to both.
struct addends { node_id a{}, b{}; };
constexpr bool come_apart(graph& g, node_id i, vanishing& paired, presences& present, addends& r) {
  const node x = g[i];
  if (paired.with[std::size_t(i)] != vanishing::several) return false;
  const auto both = [&](auto build) {
    r = {build(r.a), build(r.b)};
    paired.extend(g);
    return true;
  };
  switch (x.code) {
    case op::add: case op::subtract:
      r = {x.a, x.code == op::add ? x.b : make(g, op::negate, x.type, x.b)};
      return both([](node_id part) { return part; }) && present.of(g, r.a) == present.of(g, r.b);   // an absent addend makes the sum absent
    case op::multiply: {
      const bool left = paired.with[std::size_t(x.a)] == vanishing::several;
      return come_apart(g, left ? x.a : x.b, paired, present, r) &&
             both([&](node_id part) { return make(g, op::multiply, x.type, left ? part : x.a, left ? x.b : part); });
    }
    case op::negate: case op::cast: case op::present: case op::mask:
      return come_apart(g, x.a, paired, present, r) && both([&](node_id part) { return make(g, x.code, x.type, part, x.b); });
    default: return false;
  }
}

// A reduction over several axes, one axis at a time: each step is a row region. (Sums over pairs stay whole, see above.) The mean
// is the sum over the number of elements.
constexpr node_id one_axis_at_a_time(graph& g, node x) {
  const op step = x.code == op::mean ? op::sum : x.code;
  node_id r = x.a;
  for (int i = max_axes - 1; i >= 0; --i) {
    const axis_set one = axis_bit(i);
    if (x.over & one) r = g.add(node{.code = step, .type = x.type, .a = r, .axes = g[r].axes & ~one, .over = one});
  }
  return x.code == op::mean ? make(g, op::divide, x.type, r, add_count(g, x.over)) : r;
}

// Memory holds numbers and does not say which are absent. So what moves elements out of memory moves numbers, with 0 for what
// is absent, and what was absent is absent again behind it; and a product says at its operand what it leaves out.
struct settled_absence {
  presences present{};
  constexpr node_id moving(graph& g, node x) {
    node values = x;
    const node_id a = present.of(g, x.a), b = present.of(g, x.b);
    if (!a && !b) return g.add(x);
    if (a) values.a = add_present(g, x.a);
    if (b) values.b = add_present(g, x.b);
    const node_id keep = presences::moved(g, x, a, b), y = g.add(values);
    return g.add(node{.code = op::mask, .type = x.type, .a = y, .b = keep, .axes = g[y].axes | g[keep].axes});
  }
  constexpr node_id product(graph& g, node x) {
    x.a = masked(g, x.a), x.b = masked(g, x.b);
    return g.add(x);
  }

 private:
  static constexpr node_id add_present(graph& g, node_id i) {
    return g.add(node{.code = op::present, .type = g[i].type, .a = i, .axes = g[i].axes});
  }
  constexpr node_id masked(graph& g, node_id i) {
    const node_id keep = g[i].code == op::mask ? node_id(0) : present.of(g, i);
    return keep ? g.add(node{.code = op::mask, .type = g[i].type, .a = i, .b = keep, .axes = g[i].axes | g[keep].axes}) : i;
  }
};

// The pass. Roots keep their places; nodes that nothing needs are gone.
template <std::size_t N>
constexpr simplified_graph simplified(const graph& g, const std::array<node_id, N>& roots, int count) {
  simplified_graph r;
  r.g.axes = g.axes, r.g.axis_hash = g.axis_hash, r.g.axis_count = g.axis_count;
  r.g.inputs = g.inputs, r.g.input_count = g.input_count;
  r.g.primitives = g.primitives, r.g.primitive_count = g.primitive_count;
  const node_flags used = reachable(g, roots, count), other_use = weights_in_other_use(g, used);
  std::array<node_id, graph::capacity>& to = r.to;
  weights weight;
  vanishing paired;                                        // with such weights
  settled_absence absence;
  const auto reduced = [&](const auto& self, node y) -> node_id {   // a product or a reduction
    for (const node_id i : {y.a, y.b}) {
      addends parts;
      if ((y.code != op::dot && y.code != op::sum) || !come_apart(r.g, i, paired, absence.present, parts)) continue;
      node one = y, two = y;
      (i == y.a ? one.a : one.b) = parts.a, (i == y.a ? two.a : two.b) = parts.b;
      const node_id first = self(self, one);
      return make(r.g, op::add, y.type, first, self(self, two));
    }
    if (y.code == op::dot) {
      // What is summed over the columns of a softmax and over batch axes is summed over the columns first.
      const node_id w = paired.with[std::size_t(paired[y.a] ? y.a : y.b)];
      const axis_set column = w > 0 ? r.g[w].over : axis_set(0), rest = y.over & ~column;
      if (!column || !rest || (y.over & column) != column) return absence.product(r.g, y);
      y.axes |= rest, y.over = column;
      return one_axis_at_a_time(r.g, node{.code = op::sum, .type = y.type, .a = absence.product(r.g, y), .axes = y.axes & ~rest, .over = rest});
    }
    if (y.code == op::sum) add_sums_at_once(r.g, y, paired), paired.extend(r.g);
    const bool apart = std::popcount(y.over) > 1 && !paired[y.a] &&
                       (y.code == op::sum || y.code == op::max || y.code == op::min || (y.code == op::mean && !absence.present.of(r.g, y.a)));
    return apart ? one_axis_at_a_time(r.g, y) : r.g.add(y);
  };
  for (int i = 1; i < g.size; ++i) {
    if (!used[std::size_t(i)]) continue;
    const node& x = g[i];
    const node_id a = to[std::size_t(x.a)], b = to[std::size_t(x.b)], c = to[std::size_t(x.c)];
    node_id& y = to[std::size_t(i)];
    if (is_leaf(x.code)) {
      y = r.g.add(x);
    } else if (is_pointwise(x.code) || x.code == op::mask) {
      y = make(r.g, x.code, x.type, a, b, c, x.value);
    } else if (x.code == op::rename && x.first == x.second) {
      y = a;
    } else if (x.code == op::rename && weight.light(a) && r.g[a].code != op::input) {
      y = renamed(r.g, a, x.first, x.second);
    } else if (x.code == op::gather && r.g[b].code == op::index && !(r.g[a].axes & r.g[b].axes & ~(axis_set(1) << x.first))) {
      const std::int16_t at = r.g[b].first;                // the table at an axis itself: a view of its first elements
      y = at == x.first ? a
                        : absence.moving(r.g, node{.code = op::slice, .type = x.type, .a = a, .axes = x.axes, .first = x.first, .second = at});
    } else if (x.code == op::gather && is_constant(r.g, b) && r.g[b].value >= 0 && r.g[b].value < double(r.g.extent(x.first))) {
      y = absence.moving(r.g, node{.code = op::pick, .type = x.type, .a = a, .axes = r.g[a].axes & ~(axis_set(1) << x.first),
                                   .first = x.first, .value = r.g[b].value});
    } else {
      node copy = x;
      copy.a = a, copy.b = b, copy.c = c, copy.hash = 0;
      y = is_moving(x.code) ? absence.moving(r.g, copy) : reduced(reduced, copy);
      if (other_use[std::size_t(i)]) {                     // behind the weights: whether anything needs it is decided later
        if (!copy.b) r.g.add(node{.code = op::logsumexp, .type = copy.type, .a = copy.a, .axes = copy.axes & ~copy.over, .over = copy.over});
        paired.with[std::size_t(y)] = y;
      }
    }
    paired.extend(r.g);
    weight.extend(r.g);
  }
  for (std::size_t i = 0; i < std::size_t(count); ++i) r.roots[i] = to[std::size_t(roots[i])];
  return r;
}

}  // namespace heed::middle
