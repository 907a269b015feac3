// Forgetting attention (Lin et al. 2025) against its formula in double, forward and backward: gates of which a score
// reads the running sum at its query and at its key.
// options: -O0 -DHEED_UNOPTIMISED
// labels: meaning
#include "expect_close.hpp"
using namespace heed_tests;

namespace {
constexpr axis<"h"> h;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 20> d;
constexpr axis<"e", 12> e;
constexpr auto q = input<"q">(h, n, d);
constexpr auto k = input<"k">(h, m, d);
constexpr auto v = input<"v">(h, m, e);
constexpr auto gate = input<"gate">(h, n);
constexpr auto total = running_sum<n>(log(sigmoid(gate)));
constexpr auto out = dot<m>(softmax<m>(mask(scaled_dot<d>(q, k) + total - rename<n, m>(total), causal(n, m))), v);
constexpr auto backward = gradient<out>(wrt(q, k, v, gate));
constexpr auto in_two_calls = differentiable<out, strict>(wrt(q, k, v, gate));

struct by_hand {
  tensor<double> o, dq, dk, dv, dgate;
  by_hand(const tensor<float>& Q, const tensor<float>& K, const tensor<float>& V, const tensor<float>& G,
          const tensor<float>& dO)
      : o(G.extents()[0], G.extents()[1], 12),
        dq(G.extents()[0], G.extents()[1], 20),
        dk(dq),
        dv(o),
        dgate(G.extents()[0], G.extents()[1]) {
    const extent_t N = G.extents()[1];
    const double scale = 1 / std::sqrt(20.);
    for (extent_t i = 0; i < G.extents()[0]; ++i) {
      std::vector<double> kept(std::size_t(N), 0), reached(std::size_t(N), 0);
      for (extent_t t = 0; t < N; ++t)
        kept[std::size_t(t)] = (t ? kept[std::size_t(t - 1)] : 0) - std::log1p(std::exp(-double(G(i, t))));
      for (extent_t r = 0; r < N; ++r) {
        std::vector<double> w(std::size_t(r + 1)), dw(std::size_t(r + 1));
        double all = 0, delta = 0;
        for (extent_t c = 0; c <= r; ++c) {
          double score = kept[std::size_t(r)] - kept[std::size_t(c)];
          for (int x = 0; x < 20; ++x) score += scale * double(Q(i, r, x)) * double(K(i, c, x));
          all += w[std::size_t(c)] = std::exp(score);
        }
        for (extent_t c = 0; c <= r; ++c) {
          w[std::size_t(c)] /= all;
          for (int x = 0; x < 12; ++x) {
            o(i, r, x) += w[std::size_t(c)] * double(V(i, c, x)),
                dv(i, c, x) += w[std::size_t(c)] * double(dO(i, r, x));
            dw[std::size_t(c)] += double(dO(i, r, x)) * double(V(i, c, x));
          }
          delta += w[std::size_t(c)] * dw[std::size_t(c)];
        }
        for (extent_t c = 0; c <= r; ++c) {
          const double ds = w[std::size_t(c)] * (dw[std::size_t(c)] - delta);
          for (int x = 0; x < 20; ++x)
            dq(i, r, x) += scale * ds * double(K(i, c, x)), dk(i, c, x) += scale * ds * double(Q(i, r, x));
          for (extent_t t = c + 1; t <= r; ++t) reached[std::size_t(t)] += ds;  // the gates between them
        }
      }
      for (extent_t t = 0; t < N; ++t) dgate(i, t) = reached[std::size_t(t)] / (1 + std::exp(double(G(i, t))));
    }
  }
};
}  // namespace

BOOST_AUTO_TEST_CASE(forward_and_backward) {
  for (const extent_t N : {1, 37, 150}) {
    const tensor<float> Q = filled<float>(1, 1, {2, N, 20}), K = filled<float>(2, 1, {2, N, 20}),
                        V = filled<float>(3, 1, {2, N, 12}), G = filled<float>(4, 2, {2, N}),
                        dO = filled<float>(5, 1, {2, N, 12});
    const by_hand want(Q, K, V, G, dO);
    tensor<float> O(2, N, 12), dQ(2, N, 20), dK(2, N, 20), dV(2, N, 12), dG(2, N);
    const auto expect_gradients = [&] {
      expect_close("dq", dQ, want.dq), expect_close("dk", dK, want.dk), expect_close("dv", dV, want.dv);
      expect_close("dgate", dG, want.dgate);
    };
    fuse<out, strict>(q = Q, k = K, v = V, gate = G, into(O));
    expect_close("o", O, want.o);
    fuse<backward, strict>(q = Q, k = K, v = V, gate = G, cotangent<out> = dO, into(dQ, dK, dV, dG));
    expect_gradients();
    std::fill(O.begin(), O.end(), 0.f), std::fill(dG.begin(), dG.end(), 0.f), std::fill(dQ.begin(), dQ.end(), 0.f);
    auto saved = in_two_calls.saved();
    in_two_calls.forward(saved, q = Q, k = K, v = V, gate = G, into(O));
    in_two_calls.backward(saved, q = Q, k = K, v = V, gate = G, cotangent<out> = dO, into(dQ, dK, dV, dG));
    expect_close("o, in two calls", O, want.o);
    expect_gradients();
    tensor<double> RO(2, N, 12), RQ(2, N, 20), RG(2, N);
    reference<out>(q = Q, k = K, v = V, gate = G, into(RO));
    expect_close("o of the oracle", RO, want.o, 1e-12);
    reference<gradient<out>(wrt(q, gate))>(q = Q, k = K, v = V, gate = G, cotangent<out> = dO, into(RQ, RG));
    expect_close("dq of the oracle", RQ, want.dq, 1e-12), expect_close("dgate of the oracle", RG, want.dgate, 1e-12);
  }
}
