// Pointwise nodes that are simple when they are made: constants fold, neutral elements vanish, constants gather on the
// left and move into the operand that varies least. What floating-point numbers could tell apart beyond rounding (NaN,
// signed infinity) is left alone: 0 * x stays. A division stays one, unless its divisor is a power of two or it scales
// a score (`rounding::scaled`).
#pragma once
#include "../../graph/decisions.hpp"
#include "../../graph/presence.hpp"
#include "../facts/nodes.hpp"
#include <bit>
#include <limits>

namespace heed::internal::plan {

constexpr double square_root(double x) {
  if (!(x > 0)) return x == 0 ? 0 : std::numeric_limits<double>::quiet_NaN();
  if (x > std::numeric_limits<double>::max()) return x;
  double scale = 1;  // to [1, 4): then Newton from 1.5 converges in a few steps
  while (x >= 4) x /= 4, scale *= 2;
  while (x < 1) x *= 4, scale /= 2;
  double r = 1.5;
  for (int i = 0; i < 6; ++i) r = (r + x / r) / 2;
  return r * scale;
}

// By the number of axes: a slope over heads varies less than a distance of positions, though neither has the other's
// axes.
constexpr bool varies_less(const graph& g, int a, int b) { return std::popcount(g[a].axes) < std::popcount(g[b].axes); }

constexpr double whole_quotient(double x, double y) {  // rounded down; by 0 it is 0
  const std::int64_t a = std::int64_t(x), b = std::int64_t(y), q = b ? a / b : 0;
  return double(b && a % b && (a % b < 0) != (b < 0) ? q - 1 : q);
}
constexpr double folded(op code, double x, double y) {
  switch (code) {
    case op::negate: return -x;
    case op::abs: return x < 0 ? -x : x;
    case op::sqrt: return square_root(x);
    case op::rsqrt: return 1 / square_root(x);
    case op::invert: return x == 0;
    case op::add: return x + y;
    case op::subtract: return x - y;
    case op::multiply: return x * y;
    case op::divide: return x / y;
    case op::floor_divide: return whole_quotient(x, y);
    case op::remainder: return y != 0 ? x - y * whole_quotient(x, y) : 0;
    case op::minimum: return y < x || y != y ? y : x;
    case op::maximum: return x < y || y != y ? y : x;
    case op::less: return x < y;
    case op::less_equal: return x <= y;
    case op::equal: return x == y;
    case op::both: return x != 0 && y != 0;
    case op::either: return x != 0 || y != 0;
    default: return 0;
  }
}
// Does the fold stay finite and defined? 1 / 0 is left for run time.
constexpr bool can_fold(op code, double x, double y) {
  if (code == op::divide) return y != 0;
  if (code == op::sqrt) return x >= 0;
  if (code == op::rsqrt) return x > 0;
  return true;
}

// 1 / c is exact, and as ordinary a float as c.
constexpr bool is_power_of_two(double c) {
  const std::uint64_t bits = std::bit_cast<std::uint64_t>(c), exponent = bits >> 52 & 2047;
  return (bits & 0xfffffffffffffu) == 0 && exponent >= 1023 - 126 && exponent <= 1023 + 126;
}
constexpr bool has_ordinary_inverse(double c) {
  const double size = c < 0 ? -c : c;
  return size >= 0x1p-126 && size <= 0x1p126;
}
// Of constants and sizes alone.
constexpr bool is_of_sizes(const graph& g, node_id i) {
  const node& x = g[i];
  if (x.code == op::constant || x.code == op::size) return true;
  return is_pointwise(x.code) && is_of_sizes(g, x.a) && (!x.b || is_of_sizes(g, x.b)) && (!x.c || is_of_sizes(g, x.c));
}

// How a value may be rounded: as declared, operation by operation (it decides something); with products taken in
// another order (an ordinary value); also with a product by 1 / c in the place of a division (a scaled score).
enum class rounding : std::uint8_t { declared, reordered, scaled };

// Adds a pointwise node, simplified. Types are given: an operation keeps the element its author saw.
constexpr node_id make(graph& g, op code, element type, node_id a, node_id b = 0, node_id c = 0, double value = 0,
                       rounding rounds = rounding::reordered) {
  const bool reorders = is_real(type) && rounds != rounding::declared;
  if (facts_of(code).folds && (!is_real(type) || reorders) && is_constant(g, a) && (b == 0 || is_constant(g, b)) &&
      can_fold(code, g[a].value, b ? g[b].value : 0))
    return g.add_constant(folded(code, g[a].value, b ? g[b].value : 0), type);
  const bool real = is_real(type);
  switch (code) {
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
      if (is_constant(g, b) && !is_constant(g, a)) return make(g, op::multiply, type, b, a, 0, 0, rounds);
      if (is_constant(g, a, 1) && g[b].type == type) return b;
      if (real && !is_constant(g, a) && varies_less(g, b, a))
        return make(g, op::multiply, type, b, a, 0, 0, rounds);  // what varies less: left
      if (reorders && g[b].code == op::multiply && is_constant(g, g[b].a)) {
        const node_id inner = g[b].a, rest = g[b].b;
        if (is_constant(g, a))  // 2 * (3 * x) = 6 * x
          return make(g, op::multiply, type, g.add_constant(g[a].value * g[inner].value), rest);
        return make(g, op::multiply, type, inner, make(g, op::multiply, type, a, rest));  // x * (2 * y) = 2 * (x * y)
      }
      if (reorders && g[a].code == op::multiply && is_constant(g, g[a].a) && !varies_less(g, a, b)) {
        const node_id inner = g[a].a, rest = g[a].b;
        return make(g, op::multiply, type, inner, make(g, op::multiply, type, rest, b));
      }
      if (reorders && is_constant(g, a) && g[b].code == op::multiply && varies_less(g, g[b].a, g[b].b)) {
        const node_id less = g[b].a, more = g[b].b;
        return make(g, op::multiply, type, make(g, op::multiply, type, a, less), more);  // 2 * (slope * x) = (2 *
                                                                                         // slope) * x
      }
      break;
    case op::divide:
      if (is_constant(g, b, 1) && g[a].type == type) return a;
      if (is_constant(g, b) &&
          (is_power_of_two(g[b].value) || (rounds == rounding::scaled && has_ordinary_inverse(g[b].value))))
        return make(g, op::multiply, type, g.add_constant(1 / g[b].value), a, 0, 0, rounds);
      if (rounds == rounding::scaled && g[b].axes == 0 && g[a].axes != 0 && !is_constant(g, b) &&
          is_of_sizes(g, b))  // x / sqrt(size): one division, uniform
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
      if (g[a].code == op::mask && g[a].type == type)  // one mask, which regions know a value by
        return make(g, op::mask, type, g[a].a, all_of(g, g[a].b, b), 0, value, rounds);
      break;
    case op::cast:
      if (g[a].type == type) return a;
      break;
    default: break;
  }
  return g.add(node{
      .code = code, .type = type, .a = a, .b = b, .c = c, .axes = g[a].axes | g[b].axes | g[c].axes, .value = value});
}

// factor * value, with the factor pushed towards the leaves, where it usually meets another constant.
constexpr node_id scaled(graph& g, node_id value, double factor, int depth = 8) {
  const node x = g[value];
  const element real = is_real(x.type) ? x.type : element::real;
  if (depth == 0) return make(g, op::multiply, real, g.add_constant(factor), value);
  switch (x.code) {
    case op::constant: return g.add_constant(factor * x.value);
    case op::negate: return make(g, op::negate, real, scaled(g, x.a, factor, depth - 1));
    case op::add:
    case op::subtract: {
      const node_id a = scaled(g, x.a, factor, depth - 1);
      return make(g, x.code, real, a, scaled(g, x.b, factor, depth - 1));
    }
    case op::where: {
      const node_id b = scaled(g, x.b, factor, depth - 1);
      return make(g, op::where, real, x.a, b, scaled(g, x.c, factor, depth - 1));
    }
    case op::mask: return make(g, op::mask, real, scaled(g, x.a, factor, depth - 1), x.b);
    default: return make(g, op::multiply, real, g.add_constant(factor), value);
  }
}

}  // namespace heed::internal::plan
