// Scores that are distances, squared or absolute, forward and backward: the values of plain loops in double, near
// neighbours far from 0 included, where |q|^2 + |k|^2 - 2 q.k would have nothing left of them.
// options: -O0 -DHEED_UNOPTIMISED
#include "expect_close.hpp"
#include <omp.h>
using namespace heed_tests;

namespace {
constexpr axis<"h"> h;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 21> d;
constexpr axis<"r"> r;
constexpr axis<"e", 17> e;
constexpr auto q = input<"q">(h, n, d);
constexpr auto k = input<"k">(m, d);  // all heads share it
constexpr auto v = input<"v">(h, m, e);
constexpr auto qr = input<"qr">(h, n, r);
constexpr auto kr = input<"kr">(h, m, r);
constexpr auto width = input<"width">(h);

// What becomes of distances: of expressions, and of numbers for the loops, which have it of each element of the depth.
struct euclidean {  // Kim, Papamakarios and Mnih 2021, with a width for each head, inside the sum
  static constexpr bool softmax = true, causal = true;
  static constexpr auto of() { return -sum<d>(pow((q - k) / width, 2)) / 2 - sum<r>((kr - qr) * (kr - qr) * 0.25); }
  static double near(double t) { return t * t; }
  static double far(double t) { return t * t; }
  static double at(double a, double b, double width) { return -a / (2 * width * width) - b / 4; }
};
struct manhattan {  // beside a product, which has a tile of its own
  static constexpr bool softmax = true, causal = false;
  static constexpr auto of() { return -width * sum<d>(abs(k - q)) + 0.1 * dot<r>(qr, kr); }
  static double near(double t) { return std::fabs(t); }
  static double far(double) { return 0; }
  static double at(double a, double b, double width) { return -width * a + 0.1 * b; }
};
struct radial {  // no softmax
  static constexpr bool softmax = false, causal = true;
  static constexpr auto of() { return exp(-width * sum<d>((q - k) * (q - k)) / 2) / (1 + mean<r>(abs(qr - kr))); }
  static double near(double t) { return t * t; }
  static double far(double t) { return std::fabs(t); }
  static double at(double a, double b, double width) { return std::exp(-width * a / 2) / (1 + b); }
};
template <class Score> constexpr auto weights_of() {
  constexpr auto s = Score::of();
  if constexpr (Score::softmax && Score::causal) return softmax<m>(mask(s, m <= n));
  else if constexpr (Score::softmax) return softmax<m>(s);
  else return mask(s, m <= n);
}
template <class Score> inline constexpr auto out = dot<m>(weights_of<Score>(), v);
template <class Score> inline constexpr auto gradients = gradient<out<Score>>(wrt(q, k, qr, kr, width, v));

// Rows and columns within about 1 of `center` in each direction.
struct operands {
  extent_t H, N, M, R;
  double center = 0;
  tensor<float> Q = filled<float>(1, 0.3, {H, N, 21}), K = filled<float>(2, 0.3, {M, 21}),
                QR = filled<float>(3, 1, {H, N, R}), KR = filled<float>(4, 1, {H, M, R}),
                V = filled<float>(5, 1, {H, M, 17}), G = filled<float>(6, 1, {H, N, 17}), W{H};
  tensor<float> O{H, N, 17}, dQ{H, N, 21}, dK{M, 21}, dQR{H, N, R}, dKR{H, M, R}, dV{H, M, 17}, dW{H};
  tensor<double> wO{H, N, 17}, wQ{H, N, 21}, wK{M, 21}, wQR{H, N, R}, wKR{H, M, R}, wV{H, M, 17}, wW{H};
  operands(extent_t heads, extent_t rows, extent_t columns, extent_t depth, double at = 0)
      : H(heads),
        N(rows),
        M(columns),
        R(depth),
        center(at) {
    for (tensor<float>* t : {&Q, &K, &QR, &KR})
      for (float& x : *t) x = float(double(x) + center);
    for (extent_t a = 0; a < H; ++a) W[std::size_t(a)] = 0.7f + 0.3f * float(a);
    if (N > 3 && M > 2) Q(0, 3, 5) = K(2, 5);  // a kink of the absolute difference
  }
};
void compare(const char* name, const operands& x) {
  BOOST_TEST_CONTEXT(name << ", " << x.N << " rows and " << x.M << " columns around " << x.center << ", " << x.R) {
    expect_close("values", x.O, x.wO), expect_close("grad(q)", x.dQ, x.wQ), expect_close("grad(k)", x.dK, x.wK);
    expect_close("grad(qr)", x.dQR, x.wQR), expect_close("grad(kr)", x.dKR, x.wKR), expect_close("grad(v)", x.dV, x.wV);
    expect_close("grad(width)", x.dW, x.wW, 3e-5);  // sums of distances, of which each is some 10 times the rest
  }
}
double slope(double (*f)(double), double t) {  // 0 at a kink
  return t == 0 ? 0 : (f(t + 1e-6) - f(t - 1e-6)) / 2e-6;
}

// A row of plain loops in double: its weights, and what a small change of each is worth.
template <class Score> void row_by_loops(operands& x, extent_t a, extent_t i) {
  const std::size_t count = std::size_t(Score::causal ? std::min(i + 1, x.M) : x.M);
  const bool product = Score::far(1) == 0, is_mean = !Score::softmax;
  std::vector<double> s(count), t(count), weight(count), worth(count);
  double top = -INFINITY, total = 0, mean = 0;
  const double w = double(x.W[std::size_t(a)]), share = is_mean ? 1 / double(x.R) : 1;
  for (std::size_t j = 0; j < count; ++j) {
    const extent_t at = extent_t(j);
    for (extent_t c = 0; c < 21; ++c) s[j] += Score::near(double(x.Q(a, i, c)) - double(x.K(at, c)));
    for (extent_t c = 0; c < x.R; ++c) {
      const double one = double(x.QR(a, i, c)), two = double(x.KR(a, at, c));
      t[j] += share * (product ? one * two : Score::far(one - two));
    }
    for (extent_t c = 0; c < 17; ++c) worth[j] += double(x.G(a, i, c)) * double(x.V(a, at, c));
    weight[j] = Score::at(s[j], t[j], w), top = std::max(top, weight[j]);
  }
  if (Score::softmax) {
    for (double& one : weight) total += one = std::exp(one - top);
    for (double& one : weight) one /= total;
    for (std::size_t j = 0; j < count; ++j) mean += weight[j] * worth[j];
  }
  for (std::size_t j = 0; j < count; ++j) {
    const extent_t at = extent_t(j);
    const double step = 1e-5, score = Score::softmax ? weight[j] * (worth[j] - mean) : worth[j],
                 ds = score * (Score::at(s[j] + step, t[j], w) - Score::at(s[j] - step, t[j], w)) / (2 * step),
                 dt = score * share * (Score::at(s[j], t[j] + step, w) - Score::at(s[j], t[j] - step, w)) / (2 * step);
    x.wW[std::size_t(a)] += score * (Score::at(s[j], t[j], w + step) - Score::at(s[j], t[j], w - step)) / (2 * step);
    for (extent_t c = 0; c < 17; ++c)
      x.wO(a, i, c) += weight[j] * double(x.V(a, at, c)), x.wV(a, at, c) += weight[j] * double(x.G(a, i, c));
    for (extent_t c = 0; c < 21; ++c) {
      const double one = ds * slope(Score::near, double(x.Q(a, i, c)) - double(x.K(at, c)));
      x.wQ(a, i, c) += one, x.wK(at, c) -= one;
    }
    for (extent_t c = 0; c < x.R; ++c) {
      const double one = double(x.QR(a, i, c)), two = double(x.KR(a, at, c)), far = slope(Score::far, one - two);
      x.wQR(a, i, c) += dt * (product ? two : far), x.wKR(a, at, c) += dt * (product ? one : -far);
    }
  }
}
template <class Score> void run(operands& x) {
  fuse<out<Score>, strict>(q = x.Q, k = x.K, qr = x.QR, kr = x.KR, width = x.W, v = x.V, into(x.O));
  fuse<gradients<Score>, strict>(q = x.Q, k = x.K, qr = x.QR, kr = x.KR, width = x.W, v = x.V,
                                 cotangent<out<Score>> = x.G, into(x.dQ, x.dK, x.dQR, x.dKR, x.dW, x.dV));
}
template <class Score> void check(const char* name, double center = 0) {
  for (const extent_t N : {1, 31, 0, 70})
    for (const extent_t M : {extent_t(47), N}) {
      operands x{2, N, M, 3 + N % 11, center};
      run<Score>(x);
      for (extent_t a = 0; a < 2; ++a)
        for (extent_t i = 0; i < N && M > 0; ++i) row_by_loops<Score>(x, a, i);
      compare(name, x);
    }
}
}  // namespace

BOOST_AUTO_TEST_CASE(under_a_softmax) { check<euclidean>("euclidean"), check<manhattan>("manhattan"); }
BOOST_AUTO_TEST_CASE(without_a_softmax) { check<radial>("radial"); }
// Positions that have 24 bits are known to 2^-14 there, so that their differences are exact, but |q|^2 is not.
BOOST_AUTO_TEST_CASE(near_neighbours_far_from_0) { check<euclidean>("euclidean", 1000), check<radial>("radial", 1000); }
// What a mask excludes takes no part, whatever it is, in rows and in columns; and the same bits come from any number of
// threads.
BOOST_AUTO_TEST_CASE(behind_a_mask_and_on_threads) {
  operands x{3, 61, 61, 9}, y{3, 61, 61, 9}, row{3, 61, 61, 9};
  x.K(60, 0) = std::numeric_limits<float>::quiet_NaN(), x.KR(1, 60, 2) = std::numeric_limits<float>::infinity();
  row.Q(2, 0, 3) = std::numeric_limits<float>::quiet_NaN();  // sees the first column alone
  run<euclidean>(x), run<euclidean>(y), run<euclidean>(row);
  for (extent_t a = 0; a < 3; ++a)
    for (extent_t i = 0; i < 60; ++i) {
      for (extent_t c = 0; c < 17; ++c) BOOST_REQUIRE(x.O(a, i, c) == y.O(a, i, c));
      for (extent_t c = 0; c < 21; ++c) BOOST_REQUIRE(x.dQ(a, i, c) == y.dQ(a, i, c));
      for (extent_t c = 0; c < 9; ++c) BOOST_REQUIRE(x.dQR(a, i, c) == y.dQR(a, i, c));
    }
  BOOST_TEST(std::isnan(row.dQ(2, 0, 0)));
  for (extent_t i = 1; i < 61; ++i)
    for (extent_t c = 0; c < 21; ++c) BOOST_REQUIRE(row.dK(i, c) == y.dK(i, c));
  const int threads = omp_get_max_threads();
  for (const int t : {1, 2, 5}) {
    operands z{3, 61, 61, 9};
    omp_set_num_threads(t);
    run<euclidean>(z);
    for (const auto& [one, two] : {std::pair(&z.O, &y.O), std::pair(&z.dQ, &y.dQ), std::pair(&z.dK, &y.dK),
                                   std::pair(&z.dQR, &y.dQR), std::pair(&z.dKR, &y.dKR), std::pair(&z.dV, &y.dV)})
      BOOST_TEST(std::equal(one->begin(), one->end(), two->begin()), t << " threads");
  }
  omp_set_num_threads(threads);
}
