// Logarithms of distances: a score falls with the logarithm of the distance of its key, by two learned numbers a head.
//
// Paper: Chi et al. 2022, "KERPLE: Kernelized Relative Positional Embedding for Length Extrapolation".
// Formula: o[h, n] = sum over m <= n of softmax_m(q[h, n] . k[h, m] / sqrt(d) - a[h] log(1 + b[h] (n - m))) v[h, m]; a
//   = softplus(strength), b = softplus(width)
// Vary: a power, -a pow(n - m, b); abs(n - m) to both sides.
// Measured: h=4,n=2048,m=2048
#pragma once
#include <heed/heed.hpp>

namespace gallery::log_distances {
using namespace heed;

constexpr axis<"h"> h;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 64> d;
constexpr axis<"e", 64> e;
constexpr auto q = input<"q">(h, n, d);
constexpr auto k = input<"k">(h, m, d);
constexpr auto v = input<"v">(h, m, e);
constexpr auto strength = input<"strength">(h);
constexpr auto width = input<"width">(h);

constexpr auto fall = softplus(strength) * log(1 + softplus(width) * abs(n - m));
constexpr auto out = dot<m>(softmax<m>(mask(scaled_dot<d>(q, k) - fall, causal(n, m))), v);

HEED_KERNEL(log_distances, out, wrt(q, k, v, strength, width))

}  // namespace gallery::log_distances
