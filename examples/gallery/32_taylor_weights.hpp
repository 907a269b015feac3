// The exponential by its first terms: weights that a linear recurrence could compute as well, here over pairs.
//
// Paper: Arora et al. 2024, "Simple linear attention language models balance the recall-throughput tradeoff" (Based).
// Formula: w = 1 + s + s^2 / 2, s = q[h, n] . k[h, m] / sqrt(d); o[h, n] = sum over m <= n of w v[h, m] / sum over m <=
//   n of w
// Vary: s * s alone with learned scales (Aksenov et al. 2024, ReBased).
// Measured: h=4,n=2048,m=2048
#pragma once
#include <heed/heed.hpp>

namespace gallery::taylor_weights {
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
constexpr auto weight = 1 + score + score * score / 2;
constexpr auto out = dot<m>(weight, v) / sum<m>(weight);

HEED_KERNEL(taylor_weights, out, wrt(q, k, v))

}  // namespace gallery::taylor_weights
