// The attention of train_gpt.py: causal, with a penalty on distance (ALiBi, Press, Smith and Lewis 2022) and a sink
// (Xiao et al. 2023) for every head, both learned. A C++ program includes this file as it is.
#pragma once
#include <heed/heed.hpp>

#ifndef REAL
#define REAL float
#endif

namespace variant {
using namespace heed;

constexpr axis<"b"> b;  // texts of a batch
constexpr axis<"h"> h;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d"> d;
constexpr axis<"e"> e;
constexpr auto q = input<"q", REAL>(b, h, n, d);
constexpr auto k = input<"k", REAL>(b, h, m, d);
constexpr auto v = input<"v", REAL>(b, h, m, e);
constexpr auto slope = input<"slope", REAL>(h);
constexpr auto sink = input<"sink", REAL>(h);

constexpr auto keep = causal(n, m);
constexpr auto score = mask(scaled_dot<d>(q, k) + alibi(slope, n, m), keep);
constexpr auto out = sink_attention<m>(score, v, sink);

}  // namespace variant
