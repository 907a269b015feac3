// Weights of their own: each is a sigmoid of its score and knows nothing of the others. No statistic of a row is kept.
//
// Paper: Ramapuram et al. 2024, "Theory, Analysis, and Best Practices for Sigmoid Self-Attention".
// Formula: o[h, n] = sum over m <= n of sigmoid(q[h, n] . k[h, m] / sqrt(d) - log(size of m)) v[h, m]
// Vary: a learned bias a head in the place of the logarithm; any pointwise weight, (1 + erf((s - 0.7) / 0.4)) / 2 for
//   the Laplace weights of Mega (Ma et al. 2022).
// Measured: h=4,n=2048,m=2048
#pragma once
#include <heed/heed.hpp>

namespace gallery::sigmoid_weights {
using namespace heed;

constexpr axis<"h"> h;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 64> d;
constexpr axis<"e", 64> e;
constexpr auto q = input<"q">(h, n, d);
constexpr auto k = input<"k">(h, m, d);
constexpr auto v = input<"v">(h, m, e);

constexpr auto score = mask(scaled_dot<d>(q, k), causal(n, m));
constexpr auto out = dot<m>(sigmoid(score - log(size<m>)), v);

HEED_KERNEL(sigmoid_weights, out, wrt(q, k, v))

}  // namespace gallery::sigmoid_weights
