// Pointwise nodes that are simple when they are made: constants fold, neutral elements vanish, a division by a number becomes a
// multiplication, constants gather on the left and move into the operand that varies least. What floating-point numbers could
// tell apart beyond rounding (NaN, signed infinity) is left alone: 0 * x stays.
#pragma once
#include "../graph/graph.hpp"
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

}  // namespace heed::middle
