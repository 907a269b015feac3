// A small network of the distance: what is added to a score comes out of a hidden layer over the logarithm of the
// distance, relative to how far the query could look, so that it holds for longer sequences than it was trained on.
//
// Paper: Li et al. 2024, "Functional Interpolation for Relative Positions Improves Long Context Transformers" (FIRE).
// Formula: b[h, n, m] = sum over u of outward[h, u] max(slope[h, u] p(n - m) / p(max(n, 32)) + offset[h, u], 0), p(x) =
//   log(1 + x); o[h, n] = sum over m <= n of softmax_m(q[h, n] . k[h, m] / sqrt(d) + b[h, n, m]) v[h, m]
// Vary: the number of units, up to 16; another function than the logarithm; a hidden layer that heads share, slope (u)
//   and offset (u), as in the paper.
// Measured: h=4,n=1024,m=1024
#pragma once
#include <heed/heed.hpp>

namespace gallery::distance_network {
using namespace heed;

constexpr axis<"h"> h;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 64> d;
constexpr axis<"e", 64> e;
constexpr axis<"u", 8> u;
constexpr auto q = input<"q">(h, n, d);
constexpr auto k = input<"k">(h, m, d);
constexpr auto v = input<"v">(h, m, e);
constexpr auto slope = input<"slope">(h, u);
constexpr auto offset = input<"offset">(h, u);
constexpr auto outward = input<"outward">(h, u);

constexpr auto place = log(1 + max(n - m, 0)) / log(1 + max(n, 32));
constexpr auto bias = dot<u>(outward, relu(offset + slope * place));
constexpr auto out = dot<m>(softmax<m>(mask(scaled_dot<d>(q, k) + bias, causal(n, m))), v);

HEED_KERNEL(distance_network, out, wrt(q, k, v, slope, offset, outward))

}  // namespace gallery::distance_network
