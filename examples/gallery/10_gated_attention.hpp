// Gated attention: what each head has read passes a gate that the token itself opens.
//
// Paper: Qiu et al. 2025, "Gated Attention for Large Language Models: Non-linearity, Sparsity, and
//   Attention-Sink-Free".
// Formula: o[h, n] = sigmoid(W[h] x[n]) * sum over m <= n of softmax_m(q[h, n] . k[h, m] / sqrt(d)) v[h, m]
// Vary: a gate a head, W (h, c); silu in the place of sigmoid; a gate behind the projection of all heads.
// Measured: h=4,n=2048,m=2048
#pragma once
#include <heed/heed.hpp>

namespace gallery::gated_attention {
using namespace heed;

constexpr axis<"h"> h;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 64> d;
constexpr axis<"e", 64> e;
constexpr axis<"c", 256> c;
constexpr auto q = input<"q">(h, n, d);
constexpr auto k = input<"k">(h, m, d);
constexpr auto v = input<"v">(h, m, e);
constexpr auto x = input<"x">(n, c);
constexpr auto weight = input<"weight">(h, e, c);

constexpr auto out = attention<d, m>(q, k, v, causal(n, m)) * sigmoid(project<c>(x, weight));

HEED_KERNEL(gated_attention, out, wrt(q, k, v, x, weight))

}  // namespace gallery::gated_attention
