// Block diffusion: the first half of a sequence is noised, the second clean. A noised block sees itself and the clean
// blocks before it, a clean one the clean blocks up to itself.
//
// Paper: Arriola et al. 2025, "Block Diffusion: Interpolating Between Autoregressive and Diffusion Language Models".
// Formula: o[h, n] = sum over keys m that n sees of softmax_m(q[h, n] . k[h, m] / sqrt(d)) v[h, m]
// Vary: the length of a block; documents; a window of clean blocks.
// Measured: h=4,n=2048,m=2048
#pragma once
#include <heed/heed.hpp>

namespace gallery::block_diffusion {
using namespace heed;

constexpr axis<"h"> h;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 64> d;
constexpr axis<"e", 64> e;
constexpr auto q = input<"q">(h, n, d);
constexpr auto k = input<"k">(h, m, d);
constexpr auto v = input<"v">(h, m, e);

constexpr auto half = floor_divide(size<n>, 2);
constexpr auto own = floor_divide(n % half, 16);
constexpr auto other = floor_divide(m % half, 16);
constexpr auto keep =
    (m < half && n < half && own == other) || (m >= half && (other < own || (n >= half && other == own)));
constexpr auto out = attention<d, m>(q, k, v, keep);

HEED_KERNEL(block_diffusion, out, wrt(q, k, v))

}  // namespace gallery::block_diffusion
