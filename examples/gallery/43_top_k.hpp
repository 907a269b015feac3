// Each query sees the 16 keys with the largest scores, and no others.
//
// Paper: Gupta, Dar, Goodman, Ciprut and Berant 2021, "Memory-efficient Transformers via Top-k Attention".
// Formula: o[h, n] = softmax over the 16 largest s[h, n, m], m <= n, times v[h, m]; s = q . k / sqrt(d)
// Vary: s >= kth_largest<m>(s, 16) is a condition like any other: || n - m < 4 keeps the last four as well.
// Measured: h=4,n=2048,m=2048
#pragma once
#include <heed/heed.hpp>

namespace gallery::top_k {
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
constexpr auto out = dot<m>(top_k_softmax<m>(score, 16), v);

HEED_KERNEL(top_k, out, wrt(q, k, v))

}  // namespace gallery::top_k
