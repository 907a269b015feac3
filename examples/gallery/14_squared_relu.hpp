// Squared rectified scores in the place of a softmax: weights that are often 0, and no exponential.
//
// Paper: Wortsman et al. 2023, "Replacing softmax with ReLU in Vision Transformers"; squared Hua et al. 2022,
//   "Transformer Quality in Linear Time".
// Formula: o[h, n] = sum over m of max(q[h, n] . k[h, m] / sqrt(d), 0)^2 v[h, m] / size of m
// Vary: the power, relu(score) alone or pow(relu(score), 1.5); size<m> to a power; causal(n, m).
// Measured: h=4,n=2048,m=2048
#pragma once
#include <heed/heed.hpp>

namespace gallery::squared_relu {
using namespace heed;

constexpr axis<"h"> h;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 64> d;
constexpr axis<"e", 64> e;
constexpr auto q = input<"q">(h, n, d);
constexpr auto k = input<"k">(h, m, d);
constexpr auto v = input<"v">(h, m, e);

constexpr auto weight = relu(scaled_dot<d>(q, k));
constexpr auto out = dot<m>(weight * weight, v) / size<m>;

HEED_KERNEL(squared_relu, out, wrt(q, k, v))

}  // namespace gallery::squared_relu
