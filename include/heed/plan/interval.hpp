// Interval values: what an expression can be on a whole tile. A condition is {0, 0} never, {1, 1} always, {0, 1} mixed.
// Sound for every input: what could be NaN, or has no tight rule, is the whole line.
#pragma once
#include "program.hpp"
#include <algorithm>
#include <cmath>
#include <limits>

namespace heed::middle {

struct interval {
  double lo, hi;
  constexpr interval() : lo(-std::numeric_limits<double>::infinity()), hi(-lo) {}
  constexpr interval(double v) : interval(v, v) {}
  constexpr interval(double l, double h) : lo(l), hi(h) {
    if (!(lo <= hi)) *this = interval();                   // NaN on either side
  }
};
constexpr interval truth(bool always, bool possible) { return {double(always), double(possible)}; }
constexpr interval hull(double a, double b, double c, double d) {
  if (a != a || b != b || c != c || d != d) return {};
  return {std::min(std::min(a, b), std::min(c, d)), std::max(std::max(a, b), std::max(c, d))};
}

constexpr interval operator+(interval a, interval b) { return {a.lo + b.lo, a.hi + b.hi}; }
constexpr interval operator-(interval a, interval b) { return {a.lo - b.hi, a.hi - b.lo}; }
constexpr interval operator-(interval a) { return {-a.hi, -a.lo}; }
constexpr interval operator*(interval a, interval b) { return hull(a.lo * b.lo, a.lo * b.hi, a.hi * b.lo, a.hi * b.hi); }
constexpr interval operator/(interval a, interval b) {
  if (b.lo <= 0 && b.hi >= 0) return {};
  return hull(a.lo / b.lo, a.lo / b.hi, a.hi / b.lo, a.hi / b.hi);
}
constexpr interval fma(interval a, interval b, interval c) { return a * b + c; }
constexpr interval fnma(interval a, interval b, interval c) { return c - a * b; }
constexpr interval operator<(interval a, interval b) { return truth(a.hi < b.lo, a.lo < b.hi); }
constexpr interval operator<=(interval a, interval b) { return truth(a.hi <= b.lo, a.lo <= b.hi); }
constexpr interval operator==(interval a, interval b) {
  return truth(a.lo == a.hi && b.lo == b.hi && a.lo == b.lo, a.lo <= b.hi && b.lo <= a.hi);
}
constexpr interval operator&&(interval a, interval b) { return {std::min(a.lo, b.lo), std::min(a.hi, b.hi)}; }
constexpr interval operator||(interval a, interval b) { return {std::max(a.lo, b.lo), std::max(a.hi, b.hi)}; }
constexpr interval operator!(interval a) { return {1 - a.hi, 1 - a.lo}; }
constexpr interval min(interval a, interval b) { return {std::min(a.lo, b.lo), std::min(a.hi, b.hi)}; }
constexpr interval max(interval a, interval b) { return {std::max(a.lo, b.lo), std::max(a.hi, b.hi)}; }
constexpr interval abs(interval a) { return a.lo >= 0 ? a : a.hi <= 0 ? -a : interval{0, std::max(-a.lo, a.hi)}; }
constexpr interval select(interval c, interval a, interval b) {
  return c.lo > 0 ? a : c.hi <= 0 ? b : interval{std::min(a.lo, b.lo), std::max(a.hi, b.hi)};
}
constexpr interval to_real(interval a) { return a; }
inline interval to_integer(interval a) { return {std::trunc(a.lo), std::trunc(a.hi)}; }

// Growing functions: the value at the ends, a little wider, because kernels round otherwise than this does.
inline interval widened(double lo, double hi) {
  return {lo - 1e-5 * std::fabs(lo) - 1e-30, hi + 1e-5 * std::fabs(hi) + 1e-30};
}
inline interval exp(interval a) { return widened(std::exp(a.lo), std::exp(a.hi)); }
inline interval exp2(interval a) { return widened(std::exp2(a.lo), std::exp2(a.hi)); }
inline interval log(interval a) { return a.lo > 0 ? widened(std::log(a.lo), std::log(a.hi)) : interval(); }
inline interval tanh(interval a) { return widened(std::tanh(a.lo), std::tanh(a.hi)); }
inline interval erf(interval a) { return widened(std::erf(a.lo), std::erf(a.hi)); }
inline interval sigmoid(interval a) { return widened(1 / (1 + std::exp(-a.lo)), 1 / (1 + std::exp(-a.hi))); }
inline interval sqrt(interval a) { return a.lo >= 0 ? widened(std::sqrt(a.lo), std::sqrt(a.hi)) : interval(); }
inline interval rsqrt(interval a) { return a.lo > 0 ? widened(1 / std::sqrt(a.hi), 1 / std::sqrt(a.lo)) : interval(); }
inline interval power(interval a, double c) {
  return a.lo > 0 && c >= 0 ? widened(std::pow(a.lo, c), std::pow(a.hi, c)) : interval();
}

}  // namespace heed::middle
