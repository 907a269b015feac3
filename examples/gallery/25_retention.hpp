// Retention in its parallel form: weights are scores that fade with distance, by a rate of each head, over the sum of
// their magnitudes; no exponential of a score.
//
// Paper: Sun et al. 2023, "Retentive Network: A Successor to Transformer for Large Language Models" (RetNet).
// Formula: w[h, n, m] = q[h, n] . k[h, m] / sqrt(d) gamma[h]^(n - m) for m <= n; gamma = exp(-softplus(rate)); o[h, n]
//   = sum over m of w v[h, m] / max(|sum over m of w|, 1)
// Vary: constant rates; a norm behind it, as in the paper.
// Measured: h=4,n=2048,m=2048 rate=-6:-3
#pragma once
#include <heed/heed.hpp>

namespace gallery::retention {
using namespace heed;

constexpr axis<"h"> h;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 64> d;
constexpr axis<"e", 64> e;
constexpr auto q = input<"q">(h, n, d);
constexpr auto k = input<"k">(h, m, d);
constexpr auto v = input<"v">(h, m, e);
constexpr auto rate = input<"rate">(h);

constexpr auto faded = scaled_dot<d>(q, k) * exp(softplus(rate) * (m - n));
constexpr auto weights = mask(faded, causal(n, m));
constexpr auto out = dot<m>(weights, v) / max(abs(sum<m>(weights)), 1);

HEED_KERNEL(retention, out, wrt(q, k, v))

}  // namespace gallery::retention
