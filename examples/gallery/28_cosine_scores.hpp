// Cosines as scores, over a learned temperature: the lengths of queries and keys no longer count.
//
// Paper: Henry et al. 2020, "Query-Key Normalization for Transformers".
// Formula: o[h, n] = sum over m of softmax_m(strength[h] cos(q[h, n], k[h, m])) v[h, m]
// Vary: exp(strength); causal(n, m); a bias beside it, as in the second Swin.
// Measured: h=4,n=2048,m=2048
#pragma once
#include <heed/heed.hpp>

namespace gallery::cosine_scores {
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

constexpr auto score = strength * cosine_similarity<d>(q, k);
constexpr auto out = dot<m>(softmax<m>(score), v);

HEED_KERNEL(cosine_scores, out, wrt(q, k, v, strength))

}  // namespace gallery::cosine_scores
