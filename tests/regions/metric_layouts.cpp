// Distances in other layouts beside the oracle, forward and backward: grouped heads, a grid of keys, points of three
// numbers without heads and without a softmax, operands over pairs, masks and ranks of a distance, double.
// options: -O0 -DHEED_UNOPTIMISED
// labels: meaning
#include "expect_close.hpp"
using namespace heed_tests;

namespace {
constexpr axis<"h", 2> h;
constexpr axis<"g", 3> g;
constexpr axis<"b"> b;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"y"> y;
constexpr axis<"x"> x;
constexpr axis<"yk"> yk;
constexpr axis<"xk"> xk;
constexpr axis<"d"> d;
constexpr axis<"p", 3> p;
constexpr axis<"e"> e;

namespace grouped {
constexpr auto q = input<"q">(b, h, g, n, d);
constexpr auto k = input<"k">(b, h, m, d);
constexpr auto v = input<"v">(b, h, m, e);
constexpr auto out = dot<m>(softmax<m>(mask(-0.2 * sum<d>(pow(q - k, 2)), m <= n)), v);
constexpr auto gradients = gradient<out>(wrt(q, k, v));
}  // namespace grouped
namespace grid {
constexpr auto q = input<"q">(y, x, d);
constexpr auto k = input<"k">(yk, xk, d);
constexpr auto v = input<"v">(yk, xk, e);
constexpr auto s = mask(-0.2 * sum<d>(abs(q - k)), abs(y - yk) < 3);
constexpr auto out = dot<yk, xk>(softmax<yk, xk>(s), v);
constexpr auto gradients = gradient<out>(wrt(q, k, v));
}  // namespace grid
namespace points {
constexpr auto q = input<"q", double>(n, p);
constexpr auto k = input<"k", double>(m, p);
constexpr auto v = input<"v", double>(m, e);
constexpr auto bias = input<"bias", double>(n, m);
constexpr auto near = sum<p>((q - k) * (q - k));
constexpr auto far = sum<p>(abs(rename<n, m>(q) - q));
constexpr auto regression = dot<m>(exp(-near), v);  // Nadaraya 1964, Watson 1964
constexpr auto of_regression = gradient<regression>(wrt(q, k, v));
constexpr auto own = dot<m>(exp(-far), v);
constexpr auto of_own = gradient<own>(wrt(q, v));
constexpr auto ranked = dot<m>(softmax<m>(mask(-near, near < 3 && -near >= kth_largest<m>(-near, 9))), v);
constexpr auto of_ranked = gradient<ranked>(wrt(q, k, v));
constexpr auto biased = dot<m>(softmax<m>(bias - near), v);
constexpr auto of_biased = gradient<biased>(wrt(q, k, v, bias));
constexpr auto linear = dot<m>(near, v);
constexpr auto of_linear = gradient<linear>(wrt(q, k, v));
}  // namespace points
namespace centers {  // few, so that their distances are stored
constexpr axis<"c", 6> c;
constexpr auto q = input<"q">(b, n, p);
constexpr auto k = input<"k">(c, p);
constexpr auto out = sum<b, n>(min<c>(sum<p>((q - k) * (q - k))));  // of k-means
constexpr auto gradients = gradient<out>(wrt(q, k));
}  // namespace centers
}  // namespace

BOOST_AUTO_TEST_CASE(heads_that_share_keys) {
  using namespace grouped;
  const auto Q = filled<float>(1, 1, {2, 2, 3, 19, 7}), K = filled<float>(2, 1, {2, 2, 23, 7}),
             V = filled<float>(3, 1, {2, 2, 23, 5}), G = filled<float>(4, 1, {2, 2, 3, 19, 5});
  against_oracle<out, float>("values", {{2, 2, 3, 19, 5}}, q = Q, k = K, v = V);
  against_oracle<gradients, float>("gradients", {{2, 2, 3, 19, 7}, {2, 2, 23, 7}, {2, 2, 23, 5}}, q = Q, k = K, v = V,
                                   cotangent<out> = G);
}
BOOST_AUTO_TEST_CASE(keys_on_a_grid) {
  using namespace grid;
  const auto Q = filled<float>(1, 1, {5, 6, 9}), K = filled<float>(2, 1, {7, 4, 9}), V = filled<float>(3, 1, {7, 4, 3}),
             G = filled<float>(4, 1, {5, 6, 3});
  against_oracle<out, float>("values", {{5, 6, 3}}, q = Q, k = K, v = V);
  against_oracle<gradients, float>("gradients", {{5, 6, 9}, {7, 4, 9}, {7, 4, 3}}, q = Q, k = K, v = V,
                                   cotangent<out> = G);
}
BOOST_AUTO_TEST_CASE(points_in_space) {
  using namespace points;
  const auto Q = filled<double>(1, 1, {29, 3}), K = filled<double>(2, 1, {35, 3}), V = filled<double>(3, 1, {35, 2}),
             G = filled<double>(4, 1, {29, 2}), B = filled<double>(5, 1, {29, 35}), W = filled<double>(6, 1, {29, 2});
  const std::vector<extent_t> of_q{29, 3}, of_k{35, 3}, of_v{35, 2};
  against_oracle<regression, double>("regression", {{29, 2}}, q = Q, k = K, v = V);
  against_oracle<of_regression, double>("its gradients", {of_q, of_k, of_v}, q = Q, k = K, v = V,
                                        cotangent<regression> = G);
  against_oracle<of_own, double>("among themselves", {of_q, {29, 2}}, q = Q, v = W, cotangent<own> = G);
  against_oracle<ranked, double>("ranked", {{29, 2}}, q = Q, k = K, v = V);
  against_oracle<of_ranked, double>("its gradients", {of_q, of_k, of_v}, q = Q, k = K, v = V, cotangent<ranked> = G);
  against_oracle<of_biased, double>("biased", {of_q, of_k, of_v, {29, 35}}, q = Q, k = K, v = V, bias = B,
                                    cotangent<biased> = G);
}
BOOST_AUTO_TEST_CASE(distances_that_are_stored) {
  using namespace centers;
  const auto Q = filled<float>(1, 1, {3, 17, 3}), K = filled<float>(2, 1, {6, 3});
  against_oracle<gradients, float>("gradients", {{3, 17, 3}, {6, 3}}, q = Q, k = K);
}
// What reaches a distance is no distance here, so that no nest has its operands: loops.
BOOST_AUTO_TEST_CASE(gradients_without_the_distance) {
  using namespace points;
  const auto Q = filled<double>(1, 1, {9, 3}), K = filled<double>(2, 1, {11, 3}), V = filled<double>(3, 1, {11, 2}),
             G = filled<double>(4, 1, {9, 2});
  tensor<double> dQ{9, 3}, dK{11, 3}, dV{11, 2}, wQ{9, 3}, wK{11, 3}, wV{11, 2};
  fuse<of_linear>(q = Q, k = K, v = V, cotangent<linear> = G, into(dQ, dK, dV));
  for (extent_t i = 0; i < 9; ++i)
    for (extent_t j = 0; j < 11; ++j) {
      double worth = 0, distance = 0;
      for (extent_t c = 0; c < 3; ++c) distance += (Q(i, c) - K(j, c)) * (Q(i, c) - K(j, c));
      for (extent_t c = 0; c < 2; ++c) worth += G(i, c) * V(j, c), wV(j, c) += distance * G(i, c);
      for (extent_t c = 0; c < 3; ++c)
        wQ(i, c) += 2 * worth * (Q(i, c) - K(j, c)), wK(j, c) -= 2 * worth * (Q(i, c) - K(j, c));
    }
  expect_close("grad(q)", dQ, wQ, 1e-12), expect_close("grad(k)", dK, wK, 1e-12),
      expect_close("grad(v)", dV, wV, 1e-12);
}
