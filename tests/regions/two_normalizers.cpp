// Weights of two kinds of one score, added up before values are weighed: of a softmax of the largest scores and of
// sparsemax, of a softmax and of sigmoids. Their gradient comes apart into what vanishes with the weights of the
// softmax and what does not, and each is one loop nest: against the gradient by hand in double, and the same bits for
// any number of threads.
// options: -O0 -DHEED_UNOPTIMISED
#include "expect_close.hpp"
#include <cstring>
#include <functional>
#include <omp.h>
using namespace heed_tests;

namespace {
constexpr axis<"h"> h;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 7> d;
constexpr axis<"e", 5> e;
constexpr auto q = input<"q">(h, n, d);
constexpr auto k = input<"k">(h, m, d);
constexpr auto v = input<"v">(h, m, e);
constexpr auto s = mask(scaled_dot<d>(q, k), m <= n + 5);
constexpr auto sparse = dot<m>(top_k_softmax<m>(s, 6) + sparsemax<m>(s), v);
constexpr auto gated = dot<m>(softmax<m>(s) + 0.25 * sigmoid(s), v);
template <const auto& Out> inline constexpr auto gradients = gradient<Out>(wrt(q, k, v));

using row = std::vector<double>;
// The weights of a row of scores, and what reaches the scores where `worth` reaches the weights.
struct weighed {
  row weights, of_scores;
};
weighed softmax_of(const row& z, const row& worth, double least) {
  weighed r{row(z.size()), row(z.size())};
  double top = -INFINITY, all = 0, mean = 0;
  for (const double x : z) top = std::max(top, x);
  for (std::size_t i = 0; i < z.size(); ++i)
    if (z[i] >= least) all += r.weights[i] = std::exp(z[i] - top);
  for (std::size_t i = 0; i < z.size(); ++i) mean += (r.weights[i] /= all) * worth[i];
  for (std::size_t i = 0; i < z.size(); ++i) r.of_scores[i] = r.weights[i] * (worth[i] - mean);
  return r;
}
weighed sparsemax_of(const row& z, const row& worth) {
  weighed r{row(z.size()), row(z.size())};
  row sorted = z;
  std::sort(sorted.rbegin(), sorted.rend());
  double sum = 0, threshold = 0, mean = 0, count = 0;
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    sum += sorted[i];
    if (const double t = (sum - 1) / double(i + 1); t < sorted[i]) threshold = t;
  }
  for (std::size_t i = 0; i < z.size(); ++i)
    if (z[i] > threshold) r.weights[i] = z[i] - threshold, mean += worth[i], ++count;
  for (std::size_t i = 0; i < z.size(); ++i) r.of_scores[i] = z[i] > threshold ? worth[i] - mean / count : 0;
  return r;
}
weighed both(const weighed& a, const weighed& b, double share = 1) {
  weighed r = a;
  for (std::size_t i = 0; i < r.weights.size(); ++i)
    r.weights[i] += share * b.weights[i], r.of_scores[i] += share * b.of_scores[i];
  return r;
}
weighed sparse_of(const row& z, const row& worth) {
  row sorted = z;
  std::sort(sorted.rbegin(), sorted.rend());
  return both(softmax_of(z, worth, sorted[std::min<std::size_t>(5, z.size() - 1)]), sparsemax_of(z, worth));
}
weighed gated_of(const row& z, const row& worth) {
  weighed gates{row(z.size()), row(z.size())};
  for (std::size_t i = 0; i < z.size(); ++i) {
    const double x = gates.weights[i] = 1 / (1 + std::exp(-z[i]));
    gates.of_scores[i] = x * (1 - x) * worth[i];
  }
  return both(softmax_of(z, worth, -INFINITY), gates, 0.25);
}

struct problem {
  extent_t H, N, M;
  tensor<float> Q = filled<float>(1, 1, {H, N, 7}), K = filled<float>(2, 1, {H, M, 7}),
                V = filled<float>(3, 1, {H, M, 5}), C = filled<float>(4, 1, {H, N, 5});
  tensor<float> O{H, N, 5}, dQ{H, N, 7}, dK{H, M, 7}, dV{H, M, 5};
  tensor<double> wO{H, N, 5}, wQ{H, N, 7}, wK{H, M, 7}, wV{H, M, 5};

  template <const auto& Out> void run() {
    fuse<Out, strict>(q = Q, k = K, v = V, into(O));
    fuse<gradients<Out>, strict>(q = Q, k = K, v = V, cotangent<Out> = C, into(dQ, dK, dV));
  }
  template <const auto& Out> void check(const std::function<weighed(const row&, const row&)>& by_hand) {
    run<Out>();
    for (extent_t i = 0; i < H; ++i)
      for (extent_t r = 0; r < N; ++r) {
        row z, worth;
        for (extent_t c = 0; c < std::min(M, r + 6); ++c) {
          z.push_back(0), worth.push_back(0);
          for (int x = 0; x < 7; ++x) z.back() += double(Q(i, r, x)) * double(K(i, c, x)) / std::sqrt(7.);
          for (int x = 0; x < 5; ++x) worth.back() += double(C(i, r, x)) * double(V(i, c, x));
        }
        const weighed w = z.empty() ? weighed{} : by_hand(z, worth);
        for (std::size_t p = 0; p < z.size(); ++p) {
          const extent_t c = extent_t(p);
          for (int x = 0; x < 5; ++x) {
            wO(i, r, x) += w.weights[p] * double(V(i, c, x));
            wV(i, c, x) += w.weights[p] * double(C(i, r, x));
          }
          for (int x = 0; x < 7; ++x) {
            wQ(i, r, x) += w.of_scores[p] * double(K(i, c, x)) / std::sqrt(7.);
            wK(i, c, x) += w.of_scores[p] * double(Q(i, r, x)) / std::sqrt(7.);
          }
        }
      }
    BOOST_TEST_CONTEXT(H << " x " << N << " queries, " << M << " keys") {
      expect_close("out", O, wO), expect_close("dq", dQ, wQ), expect_close("dk", dK, wK), expect_close("dv", dV, wV);
    }
  }
};
}  // namespace

BOOST_AUTO_TEST_CASE(largest_scores_and_sparsemax) {
  for (const auto& [H, N, M] : {std::array<extent_t, 3>{2, 61, 70}, {1, 50, 13}, {1, 1, 1}, {1, 3, 0}, {1, 0, 3}})
    problem{H, N, M}.check<sparse>(sparse_of);
}
BOOST_AUTO_TEST_CASE(softmax_and_gates) {
  for (const auto& [H, N, M] : {std::array<extent_t, 3>{2, 61, 70}, {1, 50, 13}})
    problem{H, N, M}.check<gated>(gated_of);
}
BOOST_AUTO_TEST_CASE(threads) {
  const int before = omp_get_max_threads();
  problem one{2, 131, 131};
  omp_set_num_threads(1);
  one.run<sparse>();
  for (const int count : {2, 3}) {
    problem many{2, 131, 131};
    omp_set_num_threads(count);
    many.run<sparse>();
    const auto same = [](const auto& a, const auto& b) {
      return std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
    };
    BOOST_TEST((same(one.O, many.O) && same(one.dQ, many.dQ) && same(one.dK, many.dK) && same(one.dV, many.dV)));
  }
  omp_set_num_threads(before);
}
