// Talking heads: scores are mixed over the heads before the softmax, weights behind it. Forward and backward are those
// of attention whose queries and keys are as wide as all heads together, and whose values are, too.
//
// Paper: Shazeer et al. 2020, "Talking-Heads Attention".
// Formula: p[g, n, m] = softmax_m(sum over h of before[h, g] q[h, n] . k[h, m] / sqrt(d)); o[j, n] = sum over m of (sum
//   over g of behind[g, j] p[g, n, m]) v[j, m]
// Vary: a mixture on one side of the softmax alone; mixtures that depend on the query, before (n, h, g).
// Measured: n=1024,m=1024
#pragma once
#include <heed/heed.hpp>

namespace gallery::talking_heads {
using namespace heed;

constexpr axis<"h", 2> h;
constexpr axis<"g", 2> g;
constexpr axis<"j", 2> j;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 64> d;
constexpr axis<"e", 64> e;
constexpr auto q = input<"q">(h, n, d);
constexpr auto k = input<"k">(h, m, d);
constexpr auto v = input<"v">(j, m, e);
constexpr auto before = input<"before">(h, g);
constexpr auto behind = input<"behind">(g, j);

constexpr auto weights = softmax<m>(dot<h>(before, scaled_dot<d>(q, k)));
constexpr auto out = dot<m>(dot<g>(behind, weights), v);

HEED_KERNEL(talking_heads, out, wrt(q, k, v, before, behind))

}  // namespace gallery::talking_heads
