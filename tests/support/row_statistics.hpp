// What rows know of all their elements after several passes, by sorting them, in double. -inf is no element.
#pragma once
#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <vector>

namespace heed_tests {

inline std::vector<double> sorted_elements(std::vector<double> row) {
  std::erase(row, -INFINITY);
  std::sort(row.begin(), row.end(), std::greater<double>());
  return row;
}
inline double kth_largest_of(const std::vector<double>& given, double k) {
  const std::vector<double> row = sorted_elements(given);
  if (k < 1) return INFINITY;
  return row.empty() ? -INFINITY : row[std::min(std::size_t(k), row.size()) - 1];
}
// The weights of a row of scores (Martins and Astudillo 2016; Peters, Niculae and Martins 2019, algorithm 2; by
// bisection for other alphas).
inline std::vector<double> entmax_of(const std::vector<double>& s, double alpha) {
  const std::vector<double> row = sorted_elements(s);
  std::vector<double> r(s.size(), 0.);
  if (row.empty()) return r;
  const double p = 1 / (alpha - 1);
  const auto z = [&](double x) { return (x - row[0]) / p; };
  double tau = 0, sum = 0, squares = 0;
  for (std::size_t k = 1; k <= row.size() && (alpha == 2 || alpha == 1.5); ++k) {
    const double x = z(row[k - 1]);
    sum += x, squares += x * x;
    const double mean = sum / double(k);
    const double at = alpha == 2
                          ? (sum - 1) / double(k)
                          : mean - std::sqrt(std::max(0., (1 - (squares - double(k) * mean * mean)) / double(k)));
    if (at > x) break;
    tau = at;
  }
  if (alpha != 2 && alpha != 1.5) {
    double low = -1, high = 0;
    for (int i = 0; i < 200; ++i) {
      tau = (low + high) / 2;
      double total = 0;
      for (const double x : row) total += std::pow(std::max(z(x) - tau, 0.), p);
      (total >= 1 ? low : high) = tau;
    }
  }
  for (std::size_t i = 0; i < s.size(); ++i) r[i] = s[i] == -INFINITY ? 0 : std::pow(std::max(z(s[i]) - tau, 0.), p);
  return r;
}
// The t of which the weights are max((alpha - 1) (s - t), 0)^(1 / (alpha - 1)).
inline double entmax_threshold_of(const std::vector<double>& s, double alpha) {
  const std::vector<double> row = sorted_elements(s);
  if (row.empty()) return std::numeric_limits<float>::lowest();
  const std::vector<double> w = entmax_of({row}, alpha);
  return row[0] - std::pow(w[0], alpha - 1) / (alpha - 1);
}

}  // namespace heed_tests
