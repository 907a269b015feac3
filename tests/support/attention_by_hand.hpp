// Attention by the book, in plain loops: what the tests of mistakes that others made compare with, and a problem to try
// them on.
#pragma once
#include "against_reference.hpp"
#include "attention_operands.hpp"
#include <cstring>
#include <functional>

namespace heed_tests {

struct problem {
  extent_t B, H, N, M, D, E;
  tensor<float> Q = filled<float>(1, 1, {B, H, N, D}), K = filled<float>(2, 1, {B, H, M, D}),
                V = filled<float>(3, 1, {B, H, M, E});
  tensor<float> O{B, H, N, E}, L{B, H, N};
  double unit() const {
    return double(std::numeric_limits<float>::epsilon()) * largest(V) *
               (1 + largest(Q) * largest(K) * std::sqrt(double(D))) +
           1e-30;
  }
};
using at_pair = std::function<double(extent_t b, extent_t n, extent_t m, double score)>;  // NaN: not visible
inline double keep_if(bool visible, double score) { return visible ? score : NAN; }

// softmax(score) V by the book; what `change` gives as NaN is left out.
inline tensor<double> by_hand(const problem& p, const at_pair& change, double scale = 0) {
  tensor<double> out(p.B, p.H, p.N, p.E);
  if (scale == 0) scale = 1 / std::sqrt(double(p.D));
  for (extent_t i = 0; i < p.B; ++i)
    for (extent_t j = 0; j < p.H; ++j)
      for (extent_t y = 0; y < p.N; ++y) {
        std::vector<double> score(static_cast<std::size_t>(p.M));
        double top = -INFINITY, total = 0;
        for (extent_t z = 0; z < p.M; ++z) {
          double t = 0;
          for (extent_t a = 0; a < p.D; ++a) t += double(p.Q(i, j, y, a)) * double(p.K(i, j, z, a));
          const double changed_score = change(i, y, z, t * scale);
          score[std::size_t(z)] = changed_score;
          if (changed_score > top) top = changed_score;
        }
        for (const double t : score)
          if (!std::isnan(t)) total += std::exp(t - top);
        for (extent_t z = 0; z < p.M; ++z)
          if (const double t = score[std::size_t(z)]; !std::isnan(t))
            for (extent_t a = 0; a < p.E; ++a) out(i, j, y, a) += std::exp(t - top) / total * double(p.V(i, j, z, a));
      }
  return out;
}
inline bool same_bits(const tensor<float>& a, const tensor<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}
#define BY_HAND(P, OUT, CHANGE)                             \
  {                                                         \
    const tensor<double> want = by_hand(P, CHANGE);         \
    BOOST_TEST(worst_units((P).O, want, (P).unit()) <= 16); \
    BOOST_TEST(!mostly_zero(want));                         \
  }

}  // namespace heed_tests
