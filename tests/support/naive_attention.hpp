// Attention and its gradients by plain loops, in any precision, independent of heed; and the error unit of every
// result.
//
// The unit of a result is eps times the result with every difference replaced by a sum of magnitudes, each weight P
// counted 1 + reach times, where reach is the largest sum of magnitudes that a score of the row is made of (for a plain
// score the largest of scale |q| |k|): an exponential magnifies the error of its argument by the argument. (Where eps *
// (1 + reach) is no longer small, a weight is off by exp(eps * (1 + reach)) - 1 of itself, and by no more than 1.) With
// A = |dO| |V|^T, B = P (A + the row's sum of P A) in the place of dS = P (dP - delta), and |slope| the derivative of
// the score by q k scale, likewise without cancellation:
//   O: P |V|    dV: P^T |dO|    dQ: scale (B |slope|) |K|    dK: scale (B |slope|)^T |Q|    a captured operand: the sum
//   of B |d score|
// A weight below the smallest normal number may be 0: its error is that number.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

namespace heed_tests {

// B x G key heads, R query heads of each; q (b, g, r, n, d), k (b, g, m, d), v (b, g, m, e), cotangent (b, g, r, n, e),
// all dense.
struct attention_problem {
  std::size_t B = 1, G = 1, R = 1, N = 0, M = 0, D = 0, E = 0;
  double scale = 1;
  std::vector<double> q, k, v, cotangent;

  std::size_t heads() const { return B * G * R; }
};
struct pair_of_positions {
  std::size_t b, g, r, n, m;
};

// What becomes of a scaled product: the score, its derivative by the product, the magnitude of what is added to it, and
// the derivative without cancellation.
template <class T> struct changed_score {
  bool visible = true;
  T score{}, slope = T(1);
  double added = 0, slope_magnitude = 1;
};

template <class T> struct attention_values {
  std::vector<T> o, lse, dq, dk, dv, ds;  // ds (b, g, r, n, m): by the changed score

  attention_values() = default;
  explicit attention_values(const attention_problem& p)
      : o(p.heads() * p.N * p.E),
        lse(p.heads() * p.N),
        dq(p.q.size()),
        dk(p.k.size()),
        dv(p.v.size()),
        ds(p.heads() * p.N * p.M) {}
};

// Calls f(pair, number of the query row, number of the first key of its head) for every row.
template <class F> void each_row(const attention_problem& p, const F& f) {
  std::size_t row = 0;
  for (std::size_t b = 0; b < p.B; ++b)
    for (std::size_t g = 0; g < p.G; ++g)
      for (std::size_t r = 0; r < p.R; ++r)
        for (std::size_t n = 0; n < p.N; ++n, ++row) f(pair_of_positions{b, g, r, n, 0}, row, (b * p.G + g) * p.M);
}

// change(product, pair) gives a changed_score<T>; what is not visible is never read.
template <class T, class Change>
attention_values<T> naive_attention(const attention_problem& p, const Change& change) {
  attention_values<T> r(p);
  std::vector<T> weight(p.M), slope(p.M);
  std::vector<char> seen(p.M);
  each_row(p, [&](pair_of_positions at, std::size_t row, std::size_t first) {
    T top = -std::numeric_limits<T>::infinity(), total = 0, delta = 0;
    for (at.m = 0; at.m < p.M; ++at.m) {
      seen[at.m] = change(T(0), at).visible;
      if (!seen[at.m]) continue;
      T product = 0;
      for (std::size_t d = 0; d < p.D; ++d) product += T(p.q[row * p.D + d]) * T(p.k[(first + at.m) * p.D + d]);
      const changed_score<T> s = change(product * T(p.scale), at);
      weight[at.m] = s.score, slope[at.m] = s.slope, top = std::max(top, s.score);
    }
    if (top == -std::numeric_limits<T>::infinity()) {  // nothing is left
      r.lse[row] = top;
      return;
    }
    for (std::size_t m = 0; m < p.M; ++m)
      if (seen[m]) total += weight[m] = std::exp(weight[m] - top);
    r.lse[row] = top + std::log(total);
    for (std::size_t m = 0; m < p.M; ++m) {
      if (!seen[m]) continue;
      weight[m] /= total;
      for (std::size_t e = 0; e < p.E; ++e) r.o[row * p.E + e] += weight[m] * T(p.v[(first + m) * p.E + e]);
    }
    for (std::size_t e = 0; e < p.E; ++e) delta += T(p.cotangent[row * p.E + e]) * r.o[row * p.E + e];
    for (std::size_t m = 0; m < p.M; ++m) {
      if (!seen[m]) continue;
      T dp = 0;
      for (std::size_t e = 0; e < p.E; ++e) {
        dp += T(p.cotangent[row * p.E + e]) * T(p.v[(first + m) * p.E + e]);
        r.dv[(first + m) * p.E + e] += weight[m] * T(p.cotangent[row * p.E + e]);
      }
      const T ds = weight[m] * (dp - delta), by_product = ds * slope[m] * T(p.scale);
      r.ds[row * p.M + m] = ds;
      for (std::size_t d = 0; d < p.D; ++d) {
        r.dq[row * p.D + d] += by_product * T(p.k[(first + m) * p.D + d]);
        r.dk[(first + m) * p.D + d] += by_product * T(p.q[row * p.D + d]);
      }
    }
  });
  return r;
}

// The error units of a computation in T (see above).
template <class T, class Change>
attention_values<double> error_units(const attention_problem& p, const Change& change) {
  // A weight below the smallest normal number may be 0 (simd::exp2_weight); in the backward pass, where it is
  // multiplied by what may be small itself, one below 2^25 times that number.
  const double eps = double(std::numeric_limits<T>::epsilon()), smallest = double(std::numeric_limits<T>::min()),
               smallest_backward = std::ldexp(smallest, 25);
  attention_values<double> r(p);
  const attention_values<double> exact = naive_attention<double>(p, change);
  std::vector<double> error(p.M), slope(p.M), a(p.M);  // of a weight; the weight itself follows from ds only where dp
                                                       // is not delta
  std::vector<double> weight(p.M);
  std::vector<char> seen(p.M);
  each_row(p, [&](pair_of_positions at, std::size_t row, std::size_t first) {
    double reach = 0, total_a = 0;
    for (at.m = 0; at.m < p.M; ++at.m) {
      seen[at.m] = change(0., at).visible;
      if (!seen[at.m]) continue;
      double product = 0, magnitude = 0;
      for (std::size_t d = 0; d < p.D; ++d) {
        const double x = p.q[row * p.D + d] * p.k[(first + at.m) * p.D + d];
        product += x, magnitude += std::fabs(x);
      }
      const changed_score<double> s = change(product * p.scale, at);
      reach = std::max(reach, magnitude * std::fabs(p.scale) * s.slope_magnitude + s.added);
      weight[at.m] = std::exp(s.score - exact.lse[row]), slope[at.m] = s.slope_magnitude;
    }
    r.lse[row] = eps * (1 + reach);
    if (exact.lse[row] == -std::numeric_limits<double>::infinity()) return;
    for (std::size_t m = 0; m < p.M; ++m) {
      if (!seen[m]) continue;
      error[m] = std::min(weight[m] * std::expm1(std::min(eps * (1 + reach), 100.0)), 1.0) + smallest, a[m] = 0;
      for (std::size_t e = 0; e < p.E; ++e) {
        r.o[row * p.E + e] += error[m] * std::fabs(p.v[(first + m) * p.E + e]);
        r.dv[(first + m) * p.E + e] += (error[m] + smallest_backward) * std::fabs(p.cotangent[row * p.E + e]);
        a[m] += std::fabs(p.cotangent[row * p.E + e] * p.v[(first + m) * p.E + e]);
      }
      total_a += weight[m] * a[m];
    }
    for (std::size_t m = 0; m < p.M; ++m) {
      if (!seen[m]) continue;
      const double unit = (error[m] + smallest_backward) * (a[m] + total_a),
                   by_product = unit * slope[m] * std::fabs(p.scale);
      r.ds[row * p.M + m] = unit;
      for (std::size_t d = 0; d < p.D; ++d) {
        r.dq[row * p.D + d] += by_product * std::fabs(p.k[(first + m) * p.D + d]);
        r.dk[(first + m) * p.D + d] += by_product * std::fabs(p.q[row * p.D + d]);
      }
    }
  });
  return r;
}

// |got - want| in units; below 1e-30 nothing counts. Infinite where only one of them is finite.
inline double in_units(double got, double want, double unit) {
  if (got == want || (std::isnan(got) && std::isnan(want))) return 0;
  const double difference = std::fabs(got - want);
  return difference <= 1e-30                                ? 0
         : difference <= std::numeric_limits<double>::max() ? difference / (unit + 1e-30 / 16)
                                                            : std::numeric_limits<double>::infinity();
}

}  // namespace heed_tests
