// Interval values: what an expression can be on a whole tile. A condition is {0, 0} never, {1, 1} always, {0, 1} mixed.
// Sound for every input: what could be NaN, or has no tight rule, is the whole line. Functions (exp, ...) are bounded
// by their facts, in run/program/functions.hpp.
#pragma once
#include "../data/program.hpp"
#include <algorithm>
#include <cmath>
#include <limits>

namespace heed::internal::plan::inline HEED_INSTRUCTION_SET {

// Kernels compute in float, or in double. A float is exact in both; any other end moves out as far as rounding could.
constexpr double largest_float = std::numeric_limits<float>::max();
constexpr double moved_down(double x) {
  if (x > largest_float) return largest_float;
  if (x < -largest_float) return -std::numeric_limits<double>::infinity();
  const double nearest = double(float(x));
  return nearest == x ? x : std::min(nearest, x - 4e-16 * (x < 0 ? -x : x));
}
constexpr double moved_up(double x) { return -moved_down(-x); }

struct interval {
  double lo, hi;
  constexpr interval() : lo(-std::numeric_limits<double>::infinity()), hi(-lo) {}
  constexpr interval(double v)
      : interval(v - v == 0 ? moved_down(v) : v, v - v == 0 ? moved_up(v) : v) {}  // infinities are exact
  constexpr interval(double l, double h) : lo(l), hi(h) {
    if (!(lo <= hi)) *this = interval();  // NaN on either side
  }
};
// Perhaps NaN: whatever is computed from it is unknown, too.
constexpr bool is_unknown(interval a) { return a.lo == -std::numeric_limits<double>::infinity() && a.hi == -a.lo; }
// Bounds of values that are met one by one; unknown where one of them is NaN, or there is none.
struct bounds_of_values {
  double lo = std::numeric_limits<double>::infinity(), hi = -lo;
  bool unknown = false;
  constexpr void add(double v) { unknown = unknown || v != v, lo = v < lo ? v : lo, hi = v > hi ? v : hi; }
  constexpr interval bounds() const { return unknown ? interval() : interval(lo, hi); }
};
constexpr interval rounded(double lo, double hi) {
  if (lo != lo || hi != hi) return {};
  return {lo == std::numeric_limits<double>::infinity() ? lo : moved_down(lo),
          hi == -std::numeric_limits<double>::infinity() ? hi : moved_up(hi)};
}
constexpr interval truth(bool always, bool possible) { return {double(always), double(possible)}; }
constexpr interval hull(double a, double b, double c, double d) {
  if (a != a || b != b || c != c || d != d) return {};
  return rounded(std::min(std::min(a, b), std::min(c, d)), std::max(std::max(a, b), std::max(c, d)));
}

constexpr interval operator+(interval a, interval b) { return rounded(a.lo + b.lo, a.hi + b.hi); }
constexpr interval operator-(interval a, interval b) { return rounded(a.lo - b.hi, a.hi - b.lo); }
constexpr interval operator-(interval a) { return {-a.hi, -a.lo}; }
constexpr interval operator*(interval a, interval b) {
  if (is_unknown(a) || is_unknown(b)) return {};
  return hull(a.lo * b.lo, a.lo * b.hi, a.hi * b.lo, a.hi * b.hi);
}
constexpr interval operator/(interval a, interval b) {
  if (is_unknown(a) || (b.lo <= 0 && b.hi >= 0)) return {};
  return hull(a.lo / b.lo, a.lo / b.hi, a.hi / b.lo, a.hi / b.hi);
}
// Of whole numbers. A double quotient below 2^51 is whole only where the exact one is; a larger one may have been
// rounded up.
inline interval floor_divide(interval a, interval b) {
  if (is_unknown(a) || is_unknown(b)) return {};
  const double size = std::max(std::fabs(a.lo), std::fabs(a.hi));
  if (b.lo <= 0 && b.hi >= 0) return {-size, size};
  const interval q = hull(a.lo / b.lo, a.lo / b.hi, a.hi / b.lo, a.hi / b.hi);
  const double slack = size < 0x1p51 ? 0 : 1;
  return rounded(std::floor(q.lo) - slack, std::floor(q.hi) + slack);
}
inline interval remainder(interval a, interval b) {
  if (is_unknown(b)) return {};
  const double size = std::max(std::fabs(a.lo), std::fabs(a.hi));
  if (b.lo == b.hi && b.lo > 0 && size < 0x1p51) {  // all in one period
    const double period = std::floor(a.lo / b.lo);
    if (period == std::floor(a.hi / b.lo)) return rounded(a.lo - period * b.lo, a.hi - period * b.lo);
  }
  interval r{std::min(b.lo + 1, 0.0), std::max(b.hi - 1, 0.0)};
  if (a.lo >= 0 && b.lo >= 0) r.hi = std::min(r.hi, a.hi);
  return r;
}
// Draws (simd/random.hpp): as their counters are, they are not looked at.
constexpr interval random_uniform(interval, interval, interval) { return {0, 1 - 0x1p-24}; }
constexpr interval random_key(interval, interval, interval) { return {-0x1p31, 0x1p31 - 1}; }
constexpr interval fma(interval a, interval b, interval c) { return a * b + c; }
constexpr interval fnma(interval a, interval b, interval c) { return c - a * b; }
// mutants: wrong_interval_for_less
constexpr interval operator<(interval a, interval b) { return truth(a.hi < b.lo, a.lo < b.hi); }
constexpr interval operator<=(interval a, interval b) {
  return truth(a.hi <= b.lo && !is_unknown(a) && !is_unknown(b), a.lo <= b.hi);
}
constexpr interval operator==(interval a, interval b) {
  return truth(a.lo == a.hi && b.lo == b.hi && a.lo == b.lo, a.lo <= b.hi && b.lo <= a.hi);
}
constexpr interval operator&&(interval a, interval b) { return {std::min(a.lo, b.lo), std::min(a.hi, b.hi)}; }
constexpr interval operator||(interval a, interval b) { return {std::max(a.lo, b.lo), std::max(a.hi, b.hi)}; }
constexpr interval operator!(interval a) { return {1 - a.hi, 1 - a.lo}; }
constexpr interval min(interval a, interval b) {
  if (is_unknown(a) || is_unknown(b)) return {};
  return {std::min(a.lo, b.lo), std::min(a.hi, b.hi)};
}
constexpr interval max(interval a, interval b) {
  if (is_unknown(a) || is_unknown(b)) return {};
  return {std::max(a.lo, b.lo), std::max(a.hi, b.hi)};
}
constexpr interval select(interval c, interval a, interval b) {
  return c.lo > 0 ? a : c.hi <= 0 ? b : interval{std::min(a.lo, b.lo), std::max(a.hi, b.hi)};
}
constexpr interval to_real(interval a) { return rounded(a.lo, a.hi); }
inline interval to_integer(interval a) { return {std::trunc(a.lo), std::trunc(a.hi)}; }

// Between values at the ends, a little wider, because kernels round otherwise than this does.
inline interval widened(interval from, double lo, double hi) {
  if (is_unknown(from)) return {};
  return rounded(lo - 1e-5 * std::fabs(lo) - 1e-30, hi + 1e-5 * std::fabs(hi) + 1e-30);
}
inline interval power(interval a, double c) {
  return a.lo > 0 && c >= 0 ? widened(a, std::pow(a.lo, c), std::pow(a.hi, c)) : interval();
}

}  // namespace heed::internal::plan::inline HEED_INSTRUCTION_SET
