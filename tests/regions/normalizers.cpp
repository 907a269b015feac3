// Weights that are no softmax, one loop nest forward and one backward: the values of plain loops in double for any
// pointwise weight, of the oracle for what is made of sums of weights; absent pairs, heads that share keys, empty
// extents and threads as in attention.
// options: -O0 -DHEED_UNOPTIMISED
#include "expect_close.hpp"
#include <omp.h>
using namespace heed_tests;

namespace {
constexpr axis<"h"> h;
constexpr axis<"r", 2> r;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 24> d;
constexpr axis<"e", 17> e;
constexpr auto q = input<"q">(h, r, n, d);
constexpr auto k = input<"k">(h, m, d);
constexpr auto v = input<"v">(h, m, e);
constexpr auto slope = input<"slope">(h, r);
constexpr auto bias = input<"bias">(h, r, n, m);
constexpr auto s = scaled_dot<d>(q, k);
constexpr auto past = mask(s, m <= n);
constexpr auto close = n - m < 9 && m <= n;

// Weights by themselves: of expressions, and of numbers for the loops.
struct sigmoid_weight {
  static constexpr auto of(const auto& x) { return sigmoid(x - 2); }
  static double at(double x) { return 1 / (1 + std::exp(2 - x)); }
};
struct squared_relu_weight {
  static constexpr auto of(const auto& x) { return relu(x) * relu(x) / 31; }
  static double at(double x) { return x > 0 ? x * x / 31 : 0; }
};
struct laplace_weight {  // Ma et al. 2022
  static constexpr auto of(const auto& x) { return (1 + erf((x - 0.7) / 0.4)) / 2; }
  static double at(double x) { return (1 + std::erf((x - 0.7) / 0.4)) / 2; }
};

// Weights that sums of weights normalise.
constexpr auto decayed = past * pow(0.9, n - m);  // Sun et al. 2023, without its norm
constexpr auto retention = dot<m>(decayed, v) / max(abs(sum<m>(decayed)), 1);
constexpr auto rectified = relu(exp(past) - 1);  // Zuhri et al. 2025
constexpr auto softpick = dot<m>(rectified, v) / (sum<m>(abs(exp(past) - 1)) + 1e-6);
constexpr auto by_hand = dot<m>(exp(past), v) / sum<m>(exp(past));
constexpr auto slots = softmax<n>(s);  // Locatello et al. 2020
constexpr auto slot_means = dot<m>(slots, v) / (sum<m>(slots) + 1e-6);
constexpr auto weights = softmax<m>(past);
constexpr auto squares = dot<m>(weights * weights, v);
constexpr auto signs = dot<m>(sign(past) * softmax<m>(abs(past)), v);  // Lv et al. 2024
constexpr auto large = where(weights > 0.1, weights, 0.);
constexpr auto thresholded = dot<m>(large, v) / (sum<m>(large) + 1e-6);
constexpr auto sloped = dot<m>(sigmoid(mask(s - slope * (n - m), close)), v);
constexpr auto with_bias = dot<m>(sigmoid(past + bias), v);
constexpr auto importance = sum<n>(sigmoid(past));
constexpr auto contrast = mean<h, r, n>(logsumexp<m>(s)) + mean<h, r, m>(logsumexp<n>(s));  // Radford et al. 2021

struct operands {
  extent_t H, N, M;
  tensor<float> Q = filled<float>(1, 1, {H, 2, N, 24}), K = filled<float>(2, 1, {H, M, 24}),
                V = filled<float>(3, 1, {H, M, 17}), G = filled<float>(4, 1, {H, 2, N, 17});
  tensor<float> O{H, 2, N, 17}, dQ{H, 2, N, 24}, dK{H, M, 24}, dV{H, M, 17};
  tensor<double> wO{H, 2, N, 17}, wQ{H, 2, N, 24}, wK{H, M, 24}, wV{H, M, 17};
};

// Plain loops in double: weight(score) under a mask, and its derivative by central differences.
template <class Weight, class Keep>
void by_loops(operands& x, const Keep& keep) {
  std::fill(x.wO.begin(), x.wO.end(), 0), std::fill(x.wQ.begin(), x.wQ.end(), 0);
  std::fill(x.wK.begin(), x.wK.end(), 0), std::fill(x.wV.begin(), x.wV.end(), 0);
  for (extent_t a = 0; a < x.H; ++a)
    for (extent_t b = 0; b < 2; ++b)
      for (extent_t i = 0; i < x.N; ++i)
        for (extent_t j = 0; j < x.M; ++j) {
          if (!keep(i, j)) continue;
          double score = 0, product = 0;
          for (extent_t c = 0; c < 24; ++c) score += double(x.Q(a, b, i, c)) * double(x.K(a, j, c)) / std::sqrt(24.0);
          for (extent_t c = 0; c < 17; ++c) product += double(x.G(a, b, i, c)) * double(x.V(a, j, c));
          const double weight = Weight::at(score), step = 1e-5,
                       slope_of_weight = (Weight::at(score + step) - Weight::at(score - step)) / (2 * step) * product;
          for (extent_t c = 0; c < 17; ++c) {
            x.wO(a, b, i, c) += weight * double(x.V(a, j, c));
            x.wV(a, j, c) += weight * double(x.G(a, b, i, c));
          }
          for (extent_t c = 0; c < 24; ++c) {
            x.wQ(a, b, i, c) += slope_of_weight * double(x.K(a, j, c)) / std::sqrt(24.0);
            x.wK(a, j, c) += slope_of_weight * double(x.Q(a, b, i, c)) / std::sqrt(24.0);
          }
        }
}
template <class Weight> inline constexpr auto all_pairs = dot<m>(Weight::of(s), v);
template <class Weight> inline constexpr auto past_pairs = dot<m>(Weight::of(past), v);
template <const auto& Out> inline constexpr auto gradients = gradient<Out>(wrt(q, k, v));

template <const auto& Out> void run(operands& x) {
  fuse<Out, strict>(q = x.Q, k = x.K, v = x.V, into(x.O));
  fuse<gradients<Out>, strict>(q = x.Q, k = x.K, v = x.V, cotangent<Out> = x.G, into(x.dQ, x.dK, x.dV));
}
void compare(const char* name, const operands& x) {
  BOOST_TEST_CONTEXT(name << ", " << x.N << " queries and " << x.M << " keys") {
    expect_close("values", x.O, x.wO), expect_close("grad(q)", x.dQ, x.wQ);
    expect_close("grad(k)", x.dK, x.wK), expect_close("grad(v)", x.dV, x.wV);
  }
}
template <const auto& Out, class Weight, class Keep> void check(const char* name, const Keep& keep) {
  for (const extent_t N : {31, 64, 1, 0})
    for (const extent_t M : {47, 1, 0}) {
      operands x{2, N, M};
      run<Out>(x);
      by_loops<Weight>(x, keep);
      compare(name, x);
    }
}
// Against the oracle.
template <const auto& Out> void check_sums(const char* name) {
  for (const extent_t N : {45, 3}) {
    operands x{2, N, N};
    run<Out>(x);
    reference<Out>(q = x.Q, k = x.K, v = x.V, into(x.wO));
    reference<gradients<Out>>(q = x.Q, k = x.K, v = x.V, cotangent<Out> = x.G, into(x.wQ, x.wK, x.wV));
    compare(name, x);
  }
}
}  // namespace

BOOST_AUTO_TEST_CASE(any_weight_of_a_score) {
  const auto all = [](extent_t, extent_t) { return true; };
  const auto earlier = [](extent_t i, extent_t j) { return j <= i; };
  check<past_pairs<sigmoid_weight>, sigmoid_weight>("sigmoid", earlier);
  check<all_pairs<squared_relu_weight>, squared_relu_weight>("squared relu", all);
  check<past_pairs<laplace_weight>, laplace_weight>("laplace", earlier);
}
BOOST_AUTO_TEST_CASE(sums_of_weights) {
  check_sums<retention>("retention");
  check_sums<softpick>("softpick");
  check_sums<slot_means>("slots");
  check_sums<squares>("squares");
}
BOOST_AUTO_TEST_CASE(forward_alone) {
  operands x{2, 45, 45};
  fuse<by_hand, strict>(q = x.Q, k = x.K, v = x.V, into(x.O));
  reference<by_hand>(q = x.Q, k = x.K, v = x.V, into(x.wO));
  expect_close("softmax by hand", x.O, x.wO);
  fuse<thresholded, strict>(q = x.Q, k = x.K, v = x.V, into(x.O));
  reference<thresholded>(q = x.Q, k = x.K, v = x.V, into(x.wO));
  expect_close("thresholded", x.O, x.wO);
  fuse<signs, strict>(q = x.Q, k = x.K, v = x.V, into(x.O));
  reference<signs>(q = x.Q, k = x.K, v = x.V, into(x.wO));
  expect_close("signs", x.O, x.wO);
  tensor<float> I(2, 2, 45);
  tensor<double> wI(2, 2, 45);
  fuse<importance, strict>(q = x.Q, k = x.K, into(I));
  reference<importance>(q = x.Q, k = x.K, into(wI));
  expect_close("importance", I, wI);
}
BOOST_AUTO_TEST_CASE(captured_operands) {
  operands x{2, 39, 39};
  static constexpr auto grad_sloped = gradient<sloped>(wrt(q, k, v, slope));
  static constexpr auto grad_biased = gradient<with_bias>(wrt(q, k, v, bias));
  const tensor<float> S = filled<float>(5, 0.1, {2, 2}), B = filled<float>(6, 1, {2, 2, 39, 39});
  tensor<float> dS(2, 2), dB(2, 2, 39, 39);
  tensor<double> wS(2, 2), wB(2, 2, 39, 39);
  fuse<sloped, strict>(q = x.Q, k = x.K, v = x.V, slope = S, into(x.O));
  reference<sloped>(q = x.Q, k = x.K, v = x.V, slope = S, into(x.wO));
  fuse<grad_sloped, strict>(q = x.Q, k = x.K, v = x.V, slope = S, cotangent<sloped> = x.G, into(x.dQ, x.dK, x.dV, dS));
  reference<grad_sloped>(q = x.Q, k = x.K, v = x.V, slope = S, cotangent<sloped> = x.G, into(x.wQ, x.wK, x.wV, wS));
  compare("sloped", x), expect_close("grad(slope)", dS, wS);
  fuse<with_bias, strict>(q = x.Q, k = x.K, v = x.V, bias = B, into(x.O));
  reference<with_bias>(q = x.Q, k = x.K, v = x.V, bias = B, into(x.wO));
  fuse<grad_biased, strict>(q = x.Q, k = x.K, v = x.V, bias = B, cotangent<with_bias> = x.G,
                            into(x.dQ, x.dK, x.dV, dB));
  reference<grad_biased>(q = x.Q, k = x.K, v = x.V, bias = B, cotangent<with_bias> = x.G, into(x.wQ, x.wK, x.wV, wB));
  compare("bias", x), expect_close("grad(bias)", dB, wB);
}
// Sums of one contraction that leave out different pairs, whichever stands first in the graph.
BOOST_AUTO_TEST_CASE(several_masks) {
  static constexpr auto all = dot<m>(tanh(sigmoid(s) * 0.3 + erf(s)), v), few = dot<m>(sigmoid(past), v);
  static constexpr auto many = dot<m>(sigmoid(s), v), fewer = dot<m>(tanh(sigmoid(past) * 0.3 + erf(past)), v);
  operands x{2, 45, 45}, y{2, 45, 45};
  fuse<results(all, few), strict>(q = x.Q, k = x.K, v = x.V, into(x.O, y.O));
  reference<results(all, few)>(q = x.Q, k = x.K, v = x.V, into(x.wO, y.wO));
  expect_close("all", x.O, x.wO), expect_close("few", y.O, y.wO);
  fuse<results(many, fewer), strict>(q = x.Q, k = x.K, v = x.V, into(x.O, y.O));
  reference<results(many, fewer)>(q = x.Q, k = x.K, v = x.V, into(x.wO, y.wO));
  expect_close("many", x.O, x.wO), expect_close("fewer", y.O, y.wO);
}
BOOST_AUTO_TEST_CASE(losses_on_scores) {
  operands x{2, 33, 28};
  static constexpr auto grad = gradient<contrast>(wrt(q, k));
  tensor<float> L{std::span<const extent_t>()};
  tensor<double> wL{std::span<const extent_t>()};
  fuse<contrast, strict>(q = x.Q, k = x.K, into(L));
  reference<contrast>(q = x.Q, k = x.K, into(wL));
  expect_close("loss", L, wL);
  fuse<grad, strict>(q = x.Q, k = x.K, into(x.dQ, x.dK));
  reference<grad>(q = x.Q, k = x.K, into(x.wQ, x.wK));
  expect_close("grad(q)", x.dQ, x.wQ), expect_close("grad(k)", x.dK, x.wK);
}
// What a mask excludes takes no part, whatever it is; and the same bits come from any number of threads.
BOOST_AUTO_TEST_CASE(behind_a_mask_and_on_threads) {
  const auto infinity = std::numeric_limits<float>::infinity();
  operands x{3, 61, 61}, y{3, 61, 61};
  x.V(0, 60, 3) = infinity, x.K(1, 60, 0) = std::numeric_limits<float>::quiet_NaN(), x.V(2, 60, 0) = -infinity;
  constexpr const auto& out = past_pairs<sigmoid_weight>;
  run<out>(x);
  run<out>(y);
  for (extent_t a = 0; a < 3; ++a)
    for (extent_t b = 0; b < 2; ++b)
      for (extent_t i = 0; i < 60; ++i)
        for (extent_t c = 0; c < 17; ++c) {
          BOOST_REQUIRE(x.O(a, b, i, c) == y.O(a, b, i, c));
          BOOST_REQUIRE(x.dQ(a, b, i, c) == y.dQ(a, b, i, c));
        }
  const int threads = omp_get_max_threads();
  for (const int t : {1, 2, 5}) {
    operands z{3, 61, 61};
    omp_set_num_threads(t);
    run<out>(z);
    for (const auto& [one, two] :
         {std::pair(&z.O, &y.O), std::pair(&z.dQ, &y.dQ), std::pair(&z.dK, &y.dK), std::pair(&z.dV, &y.dV)})
      BOOST_TEST(std::equal(one->begin(), one->end(), two->begin()), t << " threads");
  }
  omp_set_num_threads(threads);
}
