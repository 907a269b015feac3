// Buckets of distances: what is added to a score is read in a learned table, exactly for near keys, by the logarithm of
// the distance for far ones. Its gradient is a sum over all pairs of each bucket, out of the same loops.
//
// Paper: Raffel et al. 2020, "Exploring the Limits of Transfer Learning with a Unified Text-to-Text Transformer" (T5).
// Formula: o[h, n] = sum over m <= n of softmax_m(q[h, n] . k[h, m] + table[h, bucket(n - m)]) v[h, m]; bucket(x) = x
//   below 16, else min(16 + floor(16 log(x / 16) / log(8)), 31)
// Vary: bucket = n - m for a table of all distances; half of the buckets for keys behind the query, as in T5's encoder.
// Measured: h=4,n=2048,m=2048
#pragma once
#include <cstdint>
#include <heed/heed.hpp>
#include <numbers>

namespace gallery::t5_buckets {
using namespace heed;

constexpr axis<"h"> h;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 64> d;
constexpr axis<"e", 64> e;
constexpr axis<"buckets", 32> buckets;
constexpr auto q = input<"q">(h, n, d);
constexpr auto k = input<"k">(h, m, d);
constexpr auto v = input<"v">(h, m, e);
constexpr auto table = input<"table">(h, buckets);

constexpr auto far = 16 + cast<std::int32_t>(log(max(n - m, 1) / 16) / std::numbers::ln2 * 16 / 3);
constexpr auto bucket = min(where(n - m < 16, max(n - m, 0), far), 31);
constexpr auto out = dot<m>(softmax<m>(mask(dot<d>(q, k) + table.at(bucket), causal(n, m))), v);

HEED_KERNEL(t5_buckets, out, wrt(q, k, v, table))

}  // namespace gallery::t5_buckets
