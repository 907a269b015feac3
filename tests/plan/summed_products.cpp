// Sums of products of rows and columns that are written out: contractions, forward and backward, that mean what is
// declared; gradients equal central differences of the declared graph. And in kernels, beside the formula in double.
// options: -O0 -DHEED_UNOPTIMISED
#include "rewritten.hpp"
#include "expect_close.hpp"
using namespace heed;
using namespace heed::internal;
using heed_tests::is_rewritten, heed_tests::planned, heed_tests::kinds;

namespace {
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"l"> l;
constexpr axis<"h", 2> h;
constexpr axis<"d", 3> d;
constexpr axis<"e", 2> e;
constexpr auto q = input<"q", double>(h, n, d);
constexpr auto k = input<"k", double>(h, m, d);
constexpr auto v = input<"v", double>(h, m, e);
constexpr auto w = input<"w_pos", double>(d);
constexpr auto rate = input<"rate_pos", double>(h, n);
constexpr auto bias = input<"bias", double>(h, d);
template <class S> constexpr auto attended(const S& score) { return dot<m>(softmax<m>(mask(score, m <= n)), v); }

constexpr auto bare = attended(sum<d>(q * k));
constexpr auto weighted = attended(sum<d>(q * k * w) / rate);
constexpr auto inside = attended(sum<d>(-2 * (k / w) * (q / rate)));
constexpr auto average = attended(mean<d>(k * q) * 3);
constexpr auto shared = attended(sum<d>(input<"q0", double>(n, d) * bias * input<"k0", double>(m, d)));  // heads of w
constexpr auto without = dot<m>(mask(sigmoid(sum<d>(q * k * w)), m <= n), v);
constexpr auto values = sum<m>(mask(sigmoid(sum<d>(q * k)), m <= n) * v);
constexpr auto of_two = attended(sum<h, d>(q * k));
constexpr auto partly = attended(sum<d>(q * mask(k, m < 4)));  // masked by key: the sum of nothing is 0
constexpr auto added = attended(sum<d>(q * k) + sum<d>(k * input<"u", double>(h, n, d)));
constexpr auto lines = sum<n>(q * input<"other", double>(n, e));  // over (h, d, e), without pairs

constexpr auto rows = sum<d>(q * q * w);                                         // along rows alone
constexpr auto of_weights = sum<m>(softmax<m>(mask(dot<d>(q, k), m <= n)) * v);  // counts what the mask excludes
constexpr auto of_multiple = sum<m>(2 * (v * softmax<m>(dot<d>(q, k))));
constexpr auto absent = sum<d>(q * k * mask(rate, n < 3));                 // absent, not 0
constexpr auto of_average = mean<d>(mask(q, q > 0) * k);                   // over what is there
constexpr auto of_three = sum<d>(q * k * input<"third", double>(l, d));    // no contraction of two
constexpr auto of_halves = sum<d>(q * input<"turn", double>(n, d, e));     // a rotation: two results of each sum
constexpr auto of_pairs = sum<d>(k * input<"dense", double>(h, n, m, d));  // of which one has all axes
}  // namespace

BOOST_AUTO_TEST_CASE(scores) {
  CHECK_REWRITTEN(bare, q, k, v);
  CHECK_REWRITTEN(weighted, q, k, w, rate);
  CHECK_REWRITTEN(inside, q, k, w, rate);
  CHECK_REWRITTEN(average, q, k);
  CHECK_REWRITTEN(added, q, k);
  CHECK_REWRITTEN(shared, bias);
  CHECK_REWRITTEN(of_two, q, k);
  BOOST_TEST(kinds(*planned(bare)) == "s");
}
BOOST_AUTO_TEST_CASE(without_a_softmax) {
  CHECK_REWRITTEN(without, q, k, v, w);
  CHECK_REWRITTEN(values, q, k, v);
}
BOOST_AUTO_TEST_CASE(elsewhere) {
  CHECK_REWRITTEN(lines, q);
  BOOST_TEST(is_rewritten<partly>());
  BOOST_TEST(heed_tests::difference(*planned(partly), result_list(partly), heed_tests::rewritten_extents) == "");
}
BOOST_AUTO_TEST_CASE(what_stays) {
  BOOST_TEST((!is_rewritten<rows>() && !is_rewritten<of_weights>() && !is_rewritten<of_multiple>()));
  BOOST_TEST((!is_rewritten<absent>() && !is_rewritten<of_average>()));
  BOOST_TEST((!is_rewritten<of_three>() && !is_rewritten<of_halves>() && !is_rewritten<of_pairs>()));
}

namespace kernels {
constexpr axis<"c", 24> c;
constexpr auto x = input<"x">(h, n, c);
constexpr auto y = input<"y">(h, m, c);
constexpr auto z = input<"z">(h, m, e);
constexpr auto by = input<"by">(c);
constexpr auto out = dot<m>(softmax<m>(mask(sum<c>(x * y * by), m <= n)), z);
constexpr auto backward = gradient<out>(wrt(x, y, by));
}  // namespace kernels

BOOST_AUTO_TEST_CASE(in_kernels) {
  using namespace heed_tests;
  namespace g = kernels;
  const extent_t N = 61;
  const auto X = filled<float>(1, 1, {2, N, 24}), Y = filled<float>(2, 1, {2, N, 24}),
             Z = filled<float>(3, 1, {2, N, 2}), W = filled<float>(4, 1, {24}), C = filled<float>(5, 1, {2, N, 2});
  tensor<float> O(2, N, 2), dX(2, N, 24), dY(2, N, 24), dW(24);
  tensor<double> wO(2, N, 2), wX(2, N, 24), wY(2, N, 24), wW(24);
  fuse<g::out, strict>(g::x = X, g::y = Y, g::z = Z, g::by = W, into(O));
  fuse<g::backward, strict>(g::x = X, g::y = Y, g::z = Z, g::by = W, cotangent<g::out> = C, into(dX, dY, dW));
  for (extent_t i = 0; i < 2; ++i)
    for (extent_t row = 0; row < N; ++row) {
      std::vector<double> p(std::size_t(row + 1), 0.), worth(p);
      double all = 0, mean = 0;
      for (extent_t key = 0; key <= row; ++key) {
        double s = 0;
        for (int j = 0; j < 24; ++j) s += double(X(i, row, j)) * double(Y(i, key, j)) * double(W[std::size_t(j)]);
        all += p[std::size_t(key)] = std::exp(s);
        for (int j = 0; j < 2; ++j) worth[std::size_t(key)] += double(C(i, row, j)) * double(Z(i, key, j));
      }
      for (extent_t key = 0; key <= row; ++key) mean += (p[std::size_t(key)] /= all) * worth[std::size_t(key)];
      for (extent_t key = 0; key <= row; ++key) {
        const double reached = p[std::size_t(key)] * (worth[std::size_t(key)] - mean);
        for (int j = 0; j < 2; ++j) wO(i, row, j) += p[std::size_t(key)] * double(Z(i, key, j));
        for (int j = 0; j < 24; ++j) {
          const double a = double(X(i, row, j)), b = double(Y(i, key, j)), f = double(W[std::size_t(j)]);
          wX(i, row, j) += reached * b * f, wY(i, key, j) += reached * a * f, wW[std::size_t(j)] += reached * a * b;
        }
      }
    }
  expect_close("out", O, wO, 2e-6), expect_close("dx", dX, wX, 2e-6), expect_close("dy", dY, wY, 2e-6);
  expect_close("dw", dW, wW, 2e-6);
}
