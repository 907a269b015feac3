// A prefix that everybody sees: its positions attend to each other both ways, what follows is causal.
//
// Paper: Raffel et al. 2020, "Exploring the Limits of Transfer Learning with a Unified Text-to-Text Transformer".
// Formula: o[h, n] = sum over m <= n or m < prefix of softmax_m(q[h, n] . k[h, m] / sqrt(d)) v[h, m]
// Vary: a prefix for each sequence of a batch, over (b); images in a text, each of which sees all of itself: causal(n,
//   m) || (image.at(n) >= 0 && image.at(n) == image.at(m)).
// Measured: h=4,n=2048,m=2048 prefix=512:513
#pragma once
#include <cstdint>
#include <heed/heed.hpp>

namespace gallery::prefix_lm {
using namespace heed;

constexpr axis<"h"> h;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 64> d;
constexpr axis<"e", 64> e;
constexpr auto q = input<"q">(h, n, d);
constexpr auto k = input<"k">(h, m, d);
constexpr auto v = input<"v">(h, m, e);
constexpr auto prefix = input<"prefix", std::int32_t>();

constexpr auto out = attention<d, m>(q, k, v, causal(n, m) || m < prefix);

HEED_KERNEL(prefix_lm, out, wrt(q, k, v))

}  // namespace gallery::prefix_lm
