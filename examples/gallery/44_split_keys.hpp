// Split keys, for a few queries behind a long cache: each chunk of keys is attended to by itself, in parallel, and the
// partial results are merged by their log-sum-exps.
//
// Paper: Dao et al. 2023, "Flash-Decoding for long-context inference".
// Formula: o[h, n] = sum over c of exp(lse[h, c, n] - lse[h, n]) o[h, c, n], lse[h, n] = log sum over c of
//   exp(lse[h, c, n]); o[h, c, n] and lse[h, c, n] of the keys m of chunk c alone
// Vary: chunks of a static size out of one cache, split<t, c, m>(k), and a mask over their positions, c * 256 + m <
//   length; query heads that share keys.
// Measured: h=4,n=8,c=16,m=1024
#pragma once
#include <heed/heed.hpp>

namespace gallery::split_keys {
using namespace heed;

constexpr axis<"h"> h;
constexpr axis<"n"> n;
constexpr axis<"c"> c;
constexpr axis<"m"> m;
constexpr axis<"d", 64> d;
constexpr axis<"e", 64> e;
constexpr auto q = input<"q">(h, n, d);
constexpr auto k = input<"k">(h, c, m, d);
constexpr auto v = input<"v">(h, c, m, e);

constexpr auto score = scaled_dot<d>(q, k);
constexpr auto part = dot<m>(softmax<m>(score), v);
constexpr auto out = dot<c>(softmax<c>(logsumexp<m>(score)), part);

HEED_KERNEL(split_keys, out, wrt(q, k, v))

}  // namespace gallery::split_keys
