// The difference of two attentions: noise that both see cancels. Both read the same values; what is left is normed head
// by head.
//
// Paper: Ye et al. 2024, "Differential Transformer".
// Formula: o[h, n] = norm(sum over m <= n of (softmax_m(q1 . k1 / sqrt(d)) - lambda[h] softmax_m(q2 . k2 / sqrt(d)))
//   v[h, m]) * weight * (1 - 0.8)
// Vary: lambda from learned vectors, exp(dot(a, b)) - exp(dot(c, d)) + 0.8; the norm; three maps in the place of two.
// Measured: h=4,n=2048,m=2048
#pragma once
#include <heed/heed.hpp>

namespace gallery::differential {
using namespace heed;

constexpr axis<"h"> h;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 64> d;
constexpr axis<"e", 64> e;
constexpr auto q1 = input<"q1">(h, n, d);
constexpr auto q2 = input<"q2">(h, n, d);
constexpr auto k1 = input<"k1">(h, m, d);
constexpr auto k2 = input<"k2">(h, m, d);
constexpr auto v = input<"v">(h, m, e);
constexpr auto lambda = input<"lambda">(h);
constexpr auto weight = input<"weight">(e);

constexpr auto first = attention<d, m>(q1, k1, v, causal(n, m));
constexpr auto second = attention<d, m>(q2, k2, v, causal(n, m));
constexpr auto out = rms_norm<e>(first - lambda * second, weight) * 0.2;

HEED_KERNEL(differential, out, wrt(q1, q2, k1, k2, v, lambda, weight))

}  // namespace gallery::differential
