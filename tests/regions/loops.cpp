// Loop regions compute a reduction once where they ask for it again: the scores of a query are summed once, not once more for every key,
// for the softmax's maximum and its sum, and for every element of the values. Counted by a primitive inside the sum.
// options: -O1
#include "against_reference.hpp"
#include <atomic>
using namespace heed_tests;

namespace {
std::atomic<long> terms;
struct noted {
  static constexpr auto name = "noted";
  static auto value(const auto& x) { ++terms; return x; }
  static constexpr auto derivative(const auto&) { return 1; }
};
constexpr axis<"h"> h;  constexpr axis<"n"> n;  constexpr axis<"m"> m;  constexpr axis<"d"> d;  constexpr axis<"e"> e;
constexpr auto q = input<"q">(h, n, d);
constexpr auto k = input<"k">(h, m, d);
constexpr auto v = input<"v">(h, m, e);
constexpr auto rel = input<"rel">(n, m, d);
constexpr auto out = dot<m>(softmax<m>(mask(sum<d>(primitive<noted>(q * k)) + dot<d>(q, rel), m <= n)), v);
constexpr auto back = gradient<out>(wrt(v));
}  // namespace

BOOST_AUTO_TEST_CASE(a_score_is_summed_once_for_all_that_ask) {
  constexpr extent_t H = 2, N = 23, M = 21, D = 5, E = 8;
  const tensor<float> Q = filled<float>(1, 1, {H, N, D}), K = filled<float>(2, 1, {H, M, D}), V = filled<float>(3, 1, {H, M, E}), R = filled<float>(4, 1, {N, M, D});
  tensor<float> O(H, N, E), dV(H, M, E);
  terms = 0;
  fuse<out>(q = Q, k = K, v = V, rel = R, into(O));
  BOOST_TEST(terms.load() >= H * N * M * D);
  BOOST_TEST(terms.load() <= 3 * H * N * M * D, terms.load() << " terms of " << H * N * M * D);   // a query that two threads share counts twice
  fuse<back>(q = Q, k = K, v = V, rel = R, cotangent<out> = O, into(dV));
  tensor<double> wanted(H, M, E);
  double worst = 0, worst_back = 0;
  for (extent_t a = 0; a < H; ++a)
    for (extent_t i = 0; i < N; ++i) {
      double weight[M] = {}, total = 0;
      for (extent_t j = 0; j < std::min(M, i + 1); ++j) {
        double score = 0;
        for (extent_t c = 0; c < D; ++c) score += double(Q(a, i, c)) * (double(K(a, j, c)) + double(R(i, j, c)));
        total += weight[j] = std::exp(score);
      }
      for (extent_t c = 0; c < E; ++c) {
        double o = 0;
        for (extent_t j = 0; j < M; ++j) o += weight[j] / total * double(V(a, j, c)), wanted(a, j, c) += weight[j] / total * double(O(a, i, c));
        worst = std::max(worst, std::abs(o - double(O(a, i, c))));
      }
    }
  for (std::size_t i = 0; i < dV.size(); ++i) worst_back = std::max(worst_back, std::abs(wanted[i] - double(dV[i])));
  BOOST_TEST(worst < 1e-6);
  BOOST_TEST(worst_back < 4e-6);
}
