// Linear attention: with features in the place of the exponential, keys and values are contracted first, and nothing
// lies over pairs.
//
// Paper: Katharopoulos et al. 2020, "Transformers are RNNs: Fast Autoregressive Transformers with Linear Attention".
// Formula: f(x) = elu(x) + 1; o[h, n] = f(q[h, n])^T sum over m of f(k[h, m]) v[h, m]^T / f(q[h, n]) . sum over m of
//   f(k[h, m])
// Vary: the features: relu, exp of random projections (Choromanski et al. 2020, Performer).
// Measured: h=4,n=2048,m=2048
#pragma once
#include <heed/heed.hpp>

namespace gallery::linear_attention {
using namespace heed;

constexpr axis<"h"> h;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 64> d;
constexpr axis<"e", 64> e;
constexpr auto q = input<"q">(h, n, d);
constexpr auto k = input<"k">(h, m, d);
constexpr auto v = input<"v">(h, m, e);

constexpr auto query = where(q > 0, q + 1, exp(min(q, 0)));
constexpr auto key = where(k > 0, k + 1, exp(min(k, 0)));
constexpr auto out = dot<d>(query, dot<m>(key, v)) / dot<d>(query, sum<m>(key));

HEED_KERNEL(linear_attention, out, wrt(q, k, v))

}  // namespace gallery::linear_attention
