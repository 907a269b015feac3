// Keys and values of whole numbers with scales, for each key and for each width, against formulas in double, forward
// and backward: they become real once, and everything else is attention.
// options: -O0 -DHEED_UNOPTIMISED
// labels: meaning
#include "expect_close.hpp"
using namespace heed_tests;

namespace {
constexpr axis<"h"> h;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 10> d;
constexpr axis<"e", 12> e;
constexpr auto q = input<"q">(h, n, d);
constexpr auto k = input<"k", std::int32_t>(h, m, d);
constexpr auto v = input<"v", std::int32_t>(h, m, e);
constexpr auto of_keys = input<"of_keys">(h, m);
constexpr auto of_width = input<"of_width">(h, e);
constexpr auto out = attention<d, m>(q, cast<float>(k) * of_keys, v* of_width, causal(n, m));
constexpr auto backward = gradient<out>(wrt(q, of_keys, of_width));
}  // namespace

BOOST_AUTO_TEST_CASE(forward_and_backward) {
  const int N = 29, M = 31;
  const tensor<float> Q = filled<float>(1, 2, {2, N, 10}), S = filled<float>(2, 0.01, {2, M}),
                      W = filled<float>(3, 0.02, {2, 12}), dO = filled<float>(4, 1, {2, N, 12});
  tensor<std::int32_t> K(2, M, 10), V(2, M, 12);
  for (std::size_t i = 0; i < K.size(); ++i) K[i] = std::int32_t(i * 37 % 255) - 127;
  for (std::size_t i = 0; i < V.size(); ++i) V[i] = std::int32_t(i * 53 % 255) - 127;
  tensor<float> O(2, N, 12), dQ(2, N, 10), dS(2, M), dW(2, 12);
  fuse<out, strict>(q = Q, k = K, v = V, of_keys = S, of_width = W, into(O));
  fuse<backward, strict>(q = Q, k = K, v = V, of_keys = S, of_width = W, cotangent<out> = dO, into(dQ, dS, dW));
  tensor<double> o(2, N, 12), dq(2, N, 10), ds(2, M), dw(2, 12);
  for (int i = 0; i < 2; ++i)
    for (int r = 0; r < N; ++r) {
      std::vector<double> w(std::size_t(M), 0), dp(std::size_t(M), 0);
      double all = 0, delta = 0;
      for (int c = 0; c <= r; ++c) {
        double s = 0;
        for (int x = 0; x < 10; ++x) s += double(Q(i, r, x)) * K(i, c, x) * double(S(i, c)) / std::sqrt(10.);
        all += w[std::size_t(c)] = std::exp(s);
      }
      for (int c = 0; c <= r; ++c) {
        w[std::size_t(c)] /= all;
        for (int x = 0; x < 12; ++x) {
          const double weighed = w[std::size_t(c)] * V(i, c, x);
          o(i, r, x) += weighed * double(W(i, x)), dw(i, x) += weighed * double(dO(i, r, x));
          dp[std::size_t(c)] += double(dO(i, r, x)) * V(i, c, x) * double(W(i, x));
        }
        delta += w[std::size_t(c)] * dp[std::size_t(c)];
      }
      for (int c = 0; c <= r; ++c)
        for (int x = 0; x < 10; ++x) {
          const double reached = w[std::size_t(c)] * (dp[std::size_t(c)] - delta) * K(i, c, x) / std::sqrt(10.);
          dq(i, r, x) += reached * double(S(i, c)), ds(i, c) += reached * double(Q(i, r, x));
        }
    }
  expect_close("o", O, o), expect_close("dq", dQ, dq);
  expect_close("dscale of keys", dS, ds), expect_close("dscale of widths", dW, dw);
}
