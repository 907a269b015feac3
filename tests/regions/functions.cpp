// Functions of numbers through every kind of region, and their gradients: values are those of plain C++ in double, what
// decides is the same in every region, and whole numbers stay whole.
// labels: meaning
// options: -O0 -DHEED_UNOPTIMISED
#include "against_reference.hpp"
using namespace heed_tests;

namespace {
// The functions of plain numbers, under the names of the language.
double sin(double x) { return std::sin(x); }
double cos(double x) { return std::cos(x); }
double softplus(double x) { return std::log1p(std::exp(x)); }
double sign(double x) { return (x > 0) - (x < 0); }
double floor(double x) { return std::floor(x); }
double round(double x) { return std::nearbyint(x); }
double clamp(double x, double low, double high) { return std::min(std::max(x, low), high); }
double pow(double x, double y) { return std::pow(x, y); }

// The same formulas of numbers and of expressions.
template <class X> constexpr auto smooth(const X& x) {
  return sin(3 * x) * cos(x) + softplus(x * 2) + pow(x * x + 0.5, x) + pow(2, x);
}
template <class X> constexpr auto with_jumps(const X& x) {
  return sign(x - 0.1) * floor(x * 2) + 0.5 * round(x * 1.7) + clamp(x, -0.4, 0.6);
}
template <class X> constexpr auto every(const X& x) { return smooth(x) + with_jumps(x); }

constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"c"> c;
constexpr axis<"o"> o;
constexpr axis<"d"> d;
constexpr auto x = input<"x">(n, c);
constexpr auto wide = input<"wide", double>(n, c);
constexpr auto w = input<"w">(o, c);
constexpr auto q = input<"q">(n, d);
constexpr auto k = input<"k">(m, d);
constexpr auto v = input<"v">(m, c);
constexpr auto of_row = every(x) - mean<c>(every(x));
constexpr auto of_wide = every(wide) - mean<c>(every(wide));
constexpr auto of_product = every(dot<c>(x, w));
constexpr auto score = scaled_dot<d>(q, k);
constexpr auto of_score = dot<m>(softmax<m>(mask(smooth(score) + clamp(score, -1, n * 0.1), m <= n)), v);
constexpr auto of_loop = dot<m>(softmax<m>(sum<d>(sin(q * k) + clamp(q, k, 0.5))), v);
constexpr auto from_row = gradient<of_row>(wrt(x));
constexpr auto from_score = gradient<of_score>(wrt(q, k, v));
constexpr auto from_loop = gradient<of_loop>(wrt(q, k, v));

// Masks of positions, known over whole tiles, and of numbers.
constexpr auto near = clamp(n - m, 0, 8) < 8 && sign(n - m) >= 0 && floor((n - m) * 0.25) + round(n * 0.1) < 7;
constexpr auto in_waves = near && sin((n - m) * 0.5) < 0.75 && pow(m + 1, 0.5 + 0 * n) < 9;
constexpr auto of_mask = dot<m>(softmax<m>(mask(score, in_waves)), v);
constexpr auto decisions = where(sin(x * 9) < 0.25, 1, 0) + where(pow(x * x, x) <= clamp(x, 0.7, 0.9), 2, 0) +
                           where(softplus(x) == softplus(x * 2), 4, 0) + cast<std::int32_t>(round(x * 3));
constexpr auto decisions_of_rows = mean<c>(decisions);
constexpr auto wholes = clamp(n - 5, -2, sign(c - 3) * 2) + floor(c) - round(n);

template <class T> void expect_close(const char* what, const tensor<T>& got, const tensor<double>& wanted,
                                     double bound) {
  double worst = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    const double one = std::fabs(double(got[i]) - wanted[i]) / (1 + std::fabs(wanted[i]));
    worst = one <= worst ? worst : one;  // NaN counts
  }
  BOOST_TEST(worst < bound, what << ": off by " << worst);
  BOOST_TEST(got.size() > 0);
}
template <class T> tensor<double> rows_of_all(const tensor<T>& values, extent_t N, extent_t C) {
  tensor<double> r(N, C);
  for (extent_t i = 0; i < N; ++i) {
    double mean = 0;
    for (extent_t j = 0; j < C; ++j) mean += every(double(values(i, j))) / double(C);
    for (extent_t j = 0; j < C; ++j) r(i, j) = every(double(values(i, j))) - mean;
  }
  return r;
}
constexpr extent_t N = 29, M = 35, C = 19, O = 21, D = 6;

// Queries, keys, values and a cotangent.
struct attended {
  const tensor<float> Q = filled<float>(1, 0.5, {N, D}), K = filled<float>(2, 0.5, {M, D}),
                      V = filled<float>(3, 1, {M, C}), G = filled<float>(4, 1, {N, C});

  // softmax(score) V by plain loops, of score(i, j, query i, key j); -infinity: not seen.
  template <class Score> tensor<double> by_hand(const Score& score) const {
    tensor<double> wanted(N, C);
    for (extent_t i = 0; i < N; ++i) {
      double total = 0;
      for (extent_t j = 0; j < M; ++j) {
        const double weight = std::exp(score(i, j, Q.data() + i * D, K.data() + j * D));
        total += weight;
        for (extent_t l = 0; l < C; ++l) wanted(i, l) += weight * double(V(j, l));
      }
      for (extent_t l = 0; l < C; ++l) wanted(i, l) /= total;
    }
    return wanted;
  }
  template <class Fused, class Oracle, class Cotangent>
  void expect_gradients(const Fused& fused, const Oracle& oracle, const Cotangent& of_result) const {
    tensor<float> dQ(N, D), dK(M, D), dV(M, C);
    tensor<double> wanted_q(N, D), wanted_k(M, D), wanted_v(M, C);
    fused(q = Q, k = K, v = V, of_result = G, into(dQ, dK, dV));
    oracle(q = Q, k = K, v = V, of_result = G, into(wanted_q, wanted_k, wanted_v));
    expect_close("gradient of queries", dQ, wanted_q, 2e-5);
    expect_close("gradient of keys", dK, wanted_k, 2e-5);
    expect_close("gradient of values", dV, wanted_v, 2e-5);
  }
};
}  // namespace

BOOST_AUTO_TEST_CASE(in_rows) {
  const tensor<float> X = filled<float>(1, 0.7, {N, C});
  const tensor<double> W = filled<double>(2, 0.7, {N, C});
  tensor<float> R(N, C);
  tensor<double> RW(N, C);
  fuse<of_row, strict>(x = X, into(R));
  expect_close("row", R, rows_of_all(X, N, C), 4e-6);
  fuse<of_wide, strict>(wide = W, into(RW));
  expect_close("row of doubles", RW, rows_of_all(W, N, C), 1e-14);
  tensor<float> dX(N, C);
  tensor<double> wanted(N, C);
  fuse<from_row, strict>(x = X, cotangent<of_row> = R, into(dX));
  reference<from_row>(x = X, cotangent<of_row> = R, into(wanted));
  expect_close("gradient of a row", dX, wanted, 2e-5);
}
BOOST_AUTO_TEST_CASE(behind_products) {
  const tensor<float> X = filled<float>(1, 1, {N, C}), W = filled<float>(3, 0.5, {O, C});
  tensor<float> R(N, O);
  tensor<double> wanted(N, O);
  fuse<of_product, strict>(x = X, w = W, into(R));
  for (extent_t i = 0; i < N; ++i)
    for (extent_t j = 0; j < O; ++j) {
      double sum = 0;
      for (extent_t l = 0; l < C; ++l) sum += double(X(i, l)) * double(W(j, l));
      wanted(i, j) = every(sum);
    }
  expect_close("epilogue", R, wanted, 1e-5);
}
BOOST_AUTO_TEST_CASE(before_softmax) {
  const attended p;
  tensor<float> R(N, C);
  fuse<of_score, strict>(q = p.Q, k = p.K, v = p.V, into(R));
  expect_close("score", R, p.by_hand([](extent_t i, extent_t j, const float* query, const float* key) {
    double s = 0;
    for (extent_t l = 0; l < D; ++l) s += double(query[l]) * double(key[l]) / std::sqrt(double(D));
    return j <= i ? smooth(s) + clamp(s, -1, double(i) * 0.1) : -INFINITY;
  }),
               4e-6);
  p.expect_gradients(fuse<from_score, strict>, reference<from_score>, cotangent<of_score>);
}
BOOST_AUTO_TEST_CASE(in_loops) {
  const attended p;
  tensor<float> R(N, C);
  fuse<of_loop>(q = p.Q, k = p.K, v = p.V, into(R));
  expect_close("loop", R, p.by_hand([](extent_t, extent_t, const float* query, const float* key) {
    double s = 0;
    for (extent_t l = 0; l < D; ++l) {
      const double a = double(query[l]), b = double(key[l]);
      s += std::sin(a * b) + std::min(std::max(a, b), 0.5);
    }
    return s;
  }),
               2e-6);
  p.expect_gradients(fuse<from_loop>, reference<from_loop>, cotangent<of_loop>);
}
BOOST_AUTO_TEST_CASE(in_masks) {
  const extent_t rows = 130, keys = 141;
  const tensor<float> Q = filled<float>(1, 0.5, {rows, D}), K = filled<float>(2, 0.5, {keys, D}),
                      V = filled<float>(3, 1, {keys, C});
  tensor<float> R(rows, C);
  tensor<double> wanted(rows, C);
  fuse<of_mask, strict>(q = Q, k = K, v = V, into(R));
  reference<of_mask>(q = Q, k = K, v = V, into(wanted));
  expect_close("mask", R, wanted, 2e-6);
}
BOOST_AUTO_TEST_CASE(what_decides_is_the_same_everywhere) {
  tensor<float> X = filled<float>(5, 2, {N, C});
  for (extent_t j = 0; j < C; ++j) X(0, j) = float(j - 9) / 6;  // halves among them
  X(1, 0) = 0;
  tensor<std::int32_t> R(N, C);
  tensor<float> means(N);
  tensor<double> wanted(N, C), wanted_means(N);
  fuse<decisions, strict>(x = X, into(R));
  reference<decisions>(x = X, into(wanted));
  expect_close("decisions", R, wanted, 1e-30);
  fuse<decisions_of_rows, strict>(x = X, into(means));
  reference<decisions_of_rows>(x = X, into(wanted_means));
  expect_close("decisions of rows", means, wanted_means, 1e-6);
}
BOOST_AUTO_TEST_CASE(whole_numbers_stay_whole) {
  tensor<std::int64_t> R(N, C);
  fuse<wholes>(with(n, N), with(c, C), into(R));
  for (extent_t i = 0; i < N; ++i)
    for (extent_t j = 0; j < C; ++j) {
      const extent_t high = 2 * ((j > 3) - (j < 3)), kept = std::min(std::max(i - 5, extent_t(-2)), high);
      BOOST_TEST(R(i, j) == kept + j - i);
    }
}
BOOST_AUTO_TEST_CASE(not_a_number_and_the_ends) {
  tensor<float> X(extent_t(2), extent_t(4)), R(extent_t(2), extent_t(4));
  X(0, 0) = NAN, X(0, 1) = INFINITY, X(0, 2) = -INFINITY, X(0, 3) = -0.f;
  X(1, 0) = 2.5f, X(1, 1) = 3.5f, X(1, 2) = -0.5f, X(1, 3) = -1.5f;
  const auto of = [&]<const auto & Of>() -> const tensor<float>& {
    fuse<Of, strict>(x = X, into(R));
    return R;
  };
  static constexpr auto clamped = clamp(x, -1, 2), rounded = round(x), signs = sign(x), soft = softplus(x),
                        sines = sin(x);
  static constexpr auto powers = pow(x, x - x + 2);
  const tensor<float> a = of.operator()<clamped>();
  BOOST_TEST((std::isnan(a(0, 0)) && a(0, 1) == 2 && a(0, 2) == -1 && a(0, 3) == 0 && a(1, 0) == 2));
  const tensor<float> b = of.operator()<rounded>();
  BOOST_TEST(
      (std::isnan(b(0, 0)) && b(0, 1) == INFINITY && b(1, 0) == 2 && b(1, 1) == 4 && b(1, 2) == 0 && b(1, 3) == -2));
  const tensor<float> e = of.operator()<signs>();
  BOOST_TEST((std::isnan(e(0, 0)) && e(0, 1) == 1 && e(0, 2) == -1 && e(0, 3) == 0 && e(1, 3) == -1));
  const tensor<float> f = of.operator()<soft>();
  BOOST_TEST((std::isnan(f(0, 0)) && f(0, 1) == INFINITY && f(0, 2) == 0));
  const tensor<float> g = of.operator()<sines>();
  BOOST_TEST((std::isnan(g(0, 0)) && std::isnan(g(0, 1)) && g(0, 3) == 0));
  const tensor<float> h = of.operator()<powers>();
  BOOST_TEST((std::isnan(h(0, 0)) && h(0, 3) == 0 && h(1, 3) == 2.25f));
}
