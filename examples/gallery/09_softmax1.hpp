// Softmax with one more in its denominator: weights may be small all together.
//
// Paper: Miller 2023, "Attention Is Off By One".
// Formula: o[h, n] = sum over m <= n of exp(s) v[h, m] / (1 + sum over m <= n of exp(s)); s = q[h, n] . k[h, m] /
//   sqrt(d)
// Vary: another number than 1: a sink of its logarithm; a learned one (08).
// Measured: h=4,n=2048,m=2048
#pragma once
#include <heed/heed.hpp>

namespace gallery::softmax1 {
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
constexpr auto out = sink_attention<m>(score, v, 0);

HEED_KERNEL(softmax1, out, wrt(q, k, v))

}  // namespace gallery::softmax1
