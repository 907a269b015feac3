// Scores of several contractions, one loop nest forward and one backward: the values of plain loops in double for sums,
// products and whatever else a score makes of two; absent pairs, empty extents and threads as in attention of one.
// options: -O0 -DHEED_UNOPTIMISED
#include "expect_close.hpp"
#include <omp.h>
using namespace heed_tests;

namespace {
constexpr axis<"h"> h;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 24> d;
constexpr axis<"r"> r;
constexpr axis<"e", 17> e;
constexpr auto q = input<"q">(h, n, d);
constexpr auto k = input<"k">(h, m, d);
constexpr auto v = input<"v">(h, m, e);
constexpr auto qr = input<"qr">(h, n, r);
constexpr auto kr = input<"kr">(m, r);  // all heads share it
constexpr auto content = dot<d>(q, k);
constexpr auto position = dot<r>(qr, kr);

// What becomes of two contractions: of expressions, and of numbers for the loops.
struct decoupled {  // DeepSeek-AI 2024
  static constexpr bool softmax = true, causal = true;
  static constexpr auto of(const auto& a, const auto& b) { return (a + b) / 6; }
  static double at(double a, double b) { return (a + b) / 6; }
};
struct scaled_apart {
  static constexpr bool softmax = true, causal = false;
  static constexpr auto of(const auto& a, const auto& b) { return 0.2 * a - 0.3 * b; }
  static double at(double a, double b) { return 0.2 * a - 0.3 * b; }
};
struct multiplied {
  static constexpr bool softmax = true, causal = true;
  static constexpr auto of(const auto& a, const auto& b) { return 0.1 * a * b + 0.2 * b; }
  static double at(double a, double b) { return 0.1 * a * b + 0.2 * b; }
};
struct capped {
  static constexpr bool softmax = true, causal = true;
  static constexpr auto of(const auto& a, const auto& b) { return 2 * tanh((a + b) / 9); }
  static double at(double a, double b) { return 2 * std::tanh((a + b) / 9); }
};
struct sigmoid_weight {  // no softmax
  static constexpr bool softmax = false, causal = true;
  static constexpr auto of(const auto& a, const auto& b) { return sigmoid((a + b) / 6 - 1); }
  static double at(double a, double b) { return 1 / (1 + std::exp(1 - (a + b) / 6)); }
};
struct rectified_weight {
  static constexpr bool softmax = false, causal = false;
  static constexpr auto of(const auto& a, const auto& b) { return relu(a / 5 + 0.1 * b) * relu(a / 5 + 0.1 * b); }
  static double at(double a, double b) {
    const double s = std::max(0., a / 5 + 0.1 * b);
    return s * s;
  }
};
template <class Score> constexpr auto weights_of(const auto& s) {
  if constexpr (Score::softmax && Score::causal) return softmax<m>(mask(s, m <= n));
  else if constexpr (Score::softmax) return softmax<m>(s);
  else if constexpr (Score::causal) return mask(s, m <= n);
  else return s;
}
template <class Score> inline constexpr auto out = dot<m>(weights_of<Score>(Score::of(content, position)), v);
template <class Score> inline constexpr auto gradients = gradient<out<Score>>(wrt(q, k, qr, kr, v));

struct operands {
  extent_t H, N, M, R;
  tensor<float> Q = filled<float>(1, 1, {H, N, 24}), K = filled<float>(2, 1, {H, M, 24}),
                QR = filled<float>(3, 1, {H, N, R}), KR = filled<float>(4, 1, {M, R}),
                V = filled<float>(5, 1, {H, M, 17}), G = filled<float>(6, 1, {H, N, 17});
  tensor<float> O{H, N, 17}, dQ{H, N, 24}, dK{H, M, 24}, dQR{H, N, R}, dKR{M, R}, dV{H, M, 17};
  tensor<double> wO{H, N, 17}, wQ{H, N, 24}, wK{H, M, 24}, wQR{H, N, R}, wKR{M, R}, wV{H, M, 17};
};

void compare(const char* name, const operands& x) {
  BOOST_TEST_CONTEXT(name << ", " << x.N << " queries and " << x.M << " keys, " << x.R << " wide") {
    expect_close("values", x.O, x.wO), expect_close("grad(q)", x.dQ, x.wQ), expect_close("grad(k)", x.dK, x.wK);
    expect_close("grad(qr)", x.dQR, x.wQR), expect_close("grad(kr)", x.dKR, x.wKR), expect_close("grad(v)", x.dV, x.wV);
  }
}

// A row of plain loops in double: its weights, and what a small change of a weight is worth.
template <class Score> void row_by_loops(operands& x, extent_t a, extent_t i) {
  const std::size_t count = std::size_t(Score::causal ? std::min(i + 1, x.M) : x.M);
  std::vector<double> s(count), t(count), weight(count), worth(count);
  double top = -INFINITY, total = 0, mean = 0;
  for (std::size_t j = 0; j < count; ++j) {
    for (extent_t c = 0; c < 24; ++c) s[j] += double(x.Q(a, i, c)) * double(x.K(a, extent_t(j), c));
    for (extent_t c = 0; c < x.R; ++c) t[j] += double(x.QR(a, i, c)) * double(x.KR(extent_t(j), c));
    for (extent_t c = 0; c < 17; ++c) worth[j] += double(x.G(a, i, c)) * double(x.V(a, extent_t(j), c));
    weight[j] = Score::at(s[j], t[j]), top = std::max(top, weight[j]);
  }
  if (Score::softmax) {
    for (double& w : weight) total += w = std::exp(w - top);
    for (double& w : weight) w /= total;
    for (std::size_t j = 0; j < count; ++j) mean += weight[j] * worth[j];
  }
  for (std::size_t j = 0; j < count; ++j) {
    const extent_t at = extent_t(j);
    const double step = 1e-5, score = Score::softmax ? weight[j] * (worth[j] - mean) : worth[j],
                 ds = score * (Score::at(s[j] + step, t[j]) - Score::at(s[j] - step, t[j])) / (2 * step),
                 dt = score * (Score::at(s[j], t[j] + step) - Score::at(s[j], t[j] - step)) / (2 * step);
    for (extent_t c = 0; c < 17; ++c)
      x.wO(a, i, c) += weight[j] * double(x.V(a, at, c)), x.wV(a, at, c) += weight[j] * double(x.G(a, i, c));
    for (extent_t c = 0; c < 24; ++c)
      x.wQ(a, i, c) += ds * double(x.K(a, at, c)), x.wK(a, at, c) += ds * double(x.Q(a, i, c));
    for (extent_t c = 0; c < x.R; ++c)
      x.wQR(a, i, c) += dt * double(x.KR(at, c)), x.wKR(at, c) += dt * double(x.QR(a, i, c));
  }
}
template <class Score> void run(operands& x) {
  fuse<out<Score>, strict>(q = x.Q, k = x.K, qr = x.QR, kr = x.KR, v = x.V, into(x.O));
  fuse<gradients<Score>, strict>(q = x.Q, k = x.K, qr = x.QR, kr = x.KR, v = x.V, cotangent<out<Score>> = x.G,
                                 into(x.dQ, x.dK, x.dQR, x.dKR, x.dV));
}
template <class Score> void check(const char* name, std::initializer_list<extent_t> lengths = {1, 31, 0, 70}) {
  for (const extent_t N : lengths)
    for (const extent_t M : {extent_t(47), N}) {
      operands x{2, N, M, 3 + N % 11};
      run<Score>(x);
      for (extent_t a = 0; a < 2; ++a)
        for (extent_t i = 0; i < N && M > 0; ++i) row_by_loops<Score>(x, a, i);
      compare(name, x);
    }
}
}  // namespace

BOOST_AUTO_TEST_CASE(two_contractions_under_a_softmax) {
  check<decoupled>("decoupled", {1, 2, 7, 8, 9, 16, 17, 31, 48, 49, 64, 70, 0});
  check<scaled_apart>("scaled apart");
  check<multiplied>("multiplied");
  check<capped>("capped");
}
BOOST_AUTO_TEST_CASE(two_contractions_without_a_softmax) {
  check<sigmoid_weight>("sigmoid");
  check<rectified_weight>("rectified");
}
BOOST_AUTO_TEST_CASE(nothing_is_wide) {
  operands x{2, 33, 33, 0};
  run<decoupled>(x);
  for (extent_t a = 0; a < 2; ++a)
    for (extent_t i = 0; i < 33; ++i) row_by_loops<decoupled>(x, a, i);
  compare("decoupled", x);
}
// What a mask excludes takes no part, whatever it is; and the same bits come from any number of threads.
BOOST_AUTO_TEST_CASE(behind_a_mask_and_on_threads) {
  operands x{3, 61, 61, 9}, y{3, 61, 61, 9};
  x.KR(60, 0) = std::numeric_limits<float>::quiet_NaN(), x.V(1, 60, 2) = std::numeric_limits<float>::infinity();
  run<decoupled>(x), run<decoupled>(y);
  for (extent_t a = 0; a < 3; ++a)
    for (extent_t i = 0; i < 60; ++i) {
      for (extent_t c = 0; c < 17; ++c) BOOST_REQUIRE(x.O(a, i, c) == y.O(a, i, c));
      for (extent_t c = 0; c < 24; ++c) BOOST_REQUIRE(x.dQ(a, i, c) == y.dQ(a, i, c));
      for (extent_t c = 0; c < 9; ++c) BOOST_REQUIRE(x.dQR(a, i, c) == y.dQR(a, i, c));
    }
  const int threads = omp_get_max_threads();
  for (const int t : {1, 2, 5}) {
    operands z{3, 61, 61, 9};
    omp_set_num_threads(t);
    run<decoupled>(z);
    for (const auto& [one, two] : {std::pair(&z.O, &y.O), std::pair(&z.dQ, &y.dQ), std::pair(&z.dK, &y.dK),
                                   std::pair(&z.dQR, &y.dQR), std::pair(&z.dKR, &y.dKR), std::pair(&z.dV, &y.dV)})
      BOOST_TEST(std::equal(one->begin(), one->end(), two->begin()), t << " threads");
  }
  omp_set_num_threads(threads);
}
BOOST_AUTO_TEST_CASE(training_in_two_calls) {
  static constexpr auto step = differentiable<out<decoupled>, strict>(wrt(q, k, qr, kr, v));
  operands x{2, 39, 39, 6}, y{2, 39, 39, 6};
  run<decoupled>(x);
  auto saved = step.saved();
  step.forward(saved, q = y.Q, k = y.K, qr = y.QR, kr = y.KR, v = y.V, into(y.O));
  step.backward(saved, q = y.Q, k = y.K, qr = y.QR, kr = y.KR, v = y.V, cotangent<out<decoupled>> = y.G,
                into(y.dQ, y.dK, y.dQR, y.dKR, y.dV));
  for (const auto& [one, two] : {std::pair(&x.O, &y.O), std::pair(&x.dQ, &y.dQ), std::pair(&x.dK, &y.dK),
                                 std::pair(&x.dQR, &y.dQR), std::pair(&x.dKR, &y.dKR), std::pair(&x.dV, &y.dV)})
    for (std::size_t i = 0; i < one->size(); ++i) BOOST_TEST(std::abs((*one)[i] - (*two)[i]) < 1e-5);
}
