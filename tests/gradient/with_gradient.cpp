// Values whose derivative the user gives: straight through a rounding, clipped, of several operands, in the midst of an
// attention that stays fused, behind a mask, in two passes, and differentiated again.
// options: -O0 -DHEED_UNOPTIMISED
#include "against_reference.hpp"
using namespace heed_tests;

namespace {
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"c"> c;
constexpr axis<"d", 8> d;
constexpr axis<"e", 6> e;
constexpr auto x = input<"x">(n, c);
constexpr auto row = input<"row">(c);
constexpr auto limit = input<"limit">();
constexpr auto q = input<"q">(n, d);
constexpr auto k = input<"k">(m, d);
constexpr auto v = input<"v">(m, e);

// The value of a rounding, the derivative of what is rounded.
constexpr auto straight_through = [](const auto&, const auto&, const auto& reached) { return reached; };
template <Symbolic X> constexpr auto quantized(const X& value) {
  return with_gradient(round(value * 4) / 4, straight_through, value);
}
// The value as it is; what reaches it is clipped.
template <Symbolic X, Operand C> constexpr auto clipped(const X& value, const C& most) {
  return with_gradient(
      value, [most](const auto&, const auto&, const auto& reached) { return clamp(reached, -most, most); }, value);
}

constexpr extent_t N = 13, C = 10, M = 21;
const tensor<float> X = filled<float>(1, 1, {N, C}), G = filled<float>(2, 1, {N, C}), R = filled<float>(3, 1, {C}),
                    W = filled<float>(4, 1, {M, C}), Q = filled<float>(5, 1, {N, 8}), K = filled<float>(6, 1, {M, 8}),
                    V = filled<float>(7, 1, {M, 6}), dO = filled<float>(8, 1, {N, 6});

template <class T> double off(const tensor<T>& got, const tensor<double>& wanted) {
  double scale = 1, worst = 0;
  for (const double y : wanted) scale = std::max(scale, std::fabs(y));
  for (std::size_t i = 0; i < got.size(); ++i) {
    const double one = std::fabs(double(got[i]) - wanted[i]) / scale;
    worst = one <= worst ? worst : one;  // NaN counts
  }
  return worst;
}
}  // namespace

BOOST_AUTO_TEST_CASE(straight_through_and_clipped) {
  static constexpr auto rounded = quantized(x);
  static constexpr auto from_rounded = gradient<rounded>(wrt(x));
  static constexpr auto held = clipped(x, 0.5) * 3;
  static constexpr auto from_held = gradient<held>(wrt(x));
  static constexpr auto bounded = clipped(x, limit);  // a rule may read what the value does not
  static constexpr auto from_bounded = gradient<bounded>(wrt(x, limit));
  tensor<float> y(N, C), dX(N, C), dH(N, C), dB(N, C);
  float dL = 1;
  fuse<rounded, strict>(x = X, into(y)), fuse<from_rounded, strict>(x = X, cotangent<rounded> = G, into(dX));
  fuse<from_held, strict>(x = X, cotangent<held> = G, into(dH));
  fuse<from_bounded, strict>(x = X, limit = 0.25f, cotangent<bounded> = G, into(dB, dL));
  BOOST_TEST(dL == 0);
  for (std::size_t i = 0; i < y.size(); ++i) {
    BOOST_TEST(y[i] == std::nearbyint(X[i] * 4) / 4);
    BOOST_TEST(dX[i] == G[i]);
    BOOST_TEST(dH[i] == std::clamp(3 * G[i], -0.5f, 0.5f));
    BOOST_TEST(dB[i] == std::clamp(G[i], -0.25f, 0.25f));
  }
}

// Each operand is reached by what the rule says of it, and nothing else is.
BOOST_AUTO_TEST_CASE(several_operands) {
  static constexpr auto y = with_gradient(
      x * row * limit,
      [](const auto& a, const auto& b, const auto& value, const auto& reached) {
        return std::tuple(5 * reached * b, sum<n>(reached * a) + 0 * sum<n>(value));
      },
      x, row);
  static constexpr auto both = gradient<y>(wrt(x, row, limit));
  tensor<float> dX(N, C), dR(C);
  float dL = 1;
  fuse<both>(x = X, row = R, limit = 2.f, cotangent<y> = G, into(dX, dR, dL));
  BOOST_TEST(dL == 0);
  for (extent_t j = 0; j < C; ++j) {
    double sum = 0;
    for (extent_t i = 0; i < N; ++i) {
      sum += double(G(i, j)) * double(X(i, j));
      BOOST_TEST(std::fabs(dX(i, j) - 5 * G(i, j) * R(j)) < 1e-5);
    }
    BOOST_TEST(std::fabs(dR(j) - sum) < 1e-5);
  }
}

// The rule is differentiated as what it is: 2 x dy, whatever the value.
BOOST_AUTO_TEST_CASE(again) {
  static constexpr auto y = sum<n, c>(
      with_gradient(exp(x), [](const auto& a, const auto&, const auto& reached) { return 2 * a * a * reached; }, x));
  static constexpr auto once = gradient<y>(wrt(x));
  static constexpr auto twice = gradient<once>(wrt(x));
  tensor<float> first(N, C), second(N, C);
  fuse<once>(x = X, into(first)), fuse<twice>(x = X, cotangent<once> = G, into(second));
  for (std::size_t i = 0; i < first.size(); ++i) {
    BOOST_TEST(std::fabs(first[i] - 2 * X[i] * X[i]) < 1e-5f);
    BOOST_TEST(std::fabs(second[i] - 4 * X[i] * G[i]) < 1e-5f);
  }
}
// One around another: the outer one's operand is the inner one's value.
BOOST_AUTO_TEST_CASE(one_around_another) {
  static constexpr auto y = clipped(quantized(x * 2), 0.5);
  static constexpr auto from_y = gradient<y>(wrt(x));
  tensor<float> Y(N, C), dX(N, C);
  fuse<y>(x = X, into(Y)), fuse<from_y>(x = X, cotangent<y> = G, into(dX));
  for (std::size_t i = 0; i < Y.size(); ++i) {
    BOOST_TEST(Y[i] == std::nearbyint(X[i] * 8) / 4);
    BOOST_TEST(dX[i] == 2 * std::clamp(G[i], -0.5f, 0.5f));
  }
}

namespace {
constexpr auto hard = quantized(scaled_dot<d>(q, k));
constexpr auto out = dot<m>(softmax<m>(mask(hard, m <= n + 3)), v);
constexpr auto backward = gradient<out>(wrt(q, k, v));
constexpr auto in_two = differentiable<out>(wrt(q, k, v));
// A softmax that says itself what its gradient is.
constexpr auto told = with_gradient(
    softmax<c>(x), [](const auto&, const auto& p, const auto& reached) { return p * (reached - sum<c>(p * reached)); },
    x);
constexpr auto from_told = gradient<told>(wrt(x));
constexpr auto untold = softmax<c>(x);
constexpr auto from_untold = gradient<untold>(wrt(x));
}  // namespace

BOOST_AUTO_TEST_CASE(within_an_attention) {
  tensor<float> O(N, 6), dQ(N, 8), dK(M, 8), dV(M, 6), tQ(N, 8), tK(M, 8), tV(M, 6), tO(N, 6);
  tensor<double> wO(N, 6), wQ(N, 8), wK(M, 8), wV(M, 6);
  fuse<out, strict>(q = Q, k = K, v = V, into(O));
  fuse<backward, strict>(q = Q, k = K, v = V, cotangent<out> = dO, into(dQ, dK, dV));
  // By plain loops.
  for (extent_t i = 0; i < N; ++i) {
    std::vector<double> p, reached;
    double total = 0, delta = 0;
    for (extent_t j = 0; j < M && j <= i + 3; ++j) {
      double s = 0, r = 0;
      for (extent_t l = 0; l < 8; ++l) s += double(Q(i, l)) * double(K(j, l));
      for (extent_t l = 0; l < 6; ++l) r += double(V(j, l)) * double(dO(i, l));
      p.push_back(std::exp(std::nearbyint(s / std::sqrt(8.) * 4) / 4)), reached.push_back(r), total += p.back();
    }
    for (std::size_t j = 0; j < p.size(); ++j) p[j] /= total, delta += p[j] * reached[j];
    for (extent_t j = 0; j < extent_t(p.size()); ++j) {
      for (extent_t l = 0; l < 6; ++l) wO(i, l) += p[j] * V(j, l), wV(j, l) += p[j] * dO(i, l);
      for (extent_t l = 0; l < 8; ++l) {
        wQ(i, l) += p[j] * (reached[j] - delta) * K(j, l) / std::sqrt(8.);
        wK(j, l) += p[j] * (reached[j] - delta) * Q(i, l) / std::sqrt(8.);
      }
    }
  }
  BOOST_TEST(off(O, wO) < 1e-5);
  BOOST_TEST(off(dQ, wQ) < 1e-5);
  BOOST_TEST(off(dK, wK) < 1e-5);
  BOOST_TEST(off(dV, wV) < 1e-5);
  auto saved = in_two.saved();
  in_two.forward(saved, q = Q, k = K, v = V, into(tO));
  in_two.backward(saved, q = Q, k = K, v = V, cotangent<out> = dO, into(tQ, tK, tV));
  BOOST_TEST(off(tO, wO) < 1e-5);
  BOOST_TEST(off(tQ, wQ) < 1e-5);
  BOOST_TEST(off(tK, wK) < 1e-5);
  BOOST_TEST(off(tV, wV) < 1e-5);
}
BOOST_AUTO_TEST_CASE(the_true_derivative_told) {
  tensor<float> one(N, C), two(N, C);
  tensor<double> by_oracle(N, C);
  fuse<from_told>(x = X, cotangent<told> = G, into(one));
  fuse<from_untold>(x = X, cotangent<untold> = G, into(two));
  reference<from_told>(x = X, cotangent<told> = G, into(by_oracle));
  for (std::size_t i = 0; i < one.size(); ++i) BOOST_TEST(std::fabs(one[i] - two[i]) < 1e-6f);
  BOOST_TEST(off(one, by_oracle) < 1e-5);
}
// What is absent is reached by nothing, whatever the rule says.
BOOST_AUTO_TEST_CASE(behind_a_mask) {
  static constexpr auto y = sum<c>(
      with_gradient(mask(x, c < 4) * 2, [](const auto&, const auto&, const auto& reached) { return reached + 1; }, x));
  static constexpr auto from_y = gradient<y>(wrt(x));
  tensor<float> dX(N, C), dY = filled<float>(9, 1, {N});
  fuse<from_y>(x = X, cotangent<y> = dY, into(dX));
  for (extent_t i = 0; i < N; ++i)
    for (extent_t j = 0; j < C; ++j) BOOST_TEST(dX(i, j) == (j < 4 ? dY(i) + 1 : 0.f));
}
