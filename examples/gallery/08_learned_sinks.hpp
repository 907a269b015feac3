// Sinks: each head has one more logit, learned, that draws weight and gives nothing, so that a head can be silent.
//
// Paper: Xiao et al. 2023, "Efficient Streaming Language Models with Attention Sinks"; as a learned number a head
//   OpenAI 2025, "gpt-oss-120b & gpt-oss-20b Model Card".
// Formula: o[h, n] = sum over m <= n of exp(s) v[h, m] / (exp(sink[h]) + sum over m <= n of exp(s)); s = q[h, n] . k[h,
//   m] / sqrt(d)
// Vary: a sink a query, over (h, n); a window in every other layer; a sink of 0 is softmax1 (09).
// Measured: h=4,n=2048,m=2048
#pragma once
#include <heed/heed.hpp>

namespace gallery::learned_sinks {
using namespace heed;

constexpr axis<"h"> h;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 64> d;
constexpr axis<"e", 64> e;
constexpr auto q = input<"q">(h, n, d);
constexpr auto k = input<"k">(h, m, d);
constexpr auto v = input<"v">(h, m, e);
constexpr auto sink = input<"sink">(h);

constexpr auto score = mask(scaled_dot<d>(q, k), causal(n, m));
constexpr auto out = sink_attention<m>(score, v, sink);

HEED_KERNEL(learned_sinks, out, wrt(q, k, v, sink))

}  // namespace gallery::learned_sinks
