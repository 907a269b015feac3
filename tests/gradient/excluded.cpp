// NaN stored in masked keys and values, through the kernels and by the call's own words.
// options: -O0 -DHEED_UNOPTIMISED
#include "against_reference.hpp"
#include <vector>
using namespace heed_tests;

namespace {
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 4> d;
constexpr axis<"e", 4> e;
constexpr auto q = input<"q">(n, d);
constexpr auto k = input<"k">(m, d);
constexpr auto v = input<"v">(m, e);
constexpr auto length = input<"length", std::int32_t>();
constexpr auto out = attention<d, m>(q, k, v, padding(m, length));
}  // namespace

BOOST_AUTO_TEST_CASE(fused_gradients_leave_out_what_is_excluded) {
  const tensor<float> Q = filled<float>(1, 1, {5, 4}), G = filled<float>(4, 1, {5, 4});
  using result = tensor<float>;
  result got[2][3] = {{result(5, 4), result(7, 4), result(7, 4)}, {result(5, 4), result(7, 4), result(7, 4)}};
  for (int dirty : {0, 1}) {
    tensor<float> K = filled<float>(2, 1, {7, 4}), V = filled<float>(3, 1, {7, 4});
    for (extent_t j = 3; j < 7; ++j)
      for (extent_t i = 0; i < 4; ++i) K(j, i) = V(j, i) = dirty ? NAN : 0.f;
    fuse<gradient<out>(wrt(q, k, v))>(q = Q, k = K, v = V, length = 3, cotangent<out> = G,
                                      into(got[dirty][0], got[dirty][1], got[dirty][2]));
  }
  for (int t : {0, 1, 2})
    for (std::size_t i = 0; i < got[0][t].size(); ++i) {
      BOOST_TEST(got[0][t][i] == got[1][t][i]);
      if (t > 0 && i >= 12) BOOST_TEST(got[1][t][i] == 0);
    }
  BOOST_TEST(largest(got[1][0]) > 0.01);
}

// A mask behind the softmax leaves pairs out of some sums of a region, and others have them: what a row or a column
// holds there reaches none of the sums that leave it out. Against loops in double.
namespace {
constexpr auto u = input<"u">(m, e);
constexpr auto every = softmax<m>(scaled_dot<d>(q, k));
constexpr auto behind = dot<m>(mask(every, m <= n), v);
constexpr auto squares = dot<m>(every * every, u);
constexpr auto beside = results(behind, squares);
constexpr auto backward = gradient<behind>(wrt(q, k, v));
constexpr int rows = 21, keys = 19;

std::vector<double> weights_of(const tensor<float>& Q, const tensor<float>& K) {
  std::vector<double> w(rows * keys);
  for (int i = 0; i < rows; ++i) {
    double total = 0;
    for (int j = 0; j < keys; ++j) {
      double s = 0;
      for (int a = 0; a < 4; ++a) s += double(Q(i, a)) * K(j, a);
      total += w[std::size_t(i * keys + j)] = std::exp(s / 2);
    }
    for (int j = 0; j < keys; ++j) w[std::size_t(i * keys + j)] /= total;
  }
  return w;
}
void near(double got, double want) {
  BOOST_TEST((std::isfinite(want) ? std::abs(got - want) <= 1e-5 * (1 + std::abs(want)) : !std::isfinite(got)),
             got << " is " << want);
}
}  // namespace

BOOST_AUTO_TEST_CASE(what_a_mask_excludes_behind_the_softmax) {
  const tensor<float> Q = filled<float>(1, 1, {rows, 4}), K = filled<float>(2, 1, {keys, 4});
  const std::vector<double> w = weights_of(Q, K);
  for (const float strange : {0.5f, NAN, INFINITY}) {
    tensor<float> V = filled<float>(3, 1, {keys, 4}), U = filled<float>(5, 1, {keys, 4}),
                  G = filled<float>(4, 1, {rows, 4});
    for (extent_t a = 0; a < 4; ++a) V(11, a) = strange;
    tensor<float> A(rows, 4), B(rows, 4), dQ(rows, 4), dK(keys, 4), dV(keys, 4);
    fuse<beside, strict>(q = Q, k = K, v = V, u = U, into(A, B));
    for (extent_t a = 0; a < 4; ++a) V(11, a) = 1, G(6, a) = strange;
    fuse<backward, strict>(q = Q, k = K, v = V, cotangent<behind> = G, into(dQ, dK, dV));
    for (int a = 0; a < 4; ++a) {
      for (int i = 0; i < rows; ++i) {
        double seen = 0, squared = 0;
        for (int j = 0; j < keys; ++j) {
          const double one = w[std::size_t(i * keys + j)];
          if (j <= i) seen += one * (j == 11 ? strange : V(j, a));
          squared += one * one * U(j, a);
        }
        near(A(i, a), seen);
        near(B(i, a), squared);
        if (i != 6) BOOST_TEST(std::isfinite(dQ(i, a)));
      }
      for (int j = 0; j < keys; ++j) {
        double reached = 0;
        for (int i = j; i < rows; ++i) reached += w[std::size_t(i * keys + j)] * G(i, a);
        near(dV(j, a), reached);
      }
    }
  }
}
