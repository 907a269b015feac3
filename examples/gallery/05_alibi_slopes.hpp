// Linear biases: a score falls with the distance of its key, in each head by a slope of its own.
//
// Paper: Press, Smith and Lewis 2022, "Train Short, Test Long: Attention with Linear Biases" (ALiBi).
// Formula: o[h, n] = sum over m <= n of softmax_m(q[h, n] . k[h, m] / sqrt(d) + slope[h] (m - n)) v[h, m]
// Vary: slopes that are learned, as here, or fixed; -slope * abs(n - m) to both sides; a slope a query, over (h, n).
// Measured: h=4,n=2048,m=2048 slope=0:0.5
#pragma once
#include <heed/heed.hpp>

namespace gallery::alibi_slopes {
using namespace heed;

constexpr axis<"h"> h;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 64> d;
constexpr axis<"e", 64> e;
constexpr auto q = input<"q">(h, n, d);
constexpr auto k = input<"k">(h, m, d);
constexpr auto v = input<"v">(h, m, e);
constexpr auto slope = input<"slope">(h);

constexpr auto score = scaled_dot<d>(q, k) + alibi(slope, n, m);
constexpr auto out = dot<m>(softmax<m>(mask(score, causal(n, m))), v);

HEED_KERNEL(alibi_slopes, out, wrt(q, k, v, slope))

}  // namespace gallery::alibi_slopes
