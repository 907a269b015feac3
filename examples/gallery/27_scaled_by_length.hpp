// Scores that grow with the length, so that a softmax over many keys stays as peaked as one over few.
//
// Paper: Nakanishi 2025, "Scalable-Softmax Is Superior for Attention" (SSMax).
// Formula: o[h, n] = sum over m <= n of softmax_m(strength[h] log(n + 1) q[h, n] . k[h, m] / sqrt(d)) v[h, m]
// Vary: log(size<m>) without a mask; a strength a query, over (h, n); a temperature without the logarithm.
// Measured: h=4,n=2048,m=2048
#pragma once
#include <heed/heed.hpp>

namespace gallery::scaled_by_length {
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

constexpr auto score = strength * log(n + 1) * scaled_dot<d>(q, k);
constexpr auto out = dot<m>(softmax<m>(mask(score, causal(n, m))), v);

HEED_KERNEL(scaled_by_length, out, wrt(q, k, v, strength))

}  // namespace gallery::scaled_by_length
