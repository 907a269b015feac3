// A sliding window: a query sees the last keys up to its own, so many as the call says, so that the cost grows with the
// length and not with its square; keys outside are not visited.
//
// Paper: Beltagy, Peters and Cohan 2020, "Longformer: The Long-Document Transformer".
// Formula: o[h, n] = sum over n - width < m <= n of softmax_m(q[h, n] . k[h, m] / sqrt(d)) v[h, m]
// Vary: sliding_window(n, m, 256) for a width that stays; `|| m < 4` for the first tokens (Xiao et al. 2023,
//   StreamingLLM); (n - m) % 4 == 0 for a dilated one; sliding_window(n, m, 128, 128) to both sides.
// Measured: h=4,n=2048,m=2048 width=256:257
#pragma once
#include <cstdint>
#include <heed/heed.hpp>

namespace gallery::windowed {
using namespace heed;

constexpr axis<"h"> h;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 64> d;
constexpr axis<"e", 64> e;
constexpr auto q = input<"q">(h, n, d);
constexpr auto k = input<"k">(h, m, d);
constexpr auto v = input<"v">(h, m, e);
constexpr auto width = input<"width", std::int32_t>();

constexpr auto out = attention<d, m>(q, k, v, causal(n, m) && n - m < width);

HEED_KERNEL(windowed, out, wrt(q, k, v))

}  // namespace gallery::windowed
