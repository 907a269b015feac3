// Keys in chunks, each attended to by itself and merged by the log-sum-exps, against one attention over all of them in
// double, forward and backward: chunks of which the mask leaves nothing, and items of which it leaves no key at all.
// options: -O0 -DHEED_UNOPTIMISED
// labels: meaning
#include "expect_close.hpp"
#include "planned.hpp"
using namespace heed_tests;

namespace {
constexpr axis<"h"> h;
constexpr axis<"n"> n;
constexpr axis<"t"> t;
constexpr axis<"c"> c;
constexpr axis<"m", 16> m;
constexpr axis<"d", 20> d;
constexpr axis<"e", 12> e;
constexpr auto q = input<"q">(h, n, d);
constexpr auto k = input<"k">(h, t, d);
constexpr auto v = input<"v">(h, t, e);
constexpr auto length = input<"length", std::int32_t>(h);
constexpr auto score = mask(scaled_dot<d>(q, split<t, c, m>(k)), c * 16 + m < length);
constexpr auto lse = logsumexp<m>(score);
constexpr auto part = dot<m>(softmax<m>(score), split<t, c, m>(v));
constexpr auto out = dot<c>(softmax<c>(lse), part);
constexpr auto as_a_sum = sum<c>(exp(lse - logsumexp<c>(lse)) * part);
constexpr auto backward = gradient<out>(wrt(q, k, v));
// The same with chunks of an extent that a call brings: a position along both axes is a product with it.
constexpr axis<"j"> j;
constexpr auto long_score = mask(scaled_dot<d>(q, split<t, c, j>(k)), c* size<j> + j < length);
constexpr auto of_long =
    dot<c>(softmax<c>(logsumexp<j>(long_score)), dot<j>(softmax<j>(long_score), split<t, c, j>(v)));
constexpr auto long_backward = gradient<of_long>(wrt(q, k, v));
// Weights that lie in memory are as good as any other factor.
constexpr auto logits = input<"logits">(h, t);
constexpr auto pooled = dot<t>(softmax<t>(logits), v);
constexpr auto pooled_backward = gradient<pooled>(wrt(logits, v));

struct by_hand {
  tensor<double> o, dq, dk, dv;
  by_hand(const tensor<float>& Q, const tensor<float>& K, const tensor<float>& V, const std::vector<std::int32_t>& L,
          const tensor<float>& dO)
      : o(Q.extent(0), Q.extent(1), 12),
        dq(Q.extent(0), Q.extent(1), 20),
        dk(K.extent(0), K.extent(1), 20),
        dv(K.extent(0), K.extent(1), 12) {
    const double scale = 1 / std::sqrt(20.);
    for (extent_t i = 0; i < Q.extent(0); ++i)
      for (extent_t r = 0; r < Q.extent(1); ++r) {
        const extent_t keys = L[std::size_t(i)];
        std::vector<double> w(std::size_t(keys), 0), dw(std::size_t(keys), 0);
        double all = 0, delta = 0;
        for (extent_t j = 0; j < keys; ++j) {
          double s = 0;
          for (int x = 0; x < 20; ++x) s += scale * double(Q(i, r, x)) * double(K(i, j, x));
          all += w[std::size_t(j)] = std::exp(s);
        }
        for (extent_t j = 0; j < keys; ++j) {
          w[std::size_t(j)] /= all;
          for (int x = 0; x < 12; ++x) {
            o(i, r, x) += w[std::size_t(j)] * double(V(i, j, x));
            dv(i, j, x) += w[std::size_t(j)] * double(dO(i, r, x));
            dw[std::size_t(j)] += double(dO(i, r, x)) * double(V(i, j, x));
          }
          delta += w[std::size_t(j)] * dw[std::size_t(j)];
        }
        for (extent_t j = 0; j < keys; ++j)
          for (int x = 0; x < 20; ++x) {
            const double ds = scale * w[std::size_t(j)] * (dw[std::size_t(j)] - delta);
            dq(i, r, x) += ds * double(K(i, j, x)), dk(i, j, x) += ds * double(Q(i, r, x));
          }
      }
  }
};
}  // namespace

BOOST_AUTO_TEST_CASE(merged_by_log_sum_exp) {
  for (const extent_t N : {1, 5, 50}) {
    const tensor<float> Q = filled<float>(1, 2, {3, N, 20}), K = filled<float>(2, 2, {3, 64, 20}),
                        V = filled<float>(3, 1, {3, 64, 12}), dO = filled<float>(4, 1, {3, N, 12});
    const std::vector<std::int32_t> L{64, 21, 0};
    const by_hand want(Q, K, V, L, dO);
    tensor<float> O(3, N, 12), S(3, N, 12), dQ(3, N, 20), dK(3, 64, 20), dV(3, 64, 12);
    fuse<out, strict>(q = Q, k = K, v = V, length = L, into(O));
    fuse<as_a_sum, strict>(q = Q, k = K, v = V, length = L, into(S));
    fuse<backward, strict>(q = Q, k = K, v = V, length = L, cotangent<out> = dO, into(dQ, dK, dV));
    expect_close("o", O, want.o), expect_close("o as a sum", S, want.o);
    expect_close("dq", dQ, want.dq), expect_close("dk", dK, want.dk), expect_close("dv", dV, want.dv);
  }
}
BOOST_AUTO_TEST_CASE(chunks_of_any_extent) {
  const tensor<float> Q = filled<float>(1, 2, {3, 5, 20}), K = filled<float>(2, 2, {3, 64, 20}),
                      V = filled<float>(3, 1, {3, 64, 12}), dO = filled<float>(4, 1, {3, 5, 12});
  const std::vector<std::int32_t> L{64, 21, 0};
  const by_hand want(Q, K, V, L, dO);
  tensor<float> O(3, 5, 12), dQ(3, 5, 20), dK(3, 64, 20), dV(3, 64, 12);
  fuse<of_long, strict>(q = Q, k = K, v = V, length = L, with(c, 4), with(j, 16), into(O));
  fuse<long_backward, strict>(q = Q, k = K, v = V, length = L, with(c, 4), with(j, 16), cotangent<of_long> = dO,
                              into(dQ, dK, dV));
  expect_close("o", O, want.o), expect_close("dq", dQ, want.dq), expect_close("dk", dK, want.dk);
  expect_close("dv", dV, want.dv);
  for (const auto& p : {planned(of_long), planned<long_backward>()})
    for (int i = 0; i < p->region_count; ++i)
      BOOST_TEST((plan::lowered(*p, i).real == element::f32), "region " << i << " computes in double");
}
BOOST_AUTO_TEST_CASE(weights_of_stored_scores) {
  const tensor<float> X = filled<float>(1, 3, {2, 37}), V = filled<float>(2, 1, {2, 37, 12}),
                      dO = filled<float>(3, 1, {2, 12});
  tensor<float> O(2, 12), dX(2, 37), dV(2, 37, 12);
  tensor<double> o(2, 12), dx(2, 37), dv(2, 37, 12);
  for (extent_t i = 0; i < 2; ++i) {
    double all = 0, delta = 0;
    std::vector<double> w(37), dw(37);
    for (extent_t j = 0; j < 37; ++j) all += w[std::size_t(j)] = std::exp(double(X(i, j)));
    for (extent_t j = 0; j < 37; ++j) {
      w[std::size_t(j)] /= all;
      for (int x = 0; x < 12; ++x) {
        o(i, x) += w[std::size_t(j)] * double(V(i, j, x)), dv(i, j, x) = w[std::size_t(j)] * double(dO(i, x));
        dw[std::size_t(j)] += double(dO(i, x)) * double(V(i, j, x));
      }
      delta += w[std::size_t(j)] * dw[std::size_t(j)];
    }
    for (extent_t j = 0; j < 37; ++j) dx(i, j) = w[std::size_t(j)] * (dw[std::size_t(j)] - delta);
  }
  fuse<pooled, strict>(logits = X, v = V, into(O));
  fuse<pooled_backward, strict>(logits = X, v = V, cotangent<pooled> = dO, into(dX, dV));
  expect_close("o", O, o), expect_close("dlogits", dX, dx), expect_close("dv", dV, dv);
}
