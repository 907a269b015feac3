// Distances without a softmax behind masks of several parts, of which some hold for whole rows or columns, or one
// behind the other; and sums over all their pairs: in kernels, forward and backward, with nothing over pairs, beside
// plain loops in double.
// options: -O0 -DHEED_UNOPTIMISED
#include "expect_close.hpp"
#include "planned.hpp"
using namespace heed_tests;

namespace {
constexpr axis<"h"> h;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 9> d;
constexpr axis<"e", 5> e;
constexpr auto q = input<"q">(h, n, d);
constexpr auto k = input<"k">(h, m, d);
constexpr auto v = input<"v">(h, m, e);
constexpr auto length = input<"length", std::int32_t>();
constexpr auto absolute = mean<d>(abs(q - k));
constexpr auto square = sum<d>((q - k) * (q - k));

struct of_columns {
  static constexpr bool squares = false;
  static constexpr auto weight() { return mask(exp(-absolute), m <= n && m < length); }
  static bool sees(extent_t i, extent_t j) { return j <= i && j < 30; }
};
struct of_rows {
  static constexpr bool squares = true;
  static constexpr auto weight() { return mask(exp(-square), m <= n && m < length && n > 3); }
  static bool sees(extent_t i, extent_t j) { return j <= i && j < 30 && i > 3; }
};
struct one_behind_the_other {
  static constexpr bool squares = true;
  static constexpr auto weight() { return mask(exp(mask(-square, m <= n)), n - m < length); }
  static bool sees(extent_t i, extent_t j) { return j <= i && i - j < 30; }
};
template <class Case> inline constexpr auto out = dot<m>(Case::weight(), v);
template <class Case> inline constexpr auto gradients = gradient<out<Case>>(wrt(q, k, v));

constexpr auto total = sum<h, n, m>(mask(square, m <= n && m < length));
constexpr auto of_total = gradient<total>(wrt(q, k));
constexpr auto products = sum<h, n, m>(mask(dot<d>(q, k) * dot<d>(q, k), m <= n && m < length));

struct operands {
  extent_t N = 47, M = 53;
  tensor<float> Q = filled<float>(1, 1, {2, N, 9}), K = filled<float>(2, 1, {2, M, 9}),
                V = filled<float>(3, 1, {2, M, 5}), C = filled<float>(4, 1, {2, N, 5});
  double at(extent_t a, extent_t i, extent_t j, int x) const { return double(Q(a, i, x)) - double(K(a, j, x)); }
};
template <class Case> void check(const char* name) {
  const operands x;
  tensor<float> O(2, x.N, 5), dQ(2, x.N, 9), dK(2, x.M, 9), dV(2, x.M, 5);
  tensor<double> wO(2, x.N, 5), wQ(2, x.N, 9), wK(2, x.M, 9), wV(2, x.M, 5);
  fuse<out<Case>, strict>(q = x.Q, k = x.K, v = x.V, length = 30, into(O));
  fuse<gradients<Case>, strict>(q = x.Q, k = x.K, v = x.V, length = 30, cotangent<out<Case>> = x.C, into(dQ, dK, dV));
  for (extent_t a = 0; a < 2; ++a)
    for (extent_t i = 0; i < x.N; ++i)
      for (extent_t j = 0; j < x.M; ++j) {
        if (!Case::sees(i, j)) continue;
        double far = 0, worth = 0;
        for (int y = 0; y < 9; ++y) {
          const double t = x.at(a, i, j, y);
          far += Case::squares ? t * t : std::fabs(t) / 9;
        }
        const double w = std::exp(-far);
        for (int y = 0; y < 5; ++y) {
          wO(a, i, y) += w * double(x.V(a, j, y)), wV(a, j, y) += w * double(x.C(a, i, y));
          worth += double(x.C(a, i, y)) * double(x.V(a, j, y));
        }
        for (int y = 0; y < 9; ++y) {
          const double t = x.at(a, i, j, y), slope = Case::squares ? 2 * t : (t > 0 ? 1. : -1.) / 9;
          wQ(a, i, y) -= worth * w * slope, wK(a, j, y) += worth * w * slope;
        }
      }
  BOOST_TEST_CONTEXT(name) {
    expect_close("out", O, wO, 2e-6), expect_close("dq", dQ, wQ, 2e-6), expect_close("dk", dK, wK, 2e-6);
    expect_close("dv", dV, wV, 2e-6);
  }
}
}  // namespace

BOOST_AUTO_TEST_CASE(behind_masks) {
  check<of_columns>("columns"), check<of_rows>("rows"), check<one_behind_the_other>("one behind the other");
}
BOOST_AUTO_TEST_CASE(over_all_pairs) {
  const operands x;
  tensor<float> dQ(2, x.N, 9), dK(2, x.M, 9);
  tensor<double> wQ(2, x.N, 9), wK(2, x.M, 9);
  float all = 0, of_products = 0;
  double want = 0, want_products = 0;
  fuse<total, strict>(q = x.Q, k = x.K, length = 30, into(all));
  fuse<products, strict>(q = x.Q, k = x.K, length = 30, into(of_products));
  fuse<of_total, strict>(q = x.Q, k = x.K, length = 30, into(dQ, dK));
  for (extent_t a = 0; a < 2; ++a)
    for (extent_t i = 0; i < x.N; ++i)
      for (extent_t j = 0; j <= std::min<extent_t>(i, 29); ++j) {
        double s = 0;
        for (int y = 0; y < 9; ++y) {
          const double t = x.at(a, i, j, y);
          want += t * t, wQ(a, i, y) += 2 * t, wK(a, j, y) -= 2 * t, s += double(x.Q(a, i, y)) * double(x.K(a, j, y));
        }
        want_products += s * s;
      }
  BOOST_TEST(std::fabs(all / want - 1) < 2e-6);
  BOOST_TEST(std::fabs(of_products / want_products - 1) < 2e-6);
  expect_close("dq", dQ, wQ, 2e-6), expect_close("dk", dK, wK, 2e-6);
  BOOST_TEST(!stores_pairs(*planned<of_total>()));
}
