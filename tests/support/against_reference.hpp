// Runs a fused graph and its oracle on the same random operands and compares them in error units.
#pragma once
#include <heed/heed.hpp>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>
#include <random>

namespace heed_tests {
using namespace heed;

template <class T> tensor<T> filled(unsigned seed, double scale, std::initializer_list<extent_t> extents) {
  tensor<T> t{std::span(extents.begin(), extents.size())};
  std::mt19937 random(seed);
  std::normal_distribution<double> normal(0, scale);
  for (T& x : t) x = T(normal(random));
  return t;
}
// The largest difference over `unit`, counting NaN against NaN and equal infinities as none. A difference where only
// one side is finite is infinite.
template <class T> double worst_units(const tensor<T>& got, const tensor<double>& want, double unit) {
  double worst = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    const double a = double(got[i]), b = want[i];
    if (a == b || (std::isnan(a) && std::isnan(b))) continue;
    const double d = std::fabs(a - b) / unit;
    worst = d <= worst ? worst : std::isnan(d) ? std::numeric_limits<double>::infinity() : d;
  }
  return worst;
}
template <class T> double largest(const tensor<T>& t) {
  double r = 0;
  for (const T x : t)
    if (std::isfinite(double(x))) r = std::max(r, std::fabs(double(x)));
  return r;
}
template <class T> bool mostly_zero(const tensor<T>& t) {
  std::size_t n = 0;
  for (const T x : t) n += x == T(0);
  return t.size() > 4 && n * 2 > t.size();
}

}  // namespace heed_tests
